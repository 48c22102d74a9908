//! Histories of a group that follows Raft, with everything that may happen to its nodes: whatever the files look like in the
//! middle of it, `check` and `compare` find nothing wrong. Then the files are changed, and they find exactly that.

mod disk;
mod model;
mod mutate;
mod node;
mod sim;

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ekv_tool::Run;
use ekv_tool::analysis::{Finding, Severity};
use ekv_tool::ops::{CheckOptions, CompareOptions, check, compare};

use disk::{Disk, Watch};
use sim::{Group, Removed};

use crate::support::taken::{Difference, both_ways};

/// Histories of an ordinary run; EKV_RAFT_HISTORIES asks for more, EKV_RAFT_FIRST for other ones.
const HISTORIES: u64 = 12;
const EVENTS: usize = 90;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

fn errors_and_warnings(findings: Vec<Finding>) -> Vec<Finding> {
    findings.into_iter().filter(|finding| finding.severity != Severity::Info).collect()
}

pub fn check_one(dir: &Path) -> Vec<Finding> {
    let options = CheckOptions::default();
    errors_and_warnings(check(&[dir.to_owned()], &options, &Run::local()).unwrap().findings)
}

pub fn compare_all(dirs: &[PathBuf]) -> Vec<Finding> {
    errors_and_warnings(compare(dirs, &CompareOptions { ..CompareOptions::default() }, &Run::local()).unwrap().findings)
}

/// What was looked at and what was wrong.
#[derive(Default)]
struct Seen {
    checks: Cell<u64>,
    comparisons: Cell<u64>,
    writes: Cell<u64>,
    wrong: RefCell<Vec<String>>,
}

/// Looks at the node after each of its writes, and now and then at all nodes at that instant.
fn watching(root: &Path, seed: u64, seen: &Rc<Seen>, removed: &Removed) -> Watch {
    let (root, seen, removed) = (root.to_owned(), seen.clone(), removed.clone());
    Rc::new(move |disk: &Disk| {
        seen.writes.set(seen.writes.get() + 1);
        let write = seen.writes.get();
        let complain = |findings: Vec<Finding>| {
            let mut wrong = seen.wrong.borrow_mut();
            for finding in findings {
                let is_about = |name: &str| finding.path.as_ref().is_some_and(|path| path.contains(&format!("/{name}")));
                let removed = finding.code.code == "conf-local-not-member" && removed.borrow().iter().any(|name| is_about(name));
                let restored = disk.restored_ahead && is_about(&disk.name);
                let ahead = ["applied-beyond-log", "conf-peers-file-mismatch"].contains(&finding.code.code)
                    && finding.severity == Severity::Warning;
                // Without its flags a server refuses what was never bootstrapped; nothing is lost there, and it is said so.
                let blank = finding.code.code == "start-refused" && finding.severity == Severity::Warning;
                if removed || blank || restored && ahead {
                    continue;
                }
                let Finding { code, severity, path, message, .. } = finding;
                let what = format!("seed {seed} {}: {severity} {} {path:?}: {message}", disk.name, code.code);
                if !wrong.iter().any(|known| known.starts_with(&what)) {
                    wrong.push(what + &format!(" (write {write})"));
                }
            }
        };
        seen.checks.set(seen.checks.get() + 1);
        complain(check_one(&disk.dir));
        if write.is_multiple_of(8) {
            let dirs: Vec<PathBuf> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
            if dirs.len() > 1 {
                seen.comparisons.set(seen.comparisons.get() + 1);
                complain(compare_all(&dirs));
                if write.is_multiple_of(64) {
                    for found in both_ways(&dirs, &CompareOptions::default()) {
                        // What no key of a row tells is not known of facts.
                        assert!(matches!(found, Difference::None | Difference::Rows), "seed {seed}: {found:?}");
                    }
                }
            }
        }
    })
}

#[test]
fn nothing_is_wrong_with_any_history_at_any_write() {
    let seen = Rc::new(Seen::default());
    let first = number("EKV_RAFT_FIRST").unwrap_or(0);
    let count = number("EKV_RAFT_HISTORIES").unwrap_or(HISTORIES);
    for seed in first..first + count {
        let root = tempfile::tempdir().unwrap();
        seen.writes.set(0);
        let removed = Removed::default();
        let watch = watching(root.path(), seed, &seen, &removed);
        Group::new(root.path(), seed, &watch, &removed).live(EVENTS);
        if seen.wrong.borrow().len() > 40 {
            break;
        }
    }
    let wrong = seen.wrong.borrow();
    eprintln!("{count} histories, {} checks, {} comparisons", seen.checks.get(), seen.comparisons.get());
    assert!(wrong.is_empty(), "{}", wrong[..wrong.len().min(40)].join("\n"));
}

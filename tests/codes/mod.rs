//! Every code that the program can emit is emitted here, at the place where the damage is: by a recorded directory or by
//! one that is built for it.

mod built_directories;
mod built_dumps;
mod built_envelopes;
mod built_logs;
mod built_nodes;
mod built_offload;
mod built_payloads;
mod built_small_files;
mod built_starts;
mod built_stores;
pub mod etcd;
mod hashicorp;
mod recorded;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use ekv_tool::analysis::judge::codes;
use serde_json::Value;

use crate::support::log_writer::LogWriter;
use crate::support::node_dir::{NodeDir, ids};
use crate::support::recorded as directories;

/// How one code is provoked, and where it must point.
pub struct Provocation {
    code: &'static str,
    severity: &'static str,
    /// Command and options; the target follows.
    command: &'static str,
    files: Files,
    /// File or directory that is examined, below the files' root.
    target: &'static str,
    /// Path of the finding, below the files' root; empty for a finding that names no file.
    path: &'static str,
    offset: Option<u64>,
}

/// What `check` finds in the node `n1` of a directory that `build` makes.
const fn built(
    code: &'static str,
    severity: &'static str,
    path: &'static str,
    offset: Option<u64>,
    build: fn(&Path),
) -> Provocation {
    Provocation { code, severity, command: "check", files: Files::Built(build), target: "n1", path, offset }
}

/// Where the files come from.
enum Files {
    /// A recorded directory of one prepared or damaged node.
    Case(&'static str),
    /// A recorded directory that servers left.
    Real(&'static str),
    /// A recorded directory of hashicorp/raft.
    Hashi(&'static str),
    /// One file of that name.
    Bytes(&'static str, fn() -> Vec<u8>),
    /// A node whose log goes on from a bootstrap of three members.
    Log(fn(&mut LogWriter)),
    /// Written into an empty directory.
    Built(fn(&Path)),
    /// Written into an empty directory; the file stays locked while the command runs.
    Locked(fn(&Path) -> File),
}

const MEMBERS: [&str; 3] = ["n1", "n2", "n3"];

/// A node below `root`, with a snapshot at 1 as a bootstrap leaves it.
fn node(root: &Path, raft_id: &str, write: impl FnOnce(&mut LogWriter)) -> NodeDir {
    let mut log = LogWriter::new();
    log.snapshot(1, 1, &ids(&MEMBERS)).state(1, 0, 1);
    write(&mut log);
    NodeDir::below(root, raft_id, &log).snap(1, 1, &ids(&MEMBERS)).peers(1, &MEMBERS)
}

fn all() -> impl Iterator<Item = &'static Provocation> {
    [
        etcd::ALL,
        hashicorp::ALL,
        recorded::ALL,
        built_directories::ALL,
        built_dumps::ALL,
        built_envelopes::ALL,
        built_logs::ALL,
        built_nodes::ALL,
        built_offload::ALL,
        built_payloads::ALL,
        built_small_files::ALL,
        built_starts::ALL,
        built_stores::ALL,
    ]
    .into_iter()
    .flatten()
}

/// Nodes of a group that are wrong together, `a` and `b` below a directory: the code, and what makes them.
pub fn built_nodes() -> impl Iterator<Item = (&'static str, fn(&Path))> {
    built_nodes::ALL.iter().filter_map(|one| match one.files {
        Files::Built(build) => Some((one.code, build)),
        _ => None,
    })
}

/// Runs the command in `root` and compares. `Err`: what it said instead.
fn provoke(at: &Provocation, root: &Path) -> Result<(), String> {
    let output = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"))
        .current_dir(root)
        .args(at.command.split(' '))
        .args(["--format", "json"])
        .args(at.target.split(' '))
        .output()
        .unwrap();
    let Ok(report) = serde_json::from_slice::<Value>(&output.stdout) else {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    };
    let findings = report["findings"].as_array().cloned().unwrap_or_default();
    let path = if at.path.is_empty() { Value::Null } else { at.path.into() };
    let wanted = |finding: &&Value| {
        finding["code"] == at.code
            && finding["severity"] == at.severity
            && finding["path"] == path
            && finding["offset"].as_u64() == at.offset
    };
    if findings.iter().any(|finding| wanted(&finding)) {
        return Ok(());
    }
    let mut said = String::new();
    for finding in &findings {
        let place = format!("{} at {}", finding["path"], finding["offset"]);
        let _ = write!(said, "\n    {} {} {place}: {}", finding["severity"], finding["code"], finding["message"]);
    }
    Err(said)
}

#[test]
fn every_code_is_emitted_where_the_damage_is() {
    let mut wrong = String::new();
    let mut emitted = BTreeSet::new();
    for at in all() {
        let built = tempfile::tempdir().unwrap();
        let (mut root, mut lock) = (built.path().to_owned(), None);
        match at.files {
            Files::Case(name) => root = directories::cases().root.join(name),
            Files::Real(name) => root = directories::real().root.join(name),
            Files::Hashi(name) => root = directories::hashi().root.join(name),
            Files::Bytes(name, bytes) => fs::write(root.join(name), bytes()).unwrap(),
            Files::Log(write) => drop(node(&root, "n1", write)),
            Files::Built(build) => build(&root),
            Files::Locked(build) => lock = Some(build(&root)),
        }
        let result = provoke(at, &root);
        drop(lock);
        match result {
            Ok(()) => drop(emitted.insert(at.code)),
            Err(said) => {
                let _ = writeln!(wrong, "{} {} at {} {:?}, but: {said}", at.severity, at.code, at.path, at.offset);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    emitted.insert(built_stores::changing_table());
    emitted.insert(built_offload::metadata());
    let known: BTreeSet<_> = codes::all().iter().filter(|info| info.never.is_none()).map(|info| info.code).collect();
    let missing: Vec<_> = known.difference(&emitted).collect();
    assert!(missing.is_empty(), "nothing provokes {missing:?}");
    let beyond: Vec<_> = emitted.difference(&known).collect();
    assert!(beyond.is_empty(), "said to be never emitted, or not listed: {beyond:?}");
}

#[test]
fn a_code_that_is_never_emitted_says_why_and_has_no_check_that_could() {
    let never: Vec<_> = codes::all().into_iter().filter(|info| info.never.is_some()).collect();
    for info in &never {
        let check =
            ekv_tool::analysis::judge::group::find(info.code).expect("a check that is listed so that its absence is explained");
        assert_eq!(check.needs, ekv_tool::analysis::judge::group::Needs::OtherEngine, "{}", info.code);
    }
    let names: Vec<_> = never.iter().map(|info| info.code).collect();
    assert!(names.is_empty(), "every code that is explained is emitted: {names:?}");
}

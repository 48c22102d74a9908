//! Directories of hashicorp/raft that are not as a healthy program leaves them: files that are gone, empty, links to nothing, or of
//! somebody else. None of them is fine, and none of them is taken for something that it is not.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use ekv_tool::Run;
use ekv_tool::analysis::hraft::StartOutcome;
use ekv_tool::analysis::{Finding, Verdict};
use ekv_tool::ops::hraft::{
    Backend, hashicorp_check, hashicorp_compare, hashicorp_gate_dryrun, hashicorp_verify_archives, hashicorp_wal_ls,
    hashicorp_wal_verify, node_of_snapshot,
};
use ekv_tool::readers::Local;

use crate::support::archive_writer::ArchiveWriter;
use crate::support::raftwal_writer::{self, Segment, list, meta_db};
use crate::support::recorded::hashi;
use crate::support::tree::copy_tree;

struct Made {
    _root: tempfile::TempDir,
    node: PathBuf,
}

/// A copy of a recorded node, changed.
fn copy(case: &str, change: impl FnOnce(&Path)) -> Made {
    let root = tempfile::tempdir().unwrap();
    let node = root.path().join("n1");
    copy_tree(&hashi().root.join(case), &node);
    change(&node);
    Made { _root: root, node }
}

/// A node with a log of raft-wal, changed.
fn wal(change: impl FnOnce(&Path)) -> Made {
    let root = tempfile::tempdir().unwrap();
    let node = root.path().join("n1");
    raftwal_writer::write(&node, &raftwal_writer::segments());
    change(&node);
    Made { _root: root, node }
}

/// Verdict, codes of the errors, and the outcome of the start, as the commands come to them.
fn judged(made: &Made) -> (Verdict, Vec<&'static str>, StartOutcome) {
    let Backend::Hashicorp(nodes) = Backend::of(std::slice::from_ref(&made.node), &Local).unwrap() else {
        panic!("not taken for one of hashicorp/raft")
    };
    let check = hashicorp_check(&nodes, None, None, &Run::local()).unwrap();
    let gate = hashicorp_gate_dryrun(&nodes, None, &Run::local()).unwrap();
    let errors = |all: &[Finding]| {
        let mut codes: Vec<_> =
            all.iter().filter(|it| it.severity == ekv_tool::analysis::Severity::Error).map(|it| it.code.code).collect();
        codes.dedup();
        codes
    };
    assert_eq!(check.verdict, gate.verdict, "{:?}", check.findings);
    (check.verdict, errors(&check.findings), gate.body.groups[0].start.outcome)
}

const SPLIT: &str = "d-st-logs-lost-split/n1";

#[test]
fn a_store_that_is_gone_empty_or_a_link_to_nothing_is_an_error() {
    let link = |node: &Path| {
        fs::remove_file(node.join("raft.db")).unwrap();
        symlink("../nowhere", node.join("raft.db")).unwrap();
    };
    let (verdict, codes, _) = judged(&copy("h04-three-snaps/n1", link));
    assert_eq!((verdict, codes[0]), (Verdict::Damaged, "bolt-unusable"));
    // Without any snapshot beside it too.
    let (verdict, codes, _) = judged(&copy("h01-single/n1", link));
    assert_eq!((verdict, codes), (Verdict::Damaged, vec!["bolt-unusable"]));
    let empty = |node: &Path| fs::write(node.join("logs.dat"), b"").unwrap();
    for made in [copy(SPLIT, |_| {}), copy(SPLIT, empty)] {
        let (verdict, codes, _) = judged(&made);
        assert_eq!((verdict, codes), (Verdict::Damaged, vec!["bolt-unusable"]));
        let only = std::slice::from_ref(&made.node);
        assert_eq!(hashicorp_wal_verify(only, &Run::local()).unwrap().verdict, Verdict::Damaged, "every command says so");
        assert_eq!(hashicorp_wal_ls(only, &Run::local()).unwrap().verdict, Verdict::Damaged);
    }
}

#[test]
fn segments_without_their_list_are_no_new_node() {
    let gone = |node: &Path| fs::remove_file(node.join("wal/wal-meta.db")).unwrap();
    let (verdict, codes, outcome) = judged(&wal(gone));
    assert_eq!((verdict, outcome), (Verdict::Damaged, StartOutcome::Abort));
    assert!(codes.contains(&"raftwal-meta-invalid"), "{codes:?}");
    let (verdict, codes, outcome) = judged(&wal(|node| fs::write(node.join("wal/wal-meta.db"), b"").unwrap()));
    assert_eq!((verdict, outcome), (Verdict::Damaged, StartOutcome::Abort));
    assert!(codes.contains(&"raftwal-meta-invalid"), "{codes:?}");
}

#[test]
fn an_empty_log_behind_an_installed_snapshot_starts() {
    let made = wal(|node| {
        for entry in fs::read_dir(node.join("wal")).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        let empty = Segment::new(21, 4);
        fs::write(node.join("wal/wal-meta.db"), meta_db(&list(5, std::slice::from_ref(&empty)), 3)).unwrap();
        fs::write(node.join("wal").join(empty.name()), empty.file()).unwrap();
        crate::support::raft_db::snapshot(node, 2, 20, 1);
    });
    let (verdict, codes, outcome) = judged(&made);
    assert_eq!((verdict, outcome), (Verdict::Clean, StartOutcome::Start), "{codes:?}");
}

#[test]
fn what_is_not_read_beside_a_store_is_said() {
    // Consul reads raft.db alone, as long as it is there.
    let both = wal(|node| {
        fs::copy(hashi().root.join("h01-single/n1/raft.db"), node.join("raft.db")).unwrap();
    });
    let (verdict, codes, outcome) = judged(&both);
    assert_eq!((verdict, outcome, codes.len()), (Verdict::Unknown, StartOutcome::Start, 0));
    // Vault keeps its snapshots elsewhere, so that a compacted log is no damage.
    let vault = copy("h04-three-snaps/n1", |node| {
        fs::remove_dir_all(node.join("snapshots")).unwrap();
        fs::create_dir(node.join("snapshots")).unwrap();
        fs::write(node.join("vault.db"), b"x").unwrap();
    });
    let (verdict, codes, outcome) = judged(&vault);
    assert_eq!((verdict, outcome), (Verdict::Unknown, StartOutcome::Unknown), "{codes:?}");
    assert_eq!(codes, Vec::<&str>::new());
    // A directory of Pebble that holds nothing says that its server never ran.
    let empty = copy("d-st-stable-lost-split/n1", |node| fs::create_dir(node.join("raft.db")).unwrap());
    assert!(empty.node.join("logs.dat").exists());
    let Backend::Hashicorp(nodes) = Backend::of(std::slice::from_ref(&empty.node), &Local).unwrap() else { panic!("hashicorp") };
    let check = hashicorp_check(&nodes, None, None, &Run::local()).unwrap();
    assert_eq!((check.verdict, check.findings[0].code.code), (Verdict::Damaged, "migration-aborted"), "{:?}", check.findings);
}

#[test]
fn two_kinds_in_one_directory_are_not_read_by_halves() {
    let made = copy("h01-single/n1", |node| {
        let beside = node.parent().unwrap().join("n2/group-1/wal");
        fs::create_dir_all(beside).unwrap();
    });
    let error = Backend::of(&[made.node.parent().unwrap().to_owned()], &Local).unwrap_err().to_string();
    assert!(error.contains("n2 is none; name each of them by itself"), "{error}");
}

#[test]
fn the_id_beside_a_directory_called_raft_counts() {
    let root = tempfile::tempdir().unwrap();
    let node = root.path().join("server/raft");
    copy_tree(&hashi().root.join("h01-single/n1"), &node);
    let first = |node: &Path| {
        let gate = hashicorp_gate_dryrun(&[node.to_owned()], None, &Run::local()).unwrap();
        (gate.body.groups[0].raft_id.clone(), gate.body.groups[0].start.first_state)
    };
    let unknown = first(&node);
    fs::write(root.path().join("server/node-id"), "n1\n").unwrap();
    let known = first(&node);
    assert_eq!((unknown.0.as_str(), known.0.as_str()), ("raft", "n1"));
    assert_ne!(unknown.1, known.1, "alone it leads");
}

#[test]
fn directories_that_are_all_called_raft_are_no_copies_of_each_other() {
    let root = tempfile::tempdir().unwrap();
    let nodes: Vec<PathBuf> = ["n1", "n2", "n3"].iter().map(|name| root.path().join(name).join("raft")).collect();
    for (node, name) in nodes.iter().zip(["n1", "n2", "n3"]) {
        copy_tree(&hashi().root.join("h04-three-snaps").join(name), node);
    }
    let compared = hashicorp_compare(&nodes, &Run::local()).unwrap();
    assert_eq!((compared.verdict, compared.findings.len()), (Verdict::Unknown, 0), "{:?}", compared.findings);
    for (node, name) in nodes.iter().zip(["n1", "n2", "n3"]) {
        fs::write(node.parent().unwrap().join("node-id"), name).unwrap();
    }
    let compared = hashicorp_compare(&nodes, &Run::local()).unwrap();
    assert_eq!((compared.verdict, compared.findings.len()), (Verdict::Clean, 0), "{:?}", compared.findings);
}

#[test]
fn a_forced_recovery_that_loses_is_no_way_out() {
    for case in ["l18-install-stale-suffix/n2", "d-meta-term-future/n1"] {
        let made = copy(case, |node| fs::write(node.join("peers.json"), r#"[{"id":"n1","address":"127.0.0.1:7001"}]"#).unwrap());
        let gate = hashicorp_gate_dryrun(std::slice::from_ref(&made.node), None, &Run::local()).unwrap();
        let loses = gate.body.groups[0].start.recovery_loses.as_ref().unwrap();
        assert!(loses.contains("sorts before"), "{loses}");
        let pending = gate.findings.iter().find(|it| it.code.code == "hraft-recovery-pending").unwrap();
        assert!(
            pending.severity == ekv_tool::analysis::Severity::Error && pending.message.contains("trap"),
            "{}",
            pending.message
        );
    }
    let made = copy("h04-three-snaps/n1", |_| {});
    let gate = hashicorp_gate_dryrun(std::slice::from_ref(&made.node), None, &Run::local()).unwrap();
    assert_eq!(gate.body.groups[0].start.recovery_loses, None);
}

#[test]
fn a_backup_that_failed_among_others_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("good.snap"), ArchiveWriter::consul().gzip()).unwrap();
    fs::write(dir.path().join("empty.snap"), b"").unwrap();
    let paths = ekv_tool::ops::hraft::archives(&[dir.path().to_owned()], &Local).unwrap();
    assert_eq!(paths.len(), 2);
    let report = hashicorp_verify_archives(&paths, &Run::local()).unwrap();
    assert_eq!((report.verdict, report.findings[0].code.code), (Verdict::Damaged, "hraft-archive-refused"));
}

#[test]
fn a_snapshot_by_itself_is_judged_with_its_node() {
    let node = hashi().root.join("h04-three-snaps/n1");
    let snapshots = node.join("snapshots");
    let one = fs::read_dir(&snapshots).unwrap().next().unwrap().unwrap().path();
    for path in [one.join("state.bin"), one.join("meta.json"), one, snapshots] {
        assert_eq!(node_of_snapshot(&path, &Local), node, "{}", path.display());
    }
    let elsewhere = tempfile::tempdir().unwrap();
    assert_eq!(node_of_snapshot(&elsewhere.path().join("state.bin"), &Local), elsewhere.path().join("state.bin"));
}

#[test]
fn an_unfinished_snapshot_that_closes_the_gap_is_kept() {
    let unfinished = |index: u64| {
        let made = copy("h04-three-snaps/n1", |node| {
            let snapshots = node.join("snapshots");
            let mut names: Vec<_> = fs::read_dir(&snapshots).unwrap().map(|entry| entry.unwrap().path()).collect();
            names.sort();
            for name in &names {
                fs::rename(name, name.with_extension("tmp")).unwrap();
            }
            let newest = names.last().unwrap().with_extension("tmp").join("meta.json");
            let meta = fs::read_to_string(&newest).unwrap().replace("\"Index\":62", &format!("\"Index\":{index}"));
            fs::write(newest, meta).unwrap();
        });
        let check = hashicorp_check(std::slice::from_ref(&made.node), None, None, &Run::local()).unwrap();
        assert!(check.findings.iter().any(|it| it.code.code == "hraft-log-gap"), "{:?}", check.findings);
        check.findings.into_iter().filter(|it| it.code.code == "hraft-snapshot-leftover").map(|it| it.message).collect::<Vec<_>>()
    };
    assert!(
        unfinished(62)
            .iter()
            .any(|text| text.contains("(index 62 term 2)") && text.contains("It reaches to where the log begins"))
    );
    assert!(!unfinished(1).iter().any(|text| text.contains("(index 1 term 2)") && text.contains("It reaches")));
}

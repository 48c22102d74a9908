//! Nodes that lie beside, below or around something else: no command passes one over and calls the directory clean.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command as Program;
use ekv_tool::ops::VerifyDepth;
use ekv_tool::readers::Depth;
use ekv_tool::types::ServerVersion;

use crate::support::commands::Command;
use crate::support::dump_writer::Dump;
use crate::support::offload_writer::Publish;
use crate::support::tree::copy_tree;

/// The words of a command on a directory; `None` for one that takes a file.
fn words(command: Command) -> Option<Vec<&'static str>> {
    Some(match command {
        Command::Check => vec!["check"],
        Command::CheckFast => vec!["check", "--fast"],
        Command::Gate(Some(ServerVersion::Pr934)) => vec!["gate-dryrun", "--engine", "pr934"],
        Command::Gate(Some(_)) => vec!["gate-dryrun", "--engine", "main"],
        Command::Gate(None) => vec!["gate-dryrun"],
        Command::VerifySnapshot(Depth::Header) => vec!["verify-snapshot", "--header-only"],
        Command::VerifySnapshot(Depth::Checksum) => vec!["verify-snapshot"],
        Command::VerifySnapshot(Depth::Deep | Depth::Usage) => vec!["verify-snapshot", "--deep"],
        Command::WalVerify => vec!["wal", "verify"],
        Command::WalStat => vec!["wal", "stat"],
        Command::WalLs => vec!["wal", "ls"],
        Command::WalDump => vec!["wal", "dump"],
        Command::WalShow(3) => vec!["wal", "show", "780"],
        Command::StoreMeta => vec!["store", "meta"],
        Command::StoreVerify(VerifyDepth::Keys) => vec!["store", "verify", "--deep"],
        Command::StoreVerify(_) => vec!["store", "verify"],
        Command::StoreScan { raw: false } => vec!["store", "scan"],
        Command::StoreScan { raw: true } => vec!["store", "scan", "--raw"],
        Command::StoreGet => vec!["store", "get"],
        Command::StoreStat => vec!["store", "stat"],
        Command::History => vec!["history"],
        Command::SnapshotLs => vec!["snapshot", "ls"],
        Command::SnapshotStat => vec!["snapshot", "stat"],
        Command::SnapshotRebuild => vec!["snapshot", "rebuild"],
        Command::OffloadPlan => vec!["offload", "plan"],
        Command::Report => vec!["report"],
        Command::Inspect => vec!["inspect"],
        Command::Facts => vec!["facts"],
        Command::Compare => vec!["compare"],
        Command::WalShow(_) | Command::StoreDump | Command::InspectFile | Command::StoreDiff => return None,
    })
}

/// Runs a command on `dir`; `other` is another copy of the group for those that compare.
fn run(words: &[&str], dir: &Path, other: &Path) -> Output {
    let mut program = Program::new(env!("CARGO_BIN_EXE_ekv-tool"));
    match words {
        ["wal", "show", ..] => program.args(words).arg(dir),
        ["store", "get"] => program.args(words).arg(dir).arg("key"),
        ["history"] => program.args(words).arg("key").arg(dir),
        ["compare"] => program.args(words).arg(dir).arg(other),
        _ => program.args(words).arg(dir),
    };
    program.output().unwrap()
}

/// The group of the demo, as it is or with every file of it damaged.
fn node(damaged: bool, to: &Path) {
    copy_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo/n1/group-1"), to);
    if damaged {
        for place in ["wal", "snap", "fsm-snap", "fsm.db"] {
            for entry in fs::read_dir(to.join(place)).unwrap().map(|entry| entry.unwrap().path()) {
                let mut bytes = fs::read(&entry).unwrap();
                let middle = bytes.len() / 2;
                bytes.iter_mut().skip(middle).take(64).for_each(|byte| *byte ^= 0x5a);
                fs::write(&entry, bytes).unwrap();
            }
        }
    }
}

/// What may be said of a directory with only healthy nodes in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Healthy {
    /// What is said of the node alone.
    Same,
    /// That, or that it is not known, with a reason that names this.
    Unknown(&'static str),
    /// That it is no directory of a server, or that it is not known.
    NoPlace,
}

struct Layout {
    name: &'static str,
    healthy: Healthy,
    /// Puts the node somewhere below the directory, and something else beside it.
    build: fn(&Path, bool),
}

fn stray(root: &Path, name: &str, damaged: bool) {
    fs::create_dir_all(root.join(name)).unwrap();
    node(damaged, &root.join("n1"));
}

/// A file of the demo's group, beside the node.
fn loose(root: &Path, from: &str, name: &str, damaged: bool) {
    node(damaged, &root.join("n1"));
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo/n1/group-1").join(from);
    fs::copy(from, root.join(name)).unwrap();
}

const LAYOUTS: &[Layout] = &[
    Layout { name: "empty wal", healthy: Healthy::Unknown("/wal"), build: |root, damaged| stray(root, "wal", damaged) },
    Layout { name: "empty snap", healthy: Healthy::Unknown("/snap"), build: |root, damaged| stray(root, "snap", damaged) },
    Layout {
        name: "empty fsm-snap",
        healthy: Healthy::Unknown("/fsm-snap"),
        build: |root, damaged| stray(root, "fsm-snap", damaged),
    },
    Layout { name: "empty fsm.db", healthy: Healthy::Unknown("/fsm.db"), build: |root, damaged| stray(root, "fsm.db", damaged) },
    Layout {
        name: "a marker",
        healthy: Healthy::Unknown("/raft-engine"),
        build: |root, damaged| loose(root, "raft-engine", "raft-engine", damaged),
    },
    Layout {
        name: "a node in a group",
        healthy: Healthy::Unknown("/n1"),
        build: |root, damaged| {
            node(false, root);
            node(damaged, &root.join("n1"));
        },
    },
    Layout {
        name: "an empty wal beside group-1",
        healthy: Healthy::Unknown("/wal"),
        build: |root, damaged| {
            fs::create_dir_all(root.join("wal")).unwrap();
            node(damaged, &root.join("group-1"));
        },
    },
    Layout {
        name: "group-0 in a group",
        healthy: Healthy::Same,
        build: |root, damaged| {
            node(false, root);
            node(damaged, &root.join("group-0"));
        },
    },
    Layout {
        name: "a payload",
        healthy: Healthy::Same,
        build: |root, damaged| loose(root, "fsm-snap/00000000000002bd.fsm", "00000000000002bd.fsm", damaged),
    },
    Layout {
        name: "an envelope",
        healthy: Healthy::Same,
        build: |root, damaged| {
            loose(root, "snap/0000000000000002-00000000000002bd.snap", "0000000000000002-00000000000002bd.snap", damaged);
            fs::copy(root.join("0000000000000002-00000000000002bd.snap"), root.join("b.txt")).unwrap();
        },
    },
    Layout {
        name: "a segment",
        healthy: Healthy::Same,
        build: |root, damaged| {
            let name = "0000000000000000-0000000000000000.wal";
            loose(root, &format!("wal/{name}"), name, damaged);
        },
    },
    Layout {
        name: "a file of a store",
        healthy: Healthy::Same,
        build: |root, damaged| loose(root, "fsm.db/OPTIONS-000003", "OPTIONS-000003", damaged),
    },
    Layout {
        name: "a store of offloaded snapshots",
        healthy: Healthy::Same,
        build: |root, damaged| {
            node(damaged, &root.join("n1"));
            Publish::default().write(&root.join("backup"));
        },
    },
    Layout {
        name: "a dump",
        healthy: Healthy::Unknown("/backup"),
        build: |root, damaged| {
            node(damaged, &root.join("n1"));
            Dump::default().write(&root.join("backup"));
        },
    },
    Layout {
        name: "a payload above a data directory",
        healthy: Healthy::NoPlace,
        build: |root, damaged| {
            fs::create_dir_all(root.join("nodes")).unwrap();
            loose(&root.join("nodes"), "raft-engine", "notes", damaged);
            fs::copy(root.join("nodes/n1/fsm-snap/00000000000002bd.fsm"), root.join("00000000000002bd.fsm")).unwrap();
        },
    },
    Layout {
        name: "a folder of payloads",
        healthy: Healthy::Same,
        build: |root, damaged| {
            node(damaged, &root.join("n1"));
            fs::create_dir(root.join("backup")).unwrap();
            fs::copy(root.join("n1/raft-engine"), root.join("backup/notes")).unwrap();
            let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo/n1/group-1/fsm-snap/00000000000002bd.fsm");
            fs::copy(demo, root.join("backup/00000000000002bd.fsm")).unwrap();
        },
    },
];

fn all_words() -> Vec<Vec<&'static str>> {
    Command::ALL.into_iter().chain([Command::Compare]).filter_map(words).collect()
}

/// The exit status of every command on the node alone.
fn alone(place: &Path, other: &Path) -> HashMap<bool, Vec<i32>> {
    let of = |damaged| {
        let root = place.join(format!("alone-{damaged}"));
        node(damaged, &root.join("n1"));
        all_words().iter().map(|words| run(words, &root, other).status.code().unwrap()).collect()
    };
    HashMap::from([(false, of(false)), (true, of(true))])
}

#[test]
fn no_node_is_passed_over() {
    let place = tempfile::tempdir().unwrap();
    let other: PathBuf = place.path().join("other");
    node(false, &other.join("n2"));
    let alone = alone(place.path(), &other);
    assert!(alone[&true].iter().filter(|code| **code == 2).count() > 15, "{:?}", alone[&true]);
    let mut wrong = Vec::new();
    for layout in LAYOUTS {
        for damaged in [false, true] {
            let root = place.path().join(format!("{}-{damaged}", layout.name.replace(' ', "-"))).join("n1");
            fs::create_dir_all(&root).unwrap();
            (layout.build)(&root, damaged);
            for (words, alone) in all_words().iter().zip(&alone[&damaged]) {
                let output = run(words, &root, &other);
                let code = output.status.code().unwrap();
                let said = [output.stdout, output.stderr].concat();
                let said = String::from_utf8_lossy(&said);
                // A question about one group or store is refused with the names of all, or says which it is not about.
                let names_all = (code == 1 && said.contains("name one of")) || said.contains("another group of the node");
                let fine = if damaged {
                    code != 0 || *alone == 0 || names_all
                } else {
                    match layout.healthy {
                        _ if code == *alone || names_all => true,
                        Healthy::NoPlace => matches!(code, 1 | 3),
                        // A plan about the group 0 wants a flag more.
                        _ if words[0] == "offload" => said.contains("--source-cluster is required when --group-id is 0"),
                        Healthy::Same => false,
                        Healthy::Unknown(part) => code == 3 && said.contains(part),
                    }
                };
                if !fine {
                    wrong.push(format!(
                        "{} (damaged: {damaged}): {words:?} ends with {code}, alone with {alone}:\n{said}",
                        layout.name
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} answers:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_lies_beside_nodes_is_verified_or_named() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("nodes");
    node(false, &root.join("n1"));
    let said = |words: &[&str]| {
        let output = run(words, &root, &root);
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (_, payload) = Publish::default().write(&root.join("backup"));
    let (code, text) = said(&["verify-snapshot"]);
    assert!(code == 0 && text.contains("1 payload and 1 envelope and 1 offloaded snapshot"), "{text}");
    let mut bytes = fs::read(&payload).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&payload, bytes).unwrap();
    assert_eq!(said(&["verify-snapshot"]).0, 2);
    // It is read whole.
    let (code, text) = said(&["verify-snapshot", "--sample", "1/2"]);
    assert!(
        code == 3 && text.contains("backup: it holds offloaded snapshots, which are read whole; name it by itself"),
        "{text}"
    );
    let (code, text) = said(&["snapshot", "ls"]);
    assert!(
        code == 0 && text.contains("backup: it holds offloaded snapshots: `verify-snapshot` lists and checks them"),
        "{text}"
    );
    fs::remove_dir_all(root.join("backup")).unwrap();
    Dump::default().write(&root.join("old/dump"));
    let (code, text) = said(&["verify-snapshot"]);
    assert!(code == 3 && text.contains("old/dump: it is a dump of the offline tools; name it by itself"), "{text}");
    assert_eq!(said(&["check"]).0, 0);
    // A node in the directory of another: which name makes a group of that.
    node(false, &root.join("n1/n2"));
    let output = run(&["gate-dryrun"], &root.join("n1"), &root);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(
        text.contains("a Raft group under a name that no start opens, in a directory that is a group's by its wal"),
        "{text}"
    );
}

//! Hostile bytes: one budget of memory whatever a length in them claims, work that grows as the input does, and commands that agree.

use std::path::{Path, PathBuf};

use ekv_tool::Run;
use ekv_tool::analysis::{Severity, Verdict, explain};
use ekv_tool::ops::{CheckOptions, VerifyDepth, VerifySnapshotOptions, check, store_meta, store_verify, verify_snapshot};
use ekv_tool::readers::{Depth, Local, Territory};
use ekv_tool::report::OutputFormat;
use ekv_tool::types::share_budget;

use crate::support::bombs;
use crate::support::commands::{Answer, Command, Place, ask};
use crate::support::effort::Effort;
use crate::support::log_writer::{LogWriter, conf_state};
use crate::support::node_dir::NodeDir;
use crate::support::store_writer::StoreWriter;
use crate::support::table_writer::{Options, RANGEDEL, SET};

/// One of so many sharers has 2 MiB.
const MANY: usize = 64;

struct StoreDir {
    _root: tempfile::TempDir,
    path: PathBuf,
}

/// A store whose tables hold one value of each of these lengths.
fn store_of(lens: &[usize], snappy: bool) -> StoreDir {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("fsm.db");
    let mut store = StoreWriter::new(&path).unwrap();
    for (number, len) in lens.iter().enumerate() {
        let options = Options { snappy, ..Options::default() };
        let fill = |table: &mut crate::support::table_writer::TableWriter<_>| {
            table.point(format!("key{number}").as_bytes(), 10 + number as u64, SET, &vec![0; *len])
        };
        store.table(6, options, fill).unwrap();
    }
    store.finish().unwrap();
    StoreDir { _root: root, path }
}

#[test]
fn a_block_above_the_budget_is_unknown_and_no_damage() {
    for snappy in [false, true] {
        let store = store_of(&[3 << 20, 100], snappy);
        let run = || store_verify(std::slice::from_ref(&store.path), VerifyDepth::Rows, &Run::local()).unwrap();
        assert_eq!(run().verdict, Verdict::Clean, "{snappy}: {:?}", run().findings);
        let (report, _) = share_budget(MANY, run);
        assert_eq!(report.verdict, Verdict::Unknown, "{snappy}: {:?}", report.findings);
        assert!(report.findings.iter().all(|finding| finding.severity != Severity::Error), "{:?}", report.findings);
        let finding = report.findings.iter().find(|finding| finding.code.code == "store-table-not-read").unwrap();
        assert!(finding.message.contains("larger than the budget of 128.0 MiB; --memory "), "{}", finding.message);
        assert!(report.coverage.not_examined.iter().any(|part| part.why.contains("larger than the budget")));
    }
}

#[test]
fn the_number_of_threads_decides_nothing_about_a_large_block() {
    // A fourth of the budget is too little, all of it is enough.
    let store = store_of(&[40 << 20, 100, 100, 100], false);
    for threads in [1, 4] {
        let report =
            store_verify(std::slice::from_ref(&store.path), VerifyDepth::Rows, &Run::local().on_threads(threads)).unwrap();
        assert_eq!((report.verdict, report.findings.len()), (Verdict::Clean, 0), "{threads}: {:?}", report.findings);
    }
}

#[test]
fn logs_above_the_budget_are_unknown() {
    let value = vec![b'v'; 1000];
    for (entries, len) in [(1, 3 << 20), (9000, 1000)] {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("fsm.db");
        let mut store = StoreWriter::new(&path).unwrap();
        let long = vec![b'v'; len];
        for number in 0..entries {
            let key = format!("key{number:08}");
            let value = if entries == 1 { &long } else { &value };
            store.batch(10 + number, &[(SET, key.as_bytes(), value)]);
        }
        store.finish().unwrap();
        let run = || store_meta(std::slice::from_ref(&path), &Run::local()).unwrap();
        assert_ne!(run().verdict, Verdict::Unknown, "{:?}", run().coverage);
        let (report, _) = share_budget(MANY, run);
        assert_eq!(report.verdict, Verdict::Unknown, "{entries}: {:?}", report.findings);
        let left_out = &report.coverage.not_examined;
        assert!(left_out.iter().any(|part| part.needed && part.why.contains("larger than the budget")), "{left_out:?}");
    }
}

#[test]
fn tables_that_are_open_together_share_the_budget() {
    use ekv_tool::readers::pebble_scan::walk;
    use std::ops::ControlFlow;
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("fsm.db");
    let mut store = StoreWriter::new(&path).unwrap();
    for number in 0..8_u64 {
        let key = format!("key{number}");
        let fill = |table: &mut crate::support::table_writer::TableWriter<_>| {
            table.point(key.as_bytes(), 10 + number, SET, &vec![0; 400_000])
        };
        store.table(0, Options::default(), fill).unwrap();
    }
    store.finish().unwrap();
    let rows = || {
        let mut rows = 0;
        let mut count = |_: ekv_tool::readers::pebble_scan::Live<'_>| {
            rows += 1;
            ControlFlow::Continue(())
        };
        let outcome = walk(&path, b"", &Run::local(), &mut count).unwrap();
        (rows, outcome.stopped.map(|(damage, _)| damage.to_string()))
    };
    assert_eq!(rows(), (8, None));
    // Each of them fits alone into what one of so many has, and all of them do not.
    let ((_, stopped), over) = share_budget(MANY, rows);
    assert!(
        over && stopped.as_ref().is_some_and(|why| why.contains("larger than the budget of 128.0 MiB; --memory ")),
        "{stopped:?}"
    );
}

#[test]
fn a_manifest_of_a_bundle_above_the_budget_is_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0000000000000005.fsm");
    let mut bytes = b"EKVSSTI1".to_vec();
    bytes.extend((60_i64 << 20).to_be_bytes());
    std::fs::write(&path, &bytes).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(70 << 20).unwrap();
    let deep = VerifySnapshotOptions { depth: Depth::Deep, ..VerifySnapshotOptions::default() };
    let report = verify_snapshot(std::slice::from_ref(&path), &deep, &Run::local()).unwrap();
    let left_out = &report.coverage.not_examined;
    assert_eq!(report.verdict, Verdict::Unknown, "{:?}", report.findings);
    assert!(left_out.iter().any(|part| part.needed && part.why.contains("--memory 360MiB reads it")), "{left_out:?}");
}

/// Seeds that are tried; `EKV_HOSTILE=100000` tries more.
const SEEDS: u64 = 150;

/// The questions about a directory that are asked.
const ASKED: [Command; 10] = [
    Command::Check,
    Command::Gate(None),
    Command::VerifySnapshot(Depth::Deep),
    Command::WalVerify,
    Command::WalStat,
    Command::WalLs,
    Command::StoreMeta,
    Command::StoreVerify(VerifyDepth::Rows),
    Command::Inspect,
    Command::Report,
];

fn answers(dir: &Path, threads: usize) -> Vec<(Command, Option<Answer>)> {
    let place = Place { dir: dir.to_owned(), file: PathBuf::new(), other: PathBuf::new() };
    let run = Run::local().on_threads(threads);
    ASKED.map(|command| (command, ask(command, &place, &OutputFormat::ALL, &run))).into()
}

/// No panic, the same facts in every format and with any number of threads, and nothing is damaged to one command and fine to `check`.
#[test]
fn every_command_answers_generated_directories_alike() {
    let seeds = std::env::var("EKV_HOSTILE").ok().map_or(SEEDS, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        let node = bombs::group(seed);
        let one = answers(node.path(), 1);
        let two = answers(node.path(), 2);
        assert_eq!(one, two, "seed {seed}");
        let Some(checked) = one[0].1.as_ref() else { panic!("seed {seed}: check did not answer") };
        for command in Command::NO_WORSE_THAN_CHECK {
            let answer = one.iter().find(|(asked, _)| *asked == command).unwrap().1.as_ref();
            if let Some(answer) = answer.filter(|answer| answer.verdict == Verdict::Damaged) {
                assert_eq!(checked.verdict, Verdict::Damaged, "seed {seed}: {command:?} says {:?}", answer.texts);
            }
        }
    }
}

fn varint(value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    ekv_tool::formats::varint::encode(value, &mut bytes);
    bytes
}

/// What every command costs on a directory, one after another.
fn effort_of(dir: &Path) -> Vec<(Command, Effort)> {
    let place = Place { dir: dir.to_owned(), file: dir.join("fsm.db/000002.log"), other: PathBuf::new() };
    let ask_one = |command| drop(ask(command, &place, &[OutputFormat::Table, OutputFormat::Json], &Run::local()));
    Command::ALL.map(|command| (command, Effort::of(|| ask_one(command)))).into()
}

/// Holds what each command does on twice the input below 2.3 times the work; `least` steps are counted in all on the smaller one.
fn hold_to_twice(kind: &str, least: u64, effort: impl Fn(u64) -> Vec<(Command, Effort)>) {
    let (once, twice) = (effort(1), effort(2));
    let counted: u64 = once.iter().map(|(_, effort)| effort.steps).sum();
    assert!(counted >= least, "{kind}: nothing counts it: {counted}");
    let wrong: Vec<_> = (once.iter().zip(&twice))
        .flat_map(|((command, once), (_, twice))| {
            once.too_much(twice).into_iter().map(move |what| format!("{kind}: {command:?}: {what}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Twice the input costs at most 2.3 times the work.
#[test]
fn twice_the_input_costs_twice_the_work() {
    const ONCE: u64 = 3000;
    let entry = |number: u64| format!("key{number:08}");
    let input = |kind: &str, count: u64| -> NodeDir {
        let mut log = LogWriter::new();
        let members = conf_state(&[1, 2], &[]);
        for number in 1..=count {
            match kind {
                // One after another from the last on.
                "descending" => {
                    log.entry(count - number, 1, "x");
                }
                // Entries that are committed, and again from the first or the last on.
                "committed again" | "committed again from the last" => {
                    let half = count / 2;
                    if number == half {
                        log.state(3, 0, half);
                    }
                    let again = if kind == "committed again" { number - half.min(number) } else { count + 1 - number };
                    log.entry(if number < half { number } else { again }, if number < half { 1 + number % 2 } else { 3 }, "x");
                }
                "snapshots, then states" if number <= count / 2 => {
                    log.snapshot_of(number, 1, &members);
                }
                "snapshots, then states" => {
                    log.state(number, 1, 0);
                }
                "snapshots, then entries" if number <= count / 2 => {
                    log.snapshot_of(1, 1, &members);
                }
                "snapshots, then entries" => {
                    log.entry(number, number, "x");
                }
                "entries, then received snapshots" if number <= count / 2 => {
                    log.entry(number, number, "x");
                }
                "entries, then received snapshots" => {
                    log.snapshot_of(number, number, &members);
                }
                "snapshots back and forth" if number < count / 2 => {
                    log.entry(number, 1 + number % 2, "x");
                }
                "snapshots back and forth" => {
                    if number == count / 2 {
                        log.state(3, 0, number - 1);
                    }
                    let from = number - count / 2;
                    log.snapshot_of(if number % 2 == 0 { from } else { count / 2 - from.min(count / 2) }, 1, &members);
                }
                "votes" => {
                    log.state(number, 3 + number % 2, 0);
                }
                "unknown types" => log.record(9, b"x"),
                "malformed" => log.record(2, b"\xff"),
                "alternating" => log.record(if number % 2 == 0 { 9 } else { 2 }, b"\xff"),
                "overwrites" => {
                    log.entry(1 + number % 2, 1, "x");
                }
                "terms" => {
                    log.entry(number, number, "x");
                }
                "states" => {
                    log.state(number, 1, 0);
                }
                "segments" if number % 5 == 0 => {
                    log.entry(number / 5, 1, "x").cut();
                }
                _ => {}
            }
        }
        let node = NodeDir::new(&log).peers(0, &["n1"]);
        let mut store = StoreWriter::new(&node.path().join("fsm.db")).unwrap();
        for number in 0..count {
            let (key, end) = (entry(number), entry(2 * count - number));
            match kind {
                "range deletions" => store.batch(10 + 2 * number, &[(RANGEDEL, key.as_bytes(), end.as_bytes())]),
                "rows" => store.batch(10 + 2 * number, &[(SET, key.as_bytes(), b"v")]),
                _ => {}
            }
        }
        if kind == "missing tables" {
            // One batch: nothing of a log is replayed behind one that ingests.
            let tables: Vec<Vec<u8>> = (0..count).map(|number| varint(100 + number)).collect();
            let entries: Vec<_> = tables.iter().map(|table| (22, table.as_slice(), &b""[..])).collect();
            store.batch(10, &entries);
        }
        store.finish().unwrap();
        node
    };
    for kind in [
        "unknown types",
        "malformed",
        "alternating",
        "overwrites",
        "terms",
        "descending",
        "committed again",
        "committed again from the last",
        "snapshots, then states",
        "snapshots, then entries",
        "entries, then received snapshots",
        "snapshots back and forth",
        "votes",
        "states",
        "segments",
        "missing tables",
        "range deletions",
        "rows",
    ] {
        hold_to_twice(kind, ONCE / 64, |times| effort_of(input(kind, times * ONCE).path()));
    }
}

/// What the records of a log take is granted: nothing is known of a log that takes more, and nothing in it is called damaged.
#[test]
fn a_log_above_the_budget_is_unknown_and_no_damage() {
    let many_members: Vec<u64> = (1..=100_000).collect();
    for kind in ["states", "members", "change"] {
        let mut log = LogWriter::new();
        log.snapshot_of(0, 0, &[]).entry(1, 1, "x").state(1, 0, 1);
        match kind {
            "states" => {
                for term in 2..20_000 {
                    log.state(term, 0, 1);
                }
            }
            "members" => {
                log.snapshot_of(1, 1, &conf_state(&many_members, &[]));
            }
            _ => {
                log.typed_entry(2, 2, 1, &change_of(100_000)).state(1, 0, 2);
            }
        }
        let node = NodeDir::new(&log).peers(0, &["n1"]);
        StoreWriter::new(&node.path().join("fsm.db")).unwrap().finish().unwrap();
        let whole = answers(node.path(), 1);
        let (small, _) = share_budget(MANY, || answers(node.path(), 1));
        for ((command, answer), (_, usual)) in small.iter().zip(&whole) {
            let (Some(answer), Some(usual)) = (answer, usual) else { continue };
            assert!(!usual.texts[0].contains("larger than the budget"), "{kind}: {command:?}");
            if *command == Command::Check {
                assert_eq!(answer.verdict, Verdict::Unknown, "{kind}: {:?}", answer.codes);
                assert!(answer.texts[0].contains("larger than the budget"), "{kind}: {}", answer.texts[0]);
            }
            assert!(
                answer.verdict != Verdict::Damaged || usual.verdict == Verdict::Damaged,
                "{kind}: {command:?}: {:?}",
                answer.codes
            );
        }
    }
}

/// One change that adds so many members.
fn change_of(members: u64) -> Vec<u8> {
    let single = |member| {
        let single = [&[8, 0, 16][..], &varint(1000 + member)].concat();
        [&[0x12], &varint(single.len() as u64)[..], &single].concat()
    };
    (1..=members).flat_map(single).collect()
}

/// A group with so many files or members of a kind, or a node with so many groups.
fn many(kind: &str, count: u64) -> (NodeDir, PathBuf) {
    let mut log = LogWriter::new();
    log.state(1, 0, 0);
    match kind {
        "members" => {
            log.entry(1, 1, "x").typed_entry(2, 2, 1, &change_of(count)).state(1, 0, 2);
        }
        "registrations" => {
            for number in 1..=count {
                let row = [&1_u32.to_be_bytes()[..], &(number << 16 | 7).to_be_bytes(), &[0, 1]].concat();
                let proposal = [&[1, 0, 0, 0, 0, 0, 0, 0, 9, 3, 1][..], &row].concat();
                log.typed_entry(0, number, 1, &proposal);
            }
        }
        _ => {}
    }
    let mut node = NodeDir::new(&log).peers(0, &["n1"]);
    StoreWriter::new(&node.path().join("fsm.db")).unwrap().finish().unwrap();
    let place = node.path().to_owned();
    match kind {
        "snapshots" => {
            for index in 1..=count {
                node = node.snap(index, 1, &[crate::support::node_dir::id("n1")]);
            }
        }
        "payloads" => {
            for index in 1..=count {
                node = node.file(&format!("fsm-snap/{index:016x}.fsm"), b"");
            }
        }
        "stray files" => {
            for number in 0..count {
                for below in ["", "wal/", "snap/", "fsm-snap/", "fsm.db/"] {
                    node = node.file(&format!("{below}stray{number}"), b"");
                }
            }
        }
        "groups" => {
            for number in 0..count {
                std::fs::create_dir_all(place.join(format!("nodes/group-{number}/wal"))).unwrap();
            }
            let nodes = place.join("nodes");
            return (node, nodes);
        }
        _ => {}
    }
    (node, place)
}

/// Each compared with each, without a word to anybody and without memory: the count of regions tells, in a build that has it.
#[test]
fn a_loop_that_counts_nothing_is_seen() {
    let compare_all = |count: u64| {
        let all: Vec<u64> = (0..count).collect();
        Effort::of(|| assert!(!all.iter().any(|one| all.iter().any(|other| *other == one + count))))
    };
    let (once, twice) = (compare_all(2000), compare_all(4000));
    let seen = once.too_much(&twice).iter().any(|what| what.contains("regions"));
    assert_eq!(seen, once.regions.is_some(), "{once:?}, then {twice:?}");
}

/// The same of everything that a directory can hold very many of.
#[test]
fn twice_the_files_cost_twice_the_work() {
    for (kind, once) in
        [("members", 3000), ("registrations", 1500), ("snapshots", 150), ("payloads", 300), ("stray files", 200), ("groups", 200)]
    {
        hold_to_twice(kind, once, |times| {
            let (_node, place) = many(kind, times * once);
            effort_of(&place)
        });
    }
}

#[test]
fn a_long_question_costs_no_more_than_its_length() {
    let text = "open wal: ".repeat(2000);
    let effort = |times: usize| {
        let text = text.repeat(times);
        Effort::of(|| drop(explain::explain(&text)))
    };
    let wrong = effort(1).too_much(&effort(2));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The names of a directory are granted as everything else is: of one with too many nothing is said, and which `--memory` lists it.
#[test]
fn a_directory_of_too_many_names_is_not_known() {
    // One of so many sharers has 64 KiB.
    const VERY_MANY: usize = 2048;
    for below in ["", "wal/", "snap/", "fsm-snap/", "fsm.db/"] {
        let mut log = LogWriter::new();
        log.state(1, 0, 0);
        let mut node = NodeDir::new(&log).peers(0, &["n1"]);
        StoreWriter::new(&node.path().join("fsm.db")).unwrap().finish().unwrap();
        for number in 0..1500 {
            node = node.file(&format!("{below}stray{number}"), b"");
        }
        let (told, _) = share_budget(VERY_MANY, || {
            let options = CheckOptions::default();
            match check(&[node.path().to_owned()], &options, &Run::local()) {
                Ok(report) => {
                    assert_eq!(report.verdict, Verdict::Unknown, "{below}: {:?}", report.findings);
                    format!("{:?} {:?}", report.findings, report.coverage)
                }
                Err(error) => error.to_string(),
            }
        });
        assert!(told.contains("larger than the budget of 128.0 MiB; --memory "), "{below}: {told}");
        // `--output` keeps off what cannot be looked through.
        let guarded = || Territory::of(&node.path().join(below), &Local).is_some();
        assert!(!guarded() || share_budget(VERY_MANY, guarded).0, "{below}");
    }
}

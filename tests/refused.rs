//! A source that fails: reads that are refused at any offset of any file, files that cannot be opened, names that cannot be looked
//! at, directories that cannot be listed. No command is content with what it could not read, and none that did not meet the failure
//! says anything else than usual.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::error::{Error, Result};
use ekv_tool::io::{DirEntry, LockState, OpenFile, Standing};
use ekv_tool::readers::{EntryKind, Local, Memory, Source};
use ekv_tool::report::OutputFormat;

use crate::support::commands::{Answer, Command, Place, ask};
use crate::support::log_writer::LogWriter;
use crate::support::node_dir::{NodeDir, id};
use crate::support::object::Object;
use crate::support::raft_db;
use crate::support::raftwal_writer;
use crate::support::recorded::hashi;
use crate::support::store_writer::StoreWriter;
use crate::support::table_writer::{Options, SET};

/// Every so many of the offsets; the tests that are ignored try all of them.
const STEP: usize = 61;

/// What the system refuses.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Refused {
    /// Reading the byte at an offset, and no byte before it.
    Read(u64),
    Open,
    Look,
    List,
}

/// Another source in which one thing is refused of one place.
#[derive(Debug, Clone)]
struct Failing {
    below: Memory,
    place: PathBuf,
    refused: Refused,
    /// Somebody asked for it.
    met: Arc<AtomicBool>,
}

impl Failing {
    fn refuses(&self, path: &Path, what: Refused) -> bool {
        let refused = self.refused == what && (path == self.place || self.below.real_path(path).as_ref() == Some(&self.place));
        if refused {
            self.met.store(true, Ordering::Relaxed);
        }
        refused
    }
}

fn eio() -> io::Error {
    io::Error::from_raw_os_error(libc::EIO)
}

impl Source for Failing {
    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        if self.refuses(dir, Refused::List) {
            return Err(Error::io(dir, "list the directory", eio()));
        }
        self.below.list(dir)
    }

    fn list_names(&self, dir: &Path) -> Result<Vec<(String, bool)>> {
        if self.refuses(dir, Refused::List) {
            return Err(Error::io(dir, "list the directory", eio()));
        }
        self.below.list_names(dir)
    }

    fn look(&self, path: &Path) -> io::Result<Standing> {
        if self.refuses(path, Refused::Look) {
            return Err(eio());
        }
        self.below.look(path)
    }

    fn link_target(&self, path: &Path) -> Option<PathBuf> {
        self.below.link_target(path)
    }

    fn real_path(&self, path: &Path) -> Option<PathBuf> {
        self.below.real_path(path)
    }

    fn open(&self, path: &Path) -> Result<OpenFile> {
        if self.refuses(path, Refused::Open) {
            return Err(Error::io(path, "open the file", eio()));
        }
        let file = self.below.open(path)?;
        match self.refused {
            Refused::Read(at) if self.below.real_path(path).as_ref() == Some(&self.place) => {
                let bytes = file.read_small(1 << 30)?.bytes;
                let standing = self.below.look(path).map_err(|source| Error::io(path, "examine the file", source))?;
                let met = Arc::clone(&self.met);
                // The bytes before it are delivered, that one is not.
                let most = move |offset: u64, wanted: usize| {
                    if offset == at && wanted > 0 {
                        met.store(true, Ordering::Relaxed);
                        return Err(eio());
                    }
                    Ok(if offset < at { usize::try_from(at - offset).unwrap() } else { usize::MAX })
                };
                OpenFile::object(path, Arc::new(Object { bytes, standing, most }))
            }
            _ => Ok(file),
        }
    }

    fn lock_state(&self, path: &Path) -> Result<LockState> {
        self.open(path).map(|_| LockState::Free)
    }
}

/// Files and directories at and below a directory.
fn places(memory: &Memory, dir: &Path) -> Vec<(PathBuf, EntryKind, u64)> {
    let mut found = vec![(dir.to_owned(), EntryKind::Directory, 0)];
    for entry in memory.list(dir).unwrap() {
        let path = dir.join(&entry.name);
        match entry.kind {
            EntryKind::Directory => found.extend(places(memory, &path)),
            kind => found.push((path, kind, entry.size)),
        }
    }
    found
}

/// A command with what it answers when nothing fails.
type Usual = Vec<(Command, Option<Answer>)>;

fn asked(place: &Place, run: &Run<'_>) -> Usual {
    let all = Command::ALL.into_iter().chain([Command::Compare, Command::StoreDiff]);
    all.map(|command| (command, ask(command, place, &[OutputFormat::Json], run))).collect()
}

/// A start forecasts what it does not come to as if it were not there, and the page about a directory says what lies in it. Looks
/// tell ages and kinds, nobody needs what `LOCK` holds, who only reads one directory needs nothing of another, and a record is shown as
/// it stands, whatever another segment has.
fn may_be_content(command: Command, place: &Path, refused: Refused) -> bool {
    let within = |names: &[&str]| place.iter().any(|part| names.iter().any(|name| part == *name));
    let concerned = match command {
        Command::WalVerify | Command::WalStat | Command::WalLs | Command::WalDump | Command::WalShow(_) => {
            !within(&["snap", "snapshots", "fsm-snap", "fsm.db"])
        }
        Command::StoreMeta | Command::StoreVerify(_) | Command::StoreScan { .. } | Command::StoreGet | Command::StoreStat => {
            within(&["fsm.db"])
        }
        Command::StoreDiff => within(&["fsm.db", "wal"]),
        Command::VerifySnapshot(_) | Command::SnapshotLs | Command::SnapshotStat | Command::SnapshotRebuild => {
            within(&["snap", "fsm-snap", "snapshots"])
        }
        Command::OffloadPlan => within(&["wal", "snap", "fsm-snap", "snapshots"]),
        _ => true,
    };
    match refused {
        Refused::Look => true,
        Refused::List => !concerned || !within(&["wal", "snap", "fsm-snap", "fsm.db"]),
        Refused::Open | Refused::Read(_) => {
            let forecasts = matches!(command, Command::Gate(_) | Command::Inspect | Command::WalShow(_) | Command::OffloadPlan);
            !concerned || place.ends_with("LOCK") || forecasts
        }
    }
}

fn is_damaged(answer: Option<&Answer>) -> bool {
    answer.is_some_and(|answer| answer.verdict == Verdict::Damaged)
}

/// Refuses one thing after another to every command. What is `judged` may not be called damaged either.
fn try_all(dir: &Path, other: &Path, step: usize, judged: bool) -> usize {
    let mut memory = Memory::of(&Local, dir, 1 << 30).unwrap();
    memory.copy(&Local, other, 1 << 30).unwrap();
    let (mut wrong, mut met, mut tried) = (Vec::new(), 0, 0);
    for (path, kind, size) in places(&memory, dir) {
        let place = Place { dir: dir.to_owned(), file: path.clone(), other: other.to_owned() };
        let usual = asked(&place, &Run::over(memory.clone()));
        let mut refusals = vec![Refused::Look];
        if kind == EntryKind::Directory {
            refusals.push(Refused::List);
        } else {
            refusals.push(Refused::Open);
            // The first and the last byte are always tried.
            let offsets = (0..size).step_by(step).chain(size.checked_sub(1));
            refusals.extend(offsets.map(Refused::Read));
        }
        for refused in refusals {
            let failing = Failing { below: memory.clone(), place: path.clone(), refused, met: Arc::default() };
            for (command, usual) in &usual {
                failing.met.store(false, Ordering::Relaxed);
                let answer = ask(*command, &place, &[OutputFormat::Json], &Run::over(failing.clone()));
                tried += 1;
                let was_met = failing.met.load(Ordering::Relaxed);
                met += usize::from(was_met);
                let complaint = match (&answer, was_met) {
                    (answer, false) if answer != usual => "says something else without having met it",
                    (Some(answer), true) if answer.verdict == Verdict::Clean && !may_be_content(*command, &path, refused) => {
                        "is content"
                    }
                    (Some(answer), true) if judged && answer.verdict == Verdict::Damaged && !is_damaged(usual.as_ref()) => {
                        "calls it damage"
                    }
                    _ => continue,
                };
                wrong.push(format!("{}: {refused:?}: {command:?} {complaint}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(met * 8 > tried, "{met} of {tried} met it");
    tried
}

/// A small group of two nodes with files of every kind: two segments, two snapshots, a store with a table and a log.
fn group() -> (NodeDir, NodeDir) {
    let make = |name: &str| {
        let mut log = LogWriter::new();
        let voters = crate::support::node_dir::ids(&["n1", "n2"]);
        log.state(1, id("n1"), 0).entries(1, 3, 1).snapshot(3, 1, &voters).state(1, id("n1"), 3);
        log.cut();
        log.entries(4, 8, 1).snapshot(6, 1, &voters).state(1, id("n1"), 8);
        let node = NodeDir::named(name, &log).snap(3, 1, &voters).snap(6, 1, &voters).peers(6, &["n1", "n2"]);
        let mut store = StoreWriter::new(&node.path().join("fsm.db")).unwrap();
        let row = |index: u64| (format!("key{index}\0\0\0\0\0\0\0\0"), [&[0; 9][..], b"value"].concat());
        store
            .table(6, Options::default(), |table| {
                table.point(b"_meta_applied_index", 10, SET, &7_u64.to_le_bytes())?;
                (1..5).try_for_each(|index| table.point(row(index).0.as_bytes(), 10 + index, SET, &row(index).1))
            })
            .unwrap();
        let (key, value) = row(7);
        store.batch(20, &[(SET, b"_meta_applied_index", &8_u64.to_le_bytes()), (SET, key.as_bytes(), &value)]);
        store.finish().unwrap();
        node
    };
    (make("n1"), make("n2"))
}

fn try_group(step: usize) -> usize {
    let (one, other) = group();
    // Otherwise there is nothing that a failure could spoil.
    let paths = [one.path().to_owned()];
    let clean = ekv_tool::ops::check(&paths, &ekv_tool::ops::CheckOptions::default(), &Run::local()).unwrap();
    assert_eq!(clean.verdict, Verdict::Clean, "{:?} {:?}", clean.findings, clean.coverage.not_examined);
    try_all(one.path(), other.path(), step, true)
}

/// Nodes of hashicorp/raft: bbolt, raft-wal and Pebble.
fn try_hashicorp(step: usize) -> usize {
    let root = tempfile::tempdir().unwrap();
    let nodes = ["wal", "pebble"].map(|kind| [1, 2].map(|number| root.path().join(kind).join(format!("n{number}"))));
    for node in &nodes[0] {
        raftwal_writer::write(node, &raftwal_writer::segments());
        raft_db::snapshot(node, 1, 1, 1);
    }
    for node in &nodes[1] {
        raft_db::in_table(&node.join("raft.db"), &raft_db::rows(6));
        raft_db::snapshot(node, 2, 3, 1);
    }
    let recorded = hashi().root.join("h01-single/n1");
    // What of a log in Pebble cannot be read is taken for damage of the log still.
    let [[wal, beside], [pebble, other]] = &nodes;
    let small = try_all(wal, beside, step, true) + try_all(pebble, other, step, false);
    // A file of 64 KiB, most of which is empty.
    small + try_all(&recorded, &recorded, step * 61, true)
}

#[test]
fn nothing_that_is_not_read_is_clean() {
    assert!(try_group(STEP) > 1000);
}

/// What a log of a store holds that cannot be read is not missing from the next one.
#[test]
fn an_unread_log_of_a_store_makes_no_gap_in_the_next() {
    let mut tried = 0;
    for case in crate::support::recorded::real().groups() {
        let store = case.dir.join("fsm.db");
        let names = std::fs::read_dir(&store).into_iter().flatten().map(|entry| entry.unwrap().path());
        let logs: Vec<_> = names.filter(|path| path.extension().is_some_and(|ending| ending == "log")).collect();
        if logs.len() < 2 || tried > 20 {
            continue;
        }
        let below = Memory::of(&Local, &case.dir, 1 << 30).unwrap();
        let place = Place { dir: case.dir.clone(), file: logs[0].clone(), other: case.dir.clone() };
        for log in &logs {
            let failing = Failing { below: below.clone(), place: log.clone(), refused: Refused::Open, met: Arc::default() };
            let run = Run::over(failing.clone());
            for command in [Command::Check, Command::StoreMeta] {
                let usual = ask(command, &place, &[], &Run::over(below.clone())).unwrap();
                let answer = ask(command, &place, &[], &run).unwrap();
                let met = failing.met.swap(false, Ordering::Relaxed);
                let new: Vec<_> = answer.codes.iter().filter(|code| !usual.codes.contains(code)).collect();
                assert!(!new.contains(&&"store-sequence-gap"), "{}: {command:?} {new:?}", log.display());
                assert!(!met || answer.verdict != Verdict::Clean, "{}: {command:?}", log.display());
                tried += usize::from(met);
            }
        }
    }
    assert!(tried > 3, "{tried}");
}

#[test]
fn nothing_of_hashicorp_that_is_not_read_is_clean() {
    assert!(try_hashicorp(STEP) > 1000);
}

/// All of it, in some minutes.
#[test]
#[ignore = "every offset of every file under every command takes some minutes"]
fn nothing_that_is_not_read_is_clean_at_any_offset() {
    let tried = try_group(1) + try_hashicorp(1);
    eprintln!("{tried} commands");
}

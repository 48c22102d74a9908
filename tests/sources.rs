//! The commands say the same wherever the files come from: from the disk, from memory, through an overlay, from afar.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ekv_tool::Run;
use ekv_tool::error::Result;
use ekv_tool::io::{DirEntry, LockState, OpenFile, Standing};
use ekv_tool::ops::hraft::{Backend, hashicorp_check, hashicorp_gate_dryrun};
use ekv_tool::ops::{
    CheckOptions, GateOptions, InspectOptions, VerifyDepth, VerifySnapshotOptions, check, gate_dryrun, inspect, snapshot,
    store_meta, store_verify, verify_snapshot, wal,
};
use ekv_tool::readers::{Depth, Local, Memory, Overlay, Source};
use ekv_tool::report::{Body, OutputFormat, Report, Style, render};

use crate::support::object::Object;
use crate::support::recorded::{cases, fresh, hashi, offload, real};
use crate::support::tree::copy_tree;

/// Every so many of the recorded directories; `EKV_SOURCES_STEP=1` asks all of them.
const STEP: usize = 90;

/// What a command says, but for the time at which it was said.
fn said<B: Body>(report: Result<Report<B>>) -> String {
    let report = match report {
        Ok(report) => report,
        Err(error) => return error.to_string(),
    };
    let mut out = Vec::new();
    render(&report, OutputFormat::Json, Style::default(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let mut parts = text.split("a few seconds after ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('Z').map_or(part, |(_, rest)| rest))
}

/// What the commands say of a group or node that do not speak of its age.
fn answers(dir: &Path, run: &Run<'_>) -> Vec<(&'static str, String)> {
    let paths = &[dir.to_owned()][..];
    if let Ok(Backend::Hashicorp(nodes)) = Backend::of(paths, &*run.source) {
        return vec![
            ("check", said(hashicorp_check(&nodes, None, None, run))),
            ("gate-dryrun", said(hashicorp_gate_dryrun(&nodes, None, run))),
        ];
    }
    let gate = GateOptions { plan: true, ..GateOptions::default() };
    let deep = VerifySnapshotOptions { depth: Depth::Deep, ..VerifySnapshotOptions::default() };
    let store = [dir.join("fsm.db")];
    vec![
        ("check", said(check(paths, &CheckOptions::default(), run))),
        ("gate-dryrun", said(gate_dryrun(paths, &gate, run))),
        ("verify-snapshot", said(verify_snapshot(paths, &deep, run))),
        ("snapshot stat", said(snapshot::stat(paths, true, None, run))),
        ("wal verify", said(wal::verify(paths, run))),
        ("wal stat", said(wal::stat(paths, None, run))),
        ("store meta", said(store_meta(&store, run))),
        ("store verify", said(store_verify(&store, VerifyDepth::Keys, run))),
    ]
}

/// Recorded directories of every kind.
fn recorded() -> Vec<PathBuf> {
    let step = std::env::var("EKV_SOURCES_STEP").ok().map_or(STEP, |step| step.parse().unwrap());
    let mut dirs: Vec<PathBuf> = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo")];
    for archive in [cases(), fresh(), real()] {
        dirs.extend(archive.groups().into_iter().step_by(step).map(|case| case.dir));
    }
    for archive in [hashi(), offload()] {
        dirs.extend(archive.expected.keys().step_by(step.div_ceil(8)).map(|name| archive.root.join(name)));
    }
    dirs.retain(|dir| dir.is_dir());
    assert!(dirs.len() > 20, "{} directories", dirs.len());
    dirs
}

fn compare_sources(other: impl Fn(&Path) -> Run<'static>) {
    let mut wrong = Vec::new();
    for dir in recorded() {
        let there = other(&dir);
        let with_age = |run: &Run<'_>| {
            let mut said_of_it = answers(&dir, run);
            said_of_it.push(("inspect", said(inspect(&dir, InspectOptions::default(), run))));
            said_of_it
        };
        for ((command, here), (_, there)) in with_age(&Run::local()).into_iter().zip(with_age(&there)) {
            if here != there {
                wrong.push(format!("{} {command}\n{}", dir.display(), first_difference(&here, &there)));
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong[..wrong.len().min(10)].join("\n"));
}

fn first_difference(here: &str, there: &str) -> String {
    let pair = here.lines().zip(there.lines()).find(|(a, b)| a != b);
    pair.map_or_else(|| "one is longer".to_owned(), |(a, b)| format!("  on the disk: {a}\n  elsewhere:   {b}"))
}

#[test]
fn a_directory_in_memory_is_as_good_as_on_the_disk() {
    compare_sources(|dir| Run::over(Memory::of(&Local, dir, 1 << 30).unwrap()));
}

/// What was copied is all that is read: the directory is gone.
#[test]
fn nothing_is_read_of_the_disk_for_a_directory_in_memory() {
    let root = tempfile::tempdir().unwrap();
    let node = root.path().join("n1");
    copy_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo/n1"), &node);
    let before = answers(&node.join("group-2"), &Run::local());
    let copy = Memory::of(&Local, &node, 1 << 30).unwrap();
    fs::remove_dir_all(&node).unwrap();
    assert_eq!(answers(&node.join("group-2"), &Run::over(copy)), before);
}

/// The disk as if it were far away, and a list of what was opened.
#[derive(Debug, Clone, Default)]
struct Afar {
    opened: Arc<Mutex<Vec<PathBuf>>>,
}

impl Source for Afar {
    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        Local.list(dir)
    }

    fn list_names(&self, dir: &Path) -> Result<Vec<(String, bool)>> {
        Local.list_names(dir)
    }

    fn look(&self, path: &Path) -> io::Result<Standing> {
        Local.look(path)
    }

    fn link_target(&self, path: &Path) -> Option<PathBuf> {
        Local.link_target(path)
    }

    fn real_path(&self, path: &Path) -> Option<PathBuf> {
        Local.real_path(path)
    }

    fn open(&self, path: &Path) -> Result<OpenFile> {
        // Refused as the system would.
        drop(Local.open(path)?);
        self.opened.lock().unwrap().push(path.canonicalize().unwrap());
        // Some bytes are fetched at a time, and never as many as were asked for.
        let most = |_, _| Ok(100_000);
        let object = Object { bytes: fs::read(path).unwrap(), standing: Local.look(path).unwrap(), most };
        OpenFile::object(path, Arc::new(object))
    }

    fn lock_state(&self, path: &Path) -> Result<LockState> {
        Local.lock_state(path)
    }
}

#[test]
fn objects_that_are_fetched_in_pieces_are_as_good_as_files() {
    compare_sources(|_| Run::over(Afar::default()).on_threads(3));
}

/// How often `check` opens each file of a group.
fn opened_by_check(group: &Path, options: &CheckOptions) -> BTreeMap<String, usize> {
    let afar = Afar::default();
    check(&[group.to_owned()], options, &Run::over(afar.clone())).unwrap();
    let mut counts = BTreeMap::new();
    for path in afar.opened.lock().unwrap().iter() {
        *counts.entry(path.strip_prefix(group).unwrap().display().to_string()).or_default() += 1;
    }
    counts
}

#[test]
fn check_opens_what_it_has_to_read_whole_only_once() {
    let groups: Vec<_> = real().groups().into_iter().step_by(2).map(|case| case.dir.canonicalize().unwrap()).collect();
    let mut tables = 0;
    for group in groups {
        for options in [CheckOptions::default(), CheckOptions { fast: true, ..CheckOptions::default() }] {
            for (file, times) in opened_by_check(&group, &options) {
                let allowed = match Path::new(&file).extension().and_then(|kind| kind.to_str()) {
                    Some("wal" | "log" | "snap") => 1,
                    // The header of one payload tells the server version.
                    Some("fsm") => 2,
                    // Four lookups of single keys and rows, and one reading of it all.
                    Some("sst") => 5,
                    _ if file.starts_with("fsm.db/") => 1,
                    // Small files that tell whether anything has changed.
                    _ => 4,
                };
                tables += usize::from(allowed == 5);
                assert!(times <= allowed, "{}: {file} was opened {times} times", group.display());
            }
        }
    }
    assert!(tables > 4, "{tables}");
}

/// What is done to a group, on the disk or over it.
#[derive(Debug, Clone)]
enum Change {
    Hide(&'static str),
    Put(&'static str, Vec<u8>),
}

impl Change {
    const fn name(&self) -> &'static str {
        match self {
            Self::Hide(name) | Self::Put(name, _) => name,
        }
    }

    fn over(&self, group: &Path, overlay: &mut Overlay) {
        match self {
            Self::Hide(name) => overlay.hide(&group.join(name)).unwrap(),
            Self::Put(name, bytes) => overlay.put(&group.join(name), bytes.clone()).unwrap(),
        }
    }

    fn on_disk(&self, group: &Path) {
        let path = group.join(self.name());
        match self {
            Self::Hide(_) if path.is_dir() => fs::remove_dir_all(path).unwrap(),
            Self::Hide(_) => fs::remove_file(path).unwrap(),
            Self::Put(_, bytes) => {
                fs::write(&path, bytes).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            }
        }
    }
}

const NEWEST_PAYLOAD: &str = "fsm-snap/00000000000000c9.fsm";
const SEGMENT: &str = "wal/0000000000000000-0000000000000000.wal";

/// A copy of a small real group, and what may be done to it.
fn group_and_changes(root: &Path) -> (PathBuf, Vec<(&'static str, Vec<Change>)>) {
    let group = root.join("n1/group-2");
    copy_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo/n1/group-2"), &group);
    let read = |name: &str| fs::read(group.join(name)).unwrap();
    let only = |folder: &str, ending: &str| -> &'static str {
        let mut names: Vec<_> = fs::read_dir(group.join(folder)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        let last = names.iter().rfind(|name| name.to_str().unwrap().ends_with(ending)).unwrap().to_str().unwrap();
        Box::leak(format!("{folder}/{last}").into_boxed_str())
    };
    let flipped = |name: &str, at: usize| {
        let mut bytes = read(name);
        bytes[at] ^= 0x40;
        bytes
    };
    let (envelope, log) = (only("snap", ".snap"), only("fsm.db", ".log"));
    let in_its_middle = read(log).len() / 2;
    let half = read(SEGMENT)[..4096].to_vec();
    let changes = vec![
        ("a payload hidden", vec![Change::Hide(NEWEST_PAYLOAD)]),
        ("an envelope hidden", vec![Change::Hide(envelope)]),
        ("the store hidden", vec![Change::Hide("fsm.db")]),
        ("the log hidden", vec![Change::Hide("wal")]),
        ("a segment cut", vec![Change::Put(SEGMENT, half)]),
        ("a segment flipped", vec![Change::Put(SEGMENT, flipped(SEGMENT, 300))]),
        ("a payload flipped", vec![Change::Put(NEWEST_PAYLOAD, flipped(NEWEST_PAYLOAD, 40))]),
        ("a log of the store flipped", vec![Change::Put(log, flipped(log, in_its_middle))]),
        ("a payload added", vec![Change::Put("fsm-snap/0000000000000fff.fsm", read(NEWEST_PAYLOAD))]),
        ("another engine's marker", vec![Change::Put("raft-engine", b"hashicorp\n".to_vec())]),
        ("several at once", vec![Change::Hide(envelope), Change::Hide(NEWEST_PAYLOAD), Change::Put("wal/1.tmp", Vec::new())]),
    ];
    (group, changes)
}

#[test]
fn a_change_through_an_overlay_is_as_good_as_on_the_disk() {
    let root = tempfile::tempdir().unwrap();
    let (group, changes) = group_and_changes(root.path());
    let untouched = answers(&group, &Run::local());
    for (name, changes) in changes {
        let source = Afar::default();
        let mut overlay = Overlay::over(source.clone());
        for change in &changes {
            change.over(&group, &mut overlay);
        }
        let foretold = answers(&group, &Run::over(overlay));
        assert_eq!(answers(&group, &Run::local()), untouched, "{name}: the directory was changed");
        let opened = source.opened.lock().unwrap();
        let real = group.canonicalize().unwrap();
        for change in &changes {
            let read = opened.iter().find(|path| path.starts_with(real.join(change.name())));
            assert!(read.is_none(), "{name}: {read:?} was read");
        }
        assert!(!opened.is_empty());

        let changed = tempfile::tempdir_in(root.path()).unwrap();
        copy_tree(&group, &changed.path().join("kept"));
        for change in &changes {
            change.on_disk(&group);
        }
        let there = answers(&group, &Run::local());
        fs::remove_dir_all(&group).unwrap();
        copy_tree(&changed.path().join("kept"), &group);
        for ((command, foretold), (_, there)) in foretold.iter().zip(&there) {
            assert!(foretold == there, "{name}, {command}:\n{}", first_difference(there, foretold));
        }
        assert_ne!(there, untouched, "{name}: nothing was said of it");
    }
}

/// A change is seen by every path that leads there, and through links.
#[test]
fn an_overlay_changes_places_and_not_paths() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    fs::create_dir_all(at("a/b")).unwrap();
    fs::write(at("a/b/one"), "1").unwrap();
    fs::write(at("a/b/two"), "2").unwrap();
    std::os::unix::fs::symlink("b", at("a/linked")).unwrap();
    std::os::unix::fs::symlink("b/one", at("a/to-one")).unwrap();
    std::os::unix::fs::symlink("b/new", at("a/to-new")).unwrap();
    let mut overlay = Overlay::over(Local);
    overlay.hide(&at("a/linked/one")).unwrap();
    overlay.put(&at("a/b/../b/two"), *b"changed").unwrap();
    overlay.put(&at("a/b/new"), *b"new").unwrap();
    let bytes = |path: &str| overlay.read_small(&at(path), 100).map(|file| file.bytes).map_err(|error| error.is_not_found());
    for path in ["a/b/one", "a/linked/one", "a/to-one", "a/b/../linked/one"] {
        assert_eq!(bytes(path), Err(true), "{path}");
    }
    assert_eq!((bytes("a/b/two"), bytes("a/linked/two")), (Ok(b"changed".to_vec()), Ok(b"changed".to_vec())));
    assert_eq!((bytes("a/linked/new"), bytes("a/to-new")), (Ok(b"new".to_vec()), Ok(b"new".to_vec())));
    let names = |dir: &str| -> Vec<String> {
        overlay.list(&at(dir)).unwrap().iter().map(|entry| format!("{} {:?} {}", entry.name, entry.kind, entry.size)).collect()
    };
    assert_eq!(names("a/linked"), ["new File 3", "two File 7"]);
    assert_eq!(names("a"), ["b Directory 0", "linked Directory 0", "to-new File 3", "to-one Nowhere 0"]);
    std::os::unix::fs::symlink("to-two", at("a/to-to-two")).unwrap();
    std::os::unix::fs::symlink("b/two", at("a/to-two")).unwrap();
    assert_eq!(overlay.read_small(&at("a/to-to-two"), 100).unwrap().bytes, b"changed");
    overlay.hide(&at("a/to-two")).unwrap();
    assert!(overlay.open(&at("a/to-to-two")).unwrap_err().is_not_found());
    overlay.hide(&at("a/linked")).unwrap();
    assert!(overlay.open(&at("a/linked/two")).unwrap_err().is_not_found());
    assert_eq!(overlay.read_small(&at("a/b/two"), 100).unwrap().bytes, b"changed");
    overlay.hide(&at("a/b")).unwrap();
    assert_eq!(names_of(&overlay, &at("a")), ["to-new", "to-one", "to-to-two"]);
    assert!(overlay.list(&at("a/b")).unwrap_err().is_not_found());
    assert!(overlay.put(&at("nowhere/x"), *b"").is_err());
}

fn names_of(source: &dyn Source, dir: &Path) -> Vec<String> {
    source.list_names(dir).unwrap().into_iter().map(|(name, _)| name).collect()
}

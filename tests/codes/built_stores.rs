//! Codes about stores and their tables, from stores that are written for them.

use std::fs::{self, File};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ekv_tool::Run;
use ekv_tool::analysis::judge::store::verify;
use ekv_tool::io::Progress;
use ekv_tool::readers::pebble_survey::survey_store;
use ekv_tool::readers::pebble_table::TableDepth;

use super::{Files, Provocation};
use crate::support::store_writer::{StoreWriter, frame};
use crate::support::table_writer::{Options, SET};

const TABLE: &str = "fsm.db/000005.sst";
const LOG: &str = "fsm.db/000002.log";
const MANIFEST: &str = "fsm.db/MANIFEST-000001";

const fn deep(
    code: &'static str,
    severity: &'static str,
    path: &'static str,
    offset: Option<u64>,
    build: fn(&Path),
) -> Provocation {
    let command = "store verify --deep";
    Provocation { code, severity, command, files: Files::Built(build), target: "fsm.db", path, offset }
}

/// A group directory that has a store alone.
const fn group(code: &'static str, severity: &'static str, path: &'static str, build: fn(&Path)) -> Provocation {
    let command = "gate-dryrun --engine main";
    Provocation { code, severity, command, files: Files::Built(build), target: ".", path, offset: None }
}

pub const ALL: &[Provocation] = &[
    deep("store-marker", "error", "fsm.db/marker.bogus", None, |root| add(root, "marker.bogus", b"")),
    deep("store-log-corrupt", "error", LOG, Some(0), |root| {
        plain(root);
        fs::write(root.join(LOG), [0x55; 40]).unwrap();
        fs::write(root.join("fsm.db/000009.log"), b"").unwrap();
    }),
    deep("store-manifest-edit", "error", MANIFEST, None, |root| {
        let mut store = StoreWriter::new(&root.join("fsm.db")).unwrap();
        for seq in [11, 12] {
            store.table(6, Options::default(), |writer| writer.point(b"key", seq, SET, b"value")).unwrap();
        }
        store.finish().unwrap();
    }),
    deep("store-manifest-hole", "error", MANIFEST, Some(68), |root| {
        plain(root);
        let first = fs::read(root.join(MANIFEST)).unwrap()[7..].to_vec();
        let mut bytes = frame(&[first.clone(), vec![3, 40], vec![3, 41]], None);
        bytes[first.len() + 7 + 7] ^= 1;
        fs::write(root.join(MANIFEST), bytes).unwrap();
    }),
    deep("store-sequence-hidden", "error", TABLE, None, |root| {
        let mut store = StoreWriter::new(&root.join("fsm.db")).unwrap();
        store.table(6, Options::default(), |writer| writer.point(b"key", 20, SET, b"value")).unwrap();
        store.last_seq(5);
        store.finish().unwrap();
        let bytes = fs::read(root.join(MANIFEST)).unwrap();
        fs::write(root.join(MANIFEST), [&bytes[..], &[0x55; 20]].concat()).unwrap();
    }),
    deep("store-sequence-gap", "error", LOG, Some(0), |root| {
        let mut store = StoreWriter::new(&root.join("fsm.db")).unwrap();
        store.last_seq(9);
        store.batch(11, &[(SET, b"key", b"value")]);
        store.finish().unwrap();
    }),
    deep("store-log-foreign", "error", "fsm.db/000009.log", Some(0), |root| {
        let mut store = StoreWriter::new(&root.join("fsm.db")).unwrap();
        store.batch(10, &[(SET, b"key", b"value")]);
        store.finish().unwrap();
        fs::rename(root.join(LOG), root.join("fsm.db/000009.log")).unwrap();
    }),
    deep("store-level-order", "error", "fsm.db/", None, |root| {
        let mut store = StoreWriter::new(&root.join("fsm.db")).unwrap();
        for (level, seq) in [(6, 20), (0, 15)] {
            store.table(level, Options::default(), |writer| writer.point(b"key", seq, SET, b"value")).unwrap();
        }
        store.finish().unwrap();
    }),
    deep("table-order", "error", TABLE, Some(0), |root| {
        table(root, |writer| {
            writer.point(b"b", 11, SET, b"value")?;
            writer.point(b"a", 12, SET, b"value")
        });
    }),
    deep("table-counts", "error", TABLE, None, |root| {
        table(root, |writer| {
            writer.overcount();
            writer.point(b"a", 11, SET, b"value")
        });
    }),
    deep("table-gap", "warning", TABLE, Some(0), |root| {
        table(root, |writer| {
            writer.stray(&[0xab; 64])?;
            writer.point(b"a", 11, SET, b"value")
        });
    }),
    // The table of another store, of equal size, in the place of this one's.
    deep("table-bounds", "error", TABLE, None, |root| {
        table(root, |writer| writer.point(b"b", 11, SET, b"value"));
        let other = fs::read(root.join(TABLE)).unwrap();
        fs::remove_dir_all(root.join("fsm.db")).unwrap();
        table(root, |writer| writer.point(b"a", 11, SET, b"value"));
        fs::write(root.join(TABLE), other).unwrap();
    }),
    deep("table-format", "error", TABLE, Some(375), columnar),
    deep("store-table-not-read", "warning", TABLE, None, |root| {
        columnar(root);
        let marker = |version| root.join(format!("fsm.db/marker.format-version.000003.0{version}"));
        fs::rename(marker(16), marker(24)).unwrap();
    }),
    group("store-refused", "error", "./fsm.db", |root| {
        fs::create_dir(root.join("wal")).unwrap();
        fs::write(root.join("fsm.db"), b"").unwrap();
    }),
    group("store-restore-backup", "warning", "./fsm.db-restore-backup-1", |root| {
        fs::create_dir(root.join("wal")).unwrap();
        fs::create_dir(root.join("fsm.db-restore-backup-1")).unwrap();
    }),
    group("store-snapshot-artifact", "info", "./fsm.db-sst-checkpoint-1", |root| {
        plain(root);
        fs::create_dir(root.join("fsm.db-sst-checkpoint-1")).unwrap();
    }),
    Provocation {
        code: "store-in-use",
        severity: "info",
        command: "store meta",
        files: Files::Locked(|root| {
            plain(root);
            let lock = File::options().write(true).open(root.join("fsm.db/LOCK")).unwrap();
            rustix::fs::fcntl_lock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
            lock
        }),
        target: "fsm.db",
        path: "fsm.db/LOCK",
        offset: None,
    },
];

type Writer<'w> = &'w mut crate::support::table_writer::TableWriter<std::io::BufWriter<File>>;

/// A store with one table.
fn table(root: &Path, fill: fn(Writer<'_>) -> std::io::Result<()>) {
    let mut store = StoreWriter::new(&root.join("fsm.db")).unwrap();
    store.table(6, Options::default(), fill).unwrap();
    store.finish().unwrap();
}

fn plain(root: &Path) {
    table(root, |writer| writer.point(b"a", 11, SET, b"value"));
}

fn add(root: &Path, name: &str, bytes: &[u8]) {
    plain(root);
    fs::write(root.join("fsm.db").join(name), bytes).unwrap();
}

/// A table whose footer names the first columnar format.
fn columnar(root: &Path) {
    plain(root);
    let mut bytes = fs::read(root.join(TABLE)).unwrap();
    let version = bytes.len() - 12;
    bytes[version] = 5;
    fs::write(root.join(TABLE), bytes).unwrap();
}

/// Appends to the table when it is first told about progress.
struct Meddler<'r> {
    root: &'r Path,
    done: AtomicBool,
}

impl Progress for Meddler<'_> {
    fn advance(&self, _bytes: u64) {
        if !self.done.swap(true, Ordering::Relaxed) {
            let table = File::options().append(true).open(self.root.join(TABLE)).unwrap();
            std::io::Write::write_all(&mut &table, b"more").unwrap();
        }
    }

    fn expect(&self, _bytes: u64) {}

    fn interrupted(&self) -> bool {
        false
    }
}

/// `table-changed` needs something that writes while the program reads, so it is provoked in this process.
pub fn changing_table() -> &'static str {
    let dir = tempfile::tempdir().unwrap();
    plain(dir.path());
    let meddler = Meddler { root: dir.path(), done: AtomicBool::new(false) };
    let survey = survey_store(&dir.path().join("fsm.db"), TableDepth::Rows, &Run::local().watched_by(&meddler)).unwrap();
    let (findings, _) = verify(&survey.store.facts, &survey.outcomes);
    let changed = findings.iter().find(|finding| finding.code.code == "table-changed");
    let finding = changed.unwrap_or_else(|| panic!("{findings:?}"));
    assert_eq!(finding.path.as_deref(), Some(TABLE));
    finding.code.code
}

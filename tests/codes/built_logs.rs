//! Codes about the log of one node, from logs that are written for them.

use super::{Files, Provocation};
use crate::support::log_writer::LogWriter;
use crate::support::node_dir::id;

/// The only segment of a short log.
const FIRST: &str = "n1/wal/0000000000000000-0000000000000000.wal";

const fn check(code: &'static str, severity: &'static str, offset: u64, write: fn(&mut LogWriter)) -> Provocation {
    let (command, files) = ("check", Files::Log(write));
    Provocation { code, severity, command, files, target: "n1", path: FIRST, offset: Some(offset) }
}

pub const ALL: &[Provocation] = &[
    check("log-overwrites-committed", "error", 352, |log| {
        log.entries(2, 5, 2).state(2, 0, 5).entry(5, 3, "x").state(3, 0, 5);
    }),
    check("log-illegal-rewrite", "error", 392, |log| {
        log.entries(2, 5, 3).entry(6, 3, "x").state(3, 0, 5).entry(6, 3, "y").state(3, 0, 6);
    }),
    check("term-churn", "warning", 2216, |log| {
        log.entries(2, 5, 2);
        for term in 10..70 {
            log.state(term, id("n1"), 4);
        }
    }),
    check("vote-changed-in-term", "error", 360, |log| {
        log.entries(2, 5, 2).state(4, id("n2"), 4).state(4, id("n1"), 4);
    }),
    check("wal-payload-malformed", "error", 328, |log| {
        log.entries(2, 5, 2).record(2, &[0xff]);
    }),
    Provocation {
        code: "wal-name-odd",
        severity: "warning",
        command: "wal verify",
        files: Files::Built(|root| {
            let node = super::node(root, "n1", |_| {});
            std::fs::rename(root.join(FIRST), node.path().join("wal/0-0.wal")).unwrap();
        }),
        target: "n1",
        path: "n1/wal/0-0.wal",
        offset: None,
    },
    Provocation {
        code: "wal-broken-copy",
        severity: "info",
        command: "wal verify",
        files: Files::Built(|root| {
            let copy = "wal/0000000000000000-0000000000000000.wal.broken";
            drop(super::node(root, "n1", |_| {}).file(copy, b""));
        }),
        target: "n1",
        path: "n1/wal/0000000000000000-0000000000000000.wal.broken",
        offset: None,
    },
    Provocation {
        code: "wal-broken-copy",
        severity: "error",
        command: "check",
        files: Files::Built(|root| {
            // What a start cut off: three more entries, known to be committed.
            let elsewhere = tempfile::tempdir().unwrap();
            drop(super::node(elsewhere.path(), "n1", |log| {
                log.entries(2, 5, 2).state(2, 0, 5).entries(6, 8, 2).state(2, 0, 8);
            }));
            let cut_off = std::fs::read(elsewhere.path().join(FIRST)).unwrap();
            let node = super::node(root, "n1", |log| {
                log.entries(2, 5, 2).state(2, 0, 5);
            });
            drop(node.file("wal/0000000000000000-0000000000000000.wal.broken", &cut_off));
        }),
        target: "n1",
        path: "n1/wal/0000000000000000-0000000000000000.wal.broken",
        offset: None,
    },
    Provocation {
        code: "wal-segment-stray",
        severity: "error",
        command: "wal verify",
        files: Files::Built(|root| {
            let node = super::node(root, "n1", |log| {
                log.entries(2, 5, 2).state(2, 0, 5);
                log.cut();
                log.entries(6, 7, 2).state(2, 0, 7);
            });
            let second = node.path().join("wal/0000000000000001-0000000000000006.wal");
            std::fs::copy(&second, second.with_extension("wal.old.wal")).unwrap();
        }),
        target: "n1",
        path: "n1/wal/0000000000000001-0000000000000006.wal.old.wal",
        offset: None,
    },
    Provocation {
        code: "registration-replay",
        severity: "warning",
        command: "gate-dryrun",
        files: Files::Built(registrations_above_the_commit),
        target: "n1",
        path: "n1/wal",
        offset: None,
    },
];

/// Two registrations of one writer that an earlier start has applied, above a commit that never reached the disk.
fn registrations_above_the_commit(root: &std::path::Path) {
    use crate::support::store_writer::StoreWriter;
    use crate::support::table_writer::SET;
    let registration = |epoch: u16| {
        let row = [&1_u32.to_be_bytes()[..], &id("n1").to_be_bytes(), &epoch.to_be_bytes()].concat();
        [&[1][..], &[0; 8], &[3, 1], &row].concat()
    };
    let node = super::node(root, "n1", |log| {
        log.entries(2, 4, 2).state(2, id("n1"), 4);
        log.typed_entry(0, 5, 2, &registration(1)).typed_entry(0, 6, 2, &registration(2));
    });
    let mut store = StoreWriter::new(&node.path().join("fsm.db")).unwrap();
    let writer = [&id("n1").to_be_bytes()[..], &1_u16.to_be_bytes(), &2_u16.to_be_bytes()].concat();
    let low = id("n1").to_be_bytes();
    let key = [&b"!encryption|writers|\0\0\0\x01|"[..], &low[6..]].concat();
    store.batch(10, &[(SET, &key, &writer), (SET, b"_meta_applied_index", &4_u64.to_le_bytes())]);
    store.finish().unwrap();
}

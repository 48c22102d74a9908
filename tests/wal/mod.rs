//! The Raft log: what servers read of recorded logs, and every kind of damage to written ones.

mod commands;
mod damage;
mod model;
mod recorded;

use ekv_tool::analysis::server::log::{read_from, valid_snapshots};
use ekv_tool::readers::wal::WalScan;
use ekv_tool::types::{Crc32c, ServerVersion, SnapshotId};

use crate::support::wal_writer::{LogWriter, put};

/// What a start finds: everything that must not change unnoticed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    snapshot: SnapshotId,
    /// Term, vote, commit.
    state: (u64, u64, u64),
    last_index: u64,
    /// Checksum over index, term, type and data of all entries.
    entries: Crc32c,
}

/// What a start of `engine` reads from the newest snapshot that the log allows, or its error.
fn seen(scan: &WalScan, engine: ServerVersion) -> Result<Seen, String> {
    let valid = valid_snapshots(scan, engine).map_err(|error| error.text)?;
    let snapshot = valid.snapshots.iter().map(|record| record.id).max().unwrap_or_default();
    let content = read_from(scan, snapshot, engine).result.map_err(|error| error.text)?;
    let mut entries = Crc32c(0);
    let mut count = 0;
    for entry in content.entries.iter(scan, engine) {
        for number in [entry.index.0, entry.term.0, u64::from(entry.kind.number().unsigned_abs()), entry.data.len() as u64] {
            entries = entries.extend(&number.to_le_bytes());
        }
        entries = entries.extend(entry.data);
        count += 1;
    }
    assert_eq!(count, content.entries.count(), "every entry of the index is found again");
    let state = content.hard_state;
    Ok(Seen { snapshot, state: (state.term.0, state.vote.0, state.commit.0), last_index: content.last_index.0, entries })
}

/// A log of about 20 KiB in three segments: batches, an overwritten suffix, a snapshot, a preallocated tail.
fn sample() -> LogWriter {
    let mut log = LogWriter::create();
    log.snapshot(1, 1, Some(&[7]));
    log.state(1, 0, 1);
    let mut index = 2;
    for segment in 0..3_u64 {
        while log.len() < 6000 {
            for _ in 0..3 {
                let value = vec![b'v'; usize::try_from(40 + index * 37 % 150).unwrap()];
                let data = put(index, format!("!redis|str|key-{index}").as_bytes(), &value);
                log.entry(index, 2 + segment / 2, if index % 9 == 0 { &[] } else { &data });
                index += 1;
            }
            log.state(2 + segment / 2, 7, index - 2);
        }
        if segment == 1 {
            log.snapshot(index - 4, 2, Some(&[7]));
            // A leader of term 3 replaces the last entry, which was not committed.
            log.entry(index - 1, 3, b"\x01\0\0\0\0\0\0\0\x09\x02\0\0\x01\x97\x80\0\0\0");
            log.state(3, 7, index - 2);
            // Back to the terms of the other batches.
            log.entry(index, 3, &[]);
            index += 1;
            log.state(3, 7, index - 1);
        }
        if segment < 2 {
            log.cut();
        }
    }
    log.preallocate(8192);
    log
}

//! Codes about directories of hashicorp/raft, each in a recorded one.

use super::{Files, Provocation, built};
use crate::support::archive_writer::ArchiveWriter;
use crate::support::raft_db::{entry, in_log, log_key, rows};
use crate::support::raftwal_writer::{self, MEMBERS, Segment, segments, write};

const fn at(
    code: &'static str,
    severity: &'static str,
    case: &'static str,
    target: &'static str,
    path: &'static str,
    offset: Option<u64>,
) -> Provocation {
    Provocation { code, severity, command: "check", files: Files::Hashi(case), target, path, offset }
}

const fn archive(code: &'static str, severity: &'static str, offset: Option<u64>, bytes: fn() -> Vec<u8>) -> Provocation {
    let files = Files::Bytes("a.snap", bytes);
    Provocation { code, severity, command: "verify-snapshot", files, target: "a.snap", path: "a.snap", offset }
}

pub(super) const ALL: &[Provocation] = &[
    at("hraft-start-fails", "error", "d-cfg-81", "n1", "n1", None),
    at("hraft-delayed-death", "error", "d-st-stable-lost-split", "n1", "n1/stable.dat", None),
    at("hraft-later-failure", "error", "d-log-key-short-first", "n1", "n1/raft.db", None),
    Provocation {
        code: "hraft-entry-odd",
        severity: "error",
        command: "check",
        files: Files::Built(|root| {
            // A no-op with data.
            let mut all = rows(5);
            all.retain(|(key, _)| *key != log_key(5));
            all.push((log_key(5), entry(5, 2, 1, b"x")));
            in_log(&root.join("n1/raft.db"), &all);
        }),
        target: "n1",
        path: "n1/raft.db",
        offset: None,
    },
    Provocation {
        code: "migration-aborted",
        severity: "warning",
        command: "check",
        files: Files::Built(|root| in_log(&root.join("n1.migrating/raft.db"), &rows(3))),
        target: "n1.migrating",
        path: "n1.migrating",
        offset: None,
    },
    at("bolt-page-damaged", "error", "d-bolt-random-page-1", "n1", "n1/raft.db", Some(24_576)),
    at("bolt-meta-invalid", "info", "d-bolt-meta0-zero", "n1", "n1/raft.db", Some(0)),
    at("bolt-freelist-invalid", "error", "d-bolt-free-zero", "n1", "n1/raft.db", Some(24_576)),
    at("bolt-file-short", "error", "d-bolt-meta-high-big", "n1", "n1/raft.db", Some(65_536)),
    at("bolt-unusable", "error", "d-bolt-text", "n1", "n1/raft.db", Some(0)),
    at("hraft-log-gap", "error", "d-log-gap-mid", "n1", "n1/raft.db", None),
    at("hraft-entry-undecodable", "error", "d-log-value-garbage-mid", "n1", "n1/raft.db", Some(17_602)),
    at("hraft-index-mismatch", "error", "d-log-key-index-mid", "n1", "n1/raft.db", Some(21_698)),
    at("hraft-type-unknown", "error", "d-log-type255-last", "n1", "n1/raft.db", Some(18_716)),
    at("hraft-key-odd", "error", "d-log-key-short", "n1", "n1/raft.db", Some(18_820)),
    at("hraft-term-regress", "error", "d-log-term-regress-last", "n1", "n1/raft.db", None),
    at("hraft-stale-suffix", "warning", "l18-install-stale-suffix", "n2", "n2/raft.db", None),
    at("hraft-configuration-undecodable", "error", "d-cfg-81", "n1", "n1/raft.db", Some(18_860)),
    at("hraft-configuration-odd", "error", "d-cfg-dup-id", "n1", "n1/raft.db", Some(18_825)),
    at("hraft-stable-invalid", "error", "d-st-term-missing", "n1", "n1/raft.db", None),
    at("hraft-vote-odd", "warning", "d-st-vote-above-follower", "n2", "n2/raft.db", None),
    at("hraft-snapshot-unusable", "error", "d-meta-cut", "n1", "n1/snapshots/2-43-1795229132436/meta.json", Some(117)),
    at("hraft-snapshot-leftover", "info", "h09-crash-in-snapshot", "n1", "n1/snapshots/2-23-1795229124581.tmp/meta.json", None),
    at("hraft-snapshot-misnamed", "error", "d-meta-id-nonexistent", "n1", "n1/snapshots/2-43-1795229132436/meta.json", None),
    at("hraft-snapshot-meta-odd", "warning", "d-meta-size-bigger", "n1", "n1/snapshots/2-43-1795229132436/meta.json", None),
    at("hraft-snapshot-log-term", "error", "d-snap-log-term-mismatch", "n1", "n1/raft.db", None),
    at("hraft-not-campaigning", "info", "d-cfg-self-absent", "n1", "n1", None),
    at("hraft-recovery-pending", "info", "h13-peersjson-pending", "n2", "n2/peers.json", None),
    at("snap-boundary-prev-unavailable", "info", "h05b-trailing0-more", "n1", "n1/raft.db", None),
    at("snap-user-restore-hole", "info", "d-log-gap-at-snap-index", "n1", "n1/raft.db", None),
    archive("hraft-archive-damaged", "error", None, || {
        ArchiveWriter::consul().changed("state.bin", |bytes| bytes[0] ^= 1).gzip()
    }),
    archive("hraft-archive-refused", "warning", Some(0), || ArchiveWriter::consul().tar()),
    archive("hraft-archive-odd", "warning", Some(1024), || {
        let mut tar = ArchiveWriter::consul().tar();
        // Behind the state, which has its header at 1024 and is shorter than a block.
        tar[2000] = 1;
        tar
    }),
    built("raftwal-segment-damaged", "error", "n1/wal/00000000000000000001-0000000000000000.wal", Some(8), |root| {
        let node = &root.join("n1");
        let mut all = segments();
        all[0].bytes[16] = 7;
        write(node, &all);
    }),
    built("raftwal-segment-missing", "error", "n1/wal/00000000000000000001-0000000000000000.wal", None, |root| {
        let node = &root.join("n1");
        write(node, &segments());
        std::fs::remove_file(node.join("wal/00000000000000000001-0000000000000000.wal")).unwrap();
    }),
    built("raftwal-meta-invalid", "error", "n1/wal/wal-meta.db", None, |root| {
        let node = &root.join("n1");
        write(node, &segments());
        std::fs::write(node.join("wal/7.wal"), b"").unwrap();
    }),
    built("raftwal-tail-dropped", "info", "n1/wal/00000000000000000005-0000000000000001.wal", Some(192), |root| {
        let node = &root.join("n1");
        let mut all = segments();
        all[1] = all[1].clone().command(3, "nine");
        write(node, &all);
    }),
    built("raftwal-leftover", "info", "n1/wal/wal-meta.db.tmp", None, |root| {
        let node = &root.join("n1");
        write(node, &segments());
        std::fs::write(node.join("wal/wal-meta.db.tmp"), b"").unwrap();
    }),
    built("raftwal-removed-entries", "info", "n1/wal/00000000000000000001-0000000000000000.wal", None, |root| {
        let node = &root.join("n1");
        write(node, &segments());
    }),
    built("raftwal-checkpoint-mismatch", "warning", "n1/wal/00000000000000000001-0000000000000000.wal", Some(176), |root| {
        let node = &root.join("n1");
        let words = |start: u64| [0xafd1_f9d6_0392_a503, start, 77].map(u64::to_le_bytes).concat();
        let segment = Segment::new(1, 0).raw(&raftwal_writer::entry(1, 1, 5, MEMBERS, b"")).raw(&raftwal_writer::entry(
            2,
            1,
            0,
            b"c",
            &words(1),
        ));
        write(node, &[segment.raw(&raftwal_writer::entry(3, 1, 0, b"c", &words(2))).commit()]);
    }),
];

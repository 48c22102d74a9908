//! `wal` and what stands below it.

use super::Reads::{Etcd, Hashicorp, Keys, Log};
use super::{Manual, example};

const USUAL: Manual = Manual { reads: &[Log, Hashicorp, Etcd], doc: "commands/wal.md", ..Manual::USUAL };

pub(super) const MANUALS: &[Manual] = &[
    Manual { command: "wal", near: &["check", "inspect"], ..USUAL },
    Manual {
        command: "wal ls",
        examples: &[
            example("ekv-tool wal ls /var/lib/elastickv", "the segments of every node"),
            example("ekv-tool wal ls n1/group-2/wal", "those of a log by itself"),
        ],
        near: &["wal stat", "wal verify", "wal dump"],
        ..USUAL
    },
    Manual {
        command: "wal stat",
        examples: &[example("ekv-tool wal stat n1", "entries, hard state, snapshots, classes, where it ends")],
        near: &["wal ls", "wal verify"],
        ..USUAL
    },
    Manual {
        command: "wal verify",
        examples: &[
            example("ekv-tool wal verify n1", "every record, and what each server makes of the log"),
            example("ekv-tool wal verify --format json n1", "for a script"),
        ],
        near: &["check", "gate-dryrun", "wal dump"],
        ..USUAL
    },
    Manual {
        command: "wal dump",
        examples: &[
            example("ekv-tool wal dump --from 200 --to 210 n1/group-2", "some entries"),
            example("ekv-tool wal dump --key-prefix redis:probe: n1", "those that touch a key"),
            example("ekv-tool wal dump --type hard-state,snapshot n1", "records that are no entries"),
            example("ekv-tool wal dump --effective --format ndjson n1", "what stands, for a script"),
        ],
        reads: &[Log, Keys, Hashicorp, Etcd],
        near: &["wal show", "history", "wal stat"],
        ..USUAL
    },
    Manual {
        command: "wal show",
        examples: &[
            example("ekv-tool wal show 201 n1/group-2", "an entry by its index, byte by byte"),
            example("ekv-tool wal show 0@0 n1/group-2", "the frame at an offset of a segment"),
        ],
        reads: &[Log, Keys, Hashicorp, Etcd],
        near: &["wal dump", "inspect"],
        ..USUAL
    },
];

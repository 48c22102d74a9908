//! `store` and what stands below it.

use super::Reads::{Keys, Log, Payloads, Peers, Store};
use super::{Manual, example};

const USUAL: Manual = Manual { reads: &[Store], doc: "commands/store.md", ..Manual::USUAL };

pub(super) const MANUALS: &[Manual] = &[
    Manual { command: "store", near: &["check", "history"], ..USUAL },
    Manual {
        command: "store diff",
        examples: &[
            example("ekv-tool store diff n1 n2", "two nodes of a group"),
            example("ekv-tool store diff n1/group-1 n2/group-1", "one of several groups"),
            example("ekv-tool store diff n1/fsm.db copy/fsm.db", "two stores"),
            example(
                "ekv-tool store diff n1/group-2 \\\n  n1/group-2/fsm-snap/00000000000000c9.fsm",
                "a store and a payload: what a restore would change",
            ),
        ],
        notes: &["\
Each row that is not the same in both is explained by an entry of the logs
beside the stores that only one of them has applied, or is one that every node
may have of its own, or must not be there. Every node seals values for itself:
those of two nodes are compared with --sidecar and --kek."],
        reads: &[Store, Log, Payloads, Peers, Keys],
        near: &["compare", "snapshot diff", "history"],
        ..USUAL
    },
    Manual {
        command: "store lsm",
        examples: &[
            example("ekv-tool store lsm n1", "the levels and what a lookup visits"),
            example("ekv-tool store lsm --verbose n1", "every table"),
        ],
        near: &["store stat", "store verify"],
        ..USUAL
    },
    Manual {
        command: "store scan",
        examples: &[
            example("ekv-tool store scan --limit 20 n1", "the first rows"),
            example("ekv-tool store scan --prefix redis:user: n1", "all keys that begin so"),
            example("ekv-tool store scan --format ndjson n1 | wc -l", "a line a row"),
            example("ekv-tool store scan --raw --prefix _meta_ n1", "as they are stored"),
        ],
        reads: &[Store, Keys],
        near: &["store get", "store stat"],
        ..USUAL
    },
    Manual {
        command: "store meta",
        examples: &[
            example("ekv-tool store meta /var/lib/elastickv/n1", "how far is this node's store?"),
            example("ekv-tool store meta --format json n1/group-2/fsm.db", "for a script"),
        ],
        near: &["gate-dryrun", "store lsm"],
        ..USUAL
    },
    Manual {
        command: "store dump",
        examples: &[
            example("ekv-tool store dump n1/group-2/fsm.db/MANIFEST-000001", "the edits of a MANIFEST"),
            example("ekv-tool store dump --limit 6 n1/group-2/fsm.db/000002.log", "the batches of a log"),
        ],
        reads: &[Store, Keys],
        near: &["store lsm", "inspect"],
        ..USUAL
    },
    Manual {
        command: "store get",
        examples: &[
            example("ekv-tool store get n1 redis:user:1", "every row of a key of redis, and its type"),
            example("ekv-tool store get n1 ddb:orders/42/2026", "an item; s3:BUCKET/KEY and sqs:QUEUE too"),
            example("ekv-tool store get n1 '!redis|str|user:1'", "the newest version of one row"),
            example(r"ekv-tool store get n1 'key\x00with\xff' --versions 10", "older ones too"),
            example("ekv-tool store get n1 hex:6b6579", "a key in hex"),
            example("ekv-tool store get n1 _meta_applied_index", "a key of the store itself"),
            example(r"ekv-tool store get n1 --raw 'k\xfe\x68\x8b\xdf\x23\xdf\xff\xff'", "as stored"),
        ],
        reads: &[Store, Keys],
        near: &["history", "store scan"],
        ..USUAL
    },
    Manual {
        command: "store stat",
        examples: &[
            example("ekv-tool store stat n1", "who uses the space"),
            example("ekv-tool store stat n1 --top 30", "more of the largest"),
            example("ekv-tool store stat --format prometheus n1", "for a collector"),
        ],
        reads: &[Store, Keys],
        near: &["store lsm", "snapshot stat"],
        ..USUAL
    },
    Manual {
        command: "store verify",
        examples: &[
            example("ekv-tool store verify n1", "every byte of the live tables"),
            example("ekv-tool store verify --deep n1", "the records of each key across levels too"),
            example("ekv-tool store verify --checksums n1", "only the checksums of all blocks"),
        ],
        near: &["check", "store lsm"],
        ..USUAL
    },
];

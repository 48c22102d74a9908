//! `snapshot` and what stands below it.

use super::Reads::{Envelopes, Keys, Log, Payloads};
use super::{Manual, example};

const USUAL: Manual = Manual { reads: &[Envelopes, Payloads], doc: "commands/snapshot.md", ..Manual::USUAL };

pub(super) const MANUALS: &[Manual] = &[
    Manual { command: "snapshot", near: &["verify-snapshot"], ..USUAL },
    Manual {
        command: "snapshot ls",
        examples: &[
            example("ekv-tool snapshot ls /var/lib/elastickv", "every snapshot of every node"),
            example("ekv-tool snapshot ls n1/group-2", "those of a group"),
        ],
        near: &["snapshot show", "snapshot stat", "verify-snapshot"],
        ..USUAL
    },
    Manual {
        command: "snapshot show",
        examples: &[
            example("ekv-tool snapshot show n1/group-2/fsm-snap/00000000000000c9.fsm", "a payload"),
            example("ekv-tool snapshot show n1/group-2/snap/0000000000000002-00000000000000c9.snap", "an envelope"),
        ],
        near: &["snapshot ls", "inspect"],
        ..USUAL
    },
    Manual {
        command: "snapshot stat",
        examples: &[
            example("ekv-tool snapshot stat --newest n1/group-2", "who uses the space of a snapshot"),
            example("ekv-tool snapshot stat backup.fsm", "of a payload by itself"),
        ],
        reads: &[Envelopes, Payloads, Keys],
        near: &["store stat", "snapshot ls"],
        ..USUAL
    },
    Manual {
        command: "snapshot diff",
        examples: &[example(
            "ekv-tool snapshot diff n1/group-2/fsm-snap/0000000000000065.fsm \\\n  n1/group-2/fsm-snap/00000000000000c9.fsm",
            "which rows came, went and changed",
        )],
        notes: &["\
Payloads of one index may differ legally: garbage collection, expiry and the
clock ceiling are decided by each node alone. Every node seals values for
itself: those of two nodes are compared with --sidecar and --kek, in clear text
that is not shown. The exit status says whether both could be read, not whether
they differ."],
        reads: &[Payloads, Keys],
        near: &["store diff", "snapshot stat"],
        ..USUAL
    },
    Manual {
        command: "snapshot rebuild",
        examples: &[
            example("ekv-tool snapshot rebuild n1/group-2", "which envelopes can be made again, and from what"),
            example(
                "ekv-tool snapshot rebuild n1/group-2 --index 201 --raw \\\n  --output /tmp/snapshot-201.made",
                "the bytes of one",
            ),
        ],
        notes: &["The file gets its name, which the report shows, when it is put into a copy."],
        reads: &[Log, Envelopes, Payloads],
        near: &["verify-snapshot", "snapshot ls"],
        ..USUAL
    },
];

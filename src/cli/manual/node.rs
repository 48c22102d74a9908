//! The commands that take whole nodes, or anything.

use super::Reads::{Envelopes, Etcd, Facts, Hashicorp, Keys, Log, Offloads, Payloads, Peers, Store};
use super::{Manual, Reads, Statuses, example};

/// What a group keeps.
const GROUP: &[Reads] = &[Log, Envelopes, Payloads, Store, Peers];
/// What a node may keep, whoever wrote it.
const ANY: &[Reads] = &[Log, Envelopes, Payloads, Store, Peers, Keys, Hashicorp, Etcd];

/// The same, and the keys of what is sealed.
const GROUP_AND_KEYS: &[Reads] = &[Log, Envelopes, Payloads, Store, Peers, Keys];

const REPORT: Statuses = &[
    (0, "nothing is damaged"),
    (1, "the work could not be done"),
    (2, "an error was found, or a start is refused"),
    (3, "something could not be checked"),
    (130, "interrupted"),
];

const GATE: Statuses = &[
    (0, "every outcome is accepted"),
    (1, "the work could not be done"),
    (2, "a start would be refused, or lose something"),
    (3, "unknown"),
    (10, "a full restore would be executed"),
    (11, "a full restore as fallback"),
    (130, "interrupted"),
];

const CHECK: Statuses = &[
    (0, "nothing is damaged"),
    (1, "the work could not be done"),
    (2, "an error was found"),
    (3, "something could not be checked"),
    (130, "interrupted"),
];

const PLAN: Statuses = &[
    (0, "both would be done, as far as they were asked about"),
    (1, "the work could not be done"),
    (2, "one would be refused, or something in the store is damaged"),
    (3, "unknown"),
    (130, "interrupted"),
];

const SNAPSHOT: Statuses = &[
    (0, "intact"),
    (1, "the work could not be done"),
    (2, "damaged"),
    (3, "not everything could be judged"),
    (130, "interrupted"),
];

pub(super) const MANUALS: &[Manual] = &[
    Manual {
        command: "verify-snapshot",
        examples: &[
            example("ekv-tool verify-snapshot /var/lib/elastickv/n1", "every snapshot of a node"),
            example("ekv-tool verify-snapshot --deep backup.fsm", "every row of a payload too"),
            example("ekv-tool verify-snapshot --token-crc 6a281dac backup.fsm", "is it that one?"),
            example("ekv-tool verify-snapshot backup.fsm.gz", "unpacked on the way"),
            example("ekv-tool verify-snapshot --sample 3/16 n1", "a part; 1/16 to 16/16 are all of it"),
            example(
                "ekv-tool verify-snapshot --max-duration 20m --ledger /tmp/ekv.ledger \\\n  --max-age 7d n1",
                "every night; nothing twice within a week",
            ),
            example("zcat backup.fsm.gz | ekv-tool verify-snapshot -", "through a pipe"),
        ],
        reads: &[Envelopes, Payloads, Offloads, Keys, Hashicorp, Etcd],
        statuses: SNAPSHOT,
        shows_statuses: true,
        near: &["check", "gate-dryrun", "snapshot ls", "snapshot stat"],
        doc: "commands/verify-snapshot.md",
        ..Manual::USUAL
    },
    Manual {
        command: "gate-dryrun",
        examples: &[
            example("ekv-tool gate-dryrun /var/lib/elastickv", "every node and group below"),
            example("ekv-tool gate-dryrun --plan /var/lib/elastickv/n1", "what happens to each log entry"),
            example("ekv-tool gate-dryrun --engine main --accept any n1", "may this node be upgraded?"),
            example("ekv-tool gate-dryrun --no-body-crc --format prometheus --output gate.prom n1", "for a textfile collector"),
        ],
        reads: ANY,
        statuses: GATE,
        shows_statuses: true,
        near: &["check", "verify-snapshot", "explain"],
        doc: "commands/gate-dryrun.md",
        ..Manual::USUAL
    },
    Manual {
        command: "check",
        examples: &[
            example("ekv-tool check /var/lib/elastickv/n1", "one node, all its groups"),
            example("ekv-tool check --only log-gap,hardstate-regress n1", "two checks of many"),
            example("ekv-tool check --fast n1", "without the content of payloads and tables"),
            example("ekv-tool check --max-duration 10m n1", "as much content as there is time for"),
            example("ekv-tool check --fail-on warning --format markdown n1", "strict, for a channel"),
            example("ekv-tool check --list", "every check and what it shows"),
        ],
        reads: ANY,
        statuses: CHECK,
        shows_statuses: true,
        near: &["gate-dryrun", "compare", "verify-snapshot", "explain"],
        doc: "commands/check.md",
        ..Manual::USUAL
    },
    Manual {
        command: "compare",
        examples: &[
            example("ekv-tool compare n1 n2 n3", "the groups that these nodes share"),
            example("ekv-tool compare /var/lib/elastickv", "every node of a raft data dir"),
            example("ekv-tool compare --fast n1 n2 n3", "without the rows of the stores"),
            example("ekv-tool compare n1.facts n2.facts n3.facts", "facts of nodes elsewhere"),
            example("ekv-tool compare n1=host1 n2=host2 n3=host3", "copies under other names"),
            example("ekv-tool compare --format markdown n1 n2", "for the incident channel"),
        ],
        reads: &[Log, Envelopes, Payloads, Store, Peers, Facts, Keys, Hashicorp, Etcd],
        near: &["facts", "check", "store diff", "history"],
        doc: "commands/compare.md",
        ..Manual::USUAL
    },
    Manual {
        command: "report",
        examples: &[
            example("ekv-tool report /var/lib/elastickv/n1 -o n1.html", "one node"),
            example("ekv-tool report n1 n2 n3 -o postmortem.html", "all nodes of a group"),
            example("ekv-tool report --fast n1 -o n1.html", "without payloads and rows"),
            example("ekv-tool report --format json n1", "the same for programs"),
        ],
        reads: GROUP_AND_KEYS,
        statuses: REPORT,
        shows_statuses: true,
        near: &["check", "gate-dryrun", "compare", "verify-snapshot"],
        doc: "commands/report.md",
        ..Manual::USUAL
    },
    Manual {
        command: "facts",
        examples: &[
            example("ekv-tool facts /var/lib/elastickv/n1 -o n1.facts", "on each machine"),
            example("ekv-tool compare n1.facts n2.facts n3.facts", "where the files are"),
            example("ekv-tool facts --fast n1 -o n1.facts", "without the rows"),
            example("ekv-tool facts n1 | ssh ops 'cat > n1.facts'", "sent at once"),
        ],
        reads: GROUP,
        near: &["compare", "check"],
        doc: "commands/facts.md",
        ..Manual::USUAL
    },
    Manual {
        command: "history",
        examples: &[
            example("ekv-tool history redis:user:1 n1", "who wrote it, when, what was before"),
            example("ekv-tool history user:1 n1 n2 n3", "over three nodes: who has which"),
            example("ekv-tool history ddb:orders/42 n1=host1 n2=host2", "copies under other names"),
            example(r"ekv-tool history 'k\x00\xff' n1 --raw", "values as stored, in hex too"),
            example("ekv-tool history --format ndjson redis:q n1", "a line a version"),
        ],
        reads: &[Log, Envelopes, Payloads, Store, Keys],
        near: &["store get", "wal dump", "compare"],
        doc: "commands/history.md",
        ..Manual::USUAL
    },
    Manual {
        command: "inspect",
        examples: &[
            example("ekv-tool inspect /var/lib/elastickv/n1", "a directory"),
            example("ekv-tool inspect n1/group-1/etcd-raft-peers.bin", "one file of it"),
            example("ekv-tool inspect unknown-file-from-a-backup", "by content, whatever its name"),
            example("zstdcat unknown.zst | ekv-tool inspect -", "through a pipe"),
        ],
        reads: ANY,
        near: &["check", "wal ls", "snapshot show", "store dump"],
        doc: "commands/inspect.md",
        ..Manual::USUAL
    },
    Manual { command: "offload", reads: &[Offloads], doc: "commands/offload.md", ..Manual::USUAL },
    Manual {
        command: "offload plan",
        examples: &[
            example("ekv-tool offload plan n1/group-2", "what would be published, and where it would be spooled"),
            example("ekv-tool offload plan --store /backup n1/group-2", "is it there already, and what would come back"),
            example(
                "ekv-tool offload plan --store /backup --group-id 2 \\\n  --peers n1=10.0.0.1:7001,n2=10.0.0.2:7001 n4",
                "a new node: which snapshot, how much space, which members",
            ),
        ],
        reads: &[Log, Envelopes, Payloads, Store, Peers, Offloads],
        statuses: PLAN,
        shows_statuses: true,
        near: &["verify-snapshot", "snapshot ls"],
        doc: "commands/offload.md",
        ..Manual::USUAL
    },
];

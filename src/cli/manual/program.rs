//! The program itself, and the commands about it.

use super::{Manual, SHOWN, Statuses, example};

const ALL: Statuses = &[
    (0, "clean; for gate-dryrun: every outcome is accepted"),
    (1, "the work could not be done"),
    (2, "damaged; for gate-dryrun: a start would be refused or lose something"),
    (3, "unknown"),
    (10, "gate-dryrun: a full restore would be executed"),
    (11, "gate-dryrun: a full restore as fallback"),
    (130, "interrupted"),
];

const USUAL: Manual = Manual { statuses: SHOWN, ..Manual::USUAL };

pub(super) const MANUALS: &[Manual] = &[
    Manual {
        examples: &[
            example("ekv-tool check /var/lib/elastickv/n1", "is this node well?"),
            example("ekv-tool gate-dryrun /var/lib/elastickv/n1", "what will it do when it starts?"),
            example("ekv-tool verify-snapshot backup.fsm", "is this snapshot good?"),
        ],
        notes: &["Nothing is ever written, locked or renamed in a data directory."],
        statuses: ALL,
        shows_statuses: true,
        ..Manual::USUAL
    },
    Manual {
        command: "explain",
        examples: &[
            example("ekv-tool explain fsm-body-crc", "a code of a finding"),
            example("ekv-tool explain ErrFSMSnapshotTokenCRC", "an error of the server by its name"),
            example("ekv-tool explain 'wal: slice bounds out of range, snapshot[Index: 10, ...'", "a line of its log"),
            example("journalctl -u elastickv -n 1 | ekv-tool explain -", "the last one"),
            example("ekv-tool explain --file elastickv.log", "each line on its own, the causal one first"),
            example("ekv-tool explain --file elastickv.log.2.gz", "gzip and Zstandard are unpacked"),
            example("ekv-tool explain --list", "all that is known"),
        ],
        near: &["check", "gate-dryrun"],
        doc: "commands/explain.md",
        ..USUAL
    },
    Manual {
        command: "completions",
        examples: &[
            example("ekv-tool completions bash > /etc/bash_completion.d/ekv-tool", "bash"),
            example("ekv-tool completions zsh > \"${fpath[1]}/_ekv-tool\"", "zsh"),
            example("ekv-tool completions fish > ~/.config/fish/completions/ekv-tool.fish", "fish"),
        ],
        near: &["man"],
        ..USUAL
    },
    Manual {
        command: "man",
        examples: &[
            example("ekv-tool man | man -l -", "the page of the program"),
            example("ekv-tool man wal dump | man -l -", "the page of a command"),
            example("ekv-tool man --all /usr/local/share/man/man1", "every page, to be installed"),
        ],
        near: &["completions", "schema"],
        ..USUAL
    },
    Manual {
        command: "schema",
        examples: &[
            example("ekv-tool schema", "the names of all reports"),
            example("ekv-tool schema gate-dryrun", "what its --format json writes"),
        ],
        near: &["man"],
        doc: "json.md",
        ..USUAL
    },
];

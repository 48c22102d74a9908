//! The one integration test target; a comment beside each module says what belongs there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test that cannot go on should stop"
)]

mod agreement; // The commands agree about one directory.
mod book; // The pages of docs/: each has its place, and its links and commands lead somewhere.
mod check; // The rules of one node: nothing on healthy nodes, the exact finding on damaged ones.
mod cli; // The command as a user meets it: usage, exit statuses, pipes, output files.
mod codes; // Every code is emitted, at the place where the damage is.
mod codes_doc; // docs/codes.md is made from the table of codes.
mod columnar; // Stores with columnar tables: clean, damaged, and what a start reads of them.
mod compare; // The same group on several nodes.
mod completions; // Completion in bash, zsh and fish: every command, and names of what lies below a directory.
mod dumps; // Dumps of the offline tools: what the tools say, every cut and flip of an archive.
mod encryption; // Starts with and without keys, what is opened, and that no key is ever shown.
mod etcd; // Directories of etcd: healthy and damaged, recorded and written by etcd in the test.
mod explain; // What is said about a code or an error, and that every recorded error has an explanation.
mod facts; // Files of facts: the same answers as of the directories, without keys and values.
mod faults; // Every single fault of a group directory is found, or harmless for a reason.
mod gate; // Forecasts against what the server did.
mod golden; // What every command prints on the demo and on ten recorded directories.
mod golden_nodes; // Whole outputs of check and compare on real nodes.
mod history; // Every version of a key: exact ones of built directories, and what other commands say of real ones.
mod hostile; // What hostile bytes may cost.
mod hostile_dirs; // Hostile directories in memory: no panic, one truth in every command, format and number of threads.
mod hraft; // Directories of hashicorp/raft, against what the library did with recorded ones.
mod hraft_archive; // Snapshot archives of hashicorp's products: exact findings, a restore's words, every cut and flip.
mod hraft_faults; // Every single fault of a `raft.db` and a `meta.json`, as of a group directory.
mod hraft_pebble; // The same where `raft.db` is a directory of Pebble.
mod hraft_places; // The same where files are gone, empty, links to nothing, or of somebody else.
mod hraft_wal; // Logs of raft-wal: exact findings, starts, every cut and flip of a segment.
mod html; // Pages: what JSON says is on them, nothing runs, no name is markup, and what a browser makes of them.
mod inspect; // One page on every file of recorded directories.
mod json_doc; // docs/json.md says what every field is.
mod layering; // No layer uses one above it.
mod layouts; // Nodes beside, below and around something else: none is passed over in silence.
#[cfg(target_os = "linux")]
mod little_memory; // Healthy nodes with less and less memory: unknown, never damaged.
mod live; // A node that writes while the program reads, and every state in which it can die.
mod manual; // Manual pages, and the examples of every command, run as they stand.
mod names; // Keys by the names that people use for them.
mod ndjson; // The lines of ndjson hold the whole report.
mod next_steps; // Every command that a report ends with works as it stands.
mod offload; // Stores of offloaded snapshots: what the server's restore said, and what it does not look at.
mod offload_plan; // What a publish and a restore would do, in the words of the server's program.
mod pebble_table; // Sorted tables: what was written is read, and what was damaged is noticed.
mod peers; // Members of a group, against what servers did with recorded directories.
#[cfg(unix)]
mod progress; // What a run says of itself while it works.
mod raft; // Histories of a group that follows Raft, and what is changed in them.
mod reading_less; // Content that is not read: from a ledger, in another part of a sample, out of time.
mod readme; // The examples of README.md, run as they stand there.
mod refused; // A source that fails: reads, opens, looks and lists that are refused, in every command.
#[cfg(target_os = "linux")]
mod resources; // Limits of the system: few descriptors, little address space.
mod scripts; // The scripts of docs/pre-deploy.md, run against nodes that are fine, damaged, and not there.
mod sealed_rows; // Sealed rows of payloads: opened, compared, and in bundles of tables.
mod second_pass; // Files that change between two passes over them.
mod snapshot_commands; // `snapshot ls`, `show`, `stat` and `diff`.
mod snapshots; // What the library makes of recorded snapshots.
mod sources; // The same answer wherever the files come from: disk, memory, overlay, objects.
mod starts; // Kinds of directories that only random damage turned up.
mod store_damage; // One byte of a store changed, at every place.
mod store_diff; // Two stores row by row: what is explained, one's own, a divergence, or not known.
mod store_diff_payload; // The same with a payload on one side or both.
mod store_dump; // One file of a store without the others.
mod store_lsm; // The levels as people and scripts see them.
mod store_meta; // What a store says about itself, and single keys.
mod store_open; // What a start does with a store.
mod store_scan; // The newest state of every key of a store.
mod store_verify; // Every byte of the tables of a store.
mod streams; // Standard input, pipes of the shell and compressed files.
mod support; // Recorded data directories, writers of every format and other help, for every module above.
#[cfg(target_os = "linux")]
mod system; // The program and the system under it: failing disks, odd files, signals, other users.
mod terminal; // Widths, colours and whole names on a real terminal.
mod tour; // The commands of docs/tour.md, as a newcomer follows them.
mod verify; // `verify-snapshot`: exact findings for exact damage, bad input, every format.
mod wal; // The Raft log: what servers read of recorded logs, and every kind of damage to written ones.
mod widths; // The pages of the main commands in terminals of four widths.

/// Memory that a test asks for is counted, as a measure of the work.
#[global_allocator]
static COUNTING: support::effort::Counting = support::effort::Counting;

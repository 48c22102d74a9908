//! What hashicorp/raft says, and its store over Pebble.

use crate::analysis::server::conditions::Condition;

/// In the order of a start.
pub(super) static RAFT: &[Condition] = &[
    Condition {
        name: "failed to load any existing snapshots",
        says: &["failed to load any existing snapshots"],
        engine: None,
        title: "no snapshot that the library lists can be restored",
        meaning: "Snapshots are listed, and each was tried from the newest on: none could be opened and taken by the \
                  state machine. The library does not start from the log alone then, even if that is complete.",
        decided_by: "meta.json and state.bin of the newest snapshots, as many as are retained; the checksum in \
                     meta.json.",
        safe: "Find out with verify-snapshot which part of each is wrong; a sound snapshot of another member, copied \
               whole, lets the node start.",
        not_safe: "Do not delete the snapshots to get past the error unless the log reaches back to its first entry.",
        more: "ekv-tool verify-snapshot DIR",
    },
    Condition {
        name: "CRC mismatch",
        says: &["crc mismatch", "failed to open snapshot"],
        engine: None,
        title: "the payload of a snapshot is not what its meta.json was written for",
        meaning: "Every byte of state.bin was read and its sum differs from the one in meta.json, or meta.json has \
                  none. The library passes over the snapshot and tries the next older one.",
        decided_by: "CRC-64 over state.bin, against CRC in meta.json.",
        safe: "Take state.bin and meta.json from one copy of the same snapshot.",
        not_safe: "Do not write another checksum into meta.json: the state would be restored as it is.",
        more: "ekv-tool verify-snapshot DIR",
    },
    Condition {
        name: "failed to decode peers",
        says: &["failed to decode peers"],
        engine: None,
        title: "a membership of the old form cannot be decoded",
        meaning: "An entry of type 2 or 3 behind the newest usable snapshot, or the peers of a snapshot of version 0, \
                  is no list of addresses. The start returns this as an error, every time.",
        decided_by: "The payload of the entry, or Peers in meta.json.",
        safe: "A forced recovery with peers.json decodes no membership and cures the entry; a snapshot of version 0 has \
               to be taken from a copy.",
        not_safe: "Do not delete the entry: a gap ends the start too.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "failed to decode configuration",
        says: &["failed to decode configuration"],
        engine: None,
        title: "a membership in the log cannot be decoded, and the process ends over it",
        meaning: "An entry of type 5 was stored before it was decoded. Every start that comes to it panics, until a \
                  usable snapshot covers its index.",
        decided_by: "The payload of the entry of type 5; the text behind the colon is the decoder's.",
        safe: "A forced recovery with peers.json cures it: that decodes no membership. Members that still run should \
               take a snapshot at or above the index before anyone restarts them.",
        not_safe: "Do not restart members that still run, and do not delete the entry.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "maximum decoding depth exceeded",
        says: &["maximum decoding depth exceeded"],
        engine: None,
        title: "a payload is nested deeper than the decoder follows",
        meaning: "Containers inside of each other, 1024 or more, stand under a key of a membership. No writer makes \
                  that.",
        decided_by: "The payload of the entry that the line names.",
        safe: "As for any membership that cannot be decoded: a forced recovery with peers.json.",
        not_safe: "Do not replicate the entry to further members.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "unrecognized log type",
        says: &["unrecognized log type"],
        engine: None,
        title: "an entry has a type that the library does not know",
        meaning: "It was stored and replicated like any other, and ends each process that applies it, at the same \
                  index.",
        decided_by: "The type in the value of the entry.",
        safe: "Run a release that knows the type, or take a snapshot at or above the index where that is still \
               possible.",
        not_safe: "Do not restart members that have not applied it yet.",
        more: "ekv-tool wal show INDEX DIR",
    },
    Condition {
        name: "failed to get last log at index",
        says: &["failed to get last log at index"],
        engine: None,
        title: "the entry under the last key of the log cannot be read",
        meaning: "A start reads the last entry first. It is missing, does not decode, or its key has more than eight \
                  bytes, so that no entry is found under the index that is read from it.",
        decided_by: "The last key of the log and its value.",
        safe: "A snapshot that covers the index does not help a start, but a forced recovery then. Otherwise let the \
               node join again.",
        not_safe: "Do not delete the last key: what was acknowledged is in it.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "failed to get log at index",
        says: &["failed to get log at index"],
        engine: None,
        title: "an entry that a forced recovery needs cannot be read",
        meaning: "A recovery reads every entry behind the newest snapshot and gives up at the first that is missing or \
                  does not decode.",
        decided_by: "The keys of the log, and the value at the index.",
        safe: "Put the store back from a copy, or let the node join again; a member with a whole log can be recovered \
               instead.",
        not_safe: "Do not fill the gap with entries of another member.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "log not found",
        says: &["log not found"],
        engine: None,
        title: "an entry is missing in the log",
        meaning: "Behind the snapshot that was restored every index has to be there. At a start the first that is not \
                  ends the process; while it runs, a follower that needs the entry gets a snapshot instead.",
        decided_by: "The keys of the log, against the index of the snapshot that was restored. A key with a damaged \
                     order, or a bucket in its place, counts as missing.",
        safe: "Keep a copy of the directory; then let the node join again empty, or put its files back from a copy of \
               one moment.",
        not_safe: "Do not run a forced recovery on it: it stops at the same gap.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "failed to load current term",
        says: &["failed to load current term", "failed to read current term"],
        engine: None,
        title: "the node's term cannot be read",
        meaning: "The stable store gave an error for CurrentTerm. elastickv's store over Pebble does so for any length \
                  but eight bytes.",
        decided_by: "The value of CurrentTerm.",
        safe: "Keep a copy of the directory; then let the node join again empty, or put its files back from a copy of \
               one moment.",
        not_safe: "Do not write a term by hand: a lower one than the node has voted in lets it vote twice.",
        more: "ekv-tool wal stat DIR",
    },
    Condition {
        name: "invalid uint64 value length",
        says: &["invalid uint64 value length"],
        engine: None,
        title: "a number of the stable store has another length than eight bytes",
        meaning: "elastickv's store over Pebble refuses such a value; CurrentTerm ends the start over it, LastVoteTerm \
                  every request for a vote.",
        decided_by: "The length of the value under the key.",
        safe: "Keep a copy of the directory; then let the node join again empty, or put its files back from a copy of \
               one moment.",
        not_safe: "Do not pad the value.",
        more: "ekv-tool wal stat DIR",
    },
    Condition {
        name: "index out of range [7]",
        says: &["index out of range [7] with length"],
        engine: None,
        title: "a number or a log key has fewer than eight bytes",
        meaning: "raft-boltdb reads eight bytes without looking at the length, and the process ends. CurrentTerm and \
                  the last key of the log end every start, LastVoteTerm the first request for a vote, the first key of \
                  the log the first compaction.",
        decided_by: "The length of the value in bucket `conf`, or of the first or last key in bucket `logs`.",
        safe: "Keep a copy of the directory; then let the node join again empty, or put its files back from a copy of \
               one moment.",
        not_safe: "Do not take a start that succeeds for a sign that the store is well.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "msgpack decode error",
        says: &["msgpack decode error"],
        engine: None,
        title: "a value of the log does not decode",
        meaning: "An entry behind the newest usable snapshot is not what the library can read, and the start ends over \
                  it. The number in brackets is the byte of the value at which it gave up.",
        decided_by: "The MessagePack value of the entry.",
        safe: "Keep a copy of the directory; then let the node join again empty, or put its files back from a copy of \
               one moment.",
        not_safe: "Do not delete the key: a gap ends the start too.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "snapshot path not accessible",
        says: &["snapshot path not accessible"],
        engine: None,
        title: "the directory of the snapshots cannot be made or used",
        meaning: "Something that is no directory has the name `snapshots`, or the rights do not let the node make it.",
        decided_by: "What stands under the name, and its rights.",
        safe: "Move away what is there, after looking at it, or put the rights right.",
        not_safe: "Do not delete a file of that name unseen: it may be an archive of the snapshots.",
        more: "ekv-tool inspect DIR",
    },
    Condition {
        name: "refused to recover cluster with no initial state",
        says: &["refused to recover cluster with no initial state"],
        engine: None,
        title: "a forced recovery finds nothing to recover",
        meaning: "There is no term, no log and no snapshot. The program was pointed at the wrong directory as a rule, \
                  or the store was lost.",
        decided_by: "CurrentTerm, the last log key, and the snapshots that are listed.",
        safe: "Look for the right directory. A node that has never run joins or is bootstrapped instead.",
        not_safe: "Do not bootstrap a group anew while any of its members still has data.",
        more: "ekv-tool inspect DIR",
    },
    Condition {
        name: "failed to restore any of the available snapshots",
        says: &["failed to restore any of the available snapshots"],
        engine: None,
        title: "a forced recovery finds snapshots, and none that can be restored",
        meaning: "The recovery needs the newest state before it replays the log. Snapshots whose index or term is 0 \
                  count as none.",
        decided_by: "meta.json and state.bin of the snapshots.",
        safe: "As for a start that cannot load any: a sound snapshot of another member, copied whole.",
        not_safe: "Do not delete the snapshots unless the log reaches back to its first entry.",
        more: "ekv-tool verify-snapshot DIR",
    },
    Condition {
        name: "need at least one voter in configuration",
        says: &["need at least one voter in configuration"],
        engine: None,
        title: "a membership without a voter is refused",
        meaning: "peers.json, a bootstrap or a change would leave nobody who can elect a leader. `null`, an empty list \
                  and a list of non-voters all mean that.",
        decided_by: "The list in the file or the request.",
        safe: "Name at least one voter, this node as a rule.",
        not_safe: "Do not take a member's non_voter away to get past this without knowing why it was set.",
        more: "ekv-tool inspect DIR",
    },
    Condition {
        name: "found duplicate ID in configuration",
        says: &["found duplicate id in configuration"],
        engine: None,
        title: "one id stands twice in a membership",
        meaning: "Ids have to be unique where a membership is made. In a log they are not looked at: each occurrence \
                  counts as a vote there.",
        decided_by: "The list in the file or the request.",
        safe: "Correct the list.",
        not_safe: "Do not use the list with other addresses under the same id.",
        more: "ekv-tool inspect DIR",
    },
    Condition {
        name: "found duplicate address in configuration",
        says: &["found duplicate address in configuration"],
        engine: None,
        title: "one address stands twice in a membership",
        meaning: "Two members at one address reach one process only, so that the library refuses to make such a \
                  membership.",
        decided_by: "The list in the file or the request.",
        safe: "Correct the list: a node that was given another id is still listed under the old one as a rule.",
        not_safe: "Do not start two nodes at one address.",
        more: "ekv-tool inspect DIR",
    },
    Condition {
        name: "empty ID in configuration",
        says: &["empty id in configuration"],
        engine: None,
        title: "a member without an id",
        meaning: "A member of peers.json or of a request has no id. The older form of the file, a list of addresses, is \
                  read by another function than the newer one.",
        decided_by: "The list in the file or the request.",
        safe: "Give each member its id; check which form of the file the program reads.",
        not_safe: "Do not invent ids: they have to be those of the nodes.",
        more: "ekv-tool inspect DIR",
    },
    Condition {
        name: "empty address in configuration",
        says: &["empty address in configuration"],
        engine: None,
        title: "a member without an address",
        meaning: "A member of peers.json or of a request has no address, so that nobody could reach it.",
        decided_by: "The list in the file or the request.",
        safe: "Give each member its address.",
        not_safe: "Do not leave the member out: the size of a majority hangs on it.",
        more: "ekv-tool inspect DIR",
    },
    Condition {
        name: "no known peers, aborting election",
        says: &["no known peers, aborting election"],
        engine: None,
        title: "the node has no membership, and does not campaign",
        meaning: "Neither the log nor the snapshot that was restored holds a membership with an index. The node waits \
                  for a leader that sends it one.",
        decided_by: "The entries of types 2, 3 and 5, and ConfigurationIndex in meta.json.",
        safe: "If the node is new, let it join or bootstrap it. If it had data, find out where that went first.",
        not_safe: "Do not bootstrap it while other members have data.",
        more: "ekv-tool gate-dryrun DIR",
    },
    Condition {
        name: "not part of stable configuration, aborting election",
        says: &["not part of stable configuration"],
        engine: None,
        title: "the node is no voter of its own membership, and does not campaign",
        meaning: "The last membership that it knows does not list its id as a voter: it was removed, or it is started \
                  under another id than it had.",
        decided_by: "The last membership, and the id that the node is started with.",
        safe: "Compare the id with those in the membership; a removed member has to be added again.",
        not_safe: "Do not give it the id of another member.",
        more: "ekv-tool gate-dryrun DIR",
    },
    Condition {
        name: "cannot take snapshot now, wait until the configuration entry",
        says: &["cannot take snapshot now, wait until the configuration entry"],
        engine: None,
        title: "no snapshot is taken before a membership has been applied",
        meaning: "Snapshots are refused until the entry of the last membership is applied. That passes by itself, but \
                  for a snapshot whose ConfigurationIndex lies above its Index: then no later one ever succeeds and the \
                  log grows for ever.",
        decided_by: "ConfigurationIndex and Index in meta.json of the snapshot that was restored.",
        safe: "Wait for traffic. If it stays, let the node join again: a sound snapshot replaces the one with the wrong \
               index.",
        not_safe: "Do not ignore it for long: the log is not compacted meanwhile.",
        more: "ekv-tool check DIR",
    },
];

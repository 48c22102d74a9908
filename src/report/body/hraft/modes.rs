//! What files show of the failure modes of hashicorp/raft that are known from its models.

/// The table at the end of docs/checks.md.
pub const MODES: &str = "
# Failure modes of hashicorp/raft

Seventeen ways in which the library, or an older release of it, goes wrong. What one directory or several can show of each; many \
happen in memory or on the wire only, and no file tells of them. The cases are recorded directories in `fixtures/hashi.tar.xz`.

| | failure | what files show | finding | case |
|---|---|---|---|---|
| 1 | elections without progress: pre-vote, a known leader ignored | nothing: pre-votes are not recorded | - | - |
| 2 | leadership handed to a member without a vote | nothing; `compare` says who could win | - | - |
| 3 | the target of a hand-over is demoted meanwhile | nothing | - | - |
| 4 | the target of a hand-over is removed meanwhile | nothing; afterwards that it is no member | `hraft-not-campaigning` | d-cfg-self-absent |
| 5 | a snapshot is installed with a stale term or a wrong membership | the snapshot's membership and its index; a term above the node's | `hraft-snapshot-meta-odd`, `hraft-configuration-odd`, `hraft-stable-invalid` | l05b-install-bad-config |
| 6 | a group of several releases | no failure; `wal stat` lists the forms of the entries | - | h19-newtime-mixed |
| 7 | a candidate's identity is misread between releases | a vote for an address that is no member; flags on the wire: nothing | `hraft-vote-odd` | d-st-vote-nonmember |
| 8 | the wrong member is chosen to catch up | nothing | - | - |
| 9 | an old append after a snapshot sets term or commit back | the term: data above it; the commit is not recorded | `hraft-stable-invalid`, `hraft-delayed-death` | d-meta-term-future |
| 10 | the stream of a snapshot ends early | a short stream leaves nothing; one that the state machine refuses stays published | `hraft-snapshot-unusable`, `hraft-snapshot-leftover` | d-state-fsm-refuses-fulllog |
| 11 | a restore by hand leaves requests waiting | the index that it used up | `snap-user-restore-hole` | d-log-gap-at-snap-index |
| 12 | a suffix is cut off, then storing fails | later: a hole in the log | `hraft-log-gap` | d-log-gap-mid |
| 13 | a cut-off membership stays in force | later: a snapshot whose membership index names another entry, while the log still has that; then nothing | `hraft-snapshot-meta-odd` | built from h21-large-state |
| 14 | the same after a restart | as 13 | `hraft-snapshot-meta-odd` | as 13 |
| 15 | an append at the snapshot's boundary is refused | that the entry there is gone; the refusal: nothing | `snap-boundary-prev-unavailable` | h05b-trailing0-more |
| 16 | a membership fails after its batch was stored | the entry; later a suffix of a lower term | `hraft-configuration-undecodable`, `hraft-term-regress`, `hraft-stale-suffix` | d-peers-t2-int |
| 17 | a malformed membership ends the process | the entry, at every start; in an installed snapshot: nothing | `hraft-configuration-undecodable` | d-cfg-top-c1 |
";

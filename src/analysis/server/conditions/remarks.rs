//! Lines that say what a start did, and are no errors.

use super::Condition;

const GATE: &str = "ekv-tool gate-dryrun DIR";
const NOTHING: &str = "Nothing has to be done.";

conditions! {
    list REMARKS;

    /// The gate found the store far enough and skipped the restore.
    pub static GATE_SKIPPED: Condition = Condition {
        name: "restoreSnapshotState skipped",
        says: &["restoresnapshotstate skipped"],
        engine: None,
        title: "the store was far enough, so that the snapshot was not restored",
        meaning: "The usual start. fsm_applied is the store's applied index, snapshot_index the chosen snapshot. A \
                  gap_ahead_committed above 0 means that the store has applied more than the log knows to be committed.",
        decided_by: "The applied index in fsm.db against the snapshot, and in older servers against the commit.",
        safe: "Nothing, unless gap_ahead_committed is above 0: then forecast the start and see whether the log has lost its end.",
        not_safe: "Do not take the line for a proof that the snapshot is good: it was not read.",
        more: GATE,
    };

    /// The gate found the store behind and restored the snapshot.
    pub static GATE_EXECUTED: Condition = Condition {
        name: "restoreSnapshotState executed",
        says: &["restoresnapshotstate executed", "fsm behind wal committed tail", "fsm behind wal tail", "fsm behind snapshot"],
        engine: None,
        title: "the store was behind, so that the snapshot was restored over it",
        meaning: "The store was replaced by the payload of the snapshot, and the log is applied on top. The line is written after a \
                  restore that succeeded.",
        decided_by: "The applied index in fsm.db against the snapshot, and in older servers against the commit.",
        safe: "Once is normal after a crash. At every start: the store's applied index does not move, forecast the start.",
        not_safe: "Do not stop the server while it restores: the next start begins again.",
        more: GATE,
    };

    /// The gate could not compare and restored the snapshot.
    pub static GATE_FALLBACK: Condition = Condition {
        name: "restoreSnapshotState fallback to full restore",
        says: &["restoresnapshotstate fallback to full restore"],
        engine: None,
        title: "the store does not say how far it is, so that the snapshot was restored over it",
        meaning: "The field reason says why: missing_meta (the store has no applied index, as after an upgrade from an old version), \
                  read_err (it could not be read), not_reader (the store cannot say).",
        decided_by: "The applied index in fsm.db.",
        safe: "Once is normal after an upgrade. With read_err verify the store.",
        not_safe: "Do not write an applied index by hand.",
        more: "ekv-tool store meta DIR/fsm.db",
    };

    /// Elections, as the Raft library tells them.
    pub static RAFT_ELECTION: Condition = Condition {
        name: "raft election",
        says: &[
            "is starting a new election at term *",
            "became candidate at term *",
            "became pre-candidate at term *",
            "became leader at term *",
            "became follower at term *",
            "elected leader * at term *",
            "lost leader * at term *",
            "changed leader from * to * at term *",
        ],
        engine: None,
        title: "an election, or what came of one",
        meaning: "Usual at a start and when a leader goes. The term rising again and again without a leader means that no majority of the voters answers, or that a \
                  node whose log is behind keeps asking.",
        decided_by: "The messages of the other voters.",
        safe: "Once is normal. Again and again: see which voters run, and compare their logs.",
        not_safe: "Do not remove voters while there is no leader.",
        more: "ekv-tool compare DIR DIR",
    };

    /// The server cuts a torn record off the end of the log.
    pub static WAL_REPAIRING: Condition = Condition {
        name: "WAL tail truncated, repairing",
        says: &["wal tail truncated during snapshot scan, repairing", "wal tail truncated during readall, repairing", "repaired wal", "repairing wal"],
        engine: None,
        title: "the last record of the log was torn and is cut off",
        meaning: "Normal after a crash in the middle of a write: the record had not been acknowledged. A copy of the segment is kept \
                  as .wal.broken. If it happened without a crash, whole records may lie behind the cut.",
        decided_by: "The last frame of the newest segment.",
        safe: NOTHING,
        not_safe: "Do not delete the .wal.broken before it was looked into.",
        more: "ekv-tool wal verify DIR",
    };
}

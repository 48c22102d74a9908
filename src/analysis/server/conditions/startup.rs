//! Flags, the engine marker, and the preparation of the directory.

use super::Condition;
use crate::types::ServerVersion;

const FLAGS_SAFE: &str = "Correct the flag and start again: nothing has been opened yet.";
const FLAGS_NOT_SAFE: &str = "Do not drop the flags altogether: a start without the intended members may bootstrap a group \
                              of its own.";
const FLAGS_DECIDE: &str = "The command line alone; no file is read.";

conditions! {
    list STARTUP;

    /// `flag --raftId is required`: the server was started without its raft id.
    pub static RAFT_ID_REQUIRED: Condition = Condition {
        name: "flag --raftId is required",
        says: &["flag --raftid is required", "etcd raft node id is required", "errnodeidrequired"],
        engine: None,
        title: "the server was started without its raft id",
        meaning: "The raft id names the node directory and is hashed into the raft node id. Without it nothing is opened.",
        decided_by: FLAGS_DECIDE,
        safe: "Start with the id that this data directory was created with: it is the name of the node directory.",
        not_safe: "Do not invent an id: the node would create an empty directory and refuse to join, or worse, bootstrap.",
        more: "ekv-tool inspect DIR",
    };

    /// `ErrUnsupportedRaftEngine`: the engine marker or --raftEngine names no engine that this server has.
    pub static UNSUPPORTED_RAFT_ENGINE: Condition = Condition {
        name: "ErrUnsupportedRaftEngine",
        says: &["unsupported raft engine", "invalid raft engine marker"],
        engine: None,
        title: "the engine marker or --raftEngine names no engine that this server has",
        meaning: "The file raft-engine says which raft library wrote the directory. Its text, or the flag, is not `etcd`.",
        decided_by: "The text of `raft-engine`, trimmed, in any case; an empty file counts as `etcd`.",
        safe: "Look at the file. If wal/ and snap/ are there, the directory was written by the etcd engine and the marker \
               alone is damaged: keep a copy, then restore its text `etcd` and a newline.",
        not_safe: "Do not delete the marker together with other files to make the error go away.",
        more: "ekv-tool inspect DIR/raft-engine",
    };

    /// `ErrRaftEngineDataDir`: the directory was written by another raft engine.
    pub static RAFT_ENGINE_DATA_DIR: Condition = Condition {
        name: "ErrRaftEngineDataDir",
        says: &["raft data dir belongs to a different raft engine"],
        engine: None,
        title: "the directory was written by another raft engine",
        meaning: "The marker, or files of another library, say that this is not a directory of the etcd engine.",
        decided_by: "`raft-engine`, and the presence of another engine's files.",
        safe: "Check that the server was pointed at the right directory.",
        not_safe: "Do not remove the files in question: they may be the only copy of the old data.",
        more: "ekv-tool inspect DIR",
    };

    /// `ErrLegacyHashicorpDataDir`: files of the old hashicorp/raft backend are in the way.
    pub static LEGACY_HASHICORP_DATA_DIR: Condition = Condition {
        name: "ErrLegacyHashicorpDataDir",
        says: &["raft data dir contains legacy hashicorp/raft artifacts"],
        engine: None,
        title: "files of the old hashicorp/raft backend are in the way",
        meaning: "raft.db, logs.dat or stable.dat is in the group directory. The server refuses such a directory, but it has \
                  already opened or created fsm.db by then.",
        decided_by: "The presence of any of the three names; their content does not matter.",
        safe: "If the node has long been running on the etcd engine, move the leftovers out of the directory. If not, the \
               data still has to be migrated with a version that could do it.",
        not_safe: "Do not delete them before it is clear that wal/ and snap/ hold the current data.",
        more: "ekv-tool inspect DIR",
    };

    /// `ErrBootstrapMembers`: --raftBootstrapMembers contradicts the other flags.
    pub static BOOTSTRAP_MEMBERS: Condition = Condition {
        name: "ErrBootstrapMembers",
        says: &[
            "flag --raftbootstrapmembers requires exactly one raft group",
            "flag --raftbootstrapmembers must include local --raftid",
            "flag --raftbootstrapmembers local address must match local raft group address",
            "no bootstrap members configured",
            "errnobootstrapmembersconfigured",
        ],
        engine: None,
        title: "--raftBootstrapMembers contradicts the other flags",
        meaning: "The list of first members must name this node with the address of its group, and goes with one group only.",
        decided_by: FLAGS_DECIDE,
        safe: FLAGS_SAFE,
        not_safe: FLAGS_NOT_SAFE,
        more: "ekv-tool inspect DIR/etcd-raft-peers.bin",
    };

    /// `ErrRaftGroupPeers`: --raftGroupPeers contradicts itself or the other flags.
    pub static RAFT_GROUP_PEERS: Condition = Condition {
        name: "ErrRaftGroupPeers",
        says: &[
            "flags --raftbootstrapmembers and --raftgrouppeers are mutually exclusive",
            "flag --raftgrouppeers references unknown raft group",
            "flag --raftgrouppeers must include every raft group",
            "flag --raftgrouppeers group must include local --raftid",
            "flag --raftgrouppeers local address must match local raft group address",
            "flag --raftgrouppeers group must contain at least two voters",
            "flag --raftgrouppeers requires identical raft ids across groups",
            "no raft group peers configured",
            "errnoraftgrouppeersconfigured",
        ],
        engine: Some(ServerVersion::Main),
        title: "--raftGroupPeers contradicts itself or the other flags",
        meaning: "Every group must list the same raft ids, this node among them with the right address, at least two voters.",
        decided_by: FLAGS_DECIDE,
        safe: FLAGS_SAFE,
        not_safe: FLAGS_NOT_SAFE,
        more: "ekv-tool inspect DIR/etcd-raft-peers.bin",
    };

    /// `ErrJoinMembers`: --raftJoinMembers contradicts itself or the other flags.
    pub static JOIN_MEMBERS: Condition = Condition {
        name: "ErrJoinMembers",
        says: &[
            "flag --raftjoinmembers requires exactly one raft group",
            "flag --raftjoinmembers requires --raftjoinaslearner",
            "flag --raftjoinmembers cannot be combined with raft bootstrap flags",
            "flag --raftjoinmembers must include local --raftid",
            "flag --raftjoinmembers local address must match local raft group address",
            "flag --raftjoinmembers must include the local node and at least one existing member",
            "no raft join members configured",
            "errnojoinmembersconfigured",
        ],
        engine: Some(ServerVersion::Main),
        title: "--raftJoinMembers contradicts itself or the other flags",
        meaning: "A node joins one group, as a learner, and must name itself and a member that exists.",
        decided_by: FLAGS_DECIDE,
        safe: FLAGS_SAFE,
        not_safe: FLAGS_NOT_SAFE,
        more: "ekv-tool inspect DIR/etcd-raft-peers.bin",
    };

    /// `ErrShardRangeReservedTSOGroup`: a shard range names group 0.
    pub static SHARD_RANGE_RESERVED_TSO_GROUP: Condition = Condition {
        name: "ErrShardRangeReservedTSOGroup",
        says: &["shard range references reserved tso group"],
        engine: Some(ServerVersion::Main),
        title: "a shard range names group 0",
        meaning: "Group 0 is reserved for the timestamp oracle and cannot own a range of keys.",
        decided_by: FLAGS_DECIDE,
        safe: FLAGS_SAFE,
        not_safe: "Do not move the directory of group 0 under another number.",
        more: "ekv-tool inspect DIR",
    };

    /// `engine configuration`: the raft engine was configured with something missing.
    pub static ENGINE_CONFIGURATION: Condition = Condition {
        name: "engine configuration",
        says: &[
            "etcd raft data dir is required",
            "errdatadirrequired",
            "errstatemachineunset",
            "etcd raft state machine is not configured",
            "election tick must be greater than heartbeat tick",
        ],
        engine: None,
        title: "the raft engine was configured with something missing",
        meaning: "An empty data directory, no state machine, or ticks that contradict each other. Seen with embedding code and \
                  odd timing flags, not with damaged files.",
        decided_by: FLAGS_DECIDE,
        safe: FLAGS_SAFE,
        not_safe: "Do not look for damage in the data directory because of this error.",
        more: "ekv-tool inspect DIR",
    };

    /// `cleanup stale snapshot spools`: a leftover of an unfinished snapshot cannot be deleted.
    pub static SPOOL_CLEANUP: Condition = Condition {
        name: "cleanup stale snapshot spools",
        says: &["cleanup stale snapshot spools", "cleanup stale fsm snapshots"],
        engine: None,
        title: "a leftover of an unfinished snapshot cannot be deleted",
        meaning: "Every start deletes elastickv-etcd-snapshot-* and *.fsm.tmp. One of them could not be removed: a directory \
                  with content under such a name, wrong ownership, or a read-only file system.",
        decided_by: "Names in the group directory and in fsm-snap/; the system's answer to the deletion.",
        safe: "Look at the entry that the error names. Unfinished files are of no use to anyone and may be moved away.",
        not_safe: "Do not empty fsm-snap/: the finished .fsm files in it are the snapshots.",
        more: "ekv-tool gate-dryrun DIR",
    };

    /// `etcd raft engine shutting down due to error`: a group's run loop has ended while the process lives on.
    pub static ENGINE_SHUTTING_DOWN: Condition = Condition {
        name: "etcd raft engine shutting down due to error",
        says: &["etcd raft engine shutting down due to error"],
        engine: None,
        title: "a group's run loop has ended while the process lives on",
        meaning: "The log line of a group that stops after its start: the process stays up, the group serves nothing any more. \
                  The reason is the `err` field of the same line.",
        decided_by: "The error in the line; explain that text.",
        safe: "Explain the inner error, then look at the entry that it names before restarting.",
        not_safe: "Do not restart in a loop: what stops the loop is in the log and comes back at every start.",
        more: "ekv-tool gate-dryrun --plan DIR",
    };
}

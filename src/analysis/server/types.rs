//! The parts of a forecast, as scripts see them.

use serde::{Deserialize, Serialize};

use super::conditions::Condition;
use super::replay::{Action, Replay};
use super::{GateDecision, Rule};
use crate::formats::fsm::FsmHeader;
use crate::types::{Crc32c, ServerVersion};

/// What a start does about the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The restore is skipped.
    Skip,
    /// Nothing to restore.
    None,
    /// The restore runs because the store is behind.
    Execute,
    /// The restore runs because the snapshot's data is a whole payload instead of a token.
    LegacyRestore,
    /// The restore runs because the store does not say how far it is.
    Fallback,
    /// The start is refused.
    Abort,
    /// The files do not determine it.
    Unknown,
}

/// A refused start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Abort {
    /// Which condition it is.
    #[serde(skip)]
    pub condition: &'static Condition,
    /// The server's name for the condition, or the library's text.
    pub error: String,
    /// Where in the start it happens.
    pub stage: &'static str,
    /// The line it would log.
    pub text: String,
}

/// The snapshot that the start chooses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ChosenSnapshot {
    /// Index of its metadata.
    pub index: u64,
    /// Term of its metadata.
    pub term: u64,
    /// The `.snap` file, below the group directory.
    pub file: String,
    /// The token in it, when its data is one.
    pub token: Option<TokenView>,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct TokenView {
    /// Index that names the payload file.
    pub index: u64,
    /// Checksum that the payload should have.
    pub crc32c: Crc32c,
}

/// The store's applied index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct AppliedIndex {
    /// `present`, `missing`, `unreadable` or `not-read`.
    pub state: &'static str,
    /// Its value when present.
    pub value: Option<u64>,
    /// Where it was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// Last hard state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct HardStateView {
    /// Current term.
    pub term: u64,
    /// Node voted for; 0 for none.
    pub vote: u64,
    /// Committed index.
    pub commit: u64,
}

/// `elastickv_fsm_cold_start_*` as the start would report them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct RestoreMetrics {
    /// Labels of the counter.
    pub restore_total: RestoreTotal,
    /// The gauge; none for a fallback.
    pub applied_index_gap: Option<u64>,
}

/// Labels of `elastickv_fsm_cold_start_restore_total`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct RestoreTotal {
    /// `skipped`, `executed` or `fallback`.
    pub outcome: &'static str,
    /// Empty unless it is a fallback.
    pub fallback_reason: &'static str,
}

/// The start under the other version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct OtherEngine {
    /// Which.
    pub engine: ServerVersion,
    /// What it would do.
    pub outcome: Outcome,
    /// The error of a refused start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort: Option<Abort>,
}

/// One rule's decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct RuleRow {
    /// The rule.
    pub rule: Rule,
    /// What it compares with.
    pub threshold: u64,
    /// What it decides.
    pub decision: GateDecision,
}

/// A rename.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
pub struct Rename {
    /// Old path below the group directory.
    pub from: String,
    /// New path below the group directory.
    pub to: String,
}

/// A repair of the last log segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct RepairView {
    /// The segment, below the group directory.
    pub path: String,
    /// Its new length.
    pub truncate_at: u64,
    /// Bytes that are cut off.
    pub bytes_dropped: u64,
}

/// One entry of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct PlanRow {
    /// Log index.
    pub index: u64,
    /// Term.
    pub term: u64,
    /// Class of the payload.
    pub class: &'static str,
    /// What happens to it.
    pub action: Action,
    /// Number of requests in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// Key spaces touched, with the number of keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
    /// Commit timestamp.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_ts: Option<u64>,
    /// The same as a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_time: Option<String>,
    /// A lease's ceiling.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<i64>,
    /// More in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What the start reads and writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Cost {
    /// Bytes that the server reads.
    pub read_bytes: u64,
    /// Bytes that it writes.
    pub write_bytes: u64,
    /// Time at the rate that was given or measured.
    pub estimate_ms: Option<u64>,
}

impl Outcome {
    /// The word used in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::None => "none",
            Self::Execute => "execute",
            Self::LegacyRestore => "legacy-restore",
            Self::Fallback => "fallback",
            Self::Abort => "abort",
            Self::Unknown => "unknown",
        }
    }

    /// Rank for "the worst group counts": 0 is worst.
    pub const fn rank(self) -> u8 {
        match self {
            Self::Abort => 0,
            Self::Unknown => 1,
            Self::Fallback => 2,
            Self::Execute => 3,
            Self::LegacyRestore => 4,
            Self::Skip => 5,
            Self::None => 6,
        }
    }
}

/// Everything that the files say about the next start of one group under one server version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Forecast {
    /// What the start does.
    pub outcome: Outcome,
    /// One sentence that gives the reason.
    pub reason: String,
    /// `not_reader`, `missing_meta` or `read_err` for a fallback.
    pub fallback_reason: Option<&'static str>,
    /// Why the start is refused.
    pub abort: Option<Abort>,
    /// The snapshot that the start chooses.
    pub snapshot: Option<ChosenSnapshot>,
    /// What the store says about itself.
    pub applied_index: AppliedIndex,
    /// Last hard state of the log, as the Raft library takes it over.
    pub hard_state: Option<HardStateView>,
    /// Last entry of the log, or the snapshot's index.
    pub last_index: Option<u64>,
    /// The applied index from which on a restore is skipped.
    pub threshold: Option<u64>,
    /// What the engine starts its applied counter with.
    pub effective_applied: Option<u64>,
    /// HLC header of the payload; version 0 is headerless.
    pub header: Option<FsmHeader>,
    /// Physical clock ceiling after the start, Unix milliseconds.
    pub ceiling_after_start_ms: Option<u64>,
    /// What the server would count.
    pub metrics: Option<RestoreMetrics>,
    /// The line that the server's logger would be given (production builds drop it).
    pub log_line: Option<String>,
    /// Counts of what happens to the entries behind the snapshot.
    pub replay: Option<Replay>,
    /// Paths below the group directory that the start deletes, as far as it gets.
    pub would_delete: Vec<String>,
    /// Paths that the start renames, as far as it gets.
    pub would_rename: Vec<Rename>,
    /// The log segment that the start truncates.
    pub would_repair: Option<RepairView>,
    /// True when no other voter is in the membership of the snapshot, or in the peers file: nobody could send what is missing.
    #[serde(skip)]
    pub alone: bool,
    /// Position of the first segment from which entries are taken.
    #[serde(skip)]
    pub first_segment: Option<usize>,
    /// What the entries behind the snapshot show besides.
    #[serde(skip)]
    pub notes: ReplayNotes,
    /// Every entry behind the snapshot, on demand.
    pub plan: Option<Vec<PlanRow>>,
    /// What the start reads and writes.
    pub cost: Cost,
}

/// What the entries behind the snapshot show besides their actions; the hazards are judged from it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplayNotes {
    /// Bytes of data in the committed entries behind the snapshot.
    pub bytes_committed: u64,
    /// Membership changes that are applied again by a store that is ahead of them.
    pub conf_behind_store: Vec<u64>,
    /// Number of requests in the entry at the applied index.
    pub requests_at_applied: u32,
    /// Delivered entries whose payload is sealed; the first one.
    pub sealed_from: Option<u64>,
    /// Well-formed encryption entries behind the snapshot; the first one.
    pub encryption_from: Option<u64>,
    /// Entries that bring keys or move a cutover and are handed to the state machine; the first one.
    pub keys_from: Option<u64>,
    /// The node needs nobody's vote but its own once the committed entries are applied: everything in its log is.
    pub commits_alone: bool,
    /// The first registration that is older than one already applied by an earlier start: index, key id, node id.
    pub rising_epochs: Option<(u64, u32, u64)>,
}

impl Default for Forecast {
    fn default() -> Self {
        Self {
            outcome: Outcome::Unknown,
            reason: String::new(),
            fallback_reason: None,
            abort: None,
            snapshot: None,
            applied_index: AppliedIndex { state: "not-read", value: None, source: None },
            hard_state: None,
            last_index: None,
            threshold: None,
            effective_applied: None,
            header: None,
            ceiling_after_start_ms: None,
            metrics: None,
            log_line: None,
            replay: None,
            would_delete: Vec::new(),
            would_rename: Vec::new(),
            would_repair: None,
            alone: false,
            first_segment: None,
            notes: ReplayNotes::default(),
            plan: None,
            cost: Cost::default(),
        }
    }
}

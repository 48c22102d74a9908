//! What a publish and a restore would do, and what of that somebody has to know before.

use serde::Serialize;

use crate::analysis::judge::codes::offload as codes;
use crate::analysis::server::Rename;
use crate::analysis::server::conditions::Condition;
use crate::analysis::server::offload::ObjectState;
use crate::analysis::{Coverage, Finding, Severity, Verdict};
use crate::formats::raftpb::ConfState;
use crate::readers::offload::LeftKind;
use crate::types::{ByteSize, Count, Crc32c, LogIndex, NodeId, Sha256Sum, Term, UnixMillis, in_words};

/// The plans of one data directory.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct OffloadPlan {
    /// The directory.
    pub dir: String,
    /// The Raft group; absent when nothing says which it is.
    pub group_id: Option<u64>,
    /// Where the group's number comes from.
    pub group_from: &'static str,
    /// What `publish` would do now; absent for a directory that is not there yet.
    pub publish: Option<PublishPlan>,
    /// What `restore` would do.
    pub restore: RestorePlan,
}

/// How a plan ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlanOutcome {
    /// It would be done.
    Done,
    /// Everything is in the store already: nothing is written, and the program succeeds.
    AlreadyThere,
    /// The program would end with an error.
    Refused,
    /// No store was named, or it has nothing of the group.
    NothingThere,
    /// It is not known.
    Unknown,
}

impl PlanOutcome {
    /// The word used in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::AlreadyThere => "already-there",
            Self::Refused => "refused",
            Self::NothingThere => "nothing-there",
            Self::Unknown => "unknown",
        }
    }
}

/// What `publish` would do.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct PublishPlan {
    /// How it would end.
    pub outcome: PlanOutcome,
    /// The program's exit status; absent when that is not known.
    pub status: Option<u8>,
    /// Its error, without the `publish persisted snapshot: ` that begins it.
    pub error: Option<String>,
    /// Why the outcome is not known.
    pub undecided: Option<String>,
    /// The snapshot that it takes.
    pub snapshot: Option<ExportedSnapshot>,
    /// What the program is taken to be called with, beside directory and store: what was given, and what the store says otherwise.
    pub arguments: Vec<String>,
    /// The manifest that it would write.
    pub manifest: Option<PlannedManifest>,
    /// Whether the payload is in the store.
    pub payload_in_store: ObjectState,
    /// Whether the manifest is in the store.
    pub manifest_in_store: ObjectState,
    /// Fields in which the manifest in the store is another one.
    pub differs_in: Vec<&'static str>,
    /// What `explain` says about the error.
    #[serde(skip)]
    pub condition: Option<&'static Condition>,
    /// Names in `snap/` that it would change, below the directory.
    pub would_rename: Vec<Rename>,
    /// What it would remove, below the directory.
    pub would_delete: Vec<String>,
    /// Where it keeps a copy of the payload meanwhile. The directory is made, and stays.
    pub spool: Room,
    /// Where the store lies, if it is a directory and has to take the payload.
    pub store: Option<Room>,
}

/// The snapshot that a publish takes.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ExportedSnapshot {
    /// Last entry that it covers.
    pub index: LogIndex,
    /// Its term.
    pub term: Term,
    /// The `.snap` file, below the directory.
    pub file: String,
    /// What holds the payload, below the directory.
    pub payload: String,
    /// Length of the payload in bytes, without a footer.
    pub payload_bytes: Option<u64>,
    /// Its digest.
    pub payload_sha256: Option<Sha256Sum>,
    /// The key that it gets.
    pub payload_key: Option<String>,
}

/// A manifest before it is written: the time and its own digest are not known yet.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct PlannedManifest {
    /// Its key.
    pub manifest_key: String,
    /// `--source-cluster`, which is left out of the manifest when empty.
    pub source_cluster: Option<String>,
    /// The Raft group.
    pub group_id: u64,
    /// Last entry that the snapshot covers.
    pub snapshot_index: LogIndex,
    /// Its term.
    pub snapshot_term: Term,
    /// The members at that entry.
    pub conf_state: ConfState,
    /// The checksum of the file that the payload is taken from; 0 for a payload in a `.snap` file, which has none.
    pub source_crc32c: Crc32c,
    /// `--binary-version`; left out of the manifest when empty.
    pub binary_version: Option<String>,
}

/// Space that is needed, and space that there is.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Room {
    /// The directory.
    pub dir: String,
    /// Bytes that are needed at the peak.
    pub needed_bytes: Option<u64>,
    /// Bytes that were free at the time of the run; absent when the system did not say.
    pub free_bytes: Option<u64>,
}

/// What `restore` would do.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct RestorePlan {
    /// How it would end once nothing stands at the destination any more.
    pub outcome: PlanOutcome,
    /// The program's exit status then; absent when that is not known.
    pub status: Option<u8>,
    /// Its error then, without the `restore physical snapshot: ` that begins it.
    pub error: Option<String>,
    /// Why the outcome is not known.
    pub undecided: Option<String>,
    /// The directory that would be made.
    pub destination: String,
    /// Last entry that the newest snapshot at the destination covers, if something stands there and has one.
    pub own_snapshot: Option<LogIndex>,
    /// What it would end with now, because something stands there.
    pub refused_now: Option<String>,
    /// The manifest that would be restored.
    pub manifest: Option<TakenManifest>,
    /// Manifests that would come before it and cannot be restored, newest first.
    pub passed_over: Vec<String>,
    /// Space in the directory around the destination: a download, a copy of it, and the first segment of a log.
    pub room: Room,
    /// What publishes and restores that ended early have left.
    pub leftovers: Vec<Leftover>,
    /// The members that it would be given.
    pub peers: Option<GivenPeers>,
    /// What it would make, below the destination.
    pub would_make: Vec<String>,
}

/// A manifest that was chosen.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct TakenManifest {
    /// Its key.
    pub manifest_key: String,
    /// Why this one.
    pub chosen_by: &'static str,
    /// Last entry that the snapshot covers.
    pub snapshot_index: Option<LogIndex>,
    /// Its term.
    pub snapshot_term: Option<Term>,
    /// The cluster, if it was named.
    pub source_cluster: Option<String>,
    /// When it was published.
    pub created_at: Option<String>,
    /// Length of the payload in bytes, as the manifest says.
    pub payload_bytes: Option<u64>,
    /// Of the manifest and its payload.
    pub verdict: Verdict,
}

/// Something that was left.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Leftover {
    /// The file or directory.
    pub path: String,
    /// What it is.
    pub kind: LeftKind,
    /// Bytes in it.
    pub bytes: u64,
    /// When it was last changed.
    pub modified_ms: Option<UnixMillis>,
    /// The next restore removes it.
    pub removed_by_restore: bool,
}

/// Who would be a member.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct GivenPeers {
    /// Where they come from.
    pub from: String,
    /// Their node ids; a restore makes a voter of each.
    pub ids: Vec<NodeId>,
    /// Voters of the manifest that are not among them.
    pub missing: Vec<NodeId>,
    /// Peers that are no voters of the manifest.
    pub added: Vec<NodeId>,
}

/// What has to be known before one of the programs is run.
pub fn judge_plan(plan: &OffloadPlan, restore_asked: bool) -> (Vec<Finding>, Coverage) {
    let (mut findings, mut coverage) = (Vec::new(), Coverage::default());
    if let Some(publish) = &plan.publish {
        judge_publish(&plan.dir, publish, &mut findings, &mut coverage);
    }
    judge_restore(&plan.restore, restore_asked, &mut findings, &mut coverage);
    (findings, coverage)
}

fn judge_publish(dir: &str, plan: &PublishPlan, findings: &mut Vec<Finding>, coverage: &mut Coverage) {
    match (plan.outcome, &plan.error, &plan.undecided) {
        (PlanOutcome::Refused, Some(error), _) => {
            let status = plan.status.map_or_else(String::new, |status| format!(" with exit status {status}"));
            let differs = match plan.differs_in.as_slice() {
                [] => String::new(),
                fields => format!(" The two differ in {}.", in_words(fields)),
            };
            let message = format!("A publish would end{status}: {error}.{differs}");
            let finding = Finding::new(&codes::OFFLOAD_PUBLISH_REFUSED, message).at(dir);
            findings.push(match plan.condition {
                Some(condition) => finding.advice(condition.safe),
                None => finding,
            });
        }
        (PlanOutcome::Unknown, _, Some(why)) => coverage.missing(format!("what a publish from {dir} would do"), why),
        _ => {}
    }
    let renamed: Vec<_> = plan.would_rename.iter().map(|rename| rename.from.as_str()).collect();
    if let Some(first) = renamed.first() {
        let broken = Count::of(renamed.len(), "file");
        let instead = match &plan.snapshot {
            Some(snapshot) => format!("the snapshot at {} is published instead", snapshot.index),
            None => "nothing is left to publish".to_owned(),
        };
        let message = format!(
            "A publish gives {broken} in snap/ that cannot be read the ending .broken, as a start would: {}; {instead}.",
            in_words(&renamed)
        );
        findings.push(Finding::new(&codes::OFFLOAD_PUBLISH_RENAMES, message).at(below(dir, first)));
    }
    judge_room("a publish", &plan.spool, findings, coverage);
    if let Some(store) = &plan.store {
        judge_room("a publish", store, findings, coverage);
    }
}

fn judge_restore(plan: &RestorePlan, asked: bool, findings: &mut Vec<Finding>, coverage: &mut Coverage) {
    let destination = &plan.destination;
    match (plan.outcome, &plan.error, &plan.undecided) {
        (PlanOutcome::Refused, Some(error), _) => {
            let status = plan.status.map_or_else(String::new, |status| format!(" with exit status {status}"));
            let message = format!("A restore would end{status}: {error}.");
            findings.push(Finding::new(&codes::OFFLOAD_RESTORE_REFUSED, message).at(destination));
        }
        (PlanOutcome::Unknown, _, Some(why)) => coverage.missing(format!("what a restore into {destination} would do"), why),
        _ => {}
    }
    if let Some(text) = plan.refused_now.as_ref().filter(|_| asked) {
        let message = format!("A restore into it ends with this until it is moved away: {text}.");
        findings.push(Finding::new(&codes::OFFLOAD_DESTINATION_EXISTS, message).at(destination));
    }
    for left in &plan.leftovers {
        let size = ByteSize(left.bytes);
        let (message, severity) = match left.kind {
            LeftKind::Preparation => {
                (format!("A restore that ended early left it, {size}: it blocks the next one."), Severity::Warning)
            }
            LeftKind::Download if left.removed_by_restore => {
                (format!("The download of a restore that ended early, {size}; the next restore removes it."), Severity::Info)
            }
            LeftKind::Download => {
                let message =
                    format!("The download of a restore that is under way or ended early, {size}; it stays for seven days.");
                (message, Severity::Info)
            }
            LeftKind::Spool => {
                (format!("The copy of a publish that is under way or ended early, {size}; nobody removes it."), Severity::Info)
            }
        };
        findings.push(Finding::new(&codes::OFFLOAD_LEFTOVER, message).severity(severity).at(&left.path));
    }
    if let (PlanOutcome::Done, Some(own), Some(index)) =
        (plan.outcome, plan.own_snapshot, plan.manifest.as_ref().and_then(|taken| taken.snapshot_index))
        && index < own
    {
        let message = format!(
            "A restore brings back index {index}, and the directory has a snapshot of its own at {own}: what was written in between is only there, \
             and on the other nodes."
        );
        let finding = Finding::new(&codes::OFFLOAD_RESTORE_GOES_BACK, message).at(destination);
        findings.push(finding.expected(format!("at least {own}")).found(index));
    }
    if let Some(peers) = plan.peers.as_ref().filter(|peers| !peers.missing.is_empty() || !peers.added.is_empty()) {
        let named = |ids: &[NodeId]| in_words(&ids.iter().map(ToString::to_string).collect::<Vec<_>>());
        let mut parts = Vec::new();
        if !peers.missing.is_empty() {
            parts.push(format!("{} of the manifest would be no member", named(&peers.missing)));
        }
        if !peers.added.is_empty() {
            parts.push(format!("{} would become a voter and was none", named(&peers.added)));
        }
        let message = format!("With the peers from {}, {}.", peers.from, in_words(&parts));
        findings.push(Finding::new(&codes::OFFLOAD_PEERS_DIFFER, message).at(destination));
    }
    if plan.outcome != PlanOutcome::NothingThere {
        judge_room("a restore", &plan.room, findings, coverage);
    }
}

/// Space is a fact of the moment: too little of it, or an unknown amount, leaves the plan open.
fn judge_room(who: &str, room: &Room, findings: &mut Vec<Finding>, coverage: &mut Coverage) {
    let Some(needed) = room.needed_bytes else { return };
    match room.free_bytes {
        None => coverage
            .missing(format!("the free space in {}", room.dir), format!("the system does not say; {who} needs {needed} bytes")),
        Some(free) if free < needed => {
            let message = format!("{} are free, and {who} needs {} there at its peak.", ByteSize(free), ByteSize(needed));
            let finding = Finding::new(&codes::OFFLOAD_NO_ROOM, message).at(&room.dir);
            findings.push(finding.expected(format!("{needed} bytes")).found(format!("{free} bytes")));
            coverage
                .missing(format!("whether {who} comes to its end"), format!("the space in {} does not suffice now", room.dir));
        }
        Some(_) => {}
    }
}

fn below(dir: &str, path: &str) -> String {
    format!("{}/{path}", dir.trim_end_matches('/'))
}

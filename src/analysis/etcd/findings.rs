//! What is wrong with the files of a member.

use std::collections::HashSet;

use super::generation::Generation;
use super::operations::malformed;
use super::start::{EtcdOutcome, EtcdStart, StartAt};
use crate::analysis::hraft::findings::judge_bolt;
use crate::analysis::judge::codes::etcd as codes;
use crate::analysis::judge::codes::gate::START_REFUSED;
use crate::analysis::judge::codes::invariants;
use crate::analysis::judge::group::{self, CheckInfo, CheckResult, Evidence, LogEvidence, Part, SnapContents, SnapFile};
use crate::analysis::judge::log::judge_segments;
use crate::analysis::judge::snapshot::{VerifiedEnvelope, verify_etcd_envelope};
use crate::analysis::server::log::{EffectiveLog, ValidSnapshots, read_from, valid_snapshots};
use crate::analysis::{Coverage, Finding, ServerError, Severity, Verdict};
use crate::formats::raftpb::ConfState;
use crate::formats::snap::SnapName;
use crate::readers::SnapReadError;
use crate::readers::etcd::{EtcdMember, StoreRead};
use crate::readers::wal::WalScan;
use crate::types::{Count, LogIndex, NodeId, SnapshotId};

/// The rules of Raft that hold for the log of etcd as for elastickv's. What speaks of members is not among them: etcd refuses
/// committed changes by a table of its own.
pub static RULES: &[&crate::analysis::judge::codes::CodeInfo] = &[
    &invariants::LOG_GAP,
    &invariants::LOG_TERM_REGRESS,
    &invariants::LOG_OVERWRITES_COMMITTED,
    &invariants::LOG_ILLEGAL_REWRITE,
    &invariants::LOG_APPEND_BELOW_SNAPSHOT,
    &invariants::LOG_ENTRY_MALFORMED,
    &invariants::LOG_CONFLICT_TRUNCATION,
    &invariants::TERM_ABOVE_CURRENT,
    &invariants::HARDSTATE_REGRESS,
    &invariants::COMMIT_OUT_OF_RANGE,
    &invariants::VOTE_CHANGED_IN_TERM,
    &invariants::SNAP_LOG_TERM_MISMATCH,
    &invariants::SNAP_REGRESS,
];

/// What was found.
#[derive(Debug, Default)]
pub struct Judged {
    /// What is wrong, and what is only odd.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub coverage: Coverage,
    /// The snapshot files, in the order in which a start tries them.
    pub snapshots: Vec<VerifiedEnvelope>,
    /// The rules that were held against the log.
    pub rules: Vec<CheckResult>,
}

/// What to do about a snapshot file that was complete and is no longer.
const RECORDED_ADVICE: &str = "Keep a copy of the member's directory, and look for the file in a backup. A start goes on from an older snapshot as \
                               long as the log reaches back to it and the store is ahead: see gate-dryrun.";

/// Makes damage of snapshot files that cannot be read although the log records them: the record is written when the file is complete.
fn accuse_recorded(member: &EtcdMember, valid: &ValidSnapshots, judged: &mut Judged) {
    let recorded: HashSet<_> = valid.snapshots.iter().chain(&valid.too_new).map(|record| record.id).collect();
    for entry in member.snaps.iter().flat_map(|snaps| &snaps.snaps) {
        let lost = Generation::ALL.iter().all(|it| matches!(entry.read(it.library()), Err(SnapReadError::Format(_))));
        if !lost || !entry.id.is_some_and(|name| recorded.contains(&name.id)) {
            continue;
        }
        let path = member.snap_path(&entry.name);
        if let Some(view) = judged.snapshots.iter_mut().find(|view| view.path == path) {
            view.verdict = Verdict::Damaged;
        }
        for finding in judged.findings.iter_mut().filter(|finding| finding.path.as_deref() == Some(path.as_str())) {
            finding.severity = Severity::Error;
            finding.message.push_str(
                " The log records this snapshot, which is done when the file is complete: its bytes changed afterwards.",
            );
            RECORDED_ADVICE.clone_into(&mut finding.advice);
        }
    }
}

/// Everything about one member. `start` is that of the releases that wrote the log.
pub fn judge(member: &EtcdMember, start: &EtcdStart) -> Judged {
    let (mut judged, mut missing) = (judge_snapshots(member), Vec::new());
    if let Some(scan) = &member.log {
        let (findings, coverage) = judge_segments(scan, &member.wal_path());
        judged.findings.extend(findings);
        judged.coverage.absorb(coverage);
        if scan.unread().is_none() {
            let version = start.releases.library();
            let (valid, log) = (valid_snapshots(scan, version), EffectiveLog::of(scan, version));
            if let Ok(valid) = &valid {
                accuse_recorded(member, valid, &mut judged);
                gone(member, valid, &log, start, &mut missing);
            }
            requests(member, scan, &log, start, &mut judged.findings);
            rules(member, scan, valid, start, &mut judged);
        }
    }
    store(member, &mut judged);
    against_log(member, start, &mut judged.findings);
    judged.findings.append(&mut missing);
    refusal(member, start, &mut judged.findings);
    leftovers(member, &mut judged.findings);
    judged
}

/// The `.snap` files alone.
pub fn judge_snapshots(member: &EtcdMember) -> Judged {
    let mut judged = Judged::default();
    let Some(snaps) = &member.snaps else { return judged };
    let readable = |entry: &crate::readers::SnapEntry| Generation::ALL.iter().any(|it| entry.read(it.library()).is_ok());
    for (position, entry) in snaps.snaps.iter().enumerate() {
        // Written under its final name: a crash may cut the newest one, and the older ones are there.
        let older_intact = position == 0 && snaps.snaps.iter().skip(1).any(readable);
        let verified = verify_etcd_envelope(entry, &member.snap_path(&entry.name), older_intact);
        judged.findings.extend(verified.findings);
        judged.coverage.absorb(verified.coverage);
        judged.snapshots.push(verified.view);
    }
    foreign(member, &mut judged.findings);
    judged
}

/// Committed entries at which a member ends.
fn requests(member: &EtcdMember, scan: &WalScan, log: &EffectiveLog, start: &EtcdStart, found: &mut Vec<Finding>) {
    let version = start.releases.library();
    let commit = log.hard_state.unwrap_or_default().commit.0;
    for (segment, offset, index) in malformed(scan, &log.entries, version) {
        let name = scan.segments.get(segment).map(|segment| segment.file.file_name.as_str()).unwrap_or_default();
        let message = format!("The entry {index} is no request of etcd: a member that applies it ends with a panic.");
        let finding = Finding::new(&codes::REQUEST_MALFORMED, message).at(format!("{}/{name}", member.wal_path())).offset(offset);
        let finding = if index > commit {
            finding.severity(Severity::Warning).advice("It is not known to be committed; compare the log with another member's.")
        } else {
            finding
        };
        found.push(finding);
    }
}

/// Holds the rules against the log.
fn rules(
    member: &EtcdMember,
    scan: &WalScan,
    valid: Result<ValidSnapshots, ServerError>,
    start: &EtcdStart,
    judged: &mut Judged,
) {
    let version = start.releases.library();
    let valid = valid.map_err(|error| error.text);
    let from = start.snapshot.as_ref();
    let chosen = from.map_or(SnapshotId::default(), |snapshot| SnapshotId {
        term: crate::types::Term(snapshot.term),
        index: LogIndex(snapshot.index),
    });
    let files = member.snaps.iter().flat_map(|snaps| &snaps.snaps).map(|entry| {
        let path = member.snap_path(&entry.name);
        let contents = entry.read(version).as_ref().map_err(ToString::to_string).map(|content| SnapContents {
            metadata: content.metadata.clone(),
            token_index: None,
            payload: group::Payload::none(),
        });
        SnapFile {
            name: entry.name.clone(),
            named: entry.id.map(|name| name.id),
            malformed: contents.is_err(),
            content: contents,
            chosen: from.is_some_and(|snapshot| snapshot.file.as_deref() == Some(path.as_str())),
        }
    });
    let evidence = Evidence {
        dir: member.around(),
        raft_id: String::new(),
        engine: version,
        quiescent: !member.changed(),
        now: None,
        listing: &member.listing,
        log: Part::Read(LogEvidence { scan, valid, start: Some(read_from(scan, chosen, version)) }),
        snapshots: if member.snaps.is_some() { Part::Read(files.collect()) } else { Part::Absent },
        leftovers: Vec::new(),
        peers: Part::Absent,
        store: Part::Absent,
    };
    let selected: Vec<&CheckInfo> = RULES.iter().filter_map(|code| group::find(code.code)).collect();
    let (results, findings) = group::run(&evidence, &selected);
    for result in &results {
        if let Some(why) = result.open() {
            judged.coverage.missing(format!("{}: {}", member.place.display(), result.check), why);
        }
    }
    judged.findings.extend(findings);
    judged.rules = results;
}

/// Pages and keys of the store.
fn store(member: &EtcdMember, judged: &mut Judged) {
    let path = member.store_path();
    match &member.store {
        StoreRead::NotAsked | StoreRead::Absent => {}
        StoreRead::Unreadable(why) => judged.coverage.missing(path, format!("it cannot be read: {why}")),
        StoreRead::Read(store) => {
            judged.coverage.add_file(store.survey.size);
            if store.changed {
                judged.coverage.missing(path, "it changed while it was read; try again");
                return;
            }
            judge_bolt(&path, &store.survey, &mut judged.findings);
            if store.content.odd_keys > 0 {
                let message = format!("{} of the bucket `key` are no revisions.", Count(store.content.odd_keys, "key"));
                judged.findings.push(Finding::new(&codes::STORE_ODD, message).at(&path));
            }
            if store.content.odd_values > 0 {
                let message = format!(
                    "{} of the bucket `key` cannot be read: a member ends over the first of them when it starts.",
                    Count(store.content.odd_values, "value")
                );
                judged.findings.push(Finding::new(&codes::STORE_ODD, message).at(&path).severity(Severity::Error));
            }
            judged.coverage.skipped(
                format!("the content of values in {path}"),
                "bbolt has no checksums: a changed byte in one may not show",
            );
        }
    }
}

/// The store against the log and the snapshots.
fn against_log(member: &EtcdMember, start: &EtcdStart, found: &mut Vec<Finding>) {
    if !member.place.is_whole() || start.outcome == EtcdOutcome::Unknown {
        return;
    }
    let snapshots = member.snaps.as_ref().map_or(0, |snaps| snaps.snaps.len());
    let holds = member.store.read().and_then(|store| store.content.consistent_index).unwrap_or_default();
    if start.outcome == EtcdOutcome::NewMember {
        if holds > 0 || snapshots > 0 {
            let message = format!(
                "There is no segment of the log, but the store holds the entries up to {holds} and there are {snapshots} snapshot files. The \
                 log is written first: it is gone, and with it the vote of the member and what it had acknowledged."
            );
            found.push(Finding::new(&codes::LOG_GONE, message).at(member.wal_path()));
        }
        return;
    }
    if let Some(last) = start.last_index.filter(|last| holds > *last) {
        let message = format!(
            "The store holds the entries up to {holds}, the log ends at {last}. Entries are on disk before they are applied: the log has lost its end, \
             or the store is another member's."
        );
        found.push(
            Finding::new(&codes::STORE_AHEAD, message).at(member.store_path()).expected(format!("at most {last}")).found(holds),
        );
    }
}

/// Files that a member with such a log has had, and that are not there.
fn gone(member: &EtcdMember, valid: &ValidSnapshots, log: &EffectiveLog, start: &EtcdStart, found: &mut Vec<Finding>) {
    if !member.place.is_whole() {
        return;
    }
    let newest = valid.snapshots.iter().map(|record| record.id).max_by_key(|id| id.index).filter(|id| id.index.0 > 0);
    let entries = log.entries.count();
    // A start that ends for want of it says so itself.
    let told = start.stage == Some(StartAt::RecoverStore);
    if matches!(member.store, StoreRead::Absent) && entries > 0 && !told {
        let begins = match (newest, start.outcome) {
            (_, EtcdOutcome::Abort | EtcdOutcome::Unknown) => String::new(),
            (Some(id), _) if start.releases == Generation::UpTo36 => format!(
                " A start of {} makes it again from the log, which reaches back to its beginning; one of {} ends, because the log records \
                 a snapshot at {}.",
                start.releases.name(),
                Generation::From37.name(),
                id.index
            ),
            _ => format!(" A start of {} makes it again from the log.", start.releases.name()),
        };
        let message =
            format!("There is no store, and the log holds {}. A store is made before the log.{begins}", Count(entries, "entry"));
        let finding = Finding::new(&codes::FILES_GONE, message).at(member.store_path());
        found.push(match (newest, start.outcome) {
            (Some(_), _) => finding,
            // The log tells everything that was in it.
            (None, EtcdOutcome::Start) => finding.severity(Severity::Info).advice("Nothing is lost: a start makes it again."),
            (None, _) => finding.severity(Severity::Warning),
        });
    }
    // From 3.7 on a start needs none.
    let named = |id: SnapshotId| {
        member.snaps.iter().flat_map(|snaps| &snaps.snaps).any(|entry| entry.id.is_some_and(|name| name.id == id))
    };
    if let Some(id) = newest.filter(|id| start.releases == Generation::UpTo36 && !named(*id)) {
        let name = SnapName::of(id);
        let put_aside = format!("{name}.broken");
        if member.leftovers.contains(&put_aside) {
            return;
        }
        let message = format!(
            "The log records a snapshot at {}, which is done when its file is complete, and the file is not there. A start of {} goes on \
             from an older one, or from the beginning of the log.",
            id.index,
            start.releases.name()
        );
        found.push(Finding::new(&codes::FILES_GONE, message).at(member.snap_path(&name)).severity(Severity::Warning));
    }
}

/// Snapshots of which this member is no part: those of another cluster, or of another member.
fn foreign(member: &EtcdMember, found: &mut Vec<Finding>) {
    let Some(own) = member.owner().map(|owner| NodeId(owner.node_id)) else { return };
    for entry in member.snaps.iter().flat_map(|snaps| &snaps.snaps) {
        let Some(content) = Generation::ALL.iter().find_map(|it| entry.read(it.library()).as_ref().ok()) else { continue };
        let ConfState { voters, learners, voters_outgoing, .. } = &content.metadata.conf_state;
        if voters.is_empty() || [voters, learners, voters_outgoing].iter().any(|members| members.contains(&own)) {
            continue;
        }
        let members: Vec<_> = voters.iter().take(NAMED).map(|id| format!("{:x}", id.0)).collect();
        let more = if voters.len() > NAMED { " and others" } else { "" };
        let message = format!(
            "The snapshot is of a cluster of {}{more}, and this is the log of the member {:x}: a member takes and receives only snapshots that \
             it is a part of.",
            members.join(", "),
            own.0
        );
        found.push(Finding::new(&codes::SNAPSHOT_FOREIGN, message).at(member.snap_path(&entry.name)));
    }
}

/// Voters that a message names.
const NAMED: usize = 5;

/// The start that would be refused.
fn refusal(member: &EtcdMember, start: &EtcdStart, found: &mut Vec<Finding>) {
    let Some(abort) = start.abort.as_ref().filter(|_| start.outcome == EtcdOutcome::Abort) else { return };
    let name = start.releases.name();
    if start.stage == Some(StartAt::RecoverStore) {
        let snapshot = start.snapshot.as_ref().map_or(0, |snapshot| snapshot.index);
        let there = match (&member.store, start.consistent_index) {
            (StoreRead::Absent, _) => "there is no store".to_owned(),
            (_, Some(index)) => format!("the store holds the entries up to {index}"),
            (_, None) => "the store does not say which entries it holds".to_owned(),
        };
        let message = format!(
            "A start of {name} begins with the snapshot at {snapshot}, but {there}, and no received store {snapshot:016x}.snap.db lies beside it. It ends with: {}",
            abort.text
        );
        found.push(Finding::new(&codes::STORE_BEHIND, message).at(member.store_path()));
        return;
    }
    let explained = found.iter().find(|finding| finding.severity == Severity::Error).map(|finding| finding.code.code);
    let mut finding = Finding::new(&START_REFUSED, format!("A start of {name} would be refused: {}", abort.text));
    finding.derived_from = explained;
    found.push(finding.at(member.place.display()));
}

/// What a crash leaves.
fn leftovers(member: &EtcdMember, found: &mut Vec<Finding>) {
    for name in &member.leftovers {
        let message = match name {
            name if name.ends_with(".broken") => "An earlier start could not read this snapshot and put it aside.",
            name if name.starts_with("db.tmp") => "A defragmentation did not end; a start deletes what it left.",
            _ => "A download of a store did not end; a start deletes what it left.",
        };
        found.push(Finding::new(&codes::LEFTOVER, message).at(member.snap_path(name)));
    }
}

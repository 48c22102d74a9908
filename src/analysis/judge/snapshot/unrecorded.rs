//! Snapshots that no record of the log names: what a crash leaves while one is made or received.

use std::collections::{BTreeMap, HashSet};

use super::VerifiedSet;
use crate::analysis::judge::codes::{invariants as rules, snapshot};
use crate::analysis::server::log::valid_snapshots;
use crate::analysis::{Finding, Severity, Verdict};
use crate::formats::fsm::FsmName;
use crate::formats::snap::SnapName;
use crate::readers::snap_dir::{SnapEntry, SnapReadError};
use crate::readers::wal::WalScan;
use crate::readers::{GroupListing, SmallFact};
use crate::types::{LogIndex, ServerVersion, SnapshotId, count_work};

/// The snapshots that the log of a group vouches for.
///
/// The server records a snapshot only after its file was written and synced, and takes it over only after the record: a file
/// without a record up to the commit was never in force, so that a torn one is no damage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded(HashSet<SnapshotId>, HashSet<LogIndex>);

impl Recorded {
    /// From the records of the log. `None`: the log cannot tell. A group that has neither log nor peers file was never
    /// bootstrapped to its end, and vouches for nothing.
    pub fn of(listing: &GroupListing, log: Option<&WalScan>, version: ServerVersion) -> Option<Self> {
        match log {
            Some(scan) if scan.unread().is_none() => {
                let valid = valid_snapshots(scan, version).ok()?;
                let ids: HashSet<_> = valid.snapshots.iter().map(|record| record.id).collect();
                let indexes = ids.iter().map(|id| id.index).collect();
                Some(Self(ids, indexes))
            }
            Some(_) => None,
            None => (listing.peers == SmallFact::Absent).then(|| Self(HashSet::new(), HashSet::new())),
        }
    }

    /// True when a record names the snapshot of that index.
    pub fn names_index(&self, index: LogIndex) -> bool {
        self.1.contains(&index)
    }

    /// What is wrong with an envelope that a record vouches for and that is there no longer as a file that can be decoded. One that
    /// the system does not let anyone read may be whole.
    pub fn lost(&self, entry: &SnapEntry) -> Option<String> {
        let named = SnapName::parse(&entry.name).is_some_and(|named| self.0.contains(&named.id));
        match entry.read(ServerVersion::NEWEST) {
            Err(problem @ (SnapReadError::Format(_) | SnapReadError::Directory | SnapReadError::Nowhere)) if named => {
                Some(problem.to_string())
            }
            _ => None,
        }
    }

    /// True for the path of a `.snap` or `.fsm` file that stands for a snapshot which no record names. Odd names stand for none.
    fn never_in_force(&self, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        match (SnapName::parse(name), FsmName::parse(name)) {
            (Some(snap), _) => !self.0.contains(&snap.id),
            (None, Some(payload)) => !self.names_index(payload.index),
            (None, None) => false,
        }
    }
}

impl VerifiedSet {
    /// Makes damage of envelopes that cannot be read although the log vouches for them: a record is written when the file is complete.
    /// `entries` are of the directory as it was after the log was read, and `base` is what the caller called it.
    /// `severity` is milder where they were not asked about.
    pub fn accuse_recorded<'s>(
        &mut self,
        recorded: &Recorded,
        entries: impl IntoIterator<Item = &'s SnapEntry>,
        base: &str,
        severity: Severity,
    ) {
        let (mut said, mut newest) = (BTreeMap::new(), LogIndex(0));
        for entry in entries {
            count_work(1);
            newest = SnapName::parse(&entry.name).map_or(newest, |named| newest.max(named.id.index));
            if let Some(problem) = recorded.lost(entry) {
                let path = format!("{base}/{}", entry.name);
                said.insert(path.clone(), recorded_and_lost(&problem).severity(severity).at(path));
            }
        }
        for view in self.envelopes.iter_mut().filter(|view| said.contains_key(&view.path)) {
            view.verdict = Verdict::Damaged;
        }
        self.findings.retain(|finding| finding.path.as_ref().is_none_or(|path| !said.contains_key(path)));
        self.findings.extend(said.into_values());
        // An older one lost its envelope to retention, which takes the payload next.
        let payload = |finding: &Finding| FsmName::parse(finding.path.as_deref()?.rsplit('/').next()?).map(|name| name.index);
        for finding in self.findings.iter_mut().filter(|finding| finding.code == &snapshot::SNAP_ORPHAN) {
            if let Some(index) = payload(finding).filter(|index| *index > newest && recorded.names_index(*index)) {
                let path = finding.path.take();
                *finding = Finding { path, ..payload_alone(index) };
            }
        }
    }

    /// Makes remarks of what is wrong with snapshots that were never in force.
    pub fn excuse_unrecorded(&mut self, recorded: &Recorded) {
        let excused = |path: &str| recorded.never_in_force(path);
        for finding in self.findings.iter_mut().filter(|finding| finding.path.as_deref().is_some_and(excused)) {
            excuse(finding);
        }
        let wrong = |finding: &&Finding| finding.severity == Severity::Error;
        let still: HashSet<_> = self.findings.iter().filter(wrong).filter_map(|finding| finding.path.clone()).collect();
        let judged = |path: &str, verdict: &mut Verdict| {
            if *verdict == Verdict::Damaged && !still.contains(path) {
                *verdict = Verdict::Clean;
            }
        };
        self.envelopes.iter_mut().filter(|view| excused(&view.path)).for_each(|view| judged(&view.path, &mut view.verdict));
        self.payloads.iter_mut().filter(|view| excused(&view.path)).for_each(|view| judged(&view.path, &mut view.verdict));
    }
}

/// What to do about an envelope that was complete and is no longer.
pub(in crate::analysis::judge) const LOST_ENVELOPE: &str = "Keep a copy of the directory. The log's record and the payload hold what stood in the file: `ekv-tool snapshot rebuild` with the \
     group's directory shows its bytes, as long as fsm-snap/ has the payload; else look for the file in a backup. Without it a start \
     goes on from an older snapshot as long as the log reaches back to it, see the forecast.";

/// An envelope that the log recorded, above all that are there.
pub(in crate::analysis::judge) fn envelope_gone(index: LogIndex) -> String {
    format!(
        "The log records a snapshot at {index}, but its .snap file is not there: it was deleted or lost, and a start falls back to an older \
         one."
    )
}

/// The payload of such an envelope, which is there.
pub(in crate::analysis::judge) fn payload_alone(index: LogIndex) -> Finding {
    let message = envelope_gone(index) + " The next start deletes its payload.";
    Finding::new(&snapshot::SNAP_ORPHAN, message).severity(Severity::Warning).advice(LOST_ENVELOPE)
}

/// An envelope that the log recorded once it was complete, and that cannot be read.
pub(in crate::analysis::judge) fn recorded_and_lost(problem: &str) -> Finding {
    let message = format!(
        "The log recorded this snapshot after its file was complete, and now the file cannot be read: {problem}. A start renames it to \
         .broken and falls back to an older one."
    );
    Finding::new(&rules::SNAP_IDENTITY_MISMATCH, message).advice(LOST_ENVELOPE)
}

fn excuse(finding: &mut Finding) {
    // A name that disagrees with the content is no crash's doing, nor is anything that is milder than damage for a reason.
    let damage = finding.severity == Severity::Error && finding.code != &rules::SNAP_IDENTITY_MISMATCH;
    if !damage && finding.code != &snapshot::SNAP_TORN {
        return;
    }
    finding.severity = Severity::Info;
    finding.message.push_str(" No committed record of the log names this snapshot: a crash while it was made leaves this.");
    "Nothing has to be done: a start passes over it.".clone_into(&mut finding.advice);
}

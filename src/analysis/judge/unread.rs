//! What of a group's files could not be read.

use std::collections::BTreeMap;

use super::{Coverage, NotExamined};
use crate::formats::fsm::FsmName;
use crate::formats::layout;
use crate::readers::content::LeftOut;
use crate::readers::snap_dir::SnapReadError;
use crate::readers::wal::{Change, SegmentScan, WalScan};
use crate::readers::{FsmFacts, GroupListing, SmallFact, SnapDir, SnapEntry, Unplaced};
use crate::types::{LogIndex, ServerVersion};

/// What lies beside the groups that were found.
pub fn cover_unplaced(unplaced: &[Unplaced], coverage: &mut Coverage) {
    let part = |part: &Unplaced| NotExamined::new(part.path.display().to_string(), part.why.clone(), part.needed);
    coverage.also_left_out(unplaced.iter().map(part));
}

/// A file that could not be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Below the group directory.
    pub path: String,
    /// The system's words, or what happened to the file.
    pub why: String,
    /// Its size, where it can be read and was not on purpose.
    pub left_out: Option<u64>,
}

impl Unread {
    fn new(path: impl Into<String>, why: impl Into<String>) -> Self {
        Self { path: path.into(), why: why.into(), left_out: None }
    }

    /// In one sentence.
    pub fn sentence(&self) -> String {
        let how = if self.left_out.is_some() { "was not read" } else { "cannot be read" };
        format!("{} {how}: {}", self.path, self.why)
    }

    /// Counts it as missing below `dir`.
    pub fn cover(&self, dir: &str, coverage: &mut Coverage) {
        coverage.not_examined.push(self.part(dir));
    }

    fn part(&self, dir: &str) -> NotExamined {
        let path = format!("{}/{}", dir.trim_end_matches('/'), self.path);
        match self.left_out {
            Some(size) => NotExamined::new(LeftOut::what(&path, size), self.why.as_str(), true),
            None => NotExamined::new(path, format!("it cannot be read: {}", self.why), true),
        }
    }
}

/// The first segment of the log that was not seen whole.
pub fn segment(scan: &WalScan) -> Option<Unread> {
    scan.unread().and_then(of_segment)
}

/// Why a segment was not seen whole.
pub fn of_segment(segment: &SegmentScan) -> Option<Unread> {
    let why = match segment.change.as_ref()? {
        Change::Unreadable(why) => why.as_str(),
        Change::Faulted => "it shrank meanwhile",
        Change::Vanished => "it was removed meanwhile",
        Change::Modified => return None,
    };
    Some(Unread::new(layout::in_wal(&segment.file.file_name), why))
}

/// The highest `.snap` of which nobody can tell what a start makes of it.
pub fn envelope(snaps: &SnapDir, engine: ServerVersion) -> Option<Unread> {
    snaps.snaps.iter().find_map(|snap| of_envelope(snap, engine))
}

fn of_envelope(snap: &SnapEntry, engine: ServerVersion) -> Option<Unread> {
    match snap.read(engine) {
        Err(SnapReadError::Unreadable(why)) => Some(Unread::new(layout::in_snap(&snap.name), why)),
        _ => None,
    }
}

/// Why a payload was not seen whole.
pub fn payload(index: LogIndex, facts: &FsmFacts) -> Option<Unread> {
    let (why, left_out) = match facts {
        FsmFacts::Unreadable(why) | FsmFacts::Special(why) => (why, None),
        FsmFacts::File(file) => (file.unread.as_ref()?, file.left_out.map(|_| file.size)),
        FsmFacts::Absent | FsmFacts::Directory => return None,
    };
    Some(Unread { left_out, ..Unread::new(layout::in_payloads(FsmName::of(index)), why) })
}

/// Marker and peers file.
fn small(listing: &GroupListing) -> impl Iterator<Item = Unread> {
    let of = |name: &str, fact: &SmallFact| match fact {
        SmallFact::Unreadable(why) => Some(Unread::new(name, why)),
        SmallFact::Absent | SmallFact::Nowhere | SmallFact::Directory | SmallFact::Bytes(_) => None,
    };
    [of(layout::ENGINE_MARKER, &listing.marker), of(layout::PEERS, &listing.peers)].into_iter().flatten()
}

/// Everything of a group that could not be read, as missing below `dir`.
pub fn cover(
    dir: &str,
    listing: &GroupListing,
    (snaps, engine): (&SnapDir, ServerVersion),
    payloads: &BTreeMap<LogIndex, FsmFacts>,
    log: Option<&WalScan>,
    coverage: &mut Coverage,
) {
    let segments = log.into_iter().flat_map(|scan| &scan.segments).filter_map(of_segment);
    let envelopes = snaps.snaps.iter().filter_map(|snap| of_envelope(snap, engine));
    let payloads = payloads.iter().filter_map(|(index, facts)| payload(*index, facts));
    let (left_out, unread): (Vec<_>, Vec<_>) =
        small(listing).chain(envelopes).chain(payloads).chain(segments).partition(|unread| unread.left_out.is_some());
    for unread in &unread {
        unread.cover(dir, coverage);
    }
    // Whoever judges snapshots has said it of most of them.
    if !left_out.is_empty() {
        coverage.also_left_out(left_out.iter().map(|unread| unread.part(dir)));
    }
}

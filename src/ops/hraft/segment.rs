//! `wal verify` and `wal dump` of one segment of raft-wal, of which nothing else is known.

use std::path::{Path, PathBuf};

use super::entries::{EntryRange, Writer};
use super::rows::EntryRow;
use crate::analysis::hraft::findings::raftwal::lone_segment;
use crate::analysis::{Coverage, Finding, Severity};
use crate::error::Result;
use crate::formats::layout::WAL_META;
use crate::formats::raftwal::{FRAME_HEADER, SegmentHeader, WalFile, decode_binary_entry, read_frame};
use crate::readers::EntryKind;
use crate::readers::hraft::wal::{SegmentFacts, WalSegment};
use crate::readers::locate::snapshots::name_of;
use crate::readers::source::{Run, Source};
use crate::report::body::hraft::page::{HashiBody, NodePage, WalDump, WalVerify};
use crate::report::{Cell, Report, RowStream, Section};

/// True for a file that begins as such a segment does, or that is called like one.
pub fn is_lone_segment(path: &Path, source: &dyn Source) -> bool {
    if source.kind_at(path) != Some(EntryKind::File) {
        return false;
    }
    let head = source.open(path).and_then(|file| file.read_at(0, crate::formats::raftwal::HEADER_LEN));
    head.is_ok_and(|head| SegmentHeader::decode(&head).is_ok()) || WalFile::parse(&name_of(path)).is_some()
}

/// Reads one as it stands.
fn read(path: &Path, run: &Run<'_>, coverage: &mut Coverage) -> Result<(WalSegment, Vec<Finding>)> {
    let segment = WalSegment::alone(path, &*run.source)?;
    coverage.add_file(segment.bytes().len() as u64);
    let what = format!("what {WAL_META} says of {}", path.display());
    coverage.skipped(what, "a segment was named by itself; name the node's directory");
    let mut found = lone_segment(path, &segment);
    if segment.changed() {
        // A server writes to it.
        for finding in found.iter_mut().filter(|finding| finding.severity == Severity::Error) {
            finding.severity = Severity::Warning;
        }
        coverage.missing(path.display().to_string(), "it changed while it was read; try again, or read a copy");
    }
    Ok((segment, found))
}

fn page(path: &Path, segment: &WalSegment) -> NodePage {
    let page = NodePage::new(path.display().to_string(), String::new());
    let Some(facts) = &segment.facts else { return page };
    let (base, last) = (facts.base(), last(facts));
    page.fact("size", facts.size)
        .fact("base_index", base)
        .fact("last_index", last)
        .fact("entries_in_file", facts.offsets.len())
        .fact("commits", facts.commits)
        .fact("complete", facts.complete())
        .fact("written_bytes", facts.end.at())
}

fn last(facts: &SegmentFacts) -> Option<u64> {
    facts.base()?.checked_add((facts.offsets.len() as u64).checked_sub(1)?)
}

/// Checks every frame and every commit.
pub fn hashicorp_segment_verify(paths: &[PathBuf], run: &Run<'_>) -> Result<Report<HashiBody<WalVerify>>> {
    let mut coverage = Coverage::default();
    let (mut pages, mut all) = (Vec::new(), Vec::new());
    for path in paths {
        let (segment, found) = read(path, run, &mut coverage)?;
        let facts = segment.facts.as_ref();
        let rows = vec![
            ("first index", Cell::option(facts.and_then(SegmentFacts::base))),
            ("last index", Cell::option(facts.and_then(last))),
            ("entries", Cell::option(facts.map(|facts| facts.offsets.len()))),
            ("commits", Cell::option(facts.map(|facts| facts.commits))),
            ("state", Cell::option(facts.map(|facts| if facts.complete() { "complete" } else { "open" }))),
        ];
        pages.push(page(path, &segment).section(Section::facts(segment.name.clone(), rows)));
        all.extend(found);
    }
    let headline = format!("{} of raft-wal verified", crate::types::Count::of(pages.len(), "segment"));
    Ok(Report::new(HashiBody::new(headline, pages), all, coverage))
}

/// Writes the entries to `rows`, whether they count or not.
pub fn hashicorp_segment_dump(
    path: &Path,
    range: EntryRange,
    run: &Run<'_>,
    rows: &mut RowStream<'_>,
) -> Result<Report<HashiBody<WalDump>>> {
    let mut coverage = Coverage::default();
    let (segment, found) = read(path, run, &mut coverage)?;
    let mut writer = Writer::new(range, rows);
    if let Some(facts) = &segment.facts {
        let base = facts.base().unwrap_or(0);
        for (number, at) in facts.offsets.iter().enumerate() {
            let Ok(frame) = read_frame(segment.bytes(), u64::from(*at)) else { break };
            let entry = decode_binary_entry(frame.content).map_err(|error| error.to_string());
            let key = base.saturating_add(number as u64);
            let (at, len) = (Some(frame.at + FRAME_HEADER as u64), frame.content.len());
            writer.take(&EntryRow { key, at, len, file: Some(&segment.name), removed: None, entry })?;
        }
        if writer.read != facts.offsets.len() as u64 {
            coverage.missing(path.display().to_string(), "it changed while it was read; try again, or read a copy");
        }
    }
    Ok(writer.report("a segment of raft-wal", page(path, &segment), found, coverage))
}

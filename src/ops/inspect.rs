//! `inspect`: one page on anything.

use std::path::Path;

use super::group::{Opened, Opening};
use crate::analysis::inspect::{Description, GroupState, describe};
use crate::analysis::judge::group;
use crate::analysis::{Coverage, Severity};
use crate::error::{Error, Result};
use crate::io::parent_of;
use crate::readers::Reading;
use crate::readers::locate::DirectoryKind;
use crate::readers::pebble::StoreCheck;
use crate::readers::source::Run;
use crate::readers::subject::{Content, Subject};
use crate::report::body::inspect::InspectBody;
use crate::report::{NextStep, Report};

/// What the caller wants to know.
#[derive(Debug, Clone, Copy, Default)]
pub struct InspectOptions {
    /// Show the first bytes of a file that is not recognised.
    pub show_bytes: bool,
}

/// Describes the file or directory at `path`.
pub fn inspect(path: &Path, options: InspectOptions, run: &Run<'_>) -> Result<Report<InspectBody>> {
    let InspectOptions { show_bytes } = options;
    let subject = Subject { show_bytes, ..Subject::read(path, run)? };
    let mut states = Vec::new();
    let mut covered = (0, 0);
    let (mut links, mut unread, mut unsettled) = (Vec::new(), Coverage::default(), Coverage::default());
    if let Content::Directory(facts) = &subject.content {
        for group in &facts.groups {
            let reading = Reading { store: Some(StoreCheck::Meta) };
            let state = match Opened::read(&group.group, &Opening { reading, ..Opening::default() }, run) {
                Ok(mut opened) => {
                    opened.examine_named(run)?;
                    let mut read = opened.small_files();
                    read.absorb(opened.bytes().1);
                    covered = (covered.0 + read.files, covered.1 + read.bytes_examined);
                    opened.cover_unread(&mut unread);
                    let evidence = opened.evidence();
                    links.extend(group::run(&evidence, &group::of_links()).1);
                    match opened.foreign() {
                        Some(refusal) => GroupState { unreadable: Some(refusal.text), ..GroupState::default() },
                        None => {
                            let state = GroupState::of(&evidence);
                            opened.settle(&mut unsettled);
                            state
                        }
                    }
                }
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                // A page on the rest is better than none.
                Err(error) => GroupState { unreadable: Some(error.to_string()), ..GroupState::default() },
            };
            states.push(state);
        }
    }
    let mut page = describe(&subject, &states);
    page.coverage.files += covered.0;
    page.coverage.bytes_examined += covered.1;
    page.coverage.also_left_out(unread.not_examined);
    page.coverage.absorb(unsettled);
    page.findings.extend(links);
    let next = next_step(&page, subject.named_as_segment, path, run);
    let findings = std::mem::take(&mut page.findings);
    let coverage = std::mem::take(&mut page.coverage);
    Ok(Report::new(InspectBody::new(subject.display, page), findings, coverage).next_step(next))
}

/// The one thing to do next.
fn next_step(page: &Description, named_as_segment: bool, path: &Path, run: &Run<'_>) -> Option<NextStep> {
    let worst = page.findings.iter().filter(|finding| finding.severity != Severity::Info).min_by_key(|finding| finding.severity);
    if let Some(finding) = worst {
        // What is damaged is explained in any case.
        return (finding.severity != Severity::Error).then(|| NextStep::explain(finding.code));
    }
    let parent = parent_of(path).unwrap_or(Path::new("."));
    let beside = DirectoryKind::at(parent, &*run.source);
    let on = |words: &[&str], path: &Path| Some(NextStep::new(words.iter().copied()).on(path));
    match page.kind {
        "group" => on(&["check"], path),
        "node" | "raft-data" => on(&["gate-dryrun"], path),
        "wal" => on(&["wal", "verify"], path),
        // A segment whose name is no segment's cannot be placed in a log.
        "raftwal-segment" => on(&["wal", "verify"], path),
        "wal-segment" if named_as_segment => on(&["wal", "verify"], path),
        "wal-segment" => on(&["wal", "dump"], path),
        "snap" | "fsm-snap" | "snapshot-envelope" | "offload-store" | "offload-payload" | "offload-manifest" | "dump"
        | "dump-archive" | "hashicorp-archive" => on(&["verify-snapshot"], path),
        "snapshot-payload" => on(&["verify-snapshot", "--deep"], path),
        "store" => on(&["store", "verify"], path),
        "store-table" | "store-manifest" | "store-log" | "store-options" | "store-marker" if beside == DirectoryKind::Store => {
            on(&["store", "verify"], parent)
        }
        "store-table" | "store-manifest" | "store-log" => on(&["store", "dump"], path),
        "peers" | "engine-marker" | "legacy-state" | "legacy-metadata" | "legacy-entries" | "hashicorp"
            if beside == DirectoryKind::Group =>
        {
            on(&["gate-dryrun"], parent)
        }
        // What is left alone has no directory that a command could judge.
        _ => None,
    }
}

//! `inspect`: one page on anything.

use std::path::{Path, PathBuf};

use super::group::{Opened, Opening};
use crate::analysis::Severity;
use crate::analysis::inspect::{Description, GroupState, describe};
use crate::error::{Error, Result};
use crate::io::Progress;
use crate::readers::Reading;
use crate::readers::pebble::StoreCheck;
use crate::readers::subject::{Content, Subject};
use crate::report::Report;
use crate::report::body::inspect::InspectBody;

/// Describes the file or directory at `path`.
pub fn inspect(path: &Path, threads: usize, progress: &dyn Progress) -> Result<Report<InspectBody>> {
    let subject = Subject::read(path, threads, progress)?;
    let mut states = Vec::new();
    let mut covered = (0, 0);
    if let Content::Directory(facts) = &subject.content {
        for group in &facts.groups {
            let reading = Reading { store: Some(StoreCheck::Meta), threads };
            let state = match Opened::read(&group.group, &Opening { reading, ..Opening::default() }, progress) {
                Ok(mut opened) => {
                    opened.examine_named(progress)?;
                    let mut read = opened.small_files();
                    read.absorb(opened.bytes().1);
                    covered = (covered.0 + read.files, covered.1 + read.bytes_examined);
                    match opened.foreign() {
                        Some(refusal) => GroupState { unreadable: Some(refusal.text), ..GroupState::default() },
                        None => GroupState::of(&opened.evidence()),
                    }
                }
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                // A page on the rest is better than none.
                Err(error) => GroupState { unreadable: Some(error.to_string()), ..GroupState::default() },
            };
            states.push(state);
        }
    }
    let mut it = describe(&subject, &states);
    it.coverage.files += covered.0;
    it.coverage.bytes_examined += covered.1;
    let next = next_step(&it, path);
    let findings = std::mem::take(&mut it.findings);
    let coverage = std::mem::take(&mut it.coverage);
    Ok(Report::new(InspectBody::new(subject.display, it), findings, coverage).next_step(next))
}

/// The one thing to do next.
fn next_step(it: &Description, path: &Path) -> String {
    let worst = it.findings.iter().filter(|finding| finding.severity != Severity::Info).min_by_key(|finding| finding.severity);
    if let Some(finding) = worst {
        return format!("ekv-tool explain {}", finding.code.code);
    }
    let shown = path.display();
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or_else(|| PathBuf::from("."), Path::to_owned);
    let beside = parent.display();
    match it.kind {
        "group" => format!("ekv-tool check {shown}"),
        "node" | "raft-data" => format!("ekv-tool gate-dryrun {shown}"),
        "wal" | "wal-segment" => format!("ekv-tool wal verify {shown}"),
        "snap" | "fsm-snap" => format!("ekv-tool verify-snapshot {shown}"),
        "snapshot-payload" => format!("ekv-tool verify-snapshot --deep {shown}"),
        "offload-store" | "offload-payload" | "offload-manifest" => format!("ekv-tool verify-snapshot {shown}"),
        "snapshot-envelope" => format!("ekv-tool verify-snapshot {shown}"),
        "store" => format!("ekv-tool store verify {shown}"),
        "store-table" | "store-manifest" | "store-log" | "store-options" | "store-marker" => {
            format!("ekv-tool store verify {beside}")
        }
        "peers" | "engine-marker" | "legacy-state" | "legacy-metadata" | "legacy-entries" => {
            format!("ekv-tool gate-dryrun {beside}")
        }
        "key-sidecar" => format!("ekv-tool gate-dryrun --sidecar {shown} with the node's directory"),
        "hashicorp" => format!("ekv-tool gate-dryrun {beside}"),
        "unfinished" | "wal-reserve" | "tool-json" | "kek" => "nothing needs to be done".to_owned(),
        _ if it.size == Some(0) || it.facts.iter().any(|fact| fact.name == "looks_like" && fact.text.starts_with("zeros")) => {
            "look for a copy of it: nothing is left in this one".to_owned()
        }
        _ => "find out where it comes from; nothing that this program knows reads it".to_owned(),
    }
}

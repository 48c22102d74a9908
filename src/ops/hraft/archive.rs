//! `verify-snapshot` of archives that Consul, Nomad, Vault or OpenBao saved.

use std::path::{Path, PathBuf};

use crate::analysis::Coverage;
use crate::analysis::hraft::archive::judge_archive;
use crate::error::{Error, Result};
use crate::formats::snap::SnapName;
use crate::readers::EntryKind;
use crate::readers::hraft::archive::{is_archive_at, read_archive};
use crate::readers::source::{Run, Source};
use crate::report::Report;
use crate::report::body::hraft::archive::{ArchiveBody, ArchiveView};

/// The archives that the paths name: files by their content, and directories of nothing but such files called `.snap`. Empty when
/// the first path names something else.
///
/// # Errors
///
/// Archives and something else in one call.
pub fn archives(paths: &[PathBuf], source: &dyn Source) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut other = None;
    for path in paths {
        let here = match source.kind_at(path) {
            Some(EntryKind::File) if is_archive_at(path, source) => vec![path.clone()],
            Some(EntryKind::Directory) => in_directory(path, source),
            _ => Vec::new(),
        };
        if here.is_empty() {
            other = Some(path);
        }
        found.extend(here);
    }
    match (found.first(), other) {
        (Some(first), Some(path)) => Err(Error::Usage(format!(
            "{}: not a snapshot archive, which {} is; name files of one kind",
            path.display(),
            first.display()
        ))),
        _ => Ok(found),
    }
}

fn in_directory(path: &Path, source: &dyn Source) -> Vec<PathBuf> {
    let Ok(entries) = source.list(path) else { return Vec::new() };
    let snaps: Vec<_> =
        entries.iter().filter(|entry| entry.name.ends_with(".snap")).map(|entry| path.join(&entry.name)).collect();
    let fsm = entries.iter().any(|entry| entry.name.ends_with(".fsm"));
    let own = entries.iter().any(|entry| SnapName::parse(&entry.name).is_some());
    // One that is none, among archives, is a backup that failed.
    if !fsm && !own && snaps.iter().any(|snap| is_archive_at(snap, source)) { snaps } else { Vec::new() }
}

/// Reads every archive to its end.
pub fn hashicorp_verify_archives(paths: &[PathBuf], run: &Run<'_>) -> Result<Report<ArchiveBody>> {
    let mut coverage = Coverage::default();
    let mut all = Vec::new();
    let mut views = Vec::new();
    for path in paths {
        let shown = path.display().to_string();
        let facts = read_archive(path, run)?;
        coverage.add_file(facts.size);
        let mut judged = judge_archive(&shown, &facts, &mut coverage);
        if facts.changed {
            judged.findings.clear();
            coverage.missing(shown.clone(), "the file changed while it was read; try again when it is written");
        }
        views.push(ArchiveView::new(shown, &facts, &judged));
        all.append(&mut judged.findings);
    }
    Ok(Report::new(ArchiveBody::new(views), all, coverage))
}

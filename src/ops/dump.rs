//! `verify-snapshot` of dumps of the offline tools.

use std::path::{Path, PathBuf};

use crate::analysis::Coverage;
use crate::analysis::judge::dump::judge_dump;
use crate::error::{Error, Result};
use crate::readers::dump::{DumpPlace, find_dump, read_dump_archive, read_dump_dir};
use crate::readers::source::{Run, Source};
use crate::report::Report;
use crate::report::body::dump::{DumpBody, DumpView};

/// The dumps that the paths name: directories with a `MANIFEST.json`, and archives. Empty when the first path names something else.
///
/// # Errors
///
/// Dumps and something else in one call.
pub fn dumps(paths: &[PathBuf], source: &dyn Source) -> Result<Vec<(PathBuf, DumpPlace)>> {
    let found: Vec<_> = paths.iter().map(|path| (path, find_dump(path, source))).collect();
    let other = found.iter().find(|(_, place)| place.is_none());
    match (found.iter().find(|(_, place)| place.is_some()), other) {
        (Some((first, _)), Some((other, _))) => {
            Err(Error::Usage(format!("{}: not a dump, which {} is; name paths of one kind", other.display(), first.display())))
        }
        _ => Ok(found.into_iter().filter_map(|(path, place)| Some((path.clone(), place?))).collect()),
    }
}

/// Reads every dump to its end.
pub fn verify_dumps(dumps: &[(PathBuf, DumpPlace)], run: &Run<'_>) -> Result<Report<DumpBody>> {
    let (mut coverage, mut findings, mut views) = (Coverage::default(), Vec::new(), Vec::new());
    for (path, place) in dumps {
        let facts = read(path, *place, run)?;
        let shown = path.display().to_string();
        let judged = judge_dump(&shown, &facts, &mut coverage);
        views.push(DumpView::new(shown, &facts, &judged));
        findings.extend(judged.findings);
    }
    coverage.skipped("what the files of the dump say", "they are compared with CHECKSUMS, not with a store");
    Ok(Report::new(DumpBody { dumps: views }, findings, coverage))
}

fn read(path: &Path, place: DumpPlace, run: &Run<'_>) -> Result<crate::readers::dump::DumpFacts> {
    match place {
        DumpPlace::Directory => read_dump_dir(path, run),
        DumpPlace::Archive => read_dump_archive(path, run),
    }
}

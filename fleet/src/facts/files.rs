//! Files of facts on this machine: which are meant, and their bytes.

#![allow(clippy::disallowed_methods, reason = "files of facts are this machine's")]

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ekv_tool::analysis::Coverage;
use ekv_tool::analysis::facts::{Document, FactsError};
use ekv_tool::formats::facts::{FRONT, begins};
use ekv_tool::types::{Count, escape, grant};

use super::words;
use crate::error::{Error, Result};

/// What a file of facts is called when it is looked for in a directory.
pub const EXTENSION: &str = "facts";

/// What is passed over in a directory and named, at most.
const NAMED: usize = 3;

/// The files that are meant by `paths`: files as they are, of directories what is called `*.facts`, in order. What else a directory holds is
/// told.
pub fn find(paths: &[PathBuf], coverage: &mut Coverage) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let shown = path.display();
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let failed = |error: std::io::Error| Error::Usage(format!("{shown}: the directory cannot be listed: {error}"));
        let mut below = Vec::new();
        let mut others = Others::default();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let found = entry.map_err(failed)?.path();
            if found.extension().is_some_and(|extension| extension == EXTENSION) {
                below.push(found);
            } else {
                others.add(&found);
            }
        }
        if below.is_empty() {
            let why = "the directory has no file called *.facts; `ekv-tool facts DIR -o n1.facts` makes one";
            coverage.missing(shown.to_string(), why);
        }
        if let Some(what) = others.words() {
            coverage.skipped(format!("{shown}: {what}"), "only files called *.facts are taken; name a file to have it taken");
        }
        below.sort();
        files.extend(below);
    }
    files.dedup();
    Ok(files)
}

/// What a directory holds beside files of facts.
#[derive(Default)]
struct Others {
    files: u64,
    directories: u64,
    names: Vec<String>,
}

impl Others {
    fn add(&mut self, path: &Path) {
        let is_directory = path.is_dir();
        *(if is_directory { &mut self.directories } else { &mut self.files }) += 1;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        self.names.push(format!("{}{}", escape(&name), if is_directory { "/" } else { "" }));
        self.names.sort();
        self.names.truncate(NAMED);
    }

    fn words(&self) -> Option<String> {
        let count = |number, noun| (number > 0).then(|| Count(number, noun).to_string());
        let kinds: Vec<_> = [count(self.files, "file"), count(self.directories, "directory")].into_iter().flatten().collect();
        let more = self.files + self.directories > self.names.len() as u64;
        let names = self.names.join(", ") + if more { ", ..." } else { "" };
        (!kinds.is_empty()).then(|| format!("{} of another name ({names})", kinds.join(" and ")))
    }
}

/// The bytes of a file, if they may be facts.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("it cannot be read: {error}");
    // A pipe would be waited for.
    let meta = std::fs::metadata(path).map_err(unreadable)?;
    if !meta.is_file() {
        return Err("it is no file".to_owned());
    }
    let mut file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    (&mut file).take(FRONT as u64).read_to_end(&mut bytes).map_err(unreadable)?;
    begins(&bytes).map_err(|broken| words(&FactsError::Broken(broken)))?;
    let size = meta.len();
    grant(Document::memory_of(size)).map_err(|over| words(&FactsError::TooLarge(over)))?;
    file.take(size.saturating_sub(bytes.len() as u64)).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

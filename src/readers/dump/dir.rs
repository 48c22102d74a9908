//! A dump as a directory.

use std::path::{Path, PathBuf};

use super::ledger::{Ledger, most_lines};
use super::{Container, DumpFacts, EntryFault, RefusedEntry, RootFile};
use crate::error::{Error, Result};
use crate::formats::dump::{CHECKSUMS, MANIFEST, MAX_ENTRIES};
use crate::io::{EntryKind, IoOptions};
use crate::readers::Examine;
use crate::readers::offload::{ObjectRead, read_object};
use crate::readers::source::{Run, Source};

/// Bytes of `MANIFEST.json` that are held: far more than any has.
const MANIFEST_LIMIT: u64 = 1 << 20;

/// Reads every file below `root` once.
pub fn read_dump_dir(root: &Path, run: &Run<'_>) -> Result<DumpFacts> {
    let source = &*run.source;
    let mut facts = DumpFacts::new(Container::Directory, 0);
    let mut ledger = Ledger::default();
    facts.manifest = root_file(&root.join(MANIFEST), MANIFEST_LIMIT, source);
    facts.checksums = match root_file(&root.join(CHECKSUMS), most_lines(), source) {
        RootFile::Bytes(text) => {
            ledger.checksums(&text, &mut facts);
            RootFile::Bytes(Vec::new())
        }
        other => other,
    };
    let io = IoOptions { threads: run.threads, ..IoOptions::default() };
    let mut waiting: Vec<(PathBuf, String)> = vec![(root.to_owned(), String::new())];
    let mut whole = true;
    while let Some((dir, below)) = waiting.pop() {
        let entries = match source.list(&dir) {
            Ok(entries) => entries,
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) if below.is_empty() => return Err(error),
            Err(error) => {
                whole = false;
                facts.unread.push(|| (below.trim_end_matches('/').to_owned(), error.reason()));
                continue;
            }
        };
        // The first name is looked at first, in each directory.
        for entry in &entries {
            if run.progress.interrupted() {
                return Err(Error::Interrupted);
            }
            let path = format!("{below}{}", entry.name);
            let at = dir.join(&entry.name);
            if facts.files + facts.directories >= MAX_ENTRIES {
                whole = false;
                facts.refused.push(|| RefusedEntry { name: path, at: None, fault: EntryFault::TooMany });
                waiting.clear();
                break;
            }
            if source.link_target(&at).is_some() {
                ledger.link(path.as_bytes(), &mut facts);
                facts.refused.push(|| RefusedEntry { name: path, at: None, fault: EntryFault::Kind("a link".to_owned()) });
                continue;
            }
            match entry.kind {
                EntryKind::Directory => {
                    facts.directories += 1;
                    waiting.push((at, format!("{path}/")));
                }
                EntryKind::File => {
                    facts.files += 1;
                    facts.note_path(&path);
                    let read = read_object(&at, Examine { crc: true, walk: false, usage: false }, &io, run)?;
                    let ObjectRead::Object(object) = read else {
                        ledger.unread(path.as_bytes(), "it cannot be read".to_owned(), &mut facts);
                        continue;
                    };
                    facts.size += object.bytes_read;
                    facts.content_bytes += object.size;
                    match object.sums.filter(|_| object.change.is_none() && object.unread.is_none()) {
                        Some(sums) => ledger.file(path.as_bytes(), sums.sha256, &mut facts),
                        None => {
                            let why = object.unread.clone().unwrap_or_else(|| "it changed while it was read".to_owned());
                            ledger.unread(path.as_bytes(), why, &mut facts);
                        }
                    }
                }
                EntryKind::Other | EntryKind::Nowhere => {
                    let fault = EntryFault::Kind("neither a file nor a directory".to_owned());
                    facts.refused.push(|| RefusedEntry { name: path, at: None, fault });
                }
            }
        }
    }
    ledger.finish(whole, &mut facts);
    Ok(facts)
}

fn root_file(path: &Path, limit: u64, source: &dyn Source) -> RootFile {
    if source.kind_at(path).is_none() {
        return if source.link_target(path).is_some() { RootFile::NotRegular } else { RootFile::Absent };
    }
    match source.read_small(path, limit) {
        Ok(file) => RootFile::Bytes(file.bytes),
        Err(Error::Unsuitable { .. }) if source.kind_at(path) != Some(EntryKind::File) => RootFile::NotRegular,
        Err(error) => RootFile::TooLarge(error.reason()),
    }
}

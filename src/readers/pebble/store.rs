//! A store directory opened for reading, as a consistent view.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::facts::{FormatMarker, ManifestFact, OptionsFact, OptionsResult, StoreFacts, StorePresence, TableFileFact, Writer};
use super::listing::{StoreFileKind, StoreListing};
use super::logs::replay;
use super::manifest::ManifestFacts;
use super::memory::Memory;
use crate::error::{Error, Result};
use crate::formats::pebble::{FileNum, SeqNum, StoreFileName, StoreOptions, Version};
use crate::io::{EntryKind, FileStamp, LockState};
use crate::readers::source::{Run, Source};

/// How often a directory that changes under the reader is read again.
const ATTEMPTS: u32 = 12;
/// Pause before the second attempt; later ones wait longer.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// OPTIONS files have a few KiB.
const OPTIONS_LIMIT: u64 = 4 << 20;

/// A store as a start would see it: version and memory. Tables are opened when they are needed.
#[derive(Debug)]
pub struct Store {
    /// The directory.
    pub dir: PathBuf,
    /// What the logs hold.
    pub memory: Memory,
    /// Everything noticed while opening.
    pub facts: StoreFacts,
    seen: Seen,
    pub(super) source: Arc<dyn Source>,
}

/// What must not have changed for the view to be one that existed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    manifest: Option<(String, FileStamp)>,
    format: Option<String>,
}

impl Store {
    /// Reads markers, MANIFEST, OPTIONS and logs of `dir`. Damage is in the facts; an error is what the system refused.
    ///
    /// A live writer rotates logs and MANIFESTs all the time, and a log is renamed and overwritten once the MANIFEST says
    /// that its data is in a table. A view is accepted when the MANIFEST is still the same after the logs have been read;
    /// otherwise all is read again, a bounded number of times.
    pub fn open(dir: &Path, run: &Run<'_>) -> Result<Self> {
        Self::open_with(dir, run, |_| Ok(()))
    }

    /// As [`Store::open`]; `use_view` runs before the view is checked, so that what it read from tables is of the same
    /// view. It runs again for each attempt.
    pub fn open_with(dir: &Path, run: &Run<'_>, mut use_view: impl FnMut(&mut Self) -> Result<()>) -> Result<Self> {
        let mut attempt = 1;
        loop {
            let last = attempt == ATTEMPTS;
            let read = Self::read_once(dir, &run.source).and_then(|mut store| {
                use_view(&mut store)?;
                Ok(store)
            });
            match read {
                Ok(mut store) => {
                    let stable = store.is_unchanged()? && !store.facts.vanished();
                    store.facts.stable = stable;
                    store.facts.attempts = attempt;
                    // Damage that a writer may be in the middle of making is looked at once more.
                    let suspicious = store.facts.writer == Writer::Alive && store.facts.looks_damaged() && attempt < 4;
                    if last || (stable && !suspicious) {
                        return Ok(store);
                    }
                }
                Err(error) if error.is_not_found() && !last => {}
                Err(error) => return Err(error),
            }
            std::thread::sleep(FIRST_PAUSE * attempt);
            attempt += 1;
        }
    }

    fn read_once(dir: &Path, shared: &Arc<dyn Source>) -> Result<Self> {
        let source = &**shared;
        let mut facts = StoreFacts::new(dir);
        let mut store = Self {
            dir: dir.to_owned(),
            memory: Memory::default(),
            facts: StoreFacts::new(dir),
            seen: Seen { manifest: None, format: None },
            source: Arc::clone(shared),
        };
        match source.look(dir) {
            Ok(standing) if standing.kind == EntryKind::Directory => {}
            Ok(_) => {
                store.facts.presence = StorePresence::NotADirectory;
                return Ok(store);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let link = source.link_target(dir).is_some();
                store.facts.presence = if link { StorePresence::Nowhere } else { StorePresence::Absent };
                return Ok(store);
            }
            Err(error) => return Err(Error::io(dir, "examine the directory", error)),
        }
        facts.presence = StorePresence::Directory;
        facts.listing = StoreListing::read(dir, source)?;
        facts.writer = match &facts.listing.lock {
            Some(lock) if lock.kind == StoreFileKind::Regular => match source.lock_state(&dir.join(&lock.name)) {
                Ok(LockState::Held { .. }) => Writer::Alive,
                Ok(LockState::Free) => Writer::NotSeen,
                Err(_) => Writer::Unknown,
            },
            _ => Writer::NotSeen,
        };
        facts.format = FormatMarker::of(&facts.listing);
        store.seen.format = facts.listing.format_marker().map(str::to_owned);
        if let Some(marker) = facts.listing.manifest_marker().map(str::to_owned) {
            facts.manifest = read_manifest(dir, &marker, &facts, &mut store.seen, source)?;
            // A table or log that the MANIFEST names may be younger than the first listing; older than this one it is not,
            // and if it goes away meanwhile the MANIFEST has changed.
            facts.listing = StoreListing::read(dir, source)?;
        }
        if matches!(facts.manifest, ManifestFact::NoMarker | ManifestFact::MalformedMarker(_) | ManifestFact::FileMissing(_)) {
            facts.fitting_manifest = fitting_manifest(dir, &facts.listing, source);
        }
        facts.options = read_options(dir, &facts.listing, source);
        // Which tables and logs count stands in the MANIFEST.
        if !matches!(facts.manifest, ManifestFact::Unreadable { .. }) {
            check_table_files(&mut facts);
            let from = facts.version().map_or(FileNum(0), |version| version.min_unflushed_log);
            replay_logs(dir, from, &mut facts, &mut store.memory, source)?;
        }
        store.facts = facts;
        Ok(store)
    }

    /// The version of the MANIFEST; empty without one.
    pub fn version(&self) -> Option<&Version> {
        self.facts.version()
    }

    /// True if markers and MANIFEST are what they were when this view was read.
    pub fn is_unchanged(&self) -> Result<bool> {
        if self.facts.presence != StorePresence::Directory {
            return Ok(true);
        }
        let now = match StoreListing::read(&self.dir, &*self.source) {
            Ok(now) => now,
            Err(error) if error.is_not_found() => return Ok(false),
            Err(error) => return Err(error),
        };
        let manifest = now.manifest_marker().map(str::to_owned);
        let same_manifest = match (&self.seen.manifest, &manifest) {
            (Some((name, stamp)), Some(now)) => name == now && self.source.stamp_at(&self.dir.join(name)).as_ref() == Some(stamp),
            // A marker whose MANIFEST is not there was not stamped.
            (None, now) => now.as_deref() == self.facts.listing.manifest_marker(),
            (Some(_), None) => false,
        };
        Ok(same_manifest && now.format_marker().map(str::to_owned) == self.seen.format)
    }
}

fn read_manifest(dir: &Path, marker: &str, facts: &StoreFacts, seen: &mut Seen, source: &dyn Source) -> Result<ManifestFact> {
    // The server takes the number out of whatever file name the marker holds.
    let (StoreFileName::Manifest(number)
    | StoreFileName::Table(number)
    | StoreFileName::Options(number)
    | StoreFileName::Blob(number)
    | StoreFileName::Log { number, .. }) = StoreFileName::parse(marker)
    else {
        return Ok(ManifestFact::MalformedMarker(marker.to_owned()));
    };
    let name = format!("MANIFEST-{number}");
    // A listing has no such name, or has it under another padding.
    let listed = facts.listing.manifests.get(&number).filter(|file| file.kind != StoreFileKind::Dangling);
    if listed.is_some_and(|file| file.kind == StoreFileKind::Directory && file.name == name) {
        return Ok(ManifestFact::IsDirectory(name));
    }
    match ManifestFacts::read(dir, &name, number, source) {
        Ok((read, stamp)) => {
            seen.manifest = Some((name, stamp));
            Ok(ManifestFact::Read(Box::new(read)))
        }
        Err(error) if error.is_not_found() && listed.is_none() => Ok(ManifestFact::FileMissing(name)),
        Err(error) if error.is_not_found() => Err(error),
        Err(error) => Ok(ManifestFact::Unreadable { name, problem: error.reason() }),
    }
}

/// The MANIFEST that a lost marker must have named: older ones are removed, but not at once, and lack tables by then.
fn fitting_manifest(dir: &Path, listing: &StoreListing, source: &dyn Source) -> Option<String> {
    listing.manifests.iter().rev().find_map(|(number, file)| {
        let (read, _) = ManifestFacts::read(dir, &file.name, *number, source).ok()?;
        let whole = read.failure.is_none() && read.end.defect().is_none() && !read.version.is_malformed();
        let there = |table| listing.tables.get(&table).map(|listed| listed.size);
        let complete = read.version.tables().all(|table| there(table.file()) == Some(read.version.file_size(table)));
        (whole && complete).then_some(read.name)
    })
}

fn read_options(dir: &Path, listing: &StoreListing, source: &dyn Source) -> Option<OptionsFact> {
    // The number 0 is not above the one that the server begins with.
    let (_, file) = listing.options.last_key_value().filter(|(number, _)| number.0 > 0)?;
    if let Some(words) = file.kind.system_words() {
        let verb = if file.kind == StoreFileKind::Directory { "read" } else { "open" };
        let store = dir.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let result = OptionsResult::NotAFile(format!("{verb} {store}/{}: {words}", file.name));
        return Some(OptionsFact { name: file.name.clone(), result });
    }
    let result = match source.read_small(&dir.join(&file.name), OPTIONS_LIMIT) {
        Ok(read) => match StoreOptions::parse(&read.bytes) {
            Ok(options) => OptionsResult::Parsed(options),
            Err(error) => OptionsResult::Refused { at: error.at, text: error.text },
        },
        Err(error) if error.is_not_found() => return None,
        Err(error) => OptionsResult::Unreadable(error.reason()),
    };
    Some(OptionsFact { name: file.name.clone(), result })
}

/// Compares the files of the version with what the directory holds.
fn check_table_files(facts: &mut StoreFacts) {
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    let mut live_bytes = 0_u64;
    let none = Version::default();
    let version = facts.version().unwrap_or(&none);
    for table in version.tables() {
        let file = table.file();
        if !seen.insert(file) {
            continue;
        }
        let expected = version.file_size(table);
        let found = facts.listing.tables.get(&file).map(|listed| listed.size);
        live_bytes = live_bytes.saturating_add(found.unwrap_or(0));
        if found != Some(expected) {
            wrong.push(TableFileFact { level: table.level, number: file, expected, found });
        }
    }
    facts.live_tables = seen.len() as u64;
    facts.live_bytes = live_bytes;
    facts.unreferenced_tables = facts.listing.tables.keys().copied().filter(|number| !seen.contains(number)).collect();
    facts.wrong_tables = wrong;
}

fn replay_logs(dir: &Path, from: FileNum, facts: &mut StoreFacts, memory: &mut Memory, source: &dyn Source) -> Result<()> {
    let listing = facts.listing.clone();
    let mut numbers: Vec<FileNum> = listing.logs.keys().map(|(number, _)| *number).collect();
    numbers.dedup();
    facts.obsolete_logs = numbers.iter().copied().filter(|&number| number < from).collect();
    let accounted_for = facts.version().map_or(SeqNum(0), |version| version.last_seq);
    let mut next = SeqNum(accounted_for.0.saturating_add(1)).max(SeqNum::FIRST);
    for number in numbers.into_iter().filter(|&number| number >= from) {
        let files: Vec<_> =
            listing.logs.range((number, 0)..=(number, u64::MAX)).map(|((_, segment), file)| (*segment, file)).collect();
        if let Some((_, directory)) = files.iter().find(|(_, file)| file.kind == StoreFileKind::Directory) {
            facts.log_directory = Some(directory.name.clone());
            break;
        }
        // The server ends before it replays anything.
        if files.iter().any(|(_, file)| file.kind == StoreFileKind::Dangling) {
            continue;
        }
        match replay(dir, number, &files, &mut next, memory, source) {
            Ok(logs) => facts.logs.extend(logs),
            Err(error) if error.is_not_found() => return Err(error),
            Err(error) => {
                facts.unreadable_logs.push((number, error.reason()));
                // What it holds is not known, so that no number behind it is known to be missing.
                next = SeqNum(u64::MAX);
            }
        }
        // The server stops at the first log that it refuses.
        if facts.log_refusal().is_some() {
            break;
        }
    }
    memory.seal();
    let recorded = facts.version().map_or(SeqNum(0), |version| version.last_seq);
    let replayed = facts.logs.iter().filter_map(|log| log.seqs).map(|(_, last)| last);
    let last = replayed.fold(recorded, SeqNum::max);
    facts.next_seq = SeqNum(last.0.saturating_add(1)).max(SeqNum::FIRST);
    facts.replayed_bounds = memory.bounds();
    let ingested: BTreeSet<_> = memory.ingested.iter().map(|ingested| ingested.table).collect();
    let tables = memory.ingested.iter().map(|ingested| ingested.table);
    facts.missing_ingests = tables.filter(|table| !facts.listing.tables.contains_key(table)).collect();
    facts.unreferenced_tables.retain(|number| !ingested.contains(number));
    Ok(())
}

//! `snapshots/`: what stands in it, and what opening one by its id gives.

use std::path::{Path, PathBuf};

use super::SMALL_LIMIT;
use crate::error::{Error, Result};
use crate::formats::hraft::{Crc64, JsonError, Machine, SnapshotMeta, SnapshotMetaNotes, StateView, decode_snapshot_meta};
use crate::formats::layout;
use crate::io::EntryKind;
use crate::readers::source::{Run, Source};

/// Behind the name of an unfinished snapshot.
pub const UNFINISHED: &str = ".tmp";
/// Bytes of a payload that are shown to the state machine's own check.
const HEAD: usize = 4096;
/// Bytes summed at a time.
const CHUNK: usize = 4 << 20;

/// The directory of the snapshots.
#[derive(Debug, Default)]
pub struct SnapshotDirs {
    /// The path.
    pub path: PathBuf,
    /// False when nothing stands there.
    pub exists: bool,
    /// The library's reason for not opening it: something else than a directory stands there.
    pub refusal: Option<String>,
    /// Its directories, finished or not, sorted by name.
    pub dirs: Vec<ListedDir>,
    /// What else stands in it.
    pub others: Vec<String>,
}

/// One directory in it.
#[derive(Debug)]
pub struct ListedDir {
    /// Its name.
    pub name: String,
    /// True for a link, which the library passes over.
    pub link: bool,
    /// Its `meta.json`.
    pub meta: std::result::Result<(SnapshotMeta, SnapshotMetaNotes), MetaFault>,
}

/// Why a `meta.json` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetaFault {
    /// It is not there, or no file.
    Unreadable(String),
    /// The system does not deliver it: what it says is not known.
    Unread(String),
    /// It cannot be decoded.
    Malformed(JsonError),
}

impl std::fmt::Display for MetaFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreadable(reason) | Self::Unread(reason) => f.write_str(reason),
            Self::Malformed(error) => write!(f, "{error}"),
        }
    }
}

/// A `state.bin`, read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFile {
    /// Its path.
    pub path: PathBuf,
    /// Its length.
    pub size: u64,
    /// CRC-64/XZ over all of it.
    pub crc: u64,
    /// Its first bytes.
    pub head: Vec<u8>,
}

/// What opening a snapshot gives, before the state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenedState {
    /// Its payload has the checksum that its `meta.json` names.
    Whole(StateFile),
    /// It has not.
    Mismatch(StateFile),
    /// It cannot be opened.
    Fails(String),
    /// The system does not deliver it: whether it can be opened is not known.
    Unread(String),
}

impl ListedDir {
    /// True when it is unfinished by its name.
    pub fn unfinished(&self) -> bool {
        self.name.ends_with(UNFINISHED)
    }

    /// The `meta.json`, where the library lists the snapshot.
    pub fn listed(&self) -> Option<&(SnapshotMeta, SnapshotMetaNotes)> {
        if self.link || self.unfinished() {
            return None;
        }
        self.meta.as_ref().ok().filter(|(meta, _)| matches!(meta.version, 0 | 1))
    }
}

impl SnapshotDirs {
    /// Those that the library would list if their `meta.json` says so, and whose `meta.json` the system does not deliver; with its
    /// reason.
    pub fn unread(&self) -> impl Iterator<Item = (&ListedDir, &str)> {
        let counts = self.dirs.iter().filter(|dir| !dir.link && !dir.unfinished());
        counts.filter_map(|dir| match &dir.meta {
            Err(MetaFault::Unread(reason)) => Some((dir, reason.as_str())),
            _ => None,
        })
    }

    /// Lists the directory and reads every `meta.json`.
    pub fn read(path: &Path, source: &dyn Source) -> Result<Self> {
        let mut found = Self { path: path.to_owned(), exists: true, ..Self::default() };
        match source.look(path) {
            Ok(standing) if standing.kind == EntryKind::Directory => {}
            // What it is cannot be told, but something is there.
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {}
            Err(_) if source.link_target(path).is_none() => return Ok(Self { exists: false, ..found }),
            _ => {
                found.refusal = Some("snapshot path not accessible: mkdir snapshots: not a directory".to_owned());
                return Ok(found);
            }
        }
        for entry in source.list(path)? {
            if entry.kind != EntryKind::Directory {
                found.others.push(entry.name);
                continue;
            }
            let dir = path.join(&entry.name);
            let link = source.link_target(&dir).is_some();
            found.dirs.push(ListedDir { link, meta: read_meta(&dir, source)?, name: entry.name });
        }
        Ok(found)
    }
}

fn read_meta(dir: &Path, source: &dyn Source) -> Result<std::result::Result<(SnapshotMeta, SnapshotMetaNotes), MetaFault>> {
    match source.read_small(&dir.join(layout::META_JSON), SMALL_LIMIT) {
        Ok(file) => Ok(decode_snapshot_meta(&file.bytes).map_err(MetaFault::Malformed)),
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(error) if error.is_unread() => Ok(Err(MetaFault::Unread(error.reason()))),
        Err(error) => Ok(Err(MetaFault::Unreadable(error.reason()))),
    }
}

/// Where the library looks for the snapshot with this id: the id is joined to the path without being looked at.
fn place(root: &Path, id: &str) -> Option<PathBuf> {
    if id.contains('\0') {
        return None;
    }
    let mut place = root.to_owned();
    for part in id.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                place.pop();
            }
            name => place.push(name),
        }
    }
    Some(place)
}

/// Opens the snapshot with this id, as the library does: `meta.json` again, then every byte of `state.bin`.
pub fn open_snapshot(root: &Path, id: &str, run: &Run<'_>) -> Result<OpenedState> {
    let Some(dir) = place(root, id) else { return Ok(OpenedState::Fails("invalid argument".to_owned())) };
    let meta = match read_meta(&dir, &*run.source)? {
        Ok((meta, _)) => meta,
        Err(MetaFault::Unread(reason)) => return Ok(OpenedState::Unread(reason)),
        Err(fault) => return Ok(OpenedState::Fails(fault.to_string())),
    };
    let state = match read_state(&dir.join(layout::STATE_BIN), run) {
        Ok(state) => state,
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(error) if error.is_unread() => return Ok(OpenedState::Unread(error.reason())),
        Err(error) => return Ok(OpenedState::Fails(error.reason())),
    };
    let matches = meta.crc.as_deref() == Some(&state.crc.to_be_bytes());
    Ok(if matches { OpenedState::Whole(state) } else { OpenedState::Mismatch(state) })
}

/// Reads a payload whole.
pub fn read_state(path: &Path, run: &Run<'_>) -> Result<StateFile> {
    let file = run.source.map(path)?;
    run.progress.expect(file.bytes().len() as u64);
    let mut crc = Crc64::default();
    let mut done = 0_u64;
    for chunk in file.bytes().chunks(CHUNK) {
        if run.progress.interrupted() {
            return Err(Error::Interrupted);
        }
        crc.update(chunk);
        done += chunk.len() as u64;
        run.progress.advance(chunk.len() as u64);
        file.release_before(done);
    }
    let head = file.bytes().get(..HEAD.min(file.bytes().len())).unwrap_or_default().to_vec();
    file.delivered()?;
    Ok(StateFile { path: path.to_owned(), size: done, crc: crc.finish(), head })
}

impl StateFile {
    /// Whose stream it is.
    pub fn machine(&self) -> StateView {
        Machine::of(&self.head)
    }
}

/// The first bytes of the `state.bin` of a directory of snapshots; none when it cannot be read.
pub fn state_head(root: &Path, name: &str, source: &dyn Source) -> Vec<u8> {
    let path = root.join(name).join(layout::STATE_BIN);
    source.open(&path).and_then(|file| file.read_at(0, HEAD)).unwrap_or_default()
}

//! What the log directory holds, as the server would list it.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::formats::wal::{SegmentName, WalName};
use crate::io::{DirEntry, EntryKind, parent_of};
use crate::readers::source::Source;
use crate::types::LogIndex;

/// A listing of the log directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WalDir {
    /// The directory.
    pub path: PathBuf,
    /// Segments in the order of the server: names sorted as byte strings, which is numerical only for canonical names.
    pub segments: Vec<SegmentFile>,
    /// `0.tmp`, `1.tmp` and other names that end in `.tmp`.
    pub temporary: Vec<DirEntry>,
    /// `*.wal.broken`: what repair set aside.
    pub broken: Vec<DirEntry>,
    /// Names that the server skips with a warning.
    pub foreign: Vec<DirEntry>,
    /// True when only some of the segments are meant.
    pub partial: bool,
}

/// A name that the server takes for a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFile {
    /// The name in the directory.
    pub file_name: String,
    /// Its numbers.
    pub name: SegmentName,
    /// What stands there: the server opens anything of that name.
    pub kind: EntryKind,
    /// Size in bytes at listing time; 0 also where it was not asked for, as of those behind the first thousand of a log.
    pub size: u64,
}

/// Segments that are asked for their size in a listing: it tells beforehand how much there is to read, and to ask fifty thousand
/// takes as long as to read them.
const SIZED: usize = 1 << 10;

impl WalDir {
    /// Lists `path`.
    pub fn list(path: &Path, source: &dyn Source) -> Result<Self> {
        let asked = Cell::new(0);
        let first = || asked.replace(asked.get() + 1) < SIZED;
        Self::list_sized(path, source, &|name| match WalName::of(name) {
            WalName::Segment(_) => first(),
            WalName::Temporary | WalName::Broken => true,
            WalName::Foreign => false,
        })
    }

    fn list_sized(path: &Path, source: &dyn Source, sized: &dyn Fn(&str) -> bool) -> Result<Self> {
        let mut dir = Self { path: path.to_owned(), ..Self::default() };
        for entry in source.list_sized(path, sized)? {
            match WalName::of(&entry.name) {
                WalName::Segment(name) => {
                    dir.segments.push(SegmentFile { file_name: entry.name, name, kind: entry.kind, size: entry.size });
                }
                WalName::Temporary => dir.temporary.push(entry),
                WalName::Broken => dir.broken.push(entry),
                WalName::Foreign => dir.foreign.push(entry),
            }
        }
        Ok(dir)
    }

    /// Bytes of all segments, as far as their sizes were asked for; the others count as much on the average.
    pub fn expected_bytes(&self) -> u64 {
        let asked = self.segments.len().min(SIZED) as u128;
        let bytes: u64 = self.segments.iter().map(|segment| segment.size).fold(0, u64::saturating_add);
        let all = (u128::from(bytes) * self.segments.len() as u128).checked_div(asked).unwrap_or_default();
        u64::try_from(all).unwrap_or(u64::MAX)
    }

    /// A single segment, whatever stands beside it; also one that repair set aside. `None` when the name is no segment's.
    pub fn of_segment(path: &Path, source: &dyn Source) -> Result<Option<Self>> {
        let parent = parent_of(path).unwrap_or(Path::new("."));
        let Some(file_name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { return Ok(None) };
        let mut dir = Self::list_sized(parent, source, &|name| name == file_name)?;
        if WalName::of(&file_name) == WalName::Broken {
            dir.segments = dir.set_aside().into_iter().filter(|segment| segment.file_name == file_name).collect();
        }
        dir.segments.retain(|segment| segment.file_name == file_name);
        dir.partial = true;
        dir.broken.clear();
        Ok((!dir.segments.is_empty()).then_some(dir))
    }

    /// A file of `size` bytes by itself that has the content of a segment and the name of none: it is taken for the first one of a log.
    pub fn of_renamed(path: &Path, size: u64) -> Self {
        let file_name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let name = SegmentName { seq: 0, index: LogIndex(0), canonical: true };
        let segment = SegmentFile { file_name, name, kind: EntryKind::File, size };
        let dir = path.parent().map(Path::to_owned).unwrap_or_default();
        Self { path: dir, segments: vec![segment], partial: true, ..Self::default() }
    }

    /// What repair set aside, as segments under the names that they have now.
    pub fn set_aside(&self) -> Vec<SegmentFile> {
        let segment = |entry: &DirEntry| {
            let name = SegmentName::parse(entry.name.strip_suffix(".broken")?)?;
            Some(SegmentFile { file_name: entry.name.clone(), name, kind: entry.kind, size: entry.size })
        };
        self.broken.iter().filter_map(segment).collect()
    }

    /// True when the server would say that there is a log: some name has the extension `.wal`.
    ///
    /// A name like `x.wal` counts although no segment is called so; the server then finds a log but no segment.
    pub fn exists(&self) -> bool {
        let is_wal = |name: &str| name.as_bytes().ends_with(b".wal");
        !self.segments.is_empty() || self.foreign.iter().any(|entry| is_wal(&entry.name))
    }

    /// Path of a segment.
    pub fn path_of(&self, segment: &SegmentFile) -> PathBuf {
        self.path.join(&segment.file_name)
    }
}

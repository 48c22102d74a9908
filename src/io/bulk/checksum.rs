//! The CRC-32C of a byte range, by several threads.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::lane::Lane;
use super::{BulkFile, Cells, IoOptions, ReadOutcome, Served};
use crate::error::{Error, Result};
use crate::io::{Progress, side_by_side};
use crate::types::{Crc32c, Crc32cShift};

/// A checksum and what it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChecksumOutcome {
    /// Checksum of the first [`ReadOutcome::bytes`] bytes of the range.
    pub crc: Crc32c,
    /// How many bytes that was, and what happened to the file meanwhile.
    pub read: ReadOutcome,
}

/// Computes the CRC-32C of a byte range of the file at `path`; see [`BulkFile::checksum`].
pub fn checksum_range(path: &Path, range: Range<u64>, options: &IoOptions, progress: &dyn Progress) -> Result<ChecksumOutcome> {
    BulkFile::open(path)?.checksum(range, options, progress)
}

impl BulkFile<'_> {
    /// Computes the CRC-32C of the part of `range` that the file had when it was opened. Memory stays below 64 MiB
    /// whatever the size.
    ///
    /// When the file becomes shorter meanwhile, the outcome says so and covers what was read without a gap.
    pub fn checksum(&self, range: Range<u64>, options: &IoOptions, progress: &dyn Progress) -> Result<ChecksumOutcome> {
        let range = self.clamp(&range);
        progress.expect(range.end - range.start);
        let work = Work {
            file: self,
            units: Cells { range: range.clone(), size: self.geometry.unit },
            options: *options,
            progress,
            next: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            joined: Mutex::new(Joined::new(self.geometry.unit)),
        };
        let pieces = if range.end - range.start <= self.geometry.small { 1 } else { work.units.count() };
        side_by_side(options.threads_for(pieces), || work.run());
        let joined = work.joined.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = joined.error {
            return Err(error);
        }
        let read = ReadOutcome { bytes: joined.len, served: joined.served, change: self.change()? };
        Ok(ChecksumOutcome { crc: joined.crc, read })
    }
}

/// What the threads share.
struct Work<'f> {
    file: &'f BulkFile<'f>,
    units: Cells,
    options: IoOptions,
    progress: &'f dyn Progress,
    /// The first unit that nobody has taken.
    next: AtomicU64,
    stop: AtomicBool,
    joined: Mutex<Joined>,
}

impl Work<'_> {
    fn run(&self) {
        let mut lane = Lane::new(self.file, self.options.strategy, &self.units.range);
        let result = self.take_units(&mut lane);
        let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        joined.served.add(lane.served);
        if let Err(error) = result {
            self.stop.store(true, Ordering::Relaxed);
            joined.error.get_or_insert(error);
        }
    }

    fn take_units(&self, lane: &mut Lane<'_>) -> Result<()> {
        while !self.stop.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let unit = self.units.get(number);
            if number >= self.units.count() {
                break;
            }
            let part = self.sum(lane, unit)?;
            self.joined.lock().unwrap_or_else(PoisonError::into_inner).add(number, part);
            if !part.whole {
                self.stop.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn sum(&self, lane: &mut Lane<'_>, unit: Range<u64>) -> Result<Part> {
        let mut part = Part { crc: Crc32c::default(), len: 0, whole: true };
        for window in (Cells { range: unit, size: self.file.geometry.window }).iter() {
            if self.progress.interrupted() {
                return Err(Error::Interrupted);
            }
            let (crc, len) = lane.fold(&window, part.crc, Crc32c::extend)?;
            part.crc = crc;
            part.len += len;
            self.progress.advance(len);
            if len < window.end - window.start {
                part.whole = false;
                break;
            }
        }
        Ok(part)
    }
}

/// The checksum of one unit.
#[derive(Debug, Clone, Copy)]
struct Part {
    crc: Crc32c,
    len: u64,
    /// The file did not end within it.
    whole: bool,
}

/// Units joined in order as they come in. Only as many wait for an earlier one as there are threads.
struct Joined {
    crc: Crc32c,
    len: u64,
    /// The unit that comes next; nothing follows a unit that is not whole.
    next: Option<u64>,
    waiting: BTreeMap<u64, Part>,
    usual: (u64, Crc32cShift),
    served: Served,
    error: Option<Error>,
}

impl Joined {
    fn new(unit: u64) -> Self {
        Self {
            crc: Crc32c::default(),
            len: 0,
            next: Some(0),
            waiting: BTreeMap::new(),
            usual: (unit, Crc32cShift::by_bytes(unit)),
            served: Served::default(),
            error: None,
        }
    }

    fn add(&mut self, number: u64, part: Part) {
        self.waiting.insert(number, part);
        while let Some(next) = self.next
            && let Some(part) = self.waiting.remove(&next)
        {
            let (unit, shift) = self.usual;
            self.crc = if part.len == unit { shift.combine(self.crc, part.crc) } else { self.crc.combine(part.crc, part.len) };
            self.len += part.len;
            self.next = part.whole.then_some(next + 1);
        }
    }
}

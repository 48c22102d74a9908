//! Which content of large files a run reads: all of it, a part that a hash picks, until a time, and not what a ledger vouches for.
//!
//! Content is the body of a payload and the blocks of a table. Sizes, footers, headers, envelopes and the log are always read.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::formats::ledger::Believed;
use crate::io::Progress;
use crate::types::{ByteSize, Crc32c, FileIdentity, LogIndex, Sha256Sum, UnixMillis};

/// Names of a path, from its end, that decide in which part of a sample a file is: a payload's are `GROUP/fsm-snap/NAME`.
const NAMES: usize = 3;

/// What of the content is read. The usual one reads everything.
#[derive(Debug, Default)]
pub struct ContentPlan {
    limit: Option<Limit>,
    sample: Option<Sample>,
    known: Option<Known>,
    met: Mutex<BTreeMap<PathBuf, (u64, Met)>>,
}

/// When reading ends.
#[derive(Debug, Clone, Copy)]
struct Limit {
    until: Instant,
    /// How long that was, for people.
    given: Duration,
}

/// One of several parts of all content, that together are all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Sample {
    /// Which part, counted from 1.
    pub part: u64,
    /// How many parts there are.
    pub parts: u64,
    /// Deals the files out to the parts in another way.
    pub seed: u64,
}

/// What a ledger knows.
#[derive(Debug)]
struct Known {
    believed: Believed,
    /// Every row is asked for.
    deep: bool,
}

/// Why content was not read although the question needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// A ledger vouches for it.
    Ledger(EarlierReading),
    /// It belongs to another part of the sample.
    Sample(Sample),
    /// The time was over.
    Time(Duration),
}

/// An earlier reading of all of a payload, in which nothing was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct EarlierReading {
    /// When it began.
    pub read_at_ms: UnixMillis,
    /// Every row was looked at.
    pub deep: bool,
}

/// What became of the content of a file, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Met {
    Read,
    FromLedger,
    OtherSample,
    OutOfTime,
}

/// Files and their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Amount {
    /// How many files.
    pub files: u64,
    /// The sum of their sizes.
    pub bytes: u64,
}

/// Whose content was read, and whose was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ContentRead {
    /// Read now, to the end.
    pub read: Amount,
    /// Not read now: a ledger vouches for them.
    pub from_ledger: Amount,
    /// Not read: they belong to other parts of the sample.
    pub other_sample: Amount,
    /// Not read, or not to the end: the time was over.
    pub out_of_time: Amount,
    /// The part that was asked for.
    pub sample: Option<Sample>,
    /// Milliseconds that were granted.
    pub max_duration_ms: Option<u64>,
}

/// A payload that is about to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The file, if a later run can know it again.
    pub identity: Option<FileIdentity>,
    /// Its last four bytes.
    pub footer: Crc32c,
    /// The index that its name stands for.
    pub index: Option<LogIndex>,
    /// When reading began; `None` where there is no clock.
    pub read_at: Option<UnixMillis>,
}

/// A file has to lie still for so many milliseconds before it is read, or a later run might not see that it was written to meanwhile: the
/// times of a file move in ticks of the system.
const STILL: u64 = 2_000;

impl Candidate {
    /// Itself, if a later run can tell whether the file is still what was read; `now` is what the system says of it after it was read.
    pub(super) fn settled(self, now: Option<FileIdentity>) -> Option<Self> {
        let file = self.identity.filter(|before| now == Some(*before))?;
        let changed = u64::try_from(file.ctime_ns.max(file.mtime_ns)).ok()? / 1_000_000;
        (changed.checked_add(STILL)? <= self.read_at?.0).then_some(self)
    }
}

impl ContentPlan {
    /// Reads for so long from `since` on.
    #[must_use]
    pub fn within(self, given: Duration, since: Instant) -> Self {
        // A time that no clock reaches is none.
        Self { limit: since.checked_add(given).map(|until| Limit { until, given }), ..self }
    }

    /// Reads one part.
    #[must_use]
    pub fn sampled(self, sample: Sample) -> Self {
        // The only part is everything.
        Self { sample: (sample.parts > 1).then_some(sample), ..self }
    }

    /// Does not read what is believed; with `deep` only what was read row by row.
    #[must_use]
    pub fn knowing(self, believed: Believed, deep: bool) -> Self {
        Self { known: Some(Known { believed, deep }), ..self }
    }

    /// True when everything is read.
    pub const fn is_whole(&self) -> bool {
        self.limit.is_none() && self.sample.is_none() && self.known.is_none()
    }

    /// True when the time is over.
    pub fn is_over(&self) -> bool {
        self.time_over().is_some()
    }

    /// The time that is over, if it is.
    pub fn time_over(&self) -> Option<LeftOut> {
        self.limit.filter(|limit| Instant::now() >= limit.until).map(|limit| LeftOut::Time(limit.given))
    }

    /// Why the content of the payload at `path` is not read; `None` for what is read. `real` is its path with links resolved.
    pub(super) fn payload(&self, real: &dyn Fn() -> PathBuf, candidate: Candidate) -> Option<LeftOut> {
        if let (Some(known), Some(file)) = (&self.known, candidate.identity)
            && let Some(entry) = known.believed.find(file, candidate.footer.0, candidate.index.map(|index| index.0), known.deep)
        {
            return Some(LeftOut::Ledger(EarlierReading { read_at_ms: entry.read_at_ms, deep: entry.deep }));
        }
        self.table(real)
    }

    /// The same of a table, or of anything else that no ledger knows.
    pub(super) fn table(&self, real: &dyn Fn() -> PathBuf) -> Option<LeftOut> {
        if let Some(sample) = self.sample.filter(|sample| !sample.holds(&real())) {
            return Some(LeftOut::Sample(sample));
        }
        self.time_over()
    }

    /// Why something was left out that was asked for and that no ledger vouches for, if anything was: parts of the sample come first.
    pub fn partial(&self) -> Option<LeftOut> {
        let so_far = self.so_far()?;
        let time = self.limit.map(|limit| LeftOut::Time(limit.given));
        match (so_far.other_sample.files, so_far.out_of_time.files) {
            (1.., _) => self.sample.map(LeftOut::Sample),
            (0, 1..) => time,
            (0, 0) => self.time_over(),
        }
    }

    /// Notes what became of the content of a file. What was read once counts as read.
    pub(super) fn note(&self, path: &Path, size: u64, left_out: Option<LeftOut>) {
        if self.is_whole() {
            return;
        }
        let met = match left_out {
            None => Met::Read,
            Some(LeftOut::Ledger(_)) => Met::FromLedger,
            Some(LeftOut::Sample(_)) => Met::OtherSample,
            Some(LeftOut::Time(_)) => Met::OutOfTime,
        };
        let mut all = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = all.entry(path.to_owned()).or_insert((size, met));
        *entry = (size, entry.1.min(met));
    }

    /// Whose content was read so far; `None` when all of it was asked for.
    pub fn so_far(&self) -> Option<ContentRead> {
        if self.is_whole() {
            return None;
        }
        let all = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let amount = |wanted| {
            let sizes = all.values().filter(|(_, met)| *met == wanted).map(|(size, _)| *size);
            sizes.fold(Amount::default(), |sum, size| Amount { files: sum.files + 1, bytes: sum.bytes.saturating_add(size) })
        };
        Some(ContentRead {
            read: amount(Met::Read),
            from_ledger: amount(Met::FromLedger),
            other_sample: amount(Met::OtherSample),
            out_of_time: amount(Met::OutOfTime),
            sample: self.sample,
            max_duration_ms: self.limit.map(|limit| u64::try_from(limit.given.as_millis()).unwrap_or(u64::MAX)),
        })
    }

    /// Watches a reading of content: it ends when the time is over, as if somebody had interrupted it.
    pub const fn watch<'w>(&'w self, progress: &'w dyn Progress) -> ContentWatch<'w> {
        ContentWatch { plan: self, progress }
    }
}

impl Sample {
    /// True when a file of this path belongs to the part.
    fn holds(&self, path: &Path) -> bool {
        self.parts <= 1 || self.part_of(path) == self.part
    }

    /// The part of a file: by a hash of the seed and of the last names of its path, so that it does not depend on how the directory was
    /// named, nor on the machine.
    fn part_of(&self, path: &Path) -> u64 {
        use std::os::unix::ffi::OsStrExt as _;
        let names: Vec<_> = path.iter().collect();
        let mut text = self.seed.to_be_bytes().to_vec();
        for name in names.iter().rev().take(NAMES).rev() {
            text.push(b'/');
            text.extend_from_slice(name.as_bytes());
        }
        let first = Sha256Sum::of(&text).0.first_chunk().copied().unwrap_or_default();
        u64::from_be_bytes(first) % self.parts.max(1) + 1
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, parts, seed } = self;
        write!(f, "{part}/{parts}")?;
        if *seed == 0 { Ok(()) } else { write!(f, " --sample-seed {seed}") }
    }
}

/// Why, in words behind "was not read: ".
impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // By the day, so that many can be told together.
            Self::Ledger(reading) => write!(f, "from the ledger, read on {}", reading.day()),
            Self::Sample(sample) => write!(f, "it is in another part of the sample than --sample {sample}"),
            Self::Time(given) => write!(f, "the {} s of --max-duration were over", given.as_secs_f64()),
        }
    }
}

impl EarlierReading {
    /// The day, in UTC.
    pub fn day(&self) -> String {
        let time = self.read_at_ms.to_string();
        time.split_once('T').map_or(time.clone(), |(day, _)| day.to_owned())
    }
}

impl LeftOut {
    /// True when nothing at all vouches for the content.
    pub const fn is_unknown(self) -> bool {
        !matches!(self, Self::Ledger(_))
    }

    /// What was left out, for the coverage.
    pub fn what(path: &str, size: u64) -> String {
        format!("the content of {path} ({})", ByteSize(size))
    }
}

/// See [`ContentPlan::watch`].
#[derive(Clone, Copy)]
pub struct ContentWatch<'w> {
    plan: &'w ContentPlan,
    progress: &'w dyn Progress,
}

impl Progress for ContentWatch<'_> {
    fn advance(&self, bytes: u64) {
        self.progress.advance(bytes);
    }

    fn expect(&self, bytes: u64) {
        self.progress.expect(bytes);
    }

    fn interrupted(&self) -> bool {
        self.progress.interrupted() || self.plan.is_over()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(part: u64, parts: u64, seed: u64) -> Sample {
        Sample { part, parts, seed }
    }

    #[test]
    fn the_parts_of_a_sample_share_nothing_and_leave_nothing() {
        let paths: Vec<_> =
            (0..64).map(|number| PathBuf::from(format!("/data/n1/group-{number}/fsm-snap/{number:016x}.fsm"))).collect();
        for parts in [1, 2, 7, 16] {
            let mut largest = 0;
            let mut held = vec![0; paths.len()];
            for part in 1..=parts {
                let one: Vec<_> = paths.iter().map(|path| u64::from(sample(part, parts, 0).holds(path))).collect();
                largest = largest.max(one.iter().sum());
                held.iter_mut().zip(&one).for_each(|(sum, one)| *sum += one);
            }
            assert!(held.iter().all(|times| *times == 1), "{parts}");
            assert!(largest <= 4 * (64 / parts) + 8, "{parts} {largest}");
        }
    }

    #[test]
    fn the_part_of_a_file_is_kept_and_does_not_depend_on_what_is_above_its_group() {
        let part = |path: &str, seed| sample(1, 1000, seed).part_of(Path::new(path));
        // Held: cron jobs of several versions of the program have to cover everything together.
        assert_eq!(part("/data/n1/group-1/fsm-snap/00000000000002bd.fsm", 0), part("group-1/fsm-snap/00000000000002bd.fsm", 0));
        assert_eq!(part("group-1/fsm-snap/00000000000002bd.fsm", 0), 321);
        assert_ne!(part("group-1/fsm-snap/00000000000002bd.fsm", 1), 321);
        assert_ne!(part("group-2/fsm-snap/00000000000002bd.fsm", 0), 321);
        assert_eq!(sample(3, 16, 0).to_string(), "3/16");
        assert_eq!(sample(3, 16, 9).to_string(), "3/16 --sample-seed 9");
    }

    #[test]
    fn a_file_that_was_written_to_lately_is_no_candidate() {
        let file = |ctime_ns, mtime_ns| FileIdentity { dev: 1, ino: 2, size: 3, mtime_ns, ctime_ns };
        let read_at = Some(UnixMillis(10_000));
        let settled = |file, now, read_at| {
            let candidate = Candidate { identity: Some(file), footer: Crc32c(0), index: None, read_at };
            candidate.settled(now).is_some()
        };
        let still = file(8_000_000_000, 7_000_000_000);
        assert!(settled(still, Some(still), read_at));
        // It changed meanwhile, it is gone, it was new, its time is ahead of the clock, there is no clock.
        assert!(!settled(still, Some(file(8_000_000_001, 7_000_000_000)), read_at));
        assert!(!settled(still, None, read_at));
        for other in [file(8_001_000_000, 0), file(0, 8_001_000_000), file(i64::MAX, 0), file(-1, -1)] {
            assert!(!settled(other, Some(other), read_at), "{other:?}");
        }
        assert!(!settled(still, Some(still), None));
    }

    #[test]
    fn what_was_read_once_counts_as_read() {
        let plan = ContentPlan::default().sampled(sample(1, 2, 0)).within(Duration::ZERO, Instant::now());
        assert!(plan.is_over() && !plan.is_whole());
        let (read, not) = (Path::new("a"), Path::new("b"));
        plan.note(read, 10, None);
        plan.note(read, 10, plan.time_over());
        plan.note(not, 5, plan.time_over());
        let so_far = plan.so_far().unwrap();
        assert_eq!((so_far.read, so_far.out_of_time), (Amount { files: 1, bytes: 10 }, Amount { files: 1, bytes: 5 }));
        let whole = ContentPlan::default();
        whole.note(read, 10, None);
        assert!(whole.so_far().is_none() && whole.is_whole() && !whole.is_over());
        // A limit that no clock reaches is none.
        assert!(ContentPlan::default().within(Duration::MAX, Instant::now()).is_whole());
    }
}

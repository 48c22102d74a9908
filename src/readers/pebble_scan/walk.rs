//! A scan of a store that may be in use.

use std::ops::ControlFlow;
use std::path::Path;

use super::{KeyRange, Scan, ScanStats, separate};
use crate::error::{Error, Result};
use crate::formats::pebble::Trailer;
use crate::readers::pebble::{Source, Store, StoreFacts, TableDamage, TableTrouble};
use crate::readers::source::Run;

/// How often a view that a compaction takes away under the scan is replaced by a newer one.
const MAX_VIEWS: u32 = 100;
/// Keys between two looks at whether the user wants to stop.
const INTERRUPT_EVERY: u64 = 1 << 12;

/// One key with its newest value.
#[derive(Debug, Clone, Copy)]
pub struct Live<'a> {
    /// The key.
    pub key: &'a [u8],
    /// The value.
    pub value: &'a [u8],
    /// The newest record that the value comes from.
    pub trailer: Trailer,
    /// Where that record stands.
    pub place: Option<Source>,
}

/// How a scan went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanOutcome {
    /// The view that was read last.
    pub facts: StoreFacts,
    /// What was passed.
    pub stats: ScanStats,
    /// Views that were read, more than one if a server was compacting meanwhile. Each existed, at different times.
    pub views: u32,
    /// What kept the scan from going on, and the last key before it.
    pub stopped: Option<(TableDamage, Vec<u8>)>,
    /// True if the visitor ended the scan.
    pub cut_short: bool,
}

/// What a visitor wants next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The next key.
    Next,
    /// The first key at or behind this one, which lies behind the present one; what is in between need not be read.
    Leap(Vec<u8>),
    /// Nothing more.
    Enough,
}

/// Shows every live key of the store in `dir` at or behind `from` to `visit`, in order, until it breaks off.
pub fn walk(dir: &Path, from: &[u8], run: &Run<'_>, visit: &mut dyn FnMut(Live<'_>) -> ControlFlow<()>) -> Result<ScanOutcome> {
    let all = KeyRange::new(None, Some(from), None, true);
    walk_ranges(dir, &[all], run, &mut |live| match visit(live) {
        ControlFlow::Continue(()) => Step::Next,
        ControlFlow::Break(()) => Step::Enough,
    })
}

/// Shows the live keys of the store in `dir` that lie in one of `ranges` to `visit`, one range after another. The view of the store is
/// opened once for all of them.
pub fn walk_ranges(
    dir: &Path,
    ranges: &[KeyRange],
    run: &Run<'_>,
    visit: &mut dyn FnMut(Live<'_>) -> Step,
) -> Result<ScanOutcome> {
    walk_views(dir, ranges, run, &mut |_| true, visit)
}

/// As [`walk_ranges`]; each view of the store is shown to `opened` before anything of it is visited, which ends the walk by returning
/// false.
pub fn walk_views(
    dir: &Path,
    ranges: &[KeyRange],
    run: &Run<'_>,
    opened: &mut dyn FnMut(&Store) -> bool,
    visit: &mut dyn FnMut(Live<'_>) -> Step,
) -> Result<ScanOutcome> {
    let mut place = Position::at(ranges, 0);
    let mut total = ScanStats::default();
    let mut views = 0;
    loop {
        views += 1;
        let store = Store::open(dir, run)?;
        let ViewEnded { cut_short, stopped } = if opened(&store) {
            walk_view(&store, ranges, &mut place, &mut total, run, visit)?
        } else {
            ViewEnded { cut_short: true, stopped: None }
        };
        let replaced =
            stopped.as_ref().is_some_and(|(damage, _)| damage.trouble == TableTrouble::Missing) && !store.is_unchanged()?;
        if !replaced || views == MAX_VIEWS {
            let stopped = stopped.map(|(damage, last)| (damage, last.unwrap_or(place.from)));
            return Ok(ScanOutcome { facts: store.facts, stats: total, views, stopped, cut_short });
        }
        // Go on in the newer view, behind the last key shown.
        if let Some((_, Some(mut last))) = stopped {
            last.push(0);
            place.from = last;
        }
    }
}

/// Shows the live keys of a view that is open to `visit`, those that lie in one of `ranges`. What kept it from going on, if anything did.
pub fn walk_open(
    store: &Store,
    ranges: &[KeyRange],
    run: &Run<'_>,
    visit: &mut dyn FnMut(Live<'_>) -> Step,
) -> Result<Option<TableDamage>> {
    let ended = walk_view(store, ranges, &mut Position::at(ranges, 0), &mut ScanStats::default(), run, visit)?;
    Ok(ended.stopped.map(|(damage, _)| damage))
}

/// How the walk over one view ended.
struct ViewEnded {
    cut_short: bool,
    /// What kept it from going on, and the last key that it showed of that range.
    stopped: Option<(TableDamage, Option<Vec<u8>>)>,
}

/// Goes on from `place`, which is left where the walk ends, and adds what was passed to `total`.
fn walk_view(
    store: &Store,
    ranges: &[KeyRange],
    place: &mut Position,
    total: &mut ScanStats,
    run: &Run<'_>,
    visit: &mut dyn FnMut(Live<'_>) -> Step,
) -> Result<ViewEnded> {
    while let Some(range) = ranges.get(place.range) {
        let start = place.from.clone();
        let mut scan = match separate(Scan::within(store, &start, range.end()))? {
            Ok(scan) => scan,
            Err(damage) => return Ok(ViewEnded { cut_short: false, stopped: Some((damage, None)) }),
        };
        let ended = walk_range(&mut scan, range, run, visit)?;
        total.add(scan.stats());
        match ended {
            Ended::Range => *place = Position::at(ranges, place.range + 1),
            Ended::Leap(to) => place.from = to,
            Ended::Enough => return Ok(ViewEnded { cut_short: true, stopped: None }),
            Ended::Stopped(damage) => {
                let last = Some(scan.last_live().to_vec()).filter(|_| scan.live() > 0);
                return Ok(ViewEnded { cut_short: false, stopped: Some((damage, last)) });
            }
        }
    }
    Ok(ViewEnded { cut_short: false, stopped: None })
}

/// Where a walk over ranges stands.
struct Position {
    range: usize,
    from: Vec<u8>,
}

impl Position {
    fn at(ranges: &[KeyRange], range: usize) -> Self {
        Self { range, from: ranges.get(range).map_or_else(Vec::new, |range| range.start().to_vec()) }
    }
}

/// How the walk over one range ended.
enum Ended {
    Range,
    Leap(Vec<u8>),
    Enough,
    Stopped(TableDamage),
}

fn walk_range(scan: &mut Scan<'_>, range: &KeyRange, run: &Run<'_>, visit: &mut dyn FnMut(Live<'_>) -> Step) -> Result<Ended> {
    loop {
        if scan.live().is_multiple_of(INTERRUPT_EVERY) && run.progress.interrupted() {
            return Err(Error::Interrupted);
        }
        match separate(scan.next())? {
            Ok(true) if range.is_past(scan.key()) => return Ok(Ended::Range),
            Ok(true) => {
                match visit(Live { key: scan.key(), value: scan.value(), trailer: scan.trailer(), place: scan.place() }) {
                    Step::Next => {}
                    Step::Leap(to) => return Ok(Ended::Leap(to)),
                    Step::Enough => return Ok(Ended::Enough),
                }
            }
            Ok(false) => return Ok(Ended::Range),
            Err(damage) => return Ok(Ended::Stopped(damage)),
        }
    }
}

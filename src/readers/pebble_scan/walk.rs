//! A scan of a store that may be in use.

use std::ops::ControlFlow;
use std::path::Path;

use super::{Scan, ScanStats, separate};
use crate::error::{Error, Result};
use crate::formats::pebble::Trailer;
use crate::readers::pebble::{Store, StoreFacts, TableDamage, TableTrouble};
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

/// Shows every live key of the store in `dir` at or behind `from` to `visit`, in order, until it breaks off.
pub fn walk(dir: &Path, from: &[u8], run: &Run<'_>, visit: &mut dyn FnMut(Live<'_>) -> ControlFlow<()>) -> Result<ScanOutcome> {
    let mut from = from.to_vec();
    let mut total = ScanStats::default();
    let mut views = 0;
    loop {
        views += 1;
        let store = Store::open(dir, run)?;
        let mut last: Option<Vec<u8>> = None;
        let mut stats = ScanStats::default();
        let mut cut_short = false;
        let stopped = match separate(Scan::new(&store, &from))? {
            Err(damage) => Some(damage),
            Ok(mut scan) => {
                let stopped = loop {
                    if scan.live().is_multiple_of(INTERRUPT_EVERY) && run.progress.interrupted() {
                        return Err(Error::Interrupted);
                    }
                    match separate(scan.next())? {
                        Ok(true) => {
                            let live = Live { key: scan.key(), value: scan.value(), trailer: scan.trailer() };
                            if visit(live).is_break() {
                                cut_short = true;
                                break None;
                            }
                        }
                        Ok(false) => break None,
                        Err(damage) => {
                            last = Some(scan.last_live().to_vec());
                            break Some(damage);
                        }
                    }
                };
                stats = scan.stats();
                stopped
            }
        };
        total.add(stats);
        let replaced = stopped.as_ref().is_some_and(|damage| damage.trouble == TableTrouble::Missing) && !store.is_unchanged()?;
        if !replaced || views == MAX_VIEWS {
            let last = last.filter(|_| stats.live > 0).unwrap_or_else(|| from.clone());
            return Ok(ScanOutcome {
                facts: store.facts,
                stats: total,
                views,
                stopped: stopped.map(|damage| (damage, last)),
                cut_short,
            });
        }
        // Go on in the newer view, behind the last key shown.
        if let Some(mut last) = last.filter(|_| stats.live > 0) {
            last.push(0);
            from = last;
        }
    }
}

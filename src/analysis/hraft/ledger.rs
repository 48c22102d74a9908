//! The transactions of a start, as far as they can fail: pages that are given back, pages that are taken, the meta page that
//! is written at the end.

use std::collections::BTreeSet;

use super::abort::Crash;
use super::library::{Bucket, Db};
use crate::formats::bolt::{FLAG_FREELIST, FLAG_LEAF, NO_FREELIST, PAGE_HEADER};

/// More pages than this cannot be given back at once: the library runs out of memory over them.
const ENDLESS_PAGES: u64 = 1 << 28;

/// The freelist while transactions run.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Free to be taken, sorted; a list can name a page twice.
    free: Vec<u64>,
    /// Given back by the last transaction.
    pending: Vec<u64>,
    /// Every free page, for the check against giving back twice.
    known: BTreeSet<u64>,
    /// Where the freelist itself is.
    list: Option<(u64, u64)>,
    high_water: u64,
    /// Where the bucket directory is by now, when a transaction has moved it.
    directory: Option<MovedPage>,
}

/// A page that a transaction moves.
#[derive(Debug, Clone, Copy)]
struct MovedPage {
    id: u64,
    overflow: u64,
    size: u64,
}

/// Where the pages from a bucket's root to its last leaf are by now.
#[derive(Debug, Default)]
pub(super) struct Moved(Option<Vec<MovedPage>>);

impl Ledger {
    /// Reads the freelist, as opening does.
    pub(super) fn load(db: &Db<'_>) -> Result<Self, Crash> {
        let high_water = db.meta().high_water;
        let (free, list) = match db.freelist()? {
            // The library lists what no tree reaches. New pages are taken behind the rest here, which is as good.
            None => (Vec::new(), None),
            Some((page, ids)) => (ids, Some((page.header.id, page.header.overflow.into()))),
        };
        let known = free.iter().copied().collect();
        Ok(Self { free, pending: Vec::new(), known, list, high_water, directory: None })
    }

    pub(super) fn begin(&mut self) {
        self.free.append(&mut self.pending);
        self.free.sort_unstable();
    }

    pub(super) fn give_back(&mut self, id: u64, overflow: u64) -> Result<(), Crash> {
        if id <= 1 {
            return Err(Crash::panic(format!("cannot free page 0 or 1: {id}")));
        }
        let end = id.saturating_add(overflow);
        if let Some(known) = self.known.range(id..=end).next() {
            return Err(Crash::panic(format!("page {known} already freed")));
        }
        if overflow > ENDLESS_PAGES {
            return Err(Crash::panic("fatal error: runtime: out of memory"));
        }
        // Pages far behind the high water mark are never taken.
        for page in id..=end.min(self.high_water.max(id).saturating_add(1024)) {
            self.known.insert(page);
            self.pending.push(page);
        }
        Ok(())
    }

    /// Takes `count` pages that follow each other.
    fn take(&mut self, count: u64) -> Result<u64, Crash> {
        let (mut first, mut previous) = (0, 0);
        for position in 0..self.free.len() {
            let id = self.free.get(position).copied().unwrap_or_default();
            if id <= 1 {
                return Err(Crash::panic(format!("invalid page allocation: {id}")));
            }
            if previous == 0 || id.wrapping_sub(previous) != 1 {
                first = id;
            }
            if id.wrapping_sub(first).wrapping_add(1) == count {
                let length = usize::try_from(count).unwrap_or(position + 1).min(position + 1);
                self.free.drain(position + 1 - length..=position);
                for page in first..first.saturating_add(count) {
                    self.known.remove(&page);
                }
                return Ok(first);
            }
            previous = id;
        }
        let first = self.high_water;
        self.high_water = self.high_water.saturating_add(count);
        Ok(first)
    }

    /// Takes pages and writes over them.
    fn write(&mut self, db: &mut Db<'_>, pages: u64) -> Result<u64, Crash> {
        let id = self.take(pages)?;
        if id >= self.high_water {
            return Err(Crash::panic(format!("pgid ({id}) above high water mark ({})", self.high_water)));
        }
        for page in id..id.saturating_add(pages.min(1 << 16)) {
            db.clobber(page, FLAG_LEAF);
        }
        Ok(id)
    }

    /// A transaction that writes nothing but the freelist and the meta page.
    pub(super) fn empty_transaction(&mut self, db: &mut Db<'_>) -> Result<(), Crash> {
        self.begin();
        self.commit(db)
    }

    /// A transaction that changes the end of `bucket`; the bucket directory moves with it. `moved` keeps where the bucket's
    /// pages are after the transactions before.
    pub(super) fn transaction(&mut self, db: &mut Db<'_>, bucket: Option<&Bucket>, moved: &mut Moved) -> Result<(), Crash> {
        self.begin();
        if let Some(bucket) = bucket
            && moved.0.is_none()
        {
            let mut path = Vec::new();
            for page in db.last_path(bucket)? {
                let size = db.materialise(&page, true)?;
                path.push(MovedPage { id: page.header.id, overflow: page.header.overflow.into(), size });
            }
            moved.0 = Some(path);
        }
        for place in moved.0.iter_mut().flatten().rev() {
            self.move_page(db, place)?;
        }
        let mut directory = match self.directory {
            Some(directory) => directory,
            None => {
                let page = db.page(db.meta().root)?;
                let size = db.materialise(&page, true)?;
                MovedPage { id: page.header.id, overflow: page.header.overflow.into(), size }
            }
        };
        self.move_page(db, &mut directory)?;
        self.directory = Some(directory);
        self.commit(db)
    }

    fn move_page(&mut self, db: &mut Db<'_>, place: &mut MovedPage) -> Result<(), Crash> {
        self.give_back(place.id, place.overflow)?;
        db.retire(place.id);
        let pages = place.size.div_ceil(db.page_size().max(1)).max(1);
        place.id = self.write(db, pages)?;
        place.overflow = pages - 1;
        Ok(())
    }

    fn commit(&mut self, db: &mut Db<'_>) -> Result<(), Crash> {
        if let Some((id, overflow)) = self.list {
            self.give_back(id, overflow)?;
        }
        let mut count = (self.free.len() + self.pending.len()) as u64;
        if count >= u64::from(u16::MAX) {
            count += 1;
        }
        let pages = (PAGE_HEADER as u64 + count * 8) / db.page_size().max(1) + 1;
        let id = self.take(pages)?;
        for page in id..id.saturating_add(pages) {
            db.clobber(page, FLAG_FREELIST);
        }
        self.list = Some((id, pages - 1));
        let root = self.directory.map_or(db.meta().root, |place| place.id);
        if root >= self.high_water {
            return Err(Crash::panic(format!("root bucket pgid ({root}) above high water mark ({})", self.high_water)));
        }
        if id >= self.high_water && id != NO_FREELIST {
            return Err(Crash::panic(format!("freelist pgid ({id}) above high water mark ({})", self.high_water)));
        }
        Ok(())
    }
}

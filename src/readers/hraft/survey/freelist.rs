//! The page of free pages, held against the pages that the trees reach.

use std::collections::BTreeSet;

use super::{FreelistFact, KEPT, Walk};
use crate::formats::bolt::{Meta, NO_FREELIST, PageHeader, PageKind, freelist_ids};

impl Walk<'_, '_> {
    pub(super) fn freelist(&mut self, meta: &Meta) {
        if meta.freelist == NO_FREELIST {
            return;
        }
        let at = meta.freelist.checked_mul(self.page_size).and_then(|at| usize::try_from(at).ok());
        let rest = at.and_then(|at| self.bytes.get(at..)).unwrap_or_default();
        self.survey.freelist = match PageHeader::decode(rest) {
            Err(_) => FreelistFact::Unusable("it is behind the end of the file".to_owned()),
            Ok(header) if header.kind() != Some(PageKind::Freelist) => {
                FreelistFact::Unusable(format!("page {} has flags {:x}", meta.freelist, header.flags))
            }
            // The library gives this number back at its next commit, whatever stands there.
            Ok(header) if header.id != meta.freelist => {
                FreelistFact::Unusable(format!("page {} identifies itself as {}", meta.freelist, header.id))
            }
            Ok(header) => {
                let size = (u64::from(header.overflow) + 1).saturating_mul(self.page_size);
                let page = rest.get(..usize::try_from(size).unwrap_or(usize::MAX).min(rest.len())).unwrap_or_default();
                match freelist_ids(page) {
                    Ok((ids, true)) => {
                        self.hold_against_trees(meta, header, &ids);
                        FreelistFact::Ids(ids)
                    }
                    Ok((_, false)) => FreelistFact::Unusable("it claims more ids than the page holds".to_owned()),
                    Err(error) => FreelistFact::Unusable(error.to_string()),
                }
            }
        };
    }

    fn hold_against_trees(&mut self, meta: &Meta, header: PageHeader, ids: &[u64]) {
        let own = meta.freelist..=meta.freelist.saturating_add(header.overflow.into());
        let mut live = Vec::new();
        let mut twice = Vec::new();
        let mut free = BTreeSet::new();
        for &id in ids {
            if !free.insert(id) && twice.len() < KEPT {
                twice.push(id);
            }
            if (self.seen.contains(&id) || own.contains(&id)) && live.len() < KEPT {
                live.push(id);
            }
            if id < 2 {
                self.problem(meta.freelist, b"", format!("the freelist names page {id}, a meta page"));
            }
        }
        // Pages far behind the end of the file are nobody's.
        let end = (*own.end()).min(self.high_water.max(meta.freelist));
        if *own.end() >= self.high_water {
            let detail = format!("the freelist claims pages up to {}, the high water mark is {}", own.end(), self.high_water);
            self.problem(meta.freelist, b"", detail);
        }
        if let Some(shared) = self.seen.range(meta.freelist..=end).next().copied() {
            self.problem(meta.freelist, b"", format!("page {shared} is in use, and a page of the freelist too"));
        }
        let used = self.seen.range(2..self.high_water.max(2)).count() as u64;
        let free = free.range(2..self.high_water.max(2)).filter(|id| !self.seen.contains(id) && !own.contains(id)).count() as u64;
        let listed = u64::from(header.overflow).saturating_add(1);
        let all = self.high_water.saturating_sub(2);
        self.survey.lost_pages = all.saturating_sub(used.saturating_add(free).saturating_add(listed));
        self.survey.listed_but_live = live;
        self.survey.listed_twice = twice;
    }
}

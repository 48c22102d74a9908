//! What bbolt does when raft-boltdb opens and reads a file: which pages it touches, and how it ends when one is wrong.
//!
//! It checks a page's number and flags and nothing else; positions and sizes are taken as they are.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::abort::Crash;
use super::memory::{Memory, Span};
use crate::formats::bolt::{
    BranchElement, BucketHeader, ELEMENT, FLAG_BRANCH, FLAG_FREELIST, FLAG_LEAF, LeafElement, META_END, Meta, MetaProblem,
    NO_FREELIST, PAGE_HEADER, PageHeader, type_name,
};
use crate::readers::MappedFile;

/// Page size of a host that creates a file.
const DEFAULT_PAGE_SIZE: u64 = 4096;
/// First read of the library.
const FIRST_READ: u64 = 4096;
/// A descent this deep has left every tree that a writer could have made: the library goes on for ever.
const ENDLESS: usize = 4096;

/// An opened file.
#[derive(Debug)]
pub(super) struct Db<'a> {
    memory: Memory<'a>,
    page_size: u64,
    meta: Meta,
    /// Pages that transactions since the opening have written over, with their new flags.
    clobbered: BTreeMap<u64, u16>,
    /// Pages whose content has moved elsewhere: what is written over them is not seen.
    retired: BTreeSet<u64>,
    /// Where the last search ended.
    found: RefCell<Found>,
    /// The file, where pages that were read can leave memory.
    mapped: Option<&'a MappedFile>,
}

/// Where the last search ended, for the next one: a start reads entries in the order of their keys.
#[derive(Debug, Default)]
struct Found {
    leaf: Option<FoundLeaf>,
    /// Branch pages whose keys rise: halving then leads to one child for all keys between two of them.
    rising: BTreeSet<u64>,
    /// Leaves since pages left memory.
    leaves: u32,
}

/// A leaf, and the keys that a search from the root would look for in it.
#[derive(Debug)]
struct FoundLeaf {
    root: u64,
    page: PageRef,
    from: Vec<u8>,
    /// The first key that it would look for elsewhere; `None` when there is none.
    to: Option<Vec<u8>>,
}

/// Leaves after which the pages that were read leave memory.
const RESIDENT_LEAVES: u32 = 8192;

/// A page's place and header.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageRef {
    at: u64,
    pub(super) header: PageHeader,
}

/// A bucket as it is opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    pub(super) root: u64,
    /// Where the page image of an inline bucket is.
    inline: Option<u64>,
}

/// A key and its value, untouched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) key: Span,
    value: Span,
    bucket: bool,
}

/// One step of a descent.
#[derive(Debug, Clone, Copy)]
struct Step {
    page: PageRef,
    index: i64,
}

impl PageRef {
    const fn is_leaf(&self) -> bool {
        self.header.flags & FLAG_LEAF != 0
    }

    const fn element(&self, index: u16) -> u64 {
        self.at + (PAGE_HEADER + ELEMENT * index as usize) as u64
    }

    fn count(&self) -> i64 {
        self.header.count.into()
    }
}

/// The page size that the library finds in the file.
fn page_size(memory: &Memory<'_>) -> Result<u64, Crash> {
    let valid = |page: &[u8]| Meta::decode(page).ok().filter(|meta| meta.problem().is_none());
    let mut can_read = false;
    if memory.file_len() >= FIRST_READ {
        can_read = true;
        if let Some(meta) = valid(&memory.up_to(0, FIRST_READ)) {
            return Ok(meta.page_size.into());
        }
    }
    for shift in 0..=14 {
        let at = 1024_u64 << shift;
        if at.saturating_add(1024) >= memory.file_len() {
            break;
        }
        can_read = true;
        let len = FIRST_READ.min(memory.file_len() - at);
        let mut buffer = memory.up_to(at, len).into_owned();
        buffer.resize(4096, 0);
        if let Some(meta) = valid(&buffer) {
            return Ok(meta.page_size.into());
        }
    }
    if can_read { Ok(DEFAULT_PAGE_SIZE) } else { Err(Crash::error(MetaProblem::Magic.text())) }
}

impl<'a> Db<'a> {
    /// Opens a file for writing, as far as that can be seen without writing.
    pub(super) fn open(bytes: &'a [u8], mapped: Option<&'a MappedFile>) -> Result<Self, Crash> {
        let memory = Memory::new(bytes);
        let page_size = page_size(&memory)?;
        if memory.file_len() < page_size * 2 {
            return Err(Crash::error("file size too small"));
        }
        let meta_at = |number: u64| -> Result<Meta, Crash> {
            let page = memory.read(number * page_size, META_END as u64)?;
            Meta::decode(&page).map_err(|_| Crash::fault(number * page_size))
        };
        let (first, second) = (meta_at(0)?, meta_at(1)?);
        if let (Some(problem), Some(_)) = (first.problem(), second.problem()) {
            return Err(Crash::error(problem.text()));
        }
        let (newer, older) = if second.txid > first.txid { (second, first) } else { (first, second) };
        let meta = if newer.problem().is_none() { newer } else { older };
        let (clobbered, retired, found) = (BTreeMap::new(), BTreeSet::new(), RefCell::default());
        Ok(Self { memory, page_size, meta, clobbered, retired, found, mapped })
    }

    pub(super) const fn meta(&self) -> &Meta {
        &self.meta
    }

    pub(super) const fn page_size(&self) -> u64 {
        self.page_size
    }

    /// A page is not any more what it was.
    pub(super) fn clobber(&mut self, id: u64, flags: u16) {
        if !self.retired.contains(&id) {
            self.clobbered.insert(id, flags);
            self.found.take();
        }
    }

    /// The content of a page has moved.
    pub(super) fn retire(&mut self, id: u64) {
        self.retired.insert(id);
    }

    /// A page without any check.
    fn raw_page(&self, id: u64) -> Result<PageRef, Crash> {
        let at = Memory::page_at(id, self.page_size)?;
        let header = self.memory.read(at, PAGE_HEADER as u64)?;
        let header = PageHeader::decode(&header).map_err(|_| Crash::fault(at))?;
        Ok(PageRef { at, header })
    }

    /// A page, with the two checks that the library makes.
    pub(super) fn page(&self, id: u64) -> Result<PageRef, Crash> {
        let mut page = self.raw_page(id)?;
        if let Some(&flags) = self.clobbered.get(&id) {
            page.header = PageHeader { id, flags, count: 0, overflow: 0 };
        }
        if page.header.id != id {
            return Err(Crash::panic(format!(
                "assertion failed: Page expected to be: {id}, but self identifies as {}",
                page.header.id
            )));
        }
        if page.header.kind().is_none() {
            return Err(Crash::panic(format!("assertion failed: page {id}: has unexpected type/flags: {:x}", page.header.flags)));
        }
        Ok(page)
    }

    /// The ids on the freelist page, and the page itself; `None` when the file keeps no freelist.
    pub(super) fn freelist(&self) -> Result<Option<(PageRef, Vec<u64>)>, Crash> {
        if self.meta.freelist == NO_FREELIST {
            return Ok(None);
        }
        let page = self.raw_page(self.meta.freelist)?;
        if page.header.flags & FLAG_FREELIST == 0 {
            return Err(Crash::panic(format!(
                "invalid freelist page: {}, page type is {}",
                page.header.id,
                type_name(page.header.flags)
            )));
        }
        let mut at = page.at + PAGE_HEADER as u64;
        let mut count = u64::from(page.header.count);
        if page.header.count == u16::MAX {
            let number = self.memory.read(at, 8)?;
            count = number.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
            at += 8;
            if count > i64::MAX.cast_unsigned() {
                let signed = count.cast_signed();
                return Err(Crash::panic(format!("leading element count {signed} overflows int")));
            }
            if count.saturating_mul(8) > self.memory.mapped() {
                // The library allocates by the number before it looks at a single id.
                let huge = count > 1 << 47;
                let text =
                    if huge { "runtime error: makeslice: len out of range" } else { "fatal error: runtime: out of memory" };
                return Err(Crash::panic(text));
            }
        }
        let bytes = self.memory.read(at, count * 8)?;
        let id = |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
        let mut ids: Vec<u64> = bytes.chunks_exact(8).map(id).collect();
        ids.sort_unstable();
        Ok(Some((page, ids)))
    }

    /// The bucket directory.
    pub(super) const fn root(&self) -> Bucket {
        Bucket { root: self.meta.root, inline: None }
    }

    /// The bucket named so; `None` when there is none, or a plain key in its place.
    pub(super) fn bucket(&self, name: &[u8]) -> Result<Option<Bucket>, Crash> {
        let Some(item) = self.seek(&self.root(), name)? else { return Ok(None) };
        if self.compare(item.key, name)? != Ordering::Equal || !item.bucket {
            return Ok(None);
        }
        let header = self.memory.read(item.value.at, 16)?;
        let header = BucketHeader::decode(&header).map_err(|_| Crash::fault(item.value.at))?;
        let inline = (header.root == 0).then_some(item.value.at + 16);
        Ok(Some(Bucket { root: header.root, inline }))
    }

    /// True when the directory has a plain key of that name.
    pub(super) fn is_plain_key(&self, name: &[u8]) -> Result<bool, Crash> {
        let Some(item) = self.seek(&self.root(), name)? else { return Ok(false) };
        Ok(self.compare(item.key, name)? == Ordering::Equal && !item.bucket)
    }

    fn bucket_page(&self, bucket: &Bucket, id: u64) -> Result<PageRef, Crash> {
        let Some(at) = bucket.inline else { return self.page(id) };
        if id != 0 {
            return Err(Crash::panic(format!("inline bucket non-zero page access(2): {id} != 0")));
        }
        let header = self.memory.read(at, PAGE_HEADER as u64)?;
        let header = PageHeader::decode(&header).map_err(|_| Crash::fault(at))?;
        Ok(PageRef { at, header })
    }

    fn branch(&self, page: &PageRef, index: u16) -> Result<(u64, BranchElement), Crash> {
        let at = page.element(index);
        let bytes = self.memory.read(at, ELEMENT as u64)?;
        Ok((at, BranchElement::from_bytes(&bytes).map_err(|_| Crash::fault(at))?))
    }

    fn leaf(&self, page: &PageRef, index: u16) -> Result<(u64, LeafElement), Crash> {
        let at = page.element(index);
        let bytes = self.memory.read(at, ELEMENT as u64)?;
        Ok((at, LeafElement::from_bytes(&bytes).map_err(|_| Crash::fault(at))?))
    }

    /// Compares a key with `target`, touching no more of it than that needs.
    fn compare(&self, key: Span, target: &[u8]) -> Result<Ordering, Crash> {
        let shared = key.len.min(target.len() as u64);
        let there = self.memory.up_to(key.at, shared);
        let order = there.iter().zip(target).map(|(a, b)| a.cmp(b)).find(|order| order.is_ne());
        match order {
            Some(order) => Ok(order),
            None if there.len() as u64 == shared => Ok(key.len.cmp(&(target.len() as u64))),
            None => Err(Crash::fault(key.at + there.len() as u64)),
        }
    }

    /// The smallest index of which the key is not below `target`, found by halving, and whether an equal key was met.
    fn search(&self, count: i64, target: &[u8], mut key: impl FnMut(u16) -> Result<Span, Crash>) -> Result<(i64, bool), Crash> {
        let (mut low, mut high, mut exact) = (0, count, false);
        while low < high {
            let middle = low + (high - low) / 2;
            let order = self.compare(key(narrow(middle))?, target)?;
            exact |= order.is_eq();
            if order.is_lt() {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok((low, exact))
    }

    /// Where `target` is or would be; `None` behind the last key of the page that it leads to.
    fn seek(&self, bucket: &Bucket, target: &[u8]) -> Result<Option<Item>, Crash> {
        if let Some(page) = self.found_before(bucket, target) {
            return self.seek_in(&page, target);
        }
        let mut id = bucket.root;
        let mut bounds = Some((Vec::new(), None));
        for _ in 0..ENDLESS {
            let page = self.bucket_page(bucket, id)?;
            if page.header.flags & (FLAG_BRANCH | FLAG_LEAF) == 0 {
                return Err(Crash::panic(format!("invalid page type: {}: {:x}", page.header.id, page.header.flags)));
            }
            if page.is_leaf() {
                // A search that begins at its leaf, as in the directory of buckets, has nothing to save.
                let below_branches = bucket.inline.is_none() && id != bucket.root;
                if let Some((from, to)) = bounds.filter(|_| below_branches) {
                    self.remember(FoundLeaf { root: bucket.root, page, from, to });
                }
                return self.seek_in(&page, target);
            }
            let (mut index, exact) = self.search(page.count(), target, |index| self.branch_key(&page, index))?;
            if !exact && index > 0 {
                index -= 1;
            }
            if index >= page.count() {
                let count = page.count();
                return Err(Crash::panic(format!("runtime error: index out of range [{index}] with length {count}")));
            }
            bounds = bounds.and_then(|bounds| self.narrowed(bounds, &page, index));
            id = self.branch(&page, narrow(index))?.1.child;
        }
        Err(Crash::hang("the library descends for ever: a branch page leads back to itself"))
    }

    fn seek_in(&self, page: &PageRef, target: &[u8]) -> Result<Option<Item>, Crash> {
        let key = |index| {
            let (at, element) = self.leaf(page, index)?;
            Memory::slice(at, element.pos.into(), element.ksize.into())
        };
        let (index, _) = self.search(page.count(), target, key)?;
        self.item(page, index)
    }

    fn branch_key(&self, page: &PageRef, index: u16) -> Result<Span, Crash> {
        let (at, element) = self.branch(page, index)?;
        Memory::slice(at, element.pos.into(), element.ksize.into())
    }

    /// The leaf of the last search, where a search for `target` ends too.
    fn found_before(&self, bucket: &Bucket, target: &[u8]) -> Option<PageRef> {
        let found = self.found.borrow();
        let leaf = found.leaf.as_ref().filter(|leaf| leaf.root == bucket.root && bucket.inline.is_none())?;
        let inside = leaf.from.as_slice() <= target && leaf.to.as_deref().is_none_or(|to| target < to);
        inside.then_some(leaf.page)
    }

    fn remember(&self, leaf: FoundLeaf) {
        let mut found = self.found.borrow_mut();
        found.leaf = Some(leaf);
        found.leaves += 1;
        if found.leaves >= RESIDENT_LEAVES {
            found.leaves = 0;
            self.mapped.inspect(|file| file.let_go());
        }
    }

    /// The keys that are looked for below child `index` of a branch page, if halving leads all of them there.
    fn narrowed(&self, (from, to): (Vec<u8>, Option<Vec<u8>>), page: &PageRef, index: i64) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let key = |index: i64| {
            let span = self.branch_key(page, narrow(index)).ok()?;
            Some(self.memory.read(span.at, span.len).ok()?.into_owned())
        };
        if !self.found.borrow().rising.contains(&page.header.id) {
            let mut previous = key(0)?;
            for index in 1..page.count() {
                let next = key(index)?;
                if next <= previous {
                    return None;
                }
                previous = next;
            }
            self.found.borrow_mut().rising.insert(page.header.id);
        }
        let from = if index > 0 { from.max(key(index)?) } else { from };
        let next = if index + 1 < page.count() { Some(key(index + 1)?) } else { None };
        let to = match (to, next) {
            (Some(to), Some(next)) => Some(to.min(next)),
            (to, next) => to.or(next),
        };
        Some((from, to))
    }

    fn item(&self, page: &PageRef, index: i64) -> Result<Option<Item>, Crash> {
        if page.count() == 0 || index >= page.count() {
            return Ok(None);
        }
        let (at, element) = self.leaf(page, narrow(index))?;
        let key = Memory::slice(at, element.pos.into(), element.ksize.into())?;
        let from = u64::from(element.pos) + u64::from(element.ksize);
        let value = Memory::slice(at, from, element.vsize.into())?;
        Ok(Some(Item { key, value, bucket: element.is_bucket() }))
    }

    /// The value of a key: what can be touched of it, and whether that is all.
    pub(super) fn get(&self, bucket: &Bucket, key: &[u8]) -> Result<Option<Value<'a>>, Crash> {
        let Some(item) = self.seek(bucket, key)? else { return Ok(None) };
        if item.bucket || self.compare(item.key, key)? != Ordering::Equal {
            return Ok(None);
        }
        let bytes = self.memory.up_to(item.value.at, item.value.len);
        let whole = bytes.len() as u64 == item.value.len;
        Ok(Some(Value { bytes, whole, end: item.value.at + item.value.len }))
    }

    /// The last key, as the library's cursor finds it.
    pub(super) fn last(&self, bucket: &Bucket) -> Result<Option<Item>, Crash> {
        let page = self.bucket_page(bucket, bucket.root)?;
        let mut stack = vec![Step { page, index: page.count() - 1 }];
        self.descend_last(bucket, &mut stack)?;
        while stack.len() > 1 && stack.last().is_some_and(|step| step.page.count() == 0) {
            if !self.previous(bucket, &mut stack)? {
                break;
            }
        }
        self.current(&stack)
    }

    /// The first key.
    pub(super) fn first(&self, bucket: &Bucket) -> Result<Option<Item>, Crash> {
        let mut stack = vec![Step { page: self.bucket_page(bucket, bucket.root)?, index: 0 }];
        self.descend_first(bucket, &mut stack)?;
        if stack.last().is_some_and(|step| step.page.count() == 0) && !self.next(bucket, &mut stack)? {
            return Ok(None);
        }
        self.current(&stack)
    }

    fn current(&self, stack: &[Step]) -> Result<Option<Item>, Crash> {
        match stack.last() {
            Some(step) => self.item(&step.page, step.index),
            None => Ok(None),
        }
    }

    fn descend(&self, bucket: &Bucket, stack: &mut Vec<Step>, last: bool) -> Result<(), Crash> {
        while let Some(step) = stack.last() {
            if step.page.is_leaf() {
                return Ok(());
            }
            if stack.len() > ENDLESS {
                break;
            }
            let child = self.branch(&step.page, narrow(step.index))?.1.child;
            let page = self.bucket_page(bucket, child)?;
            stack.push(Step { page, index: if last { page.count() - 1 } else { 0 } });
        }
        Err(Crash::hang("the library descends for ever: a branch page leads back to itself"))
    }

    fn descend_last(&self, bucket: &Bucket, stack: &mut Vec<Step>) -> Result<(), Crash> {
        self.descend(bucket, stack, true)
    }

    fn descend_first(&self, bucket: &Bucket, stack: &mut Vec<Step>) -> Result<(), Crash> {
        self.descend(bucket, stack, false)
    }

    /// False at the beginning.
    fn previous(&self, bucket: &Bucket, stack: &mut Vec<Step>) -> Result<bool, Crash> {
        loop {
            let Some(step) = stack.last_mut() else { return Ok(false) };
            if step.index > 0 {
                step.index -= 1;
                break;
            }
            if stack.len() == 1 {
                return Ok(false);
            }
            stack.pop();
        }
        self.descend_last(bucket, stack)?;
        Ok(true)
    }

    /// False at the end.
    fn next(&self, bucket: &Bucket, stack: &mut Vec<Step>) -> Result<bool, Crash> {
        loop {
            let Some(level) = stack.iter().rposition(|step| step.index < step.page.count() - 1) else { return Ok(false) };
            stack.truncate(level + 1);
            if let Some(step) = stack.last_mut() {
                step.index += 1;
            }
            self.descend_first(bucket, stack)?;
            if stack.last().is_some_and(|step| step.page.count() > 0) {
                return Ok(true);
            }
        }
    }

    /// The bytes of a key.
    pub(super) fn key(&self, item: &Item) -> Result<Vec<u8>, Crash> {
        Ok(self.memory.read(item.key.at, item.key.len)?.into_owned())
    }

    /// Ids of the pages from the root of a bucket to its last leaf, each with what belongs to it.
    pub(super) fn last_path(&self, bucket: &Bucket) -> Result<Vec<PageRef>, Crash> {
        let mut path = Vec::new();
        if bucket.inline.is_some() {
            // It moves with the directory, but it is taken into memory.
            let page = self.bucket_page(bucket, 0)?;
            self.materialise(&page, true)?;
            return Ok(path);
        }
        let mut id = bucket.root;
        for _ in 0..ENDLESS {
            let page = self.page(id)?;
            path.push(page);
            if page.is_leaf() || page.count() == 0 {
                return Ok(path);
            }
            id = self.branch(&page, narrow(page.count() - 1))?.1.child;
        }
        Err(Crash::hang("the library descends for ever: a branch page leads back to itself"))
    }
}

impl Db<'_> {
    /// Takes a page into memory, as a change to it does: every key must be there. Returns the bytes that it needs when it is
    /// written again, and touches them all when `writes` is set.
    pub(super) fn materialise(&self, page: &PageRef, writes: bool) -> Result<u64, Crash> {
        let mut size = PAGE_HEADER as u64;
        for index in 0..page.header.count {
            let (key, value) = if page.is_leaf() {
                let Some(item) = self.item(page, index.into())? else { break };
                (item.key, item.value)
            } else {
                let (at, element) = self.branch(page, index)?;
                let key = Memory::slice(at, element.pos.into(), element.ksize.into())?;
                (key, Span { at: key.at, len: 0 })
            };
            if key.len == 0 {
                return Err(Crash::panic("assertion failed: read: zero-length inode key"));
            }
            size += ELEMENT as u64 + key.len + value.len;
            for span in [key, value].into_iter().filter(|_| writes) {
                let there = self.memory.up_to(span.at, span.len).len() as u64;
                if there < span.len {
                    return Err(Crash::fault(span.at + there));
                }
            }
        }
        Ok(size)
    }

    /// Every page of a bucket in the order in which a cursor passes them, each with the keys of a leaf; at most `limit` pages.
    /// `None` when there are more.
    pub(super) fn sweep(
        &self,
        bucket: &Bucket,
        limit: usize,
        mut leaf: impl FnMut(&PageRef, &[Item]) -> Result<(), Crash>,
    ) -> Result<Option<Vec<PageRef>>, Crash> {
        let mut pages = Vec::new();
        let mut stack = vec![Step { page: self.bucket_page(bucket, bucket.root)?, index: -1 }];
        while let Some(step) = stack.last_mut() {
            if step.index < 0 {
                pages.push(step.page);
                if pages.len() > limit {
                    return Ok(None);
                }
            }
            let page = step.page;
            step.index += 1;
            if page.is_leaf() {
                let mut items = Vec::new();
                for index in 0..page.count() {
                    items.extend(self.item(&page, index)?);
                }
                leaf(&page, &items)?;
                stack.pop();
                continue;
            }
            let index = step.index;
            if index >= page.count() {
                stack.pop();
                continue;
            }
            if stack.len() > ENDLESS {
                return Err(Crash::hang("the library descends for ever: a branch page leads back to itself"));
            }
            let child = self.branch(&page, narrow(index))?.1.child;
            stack.push(Step { page: self.bucket_page(bucket, child)?, index: -1 });
        }
        Ok(Some(pages))
    }
}

impl Item {
    /// True when the value is a bucket.
    pub(super) const fn is_bucket(&self) -> bool {
        self.bucket
    }
}

/// A value, as far as it can be touched.
#[derive(Debug)]
pub(super) struct Value<'a> {
    pub(super) bytes: std::borrow::Cow<'a, [u8]>,
    /// False when it goes on where nothing can be read.
    pub(super) whole: bool,
    end: u64,
}

impl Value<'_> {
    /// Reading beyond what is there.
    pub(super) fn fault(&self) -> Crash {
        Crash::fault(self.end)
    }
}

/// An index as the library narrows it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the library narrows it like this")]
const fn narrow(index: i64) -> u16 {
    index as u16
}

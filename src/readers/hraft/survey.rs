//! Every page of a bbolt file, with what is wrong with it. Bounded by the file: a page is visited once, nothing is allocated by
//! a claimed size.

mod freelist;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::formats::bolt::{
    BIG_ENDIAN_MAGIC, BranchElement, BucketHeader, ELEMENT, LeafElement, META_END, Meta, PAGE_HEADER, PageHeader, PageKind,
};
use crate::io::MappedFile;

/// Problems that are kept; the rest is counted.
const KEPT: usize = 200;
/// Deeper trees are not made by any writer.
const DEEPEST: usize = 64;
/// Buckets that every store of raft-boltdb has from its first start on.
const OF_RAFT_BOLTDB: [&str; 2] = ["logs", "conf"];
/// Bytes of keys and values after which the pages that were read leave memory.
const RESIDENT: usize = 32 << 20;
/// Page sizes that are looked for.
const SHIFTS: std::ops::RangeInclusive<u32> = 9..=24;

/// One of the two meta pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetaFact {
    /// Its offset.
    pub at: u64,
    /// What stands there; `None` behind the end of the file.
    pub meta: Option<Meta>,
}

impl MetaFact {
    /// The meta page, if it can be used.
    pub fn valid(&self) -> Option<Meta> {
        self.meta.filter(|meta| meta.problem().is_none())
    }
}

/// Something wrong with a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageProblem {
    /// The page.
    pub page: u64,
    /// Offset in the file.
    pub at: u64,
    /// What is wrong.
    pub detail: String,
    /// The bucket that it belongs to; empty for the directory and the freelist.
    pub bucket: String,
}

/// A top-level bucket.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct BucketFact {
    /// Its name.
    pub name: String,
    /// Keys in it.
    pub keys: u64,
    /// Pages of its tree; 0 for an inline one.
    pub pages: u64,
    /// Levels of its tree; 0 for an inline one.
    pub depth: usize,
}

/// The freelist page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FreelistFact {
    /// The file keeps none.
    None,
    /// Ids in it.
    Ids(Vec<u64>),
    /// It cannot be used; with the reason.
    Unusable(String),
}

/// A file, page by page.
#[derive(Debug, Clone)]
pub struct Survey {
    /// Length of the file.
    pub size: u64,
    /// Bytes of a page; 0 when no meta page was found.
    pub page_size: u64,
    /// The meta pages.
    pub metas: [MetaFact; 2],
    /// Position of the one that counts.
    pub chosen: Option<usize>,
    /// True for a file of a big-endian host.
    pub big_endian: bool,
    /// Buckets in the directory.
    pub buckets: Vec<BucketFact>,
    /// The freelist.
    pub freelist: FreelistFact,
    /// Pages that the trees reach, overflow pages included.
    pub reached: u64,
    /// Pages on the freelist that the trees reach, or that the freelist stands in itself.
    pub listed_but_live: Vec<u64>,
    /// Pages that the freelist names twice.
    pub listed_twice: Vec<u64>,
    /// Pages below the high water mark that are neither in use nor on the freelist; 0 without one.
    pub lost_pages: u64,
    /// What is wrong, in the order of the walk.
    pub problems: Vec<PageProblem>,
    /// Problems beyond those kept.
    pub more_problems: u64,
    /// Plain keys in the directory.
    pub plain_keys: Vec<String>,
}

/// A key and its value on the way.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Name of the top-level bucket.
    pub bucket: &'a [u8],
    /// The key.
    pub key: &'a [u8],
    /// The value; `None` for a nested bucket.
    pub value: Option<&'a [u8]>,
    /// Offset of the value in the file.
    pub at: u64,
}

/// Takes a key and its value, and says whether there is a need for more.
pub type Visit<'a, 'v> = dyn FnMut(Row<'a>) -> ControlFlow<()> + 'v;

struct Walk<'a, 'v> {
    bytes: &'a [u8],
    page_size: u64,
    high_water: u64,
    /// Pages that were reached.
    seen: BTreeSet<u64>,
    survey: Survey,
    visit: &'v mut Visit<'a, 'v>,
    /// True when whoever looks has seen enough.
    stopped: bool,
}

/// The newer valid meta page of a file.
pub fn chosen_meta(bytes: &[u8]) -> Option<Meta> {
    let (_, metas) = find_metas(bytes)?;
    choose(&metas).and_then(|position| metas.get(position)).and_then(MetaFact::valid)
}

fn meta_at(bytes: &[u8], at: u64) -> MetaFact {
    let from = usize::try_from(at).unwrap_or(usize::MAX);
    let page = bytes.get(from..).and_then(|rest| rest.get(..META_END));
    MetaFact { at, meta: page.and_then(|page| Meta::decode(page).ok()) }
}

fn find_metas(bytes: &[u8]) -> Option<(u64, [MetaFact; 2])> {
    let first = meta_at(bytes, 0);
    if let Some(meta) = first.valid() {
        let size = u64::from(meta.page_size);
        return Some((size, [first, meta_at(bytes, size)]));
    }
    SHIFTS.map(|shift| 1_u64 << shift).find_map(|size| {
        let second = meta_at(bytes, size);
        let meta = second.valid()?;
        (u64::from(meta.page_size) == size).then_some((size, [first, second]))
    })
}

fn choose(metas: &[MetaFact; 2]) -> Option<usize> {
    match (metas[0].valid(), metas[1].valid()) {
        (Some(first), Some(second)) => Some(usize::from(second.txid > first.txid)),
        (Some(_), None) => Some(0),
        (None, Some(_)) => Some(1),
        (None, None) => None,
    }
}

impl Survey {
    /// Walks the whole file. `visit` gets every key of every bucket; when it stops, nothing is said of the pages behind.
    pub fn of<'a>(bytes: &'a [u8], visit: &mut Visit<'a, '_>) -> Self {
        let (page_size, metas) = find_metas(bytes).unwrap_or((0, [meta_at(bytes, 0), meta_at(bytes, 4096)]));
        let chosen = choose(&metas);
        let big_endian = metas.iter().filter_map(|fact| fact.meta).any(|meta| meta.magic == BIG_ENDIAN_MAGIC);
        let survey = Self {
            size: bytes.len() as u64,
            page_size,
            metas,
            chosen,
            big_endian,
            buckets: Vec::new(),
            freelist: FreelistFact::None,
            reached: 0,
            listed_but_live: Vec::new(),
            listed_twice: Vec::new(),
            lost_pages: 0,
            problems: Vec::new(),
            more_problems: 0,
            plain_keys: Vec::new(),
        };
        let Some(meta) = chosen.and_then(|position| metas.get(position)).and_then(MetaFact::valid) else { return survey };
        if page_size < META_END as u64 {
            let detail = format!("the page size is {page_size}");
            let problem = PageProblem { page: 0, at: 0, detail, bucket: String::new() };
            return Self { problems: vec![problem], ..survey };
        }
        let high_water = meta.high_water;
        let mut walk = Walk { bytes, page_size, high_water, seen: BTreeSet::new(), survey, visit, stopped: false };
        walk.directory(&meta);
        if !walk.stopped {
            walk.freelist(&meta);
        }
        walk.survey.reached = walk.seen.len() as u64;
        walk.survey
    }

    /// Walks a file as [`Self::of`] does. Pages that were read do not stay in memory.
    pub fn of_file<'a>(file: &'a MappedFile, visit: &mut Visit<'a, '_>) -> Self {
        let mut touched = 0;
        Self::of(file.bytes(), &mut |row| {
            touched += row.key.len() + row.value.map_or(0, <[u8]>::len);
            if touched >= RESIDENT {
                touched = 0;
                file.let_go();
            }
            visit(row)
        })
    }

    /// Notes which buckets a store of raft-boltdb lacks.
    pub(super) fn miss_buckets(&mut self) {
        let Some(meta) = self.meta() else { return };
        for name in OF_RAFT_BOLTDB.into_iter().filter(|name| !self.buckets.iter().any(|bucket| bucket.name == *name)) {
            self.problems.push(PageProblem {
                page: meta.root,
                at: meta.root.saturating_mul(self.page_size),
                detail: format!("bucket {name} is missing: the library makes an empty one without a word"),
                bucket: String::new(),
            });
        }
    }

    /// The meta page that counts.
    pub fn meta(&self) -> Option<Meta> {
        self.chosen.and_then(|position| self.metas.get(position)).and_then(MetaFact::valid)
    }

    /// True when every page that the trees reach is what it says it is, in order and reached once: the library then finds in it what
    /// the walk found.
    pub fn is_sound(&self) -> bool {
        self.chosen.is_some() && self.problems.is_empty() && self.more_problems == 0 && self.listed_but_live.is_empty()
    }

    /// Free pages.
    pub fn free_pages(&self) -> u64 {
        match &self.freelist {
            FreelistFact::Ids(ids) => ids.len() as u64,
            FreelistFact::None | FreelistFact::Unusable(_) => 0,
        }
    }
}

/// A page that is being walked.
#[derive(Clone, Copy)]
struct Level<'a> {
    id: u64,
    at: u64,
    page: &'a [u8],
    header: PageHeader,
    next: u32,
    /// Where the key of the next element begins, as every writer lays them out.
    laid: u64,
}

/// Bytes of a page that are fetched at once.
const WARMED: usize = 16 << 10;

/// Fetches a page into the processor's caches from front to back, at the bandwidth of the memory. The entries are then read in
/// small pieces here and there, each of which would wait for the memory alone.
fn warm(page: &[u8]) {
    let lines = page.iter().take(WARMED).step_by(64).fold(0, |all, byte| all ^ byte);
    std::hint::black_box(lines);
}

/// Where the first key of a page begins: right behind the elements.
fn first_key(header: PageHeader) -> u64 {
    (PAGE_HEADER + ELEMENT * usize::from(header.count)) as u64
}

impl<'a> Walk<'a, '_> {
    fn problem(&mut self, page: u64, bucket: &[u8], detail: impl Into<String>) {
        if self.survey.problems.len() >= KEPT {
            self.survey.more_problems += 1;
            return;
        }
        let at = page.saturating_mul(self.page_size);
        let bucket = String::from_utf8_lossy(bucket).into_owned();
        self.survey.problems.push(PageProblem { page, at, detail: detail.into(), bucket });
    }

    /// A page of a tree with all that belongs to it, or a problem.
    fn page(&mut self, id: u64, bucket: &[u8]) -> Option<(u64, &'a [u8], PageHeader)> {
        let at = id.checked_mul(self.page_size);
        let in_file = at.filter(|&at| at < self.bytes.len() as u64);
        let Some(at) = in_file else {
            self.problem(id, bucket, format!("page {id} is behind the end of the file"));
            return None;
        };
        if id >= self.high_water {
            let high_water = self.high_water;
            self.problem(id, bucket, format!("page {id} is not below the high water mark {high_water}"));
        }
        let rest = self.bytes.get(usize::try_from(at).unwrap_or(usize::MAX)..).unwrap_or_default();
        let Ok(header) = PageHeader::decode(rest) else {
            self.problem(id, bucket, format!("page {id} is cut off"));
            return None;
        };
        if header.id != id {
            self.problem(id, bucket, format!("page {id} identifies itself as {}", header.id));
            return None;
        }
        let size = (u64::from(header.overflow) + 1).saturating_mul(self.page_size);
        let there = usize::try_from(size).unwrap_or(usize::MAX).min(rest.len());
        if (there as u64) < size {
            self.problem(id, bucket, format!("page {id} claims {} further pages, the file ends before", header.overflow));
        }
        let end = id.saturating_add(u64::from(header.overflow)).min(id.saturating_add(rest.len() as u64 / self.page_size));
        if end >= self.high_water && id < self.high_water {
            let high_water = self.high_water;
            self.problem(id, bucket, format!("page {id} claims pages up to {end}, the high water mark is {high_water}"));
        }
        let mut shared = None;
        for page in id..=end {
            if !self.seen.insert(page) {
                shared.get_or_insert(page);
            }
        }
        if let Some(shared) = shared {
            self.problem(id, bucket, format!("page {shared} is reached twice, now through page {id}"));
            if shared == id {
                return None;
            }
        }
        Some((at, rest.get(..there).unwrap_or_default(), header))
    }

    fn directory(&mut self, meta: &Meta) {
        let mut buckets = Vec::new();
        let mut plain = Vec::new();
        self.tree(meta.root, b"", &mut |_, row, is_bucket| match (is_bucket, row.value) {
            (true, Some(value)) => buckets.push((row.key, value, row.at)),
            _ => plain.push(String::from_utf8_lossy(row.key).into_owned()),
        });
        self.survey.plain_keys = plain;
        for (name, value, at) in buckets {
            if self.stopped {
                return;
            }
            let mut keys = 0_u64;
            let mut each = |walk: &mut Self, row: Row<'a>, nested: bool| {
                keys += 1;
                let flow = (walk.visit)(Row { bucket: name, value: row.value.filter(|_| !nested), ..row });
                walk.stopped |= flow.is_break();
            };
            let before = self.seen.len();
            let depth = match BucketHeader::decode(value) {
                Err(_) => {
                    self.problem(meta.root, name, "the value of a bucket is shorter than its header");
                    0
                }
                Ok(header) if header.root != 0 => self.tree(header.root, name, &mut each),
                Ok(_) => {
                    self.inline(meta.root, name, value, at, &mut each);
                    0
                }
            };
            let pages = (self.seen.len() - before) as u64;
            let name = String::from_utf8_lossy(name).into_owned();
            self.survey.buckets.push(BucketFact { name, keys, pages, depth });
        }
    }

    fn inline(&mut self, holder: u64, name: &'a [u8], value: &'a [u8], at: u64, each: &mut dyn FnMut(&mut Self, Row<'a>, bool)) {
        let image = value.get(16..).unwrap_or_default();
        match PageHeader::decode(image) {
            Ok(header) if header.kind() == Some(PageKind::Leaf) => {
                let mut previous = None;
                self.leaf(holder, at + 16, image, header, name, &mut previous, each);
            }
            Ok(header) => self.problem(holder, name, format!("the inline bucket has flags {:x}", header.flags)),
            Err(_) => self.problem(holder, name, "the inline bucket is cut off"),
        }
    }

    /// Walks a tree; returns its depth.
    fn tree(&mut self, root: u64, name: &'a [u8], each: &mut dyn FnMut(&mut Self, Row<'a>, bool)) -> usize {
        let mut stack: Vec<Level<'a>> = Vec::new();
        let mut deepest = 0;
        let mut previous: Option<&'a [u8]> = None;
        // The least key that the branches on the way allow from here on.
        let mut least: Option<&'a [u8]> = None;
        let mut push = |walk: &mut Self, stack: &mut Vec<Level<'a>>, id: u64| {
            let depth = stack.len() + 1;
            if depth > DEEPEST {
                walk.problem(id, name, "the tree is deeper than any that a writer makes");
                return;
            }
            if let Some((at, page, header)) = walk.page(id, name) {
                deepest = deepest.max(depth);
                stack.push(Level { id, at, page, header, next: 0, laid: first_key(header) });
            }
        };
        push(self, &mut stack, root);
        while let Some(level) = stack.last_mut().filter(|_| !self.stopped) {
            let Level { id, at, page, header, next, laid } = *level;
            level.next += 1;
            match header.kind() {
                Some(PageKind::Leaf) => {
                    let before = previous;
                    let first = self.leaf(id, at, page, header, name, &mut previous, each);
                    if let (Some(least), Some(first), true) = (least, first, before != previous)
                        && first < least
                    {
                        self.problem(
                            id,
                            name,
                            format!("leaf page {id}: its first key lies below the one that its branch has for it"),
                        );
                    }
                    stack.pop();
                }
                Some(PageKind::Branch) if next < u32::from(header.count) => {
                    let index = u16::try_from(next).unwrap_or(u16::MAX);
                    match BranchElement::decode(page, index).and_then(|element| Ok((element, element.key(page, index)?))) {
                        Ok((element, key)) => {
                            if previous.is_some_and(|previous| key <= previous) {
                                self.problem(id, name, format!("branch page {id}: key {index} is not above what comes before"));
                            }
                            if element.key_at(index) != laid {
                                self.problem(id, name, format!("branch page {id}: key {index} is not where a writer puts it"));
                            }
                            level.laid = element.key_at(index) + u64::from(element.ksize);
                            least = if index == 0 { least.max(Some(key)) } else { Some(key) };
                            push(self, &mut stack, element.child);
                        }
                        Err(error) => self.problem(id, name, format!("branch page {id}: element {index}: {error}")),
                    }
                }
                Some(PageKind::Branch) => {
                    if header.count == 0 {
                        self.problem(id, name, format!("branch page {id} has no elements"));
                    }
                    stack.pop();
                }
                _ => {
                    self.problem(id, name, format!("page {id} has flags {:x}: neither branch nor leaf", header.flags));
                    stack.pop();
                }
            }
        }
        deepest
    }

    /// Hands on the elements of a leaf; returns the first key, where that can be read.
    #[expect(clippy::too_many_arguments, reason = "a page in all its parts")]
    fn leaf(
        &mut self,
        id: u64,
        at: u64,
        page: &'a [u8],
        header: PageHeader,
        name: &'a [u8],
        previous: &mut Option<&'a [u8]>,
        each: &mut dyn FnMut(&mut Self, Row<'a>, bool),
    ) -> Option<&'a [u8]> {
        warm(page);
        let mut laid = first_key(header);
        let mut first = None;
        for index in 0..header.count {
            if self.stopped {
                break;
            }
            let element = LeafElement::decode(page, index);
            match element.and_then(|element| Ok((element, element.key_value(page, index)?))) {
                Ok((element, (key, value))) => {
                    if previous.is_some_and(|previous| key <= previous) {
                        self.problem(id, name, format!("leaf page {id}: key {index} is not above what comes before"));
                    }
                    *previous = Some(key);
                    if index == 0 {
                        first = Some(key);
                    }
                    if element.key_at(index) != laid {
                        self.problem(id, name, format!("leaf page {id}: key {index} is not where a writer puts it"));
                    }
                    laid = element.value_at(index) + u64::from(element.vsize);
                    let row = Row { bucket: name, key, value: Some(value), at: at + element.value_at(index) };
                    each(self, row, element.is_bucket());
                }
                Err(error) => {
                    self.problem(id, name, format!("leaf page {id}: element {index}: {error}"));
                    // The elements behind the end of the page would all say the same.
                    if PAGE_HEADER + 16 * (usize::from(index) + 1) > page.len() {
                        break;
                    }
                }
            }
        }
        first
    }
}

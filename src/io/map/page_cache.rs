//! What of a file lies in the page cache, as the kernel tells it.

use std::fs::File;
use std::ops::Range;
use std::os::fd::AsRawFd as _;

/// Pages of a byte range that lie in the page cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::io) struct CachedPages {
    /// Every page of the range is there.
    pub(in crate::io) all: bool,
    /// Some page was written to and is not on the disk yet.
    pub(in crate::io) unwritten: bool,
}

/// Number of the system call, the same on every architecture but one that nobody runs databases on.
const CACHESTAT: libc::c_long = 451;

#[repr(C)]
struct CachestatRange {
    off: u64,
    len: u64,
}

#[repr(C)]
#[derive(Default)]
struct Cachestat {
    cached: u64,
    dirty: u64,
    writeback: u64,
    evicted: u64,
    recently_evicted: u64,
}

/// Asks `cachestat(2)` (Linux 6.5) about a range that is not empty; `None` where it is missing or refused: the kernel
/// answers only those who own the file or may write to it.
pub(in crate::io) fn cached_pages(file: &File, range: &Range<u64>) -> Option<CachedPages> {
    let page = super::page_size() as u64;
    let pages = range.end.div_ceil(page) - range.start / page;
    let asked = CachestatRange { off: range.start, len: range.end - range.start };
    let mut answer = Cachestat::default();
    // SAFETY: both structures have the layout of the kernel's, live through the call, and are ours alone. A kernel
    // without the call returns an error.
    let result = unsafe { libc::syscall(CACHESTAT, file.as_raw_fd(), &raw const asked, &raw mut answer, 0 as libc::c_uint) };
    (result == 0)
        .then_some(CachedPages { all: answer.cached >= pages, unwritten: answer.dirty.saturating_add(answer.writeback) > 0 })
}

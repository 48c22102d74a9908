//! What some work cost, by counts that nobody who writes a loop has to think of.
//!
//! The steps that the program counts itself are those that somebody thought of; looks at files and directories are among them. Memory
//! that was asked for is counted by the allocator of the tests. And a build with `RUSTFLAGS="-C instrument-coverage --cfg ekv_regions"`
//! counts every region of the code that is passed, in loops too that take no memory: `just effort`.
#![expect(unsafe_code, reason = "an allocator is unsafe by nature, and so are counters that the compiler lays out")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use ekv_tool::types::work_counted;

/// The system's allocator with counts, one a thread.
pub struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<u64> = const { Cell::new(0) };
}

fn count(bytes: usize) {
    // A thread that ends has no counts any more, and nobody who asks for them.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
    let _ = BYTES.try_with(|sum| sum.set(sum.get() + bytes as u64));
}

// SAFETY: everything is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How often regions of the code were passed so far, by all threads.
#[cfg(ekv_regions)]
fn regions() -> Option<u64> {
    unsafe extern "C" {
        fn __llvm_profile_begin_counters() -> *const u64;
        fn __llvm_profile_end_counters() -> *const u64;
    }
    // SAFETY: the compiler lays the counters out between these two, as words; a count that another thread changes meanwhile is read as
    // what it was or what it is.
    let counters = unsafe {
        let (begin, end) = (__llvm_profile_begin_counters(), __llvm_profile_end_counters());
        std::slice::from_raw_parts(begin, usize::try_from(end.offset_from(begin)).unwrap())
    };
    Some(counters.iter().fold(0, |sum, count| sum.wrapping_add(*count)))
}

/// Nothing counts them in this build.
#[cfg(not(ekv_regions))]
const fn regions() -> Option<u64> {
    None
}

/// What some work of this thread cost.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Steps that the program counts itself.
    pub steps: u64,
    /// How often it asked for memory.
    pub calls: u64,
    /// Bytes that it asked for.
    pub bytes: u64,
    /// Regions of the code that it passed, where the build counts them.
    pub regions: Option<u64>,
}

impl Effort {
    /// Does the work.
    pub fn of(work: impl FnOnce()) -> Self {
        let before = Self::now();
        work();
        let after = Self::now();
        let passed = |(before, after): (u64, u64)| after.wrapping_sub(before);
        Self {
            steps: after.steps.wrapping_sub(before.steps),
            calls: after.calls - before.calls,
            bytes: after.bytes - before.bytes,
            regions: before.regions.zip(after.regions).map(passed),
        }
    }

    fn now() -> Self {
        Self { steps: work_counted(), calls: CALLS.get(), bytes: BYTES.get(), regions: regions() }
    }

    /// What of the work on twice as much is more than 2.3 times this; small counts are let be.
    pub fn too_much(&self, twice: &Self) -> Vec<String> {
        let counts = [
            ("steps", self.steps, twice.steps, 1000),
            ("requests for memory", self.calls, twice.calls, 10_000),
            ("bytes of memory", self.bytes, twice.bytes, 1 << 20),
            ("regions", self.regions.unwrap_or_default(), twice.regions.unwrap_or_default(), 1_000_000),
        ];
        let more = counts.iter().filter(|(_, once, twice, few)| twice * 10 > once * 23 + few);
        more.map(|(what, once, twice, _)| format!("{once} {what}, then {twice}")).collect()
    }
}

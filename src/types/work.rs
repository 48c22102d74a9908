//! Counts of steps, so that a test can hold the work against the size of what was read.
//!
//! Time says little on a busy machine. Where hostile bytes could make a search cost more than their number, it counts what it
//! does, and a test doubles the input. One count a thread.

use std::cell::Cell;

thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
}

/// Counts `steps` more.
#[inline]
pub fn count_work(steps: u64) {
    STEPS.with(|count| count.set(count.get().wrapping_add(steps)));
}

/// The steps that this thread has counted so far.
pub fn work_counted() -> u64 {
    STEPS.with(Cell::get)
}

//! The memory that a run may take for what the input decides the size of, beside what is mapped.
//!
//! One number for the process, shared by its threads. What is asked for does not depend on what other threads hold at that
//! moment: an answer must not depend on how fast each of them was.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ByteSize;

/// Bytes that a run may take when nobody says otherwise.
pub const DEFAULT_BUDGET: u64 = 128 << 20;

static BUDGET: AtomicU64 = AtomicU64::new(DEFAULT_BUDGET);

thread_local! {
    static SHARERS: Cell<u64> = const { Cell::new(1) };
    static REFUSED: Cell<bool> = const { Cell::new(false) };
    static HELD: Cell<u64> = const { Cell::new(0) };
}

/// Sets how many bytes the run may take from now on.
pub fn set_budget(bytes: u64) {
    BUDGET.store(bytes, Ordering::Relaxed);
}

/// Something takes more memory than the run may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverBudget {
    /// Bytes that it and whatever else is read at the same time take.
    pub wanted: u64,
    /// Bytes that the run may take.
    pub budget: u64,
}

/// Asks for `bytes` of memory before they are taken.
pub fn grant(bytes: u64) -> Result<(), OverBudget> {
    let budget = BUDGET.load(Ordering::Relaxed);
    let sharers = SHARERS.get();
    let bytes = bytes.saturating_add(HELD.get());
    if bytes <= budget / sharers {
        return Ok(());
    }
    REFUSED.set(true);
    // The other sharers get as much.
    Err(OverBudget { wanted: bytes.saturating_mul(sharers), budget })
}

/// Does `work` of which so many bytes are in use already: what it asks for has to fit beside them.
pub fn beside<T>(held: u64, work: impl FnOnce() -> T) -> T {
    let before = HELD.get();
    HELD.set(before.saturating_add(held));
    let done = work();
    HELD.set(before);
    done
}

/// Bytes that may still be asked for.
pub fn free_budget() -> u64 {
    (BUDGET.load(Ordering::Relaxed) / SHARERS.get()).saturating_sub(HELD.get())
}

/// Does `work` as one of `sharers` threads, each of which may take its part of the budget. Also tells whether something did not
/// fit: it may fit when nobody else works.
pub fn share_budget<T>(sharers: usize, work: impl FnOnce() -> T) -> (T, bool) {
    let part = SHARERS.get().saturating_mul((sharers as u64).max(1));
    let before = (SHARERS.replace(part), REFUSED.replace(false));
    let done = work();
    SHARERS.set(before.0);
    (done, REFUSED.replace(before.1))
}

impl fmt::Display for OverBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wanted, budget } = self;
        write!(
            f,
            "it takes {} of memory, larger than the budget of {}; --memory {} reads it",
            ByteSize(*wanted),
            ByteSize(*budget),
            Flag(*wanted)
        )
    }
}

/// The value of `--memory` that grants so many bytes.
struct Flag(u64);

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}MiB", self.0.div_ceil(1 << 20))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sharers_get_their_part_and_what_does_not_fit_is_told() {
        assert!(grant(DEFAULT_BUDGET).is_ok());
        let (refused, over) = share_budget(4, || grant(DEFAULT_BUDGET / 2));
        assert!(refused.is_err() && over);
        let (granted, over) = share_budget(4, || grant(DEFAULT_BUDGET / 4));
        assert!(granted.is_ok() && !over);
        let (of_both, rest) = beside(DEFAULT_BUDGET / 2, || (grant(DEFAULT_BUDGET / 2 + 1), free_budget()));
        assert_eq!((of_both.unwrap_err().wanted, rest), (DEFAULT_BUDGET + 1, DEFAULT_BUDGET / 2));
        assert!(beside(DEFAULT_BUDGET / 2, || grant(DEFAULT_BUDGET / 2)).is_ok() && free_budget() == DEFAULT_BUDGET);
        let words = grant(DEFAULT_BUDGET + 1).unwrap_err().to_string();
        assert!(words.ends_with("larger than the budget of 128.0 MiB; --memory 129MiB reads it"), "{words}");
    }
}

//! Who watches.

use std::fmt::Debug;

/// Sees how the work goes on. Everything is said in the unit that [`Watch::begin`] names.
pub trait Watch: Debug + Send + Sync {
    /// Work begins: `what` is done to `total` things; `None` where nobody knows how many.
    fn begin(&self, what: &'static str, unit: Unit, total: Option<u64>);

    /// So much more is done.
    fn advance(&self, amount: u64);
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Objects.
    Objects,
    /// Bytes.
    Bytes,
}

/// Nobody watches.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn begin(&self, _what: &'static str, _unit: Unit, _total: Option<u64>) {}

    fn advance(&self, _amount: u64) {}
}

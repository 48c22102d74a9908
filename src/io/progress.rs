//! How long work reports and stops without owning a terminal.

/// Receives what a long read has done, and may ask it to stop.
pub trait Progress: Sync {
    /// `bytes` more of the work announced by [`Progress::expect`] are done.
    fn advance(&self, bytes: u64);

    /// `bytes` more will have to be read.
    fn expect(&self, bytes: u64);

    /// True when the user wants to stop; the reader then returns [`Error::Interrupted`](crate::Error::Interrupted).
    fn interrupted(&self) -> bool;
}

/// Nobody is watching.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn advance(&self, _bytes: u64) {}

    fn expect(&self, _bytes: u64) {}

    fn interrupted(&self) -> bool {
        false
    }
}

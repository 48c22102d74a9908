//! `wal dump`: what is said after the records, which are written as they are read.

use serde::Serialize;

use crate::report::{Body, Cell, Section};

/// Totals of a dump.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct DumpBody {
    /// Records read.
    pub records_read: u64,
    /// Records written.
    pub records_written: u64,
}

impl Body for DumpBody {
    const NAME: &'static str = "wal-dump";

    fn headline(&self) -> String {
        format!("{} of {} records written", self.records_written, self.records_read)
    }

    fn sections(&self) -> Vec<Section> {
        vec![Section::facts("", vec![("records read", Cell::new(self.records_read))])]
    }
}

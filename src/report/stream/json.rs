//! Rows for scripts.

use serde::Serialize;

use super::Row;
use crate::report::render::safe_json::write_compact;

/// The list that a JSON report keeps its rows in. It stands before everything else of the report, because the rest is known
/// only when the last row has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonList {
    /// One row a line, indented like the rest of the report.
    Indented(&'static str),
    /// One row a line, at its beginning.
    Flat(&'static str),
}

impl JsonList {
    /// The member of the report that is the list.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Indented(name) | Self::Flat(name) => name,
        }
    }

    fn open(self, out: &mut Vec<u8>) {
        let parts = match self {
            Self::Indented(name) => ["{\n  \"", name, "\": [\n"],
            Self::Flat(name) => ["{\"", name, "\":["],
        };
        for part in parts {
            out.extend_from_slice(part.as_bytes());
        }
    }

    pub(super) fn element<R: Row>(self, out: &mut Vec<u8>, row: &R, first: bool) {
        if first {
            self.open(out);
        }
        let lead: &[u8] = match (self, first) {
            (Self::Indented(_), true) => b"    ",
            (Self::Indented(_), false) => b",\n    ",
            (Self::Flat(_), true) => b"\n",
            (Self::Flat(_), false) => b",\n",
        };
        out.extend_from_slice(lead);
        write(out, row);
    }

    /// Ends the list; the other members of the object follow.
    pub(super) fn close(self, out: &mut Vec<u8>, empty: bool) {
        if empty {
            self.open(out);
        }
        let end: &[u8] = match (self, empty) {
            (Self::Indented(_), _) => b"\n  ],\n",
            (Self::Flat(_), true) => b"],\n",
            (Self::Flat(_), false) => b"\n],\n",
        };
        out.extend_from_slice(end);
    }
}

pub(super) fn line<R: Row>(out: &mut Vec<u8>, row: &R) {
    write(out, row);
    out.push(b'\n');
}

fn write<R: Serialize>(out: &mut Vec<u8>, row: &R) {
    let from = out.len();
    // Memory takes everything, and a row has nothing that JSON could not say; a half-written one would end the report.
    if write_compact(out, row).is_err() {
        out.truncate(from);
        out.extend_from_slice(b"null");
    }
}

//! Rows of a markdown table.

use super::{Align, Cells, Column};
use crate::report::render::markdown_text;

pub(super) fn group(out: &mut Vec<u8>, name: &str) {
    if !out.is_empty() {
        out.push(b'\n');
    }
    for part in ["### ", &markdown_text(name), "\n\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

pub(super) fn heading(out: &mut Vec<u8>, columns: &[Column]) {
    for column in columns {
        for part in ["| ", column.name, " "] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    out.extend_from_slice(b"|\n");
    for column in columns {
        out.extend_from_slice(if column.align == Align::Right { b"|---:" } else { b"|---" });
    }
    out.extend_from_slice(b"|\n");
}

pub(super) fn line(out: &mut Vec<u8>, cells: &Cells) {
    for cell in cells.iter() {
        for part in ["| ", &markdown_text(cell), " "] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    out.extend_from_slice(b"|\n");
}

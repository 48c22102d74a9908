//! Rows for people, in columns that are fixed before the first row is known.

use super::{Align, Cells, Column};
use crate::report::Tone;
use crate::report::render::{Style, paint};
use crate::types::escape;

/// Blanks between two columns.
const GAP: usize = 2;
/// A column is never cut to less than this.
const LEAST: usize = 16;

pub(super) fn group(out: &mut Vec<u8>, name: &str, style: Style) {
    out.extend_from_slice(paint(&format!("# {}", escape(name)), Tone::Dim, style).as_bytes());
    out.push(b'\n');
}

pub(super) fn heading(out: &mut Vec<u8>, columns: &[Column], style: Style) {
    let mut line = Vec::new();
    let last = columns.len().saturating_sub(1);
    for (number, column) in columns.iter().enumerate() {
        put(&mut line, column, column.name, number == last);
    }
    out.extend_from_slice(paint(String::from_utf8_lossy(line.trim_ascii_end()).as_ref(), Tone::Dim, style).as_bytes());
    out.push(b'\n');
}

pub(super) fn line(out: &mut Vec<u8>, columns: &[Column], cells: &Cells, style: Style) {
    let from = out.len();
    let last = columns.len().saturating_sub(1);
    let mut used = 0;
    for (number, (column, cell)) in columns.iter().zip(cells.iter()).enumerate() {
        let cell = escape(cell);
        match style.width {
            Some(width) if column.may_be_cut && !style.verbose => {
                let room = width.saturating_sub(used).max(LEAST);
                match cell.char_indices().nth(room) {
                    None => put(out, column, &cell, number == last),
                    Some(_) => {
                        let end = cell.char_indices().nth(room - 2).map_or(cell.len(), |(at, _)| at);
                        put(out, column, &format!("{}..", &cell[..end]), number == last);
                    }
                }
            }
            _ => put(out, column, &cell, number == last),
        }
        used += column.width + GAP;
    }
    while out.len() > from && out.last() == Some(&b' ') {
        out.pop();
    }
    if style.color && cells.tone() != Tone::Plain {
        let line = String::from_utf8_lossy(&out[from..]).into_owned();
        out.truncate(from);
        out.extend_from_slice(paint(&line, cells.tone(), style).as_bytes());
    }
    out.push(b'\n');
}

fn put(out: &mut Vec<u8>, column: &Column, text: &str, is_last: bool) {
    let len = if text.is_ascii() { text.len() } else { text.chars().count() };
    let pad = column.width.saturating_sub(len);
    if column.align == Align::Right {
        blanks(out, pad);
    }
    out.extend_from_slice(text.as_bytes());
    if !is_last {
        blanks(out, GAP + if column.align == Align::Left { pad } else { 0 });
    }
}

fn blanks(out: &mut Vec<u8>, count: usize) {
    out.resize(out.len() + count, b' ');
}

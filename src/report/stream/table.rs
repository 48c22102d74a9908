//! Rows for people, in columns that are fixed before the first row is known.

use super::{Align, Cells, Column};
use crate::report::Tone;
use crate::report::render::{Style, columns_of, longest_word, paint, wrap};
use crate::types::escape;

/// Blanks between two columns.
const GAP: usize = 2;
/// Blanks before what stands below the first line of its row, unless that begins with a number.
const BELOW: usize = 4;
/// Columns that the last cell has at least, or it stands below the others.
const ROOM: usize = 30;
/// Lines of a terminal after which a cell may be cut.
const LINES: usize = 4;

pub(super) fn group(out: &mut Vec<u8>, name: &str, style: Style) {
    out.extend_from_slice(paint(&format!("# {}", escape(name)), Tone::Dim, style).as_bytes());
    out.push(b'\n');
}

pub(super) fn heading(out: &mut Vec<u8>, columns: &[Column], style: Style) {
    row(out, columns, columns.iter().map(|column| column.name), Tone::Dim, style);
}

pub(super) fn line(out: &mut Vec<u8>, columns: &[Column], cells: &Cells, style: Style) {
    row(out, columns, cells.iter(), cells.tone(), style);
}

/// One line, and as many below it as a terminal needs: words are never broken.
fn row<'c>(out: &mut Vec<u8>, columns: &[Column], cells: impl Iterator<Item = &'c str>, tone: Tone, style: Style) {
    // Behind the numbers that the rows begin with, so that these can be followed.
    let below = match (columns.first(), style.width) {
        (Some(Column { align: Align::Right, width: first, .. }), Some(width)) => (first + GAP).min(width / 4),
        _ => BELOW,
    };
    let mut pen = Pen { from: out.len(), out, used: 0, below, tone, style };
    let last = columns.len().saturating_sub(1);
    for (number, (column, cell)) in columns.iter().zip(cells).enumerate() {
        let cell = escape(cell);
        match style.width {
            Some(width) if number == last => pen.last(column, &cell, width),
            Some(width) if pen.used > below && pen.used + column.width > width => {
                pen.end_line();
                pen.blanks(below);
                pen.cell(column, &cell);
            }
            _ => pen.cell(column, &cell),
        }
    }
    pen.end_line();
}

/// Where a row is written.
struct Pen<'o> {
    out: &'o mut Vec<u8>,
    /// Where the line begins.
    from: usize,
    /// Columns of the line so far.
    used: usize,
    /// Blanks before what stands below the first line.
    below: usize,
    tone: Tone,
    style: Style,
}

impl Pen<'_> {
    fn cell(&mut self, column: &Column, text: &str) {
        let wide = columns_of(text);
        let pad = column.width.saturating_sub(wide);
        let (before, behind) = if column.align == Align::Right { (pad, 0) } else { (0, pad) };
        self.blanks(before);
        self.out.extend_from_slice(text.as_bytes());
        self.used += wide;
        self.blanks(behind + GAP);
    }

    /// The last cell of a row: in the line where it fits, else in the room that is left there, else below.
    fn last(&mut self, column: &Column, text: &str, width: usize) {
        let wide = columns_of(text).max(column.width);
        if self.used + wide <= width {
            return self.cell(column, text);
        }
        let limit = if column.may_be_cut && !self.style.verbose { width.saturating_mul(LINES) } else { usize::MAX };
        let text = match text.char_indices().nth(limit) {
            Some(_) => format!("{}..", text.chars().take(limit.saturating_sub(2)).collect::<String>()),
            None => text.to_owned(),
        };
        let room = width.saturating_sub(self.used);
        let mut lines = wrap(&text, room);
        let mut indent = self.used;
        if room < ROOM || lines.iter().any(|line| columns_of(line) > room) {
            // A long key is given what room there is.
            indent = if longest_word(&text) + self.below > width { self.below.min(BELOW) } else { self.below };
            lines = wrap(&text, width.saturating_sub(indent));
            self.end_line();
            self.blanks(indent);
        }
        for (number, line) in lines.iter().enumerate() {
            if number > 0 {
                self.end_line();
                self.blanks(indent);
            }
            self.out.extend_from_slice(line.as_bytes());
        }
    }

    fn blanks(&mut self, count: usize) {
        self.out.resize(self.out.len() + count, b' ');
        self.used += count;
    }

    /// Ends a line: no blanks stand there, and it is coloured as the row is.
    fn end_line(&mut self) {
        while self.out.len() > self.from && self.out.last() == Some(&b' ') {
            self.out.pop();
        }
        if self.style.color && self.tone != Tone::Plain {
            let line = String::from_utf8_lossy(&self.out[self.from..]).into_owned();
            self.out.truncate(self.from);
            self.out.extend_from_slice(paint(&line, self.tone, self.style).as_bytes());
        }
        self.out.push(b'\n');
        self.from = self.out.len();
        self.used = 0;
    }
}

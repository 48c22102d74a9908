//! Rows that are written while they are read.
//!
//! A log has millions of records and a store millions of keys, so no list of them is ever held: a command hands one typed
//! [`Row`] after another to a [`RowStream`], which writes them in the format that was asked for and the report behind them.
//! The same types fill the tables of reports that are held, through [`Section::rows`](crate::report::Section::rows).

mod cells;
mod json;
mod markdown;
mod table;

use std::io::{self, Write};

use serde::Serialize;

pub use cells::Cells;
pub use json::JsonList;

use super::render::safe_json::write_pretty;
use super::render::{OutputFormat, Style, render};
use super::{Body, Report};

/// On which side of its column a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Align {
    /// Words.
    #[default]
    Left,
    /// Numbers.
    Right,
}

/// One column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its heading.
    pub name: &'static str,
    /// Where its text stands.
    pub align: Align,
    /// Columns of the screen that a stream keeps for it: nobody knows yet how wide the rows to come are. Tables that are held
    /// are as wide as what is in them.
    pub width: usize,
    /// Whether a stream may cut its text behind some lines of a terminal; only for the last column.
    pub may_be_cut: bool,
}

impl Column {
    /// A column of words.
    pub const fn left(name: &'static str, width: usize) -> Self {
        Self { name, align: Align::Left, width, may_be_cut: false }
    }

    /// A column of numbers.
    pub const fn right(name: &'static str, width: usize) -> Self {
        Self { name, align: Align::Right, width, may_be_cut: false }
    }

    /// The same, cut behind some lines of a terminal.
    #[must_use]
    pub const fn cut(self) -> Self {
        Self { may_be_cut: true, ..self }
    }
}

/// One thing of many: its fields for scripts by [`Serialize`], and its cells for people.
pub trait Row: Serialize {
    /// The columns of its table.
    const COLUMNS: &'static [Column];

    /// Its cells in the order of the columns.
    fn cells(&self, cells: &mut Cells);
}

/// Bytes that are collected before they are handed on.
const BATCH: usize = 256 << 10;

/// Writes rows as they come, then the report. Its memory does not grow with their number.
pub struct RowStream<'o> {
    format: OutputFormat,
    style: Style,
    list: JsonList,
    out: &'o mut dyn Write,
    batch: Vec<u8>,
    rows: u64,
    /// The heading of the table that the next row begins.
    heading_due: bool,
    cells: Cells,
}

impl<'o> RowStream<'o> {
    /// A stream into `out`; JSON keeps the rows in `list`.
    pub fn new(format: OutputFormat, style: Style, list: JsonList, out: &'o mut dyn Write) -> Self {
        let cells = Cells::new(style.width.is_none() || style.verbose);
        Self { format, style, list, out, batch: Vec::new(), rows: 0, heading_due: true, cells }
    }

    /// Rows written so far.
    pub const fn written(&self) -> u64 {
        self.rows
    }

    /// The rows that follow belong together under `name`. Formats for scripts have it as a field of each row.
    pub fn group(&mut self, name: &str) {
        match self.format {
            OutputFormat::Table if !self.style.quiet => table::group(&mut self.batch, name, self.style),
            OutputFormat::Markdown => {
                markdown::group(&mut self.batch, name);
                self.heading_due = true;
            }
            _ => {}
        }
    }

    /// Writes one row. True when a batch was handed on, so that what was read for it is needed no more.
    pub fn row<R: Row>(&mut self, row: &R) -> io::Result<bool> {
        match self.format {
            OutputFormat::Json => self.list.element(&mut self.batch, row, self.rows == 0),
            OutputFormat::Ndjson => json::line(&mut self.batch, row),
            OutputFormat::Table if !self.style.quiet => {
                if std::mem::take(&mut self.heading_due) {
                    table::heading(&mut self.batch, R::COLUMNS, self.style);
                }
                self.cells.clear();
                row.cells(&mut self.cells);
                table::line(&mut self.batch, R::COLUMNS, &self.cells, self.style);
            }
            OutputFormat::Markdown => {
                if std::mem::take(&mut self.heading_due) {
                    markdown::heading(&mut self.batch, R::COLUMNS);
                }
                self.cells.clear();
                row.cells(&mut self.cells);
                markdown::line(&mut self.batch, &self.cells);
            }
            // Who counts or watches has no use for rows, and a page begins with its verdict, which is known behind them.
            OutputFormat::Table
            | OutputFormat::Html
            | OutputFormat::Prometheus
            | OutputFormat::Nagios
            | OutputFormat::Github
            | OutputFormat::Junit => {}
        }
        self.rows += 1;
        if self.batch.len() < BATCH {
            return Ok(false);
        }
        self.hand_on()?;
        Ok(true)
    }

    /// Writes the report behind the rows.
    pub fn finish<B: Body>(mut self, report: &Report<B>) -> io::Result<()> {
        match self.format {
            OutputFormat::Json => {
                let mut rest = Vec::new();
                write_pretty(&mut rest, report)?;
                let rest = String::from_utf8_lossy(&rest);
                self.list.close(&mut self.batch, self.rows == 0);
                self.batch.extend_from_slice(rest.strip_prefix("{\n").unwrap_or(&rest).as_bytes());
                self.batch.push(b'\n');
                self.hand_on()
            }
            format => {
                if !self.batch.is_empty() || self.rows > 0 {
                    let for_people = matches!(format, OutputFormat::Table | OutputFormat::Markdown);
                    if for_people && !(format == OutputFormat::Table && self.style.quiet) {
                        self.batch.push(b'\n');
                    }
                    self.hand_on()?;
                }
                render(report, format, self.style, self.out)
            }
        }
    }

    fn hand_on(&mut self) -> io::Result<()> {
        self.out.write_all(&self.batch)?;
        self.batch.clear();
        Ok(())
    }
}

//! How wide the columns of a table are, and its lines.
//!
//! Lines are broken at blanks only: a name, a path, a key or a number stays in one piece. Where a terminal is too narrow for that,
//! every row stands on two lines, or each cell on a line of its own with its heading.
//!
//! Every cell is looked at once to find the widths and once to be written, whatever the number of rows.

use std::borrow::Cow;
use std::io;
use std::ops::Range;

use super::wrap::{columns_of, longest_word, wrap};
use crate::report::{Align, Cell, Heading};
use crate::types::escape;

/// Blanks before the first column, and between two.
const LEAD: usize = 2;
/// Blanks before what stands below the first line of its row.
const BELOW: usize = 4;
/// Words are given as much room as this where they need it, and in a table that is nearly too wide as little as that.
const COMFORT: usize = 20;
const CRAMPED: usize = 12;

/// How one table is drawn.
pub(super) struct Layout {
    form: Form,
    headings: Vec<String>,
    #[cfg(test)]
    looked_at: std::cell::Cell<u64>,
}

/// What a row looks like.
enum Form {
    /// One line below another, each with some of the columns; mostly one.
    Bands(Vec<Band>),
    /// The first cell on a line, behind its heading where it is a number, and below it each other cell behind its heading.
    Record {
        /// Columns of the widest heading.
        label: usize,
        /// Columns of a line.
        width: usize,
        /// Whether the first cell is a name, which needs no heading.
        is_named: bool,
    },
}

/// Columns that stand beside each other.
struct Band {
    columns: Range<usize>,
    lanes: Vec<Lane>,
}

/// One column.
struct Lane {
    /// Blanks before it.
    gap: usize,
    width: usize,
    align: Align,
}

/// What the cells of a column need.
#[derive(Clone, Copy)]
struct Need {
    /// Without breaking anything.
    whole: usize,
    /// The widest cell.
    cell: usize,
    /// Without breaking a word, or a number and its unit.
    unbroken: usize,
    /// Of the heading.
    heading: usize,
    align: Align,
}

/// How narrow a table may become on one line or two.
#[derive(Clone, Copy)]
struct Narrowing {
    /// Columns that a few words are given at least: those that need no more than two lines.
    words: usize,
    /// Columns that longer text is given at least.
    sentences: usize,
    /// Whether one blank before a number is enough.
    is_tight: bool,
}

impl Layout {
    /// Lays out a table; in a terminal of `width` columns the widest columns of words are narrowed until it fits.
    pub(super) fn of(headings: &[Heading], rows: &[Vec<Cell>], width: Option<usize>) -> Self {
        let mut needs: Vec<_> = headings.iter().map(Need::of_heading).collect();
        #[cfg(test)]
        let mut looked_at = 0;
        for row in rows {
            for (need, cell) in needs.iter_mut().zip(row) {
                need.add(&escape(&cell.text));
                #[cfg(test)]
                {
                    looked_at += 1;
                }
            }
        }
        Self {
            form: Form::of(&mut needs, width),
            headings: headings.iter().map(|heading| escape(&heading.name).into_owned()).collect(),
            #[cfg(test)]
            looked_at: looked_at.into(),
        }
    }

    /// Shows the lines of the headings to `write`.
    pub(super) fn head(&self, mut write: impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
        let cells: Vec<_> = self.headings.iter().map(String::as_str).collect();
        match &self.form {
            Form::Bands(bands) => bands.iter().try_for_each(|band| band.lines(&cells, &mut write)),
            Form::Record { is_named: true, .. } if !self.headings.first().is_none_or(String::is_empty) => {
                write(&format!("{:LEAD$}{}", "", self.headings[0]))
            }
            // Each heading stands before its cells.
            Form::Record { .. } => Ok(()),
        }
    }

    /// Shows the lines of one row to `write`.
    pub(super) fn row(&self, cells: &[Cell], mut write: impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
        let texts: Vec<_> = cells.iter().take(self.headings.len()).map(|cell| cell.text.as_str()).collect();
        #[cfg(test)]
        self.looked_at.set(self.looked_at.get() + texts.len() as u64);
        match &self.form {
            Form::Bands(bands) => bands.iter().try_for_each(|band| band.lines(&texts, &mut write)),
            Form::Record { label, width, is_named } => self.record(&texts, *label, *width, *is_named, &mut write),
        }
    }

    fn record(
        &self,
        cells: &[&str],
        label: usize,
        width: usize,
        is_named: bool,
        write: &mut impl FnMut(&str) -> io::Result<()>,
    ) -> io::Result<()> {
        let first = cells.first().copied().filter(|first| !first.trim().is_empty()).unwrap_or("-");
        let heading = self.headings.first().map_or("", String::as_str);
        if is_named {
            wrap(first, width.saturating_sub(LEAD)).iter().try_for_each(|line| write(&format!("{:LEAD$}{line}", "")))?;
        } else {
            // A number by itself would say nothing.
            let beside = label.saturating_add(BELOW - LEAD);
            labelled(heading, first, LEAD, beside, Some(width), |lead, line| write(&format!("{lead}{line}")))?;
        }
        for (heading, cell) in self.headings.iter().zip(cells).skip(1) {
            labelled(heading, cell, BELOW, label, Some(width), |lead, line| write(&format!("{lead}{line}")))?;
        }
        Ok(())
    }
}

/// Shows the lines of a value behind its name: beside it, or below it where it would have to be broken up too much. A value that is
/// empty has no line. `write` is given what stands before the text of each line, and the text.
pub(super) fn labelled(
    name: &str,
    value: &str,
    indent: usize,
    label: usize,
    width: Option<usize>,
    mut write: impl FnMut(&str, &str) -> io::Result<()>,
) -> io::Result<()> {
    let width = width.unwrap_or(usize::MAX);
    let room = width.saturating_sub(indent + label.max(columns_of(name)) + LEAD);
    let safe = escape(value);
    let is_cramped = columns_of(&safe) > room && (longest_word(&safe) > room || room < COMFORT);
    if is_cramped {
        if !name.is_empty() {
            write(&format!("{:indent$}{name}", ""), "")?;
        }
        let lead = " ".repeat(indent + LEAD);
        return wrap(value, width.saturating_sub(lead.len())).iter().try_for_each(|line| write(&lead, line));
    }
    let pad = label.saturating_sub(columns_of(name)) + LEAD;
    let mut lead = format!("{:indent$}{name}{:pad$}", "", "");
    for line in wrap(value, room) {
        write(&lead, &line)?;
        lead = " ".repeat(indent + label + LEAD);
    }
    Ok(())
}

impl Narrowing {
    const NONE: Self = Self { words: COMFORT, sentences: COMFORT, is_tight: false };
    /// What is tried before a row is given a second line.
    const STEPS: [Self; 4] = [
        Self::NONE,
        Self { is_tight: true, ..Self::NONE },
        Self { words: CRAMPED, ..Self::NONE },
        Self { words: CRAMPED, is_tight: true, ..Self::NONE },
    ];

    /// Blanks before a column that is not the first on its line.
    const fn gap(self, align: Align) -> usize {
        if self.is_tight && matches!(align, Align::Right) { 1 } else { LEAD }
    }

    /// Blanks before the first of `needs`, and between them.
    fn blanks(self, indent: usize, needs: &[Need]) -> usize {
        indent + needs.iter().skip(1).map(|need| self.gap(need.align)).sum::<usize>()
    }

    fn fits(self, indent: usize, needs: &[Need], width: usize) -> bool {
        self.blanks(indent, needs) + needs.iter().map(|need| need.least(self)).sum::<usize>() <= width
    }
}

impl Form {
    fn of(needs: &mut [Need], width: Option<usize>) -> Self {
        let Some(width) = width else {
            return Self::Bands(vec![Band::of(LEAD, 0, needs, Narrowing::NONE, usize::MAX)]);
        };
        for need in &mut *needs {
            // What no line has room for is no reason to give it all of them.
            need.unbroken = need.unbroken.min(width.saturating_sub(BELOW + LEAD));
        }
        let steps = Narrowing::STEPS;
        // A column by itself has nobody to share with.
        let alone = (needs.len() < 2).then_some(Narrowing { words: 0, sentences: 0, ..Narrowing::NONE });
        if let Some(step) = alone.or_else(|| steps.into_iter().find(|step| step.fits(LEAD, needs, width))) {
            return Self::Bands(vec![Band::of(LEAD, 0, needs, step, width)]);
        }
        // The name of the row by itself where it is what takes the room, else as much as one line holds.
        let least = |need: &Need| need.least(Narrowing::NONE);
        let is_named = needs.first().is_some_and(|name| needs.iter().all(|need| least(need) <= least(name)));
        let mut cuts: Vec<_> = (1..needs.len()).collect();
        if !is_named {
            cuts.reverse();
        }
        let ways = cuts.into_iter().flat_map(|cut| steps.into_iter().take(2).map(move |step| (cut, step)));
        for (cut, step) in ways {
            let (above, below) = needs.split_at(cut);
            if step.fits(LEAD, above, width) && step.fits(BELOW, below, width) {
                return Self::Bands(vec![Band::of(LEAD, 0, above, step, width), Band::of(BELOW, cut, below, step, width)]);
            }
        }
        let label = needs.iter().skip(1).map(|need| need.heading).max().unwrap_or(0);
        Self::Record { label, width, is_named: needs.first().is_some_and(|need| need.align == Align::Left) }
    }
}

impl Band {
    /// Columns from the one with the number `first` on, as narrow as `width` wants them.
    fn of(indent: usize, first: usize, needs: &[Need], step: Narrowing, width: usize) -> Self {
        let mut widths: Vec<_> = needs.iter().map(|need| need.whole).collect();
        let least: Vec<_> = needs.iter().map(|need| need.least(step)).collect();
        narrow(&mut widths, &least, width.saturating_sub(step.blanks(indent, needs)));
        let lane = |(number, (width, need)): (usize, (usize, &Need))| Lane {
            gap: if number == 0 { indent } else { step.gap(need.align) },
            width,
            align: need.align,
        };
        let lanes: Vec<_> = widths.into_iter().zip(needs).enumerate().map(lane).collect();
        Self { columns: first..first + lanes.len(), lanes }
    }

    /// Shows the lines of its part of a row: one, or more where a cell had to be broken, or none where it holds nothing.
    fn lines(&self, cells: &[&str], write: &mut impl FnMut(&str) -> io::Result<()>) -> io::Result<()> {
        let cells = cells.get(self.columns.start..self.columns.end.min(cells.len())).unwrap_or_default();
        let parts: Vec<_> = cells.iter().zip(&self.lanes).map(|(cell, lane)| broken(cell, lane.width)).collect();
        let is_first = self.columns.start == 0;
        let height = parts.iter().map(Vec::len).max().unwrap_or(0).max(usize::from(is_first));
        let mut line = String::new();
        for number in 0..height {
            line.clear();
            for (lane, parts) in self.lanes.iter().zip(&parts) {
                let part = parts.get(number).map_or("", AsRef::as_ref);
                let pad = lane.width.saturating_sub(columns_of(part));
                line.extend(std::iter::repeat_n(' ', lane.gap));
                match lane.align {
                    Align::Left => {
                        line.push_str(part);
                        line.extend(std::iter::repeat_n(' ', pad));
                    }
                    Align::Right => {
                        line.extend(std::iter::repeat_n(' ', pad));
                        line.push_str(part);
                    }
                }
            }
            write(line.trim_end())?;
        }
        Ok(())
    }
}

impl Need {
    fn of_heading(heading: &Heading) -> Self {
        let name = escape(&heading.name);
        let whole = columns_of(&name);
        Self { whole, cell: 0, unbroken: longest_word(&name), heading: whole, align: heading.align }
    }

    fn add(&mut self, text: &str) {
        let whole = columns_of(text);
        self.whole = self.whole.max(whole);
        self.cell = self.cell.max(whole);
        let unbroken = if self.align == Align::Right { whole } else { longest_word(text) };
        self.unbroken = self.unbroken.max(unbroken);
    }

    /// Columns that it has at least.
    fn least(&self, step: Narrowing) -> usize {
        match self.align {
            Align::Right => self.unbroken,
            Align::Left => {
                let room = if self.cell > 2 * step.words { step.sentences } else { step.words };
                self.unbroken.max(self.cell.min(room))
            }
        }
    }
}

/// Takes columns from the widest until all fit into `room`, but from none more than it can give.
fn narrow(widths: &mut [usize], least: &[usize], room: usize) {
    loop {
        let excess = widths.iter().sum::<usize>().saturating_sub(room);
        let can_give = |(number, width): (usize, &usize)| least.get(number).is_some_and(|least| width > least);
        let widest = widths.iter().enumerate().filter(|&each| can_give(each)).max_by_key(|&(_, width)| *width);
        let Some((number, &width)) = widest.filter(|_| excess > 0) else { return };
        // Down to the next narrower one that can give, so that they share what is missing.
        let next = widths.iter().enumerate().filter(|&each| can_give(each) && *each.1 < width).map(|(_, width)| *width).max();
        let floor = next.unwrap_or(0).max(least.get(number).copied().unwrap_or(0));
        let same = widths.iter().enumerate().filter(|&each| can_give(each) && *each.1 == width).count();
        let share = excess.div_ceil(same.max(1)).min(width - floor).max(1);
        if let Some(width) = widths.get_mut(number) {
            *width -= share;
        }
    }
}

/// The lines of one cell, which has none when it is empty.
fn broken(cell: &str, width: usize) -> Vec<Cow<'_, str>> {
    let text = escape(cell);
    if text.is_empty() {
        Vec::new()
    } else if columns_of(&text) <= width {
        vec![text]
    } else {
        wrap(cell, width).into_iter().map(Cow::Owned).collect()
    }
}

#[cfg(test)]
mod tests;

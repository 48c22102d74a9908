//! How wide the columns of a table are, and its lines.
//!
//! Every cell is looked at once to find the widths and once to be written, whatever the number of rows.

use std::borrow::Cow;
use std::io;

use crate::report::{Align, Cell, Heading};
use crate::types::escape;

/// Blanks before the first column, and between two.
const LEAD: usize = 2;
/// A column of words is not made narrower than this, or than its longest word below it.
const LEAST: usize = 12;

/// The columns of one table.
pub(super) struct Layout {
    columns: Vec<Lane>,
    #[cfg(test)]
    looked_at: std::cell::Cell<u64>,
}

/// One column.
struct Lane {
    width: usize,
    align: Align,
}

/// What the cells of a column need.
struct Need {
    /// Without breaking anything.
    whole: usize,
    /// At least.
    least: usize,
}

impl Layout {
    /// Lays out a table; in a terminal of `width` columns the widest columns of words are narrowed until it fits.
    pub(super) fn of(headings: &[Heading], rows: &[Vec<Cell>], width: Option<usize>) -> Self {
        let mut needs: Vec<_> = headings.iter().map(Need::of_heading).collect();
        #[cfg(test)]
        let mut looked_at = 0;
        for row in rows {
            for ((need, heading), cell) in needs.iter_mut().zip(headings).zip(row) {
                need.add(&escape(&cell.text), heading.align);
                #[cfg(test)]
                {
                    looked_at += 1;
                }
            }
        }
        let mut widths: Vec<_> = needs.iter().map(|need| need.whole).collect();
        if let Some(width) = width {
            narrow(&mut widths, &needs, width.saturating_sub(LEAD * headings.len()));
        }
        let lane = |(width, heading): (usize, &Heading)| Lane { width, align: heading.align };
        Self {
            columns: widths.into_iter().zip(headings).map(lane).collect(),
            #[cfg(test)]
            looked_at: looked_at.into(),
        }
    }

    /// Shows the lines of one row to `write`: one, or more where a cell had to be broken.
    pub(super) fn lines<'c>(
        &self,
        cells: impl Iterator<Item = &'c str>,
        mut write: impl FnMut(&str) -> io::Result<()>,
    ) -> io::Result<()> {
        let parts: Vec<Vec<Cow<'c, str>>> = cells.zip(&self.columns).map(|(cell, lane)| broken(cell, lane.width)).collect();
        #[cfg(test)]
        self.looked_at.set(self.looked_at.get() + parts.len() as u64);
        let height = parts.iter().map(Vec::len).max().unwrap_or(0).max(1);
        let mut line = String::new();
        for number in 0..height {
            line.clear();
            for (lane, parts) in self.columns.iter().zip(&parts) {
                let part = parts.get(number).map_or("", AsRef::as_ref);
                let pad = lane.width.saturating_sub(columns_of(part));
                line.extend(std::iter::repeat_n(' ', LEAD));
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
    /// No word of a heading is broken.
    fn of_heading(heading: &Heading) -> Self {
        let longest = heading.name.split(' ').map(columns_of).max().unwrap_or(0);
        Self { whole: columns_of(&heading.name), least: longest }
    }

    fn add(&mut self, text: &str, align: Align) {
        let whole = columns_of(text);
        self.whole = self.whole.max(whole);
        let least = match align {
            // A number is not broken.
            Align::Right => whole,
            // Neither is a word, unless it is long.
            Align::Left => text.split(' ').map(columns_of).max().unwrap_or(0).min(LEAST),
        };
        self.least = self.least.max(least);
    }
}

/// Takes columns from the widest until all fit into `room`, but from none more than it can give.
fn narrow(widths: &mut [usize], needs: &[Need], room: usize) {
    loop {
        let excess = widths.iter().sum::<usize>().saturating_sub(room);
        let can_give = |(number, width): (usize, &usize)| needs.get(number).is_some_and(|need| *width > need.least);
        let widest = widths.iter().enumerate().filter(|&each| can_give(each)).max_by_key(|&(_, width)| *width);
        let Some((number, &width)) = widest.filter(|_| excess > 0) else { return };
        // Down to the next narrower one that can give, so that they share what is missing.
        let next = widths.iter().enumerate().filter(|&each| can_give(each) && *each.1 < width).map(|(_, width)| *width).max();
        let floor = next.unwrap_or(0).max(needs.get(number).map_or(0, |need| need.least));
        let same = widths.iter().enumerate().filter(|&each| can_give(each) && *each.1 == width).count();
        let share = excess.div_ceil(same.max(1)).min(width - floor).max(1);
        if let Some(width) = widths.get_mut(number) {
            *width -= share;
        }
    }
}

/// The lines of one cell: broken at blanks, and a long word behind one of `/-.,:_` where there is one.
fn broken(cell: &str, width: usize) -> Vec<Cow<'_, str>> {
    let text = escape(cell);
    if columns_of(&text) <= width {
        return vec![text];
    }
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        if used > 0 && used + 1 + word.len() <= width {
            line.push(' ');
            used += 1;
        } else if used > 0 {
            lines.push(std::mem::take(&mut line).into());
            used = 0;
        }
        while used == 0 && word.len() > width.max(1) {
            let fits = word.get(..width.max(1)).unwrap_or_default();
            let at = fits.iter().rposition(|letter| "/-.,:_".contains(*letter)).map_or(fits.len(), |at| at + 1);
            let rest = word.split_off(at);
            lines.push(word.iter().collect::<String>().into());
            word = rest;
        }
        used += word.len();
        line.extend(word);
    }
    if !line.is_empty() {
        lines.push(line.into());
    }
    lines
}

/// Columns that a text takes on the screen.
fn columns_of(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(headings: &[&str], rows: &[&[&str]], width: Option<usize>) -> Vec<String> {
        let headings: Vec<Heading> = headings.iter().map(|&name| name.into()).collect();
        let rows: Vec<Vec<Cell>> = rows.iter().map(|row| row.iter().map(|&text| text.into()).collect()).collect();
        let layout = Layout::of(&headings, &rows, width);
        let mut lines = Vec::new();
        for row in &rows {
            layout
                .lines(row.iter().map(|cell| cell.text.as_str()), |line| {
                    lines.push(line.to_owned());
                    Ok(())
                })
                .unwrap();
        }
        lines
    }

    #[test]
    fn nothing_is_broken_where_nothing_limits_the_width() {
        let long = "word ".repeat(60);
        let lines = table(&["a", ">n"], &[&[long.trim_end(), "1"], &["b", "22"]], None);
        assert_eq!(lines, [format!("  {}   1", long.trim_end()), format!("  b{}  22", " ".repeat(298))]);
    }

    #[test]
    fn what_is_too_wide_is_broken_at_blanks_and_between_the_parts_of_a_path() {
        let lines = table(&["path", ">n"], &[&["node-one/group-2/fsm.db", "7"]], Some(20));
        assert_eq!(lines, ["  node-one/group-  7", "  2/fsm.db"]);
        let lines = table(&["words"], &[&["as many words as stand here"]], Some(18));
        assert_eq!(lines, ["  as many words as", "  stand here"]);
    }

    #[test]
    fn the_widest_columns_give_first() {
        let lines = table(&["a", "b"], &[&["short words", "many more words stand in this one than there"]], Some(40));
        assert!(lines.iter().all(|line| line.len() <= 40), "{lines:?}");
        assert!(lines[0].starts_with("  short words  many more"), "{lines:?}");
    }

    /// Every cell is looked at twice, also of a table of many rows: the work per row does not grow with their number.
    #[test]
    fn the_work_is_linear_in_the_rows() {
        let work = |rows: usize| {
            let headings = ["name", ">index", "what"].map(Heading::from);
            let row = |n: usize| vec![Cell::new(format!("row-{n}")), Cell::new(n), "some words that are too long for it".into()];
            let rows: Vec<_> = (0..rows).map(row).collect();
            let layout = Layout::of(&headings, &rows, Some(40));
            for row in &rows {
                layout.lines(row.iter().map(|cell| cell.text.as_str()), |_| Ok(())).unwrap();
            }
            layout.looked_at.get()
        };
        assert_eq!(work(8_000), 2 * 3 * 8_000);
        assert_eq!(work(50_000), 2 * 3 * 50_000);
    }
}

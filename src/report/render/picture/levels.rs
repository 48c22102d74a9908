//! The levels of a store: the key space from left to right, a table from its first to its last key.

use std::io;

use super::Drawn;
use super::canvas::{Frame, LINE, WIDTH, block, label};
use super::scale::{MOST_SHAPES, together};
use crate::report::picture::{LevelLane, LevelsPicture, TableSpan};
use crate::report::render::markup::Html;
use crate::types::{ByteSize, Count};

/// Tables of level 0 that are drawn; they overlap, so that each needs a line.
const MOST_LINES: usize = 16;
/// Columns in front of a line: level, and number of a table of level 0.
const NAME: usize = 11;
/// Points in front of a line, and behind it.
const LEFT: usize = 84;
const RIGHT: usize = 190;
/// Points of a bar.
const BAR: usize = 14;

pub(super) fn in_text(picture: &LevelsPicture, width: usize) -> Drawn {
    let room = width - NAME;
    let column = |rank: usize| rank * (room - 1) / picture.edges.max(2).saturating_sub(1);
    let draw = |tables: &[TableSpan]| {
        let mut line = vec![' '; room];
        for table in tables {
            let (from, to) = (column(table.from), column(table.to));
            for (at, cell) in line.iter_mut().enumerate().take(to + 1).skip(from) {
                *cell = match (*cell, at == from, at == to) {
                    (' ', true, true) => '|',
                    (' ', true, false) => '[',
                    (' ', false, true) => ']',
                    (' ', false, false) => '=',
                    // More tables than columns.
                    _ => '#',
                };
            }
        }
        line.into_iter().collect::<String>().trim_end().to_owned()
    };
    let mut lines = Vec::new();
    for LevelLane { level, bytes: _, tables } in &picture.levels {
        if *level == 0 {
            for table in tables.iter().take(MOST_LINES) {
                lines.push(format!("L0 {:>7} {}", table.number, draw(std::slice::from_ref(table))));
            }
            let more = tables.len().saturating_sub(MOST_LINES);
            if more > 0 {
                lines.push(format!("L0 ... and {more} more"));
            }
        } else {
            lines.push(format!("L{level} {:>7} {}", "", draw(tables)));
        }
    }
    Drawn { title: "Key space".to_owned(), lines }
}

/// The lines of a level: of level 0 a table each, so far as there are not too many.
fn lines(lane: &LevelLane) -> Vec<&[TableSpan]> {
    if lane.level == 0 { lane.tables.chunks(1).take(MOST_LINES).collect() } else { vec![&lane.tables] }
}

pub(super) fn on_page(picture: &LevelsPicture, page: &mut Html<'_>) -> io::Result<()> {
    let tables: usize = picture.levels.iter().map(|lane| lane.tables.len()).sum();
    if tables == 0 {
        return Ok(());
    }
    let count: usize = picture.levels.iter().map(|lane| lines(lane).len().max(1)).sum();
    let said: Vec<_> = picture.levels.iter().map(|lane| format!("L{}: {}.", lane.level, size_of(lane))).collect();
    let mut notes = vec!["The keys from left to right; a table reaches from its first to its last key, by rank.".to_owned()];
    for lane in &picture.levels {
        let (many, all) = (lane.tables.len(), MOST_SHAPES);
        if lane.level == 0 && many > MOST_LINES {
            notes.push(format!("Of the {many} tables of level 0 the {MOST_LINES} newest are drawn."));
        } else if lane.level > 0 && many > all {
            notes.push(format!("L{}: {many} tables, {} to a bar.", lane.level, many.div_ceil(all)));
        }
    }
    let frame = Frame {
        kind: "levels",
        of: &picture.of,
        title: "Key space",
        description: &said.join(" "),
        caption: &notes.join(" "),
        height: count * (LINE + 4) + 4,
    };
    frame.around(page, |page| {
        let mut top = 2;
        for lane in &picture.levels {
            let all = lane.tables.len();
            page.open("g", &[("data-level", &lane.level), ("data-tables", &all), ("data-bytes", &lane.bytes)])?;
            page.line()?;
            label(page, "said", WIDTH - RIGHT + 10, top + BAR - 3, &size_of(lane))?;
            for line in lines(lane) {
                let name = match line {
                    [only] if lane.level == 0 => format!("L0 {:06}", only.number),
                    _ => format!("L{}", lane.level),
                };
                label(page, "name", 0, top + BAR - 3, &name)?;
                draw(line, picture.edges, top, page)?;
                top += LINE + 4;
            }
            page.close()?;
        }
        Ok(())
    })
}

fn size_of(lane: &LevelLane) -> String {
    format!("{}, {}", Count::of(lane.tables.len(), "table"), ByteSize(lane.bytes))
}

fn draw(tables: &[TableSpan], edges: usize, top: usize, page: &mut Html<'_>) -> io::Result<()> {
    let room = WIDTH - LEFT - RIGHT;
    let column = |rank: usize| LEFT + rank.min(edges) * room / edges.max(2);
    for (number, chunk) in together(tables).enumerate() {
        let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else { continue };
        let bytes: u64 = chunk.iter().map(|table| table.bytes).fold(0, u64::saturating_add);
        let said = match chunk {
            [only] => format!("table {:06}: {}", only.number, ByteSize(bytes)),
            several => format!("{}: {}", Count::of(several.len(), "table"), ByteSize(bytes)),
        };
        let (from, end) = (column(first.from), column(last.to.saturating_add(1)));
        let class = if number % 2 == 0 { "even" } else { "odd" };
        let data: [(&'static str, &dyn std::fmt::Display); 3] =
            [("data-table", &first.number), ("data-count", &chunk.len()), ("data-size", &bytes)];
        block(page, class, (from, top), (end.saturating_sub(from + 1), BAR), &data, &said)?;
    }
    Ok(())
}

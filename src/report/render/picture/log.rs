//! The log as a line: which segments and terms cover which indexes, where there are holes, and what stands where.

use std::io;

use super::canvas::{Frame, LINE, Labels, WIDTH, block, label, width_of};
use super::scale::{MOST_SHAPES, Scale, together};
use super::{Drawn, fitted};
use crate::report::picture::{LogPicture, Mark, Points, Span, Track, TrackKind};
use crate::report::render::markup::Html;

/// Columns in front of a line of the text.
const NAME: usize = 10;
/// Points in front of a line of the page.
const LEFT: usize = 96;
/// Points of a bar.
const BAR: usize = 14;
/// Points that are named one by one.
const NAMED: usize = 3;

fn scale(picture: &LogPicture, room: usize) -> Option<Scale> {
    let spans = picture.tracks.iter().flat_map(|track| &track.spans);
    let ends = spans.flat_map(|span| [span.first, span.last]);
    Scale::over(ends.chain(picture.points.iter().flat_map(|points| points.at.iter().copied())), room)
}

/// The lines with their names, and above them the first and the last index.
pub(super) fn in_text(picture: &LogPicture, width: usize) -> Drawn {
    let title = format!("The log{}", behind(&picture.of));
    let room = width - NAME;
    let Some(scale) = scale(picture, room) else { return Drawn { title, lines: Vec::new() } };
    let (low, high) = (scale.low().to_string(), scale.high().to_string());
    let gap = room.saturating_sub(low.len() + high.len()).max(1);
    let mut lines = vec![format!("{:NAME$}{low}{}{high}", "", " ".repeat(gap))];
    for Track { kind, spans } in picture.tracks.iter().filter(|track| !track.spans.is_empty()) {
        lines.push(format!("{:<NAME$}{}", kind.name(), drawn_spans(*kind, spans, &scale, room)));
    }
    for Points { mark, at } in picture.points.iter().filter(|points| !points.at.is_empty()) {
        lines.push(format!("{:<NAME$}{}", word(*mark, at), drawn_points(at, &scale, room)));
    }
    Drawn { title, lines }
}

fn behind(of: &str) -> String {
    if of.is_empty() { String::new() } else { format!(" of {of}") }
}

fn word(mark: Mark, at: &[u64]) -> String {
    match (mark, at) {
        (Mark::Snapshot, [_, _, ..]) => "snapshots".to_owned(),
        (mark, _) => mark.name().to_owned(),
    }
}

/// `[0====][1==]`; a range that has one column is `|`, and several in one column are `#`.
fn drawn_spans(kind: TrackKind, spans: &[Span], scale: &Scale, room: usize) -> String {
    let fill = if kind == TrackKind::Holes { '.' } else { '=' };
    let mut line = vec![' '; room];
    for span in spans {
        let (from, end) = scale.range(span.first, span.last);
        let to = end - 1;
        let free = line.get(from).is_some_and(|cell| *cell == ' ');
        let inside: Vec<char> = span.label.chars().filter(char::is_ascii_graphic).collect();
        for (at, cell) in line.iter_mut().enumerate().take(to + 1).skip(from) {
            *cell = match (at == from, at == to) {
                (true, _) if !free => '#',
                (true, true) => '|',
                (true, false) => '[',
                (false, true) => ']',
                // The name where all of it fits.
                (false, false) if inside.len() < to - from => inside.get(at - from - 1).copied().unwrap_or(fill),
                (false, false) => fill,
            };
        }
    }
    line.into_iter().collect::<String>().trim_end().to_owned()
}

/// `^` under each, and the number beside it where there is one.
fn drawn_points(at: &[u64], scale: &Scale, room: usize) -> String {
    let mut line = vec![' '; room];
    for point in at {
        if let Some(cell) = line.get_mut(scale.at(*point)) {
            *cell = '^';
        }
    }
    let line: String = line.into_iter().collect();
    let line = line.trim_end();
    let [only] = at else { return line.to_owned() };
    let number = only.to_string();
    if line.len() + 1 + number.len() <= room {
        format!("{line} {number}")
    } else {
        let before = line.len().saturating_sub(number.len() + 2);
        format!("{}{number} ^", " ".repeat(before))
    }
}

pub(super) fn on_page(picture: &LogPicture, page: &mut Html<'_>) -> io::Result<()> {
    let Some(scale) = scale(picture, WIDTH - LEFT) else { return Ok(()) };
    let tracks: Vec<_> = picture.tracks.iter().filter(|track| !track.spans.is_empty()).collect();
    let points: Vec<_> = picture.points.iter().filter(|points| !points.at.is_empty()).collect();
    let rows: Vec<(&Points, Labels)> = points.iter().map(|points| (*points, named(points, &scale))).collect();
    let height = LINE + tracks.len() * (BAR + 8) + rows.iter().map(|(_, labels)| BAR + labels.height()).sum::<usize>() + 6;
    let several: Vec<_> =
        tracks
            .iter()
            .filter(|track| track.spans.len() > MOST_SHAPES)
            .map(|track| format!("{} {}, {} to a bar.", track.spans.len(), track.kind.name(), per(track.spans.len())))
            .chain(points.iter().filter(|points| points.at.len() > MOST_SHAPES).map(|points| {
                format!("{} {}, {} to a mark.", points.at.len(), word(points.mark, &points.at), per(points.at.len()))
            }))
            .collect();
    let counts: Vec<_> = tracks.iter().map(|track| format!("{} {}", track.spans.len(), track.kind.name())).collect();
    let description = format!("Indexes {} to {}: {}.", scale.low(), scale.high(), counts.join(", "));
    let frame = Frame {
        kind: "log",
        of: &picture.of,
        title: &format!("The log{}", behind(&picture.of)),
        description: &description,
        caption: &several.join(" "),
        height,
    };
    frame.around(page, |page| {
        label(page, "said", LEFT, LINE - 5, &scale.low().to_string())?;
        let high = scale.high().to_string();
        page.element("text", &[("class", &"said end"), ("x", &WIDTH), ("y", &(LINE - 5))], &high)?;
        let mut top = LINE;
        for track in tracks {
            label(page, "name", 0, top + BAR - 3, track.kind.name())?;
            draw_track(track, &scale, top, page)?;
            top += BAR + 8;
        }
        for (points, labels) in rows {
            label(page, "name", 0, top + BAR - 3, &word(points.mark, &points.at))?;
            draw_points(points, &scale, top, page)?;
            labels.write(page, top + BAR - 4)?;
            top += BAR + labels.height();
        }
        Ok(())
    })
}

const fn per(count: usize) -> usize {
    count.div_ceil(MOST_SHAPES)
}

/// The numbers of a few points; of many the first and the last.
fn named(points: &Points, scale: &Scale) -> Labels {
    let mut labels = Labels::default();
    let at = points.at.as_slice();
    let (first, last) = match at {
        [first, .., last] if at.len() > NAMED => (*first, *last),
        few => {
            for point in few {
                labels.place(LEFT + scale.at(*point), LEFT, point.to_string());
            }
            return labels;
        }
    };
    labels.place(LEFT + scale.at(first), LEFT, first.to_string());
    labels.place(LEFT + usize::midpoint(scale.at(first), scale.at(last)), LEFT, format!("{} of them", at.len()));
    labels.place(LEFT + scale.at(last), LEFT, last.to_string());
    labels
}

fn draw_track(track: &Track, scale: &Scale, top: usize, page: &mut Html<'_>) -> io::Result<()> {
    let Track { kind, spans } = track;
    for (number, chunk) in together(spans).enumerate() {
        let (Some(first), Some(last)) = (chunk.first(), chunk.last()) else { continue };
        let ends = (first.first, last.last);
        let said = match (kind, chunk) {
            (TrackKind::Holes, [_]) => format!("hole: {} to {}", ends.0, ends.1),
            (_, [only]) => format!("{} {}: {} to {}", kind.one(), only.label, ends.0, ends.1),
            _ => format!("{} {}, {} to {}: {} to {}", chunk.len(), kind.name(), first.label, last.label, ends.0, ends.1),
        };
        let class = match (kind, number % 2) {
            (TrackKind::Holes, _) => "hole",
            (_, 0) => "even",
            _ => "odd",
        };
        let (from, end) = scale.range(ends.0, ends.1);
        let (kind_of_one, count) = (kind.one(), chunk.len());
        let data: [(&'static str, &dyn std::fmt::Display); 4] =
            [("data-kind", &kind_of_one), ("data-first", &ends.0), ("data-last", &ends.1), ("data-count", &count)];
        // A gap of one point between neighbours.
        block(page, class, (LEFT + from, top), ((end - from).saturating_sub(1), BAR), &data, &said)?;
        let name = fitted(&first.label, 24);
        if count == 1 && *kind != TrackKind::Holes && width_of(&name) + 6 < end - from {
            label(page, "inside", LEFT + from + 5, top + BAR - 3, &name)?;
        }
    }
    Ok(())
}

fn draw_points(points: &Points, scale: &Scale, top: usize, page: &mut Html<'_>) -> io::Result<()> {
    let name = points.mark.name();
    for chunk in together(&points.at) {
        let Some(first) = chunk.first() else { continue };
        let (x, count) = ((LEFT + scale.at(*first)).min(WIDTH - 3), chunk.len());
        let said = if count == 1 { format!("{name} {first}") } else { format!("{count} {name}s from {first} on") };
        block(
            page,
            name,
            (x, top + 1),
            (3, BAR - 4),
            &[("data-mark", &name), ("data-index", first), ("data-count", &count)],
            &said,
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(label: &str, first: u64, last: u64) -> Span {
        Span { label: label.to_owned(), first, last }
    }

    #[test]
    fn a_log_in_text() {
        let picture = LogPicture {
            of: String::new(),
            tracks: vec![
                Track { kind: TrackKind::Segments, spans: vec![span("0-0", 1, 30), span("1-1f", 31, 31), span("2-20", 32, 60)] },
                Track { kind: TrackKind::Holes, spans: vec![span("", 40, 50)] },
            ],
            points: vec![
                Points { mark: Mark::Snapshot, at: vec![10, 20] },
                Points { mark: Mark::Commit, at: vec![58] },
                Points { mark: Mark::Last, at: vec![2] },
            ],
        };
        let expected = "
          1                           60
segments  [0-0==========]#2-20=========]
holes                        [....]
snapshots     ^    ^
commit                             58 ^
last      ^ 2";
        let lines: Vec<_> = in_text(&picture, 40).lines;
        assert_eq!(lines.join("\n"), expected.trim_start_matches('\n'));
    }
}

//! Logs beside each other: of the groups of a node, each on its own scale, or of the nodes of a group, all on one.

use std::io;

use super::canvas::{Frame, LINE, Labels, WIDTH, block, label, width_of};
use super::scale::Scale;
use super::{Drawn, fitted};
use crate::report::picture::{Lane, LanesPicture, Mark};
use crate::report::render::markup::Html;
use crate::report::render::wrap;

/// Most columns of a name in text, and on a page.
const NAME: usize = 24;
/// Points of a bar.
const BAR: usize = 14;

/// Every index that the lane tells. Where there is no entry behind the snapshot there is no first one.
fn told(lane: &Lane) -> impl Iterator<Item = u64> + Clone + '_ {
    let first = lane.first.filter(|first| lane.last.is_some_and(|last| *first <= last));
    let only = lane.only_here.map(|(first, last)| [first, last]);
    let ends = first.into_iter().chain(lane.last);
    ends.chain(lane.marks.iter().map(|(_, at)| *at)).chain(only.into_iter().flatten())
}

/// The scale of each lane.
fn scales(picture: &LanesPicture, room: usize) -> Vec<Option<Scale>> {
    if picture.one_scale {
        let all = Scale::over(picture.lanes.iter().flat_map(told), room);
        return vec![all; picture.lanes.len()];
    }
    picture.lanes.iter().map(|lane| Scale::over(told(lane), room)).collect()
}

fn commit(lane: &Lane) -> Option<u64> {
    lane.marks.iter().find(|(mark, _)| *mark == Mark::Commit).map(|(_, at)| *at)
}

/// The parts of a lane: entries up to the commit, and those behind it.
fn parts(lane: &Lane) -> [Option<(u64, u64)>; 2] {
    let (Some(first), Some(last)) = (lane.first, lane.last) else { return [None; 2] };
    let commit = commit(lane).unwrap_or(0).min(last);
    let below = (first <= commit).then_some((first, commit));
    let behind = commit.checked_add(1).map(|from| (first.max(from), last));
    [below, behind.filter(|(from, last)| from <= last)]
}

fn title(picture: &LanesPicture) -> String {
    match picture.lanes.as_slice() {
        [only] => format!("Log of {}", only.name),
        _ => format!("Logs of the {}", picture.of),
    }
}

/// What the characters of `lines` stand for.
fn legend(picture: &LanesPicture, lines: &[String]) -> String {
    let all = [Mark::Snapshot, Mark::Applied, Mark::Threshold, Mark::Commit];
    let occurs = |mark: &Mark| picture.lanes.iter().any(|lane| lane.marks.iter().any(|(each, _)| each == mark));
    let mut words: Vec<_> = all.into_iter().filter(occurs).map(|mark| format!("{} {}", mark.letter(), mark.name())).collect();
    let others = [('*', "* several"), ('=', "= to the commit"), ('-', "- beyond"), ('!', "! only here")];
    words.extend(others.iter().filter(|(c, _)| lines.iter().any(|line| line.contains(*c))).map(|(_, word)| (*word).to_owned()));
    words.join(", ")
}

pub(super) fn in_text(picture: &LanesPicture, width: usize) -> Drawn {
    let title = title(picture);
    let most = NAME.min(width / 3);
    let names: Vec<_> = picture.lanes.iter().map(|lane| fitted(&lane.name, most)).collect();
    let name = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    // Two numbers, and a blank between any two.
    let digits = picture.lanes.iter().flat_map(told).max().map_or(1, |index| index.to_string().len()).min(10);
    let room = width.saturating_sub(name + 2 * digits + 3).max(8);
    let scales = scales(picture, room);
    // The numbers of a scale that all share stand above them.
    let shared = scales.iter().flatten().next().filter(|_| picture.one_scale);
    let head = shared.map(|scale| {
        let (low, high) = (shortly(scale.low(), digits), shortly(scale.high(), digits));
        let gap = room.saturating_sub(low.len() + high.len()).max(1);
        format!("{:name$} {:digits$} {low}{}{high}", "", "", " ".repeat(gap))
    });
    let lines = picture.lanes.iter().zip(&names).zip(&scales).map(|((lane, text), scale)| {
        let Some(scale) = scale else { return (format!("{text:<name$} ?"), String::new()) };
        let line = drawn(lane, scale, room);
        if picture.one_scale {
            return (format!("{text:<name$} {:digits$} {line}", "").trim_end().to_owned(), line);
        }
        let (low, high) = (shortly(scale.low(), digits), shortly(scale.high(), digits));
        (format!("{text:<name$} {low:>digits$} {line} {high}"), line)
    });
    let (lines, drawn): (Vec<_>, Vec<_>) = lines.unzip();
    if lines.is_empty() {
        return Drawn { title, lines };
    }
    let legend = wrap(&legend(picture, &drawn), width);
    Drawn { title, lines: head.into_iter().chain(lines).chain(legend).collect() }
}

/// A number that has to fit into `digits`.
fn shortly(number: u64, digits: usize) -> String {
    let text = number.to_string();
    if text.len() <= digits { text } else { format!("{:.2e}", number as f64) }
}

fn drawn(lane: &Lane, scale: &Scale, room: usize) -> String {
    let mut line = vec![' '; room];
    let [committed, behind] = parts(lane);
    for (range, fill) in [(committed, '='), (behind, '-'), (lane.only_here, '!')] {
        let Some((first, last)) = range else { continue };
        let (from, to) = scale.range(first, last);
        line.iter_mut().take(to).skip(from).for_each(|cell| *cell = fill);
    }
    let mut taken = vec![false; room];
    for (mark, at) in &lane.marks {
        let column = scale.at(*at);
        if let (Some(cell), Some(taken)) = (line.get_mut(column), taken.get_mut(column)) {
            *cell = if std::mem::replace(taken, true) { '*' } else { mark.letter() };
        }
    }
    if lane.last.is_none()
        && let Some(cell) = line.last_mut()
    {
        *cell = '?';
    }
    line.into_iter().collect()
}

pub(super) fn on_page(picture: &LanesPicture, page: &mut Html<'_>) -> io::Result<()> {
    if picture.lanes.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = picture.lanes.iter().map(|lane| fitted(&lane.name, NAME)).collect();
    let left = names.iter().map(|name| width_of(name)).max().unwrap_or(0) + 12;
    let scales = scales(picture, WIDTH - left);
    let lanes = picture.lanes.iter().zip(&scales).map(|(lane, scale)| scale.map(|scale| labels(lane, &scale, left)));
    let lanes: Vec<_> = lanes.collect();
    let all = lanes.iter().map(|labels| height(labels.as_ref())).sum::<usize>() + 4;
    let said: Vec<_> = picture.lanes.iter().take(8).map(said_of).collect();
    let only = if picture.lanes.iter().any(|lane| lane.only_here.is_some()) { ", barred: on no other node" } else { "" };
    let each = match (picture.lanes.len(), picture.one_scale) {
        (1, _) => "",
        (_, true) => "All on one scale. ",
        (_, false) => "Each on its own scale. ",
    };
    let frame = Frame {
        kind: "lanes",
        of: &picture.of,
        title: &title(picture),
        description: &said.join(" "),
        caption: &format!("{each}Filled: entries up to the commit that is recorded there; outlined: entries beyond it{only}."),
        height: all,
    };
    frame.around(page, |page| {
        let mut top = 2;
        for (((lane, name), scale), labels) in picture.lanes.iter().zip(&names).zip(&scales).zip(&lanes) {
            page.open("g", &[("data-lane", &lane.name)])?;
            page.line()?;
            label(page, "name", 0, top + BAR - 3, name)?;
            match (scale, labels) {
                (Some(scale), Some(labels)) => {
                    draw(lane, scale, left, top, page)?;
                    labels.write(page, top + BAR + 3)?;
                }
                _ => label(page, "said", left, top + BAR - 3, "nothing is known")?,
            }
            page.close()?;
            top += height(labels.as_ref());
        }
        Ok(())
    })
}

fn height(labels: Option<&Labels>) -> usize {
    BAR + labels.map_or(0, Labels::height) + 13
}

fn said_of(lane: &Lane) -> String {
    let mut parts: Vec<_> = lane.marks.iter().map(|(mark, at)| format!("{} {at}", mark.name())).collect();
    parts.extend(lane.last.map(|last| format!("last {last}")));
    format!("{}: {}.", lane.name, parts.join(", "))
}

/// The numbers under a lane, from left to right.
fn labels(lane: &Lane, scale: &Scale, left: usize) -> Labels {
    let mut marks: Vec<(u64, &str)> = lane.marks.iter().map(|(mark, at)| (*at, mark.name())).collect();
    marks.extend(lane.last.map(|last| (last, Mark::Last.name())));
    marks.sort_by_key(|(at, _)| *at);
    let mut labels = Labels::default();
    for same in marks.chunk_by(|one, other| one.0 == other.0) {
        let names: Vec<_> = same.iter().map(|(_, name)| *name).collect();
        if let Some((at, _)) = same.first() {
            labels.place(left + scale.at(*at), left, format!("{} {at}", names.join(", ")));
        }
    }
    if lane.last.is_none() {
        labels.place(WIDTH, left, "last ?".to_owned());
    }
    labels
}

fn draw(lane: &Lane, scale: &Scale, left: usize, top: usize, page: &mut Html<'_>) -> io::Result<()> {
    let [committed, behind] = parts(lane);
    let parts = [("committed", committed, 0), ("behind", behind, 1), ("only", lane.only_here, 0)];
    for (class, range, inset) in parts {
        let Some((first, last)) = range else { continue };
        let (from, end) = scale.range(first, last);
        let said = match class {
            "committed" => format!("up to the commit: {first} to {last}"),
            "behind" => format!("beyond the commit: {first} to {last}"),
            _ => format!("on no other node: {first} to {last}"),
        };
        let (high, y) = if class == "only" { (4, top + BAR - 4) } else { (BAR - 2 * inset, top + inset) };
        let data: [(&'static str, &dyn std::fmt::Display); 3] =
            [("data-part", &class), ("data-first", &first), ("data-last", &last)];
        block(page, class, (left + from, y), (end - from, high), &data, &said)?;
    }
    let last = lane.last.map(|last| (Mark::Last, last));
    for (mark, at) in lane.marks.iter().copied().chain(last) {
        let name = mark.name();
        let x = (left + scale.at(at)).min(WIDTH - 3);
        block(
            page,
            name,
            (x, top.saturating_sub(1)),
            (3, BAR + 4),
            &[("data-mark", &name), ("data-index", &at)],
            &format!("{name} {at}"),
        )?;
    }
    Ok(())
}

/// Points of the line under a bar, which the next lane keeps free.
const _: () = assert!(LINE > BAR);

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(name: &str, first: u64, last: u64, commit: u64) -> Lane {
        Lane {
            name: name.to_owned(),
            first: Some(first),
            last: Some(last),
            marks: vec![(Mark::Snapshot, first - 1), (Mark::Applied, commit), (Mark::Commit, commit)],
            only_here: None,
        }
    }

    #[test]
    fn lanes_in_text() {
        let lanes = vec![
            lane("n1", 11, 30, 25),
            Lane { only_here: Some((28, 30)), ..lane("n2", 21, 30, 22) },
            Lane { last: None, ..lane("a/name/that/is/too/long/n3", 11, 30, 25) },
        ];
        let own = in_text(&LanesPicture { of: "groups".to_owned(), one_scale: false, lanes: lanes.clone() }, 48);
        let expected = "
n1               10 S================*=------ 30
n2               20 S ==*=------------!!!!!!! 30
..is/too/long/n3 10 S                      *? 25
S snapshot, A applied, C commit, * several, = to
the commit, - beyond, ! only here";
        assert_eq!(own.lines.join("\n"), expected.trim());
        let one = in_text(&LanesPicture { of: "nodes".to_owned(), one_scale: true, lanes }, 48);
        assert!(one.lines[0].trim().starts_with("10 ") && one.lines[0].ends_with(" 30"), "{:?}", one.lines);
        assert!(one.lines[2].contains("!!"), "{:?}", one.lines);
    }

    #[test]
    fn parts_do_not_overlap() {
        assert_eq!(parts(&lane("n", 2, 9, 5)), [Some((2, 5)), Some((6, 9))]);
        assert_eq!(parts(&lane("n", 2, 9, 20)), [Some((2, 9)), None]);
        assert_eq!(parts(&lane("n", 7, 9, 5)), [None, Some((7, 9))]);
        assert_eq!(parts(&lane("n", 7, 6, 6)), [None, None]);
        assert_eq!(parts(&lane("n", 1, u64::MAX, u64::MAX)), [Some((1, u64::MAX)), None]);
    }
}

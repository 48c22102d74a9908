//! Pictures: in text, for terminals and channels, and as SVG, for pages. Both draw the same numbers; no colour carries anything alone.

mod canvas;
mod lanes;
mod levels;
mod log;
mod path;
mod scale;
mod space;

use std::io;

use super::markup::Html;
use crate::report::picture::Picture;

/// Columns of a picture in text where there is room, without what is in front of every line.
pub(super) const TEXT_WIDTH: usize = 77;
/// Narrower than this nothing is recognisable.
const LEAST_WIDTH: usize = 36;

/// A picture in text: what stands above it, and its lines.
pub(super) struct Drawn {
    /// The heading, with what the characters mean.
    pub(super) title: String,
    /// At most as wide as was asked for, in ASCII but for names.
    pub(super) lines: Vec<String>,
}

/// Draws in text of at most `width` columns.
pub(super) fn in_text(picture: &Picture, width: usize) -> Drawn {
    let width = width.clamp(LEAST_WIDTH, TEXT_WIDTH);
    match picture {
        Picture::Log(picture) => log::in_text(picture, width),
        Picture::Lanes(picture) => lanes::in_text(picture, width),
        Picture::Levels(picture) => levels::in_text(picture, width),
        Picture::Space(picture) => space::in_text(picture, width),
        Picture::Path(picture) => path::in_text(picture, width),
    }
}

/// Draws on a page, heading included.
pub(super) fn on_page(picture: &Picture, page: &mut Html<'_>) -> io::Result<()> {
    match picture {
        Picture::Log(picture) => log::on_page(picture, page),
        Picture::Lanes(picture) => lanes::on_page(picture, page),
        Picture::Levels(picture) => levels::on_page(picture, page),
        Picture::Space(picture) => space::on_page(picture, page),
        Picture::Path(picture) => path::on_page(picture, page),
    }
}

/// The beginning of a name that has to fit into `width` columns; of a path its end, which tells more.
fn fitted(name: &str, width: usize) -> String {
    let name = crate::types::escape(name);
    let length = name.chars().count();
    if length <= width {
        return name.into_owned();
    }
    name.chars().skip(length + 2 - width).fold("..".to_owned(), |mut text, c| {
        text.push(c);
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::picture::*;

    /// One of each kind, larger than anything that is drawn shape by shape.
    fn large() -> Vec<Picture> {
        let span = |at: u64| Span { label: format!("{at:x}-{at:x}"), first: at * 10, last: at * 10 + 9 };
        let many: Vec<_> = (1..=50_000).map(span).collect();
        let table = |at: usize| TableSpan { number: at as u64, bytes: 7, from: 2 * at, to: 2 * at + 1 };
        vec![
            Picture::Log(LogPicture {
                of: "n1/<wal>".to_owned(),
                tracks: vec![
                    Track { kind: TrackKind::Segments, spans: many.clone() },
                    Track { kind: TrackKind::Terms, spans: many },
                    Track { kind: TrackKind::Holes, spans: vec![Span { label: String::new(), first: 3, last: u64::MAX }] },
                ],
                points: vec![
                    Points { mark: Mark::Snapshot, at: (1..=50_000).collect() },
                    Points { mark: Mark::Commit, at: vec![u64::MAX] },
                ],
            }),
            Picture::Lanes(LanesPicture {
                of: "nodes".to_owned(),
                one_scale: true,
                lanes: (0..300)
                    .map(|number| Lane {
                        name: format!("a/long/path/of/a/node/that/has/no/room/n{number}"),
                        first: Some(1),
                        last: (number % 2 == 0).then_some(u64::MAX),
                        marks: vec![(Mark::Snapshot, 0), (Mark::Applied, 5), (Mark::Commit, 5)],
                        only_here: Some((7, 9)),
                    })
                    .collect(),
            }),
            Picture::Levels(LevelsPicture {
                of: "fsm.db".to_owned(),
                edges: 100_000,
                levels: vec![
                    LevelLane { level: 0, bytes: 350_000, tables: (0..50_000).map(table).collect() },
                    LevelLane { level: 6, bytes: 350_000, tables: (0..50_000).map(table).collect() },
                ],
            }),
            Picture::Space(SpacePicture {
                of: "fsm.db".to_owned(),
                total: u64::MAX,
                bars: vec![
                    Bar { name: "a class with a very long name".to_owned(), live: u64::MAX, old: u64::MAX, dead: 1, closed: 1 },
                    Bar { name: "empty".to_owned(), live: 0, old: 0, dead: 0, closed: 0 },
                ],
            }),
            Picture::Path(PathPicture {
                of: "n1".to_owned(),
                steps: vec![
                    Step { name: "snapshot", said: "x".repeat(300), turn: Turn::On },
                    Step { name: "start", said: "a word and a word ".repeat(30), turn: Turn::End },
                ],
            }),
        ]
    }

    #[test]
    fn every_picture_fits_and_is_as_large_as_it_may_be() {
        for picture in large() {
            for width in [0, 40, 66, 77, 200] {
                let Drawn { lines, .. } = in_text(&picture, width);
                let most = width.clamp(LEAST_WIDTH, TEXT_WIDTH);
                for line in &lines {
                    // A word is never broken: one that is longer than a line stands alone.
                    let is_word = line.trim_start_matches([' ', '-', '>']).split(' ').count() == 1;
                    assert!((line.chars().count() <= most || is_word) && line.is_ascii(), "{most}: {line}");
                }
                assert!(lines.len() <= 320, "{}", lines.len());
            }
            let mut out = Vec::new();
            on_page(&picture, &mut Html::new(&mut out)).unwrap();
            let page = String::from_utf8(out).unwrap();
            assert!(page.len() < 600_000, "{}", page.len());
            assert_eq!(page.matches("<svg ").count(), 1);
            assert!(!page.contains("<wal>") && page.contains("<desc"), "{page}");
        }
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let of = String::new;
        let nothing = [
            Picture::Log(LogPicture { of: of(), tracks: Vec::new(), points: Vec::new() }),
            Picture::Lanes(LanesPicture { of: of(), one_scale: false, lanes: Vec::new() }),
            Picture::Levels(LevelsPicture { of: of(), edges: 0, levels: Vec::new() }),
            Picture::Space(SpacePicture { of: of(), total: 0, bars: Vec::new() }),
            Picture::Path(PathPicture { of: of(), steps: Vec::new() }),
        ];
        for picture in nothing {
            assert!(in_text(&picture, 77).lines.is_empty(), "{picture:?}");
            on_page(&picture, &mut Html::new(&mut Vec::new())).unwrap();
        }
    }
}

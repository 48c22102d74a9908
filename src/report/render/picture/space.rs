//! Who uses the space: a bar a class, the largest as long as there is room.

use std::io;

use super::Drawn;
use super::canvas::{Frame, LINE, WIDTH, block, label, width_of};
use crate::report::picture::{Bar, SpacePicture};
use crate::report::render::markup::Html;
use crate::types::ByteSize;

/// Columns of a bar where there is room, and of a class's name.
const BAR: usize = 40;
const NAME: usize = 21;
/// Columns behind a bar: the share.
const SHARE: usize = 7;
/// Points in front of a bar, and behind it.
const LEFT: usize = NAME * 8 + 8;
const RIGHT: usize = 150;
/// Points of a bar.
const HIGH: usize = 14;

fn most(picture: &SpacePicture) -> u64 {
    picture.bars.iter().map(Bar::total).max().unwrap_or(0).max(1)
}

/// How much of `room` so many bytes are, when `most` are all of it.
fn part(bytes: u64, most: u64, room: usize) -> usize {
    usize::try_from(u128::from(bytes) * room as u128 / u128::from(most)).unwrap_or(room).min(room)
}

/// Share of all bytes in thousandths, as text.
fn share(bytes: u64, total: u64) -> String {
    let share = u128::from(bytes) * 1000 / u128::from(total.max(1));
    format!("{:>3}.{}%", share / 10, share % 10)
}

fn name(bar: &Bar) -> String {
    bar.name.chars().take(NAME).collect()
}

pub(super) fn in_text(picture: &SpacePicture, width: usize) -> Drawn {
    let title = "Bytes: # live, = old versions, - deleted or expired, ? sealed or unreadable".to_owned();
    let name_width = NAME.min(width / 3);
    let room = BAR.min(width.saturating_sub(name_width + 1 + SHARE));
    let most = most(picture);
    let line = |each: &Bar| {
        let mut bar = String::new();
        let (mut sum, mut drawn) = (0_u64, 0);
        for (_, mark, bytes) in each.parts() {
            sum = sum.saturating_add(bytes);
            let end = part(sum, most, room);
            bar.extend(std::iter::repeat_n(mark, end - drawn));
            drawn = end;
        }
        let name: String = each.name.chars().take(name_width).collect();
        format!("{name:name_width$} {bar:room$} {}", share(each.total(), picture.total))
    };
    Drawn { title, lines: picture.bars.iter().map(line).collect() }
}

pub(super) fn on_page(picture: &SpacePicture, page: &mut Html<'_>) -> io::Result<()> {
    if picture.bars.is_empty() {
        return Ok(());
    }
    let said: Vec<_> = picture
        .bars
        .iter()
        .take(8)
        .map(|bar| format!("{}: {}, {}.", bar.name, ByteSize(bar.total()), share(bar.total(), picture.total).trim_start()))
        .collect();
    let frame = Frame {
        kind: "space",
        of: &picture.of,
        title: "Bytes by class of keys",
        description: &said.join(" "),
        caption: "",
        height: (picture.bars.len() + 1) * (LINE + 3) + 4,
    };
    let most = most(picture);
    let room = WIDTH - LEFT - RIGHT;
    frame.around(page, |page| {
        legend(page)?;
        let mut top = LINE + 5;
        for bar in &picture.bars {
            page.open("g", &[("data-space", &bar.name), ("data-bytes", &bar.total())])?;
            page.line()?;
            label(page, "name", 0, top + HIGH - 3, &name(bar))?;
            let (mut sum, mut drawn) = (0_u64, 0);
            for (kind, _, bytes) in bar.parts() {
                sum = sum.saturating_add(bytes);
                let end = part(sum, most, room);
                if bytes > 0 {
                    let said = format!("{}, {kind}: {}", bar.name, ByteSize(bytes));
                    piece(
                        page,
                        kind,
                        (LEFT + drawn, top),
                        (end - drawn).max(1),
                        &[("data-state", &kind), ("data-bytes", &bytes)],
                        &said,
                    )?;
                }
                drawn = end;
            }
            let behind = format!("{} {}", share(bar.total(), picture.total).trim_start(), ByteSize(bar.total()));
            label(page, "said", LEFT + drawn + 8, top + HIGH - 3, &behind)?;
            page.close()?;
            top += LINE + 3;
        }
        Ok(())
    })
}

/// The states are told apart by how high they are as well.
fn piece(
    page: &mut Html<'_>,
    kind: &'static str,
    (x, top): (usize, usize),
    width: usize,
    data: &[(&'static str, &dyn std::fmt::Display)],
    said: &str,
) -> io::Result<()> {
    let high = match kind {
        "live" => HIGH,
        "old" => HIGH - 4,
        "dead" => HIGH - 8,
        _ => 3,
    };
    block(page, kind, (x, top + HIGH - high), (width, high), data, said)
}

fn legend(page: &mut Html<'_>) -> io::Result<()> {
    let mut x = 0;
    for (kind, text) in
        [("live", "live"), ("old", "old versions"), ("dead", "deleted or expired"), ("closed", "sealed or unreadable")]
    {
        piece(page, kind, (x, 1), 14, &[], text)?;
        label(page, "said", x + 20, HIGH - 2, text)?;
        x += 36 + width_of(text);
    }
    Ok(())
}

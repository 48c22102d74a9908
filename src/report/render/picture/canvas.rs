//! The frame of a picture on a page, and texts in it that do not lie over each other.

use std::fmt::Display;
use std::io;

use crate::report::render::markup::Html;

/// Points from the left to the right end of a picture.
pub(super) const WIDTH: usize = 720;
/// Points of a line of text.
pub(super) const LINE: usize = 17;
/// Points that a character of the text is wide, at most.
const CHARACTER: usize = 8;

/// What stands around a picture.
pub(super) struct Frame<'f> {
    /// Its kind, for style sheets and tests.
    pub(super) kind: &'static str,
    /// Whose picture it is.
    pub(super) of: &'f str,
    /// What it shows.
    pub(super) title: &'f str,
    /// The same in a sentence or two, for those who do not see it.
    pub(super) description: &'f str,
    /// How it is to be read; under the picture.
    pub(super) caption: &'f str,
    /// Points from top to bottom.
    pub(super) height: usize,
}

impl Frame<'_> {
    /// Draws it around what `draw` draws.
    pub(super) fn around(&self, page: &mut Html<'_>, draw: impl FnOnce(&mut Html<'_>) -> io::Result<()>) -> io::Result<()> {
        page.picture_heading(self.title)?;
        page.open("figure", &[])?;
        page.line()?;
        let id = page.id();
        let (title, description) = (format!("picture-{id}"), format!("picture-{id}-said"));
        page.open(
            "svg",
            &[
                ("viewBox", &format_args!("0 0 {WIDTH} {}", self.height)),
                ("role", &"img"),
                ("aria-labelledby", &format_args!("{title} {description}")),
                ("data-picture", &self.kind),
                ("data-of", &self.of),
            ],
        )?;
        page.line()?;
        page.element("title", &[("id", &title)], self.title)?;
        page.element("desc", &[("id", &description)], self.description)?;
        draw(page)?;
        page.close()?;
        if !self.caption.is_empty() {
            page.element("figcaption", &[], self.caption)?;
        }
        page.close()
    }
}

/// Points that a text takes.
pub(super) fn width_of(text: &str) -> usize {
    text.chars().count() * CHARACTER
}

/// Text whose first line stands on `y`.
pub(super) fn label(page: &mut Html<'_>, class: &str, x: usize, y: usize, text: &str) -> io::Result<()> {
    page.element("text", &[("class", &class), ("x", &x), ("y", &y)], text)
}

/// A rectangle that says what it is when it is pointed at; none is too narrow to be seen.
pub(super) fn block(
    page: &mut Html<'_>,
    class: &str,
    (x, y): (usize, usize),
    (width, height): (usize, usize),
    data: &[(&'static str, &dyn Display)],
    said: &str,
) -> io::Result<()> {
    let width = width.max(1);
    let mut attributes: Vec<(&'static str, &dyn Display)> =
        vec![("class", &class), ("x", &x), ("y", &y), ("width", &width), ("height", &height)];
    attributes.extend_from_slice(data);
    page.open("rect", &attributes)?;
    page.element("title", &[], said)?;
    page.close()
}

/// Rows of texts under a line, each text at a point of it and none over another.
#[derive(Default)]
pub(super) struct Labels {
    /// Where the last text of each row ends.
    ends: Vec<usize>,
    placed: Vec<Placed>,
}

struct Placed {
    x: usize,
    row: usize,
    text: String,
}

impl Labels {
    /// Places a text as near to `x` as it fits between `left` and the right end. Called from left to right.
    pub(super) fn place(&mut self, x: usize, left: usize, text: String) {
        let width = width_of(&text);
        let from = x.saturating_sub(width / 2).min(WIDTH.saturating_sub(width)).max(left);
        let row = self.ends.iter().position(|end| *end + CHARACTER <= from).unwrap_or(self.ends.len());
        match self.ends.get_mut(row) {
            Some(end) => *end = from + width,
            None => self.ends.push(from + width),
        }
        self.placed.push(Placed { x: from, row, text });
    }

    /// Points that the rows take.
    pub(super) fn height(&self) -> usize {
        self.ends.len() * LINE
    }

    /// Writes them below `top`.
    pub(super) fn write(&self, page: &mut Html<'_>, top: usize) -> io::Result<()> {
        self.placed.iter().try_for_each(|each| label(page, "said", each.x, top + each.row * LINE + LINE - 4, &each.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_do_not_lie_over_each_other_or_outside() {
        let mut labels = Labels::default();
        for x in [0, 3, 300, 310, 320, 719, 720] {
            labels.place(x, 100, format!("commit {x}"));
        }
        for (number, one) in labels.placed.iter().enumerate() {
            assert!(one.x >= 100 && one.x + width_of(&one.text) <= WIDTH);
            for other in labels.placed.iter().skip(number + 1).filter(|other| other.row == one.row) {
                assert!(other.x >= one.x + width_of(&one.text));
            }
        }
        assert_eq!(labels.height(), 3 * LINE);
    }
}

//! A start as a path through its decisions.

use std::io;

use super::Drawn;
use super::canvas::{Frame, LINE, WIDTH, label};
use crate::report::picture::{PathPicture, Step, Turn};
use crate::report::render::markup::Html;
use crate::report::render::wrap;

/// Points in front of the words.
const LEFT: usize = 184;
/// Characters of a line of the page.
const LETTERS: usize = (WIDTH - LEFT) / 8;
/// Points from one step to the next, beside its lines.
const GAP: usize = 10;

fn title(picture: &PathPicture) -> String {
    if picture.of.is_empty() { "Path of the start".to_owned() } else { format!("Path of the start of {}", picture.of) }
}

/// One step behind the other; a line is broken in front of an arrow where that is possible.
pub(super) fn in_text(picture: &PathPicture, width: usize) -> Drawn {
    let mut lines: Vec<String> = Vec::new();
    for (number, step) in picture.steps.iter().enumerate() {
        let arrow = if number == 0 { "" } else { "-> " };
        let text = format!("{arrow}{} {}", step.name, crate::types::escape(&step.said));
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + text.chars().count() <= width => {
                line.push(' ');
                line.push_str(&text);
            }
            _ => lines.extend(wrap(&text, width)),
        }
    }
    Drawn { title: title(picture), lines }
}

pub(super) fn on_page(picture: &PathPicture, page: &mut Html<'_>) -> io::Result<()> {
    if picture.steps.is_empty() {
        return Ok(());
    }
    let texts: Vec<_> = picture.steps.iter().map(|step| wrap(&step.said, LETTERS)).collect();
    let all = texts.iter().map(|lines| height(lines)).sum::<usize>() + 4;
    let said: Vec<_> = picture.steps.iter().map(|step| format!("{} {}.", step.name, step.said)).collect();
    let frame =
        Frame { kind: "path", of: &picture.of, title: &title(picture), description: &said.join(" "), caption: "", height: all };
    frame.around(page, |page| {
        let mut top = 4;
        for (number, (step, lines)) in picture.steps.iter().zip(&texts).enumerate() {
            if number + 1 < picture.steps.len() {
                let from = top + 13;
                let class = if step.turn == Turn::Detour { "way detour" } else { "way" };
                page.shape(
                    "line",
                    &[("class", &class), ("x1", &8), ("y1", &from), ("x2", &8), ("y2", &(from + height(lines) - 8))],
                )?;
            }
            draw(step, lines, top, page)?;
            top += height(lines);
        }
        Ok(())
    })
}

fn height(lines: &[String]) -> usize {
    lines.len().max(1) * LINE + GAP
}

/// A round stop, a square one where it goes the long way, a cross at an end.
fn draw(step: &Step, lines: &[String], top: usize, page: &mut Html<'_>) -> io::Result<()> {
    page.open("g", &[("data-step", &step.name), ("data-said", &step.said)])?;
    page.line()?;
    match step.turn {
        Turn::On => page.shape("circle", &[("class", &"stop on"), ("cx", &8), ("cy", &(top + 7)), ("r", &5)])?,
        Turn::Detour => {
            page.shape("rect", &[("class", &"stop detour"), ("x", &3), ("y", &(top + 2)), ("width", &10), ("height", &10)])?;
        }
        Turn::End => {
            let (y, z) = (top + 2, top + 12);
            page.shape("path", &[("class", &"stop cross"), ("d", &format_args!("M3 {y} L13 {z} M13 {y} L3 {z}"))])?;
        }
    }
    label(page, "name", 26, top + 12, step.name)?;
    for (number, line) in lines.iter().enumerate() {
        label(page, "said", LEFT, top + 12 + number * LINE, line)?;
    }
    page.close()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_text() {
        let step = |name, said: &str, turn| Step { name, said: said.to_owned(), turn };
        let steps = vec![
            step("snapshot", "701", Turn::On),
            step("gate", "applied 777 < threshold 782", Turn::Detour),
            step("start", "EXECUTE", Turn::On),
        ];
        let drawn = in_text(&PathPicture { of: String::new(), steps: steps.clone() }, 77);
        assert_eq!(drawn.lines, ["snapshot 701 -> gate applied 777 < threshold 782 -> start EXECUTE"]);
        let drawn = in_text(&PathPicture { of: String::new(), steps }, 50);
        assert_eq!(drawn.lines, ["snapshot 701 -> gate applied 777 < threshold 782", "-> start EXECUTE"]);
    }
}

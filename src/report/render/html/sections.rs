//! The parts of a body on a page.

use std::io;

use crate::report::render::markup::Html;
use crate::report::render::picture::on_page;
use crate::report::{Align, Cell, Heading, Section, Tone};

pub(super) fn write(section: &Section, page: &mut Html<'_>) -> io::Result<()> {
    match section {
        Section::Chapter { title, verdict, headline } => {
            page.begin_chapter(title)?;
            page.open("p", &[("class", &"chapter")])?;
            page.element("span", &[("class", &format!("verdict {verdict}"))], &verdict.name().to_uppercase())?;
            page.text(" ")?;
            page.prose(headline)?;
            page.close()
        }
        Section::Facts { title, rows } => {
            heading(title, page)?;
            page.open("table", &[("class", &"facts")])?;
            page.open("tbody", &[])?;
            page.line()?;
            for (name, cell) in rows {
                page.open("tr", &[])?;
                page.element("th", &[("scope", &"row")], name)?;
                write_cell(cell, None, page)?;
                page.close()?;
            }
            page.close()?;
            page.close()
        }
        Section::Table { title, columns, rows } => {
            heading(title, page)?;
            write_table(columns, rows, page)
        }
        Section::Text { title, lines } => {
            heading(title, page)?;
            page.open("pre", &[])?;
            for line in lines {
                page.text(line)?;
                page.line()?;
            }
            page.close()
        }
        Section::Picture(picture) => on_page(picture, page),
        Section::Note(text) => {
            page.open("p", &[])?;
            page.prose(text)?;
            page.close()
        }
        Section::Fold { full, .. } => {
            page.open("p", &[("class", &"dim")])?;
            page.prose(full)?;
            page.close()
        }
    }
}

fn heading(title: &str, page: &mut Html<'_>) -> io::Result<()> {
    if title.is_empty() { Ok(()) } else { page.heading(title) }
}

fn write_table(columns: &[Heading], rows: &[Vec<Cell>], page: &mut Html<'_>) -> io::Result<()> {
    page.open("div", &[("class", &"scroll")])?;
    page.line()?;
    page.open("table", &[])?;
    page.line()?;
    page.open("thead", &[])?;
    page.open("tr", &[])?;
    for Heading { name, align } in columns {
        match align {
            Align::Left => page.element("th", &[("scope", &"col")], name)?,
            Align::Right => page.element("th", &[("scope", &"col"), ("class", &"right")], name)?,
        }
    }
    page.close()?;
    page.close()?;
    page.open("tbody", &[])?;
    page.line()?;
    for row in rows {
        page.open("tr", &[])?;
        for (cell, heading) in row.iter().zip(columns) {
            write_cell(cell, Some(heading.align), page)?;
        }
        page.close()?;
    }
    page.close()?;
    page.close()?;
    page.close()
}

fn write_cell(cell: &Cell, align: Option<Align>, page: &mut Html<'_>) -> io::Result<()> {
    let tone = match cell.tone {
        Tone::Plain => "",
        Tone::Good => "good",
        Tone::Caution => "caution",
        Tone::Bad => "bad",
        Tone::Dim => "dim",
    };
    let class = match (align, tone) {
        (Some(Align::Right), "") => "right".to_owned(),
        (Some(Align::Right), tone) => format!("right {tone}"),
        (_, tone) => tone.to_owned(),
    };
    // A name that would be broken at its hyphen.
    let whole = align.is_some() && cell.text.len() <= 24 && !cell.text.contains(' ');
    let class = if whole { format!("whole {class}") } else { class };
    let class = class.trim_end();
    if class.is_empty() { page.open("td", &[]) } else { page.open("td", &[("class", &class)]) }?;
    page.text(&cell.text)?;
    page.close()
}

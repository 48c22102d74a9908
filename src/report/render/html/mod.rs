//! One page for a browser, an attachment, paper: it holds everything that it shows, runs nothing and asks nobody for anything.

mod findings;
mod sections;
mod style;

use std::io::{self, Write};

use super::markup::{Attribute, Html};
use super::{Body, Report};
use crate::analysis::Coverage;
use crate::report::NextStep;
use crate::types::{ByteSize, Count};

pub(super) fn render<B: Body>(report: &Report<B>, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Html::new(out);
    head(report, &mut page)?;
    page.open("body", &[])?;
    page.line()?;
    header(report, &mut page)?;
    page.open("main", &[])?;
    page.line()?;
    if B::JUDGES {
        findings::write(&report.findings, &mut page)?;
    }
    for section in report.body.sections() {
        sections::write(&section, &mut page)?;
    }
    page.end_chapters();
    if B::JUDGES {
        findings::write_remarks(&report.findings, &mut page)?;
        coverage(&report.coverage, &mut page)?;
    }
    page.close()?;
    page.element("footer", &[], &format!("ekv-tool {}. This page runs no script and loads nothing.", report.tool_version))?;
    page.close()?;
    page.close()
}

fn head<B: Body>(report: &Report<B>, page: &mut Html<'_>) -> io::Result<()> {
    page.verbatim("<!DOCTYPE html>\n")?;
    page.open("html", &[("lang", &"en")])?;
    page.line()?;
    page.open("head", &[])?;
    page.line()?;
    page.void("meta", &[("charset", &"utf-8")])?;
    // By this a later run knows the file for an earlier report.
    page.void("meta", &[("name", &"generator"), ("content", &format!("ekv-tool {}", report.tool_version))])?;
    page.void("meta", &[("http-equiv", &"Content-Security-Policy"), ("content", &style::policy())])?;
    page.void("meta", &[("name", &"referrer"), ("content", &"no-referrer")])?;
    page.void("meta", &[("name", &"viewport"), ("content", &"width=device-width, initial-scale=1")])?;
    page.void("meta", &[("name", &"color-scheme"), ("content", &"light dark")])?;
    let verdict = if B::JUDGES { format!("{}: ", report.verdict.name().to_uppercase()) } else { String::new() };
    let target = &report.asked.target;
    let about = if target.is_empty() { String::new() } else { format!(" {target}") };
    page.element("title", &[], &format!("{verdict}{}{about}", report.body.command()))?;
    page.line()?;
    page.open("style", &[])?;
    page.verbatim(style::STYLE)?;
    page.close()?;
    page.close()
}

/// The verdict, what was asked and when, and what to do next.
fn header<B: Body>(report: &Report<B>, page: &mut Html<'_>) -> io::Result<()> {
    let verdict = report.verdict.name();
    match report.asked.unmet {
        _ if !B::JUDGES => page.open("header", &[])?,
        Some(_) => page.open("header", &[("class", &format!("{verdict} unmet"))])?,
        None => page.open("header", &[("class", &verdict)])?,
    }
    page.line()?;
    page.open("h1", &[])?;
    if B::JUDGES {
        page.element("span", &[("class", &format!("verdict {verdict}"))], &verdict.to_uppercase())?;
        page.text(" ")?;
        page.prose(&report.headline())?;
    } else {
        page.prose(&report.body.headline())?;
    }
    page.close()?;
    if let Some(unmet) = report.asked.unmet {
        page.open("p", &[("class", &"unmet")])?;
        page.prose(unmet.text())?;
        page.close()?;
    }
    about(report, page)?;
    if let Some(step) = &report.next_step {
        next(step, page)?;
    }
    page.close()
}

fn about<B: Body>(report: &Report<B>, page: &mut Html<'_>) -> io::Result<()> {
    let asked = &report.asked;
    page.open("table", &[("class", &"about")])?;
    page.open("tbody", &[])?;
    page.line()?;
    let mut row = |name: &str, tag: &'static str, attributes: &[Attribute<'_>], text: &str| {
        page.open("tr", &[])?;
        page.element("th", &[("scope", &"row")], name)?;
        page.open("td", &[])?;
        page.element(tag, attributes, text)?;
        page.close()?;
        page.close()
    };
    if asked.line.is_empty() {
        row("report", "code", &[], report.body.command())?;
    } else {
        row("command", "code", &[], &asked.line)?;
    }
    if let Some(started) = asked.started {
        let at = started.to_string();
        row("run", "time", &[("datetime", &at)], &at)?;
    }
    row("program", "span", &[], &format!("ekv-tool {}", report.tool_version))?;
    if B::JUDGES {
        let coverage = &report.coverage;
        row("examined", "span", &[], &format!("{}, {}", Count(coverage.files, "file"), ByteSize(coverage.bytes_examined)))?;
    }
    page.close()?;
    page.close()
}

fn next(step: &NextStep, page: &mut Html<'_>) -> io::Result<()> {
    page.open("p", &[("class", &"next")])?;
    page.text("Next: ")?;
    page.element("code", &[], &step.to_string())?;
    page.close()
}

/// What was not looked at; first what the answer needed.
fn coverage(coverage: &Coverage, page: &mut Html<'_>) -> io::Result<()> {
    if coverage.not_examined.is_empty() {
        return Ok(());
    }
    page.open("section", &[("class", &"coverage")])?;
    page.line()?;
    page.element("h2", &[], "Not examined")?;
    page.open("ul", &[])?;
    page.line()?;
    for needed in [true, false] {
        for part in coverage.not_examined.iter().filter(|part| part.needed == needed) {
            page.open("li", &[])?;
            if part.needed {
                page.element("strong", &[("class", &"caution")], "needed: ")?;
            }
            page.prose(&part.told())?;
            page.text(": ")?;
            page.prose(&part.why)?;
            page.close()?;
        }
    }
    page.close()?;
    page.close()
}

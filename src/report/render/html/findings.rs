//! The findings of a page, each with all that it says.

use std::io;

use crate::analysis::{Finding, Severity};
use crate::report::render::markup::Html;

/// What asks for something.
pub(super) fn write(findings: &[Finding], page: &mut Html<'_>) -> io::Result<()> {
    list("Findings", findings, |severity| severity != Severity::Info, page)
}

/// What asks for nothing; behind all that does.
pub(super) fn write_remarks(findings: &[Finding], page: &mut Html<'_>) -> io::Result<()> {
    list("Remarks", findings, |severity| severity == Severity::Info, page)
}

fn list(title: &str, findings: &[Finding], wanted: fn(Severity) -> bool, page: &mut Html<'_>) -> io::Result<()> {
    let mut findings = findings.iter().filter(|finding| wanted(finding.severity)).peekable();
    if findings.peek().is_none() {
        return Ok(());
    }
    page.open("section", &[])?;
    page.line()?;
    page.element("h2", &[], title)?;
    findings.try_for_each(|finding| write_finding(finding, page))?;
    page.close()
}

fn write_finding(finding: &Finding, page: &mut Html<'_>) -> io::Result<()> {
    let Finding { code, severity, group, path, offset, length, expected, found, message, advice, derived_from, more } = finding;
    page.open("article", &[("class", &format!("finding {severity}")), ("data-code", &code.code), ("data-severity", severity)])?;
    page.line()?;
    page.open("h3", &[])?;
    page.element("span", &[("class", &"severity")], severity.name())?;
    page.text(" ")?;
    page.element("code", &[("class", &"code")], code.code)?;
    page.text(" ")?;
    page.element("span", &[("class", &"dim")], code.title)?;
    page.close()?;
    let place = match (path, group) {
        (Some(path), Some(group)) if !path.starts_with(group.as_str()) => Some(format!("{path} of {group}")),
        (Some(path), _) => Some(path.clone()),
        (None, group) => group.clone(),
    };
    if let Some(place) = place {
        page.open("p", &[("class", &"place")])?;
        page.element("code", &[], &place)?;
        match (offset, length) {
            (Some(offset), Some(length)) => page.text(&format!(" at 0x{offset:x} ({offset}), {length} bytes"))?,
            (Some(offset), None) => page.text(&format!(" at 0x{offset:x} ({offset})"))?,
            (None, _) => {}
        }
        page.close()?;
    }
    if expected.is_some() || found.is_some() {
        page.open("p", &[])?;
        if let Some(expected) = expected {
            page.text("expected ")?;
            page.element("code", &[], expected)?;
        }
        if let Some(found) = found {
            page.text(if expected.is_some() { ", found " } else { "found " })?;
            page.element("code", &[], found)?;
        }
        page.close()?;
    }
    page.open("p", &[("class", &"message")])?;
    page.prose(message)?;
    page.close()?;
    match derived_from {
        // The advice is that of its cause.
        Some(cause) => {
            page.open("p", &[("class", &"advice")])?;
            page.prose(&format!("It follows from `{cause}`."))?;
            page.close()?;
        }
        None if advice.is_empty() => {}
        None => {
            page.open("p", &[("class", &"advice")])?;
            page.prose(advice)?;
            page.close()?;
        }
    }
    if *more > 0 {
        page.open("p", &[("class", &"dim")])?;
        page.prose(&format!("... and {more} more of `{}`, which are only counted", code.code))?;
        page.close()?;
    }
    page.close()
}

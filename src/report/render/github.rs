//! Annotations of GitHub Actions: workflow commands, one a line.

use std::io::{self, Write};

use super::{Body, Report};
use crate::analysis::{Severity, Verdict};
use crate::report::Unmet;
use crate::types;

pub(super) fn render<B: Body>(report: &Report<B>, out: &mut dyn Write) -> io::Result<()> {
    let command = report.body.command();
    for finding in &report.findings {
        let level = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let mut properties = Vec::new();
        if let Some(path) = &finding.path {
            properties.push(format!("file={}", file(path)));
        }
        properties.push(format!("title={}", property(&format!("{command}: {}", finding.code.code))));
        let place = match (&finding.path, finding.offset) {
            (Some(path), Some(offset)) => format!("{path} at {offset}: "),
            (Some(path), None) => format!("{path}: "),
            (None, _) => String::new(),
        };
        let more = if finding.more > 0 { format!(" ({} more of this kind)", finding.more) } else { String::new() };
        let advice = if finding.advice.is_empty() { String::new() } else { format!(" {}", finding.advice) };
        writeln!(out, "::{level} {}::{}", properties.join(","), message(&format!("{place}{}{more}{advice}", finding.message)))?;
    }
    for part in report.coverage.needed() {
        let title = property(&format!("{command}: not examined"));
        writeln!(out, "::error title={title}::{}", message(&format!("{}: {}", part.told(), part.why)))?;
    }
    let level = match (report.verdict, report.asked.unmet) {
        (Verdict::Clean, None) => "notice",
        (Verdict::Clean, Some(Unmet::Outcome)) => "warning",
        (Verdict::Clean, Some(Unmet::Refused | Unmet::Warnings)) | (Verdict::Damaged | Verdict::Unknown, _) => "error",
    };
    let unmet = report.asked.unmet.map_or_else(String::new, |unmet| format!("; {}", unmet.text()));
    let title = property(&format!("{command}: {}", report.verdict));
    writeln!(out, "::{level} title={title}::{}", message(&format!("{}{unmet}", report.headline())))
}

/// A path between commas, so that it is found: its line ends are no blanks.
fn file(path: &str) -> String {
    path.split('\n').map(property).collect::<Vec<_>>().join("%0A")
}

/// Text behind the second pair of colons.
fn message(text: &str) -> String {
    types::escape(&text.replace('\n', " ")).replace('%', "%25")
}

/// A value between commas.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_a_command() {
        assert_eq!(message("50% of\n::error::x\r"), "50%25 of ::error::x\\r");
        assert_eq!(property("a,b:c%"), "a%2Cb%3Ac%25");
        assert_eq!(file("ho\nst,1/x"), "ho%0Ast%2C1/x");
    }
}

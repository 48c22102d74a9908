//! JUnit's XML, as systems that build and test read it: the verdict is a case, and each thing that was judged by itself is one.

use std::io::{self, Write};

use super::{Body, Report};
use crate::analysis::{Severity, Verdict};
use crate::report::{Case, CaseEnd};
use crate::types;

pub(super) fn render<B: Body>(report: &Report<B>, out: &mut dyn Write) -> io::Result<()> {
    let command = report.body.command();
    let mut cases = vec![Case { of: String::new(), name: "verdict".to_owned(), end: of_verdict(report) }];
    cases.extend(report.body.cases(&report.findings));
    let count = |of: fn(&CaseEnd) -> bool| cases.iter().filter(|case| of(&case.end)).count();
    let failures = count(|end| matches!(end, CaseEnd::Failed(_)));
    let errors = count(|end| matches!(end, CaseEnd::NotMade(_)));
    let skipped = count(|end| matches!(end, CaseEnd::NotApplicable(_)));
    let seconds = report.run.elapsed_ms as f64 / 1000.0;
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<testsuites><testsuite name="ekv-tool {}" tests="{}" failures="{failures}" errors="{errors}" skipped="{skipped}" time="{seconds:.3}">"#,
        attribute(command),
        cases.len(),
    )?;
    for Case { of, name, end } in &cases {
        let class = if of.is_empty() { command.to_owned() } else { format!("{command}.{of}") };
        write!(out, r#"  <testcase classname="{}" name="{}""#, attribute(&class), attribute(name))?;
        let (tag, why) = match end {
            CaseEnd::Passed => {
                writeln!(out, "/>")?;
                continue;
            }
            CaseEnd::Failed(why) => ("failure", why),
            CaseEnd::NotMade(why) => ("error", why),
            CaseEnd::NotApplicable(why) => ("skipped", why),
        };
        let first = why.lines().next().unwrap_or_default();
        if why.lines().nth(1).is_none() {
            writeln!(out, r#"><{tag} message="{}"/></testcase>"#, attribute(first))?;
        } else {
            writeln!(out, r#"><{tag} message="{}">{}</{tag}></testcase>"#, attribute(first), content(why))?;
        }
    }
    writeln!(out, "</testsuite></testsuites>")
}

/// The headline, and every finding and gap below it.
fn of_verdict<B: Body>(report: &Report<B>) -> CaseEnd {
    let mut lines = vec![report.headline()];
    for finding in report.findings.iter().filter(|finding| finding.severity != Severity::Info) {
        let place = finding.path.as_deref().map_or_else(String::new, |path| format!(" {path}"));
        let more = if finding.more > 0 { format!(" ({} more of this kind)", finding.more) } else { String::new() };
        lines.push(format!("{} {}{place}: {}{more}", finding.severity, finding.code.code, finding.message.replace('\n', " ")));
    }
    for part in report.coverage.needed() {
        lines.push(format!("not examined: {} ({})", part.told(), part.why));
    }
    match (report.verdict, report.asked.unmet) {
        (Verdict::Clean, None) => CaseEnd::Passed,
        (Verdict::Clean, Some(unmet)) => CaseEnd::Failed(format!("{}\n{}", unmet.text(), lines.join("\n"))),
        (Verdict::Damaged, _) => CaseEnd::Failed(lines.join("\n")),
        (Verdict::Unknown, _) => CaseEnd::NotMade(lines.join("\n")),
    }
}

/// Text of an attribute: XML has no name for most control characters.
fn attribute(text: &str) -> String {
    content(&text.replace('\n', " ")).replace('"', "&quot;")
}

/// Text of an element.
fn content(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(types::escape).collect();
    lines.join("\n").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_markup() {
        assert_eq!(attribute("a<b> & \"c\"\n\u{1}"), "a&lt;b&gt; &amp; &quot;c&quot; \\u{1}");
        assert_eq!(content("]]>\nx"), "]]&gt;\nx");
    }
}

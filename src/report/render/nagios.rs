//! One line for Nagios, Icinga and what speaks like them, with performance data; findings behind it as long output.

use std::io::{self, Write};

use super::{Body, Report};
use crate::analysis::{NotExamined, Severity, Verdict};
use crate::report::Unmet;
use crate::types;

/// Findings that are named behind the first line: a monitor keeps a few kilobytes.
const NAMED: usize = 20;

/// The state of a service as a monitor knows it. Its number is the exit status of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceState {
    /// All is well.
    Ok,
    /// Worth acting on.
    Warning,
    /// Something is damaged, or a start would be refused.
    Critical,
    /// It could not be told.
    Unknown,
}

impl ServiceState {
    /// The state that a verdict stands for, with or without warnings.
    pub const fn of(verdict: Verdict, warned: bool) -> Self {
        match verdict {
            Verdict::Clean if warned => Self::Warning,
            Verdict::Clean => Self::Ok,
            Verdict::Damaged => Self::Critical,
            Verdict::Unknown => Self::Unknown,
        }
    }

    /// What a monitor is told of a report.
    pub fn of_report<B: Body>(report: &Report<B>) -> Self {
        let unaccepted = report.asked.unmet == Some(Unmet::Outcome);
        match Self::of(report.verdict, unaccepted || report.count(Severity::Warning) > 0) {
            Self::Ok | Self::Warning if matches!(report.asked.unmet, Some(Unmet::Refused | Unmet::Warnings)) => Self::Critical,
            state => state,
        }
    }

    /// The exit status of a plugin.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }

    /// The word of the first line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

pub(super) fn render<B: Body>(report: &Report<B>, out: &mut dyn Write) -> io::Result<()> {
    let state = ServiceState::of_report(report);
    let data = [
        ("errors", report.count(Severity::Error), ""),
        ("warnings", report.count(Severity::Warning), ""),
        ("not_examined", report.coverage.needed_count(), ""),
        ("examined", report.coverage.bytes_examined, "B"),
        ("time", report.run.elapsed_ms, "ms"),
    ];
    let data: Vec<_> = data.iter().map(|(name, value, unit)| format!("{name}={value}{unit};;;0")).collect();
    let unmet = report.asked.unmet.map_or_else(String::new, |unmet| format!("; {}", unmet.text()));
    writeln!(out, "EKV {} - {}{unmet} | {}", state.name(), text(&report.headline()), data.join(" "))?;
    let worth = report.findings.iter().filter(|finding| finding.severity != Severity::Info);
    let all = worth.clone().count();
    for finding in worth.take(NAMED) {
        let place = finding.path.as_deref().map_or_else(String::new, |path| format!(" {path}"));
        writeln!(out, "{} {}{}: {}", finding.severity, finding.code.code, text(&place), text(&finding.message))?;
    }
    if all > NAMED {
        writeln!(out, "... and {} more findings", all - NAMED)?;
    }
    let needed = report.coverage.needed();
    for part in needed.clone().take(NAMED) {
        writeln!(out, "not examined: {} ({})", text(&part.told()), text(&part.why))?;
    }
    let left_out = needed.skip(NAMED).map(NotExamined::count).fold(0, u64::saturating_add);
    if left_out > 0 {
        writeln!(out, "... and {left_out} more not examined")?;
    }
    Ok(())
}

/// One line, without the bar that begins performance data.
fn text(text: &str) -> String {
    types::escape(&text.replace('\n', " ")).replace('|', "\u{a6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_begins_performance_data_or_another_line() {
        assert_eq!(text("a|b\nc\u{1b}"), "a\u{a6}b c\\u{1b}");
    }

    #[test]
    fn states_are_those_of_plugins() {
        for (verdict, warned, code) in [
            (Verdict::Clean, false, 0),
            (Verdict::Clean, true, 1),
            (Verdict::Damaged, false, 2),
            (Verdict::Damaged, true, 2),
            (Verdict::Unknown, true, 3),
        ] {
            assert_eq!(ServiceState::of(verdict, warned).code(), code, "{verdict} {warned}");
        }
    }
}

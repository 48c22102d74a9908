//! Prometheus text exposition format, for a textfile collector.

use std::io::{self, Write};

use super::{Body, Report};
use crate::analysis::{Severity, Verdict};
use crate::report::{Metric, MetricKind};
use crate::types::is_deceptive;

pub(super) fn render<B: Body>(report: &Report<B>, out: &mut dyn Write) -> io::Result<()> {
    let command = || ("command", report.body.command().to_owned());
    let mut verdict = Metric::gauge("ekv_tool_verdict", "1 for the verdict of the last run, 0 for the others.");
    for each in [Verdict::Clean, Verdict::Damaged, Verdict::Unknown] {
        let value = if each == report.verdict { 1.0 } else { 0.0 };
        verdict = verdict.sample(vec![command(), ("verdict", each.to_string())], value);
    }
    let mut findings = Metric::gauge("ekv_tool_findings", "Findings of the last run by severity.");
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        findings = findings.sample(vec![command(), ("severity", severity.to_string())], report.count(severity) as f64);
    }
    let examined = Metric::gauge("ekv_tool_bytes_examined", "Bytes that the last run read and checked.")
        .sample(vec![command()], report.coverage.bytes_examined as f64);
    let failed = Metric::gauge("ekv_tool_run_failed", "1 when the last run could not do its work, so that nothing is known.")
        .sample(vec![command()], if B::FAILED { 1.0 } else { 0.0 });
    for metric in [verdict, findings, examined, failed].iter().chain(&report.body.metrics()) {
        write_metric(metric, out)?;
    }
    Ok(())
}

fn write_metric(metric: &Metric, out: &mut dyn Write) -> io::Result<()> {
    let Metric { name, help, kind, samples } = metric;
    let kind = match kind {
        MetricKind::Gauge => "gauge",
        MetricKind::Counter => "counter",
    };
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
    for (labels, value) in samples {
        let labels: Vec<_> = labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escape(text))).collect();
        if labels.is_empty() {
            writeln!(out, "{name} {value}")?;
        } else {
            writeln!(out, "{name}{{{}}} {value}", labels.join(","))?;
        }
    }
    Ok(())
}

/// The format knows three escapes and takes everything else as it is. What would not show as itself is made visible first.
fn escape(label: &str) -> String {
    let mut safe = String::with_capacity(label.len() + 8);
    for c in label.chars() {
        match c {
            '\\' => safe.push_str("\\\\"),
            '"' => safe.push_str("\\\""),
            '\n' => safe.push_str("\\n"),
            c if is_deceptive(c) => {
                // The backslash of this escape is text.
                safe.push('\\');
                safe.extend(c.escape_default());
            }
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn labels_show_as_what_they_are() {
        assert_eq!(escape("a\"b\\c\nd"), r#"a\"b\\c\nd"#);
        assert_eq!(escape("a\t\u{1b}\r\u{85}\u{202e}"), r"a\\t\\u{1b}\\r\\u{85}\\u{202e}");
    }
}

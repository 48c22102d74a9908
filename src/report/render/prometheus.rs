//! Prometheus text exposition format, for a textfile collector.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{Body, Report};
use crate::analysis::{Severity, Verdict};
use crate::report::{Label, Metric, MetricKind};
use crate::types::is_deceptive;

pub(super) fn render<B: Body>(report: &Report<B>, out: &mut dyn Write) -> io::Result<()> {
    let asked = |more: &[(Label, &str)]| {
        let mut labels = vec![(Label::Command, report.body.command().to_owned())];
        if !report.asked.target.is_empty() {
            labels.push((Label::Target, report.asked.target.clone()));
        }
        labels.extend(more.iter().map(|(label, text)| (*label, (*text).to_owned())));
        labels
    };
    let mut verdict = Metric::gauge("ekv_tool_verdict", "1 for the verdict of the last run, 0 for the others.");
    for each in [Verdict::Clean, Verdict::Damaged, Verdict::Unknown] {
        let value = if each == report.verdict { 1.0 } else { 0.0 };
        verdict = verdict.sample(asked(&[(Label::Verdict, each.name())]), value);
    }
    let mut findings = Metric::gauge("ekv_tool_findings", "Findings of the last run by severity.");
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        findings = findings.sample(asked(&[(Label::Severity, severity.name())]), report.count(severity) as f64);
    }
    let mut codes =
        Metric::gauge("ekv_tool_finding_codes", "Findings of the last run by code; `ekv-tool explain CODE` says more.");
    let mut by_code: BTreeMap<(Severity, &str), u64> = BTreeMap::new();
    for finding in &report.findings {
        *by_code.entry((finding.severity, finding.code.code)).or_default() += finding.count();
    }
    for ((severity, code), count) in by_code {
        codes = codes.sample(asked(&[(Label::Severity, severity.name()), (Label::Code, code)]), count as f64);
    }
    let examined = Metric::gauge("ekv_tool_bytes_examined", "Bytes that the last run read and checked.")
        .sample(asked(&[]), report.coverage.bytes_examined as f64);
    let left_out = report.coverage.needed_count();
    let left_out =
        Metric::gauge("ekv_tool_not_examined", "Parts that the answer needed and that the last run could not examine.")
            .sample(asked(&[]), left_out as f64);
    let failed = Metric::gauge("ekv_tool_run_failed", "1 when the last run could not do its work, so that nothing is known.")
        .sample(asked(&[]), if B::FAILED { 1.0 } else { 0.0 });
    let mut at = Metric::gauge("ekv_tool_run_timestamp_seconds", "When the last run began, in seconds since 1970.");
    if let Some(started) = report.asked.started {
        at = at.sample(asked(&[]), (started.0 / 1000) as f64);
    }
    let all = [verdict, findings, codes, examined, left_out, failed, at];
    let mut own = report.body.metrics();
    for (labels, _) in own.iter_mut().flat_map(|metric| &mut metric.samples) {
        // Two commands may measure one thing, and their files lie side by side.
        labels.insert(0, (Label::Command, report.body.command().to_owned()));
    }
    all.iter().chain(&own).filter(|metric| !metric.samples.is_empty()).try_for_each(|each| write_metric(each, out))
}

fn write_metric(metric: &Metric, out: &mut dyn Write) -> io::Result<()> {
    let Metric { name, help, kind, samples } = metric;
    let kind = match kind {
        MetricKind::Gauge => "gauge",
        MetricKind::Counter => "counter",
    };
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
    for (labels, value) in samples {
        let labels: Vec<_> = labels.iter().map(|(label, text)| format!("{}=\"{}\"", label.name(), escape(text))).collect();
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

//! Prometheus text exposition format, for a textfile collector.

use std::io::{self, Write};

use super::{Body, Report};
use crate::analysis::{Severity, Verdict};
use crate::report::{Metric, MetricKind};

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

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

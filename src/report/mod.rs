//! One typed report, many renderings.
//!
//! A command fills one [`Report`] around a body of its own. The body describes itself once, as [`Section`]s, the
//! [`Lines`] of ndjson and [`Metric`]s; every renderer draws those. JSON comes from `Serialize`. Nothing here opens a file or knows
//! the terminal beyond the width and colour it is told.
#![forbid(unsafe_code)]

pub mod body;
mod earlier;
mod lines;
pub mod manual;
mod next_step;
mod part;
pub mod picture;
pub mod render;
pub mod schema;
pub mod stream;
mod view;

use serde::Serialize;

use crate::analysis::judge::unread::cover_unplaced;
use crate::analysis::{Coverage, Finding, NotExamined, Severity, Verdict, fold};
use crate::readers::Unplaced;
use crate::types::{Count, UnixMillis};

pub use earlier::{REPORT_SAMPLE, is_earlier_report};
pub use lines::Lines;
pub use next_step::{NextStep, leading_error, shell_words};
pub use part::Reported;
pub use render::{OutputFormat, ServiceState, Style, render};
pub use stream::{Align, Cells, Column, JsonList, Row, RowStream};
pub use view::{Case, CaseEnd, Cell, Heading, Label, Metric, MetricKind, Section, Tone};

/// What a command has to say, in a form that every renderer can draw.
pub trait Body: Serialize {
    /// The command's name as it stands in the schema: `ekv-tool/<name>/v1`.
    const NAME: &'static str;

    /// False for a command that examines nothing and so has no verdict to show.
    const JUDGES: bool = true;
    /// True when there is this report because the work could not be done.
    const FAILED: bool = false;

    /// True when the JSON report ends with a checksum of itself, `sha256`, so that it can be read again.
    const CLOSED: bool = false;

    /// The lists of the body whose elements are lines of ndjson; the rest stands in the summary.
    const LINES: &'static [Lines] = &[];

    /// The command that was run.
    fn command(&self) -> &str {
        Self::NAME
    }

    /// One line that answers the command's question, without a judgement: the report adds the worst thing known.
    fn headline(&self) -> String;

    /// What is appended to the line when nothing is wrong and nothing unknown, `: the copies agree`.
    fn all_clear(&self) -> &'static str {
        ""
    }

    /// The body as facts, tables and text.
    fn sections(&self) -> Vec<Section>;

    /// Measurements for Prometheus, beside the verdict and the findings that every report has.
    fn metrics(&self) -> Vec<Metric> {
        Vec::new()
    }

    /// What was judged by itself, for systems that count cases; the verdict is one in any case. `findings` are those of the report.
    fn cases(&self, _findings: &[Finding]) -> Vec<Case> {
        Vec::new()
    }
}

/// The result of one run.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Report<B> {
    /// `ekv-tool/<command>/v1`.
    pub schema: String,
    /// Version of this program.
    pub tool_version: &'static str,
    /// Follows from the findings and the coverage alone.
    pub verdict: Verdict,
    /// The command's own part.
    #[serde(flatten)]
    pub body: B,
    /// Everything noticed, worst first.
    pub findings: Vec<Finding>,
    /// What was examined and what was not.
    pub coverage: Coverage,
    /// The one command to run next, when there is one.
    pub next_step: Option<NextStep>,
    /// Durations and rates, the only part that differs between runs on equal input.
    pub run: Run,
    /// For formats that are kept beside those of other runs.
    #[serde(skip)]
    #[schemars(skip)]
    pub asked: Asked,
}

/// What was asked, and when: it tells the reports of several runs apart.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The paths as they were given, with a blank between them; empty where nobody gave any.
    pub target: String,
    /// The whole command line, quoted for a POSIX shell; empty where there was none.
    pub line: String,
    /// When the run began.
    pub started: Option<UnixMillis>,
    /// What the caller asked for beside a verdict, and did not get.
    pub unmet: Option<Unmet>,
}

/// Why a run does not end well although its verdict may be clean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmet {
    /// The outcome is not one that the caller accepts (`--accept`).
    Outcome,
    /// A start would be refused, though nothing is damaged.
    Refused,
    /// There are warnings, and the caller wants none (`--fail-on warning`).
    Warnings,
}

impl Unmet {
    /// The words behind a headline.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Outcome => "the outcome is not accepted (--accept)",
            Self::Refused => "a start would be refused",
            Self::Warnings => "there are warnings (--fail-on warning)",
        }
    }
}

/// How the run went.
#[derive(Debug, Clone, Copy, Default, Serialize, schemars::JsonSchema)]
pub struct Run {
    /// Wall time in milliseconds.
    pub elapsed_ms: u64,
    /// Bytes examined per second of wall time.
    pub bytes_per_second: u64,
}

impl<B: Body> Report<B> {
    /// A report whose verdict follows from `findings` and `coverage`. Findings are sorted: severity, path, offset, code; those
    /// that only follow from another one come behind the others of their severity.
    pub fn new(body: B, mut findings: Vec<Finding>, mut coverage: Coverage) -> Self {
        Finding::cap(&mut findings);
        coverage.cap();
        fold(&mut findings);
        findings.sort_by(|a, b| {
            let key =
                |f: &Finding| (f.severity, f.derived_from.is_some(), f.group.clone(), f.path.clone(), f.offset, f.code.code);
            key(a).cmp(&key(b))
        });
        let verdict = Verdict::of(&findings, &coverage);
        // A command that knows better says so.
        let next_step = leading_error(&findings).map(|finding| NextStep::explain(finding.code));
        Self {
            schema: format!("ekv-tool/{}/v1", B::NAME),
            tool_version: env!("CARGO_PKG_VERSION"),
            verdict,
            body,
            findings,
            coverage,
            next_step,
            run: Run::default(),
            asked: Asked::default(),
        }
    }

    /// Says what to do next. Without a step, that is to explain what is damaged, if anything is.
    #[must_use]
    pub fn next_step(mut self, step: impl Into<Option<NextStep>>) -> Self {
        self.next_step = step.into().or(self.next_step);
        self
    }

    /// Adds what was left out without any part of the report saying so; the verdict follows.
    #[must_use]
    pub fn leave_out(mut self, unplaced: &[Unplaced]) -> Self {
        cover_unplaced(unplaced, &mut self.coverage);
        self.coverage.cap();
        self.verdict = Verdict::of(&self.findings, &self.coverage);
        self
    }

    /// Fills in how long the run took.
    pub fn timed(&mut self, elapsed: std::time::Duration) {
        let nanos = elapsed.as_nanos().max(1);
        let rate = u128::from(self.coverage.bytes_examined) * 1_000_000_000 / nanos;
        self.run = Run {
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            bytes_per_second: u64::try_from(rate).unwrap_or(u64::MAX),
        };
    }

    /// The command's line with the worst thing known before it and the number of errors and warnings behind it, so that it never
    /// sounds better than the verdict.
    pub fn headline(&self) -> String {
        let own = self.body.headline();
        let worst = match self.verdict {
            Verdict::Damaged => leading_error(&self.findings).map(|finding| finding.code.title.to_owned()),
            Verdict::Unknown => self.coverage.needed().next().map(|NotExamined { what, .. }| {
                let more = self.coverage.needed_count().saturating_sub(1);
                match (more, is_question(what)) {
                    (0, true) => format!("{what} is not known"),
                    (0, false) if what == "everything" => "nothing was examined".to_owned(),
                    (0, false) => format!("{what} was not examined"),
                    (1, true) => format!("{what} is not known, and 1 more was not examined"),
                    (_, true) => format!("{what} is not known, and {more} more were not examined"),
                    (_, false) => format!("{what} and {more} more were not examined"),
                }
            }),
            Verdict::Clean => None,
        };
        let count = |severity, what| match self.count(severity) {
            0 => None,
            several => Some(Count(several, what).to_string()),
        };
        let counts: Vec<_> =
            [count(Severity::Error, "error"), count(Severity::Warning, "warning")].into_iter().flatten().collect();
        let clear = if self.verdict == Verdict::Clean && counts.is_empty() { self.body.all_clear() } else { "" };
        let counts = if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) };
        match worst {
            Some(worst) if own.is_empty() => format!("{worst}{counts}"),
            Some(worst) if !own.contains(&worst) => format!("{worst}{counts}; {own}"),
            _ => format!("{own}{clear}{counts}"),
        }
    }

    /// Number of findings of one severity.
    pub fn count(&self, severity: Severity) -> u64 {
        self.findings.iter().filter(|finding| finding.severity == severity).map(Finding::count).fold(0, u64::saturating_add)
    }
}

/// True for a part that is no file but something that one wants to know.
fn is_question(what: &str) -> bool {
    ["what ", "which ", "whether "].iter().any(|word| what.starts_with(word))
}

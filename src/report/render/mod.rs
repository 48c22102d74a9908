//! One file per output format. The same run gives the same facts in all of them.

mod github;
mod html;
mod json;
mod junit;
mod layout;
mod markdown;
mod markup;
mod nagios;
mod picture;
mod prometheus;
pub(crate) mod safe_json;
mod table;
mod wrap;

use std::io::{self, Write};

use super::{Body, Report};

pub(super) use markdown::escape as markdown_text;
pub use nagios::ServiceState;
pub(super) use table::paint;
pub use wrap::wrap;
pub(super) use wrap::{columns_of, longest_word};

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutputFormat {
    /// For people: lines as wide as the terminal, or as long as their text.
    #[default]
    Table,
    /// One object a run.
    Json,
    /// One object a line, a summary last.
    Ndjson,
    /// Text exposition format for a textfile collector.
    Prometheus,
    /// For an incident channel.
    Markdown,
    /// One page for a browser, without script and without anything from elsewhere.
    Html,
    /// One line with performance data, for a monitor.
    Nagios,
    /// Annotations of GitHub Actions.
    Github,
    /// Test cases in XML.
    Junit,
}

impl OutputFormat {
    /// Every format.
    pub const ALL: [Self; 9] = [
        Self::Table,
        Self::Json,
        Self::Ndjson,
        Self::Prometheus,
        Self::Markdown,
        Self::Html,
        Self::Nagios,
        Self::Github,
        Self::Junit,
    ];
}

/// Columns of the longest line of text, on however wide a terminal.
const TEXT_WIDTH: usize = 120;

/// What the renderer for people may assume about where it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal; `None` where nothing limits a line, so that no text is broken or cut.
    pub width: Option<usize>,
    /// Whether colours may be used.
    pub color: bool,
    /// Whether long lists are shown in full.
    pub verbose: bool,
    /// Whether only the verdict and the findings are shown.
    pub quiet: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { width: Some(80), color: false, verbose: false, quiet: false }
    }
}

impl Style {
    /// Columns for text that are left behind `used` ones. Tables may be as wide as the terminal, text is hard to read then.
    pub const fn room(self, used: usize) -> usize {
        match self.width {
            Some(width) => (if width < TEXT_WIDTH { width } else { TEXT_WIDTH }).saturating_sub(used),
            None => usize::MAX,
        }
    }
}

/// Writes `report` to `out` in `format`.
pub fn render<B: Body>(report: &Report<B>, format: OutputFormat, style: Style, out: &mut dyn Write) -> io::Result<()> {
    match format {
        OutputFormat::Table => table::render(report, style, out),
        OutputFormat::Json => json::render(report, out),
        OutputFormat::Ndjson => json::render_lines(report, out),
        OutputFormat::Prometheus => prometheus::render(report, out),
        OutputFormat::Markdown => markdown::render(report, out),
        OutputFormat::Html => html::render(report, out),
        OutputFormat::Nagios => nagios::render(report, out),
        OutputFormat::Github => github::render(report, out),
        OutputFormat::Junit => junit::render(report, out),
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::{Value, json};

    use super::*;
    use crate::analysis::judge::codes;
    use crate::analysis::{Coverage, Finding};
    use crate::report::{Cell, Label, Lines, Metric, NextStep, Section, Tone};

    #[derive(Serialize, schemars::JsonSchema)]
    struct Sample {
        things: Vec<u64>,
    }

    impl Body for Sample {
        const NAME: &'static str = "sample";
        const LINES: &'static [Lines] = &[Lines::of("things", "thing")];

        fn headline(&self) -> String {
            "two things were looked at".to_owned()
        }

        fn sections(&self) -> Vec<Section> {
            vec![
                Section::facts("Thing", vec![("size", Cell::new("125 B")), ("state", Cell::toned("odd", Tone::Caution))]),
                Section::table(
                    "Things",
                    &["name", ">index"],
                    vec![vec!["a|b".into(), Cell::new(7)], vec!["c".into(), Cell::new(1234)]],
                ),
                Section::text("Hex", vec!["00 01".to_owned()]),
                Section::Note(
                    "A paragraph that is long enough to be wrapped when the width is eighty columns, as it is here.".to_owned(),
                ),
            ]
        }

        fn metrics(&self) -> Vec<Metric> {
            vec![Metric::gauge("ekv_tool_sample_things", "Things.").sample(vec![(Label::Dir, "a\"b".to_owned())], 2.0)]
        }
    }

    fn sample() -> Report<Sample> {
        let mut coverage = Coverage::default();
        coverage.add_file(125);
        coverage.skipped("the store", "not asked for");
        let finding = Finding::new(&codes::snapshot::FSM_BODY_CRC, "The body is not what was written.")
            .at("n1/fsm-snap/00000000000000ff.fsm")
            .range(4096, 512)
            .expected("9e1c22aa")
            .found("01020304");
        Report::new(Sample { things: vec![7, u64::MAX] }, vec![finding], coverage)
            .next_step(NextStep::new(["explain", "fsm-body-crc"]))
    }

    fn rendered(format: OutputFormat) -> String {
        let mut out = Vec::new();
        render(&sample(), format, Style::default(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_table_fits_80_columns_without_colour() {
        let text = rendered(OutputFormat::Table);
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "too wide: {line:?}");
            assert_eq!(line, line.trim_end(), "trailing blanks: {line:?}");
        }
        assert!(!text.contains('\u{1b}'));
        for part in ["DAMAGED", "two things were", "fsm-body-crc", "0x1000", "9e1c22aa", "not examined", "Next:"] {
            assert!(text.contains(part), "{part} is missing:\n{text}");
        }
    }

    #[test]
    fn json_has_the_envelope_of_the_contract_and_keeps_large_numbers() {
        let value: Value = serde_json::from_str(&rendered(OutputFormat::Json)).unwrap();
        assert_eq!(value["schema"], "ekv-tool/sample/v1");
        assert_eq!(value["verdict"], "damaged");
        assert_eq!(value["things"][1], json!(u64::MAX));
        assert_eq!(value["findings"][0]["code"], "fsm-body-crc");
        assert_eq!(value["findings"][0]["offset"], 4096);
        assert_eq!(value["coverage"]["bytes_examined"], 125);
        assert!(value["run"]["elapsed_ms"].is_u64());
    }

    #[test]
    fn ndjson_ends_with_a_summary() {
        let text = rendered(OutputFormat::Ndjson);
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0], json!({ "type": "thing", "value": 7 }));
        assert_eq!(lines[2]["type"], "summary");
        assert_eq!(lines[2]["verdict"], "damaged");
    }

    #[test]
    fn prometheus_escapes_labels_and_counts_findings() {
        let text = rendered(OutputFormat::Prometheus);
        assert!(text.contains("ekv_tool_sample_things{command=\"sample\",dir=\"a\\\"b\"} 2\n"), "{text}");
        assert!(text.contains("ekv_tool_findings{command=\"sample\",severity=\"error\"} 1\n"), "{text}");
        assert!(text.contains("ekv_tool_verdict{command=\"sample\",verdict=\"damaged\"} 1\n"), "{text}");
    }

    #[test]
    fn markdown_escapes_bars() {
        let text = rendered(OutputFormat::Markdown);
        assert!(text.contains("| a\\|b |     7 |"), "{text}");
        assert!(text.contains("**DAMAGED**"), "{text}");
    }
}

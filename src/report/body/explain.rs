//! `explain`: what a code or an error means.

use serde::Serialize;

use crate::analysis::explain::{Answer, Known, KnownLine, Stack, Stamp};
use crate::analysis::hraft::texts::{self, is_of_the_library};
use crate::analysis::judge::codes;
use crate::analysis::judge::codes::CodeInfo;
use crate::analysis::judge::{error_for_only_voter, explained_for_only_voter};
use crate::analysis::server::conditions;
use crate::analysis::server::conditions::Condition;
use crate::report::{Body, Cell, Lines, Section};
use crate::types::Count;

/// One explanation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Explanation {
    /// `finding` for a code of this tool, `server` for an error of the server, `library` for one of hashicorp/raft and its stores.
    pub kind: &'static str,
    /// The code, or the server's own name for the condition.
    pub name: &'static str,
    /// Usual severity, for findings.
    pub severity: Option<crate::analysis::Severity>,
    /// The one server that says it; absent when both do.
    pub engine: Option<crate::types::ServerVersion>,
    /// One line.
    pub title: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Which bytes decide it.
    pub decided_by: &'static str,
    /// What is safe to do.
    pub safe: &'static str,
    /// What is safe instead where this node is the only voter of its group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_voter: Option<&'static str>,
    /// What is not.
    pub not_safe: &'static str,
    /// The command that shows more.
    pub more: &'static str,
    /// Why no finding ever has this code, for a name that is only explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub never: Option<&'static str>,
}

/// The answer to one question, or the list of everything that has one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct ExplainBody {
    /// What was asked; absent for the list.
    pub question: Option<String>,
    /// The explanations, the one that decides first; of several lines, that of the first which tells of something wrong.
    pub explanations: Vec<Explanation>,
    /// Of several lines those that were recognised, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<ExplainedLine>,
    /// Of several lines those of traces: calls, their places, and headers of goroutines behind the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_lines: Option<usize>,
    /// Other lines with text that say nothing known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_lines: Option<usize>,
    /// True when there was more than is read of a file or of standard input.
    #[serde(skip_serializing_if = "is_false")]
    pub cut_short: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// One of several lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ExplainedLine {
    /// Its number, from 1.
    pub number: usize,
    /// When it was written, as it stands there; `null` when the line does not say it.
    pub time: Option<String>,
    /// Host, pod or container that wrote it, or the node that it names; `null` when it does not.
    pub node: Option<String>,
    /// The name under which it is explained.
    pub name: &'static str,
    /// One line on that.
    pub title: &'static str,
    /// The line as it stands, without blanks around it.
    pub text: String,
}

impl From<&'static CodeInfo> for Explanation {
    fn from(info: &'static CodeInfo) -> Self {
        let CodeInfo { code, severity, title, meaning, decided_by, safe, not_safe, more, never } = *info;
        Self {
            kind: "finding",
            name: code,
            severity: Some(severity),
            engine: None,
            title,
            meaning,
            decided_by,
            safe,
            only_voter: explained_for_only_voter(info),
            not_safe,
            more,
            never,
        }
    }
}

impl From<&'static Condition> for Explanation {
    fn from(text: &'static Condition) -> Self {
        let Condition { name, says: _, engine, title, meaning, decided_by, safe, not_safe, more } = *text;
        let only_voter = error_for_only_voter(text);
        let kind = if is_of_the_library(text) { "library" } else { "server" };
        let (severity, never) = (None, None);
        Self { kind, name, severity, engine, title, meaning, decided_by, safe, only_voter, not_safe, more, never }
    }
}

impl From<KnownLine> for ExplainedLine {
    fn from(line: KnownLine) -> Self {
        let KnownLine { number, text, stamp: Stamp { time, node }, known } = line;
        Self { number, time, node, name: known.name(), title: known.title(), text }
    }
}

impl ExplainBody {
    /// The body for an answer; `Err` with names that look alike when there is none.
    pub fn of(question: &str, answer: Answer) -> Result<Self, Vec<&'static str>> {
        let explanations = match answer {
            Answer::Code(info) => vec![info.into()],
            Answer::Server(texts) => texts.into_iter().map(Explanation::from).collect(),
            Answer::Unknown(alike) => return Err(alike),
        };
        Ok(Self { question: Some(question.to_owned()), explanations, ..Self::default() })
    }

    /// The body for several lines.
    pub fn of_lines(question: &str, stack: Stack) -> Self {
        let explanations = stack.causal_first().into_iter().map(|known| match known {
            Known::Code(info) => info.into(),
            Known::Server(condition) => condition.into(),
        });
        Self {
            question: Some(question.to_owned()),
            explanations: explanations.collect(),
            trace_lines: Some(stack.trace),
            unknown_lines: Some(stack.unknown),
            lines: stack.lines.into_iter().map(ExplainedLine::from).collect(),
            cut_short: false,
        }
    }

    /// Everything that can be explained.
    pub fn list() -> Self {
        let codes = codes::all().into_iter().map(Explanation::from);
        let texts = conditions::all().chain(texts::all()).map(Explanation::from);
        let explanations = codes.chain(texts).collect();
        Self { explanations, ..Self::default() }
    }
}

impl Explanation {
    fn facts(&self) -> Vec<(&'static str, Cell)> {
        let Self { kind: _, name: _, severity, engine, title: _, meaning, decided_by, safe, only_voter, not_safe, more, never } =
            self;
        let mut rows = vec![("meaning", Cell::new(meaning)), ("decided by", Cell::new(decided_by))];
        rows.push(("safe", Cell::new(safe)));
        if let Some(only_voter) = only_voter {
            rows.push(("only voter", Cell::new(only_voter)));
        }
        rows.push(("not safe", Cell::new(not_safe)));
        if let Some(never) = never {
            rows.push(("never emitted", Cell::new(never)));
        }
        if let Some(severity) = severity {
            rows.push(("severity", Cell::new(severity)));
        }
        if let Some(engine) = engine {
            rows.push(("said by", Cell::new(format_args!("server {engine} only"))));
        }
        // With names in capitals to fill in, so that it is no next step.
        rows.push(("shows more", Cell::new(more)));
        rows
    }
}

impl Body for ExplainBody {
    const NAME: &'static str = "explain";
    const LINES: &'static [Lines] = &[Lines::of("explanations", "explanation"), Lines::of("lines", "line")];
    const JUDGES: bool = false;

    fn headline(&self) -> String {
        match (&self.question, self.explanations.first()) {
            (Some(_), Some(first)) => format!("{}: {}", first.name, first.title),
            _ => format!("{} codes and errors have an explanation.", self.explanations.len()),
        }
    }

    fn sections(&self) -> Vec<Section> {
        let Self { question, explanations, lines, trace_lines, unknown_lines, cut_short } = self;
        let row = |e: &Explanation| vec![Cell::new(e.name), Cell::new(e.title)];
        if question.is_none() {
            let of = |kind: &str| explanations.iter().filter(|e| e.kind == kind).map(row).collect();
            return vec![
                Section::table("Findings of this tool", &["code", "title"], of("finding")),
                Section::table("Errors of the server", &["name or text", "title"], of("server")),
                Section::table("Errors of hashicorp/raft and its stores", &["text", "title"], of("library")),
            ];
        }
        let mut sections: Vec<_> = explanations.iter().take(1).map(|first| Section::facts("", first.facts())).collect();
        let rest: Vec<_> = explanations.iter().skip(1).map(row).collect();
        if !rest.is_empty() {
            let title = if lines.is_empty() { "The same text also contains" } else { "The other lines" };
            sections.push(Section::table(title, &["name or text", "title"], rest));
        }
        if let Some(unknown) = unknown_lines {
            let row = |line: &ExplainedLine| vec![Cell::new(line.number), Cell::new(line.name), Cell::new(&line.text)];
            sections.push(Section::table(
                "Line by line",
                &[">line", "name or text", "the line"],
                lines.iter().map(row).collect(),
            ));
            let traced = trace_lines.filter(|count| *count > 0).map(|count| Count::of(count, "line"));
            if let Some(traced) = traced {
                sections.push(Section::Note(format!("And {traced} of calls of goroutines.")));
            }
            if *unknown > 0 {
                sections.push(Section::Note(format!("And {} without anything known.", Count::of(*unknown, "other line"))));
            }
        }
        if *cut_short {
            sections.push(Section::Note(
                "There was more than the 1 MiB that is read; the lines behind it were not looked at.".to_owned(),
            ));
        }
        sections
    }
}

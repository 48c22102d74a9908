//! `explain`.

use std::io::Read as _;

use anyhow::{Context as _, bail};
use clap::Args;
use ekv_tool::analysis::Coverage;
use ekv_tool::analysis::explain::{Stack, explain};
use ekv_tool::report::Report;
use ekv_tool::report::body::explain::ExplainBody;

use super::{Context, ExitStatus};

/// More than any line of a log; the rest is not read.
const STDIN_LIMIT: u64 = 1 << 20;

const EXAMPLES: &str = "\
Examples:
  ekv-tool explain fsm-body-crc
  ekv-tool explain ErrFSMSnapshotTokenCRC
  ekv-tool explain 'wal: slice bounds out of range, snapshot[Index: 10, ...'
  journalctl -u elastickv -n 1 | ekv-tool explain -
  ekv-tool explain --list";

/// Arguments of `explain`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExplainArgs {
    /// A finding code, the name of one of the server's errors, or a line that contains its text; `-` reads standard input
    #[arg(value_name = "CODE|TEXT", required_unless_present = "list")]
    question: Vec<String>,
    /// List every code and error that has an explanation
    #[arg(long, conflicts_with = "question")]
    list: bool,
}

pub(super) fn run(args: &ExplainArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    if args.list {
        return context.emit(Report::new(ExplainBody::list(), Vec::new(), Coverage::default()));
    }
    let mut question = args.question.join(" ");
    if question == "-" {
        question.clear();
        let mut bytes = Vec::new();
        std::io::stdin().take(STDIN_LIMIT).read_to_end(&mut bytes).context("explain: cannot read standard input")?;
        question.push_str(&String::from_utf8_lossy(&bytes));
    }
    if let Some(stack) = Stack::of(&question) {
        return context.emit(Report::new(ExplainBody::of_lines(&question, stack), Vec::new(), Coverage::default()));
    }
    match ExplainBody::of(&question, explain(&question)) {
        Ok(body) => context.emit(Report::new(body, Vec::new(), Coverage::default())),
        Err(alike) if alike.is_empty() => {
            bail!("explain: no code or error is known by that text; `ekv-tool explain --list` lists them all")
        }
        Err(alike) => bail!(
            "explain: no code or error is known by that text; the nearest are {}; `ekv-tool explain --list` lists them all",
            alike.join(", ")
        ),
    }
}

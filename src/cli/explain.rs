//! `explain`.

use std::io::{Read, stdin};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use ekv_tool::analysis::Coverage;
use ekv_tool::analysis::explain::{Stack, explain};
use ekv_tool::formats::foreign::packed_by;
use ekv_tool::readers::Packing;
use ekv_tool::report::Report;
use ekv_tool::report::body::explain::ExplainBody;

use super::complete;
use super::{Context, ExitStatus};

/// Bytes that are read of a file or of standard input; what is behind them is said to be there.
const LIMIT: usize = 1 << 20;

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A finding code, the name of one of the server's errors, or a line that contains its text; `-` reads standard input
    #[arg(value_name = "CODE|TEXT", required_unless_present_any = ["list", "file"], add = ArgValueCompleter::new(complete::codes))]
    question: Vec<String>,
    /// Read the lines of this file, also compressed (gzip, Zstandard)
    #[arg(long, value_name = "FILE", conflicts_with = "question")]
    file: Option<PathBuf>,
    /// List every code and error that has an explanation
    #[arg(long, conflicts_with_all = ["question", "file"])]
    list: bool,
}

pub(super) fn run(args: &ExplainArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    if args.list {
        return context.emit(Report::new(ExplainBody::list(), Vec::new(), Coverage::default()));
    }
    let mut question = args.question.join(" ");
    let mut cut_short = false;
    if let Some(path) = &args.file {
        context.keep_out_of(std::slice::from_ref(path))?;
        let failed = || format!("explain: cannot read {}", path.display());
        // Logs that were rotated away are mostly compressed.
        let run = context.run_on(std::slice::from_ref(path))?;
        let head = run.source.open(path).and_then(|file| file.read_at(0, LIMIT + 1)).with_context(failed)?;
        if let Some(packer) = packed_by(&head) {
            let why = Packing::of(&head).map_or_else(
                || format!("is compressed with {packer}, which is not opened; decompress it first"),
                |packing| format!("is compressed with {} and does not unpack", packing.name()),
            );
            bail!("explain: {}: {why}", path.display());
        }
        (question, cut_short) = text_of(head.as_slice())?;
    } else if question == "-" {
        (question, cut_short) = text_of(stdin().lock()).context("explain: cannot read standard input")?;
    }
    if let Some(stack) = Stack::of(&question) {
        let body = ExplainBody { cut_short, ..ExplainBody::of_lines(&question, stack) };
        return context.emit(Report::new(body, Vec::new(), Coverage::default()));
    }
    match ExplainBody::of(&question, explain(&question)) {
        Ok(body) => context.emit(Report::new(ExplainBody { cut_short, ..body }, Vec::new(), Coverage::default())),
        Err(alike) if alike.is_empty() => {
            bail!("explain: no code or error is known by that text; `ekv-tool explain --list` lists them all")
        }
        Err(alike) => bail!(
            "explain: no code or error is known by that text; the nearest are {}; `ekv-tool explain --list` lists them all",
            alike.join(", ")
        ),
    }
}

/// The beginning of what is read, up to the last whole line of it, and whether there was more.
fn text_of(from: impl Read) -> std::io::Result<(String, bool)> {
    let mut bytes = Vec::new();
    from.take(LIMIT as u64 + 1).read_to_end(&mut bytes)?;
    let cut_short = bytes.len() > LIMIT;
    if cut_short {
        bytes.truncate(LIMIT);
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        bytes.truncate(whole.unwrap_or(LIMIT));
    }
    Ok((String::from_utf8_lossy(&bytes).into_owned(), cut_short))
}

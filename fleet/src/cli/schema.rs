//! `schema`: what reports look like in JSON, from the types that are written.

use std::io::{self, Write as _};

use anyhow::bail;
use clap::Args;
use ekv_fleet::report::schemas;

use super::ExitStatus;

const EXAMPLES: &str = "\
Examples:
  ekv-fleet schema                   the names of all reports
  ekv-fleet schema offload-audit     what its --format json writes";

/// Arguments of `schema`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SchemaArgs {
    /// The report to describe, for example `offload-audit` [default: list the names]
    report: Option<String>,
}

/// Writes the names, or one schema, to standard output.
pub fn run(args: &SchemaArgs) -> anyhow::Result<ExitStatus> {
    let all = schemas();
    let text = match &args.report {
        None => {
            let widest = all.iter().map(|report| report.name.len()).max().unwrap_or_default();
            let lines: Vec<_> = all.iter().map(|report| format!("{:widest$}  {}\n", report.name, report.about)).collect();
            lines.concat()
        }
        Some(name) => {
            let Some(report) = all.iter().find(|report| report.name == name.replace(' ', "-")) else {
                bail!("schema: no report named {name:?}; `ekv-fleet schema` lists them");
            };
            serde_json::to_string_pretty(&report.schema)? + "\n"
        }
    };
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitStatus::Success),
    }
}

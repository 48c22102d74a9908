//! `completions` and `man`, generated from the one definition of the command line, and `schema`, from the types that are written.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use ekv_tool::report::schema;

use clap_complete::engine::ArgValueCompleter;

use super::complete::{self, Shell};
use super::target::{Target, Written};
use super::{Context, ExitStatus, manual};

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell to complete for
    shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The command to describe, for example `wal` or `wal dump` [default: the program]
    #[arg(add = ArgValueCompleter::new(complete::commands))]
    command: Vec<String>,
    /// Write every page into this directory, as ekv-tool.1, ekv-tool-check.1 and so on
    #[arg(long, value_name = "DIR", conflicts_with_all = ["command", "output"])]
    all: Option<PathBuf>,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// The report to describe, for example `gate-dryrun` or `wal-dump` [default: list the names]
    #[arg(add = ArgValueCompleter::new(complete::reports))]
    report: Option<String>,
}

pub(super) fn completions(args: &CompletionsArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    let script = complete::script(args.shell)?;
    context.write(|out| out.write_all(&script))?;
    Ok(ExitStatus::Clean)
}

pub(super) fn man(args: &ManArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    if let Some(dir) = &args.all {
        return all_pages(dir, context);
    }
    let name = args.command.join(" ");
    let Some(page) = manual::render(&name)? else {
        bail!("man: no command named {name:?}; `ekv-tool --help` lists them");
    };
    context.write(|out| out.write_all(&page))?;
    Ok(ExitStatus::Clean)
}

/// Writes every page under its name. None is written before it is known that all may be.
fn all_pages(dir: &Path, context: &Context) -> anyhow::Result<ExitStatus> {
    let failed = || format!("man --all {}", dir.display());
    let mut pages = Vec::new();
    for name in manual::names() {
        let page = manual::render(name)?.unwrap_or_default();
        pages.push((Target::admit(Written::Report, &dir.join(manual::file_name(name))).with_context(failed)?, page));
    }
    for (target, page) in &pages {
        context.write_to(target, |out| out.write_all(page)).with_context(failed)?;
    }
    Ok(ExitStatus::Clean)
}

pub(super) fn schema(args: &SchemaArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    let all = schema::all();
    match &args.report {
        None => {
            let widest = all.iter().map(|report| report.name.len()).max().unwrap_or_default();
            context.write(|out| all.iter().try_for_each(|report| writeln!(out, "{:widest$}  {}", report.name, report.about)))?;
        }
        Some(name) => {
            let Some(report) = all.iter().find(|report| report.name == name.replace(' ', "-")) else {
                bail!("schema: no report named {name:?}; `ekv-tool schema` lists them");
            };
            let text = serde_json::to_string_pretty(&report.schema)?;
            context.write(|out| writeln!(out, "{text}"))?;
        }
    }
    Ok(ExitStatus::Clean)
}

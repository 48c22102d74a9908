//! `completions` and `man`, generated from the one definition of the command line, and `schema`, from the types that are written.

use anyhow::bail;
use clap::Args;
use ekv_tool::report::schema;

use clap_complete::engine::ArgValueCompleter;

use super::complete::{self, Shell};
use super::{Context, ExitStatus, definition};

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  ekv-tool completions bash > /etc/bash_completion.d/ekv-tool
  ekv-tool completions zsh > \"${fpath[1]}/_ekv-tool\"
  ekv-tool completions fish > ~/.config/fish/completions/ekv-tool.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  ekv-tool man | man -l -
  ekv-tool man gate-dryrun > /usr/local/share/man/man1/ekv-tool-gate-dryrun.1";

const SCHEMA_EXAMPLES: &str = "\
Examples:
  ekv-tool schema                    the names of all reports
  ekv-tool schema gate-dryrun        what its --format json writes";

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub struct CompletionsArgs {
    /// The shell to complete for
    shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
#[command(after_help = MAN_EXAMPLES)]
pub struct ManArgs {
    /// The command to describe, for example `wal` or `wal dump` [default: the program]
    #[arg(add = ArgValueCompleter::new(complete::commands))]
    command: Vec<String>,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
#[command(after_help = SCHEMA_EXAMPLES)]
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
    let mut command = definition();
    // Builds the propagated options and the full names, so that every page shows them.
    command.build();
    for name in &args.command {
        let Some(sub) = command.find_subcommand(name) else {
            bail!("man: no command named {name:?}; `ekv-tool --help` lists them");
        };
        command = sub.clone();
    }
    let others = see_also(&args.command, &command);
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    page.extend_from_slice(others.as_bytes());
    context.write(|out| out.write_all(&page))?;
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

/// The pages of the program, of the command above, and of those below.
fn see_also(path: &[String], command: &clap::Command) -> String {
    let own = ["ekv-tool"].into_iter().chain(path.iter().map(String::as_str)).collect::<Vec<_>>().join("-");
    let mut names: Vec<String> = Vec::new();
    if let Some((above, _)) = own.rsplit_once(path.last().map_or("", String::as_str)).filter(|_| !path.is_empty()) {
        names.push(above.trim_end_matches('-').to_owned());
    }
    names.extend(command.get_subcommands().filter(|sub| sub.get_name() != "help").map(|sub| format!("{own}-{}", sub.get_name())));
    let pages: Vec<_> = names.iter().map(|name| format!("\\fB{}\\fR(1)", name.replace('-', "\\-"))).collect();
    format!(".SH \"SEE ALSO\"\n{}\n", pages.join(",\n"))
}

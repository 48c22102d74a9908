//! `facts`

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use ekv_tool::formats::facts::Salt;
use ekv_tool::ops::etcd::{etcd_facts, etcd_places};
use ekv_tool::ops::hraft::{Backend, hashicorp_facts};
use ekv_tool::ops::{FactsOptions, facts};
use ekv_tool::readers::{Local, Source as _};

use super::{Context, ExitStatus};

/// Arguments of `facts`.
#[derive(Debug, Args)]
pub struct FactsArgs {
    /// Group, node or raft data directories; nodes of hashicorp/raft and members of etcd
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// Leave out the rows of the stores and the content of payloads and tables; coverage says so
    #[arg(long)]
    fast: bool,
    #[command(flatten)]
    salt: SaltFile,
}

/// What is mixed into the sums of facts.
#[derive(Debug, Clone, Default, Args)]
pub struct SaltFile {
    /// A file with a secret that is mixed into the sums of facts, the same on all nodes: without it nobody can try out values
    #[arg(long, value_name = "FILE")]
    salt: Option<PathBuf>,
}

/// Bytes of a file of salt, at most.
const MAX_SALT: u64 = 1 << 16;

impl SaltFile {
    /// Reads the file, if there is one.
    pub fn read(&self) -> anyhow::Result<Salt> {
        let Some(path) = &self.salt else { return Ok(Salt::default()) };
        let bytes = Local.read_small(path, MAX_SALT).context("--salt")?.bytes;
        if bytes.trim_ascii().is_empty() {
            bail!("--salt {}: it is empty; put a long random text into it, the same on all nodes", path.display());
        }
        Ok(Salt::of(bytes.trim_ascii()))
    }
}

pub(super) fn run(args: &FactsArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    let FactsArgs { dirs, fast, salt } = args;
    context.keep_out_of(dirs)?;
    let options = FactsOptions { fast: *fast, salt: salt.read()? };
    if let Backend::Hashicorp(nodes) = Backend::of(dirs, &Local)? {
        return context.emit(hashicorp_facts(&nodes, &options, &context.run())?);
    }
    let members = etcd_places(dirs, &Local)?;
    if !members.places.is_empty() {
        return context.emit(etcd_facts(&members, &options, &context.run())?);
    }
    context.emit(facts(dirs, &options, &context.run())?)
}

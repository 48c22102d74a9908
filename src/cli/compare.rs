//! `compare`

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use ekv_tool::ops::etcd::{etcd_compare, etcd_places};
use ekv_tool::ops::hraft::{Backend, hashicorp_compare};
use ekv_tool::ops::{CompareOptions, compare};
use ekv_tool::readers::Local;

use super::args::OpenKeys;
use super::{Context, ExitStatus};

const EXAMPLES: &str = "\
Examples:
  ekv-tool compare n1 n2 n3                  the groups that these nodes share
  ekv-tool compare /var/lib/elastickv        every node of a raft data dir
  ekv-tool compare --fast n1 n2 n3           without the rows of the stores
  ekv-tool compare --format markdown n1 n2   for the incident channel";

/// Arguments of `compare`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CompareArgs {
    /// Directories of the same group on several nodes, or the raft data directory
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// Leave out the rows of the stores; coverage says so
    #[arg(long)]
    fast: bool,
    #[command(flatten)]
    keys: OpenKeys,
}

pub(super) fn run(args: &CompareArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(&args.dirs)?;
    if let Backend::Hashicorp(nodes) = Backend::of(&args.dirs, &Local)? {
        return context.emit(hashicorp_compare(&nodes, &context.run())?);
    }
    let members = etcd_places(&args.dirs, &Local)?;
    if !members.places.is_empty() {
        return context.emit(etcd_compare(&members, &context.run())?);
    }
    let opener = args.keys.opener(false)?.map(Arc::new);
    let options = CompareOptions { opener, fast: args.fast };
    context.emit(compare(&args.dirs, &options, &context.run())?)
}

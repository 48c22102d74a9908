//! `inspect`.

use std::path::PathBuf;

use clap::Args;
use ekv_tool::ops::etcd::{etcd_inspect, etcd_places};
use ekv_tool::ops::hraft::{Backend, hashicorp_inspect};
use ekv_tool::ops::{InspectOptions, inspect};

use super::{Context, ExitStatus};

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Any file or directory of a node, or a copy of one under any name, also compressed (gzip, Zstandard); - is standard input
    path: PathBuf,
    /// Show the first bytes of a file that is not recognised; it may be a key or a secret
    #[arg(long)]
    show_bytes: bool,
}

pub(super) fn run(args: &InspectArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(std::slice::from_ref(&args.path))?;
    let run = context.run_on(std::slice::from_ref(&args.path))?;
    if args.path.is_dir()
        && let Backend::Hashicorp(nodes) = Backend::of(std::slice::from_ref(&args.path), &*run.source)?
    {
        return context.emit(hashicorp_inspect(&nodes, &run)?);
    }
    let members = etcd_places(std::slice::from_ref(&args.path), &*run.source)?;
    // A log by itself has a page that says more of its segments.
    if members.places.iter().any(|place| place.snap.is_some()) {
        return context.emit(etcd_inspect(&members, &run)?);
    }
    let options = InspectOptions { show_bytes: args.show_bytes };
    context.emit(inspect(&args.path, options, &run)?)
}

//! `ekv-tool wal ls`

use clap::Args;
use ekv_tool::ops::hraft::{Backend, hashicorp_wal_ls};
use ekv_tool::ops::wal;
use ekv_tool::readers::Local;

use super::{Context, ExitStatus, Paths};

/// `wal ls`
#[derive(Debug, Args)]
pub struct LsArgs {
    #[command(flatten)]
    paths: Paths,
}

/// Lists the segments.
pub fn run(args: &LsArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    let paths = &args.paths.paths;
    context.keep_out_of(paths)?;
    if let Backend::Hashicorp(nodes) = Backend::of(paths, &Local)? {
        return context.emit(hashicorp_wal_ls(&nodes, &context.run())?);
    }
    context.emit(wal::ls(paths, &context.run())?)
}

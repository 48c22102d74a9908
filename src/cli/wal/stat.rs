//! `ekv-tool wal stat`

use clap::Args;
use ekv_tool::ops::hraft::{Backend, hashicorp_wal_stat};
use ekv_tool::ops::wal;
use ekv_tool::readers::Local;

use super::args::ViewKeys;
use super::{Context, ExitStatus, Paths};

/// `wal stat`
#[derive(Debug, Args)]
pub struct StatArgs {
    #[command(flatten)]
    paths: Paths,
    #[command(flatten)]
    keys: ViewKeys,
}

/// Counts what the records amount to.
pub fn run(args: &StatArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    let paths = &args.paths.paths;
    context.keep_out_of(paths)?;
    if let Backend::Hashicorp(nodes) = Backend::of(paths, &Local)? {
        return context.emit(hashicorp_wal_stat(&nodes, &context.run())?);
    }
    let opener = args.keys.opener(context.is_kept())?;
    context.emit(wal::stat(paths, opener.as_ref(), &context.run())?)
}

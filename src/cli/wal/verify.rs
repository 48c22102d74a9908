//! `ekv-tool wal verify`

use clap::Args;
use ekv_tool::ops::hraft::{Backend, hashicorp_wal_verify};
use ekv_tool::ops::wal;
use ekv_tool::readers::Local;

use super::{Context, ExitStatus, Paths};

/// `wal verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    paths: Paths,
}

/// Checks every record.
pub fn run(args: &VerifyArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    let paths = &args.paths.paths;
    context.keep_out_of(paths)?;
    if let Backend::Hashicorp(nodes) = Backend::of(paths, &Local)? {
        return context.emit(hashicorp_wal_verify(&nodes, &context.run())?);
    }
    context.emit(wal::verify(paths, &context.run())?)
}

//! `ekv-tool wal verify`

use clap::Args;
use ekv_tool::ops::hraft::{Backend, hashicorp_segment_verify, hashicorp_wal_verify, is_lone_segment};
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
    if paths.iter().all(|path| is_lone_segment(path, &Local)) {
        return context.emit(hashicorp_segment_verify(paths, &context.run())?);
    }
    context.emit(wal::verify(paths, &context.run())?)
}

//! `ekv-tool snapshot show`

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use ekv_tool::ops::{InspectOptions, inspect};
use ekv_tool::readers::locate::StorePlace;
use ekv_tool::readers::{Local, SnapshotTarget};

use super::{Context, ExitStatus};

/// `snapshot show`
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// An envelope (.snap) or a payload (.fsm)
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// The page of `inspect`, for a snapshot only.
pub fn run(args: &ShowArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(std::slice::from_ref(&args.file))?;
    let options = InspectOptions::default();
    match SnapshotTarget::at(&args.file, &Local)? {
        SnapshotTarget::Envelope(_) | SnapshotTarget::Payload(_) | SnapshotTarget::Offloaded(StorePlace::Manifest { .. }) => {
            context.emit(inspect(&args.file, options, &context.run())?)
        }
        SnapshotTarget::Offloaded(StorePlace::Payloads) if args.file.is_file() => {
            context.emit(inspect(&args.file, options, &context.run())?)
        }
        SnapshotTarget::Folder(_) | SnapshotTarget::Groups(_) | SnapshotTarget::Offloaded(_) => {
            bail!("{}: is a directory; name a .snap or .fsm file, or use snapshot ls", args.file.display())
        }
    }
}

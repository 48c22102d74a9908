//! `ekv-tool store`: the Pebble store, read-only.

mod get;
mod lsm;
mod meta;
mod scan;
mod verify;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use ekv_tool::readers::store_dirs;

use super::{Context, ExitStatus};

/// `ekv-tool store`
#[derive(Debug, Args)]
pub struct StoreArgs {
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    /// Show the levels: tables, sizes, key ranges (--verbose lists every table)
    Lsm(lsm::LsmArgs),
    /// Write the newest state of every key while it is read
    Scan(scan::ScanArgs),
    /// What a store says about itself: applied index, commit timestamps, logs, and whether it opens
    Meta(meta::MetaArgs),
    /// Look up a key: its newest versions, or a raw key
    Get(get::GetArgs),
    /// Read every byte of the live tables and check everything that can be checked
    Verify(verify::VerifyArgs),
}

/// Runs one of the subcommands.
pub fn run(args: &StoreArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    match &args.command {
        StoreCommand::Lsm(args) => lsm::run(args, context),
        StoreCommand::Scan(args) => scan::run(args, context),
        StoreCommand::Meta(args) => meta::run(args, context),
        StoreCommand::Get(args) => get::run(args, context),
        StoreCommand::Verify(args) => verify::run(args, context),
    }
}

/// The stores at or below all of `paths`, each once.
fn stores(paths: &[PathBuf]) -> ekv_tool::error::Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in paths {
        for store in store_dirs(path)? {
            if !all.contains(&store) {
                all.push(store);
            }
        }
    }
    Ok(all)
}

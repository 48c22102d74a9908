//! `ekv-tool store`: the Pebble store, read-only.

mod diff;
mod dump;
mod get;
mod lsm;
mod meta;
mod scan;
mod stat;
mod verify;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::{Args, Subcommand};
use ekv_tool::io::directory_id;
use ekv_tool::readers::{Local, Unplaced, store_dirs};

use super::{Context, ExitStatus, args};

/// `ekv-tool store`
#[derive(Debug, Args)]
pub struct StoreArgs {
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    /// Compare two stores of a group row by row: what differs, and which entry explains it
    Diff(diff::DiffArgs),
    /// Show the levels: tables, sizes, key ranges (--verbose lists every table)
    Lsm(lsm::LsmArgs),
    /// Write the newest state of every key while it is read
    Scan(scan::ScanArgs),
    /// What a store says about itself: applied index, commit timestamps, logs, and whether it opens
    Meta(meta::MetaArgs),
    /// Write what one file holds, without the others: the records of a table, the batches of a log, the edits of a MANIFEST
    Dump(dump::DumpArgs),
    /// Look up a key: its newest versions, or a raw key
    Get(get::GetArgs),
    /// Who uses the space: rows and bytes by class of keys, table, bucket and queue, and what is the largest
    Stat(stat::StatArgs),
    /// Read every byte of the live tables and check everything that can be checked
    Verify(verify::VerifyArgs),
}

/// Runs one of the subcommands.
pub fn run(args: &StoreArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    match &args.command {
        StoreCommand::Diff(args) => diff::run(args, context),
        StoreCommand::Lsm(args) => lsm::run(args, context),
        StoreCommand::Scan(args) => scan::run(args, context),
        StoreCommand::Meta(args) => meta::run(args, context),
        StoreCommand::Dump(args) => dump::run(args, context),
        StoreCommand::Get(args) => get::run(args, context),
        StoreCommand::Stat(args) => stat::run(args, context),
        StoreCommand::Verify(args) => verify::run(args, context),
    }
}

/// The stores at or below all of `paths`, each once, and what lies beside them.
fn stores(paths: &[PathBuf]) -> ekv_tool::error::Result<(Vec<PathBuf>, Vec<Unplaced>)> {
    let (mut all, mut beside, mut known) = (Vec::new(), Vec::new(), HashSet::new());
    for path in paths {
        let (stores, unplaced) = store_dirs(path, &Local)?;
        all.extend(stores.into_iter().filter(|store| directory_id(store).is_none_or(|id| known.insert(id))));
        beside.extend(unplaced);
    }
    Ok((all, beside))
}

/// The one store at or below `dir`, and what beside it should have been looked at.
fn only_store(dir: &Path) -> anyhow::Result<(PathBuf, Vec<Unplaced>)> {
    let (stores, mut beside) = stores(std::slice::from_ref(&dir.to_owned()))?;
    beside.retain(|part| part.needed);
    match stores.as_slice() {
        [only] => Ok((only.clone(), beside)),
        several => {
            let names: Vec<_> = several.iter().map(|store| store.display().to_string()).collect();
            bail!("{}: holds {} stores; name one of {}", dir.display(), several.len(), names.join(", "))
        }
    }
}

//! `ekv-tool offload plan`

use std::path::PathBuf;

use clap::Args;
use ekv_tool::error::Error;
use ekv_tool::ops::hraft::Backend;
use ekv_tool::ops::{OffloadPlanOptions, offload_plan};
use ekv_tool::readers::Local;

use super::args::parse_index;
use super::{Context, ExitStatus};

/// Arguments of `offload plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// A group, node or raft data directory; with --store also one that is not there yet
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The object store as a directory: a local store, a mount or a copy
    #[arg(long, value_name = "STORE")]
    store: Option<PathBuf>,
    /// What stands before v1/ in the keys [default: the only one in the store, else none]
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// The Raft group [default: from the name group-N, else the only one in the store]
    #[arg(long, value_name = "N", value_parser = parse_index)]
    group_id: Option<u64>,
    /// The cluster, which a publish writes and whose snapshots a restore takes [default: the only one of the group in the store]
    #[arg(long, value_name = "NAME")]
    source_cluster: Option<String>,
    /// What a publish writes as its version [default: that of the same snapshot in the store]
    #[arg(long, value_name = "TEXT", help_heading = "Publish")]
    binary_version: Option<String>,
    /// Where a publish keeps its copy [default: .snapshot-offload-spool beside DIR]
    #[arg(long, value_name = "SPOOL", help_heading = "Publish")]
    spool_dir: Option<PathBuf>,
    /// The manifest that a restore takes [default: the newest of the group that can be restored]
    #[arg(long, value_name = "KEY", requires = "store", help_heading = "Restore")]
    manifest_key: Option<String>,
    /// The peers that a restore is given, id=address,... [default: the members in DIR's peers file]
    #[arg(long, value_name = "PEERS", requires = "store", help_heading = "Restore")]
    peers: Option<String>,
}

pub(super) fn run(args: PlanArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    let PlanArgs { dir, store, prefix, group_id, source_cluster, binary_version, spool_dir, manifest_key, peers } = args;
    let examined: Vec<_> = [Some(&dir), store.as_ref(), spool_dir.as_ref()].into_iter().flatten().cloned().collect();
    context.keep_out_of(&examined)?;
    if dir.exists()
        && let Backend::Hashicorp(_) = Backend::of(std::slice::from_ref(&dir), &Local)?
    {
        let text = format!("{}: a directory of hashicorp/raft; only those of elastickv are published", dir.display());
        return Err(Error::Usage(text).into());
    }
    let options = OffloadPlanOptions { store, prefix, group_id, source_cluster, binary_version, spool_dir, manifest_key, peers };
    context.emit(offload_plan(&dir, &options, &context.run())?)
}

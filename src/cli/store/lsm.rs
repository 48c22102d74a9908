//! `ekv-tool store lsm`

use std::path::PathBuf;

use clap::Args;
use ekv_tool::analysis::Coverage;
use ekv_tool::analysis::judge::store;
use ekv_tool::readers::pebble::Store;
use ekv_tool::report::Report;
use ekv_tool::report::body::store_lsm::{LsmStore, StoreLsmBody};

use super::{Context, ExitStatus};

/// `store lsm`
#[derive(Debug, Args)]
pub struct LsmArgs {
    /// A store (fsm.db), a group, node or raft data directory
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
}

/// Reads MANIFEST and logs of every store and reports the levels. No table is opened.
pub fn run(args: &LsmArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(&args.dirs)?;
    let mut stores = Vec::new();
    let (mut findings, mut coverage) = (Vec::new(), Coverage::default());
    let (dirs, unplaced) = super::stores(&args.dirs)?;
    for dir in &dirs {
        let opened = Store::open(dir, &context.run())?;
        let (mut found, covered) = store::listed(&opened.facts);
        let name = dir.display().to_string();
        stores.push(LsmStore::new(name.clone(), &opened.facts, opened.memory.len() as u64));
        if dirs.len() > 1 {
            for finding in &mut found {
                finding.group = Some(name.clone());
            }
        }
        findings.extend(found);
        coverage.absorb(covered);
    }
    let report = Report::new(StoreLsmBody { stores, list_tables: context.style.verbose }, findings, coverage);
    context.emit(report.leave_out(&unplaced))
}

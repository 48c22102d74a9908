//! `ekv-tool store verify`

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::Args;
use ekv_tool::analysis::{Coverage, store};
use ekv_tool::readers::pebble_scan::walk;
use ekv_tool::readers::pebble_survey::survey_store;
use ekv_tool::report::Report;
use ekv_tool::report::body::store_verify::{StoreVerifyBody, VerifiedStore};

use super::{Context, ExitStatus};

/// `store verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A store (fsm.db), a group, node or raft data directory
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// Also compare the records of each key across levels (reads the tables once more)
    #[arg(long)]
    deep: bool,
}

/// Reads every table of every store and reports.
pub fn run(args: &VerifyArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(&args.dirs)?;
    let mut stores = Vec::new();
    let (mut findings, mut coverage) = (Vec::new(), Coverage::default());
    let dirs = super::stores(&args.dirs)?;
    for dir in &dirs {
        let survey = survey_store(dir, context.threads, &context.progress)?;
        let (mut found, mut covered) = store::verify(&survey.store.facts, &survey.outcomes);
        if args.deep {
            let scan = walk(dir, &[], &context.progress, &mut |_| ControlFlow::Continue(()))?;
            store::deepen(&mut found, &mut covered, &scan);
        } else {
            store::not_deepened(&mut covered, &survey.store.facts);
        }
        let name = dir.display().to_string();
        stores.push(VerifiedStore::new(name.clone(), &survey, &found));
        if dirs.len() > 1 {
            for finding in &mut found {
                finding.group = Some(name.clone());
            }
        }
        findings.extend(found);
        coverage.absorb(covered);
    }
    context.emit(Report::new(StoreVerifyBody { stores }, findings, coverage))
}

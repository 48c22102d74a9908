//! `gate-dryrun`: forecasts the next start of every group below the given paths.

mod group;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::analysis::judge::unread;
use crate::analysis::server::Outcome;
use crate::analysis::server::store::AppliedIndexState;
use crate::analysis::{Coverage, Finding};
use crate::error::Result;
use crate::io::side_by_side;
use crate::ops::encryption;
use crate::ops::group::{leave_out, of_one_node};
use crate::readers::keys::Keys;
use crate::readers::pebble::StoreCheck;
use crate::readers::source::Run;
use crate::readers::{Discovered, GroupDir, discover_paths, settle};
use crate::report::body::gate::GateBody;
use crate::report::{NextStep, Report, leading_error};
use crate::types::ServerVersion;

use group::GroupResult;

/// What the caller wants to know.
#[derive(Debug, Clone, Default)]
pub struct GateOptions {
    /// The server version; `None` decides from each directory.
    pub engine: Option<ServerVersion>,
    /// The node's raft id instead of the directory's name.
    pub raft_id: Option<String>,
    /// Every rule's decision.
    pub all_engines: bool,
    /// Every entry behind the snapshot.
    pub plan: bool,
    /// Do not read payloads.
    pub no_body_crc: bool,
    /// Or only those up to this many bytes; of larger ones the checksum that they state is believed.
    pub payloads_up_to: Option<u64>,
    /// How much of the store is read; `None` decides by its size.
    pub store_check: Option<StoreCheck>,
    /// Assume this instead of reading the store.
    pub applied_index: Option<AppliedIndexState>,
    /// The server is started with encryption and this key sidecar.
    pub sidecar: Option<PathBuf>,
    /// And with this file of the key encryption key.
    pub kek: Option<PathBuf>,
    /// The server is started without any encryption flag.
    pub no_encryption: bool,
    /// Bytes per second of a restore.
    pub restore_rate: Option<u64>,
    /// A start that takes longer is a finding.
    pub health_timeout: Option<Duration>,
}

/// Forecasts the next start of every group at or below `paths`.
pub fn gate_dryrun(paths: &[PathBuf], options: &GateOptions, run: &Run<'_>) -> Result<Report<GateBody>> {
    let keys = encryption::keys(options.sidecar.as_deref(), options.kek.as_deref(), &*run.source)?;
    let Discovered { groups, unplaced, .. } = discover_paths(paths, &*run.source)?;
    let (dirs, nested) = asked_for(groups, paths);
    of_one_node(&dirs, options.sidecar.is_some(), "--sidecar: it is one node's, and several")?;
    of_one_node(&dirs, options.raft_id.is_some(), "--raft-id: several")?;
    let results = each_group(&dirs, options, keys.as_ref(), run);
    let mut groups = Vec::new();
    let mut findings = Vec::new();
    let mut coverage = Coverage::default();
    for (dir, result) in dirs.iter().zip(results) {
        let result = match result {
            Ok(result) => result,
            Err(error) => {
                leave_out(error, &dir.display(), dirs.len() > 1, &mut coverage)?;
                continue;
            }
        };
        findings.extend(result.findings);
        coverage.absorb(result.coverage);
        groups.push(result.forecast);
    }
    for nested in nested {
        let why = "another group of the node, inside of this one's directory; name it, or the raft data directory";
        coverage.skipped(nested.display(), why);
    }
    unread::cover_unplaced(&unplaced, &mut coverage);
    coverage.skipped("flags of the server", "a start can also be refused because of its command line");
    let body = GateBody { groups };
    let next = next_step(&body, &findings);
    Ok(Report::new(body, findings, coverage).next_step(next))
}

/// The groups whose start is asked for, and those that lie inside of a group's directory which was named itself: a start is one
/// group's.
fn asked_for(groups: Vec<GroupDir>, paths: &[PathBuf]) -> (Vec<GroupDir>, Vec<GroupDir>) {
    let paths: HashSet<&Path> = paths.iter().map(PathBuf::as_path).collect();
    let of_groups = groups.iter().map(|group| group.path.clone());
    let named: HashSet<PathBuf> = of_groups.filter(|path| paths.contains(path.as_path())).collect();
    let lies_in_named = |group: &GroupDir| group.path.ancestors().skip(1).any(|above| named.contains(above));
    groups.into_iter().partition(|group| named.contains(&group.path) || !lies_in_named(group))
}

/// Groups side by side; their order stays that of `dirs`.
fn each_group(dirs: &[GroupDir], options: &GateOptions, keys: Option<&Arc<Keys>>, run: &Run<'_>) -> Vec<Result<GroupResult>> {
    let workers = run.threads.clamp(1, dirs.len().max(1));
    let inner = run.clone().on_threads((run.threads / workers).max(1));
    let next = AtomicUsize::new(0);
    let slots: Vec<_> = dirs.iter().map(|_| Mutex::new(None)).collect();
    side_by_side(workers, || {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let (Some(dir), Some(slot)) = (dirs.get(number), slots.get(number)) else { break };
            let result = settle(|| GroupResult::read(dir, options, keys, &inner));
            if let Ok(mut slot) = slot.lock() {
                *slot = Some(result);
            }
        }
    });
    slots.into_iter().filter_map(|slot| slot.into_inner().ok().flatten()).collect()
}

/// The one thing to do next.
fn next_step(body: &GateBody, findings: &[Finding]) -> Option<NextStep> {
    let worst = body.groups.iter().min_by_key(|group| group.forecast.outcome.rank())?;
    if let Some(abort) = &worst.forecast.abort {
        return Some(NextStep::explain_error(abort.condition));
    }
    if leading_error(findings).is_some() {
        return None;
    }
    // A legacy payload is no snapshot of its own.
    matches!(worst.forecast.outcome, Outcome::Execute | Outcome::Fallback)
        .then(|| NextStep::new(["verify-snapshot", "--newest"]).on(&worst.dir))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::analysis::server::Rule;
    use crate::formats::peers::PeersFile;
    use crate::types::ServerVersion;

    /// A version is a row of traits: one that exists nowhere is forecast by its own rule and named in the report.
    #[test]
    fn a_third_version_costs_one_row() {
        let next = ServerVersion::Next;
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo/n1/group-1");
        let options = GateOptions { engine: Some(next), ..GateOptions::default() };
        let report = gate_dryrun(&[demo], &options, &Run::local()).unwrap();
        let [group] = report.body.groups.as_slice() else { panic!("one group") };
        assert_eq!(serde_json::to_value(group.engine).unwrap(), "next");
        // The snapshot is 701, the store has applied 777 and 782 is committed: its rule wants the commit.
        assert_eq!(next.traits().rule, Rule::CPrime);
        assert_eq!((group.forecast.threshold, group.forecast.outcome), (Some(782), Outcome::Execute));
        let others: Vec<_> = group.other_engines.iter().map(|other| other.engine).collect();
        assert_eq!(others, ServerVersion::ALL);
        let peers = [b"EKVP".as_slice(), &[0, 0, 0, 4], &[0; 8], &[0; 4], &[0]].concat();
        let refused = |version| PeersFile::decode(&peers, version).is_err_and(|error| error.at == 4);
        assert_eq!([ServerVersion::Pr934, ServerVersion::Main, next].map(refused), [true, true, false]);
    }
}

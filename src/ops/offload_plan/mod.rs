//! `offload plan`: what a publish of a data directory would do now, and a restore into it.

mod publish;
mod restore;

use std::path::{Path, PathBuf};

use super::group::{UNSETTLED, one_of, several, unsettle};
use super::offload::local_path;
use crate::analysis::judge::offload::{OffloadPlan, PlanOutcome, Room, judge_plan};
use crate::analysis::judge::{codes, unread};
use crate::analysis::server::offload::PublishOptions;
use crate::analysis::{Coverage, Finding, Verdict};
use crate::error::{Error, Result};
use crate::formats::offload::{KeyKind, key_prefix};
use crate::io::IoOptions;
use crate::readers::locate::{StorePlace, find_store};
use crate::readers::offload::{ExportSource, OffloadStore, SPOOL, around};
use crate::readers::source::{Run, Source};
use crate::readers::{Discovered, GroupDir, Settled, discover_paths, settle};
use crate::report::body::offload_plan::OffloadPlanBody;
use crate::report::{NextStep, Report};
use crate::types::Count;

/// What the caller would say to the server's program.
#[derive(Debug, Clone, Default)]
pub struct OffloadPlanOptions {
    /// The store, as a directory.
    pub store: Option<PathBuf>,
    /// `--prefix`; `None` takes the only one in the store.
    pub prefix: Option<String>,
    /// `--group-id`; `None` takes it from the name of the directory, else the only one in the store.
    pub group_id: Option<u64>,
    /// `--source-cluster`; `None` takes the only one that the store has of the group.
    pub source_cluster: Option<String>,
    /// `--binary-version`; `None` takes that of the same snapshot in the store.
    pub binary_version: Option<String>,
    /// `--spool-dir`.
    pub spool_dir: Option<PathBuf>,
    /// `--manifest-key` of the restore; `None` takes the newest that can be restored.
    pub manifest_key: Option<String>,
    /// `--peers` of the restore; `None` takes the members in the peers file of the directory.
    pub peers: Option<String>,
}

/// Plans for the data directories at or below `dir`; for one that is not there yet, a restore into it.
pub fn offload_plan(dir: &Path, options: &OffloadPlanOptions, run: &Run<'_>) -> Result<Report<OffloadPlanBody>> {
    let mut findings = Vec::new();
    let mut store = match &options.store {
        None => None,
        Some(path) => {
            let path = local_path(path, &*run.source)?;
            match find_store(&path, &*run.source) {
                Some(StorePlace::Store) => {}
                Some(StorePlace::Manifest { .. } | StorePlace::Payloads) => {
                    let text = format!("--store {}: name the directory in which the keys begin", path.display());
                    return Err(Error::Usage(text));
                }
                None => findings.extend(no_store(&path, &*run.source)?),
            }
            Some(OffloadStore::read(&path, run)?)
        }
    };
    let mut coverage = Coverage::default();
    for (store, (key, why)) in store.iter().flat_map(|store| store.unlisted.iter().map(move |unlisted| (store, unlisted))) {
        // A newer manifest may lie there, or that of another group.
        let place = store.path_of(key).map_or_else(|| key.clone(), |path| path.display().to_string());
        coverage.missing(place, why);
    }
    let mut plans = Vec::new();
    let is_store = store.is_some() && findings.is_empty();
    let of_one = options.group_id.is_some() || options.manifest_key.is_some();
    let groups = if store.is_some() && run.source.kind_at(dir).is_none() {
        vec![GroupDir::at(dir, &*run.source)]
    } else {
        let Discovered { mut groups, mut unplaced, .. } = discover_paths(&[dir.to_owned()], &*run.source)?;
        if of_one {
            let (own, others) = one_of(dir, &groups).ok_or_else(|| several(dir, &groups))?;
            unplaced.extend(others);
            groups = vec![own.clone()];
        }
        unread::cover_unplaced(&unplaced, &mut coverage);
        groups
    };
    for group in &groups {
        let asked = Asked { options, group, run, io: IoOptions { threads: run.threads, ..IoOptions::default() } };
        let planned = settle(|| asked.plan(store.as_mut()))?;
        plans.push(planned.plan);
        findings.extend(planned.findings);
        coverage.absorb(planned.coverage);
    }
    if store.is_some() {
        coverage.skipped("the rest of the store", "verify-snapshot looks at all of it");
    } else {
        coverage.skipped("what is in the store", "name it with --store");
    }
    coverage.skipped("flags, rights and network of the server's programs", "they can fail over those too");
    let condition = plans.iter().find_map(|plan: &OffloadPlan| plan.publish.as_ref()?.condition);
    let report = Report::new(OffloadPlanBody { plans }, findings, coverage);
    let next = match (condition, report.verdict, &options.store) {
        (Some(condition), ..) => Some(NextStep::explain_error(condition)),
        (None, Verdict::Damaged, _) => None,
        (None, _, Some(store)) if is_store => Some(NextStep::new(["verify-snapshot"]).on(store)),
        (None, ..) if run.source.kind_at(dir).is_some() => Some(NextStep::new(["verify-snapshot", "--newest"]).on(dir)),
        (None, ..) => None,
    };
    Ok(report.next_step(next))
}

/// What is wrong with a directory as a store: it is neither empty nor does it hold what publishers write.
fn no_store(dir: &Path, source: &dyn Source) -> Result<Option<Finding>> {
    let names = source.list_kinds(dir)?;
    if names.is_empty() {
        return Ok(None);
    }
    let message = format!("It holds {}, and nothing that a publisher writes.", Count::of(names.len(), "other name"));
    Ok(Some(Finding::new(&codes::offload::OFFLOAD_NO_STORE, message).at(dir.display().to_string())))
}

/// The plans of one group.
struct Planned {
    plan: OffloadPlan,
    findings: Vec<Finding>,
    coverage: Coverage,
    changed: bool,
}

impl Settled for Planned {
    fn is_doubtful(&self) -> bool {
        let publish = self.plan.publish.as_ref();
        publish.is_some_and(|plan| {
            matches!(plan.outcome, PlanOutcome::Refused | PlanOutcome::Unknown) || !plan.would_rename.is_empty()
        })
    }

    fn changed(&self) -> bool {
        self.changed
    }

    fn unsettle(&mut self) {
        unsettle(&mut self.findings, &mut self.coverage, &self.plan.dir);
        if let Some(publish) = &mut self.plan.publish {
            (publish.outcome, publish.status, publish.error) = (PlanOutcome::Unknown, None, None);
            publish.condition = None;
            publish.undecided = Some(UNSETTLED.to_owned());
        }
    }
}

struct Asked<'r> {
    options: &'r OffloadPlanOptions,
    group: &'r GroupDir,
    run: &'r Run<'r>,
    io: IoOptions,
}

impl Asked<'_> {
    fn plan(&self, mut store: Option<&mut OffloadStore>) -> Result<Planned> {
        let Self { group, run, .. } = self;
        let there = run.source.kind_at(&group.path).is_some();
        let source = there.then(|| ExportSource::read(&group.path, run)).transpose()?;
        let mut coverage = Coverage::default();
        let (group_id, group_from) = self.group_id(store.as_deref());
        let publish = match &source {
            Some(source) => Some(self.publish(source, group_id, store.as_deref(), &mut coverage)?),
            None => None,
        };
        let own = publish.as_ref().and_then(|plan| plan.snapshot.as_ref());
        let mut found = Vec::new();
        let restore = self.restore(source.as_ref(), group_id, own, store.as_deref_mut(), &mut found, &mut coverage)?;
        let plan = OffloadPlan { dir: group.display(), group_id, group_from, publish, restore };
        let (mut findings, judged) = judge_plan(&plan, store.is_some());
        findings.extend(found);
        coverage.absorb(judged);
        let changed = source.is_some_and(|source| {
            source.snaps.snaps.iter().any(|snap| snap.changed)
                || source.log.as_ref().is_some_and(|scan| scan.disturbed().is_some())
                || ExportSource::read(&group.path, run).is_ok_and(|again| again.listing != source.listing)
        });
        Ok(Planned { plan, findings, coverage, changed })
    }

    /// The group's number, and where it comes from.
    fn group_id(&self, store: Option<&OffloadStore>) -> (Option<u64>, &'static str) {
        if let Some(asked) = self.options.group_id {
            return (Some(asked), "--group-id");
        }
        if let Some(named) = self.group.group_id {
            return (Some(named), "the name of the directory");
        }
        let manifests = store.into_iter().flat_map(|store| &store.manifests).filter_map(|it| it.read.manifest());
        match only(manifests.map(|manifest| manifest.group_id)) {
            Some(only) => (Some(only), "the only group in the store"),
            None => (None, "nothing says it"),
        }
    }

    /// What stands before `v1/` in the keys: as asked, else what all manifests of the group in the store have there, else all payloads.
    fn prefix(&self, group_id: Option<u64>, store: Option<&OffloadStore>) -> String {
        if let Some(asked) = &self.options.prefix {
            return key_prefix(asked);
        }
        let manifests = || store.into_iter().flat_map(|store| &store.manifests);
        let of_group = manifests().filter(|it| it.name.map(|name| name.group) == group_id).map(|it| it.prefix.as_str());
        let of_any = || only(manifests().map(|it| it.prefix.as_str()));
        if let Some(prefix) = only(of_group).or_else(of_any) {
            return prefix.to_owned();
        }
        // A store from which the manifests are gone still has payloads where they were.
        let payloads = store.into_iter().filter(|store| store.manifests.is_empty()).flat_map(|store| store.payloads.keys());
        only(payloads.filter_map(|key| KeyKind::of(key).payload_prefix())).unwrap_or_default()
    }

    /// What a publish says beside directory and store: as asked, else as the store has it.
    fn publish_options(&self, group_id: Option<u64>, store: Option<&OffloadStore>) -> PublishOptions {
        let prefix = self.prefix(group_id, store);
        let of_group = store.into_iter().flat_map(|store| &store.manifests).filter(|it| it.prefix == prefix);
        let of_group = of_group.filter_map(|it| it.read.manifest()).filter(|manifest| Some(manifest.group_id) == group_id);
        let said = |text: &Option<String>, in_store: Option<&str>| {
            text.as_deref().map(str::trim).or(in_store).unwrap_or_default().to_owned()
        };
        let source_cluster = said(&self.options.source_cluster, only(of_group.map(|it| it.source_cluster.as_str())));
        PublishOptions { prefix, source_cluster, binary_version: said(&self.options.binary_version, None) }
    }

    fn spool(&self) -> PathBuf {
        self.options.spool_dir.clone().unwrap_or_else(|| around(&self.group.path).join(SPOOL))
    }

    fn room(&self, dir: &Path, needed_bytes: Option<u64>) -> Room {
        let there = dir.ancestors().find(|dir| self.run.source.directory_id(dir).is_some() || dir.as_os_str().is_empty());
        let there = there.filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Room { dir: dir.display().to_string(), needed_bytes, free_bytes: self.run.source.free_space(there) }
    }
}

/// The value that all have, if there is one.
fn only<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

//! What a publish would do, step by step.

use super::Asked;
use crate::analysis::Coverage;
use crate::analysis::judge::offload::{ExportedSnapshot, PlanOutcome, PlannedManifest, PublishPlan};
use crate::analysis::server::conditions;
use crate::analysis::server::offload::{
    Halted, ObjectState, PUBLISHER, PublishOptions, Refusal, against_manifest, against_payload, choose_export, differences,
    judge_export, planned_manifest, published_payload_key,
};
use crate::error::{Error, Result};
use crate::formats::layout;
use crate::formats::offload::{Manifest, manifest_key};
use crate::readers::Examine;
use crate::readers::offload::{ExportSource, ObjectRead, OffloadStore, read_export, read_inline_export, read_object};

impl Asked<'_> {
    pub(super) fn publish(
        &self,
        source: &ExportSource,
        group_id: Option<u64>,
        store: Option<&OffloadStore>,
        coverage: &mut Coverage,
    ) -> Result<PublishPlan> {
        let mut options = self.publish_options(group_id, store);
        if let (None, Some(in_store)) = (&self.options.binary_version, self.same_in_store(source, group_id, store, &options)) {
            options.binary_version = in_store;
        }
        let mut plan = PublishPlan {
            outcome: PlanOutcome::Unknown,
            status: None,
            error: None,
            undecided: None,
            snapshot: None,
            arguments: arguments(group_id, &options),
            manifest: None,
            payload_in_store: ObjectState::Unknown,
            manifest_in_store: ObjectState::Unknown,
            differs_in: Vec::new(),
            condition: None,
            would_rename: Vec::new(),
            would_delete: Vec::new(),
            spool: self.room(&self.spool(), None),
            store: None,
        };
        match self.walk_publish(&mut plan, source, group_id, &options, store, coverage) {
            Ok(outcome) => (plan.outcome, plan.status) = (outcome, Some(0)),
            Err(Stopped::Error(error)) => return Err(error),
            Err(Stopped::Halted(Halted::Undecided(why))) => plan.undecided = Some(why),
            Err(Stopped::Halted(Halted::Refused(Refusal { status, error, condition }))) => {
                (plan.outcome, plan.status, plan.error) = (PlanOutcome::Refused, Some(status), Some(error));
                plan.condition = condition;
            }
        }
        Ok(plan)
    }

    /// The version in the manifest that the store has of the snapshot that would be taken.
    fn same_in_store(
        &self,
        source: &ExportSource,
        group_id: Option<u64>,
        store: Option<&OffloadStore>,
        options: &PublishOptions,
    ) -> Option<String> {
        let id = choose_export(source, &self.group.display()).chosen.ok()?.id();
        let key = manifest_key(&options.prefix, group_id?, id.index, id.term);
        let found = store?.manifests.iter().find(|it| it.key == key)?;
        Some(found.read.manifest()?.binary_version.clone())
    }

    /// The steps of a publish; each fills in what is known by then.
    fn walk_publish(
        &self,
        plan: &mut PublishPlan,
        source: &ExportSource,
        group_id: Option<u64>,
        options: &PublishOptions,
        store: Option<&OffloadStore>,
        coverage: &mut Coverage,
    ) -> std::result::Result<PlanOutcome, Stopped> {
        let Self { group, run, .. } = self;
        if group_id == Some(0) && options.source_cluster.is_empty() {
            let text = "--source-cluster is required when --group-id is 0";
            return Err(Refusal::plain(text, &conditions::OFFLOAD_MANIFEST_REFUSED).into());
        }
        let dir = group.display();
        source.snaps.snaps.iter().for_each(|snap| coverage.add_file(snap.size));
        if let Some(scan) = &source.log {
            scan.segments.iter().for_each(|segment| coverage.add_file(segment.size));
        }
        let choice = choose_export(source, &dir);
        (plan.would_rename, plan.would_delete) = (choice.would_rename, choice.would_delete);
        let export = choice.chosen?;
        let id = export.id();
        let snapshot = plan.snapshot.insert(ExportedSnapshot {
            index: id.index,
            term: id.term,
            file: layout::in_snap(&export.entry.name),
            payload: export.payload(),
            payload_bytes: None,
            payload_sha256: None,
            payload_key: None,
        });
        let path = group.path.join(export.payload());
        let read = match export.token {
            Some(_) => read_export(&path, &self.io, run)?,
            None => read_inline_export(&path, PUBLISHER, run)?,
        };
        let payload = judge_export(&export, &read, &dir)?;
        coverage.add_file(payload.0);
        (snapshot.payload_bytes, snapshot.payload_sha256) = (Some(payload.0), Some(payload.1.sha256));
        plan.spool.needed_bytes = Some(payload.0);
        let key = published_payload_key(&options.prefix, payload.1.sha256)?;
        snapshot.payload_key = Some(key.clone());
        if let Some(store) = store {
            let found = match store.path_of(&key) {
                Some(path) => read_object(&path, Examine { crc: true, walk: false, usage: false }, &self.io, run)?,
                None => ObjectRead::NotAsked,
            };
            let (state, passed) = against_payload(&key, payload, &found);
            plan.payload_in_store = state;
            if state == ObjectState::Absent {
                plan.store = Some(self.room(&store.root, Some(payload.0)));
            }
            passed?;
        }
        let Some(group_id) = group_id else {
            let why = "the number of the group is not in the directory's name; give it with --group-id";
            return Err(Halted::Undecided(why.to_owned()).into());
        };
        let manifest = planned_manifest(&export, key, payload, group_id, options);
        if let Some(refusal) = manifest.refusal() {
            return Err(Refusal::manifest("", &refusal).into());
        }
        plan.manifest = Some(shown(&manifest));
        let Some(store) = store else { return Ok(PlanOutcome::Done) };
        let found = store.manifests.iter().find(|it| it.key == manifest.manifest_key);
        let (state, passed) = against_manifest(&manifest, found);
        plan.manifest_in_store = state;
        if let Some(other) = found.and_then(|it| it.read.manifest()).filter(|_| state == ObjectState::Different) {
            plan.differs_in = differences(&manifest, other);
        }
        passed?;
        match (plan.payload_in_store, state) {
            (ObjectState::Same, ObjectState::Same) => Ok(PlanOutcome::AlreadyThere),
            _ => Ok(PlanOutcome::Done),
        }
    }
}

/// Why the walk through a publish ends.
enum Stopped {
    Halted(Halted),
    Error(Error),
}

impl From<Halted> for Stopped {
    fn from(halted: Halted) -> Self {
        Self::Halted(halted)
    }
}

impl From<Refusal> for Stopped {
    fn from(refusal: Refusal) -> Self {
        Self::Halted(refusal.into())
    }
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

fn shown(manifest: &Manifest) -> PlannedManifest {
    let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    PlannedManifest {
        manifest_key: manifest.manifest_key.clone(),
        source_cluster: said(&manifest.source_cluster),
        group_id: manifest.group_id,
        snapshot_index: manifest.snapshot_index,
        snapshot_term: manifest.snapshot_term,
        conf_state: manifest.conf_state.clone(),
        source_crc32c: manifest.payload.source_crc32c,
        binary_version: said(&manifest.binary_version),
    }
}

/// The arguments of a publish beside `--data-dir`, those of the store, and `--spool-dir`.
fn arguments(group_id: Option<u64>, options: &PublishOptions) -> Vec<String> {
    let said = |flag: &str, text: &str| (!text.is_empty()).then(|| format!("--{flag}={text}"));
    let group = group_id.map(|id| format!("--group-id={id}"));
    let prefix = said("prefix", options.prefix.trim_end_matches('/'));
    let cluster = said("source-cluster", &options.source_cluster);
    let version = said("binary-version", &options.binary_version);
    [prefix, group, cluster, version].into_iter().flatten().collect()
}

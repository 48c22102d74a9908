//! `offload plan`: what a publish and a restore would do.

use serde::Serialize;

use super::cells::verdict_cell;
use crate::analysis::judge::offload::{OffloadPlan, PlanOutcome, PublishPlan, RestorePlan, Room};
use crate::analysis::server::offload::ObjectState;
use crate::report::{Body, Cell, Label, Lines, Metric, Section, Tone, shell_words};
use crate::types::{ByteSize, NodeId};

/// What `elastickv-snapshot-offload` would do with data directories: publish now, and restore.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct OffloadPlanBody {
    /// One a data directory, in the order of their paths.
    pub plans: Vec<OffloadPlan>,
}

impl OffloadPlanBody {
    fn all(&self) -> impl Iterator<Item = (&OffloadPlan, &'static str, PlanOutcome)> {
        self.plans.iter().flat_map(|plan| {
            let publish = plan.publish.as_ref().map(|publish| (plan, "publish", publish.outcome));
            publish.into_iter().chain([(plan, "restore", plan.restore.outcome)])
        })
    }
}

impl Body for OffloadPlanBody {
    const NAME: &'static str = "offload-plan";
    const LINES: &'static [Lines] = &[Lines::of("plans", "plan")];

    fn headline(&self) -> String {
        match self.plans.as_slice() {
            [plan] => {
                let restore = match (plan.restore.outcome, &plan.restore.manifest) {
                    (PlanOutcome::Done, Some(taken)) => match taken.snapshot_index {
                        Some(index) => format!("a restore would bring back index {index}"),
                        None => "a restore would be done".to_owned(),
                    },
                    (PlanOutcome::Refused, _) => "a restore would be refused".to_owned(),
                    (PlanOutcome::NothingThere, _) if plan.publish.is_none() => "nothing in the store to restore".to_owned(),
                    // What is not known is named before.
                    _ => String::new(),
                };
                let publish = plan.publish.as_ref().map(publish_words).unwrap_or_default();
                [publish, restore].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
            }
            plans => {
                let refused = self.all().filter(|(_, _, outcome)| *outcome == PlanOutcome::Refused).count();
                match refused {
                    0 => format!("{} data directories: nothing would be refused", plans.len()),
                    refused => format!("{} data directories: {refused} would be refused", plans.len()),
                }
            }
        }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        for plan in &self.plans {
            if let Some(publish) = &plan.publish {
                sections.push(Section::facts(format!("{}: publish now", plan.dir), publish_facts(plan, publish)));
            }
            if plan.restore.outcome != PlanOutcome::NothingThere || plan.publish.is_none() {
                sections.push(Section::facts(
                    format!("{}: restore", plan.restore.destination),
                    restore_facts(&plan.restore, &plan.dir),
                ));
            }
        }
        if self.plans.iter().any(|plan| plan.restore.outcome == PlanOutcome::Done) {
            sections.push(Section::Note(
                "A restored directory has no fsm.db and no raft-engine marker: its first start makes both, and executes the full \
                 restore."
                    .to_owned(),
            ));
        }
        sections
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut outcome =
            Metric::gauge("ekv_tool_offload_plan", "1 for how a publish or a restore would end, by data directory.");
        let mut index =
            Metric::gauge("ekv_tool_offload_plan_index", "Index of the snapshot that would be published or restored.");
        for (plan, what, ends) in self.all() {
            let labels = |more: Option<&str>| {
                let mut labels = vec![(Label::Dir, plan.dir.clone()), (Label::Program, what.to_owned())];
                labels.extend(more.map(|more| (Label::Outcome, more.to_owned())));
                labels
            };
            outcome = outcome.sample(labels(Some(ends.name())), 1.0);
            let at = match (what, &plan.publish) {
                ("publish", Some(publish)) => publish.snapshot.as_ref().map(|snapshot| snapshot.index),
                _ => plan.restore.manifest.as_ref().and_then(|taken| taken.snapshot_index),
            };
            if let Some(at) = at {
                index = index.sample(labels(None), at.0 as f64);
            }
        }
        vec![outcome, index]
    }
}

fn publish_words(publish: &PublishPlan) -> String {
    let at = publish.snapshot.as_ref().map(|snapshot| format!("index {}", snapshot.index)).unwrap_or_default();
    match publish.outcome {
        PlanOutcome::Done => format!("a publish would upload {at}"),
        PlanOutcome::AlreadyThere => format!("{at} is in the store already"),
        PlanOutcome::Refused => "a publish would be refused".to_owned(),
        PlanOutcome::Unknown | PlanOutcome::NothingThere => String::new(),
    }
}

fn ending(outcome: PlanOutcome, status: Option<u8>, error: Option<&String>, undecided: Option<&String>) -> Cell {
    match (outcome, error, undecided) {
        (PlanOutcome::Done, ..) => Cell::toned("ok", Tone::Good),
        (PlanOutcome::AlreadyThere, ..) => Cell::toned("ok, nothing to upload", Tone::Good),
        (_, Some(error), _) => {
            let status = status.map(|status| format!("exit {status}: ")).unwrap_or_default();
            Cell::toned(format_args!("{status}{error}"), Tone::Bad)
        }
        (_, _, Some(why)) => Cell::toned(format_args!("not known: {why}"), Tone::Caution),
        (PlanOutcome::NothingThere, ..) => Cell::toned("nothing of the group is in the store", Tone::Dim),
        _ => Cell::toned("not known", Tone::Caution),
    }
}

fn size(bytes: Option<u64>) -> Cell {
    Cell::option(bytes.map(|bytes| format!("{} ({bytes} bytes)", ByteSize(bytes))))
}

fn room(room: &Room) -> Cell {
    let needed = room.needed_bytes.map_or_else(|| "?".to_owned(), |bytes| ByteSize(bytes).to_string());
    match room.free_bytes {
        Some(free) => {
            let short = room.needed_bytes.is_some_and(|needed| free < needed);
            let text = format!("{}: needs {needed}, {} free", room.dir, ByteSize(free));
            if short { Cell::toned(text, Tone::Bad) } else { Cell::new(text) }
        }
        None => Cell::toned(format_args!("{}: needs {needed}, free space not known", room.dir), Tone::Caution),
    }
}

fn state(state: ObjectState) -> Cell {
    match state {
        ObjectState::Absent => Cell::new("not there: it would be written"),
        ObjectState::Same => Cell::toned("there already", Tone::Good),
        ObjectState::Different => Cell::toned("something else has its key", Tone::Bad),
        ObjectState::Unknown => Cell::toned("not looked at", Tone::Dim),
    }
}

fn publish_facts(plan: &OffloadPlan, publish: &PublishPlan) -> Vec<(&'static str, Cell)> {
    let group = plan.group_id.map_or_else(|| plan.group_from.to_owned(), |id| format!("{id}, from {}", plan.group_from));
    let mut rows = vec![
        ("outcome", ending(publish.outcome, publish.status, publish.error.as_ref(), publish.undecided.as_ref())),
        ("group", Cell::new(group)),
    ];
    if !publish.arguments.is_empty() {
        rows.push(("called with", Cell::new(shell_words(publish.arguments.iter().map(String::as_str)))));
    }
    if let Some(snapshot) = &publish.snapshot {
        rows.push(("snapshot", Cell::new(format_args!("index {} term {}, {}", snapshot.index, snapshot.term, snapshot.file))));
        rows.push(("payload", size(snapshot.payload_bytes)));
        rows.push(("SHA-256", Cell::option(snapshot.payload_sha256)));
        rows.push(("payload key", Cell::option(snapshot.payload_key.as_ref())));
        rows.push(("  in the store", state(publish.payload_in_store)));
    }
    if let Some(manifest) = &publish.manifest {
        rows.push(("manifest key", Cell::new(&manifest.manifest_key)));
        rows.push(("  in the store", state(publish.manifest_in_store)));
        rows.push(("voters", Cell::new(ids(&manifest.conf_state.voters, &plan.dir))));
    }
    rows.push(("spool", room(&publish.spool)));
    if let Some(store) = &publish.store {
        rows.push(("store", room(store)));
    }
    for rename in &publish.would_rename {
        rows.push(("would rename", Cell::toned(format_args!("{} to {}", rename.from, rename.to), Tone::Caution)));
    }
    for path in &publish.would_delete {
        rows.push(("would delete", Cell::toned(path, Tone::Caution)));
    }
    rows
}

fn restore_facts(plan: &RestorePlan, dir: &str) -> Vec<(&'static str, Cell)> {
    let mut rows = vec![("outcome", ending(plan.outcome, plan.status, plan.error.as_ref(), plan.undecided.as_ref()))];
    if let Some(text) = &plan.refused_now {
        rows.push(("until it is moved", Cell::toned(text, Tone::Caution)));
    }
    if let Some(taken) = &plan.manifest {
        rows.push(("manifest", Cell::new(&taken.manifest_key)));
        rows.push(("  chosen as", Cell::new(taken.chosen_by)));
        rows.push(("  verdict", verdict_cell(taken.verdict)));
        let snapshot = taken.snapshot_index.zip(taken.snapshot_term);
        rows.push(("snapshot", Cell::option(snapshot.map(|(index, term)| format!("index {index} term {term}")))));
        rows.push(("cluster", Cell::option(taken.source_cluster.as_ref())));
        rows.push(("published", Cell::option(taken.created_at.as_ref())));
        rows.push(("payload", size(taken.payload_bytes)));
    }
    for key in &plan.passed_over {
        rows.push(("passed over", Cell::toned(key, Tone::Bad)));
    }
    rows.push(("space", room(&plan.room)));
    for left in &plan.leftovers {
        rows.push(("leftover", Cell::new(format_args!("{}, {}", left.path, ByteSize(left.bytes)))));
    }
    if let Some(peers) = &plan.peers {
        rows.push(("peers", Cell::new(format_args!("{} (from {})", ids(&peers.ids, dir), peers.from))));
    }
    for path in &plan.would_make {
        rows.push(("would make", Cell::new(path)));
    }
    rows
}

fn ids(ids: &[NodeId], dir: &str) -> String {
    ids.iter().map(|id| id.named_by(dir)).collect::<Vec<_>>().join(", ")
}

//! Members of etcd: one body for every question that is asked of their directories.

use std::marker::PhantomData;

use serde::Serialize;

use super::compare::NodeTaken;
use super::hraft::page::Question;
use crate::analysis::etcd::{EtcdLogView, EtcdOutcome, EtcdStart, EtcdStoreView, Generation};
use crate::analysis::judge::snapshot::VerifiedEnvelope;
use crate::report::{Body, Cell, Label, Lines, Metric, Section, Tone};
use crate::types::{ByteSize, Count, EtcdId};

mod sections;

/// The members of a run.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[schemars(bound = "", rename = "EtcdBody")]
pub struct EtcdBody<Q> {
    /// Always `etcd`.
    pub backend: &'static str,
    /// One a member.
    pub members: Vec<EtcdView>,
    #[serde(skip)]
    shown: Shown,
    #[serde(skip)]
    question: PhantomData<Q>,
}

/// Which parts people see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Everything.
    All,
    /// The same, of what is there.
    Page,
    /// What a start does.
    Start,
    /// The snapshots.
    Snapshots,
    /// One line a member.
    Comparison,
}

/// One member.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct EtcdView {
    /// The directory as the caller named it.
    pub dir: String,
    /// The member's id; `null` when no segment says it.
    pub member_id: Option<EtcdId>,
    /// The cluster's id.
    pub cluster_id: Option<EtcdId>,
    /// The releases of which one wrote the newest entries; `null` when they do not tell.
    pub written_by: Option<Generation>,
    /// The log; `null` when there is none, or it was not read.
    pub log: Option<EtcdLogView>,
    /// The store; `null` when there is none, or it was not read.
    pub store: Option<EtcdStoreView>,
    /// Buckets of the store.
    pub buckets: Vec<EtcdBucket>,
    /// The `.snap` files, in the order in which a start tries them.
    pub snapshots: Vec<EtcdSnapshotView>,
    /// What a start does, by release; first the releases that wrote the log.
    pub starts: Vec<EtcdStart>,
    /// Rules of Raft that were held against the log.
    pub rules: u64,
    /// The file of facts that tells of it, in a comparison; it has no buckets and no snapshots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken: Option<NodeTaken>,
}

/// A bucket of the store.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct EtcdBucket {
    /// Its name.
    pub name: String,
    /// Keys in it.
    pub keys: u64,
}

/// A `.snap` file.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct EtcdSnapshotView {
    /// True when the log has a committed record of it, so that a start may use it; `null` when the log was not read.
    pub recorded: Option<bool>,
    /// The file.
    #[serde(flatten)]
    pub envelope: VerifiedEnvelope,
}

impl<Q> EtcdBody<Q> {
    /// The members, as one question shows them.
    pub const fn new(members: Vec<EtcdView>, shown: Shown) -> Self {
        Self { backend: "etcd", members, shown, question: PhantomData }
    }
}

impl<Q: Question> Body for EtcdBody<Q> {
    const NAME: &'static str = Q::NAME;
    const LINES: &'static [Lines] = &[
        Lines::of("members", "member"),
        Lines::of("members/buckets", "bucket").named_by(&["dir"]),
        Lines::of("members/snapshots", "snapshot").named_by(&["dir"]),
        Lines::of("members/starts", "start").named_by(&["dir"]),
    ];

    fn headline(&self) -> String {
        let members = Count(self.members.len() as u64, "member of etcd").to_string();
        let members = members.replace("member of etcds", "members of etcd");
        match (self.shown, self.members.as_slice()) {
            (Shown::Start, [only]) => match only.starts.first() {
                Some(start) => format!("{members}: {}", sections::outcome(start)),
                None => members,
            },
            (Shown::Start, _) => {
                let starts = self.members.iter().filter_map(|member| member.starts.first());
                let good = starts.filter(|start| start.outcome == EtcdOutcome::Start).count();
                format!("{members}, {good} of them would start")
            }
            (Shown::Snapshots, _) => {
                let snapshots: usize = self.members.iter().map(|member| member.snapshots.len()).sum();
                format!("{} of {members}", Count::of(snapshots, "snapshot"))
            }
            (Shown::All | Shown::Page | Shown::Comparison, _) => members,
        }
    }

    fn all_clear(&self) -> &'static str {
        match self.shown {
            Shown::Snapshots => ": intact",
            Shown::Comparison => ": the logs agree",
            Shown::All | Shown::Page | Shown::Start => "",
        }
    }

    fn sections(&self) -> Vec<Section> {
        sections::of(&self.members, self.shown)
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut commit = Metric::gauge("ekv_tool_etcd_commit_index", "Commit of the last hard state of a member of etcd.");
        let mut holds = Metric::gauge("ekv_tool_etcd_consistent_index", "Last entry that the store of a member of etcd holds.");
        for member in &self.members {
            let labels = || vec![(Label::Dir, member.dir.clone())];
            if let Some(state) = member.log.as_ref().and_then(|log| log.hard_state) {
                commit = commit.sample(labels(), state.commit as f64);
            }
            if let Some(index) = member.store.as_ref().and_then(|store| store.consistent_index) {
                holds = holds.sample(labels(), index as f64);
            }
        }
        vec![commit, holds]
    }
}

/// Bytes for people.
fn bytes(bytes: u64) -> String {
    format!("{} ({bytes} bytes)", ByteSize(bytes))
}

/// A cell that is bad when `bad`.
fn toned(text: impl std::fmt::Display, bad: bool) -> Cell {
    Cell::toned(text, if bad { Tone::Bad } else { Tone::Plain })
}

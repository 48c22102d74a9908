//! One node of a group that is compared: read and started on paper, or told by a file of facts.

use super::CompareOptions;
use super::pair::{RowsAt, StoreOfNode};
use super::place::TakenGroup;

use crate::analysis::judge::codes::gate::START_REFUSED;
use crate::analysis::judge::codes::invariants::CONF_LOCAL_NOT_MEMBER;
use crate::analysis::judge::facts::StoreState;
use crate::analysis::judge::group::{self, CHECKS};
use crate::analysis::judge::nodes::{NodeStart, Replica};
use crate::analysis::judge::start::encryption_sign;
use crate::analysis::server::conditions;
use crate::analysis::server::store::StoreOpen;
use crate::analysis::{Coverage, Finding, Severity};
use crate::error::Result;
use crate::formats::layout;
use crate::ops::group::{Opened, Opening, Start, UNSETTLED};
use crate::readers::GroupDir;
use crate::readers::Settled;
use crate::readers::group::{Reading, WALK_UP_TO};
use crate::readers::pebble::{StoreCheck, StorePresence};
use crate::readers::source::Run;
use crate::types::UnixMillis;

/// One node of a group.
pub(super) enum Node {
    /// Its directory was read.
    Read(Box<ReadNode>),
    /// A file of facts tells it.
    Taken(Box<TakenGroup>),
}

/// One node of a group, read and started on paper.
pub(in crate::ops) struct ReadNode {
    pub opened: Opened,
    pub coverage: Coverage,
    pub start: NodeStart,
    /// What is wrong with it by itself.
    pub findings: Vec<Finding>,
    pub changed: bool,
    /// Large payloads and the rows of the store were left out.
    pub is_fast: bool,
}

impl ReadNode {
    /// Reads one node. Every block of its store is checked where its rows are compared as well: whether it comes up depends on them.
    pub fn read(dir: &GroupDir, options: &CompareOptions, run: &Run<'_>) -> Result<Self> {
        let reading = Reading { store: Some(if options.fast { StoreCheck::Meta } else { StoreCheck::Full }) };
        let opening = Opening { reading, payloads: options.payloads_up_to(), ..Opening::default() };
        let mut opened = Opened::read(dir, &opening, run)?;
        if opened.foreign().is_some() {
            let (coverage, start) = (Coverage::default(), NodeStart::default());
            return Ok(Self { opened, coverage, start, findings: Vec::new(), changed: false, is_fast: options.fast });
        }
        // The payload that a start restores it reads to its end, however large: what is only summed does not tell where that stops.
        opened.forecast(opened.version, run)?;
        opened.examine_named(run)?;
        let Start { forecast, mut findings, undecided, .. } = opened.start(false, &group::of_a_start(), run)?;
        findings.retain(|finding| finding.severity == Severity::Error);
        let encrypted = forecast.abort.is_none() && encryption_sign(&opened.facts, &forecast).is_some_and(|sign| sign.decisive);
        let mut start = if encrypted {
            findings.clear();
            NodeStart::unknown("encryption is in use; gate-dryrun --sidecar tells".to_owned())
        } else {
            NodeStart::of(&forecast)
        };
        let (bytes, covered) = opened.bytes();
        let mut coverage = opened.small_files();
        opened.cover_unread(&mut coverage);
        coverage.files += covered.files;
        coverage.bytes_examined += covered.bytes_examined;
        coverage.also_left_out(covered.not_examined.into_iter().filter(|part| part.needed));
        coverage.also_left_out(undecided);
        findings.extend(bytes.into_iter().filter(|finding| finding.severity == Severity::Error));
        if start.comes_up() == Some(true) {
            start.harm = findings.iter().map(|finding| finding.code.code).collect();
            start.harm.dedup();
        }
        let changed = opened.facts.group.changed();
        Ok(Self { opened, coverage, start, findings, changed, is_fast: options.fast })
    }

    /// Why it was left out, if it was.
    pub fn left_out(&self) -> Option<String> {
        match (self.opened.foreign(), self.opened.unread()) {
            (Some(refusal), _) => Some(refusal.text),
            (None, Some(unread)) => Some(format!("it was left out: {unread}")),
            (None, None) => None,
        }
    }

    /// Errors of one node by itself: its bytes, its start, and the rules that `check` holds it against.
    pub fn by_itself(&self) -> Vec<Finding> {
        let evidence = self.opened.evidence();
        let mut found = self.findings.clone();
        let refusal = evidence.peers.read().and_then(|peers| peers.refusal.as_ref());
        if refusal.is_some_and(|refusal| refusal.condition == &conditions::LOCAL_PEER_MISSING) {
            // It has applied its own removal, which the others may not know to be committed: that is no damage.
            found.retain(|finding| finding.code.code != START_REFUSED.code);
        }
        let (_, rules) = group::run(&evidence, &CHECKS.iter().collect::<Vec<_>>());
        let matters = |finding: &Finding| finding.severity == Severity::Error || finding.code.code == CONF_LOCAL_NOT_MEMBER.code;
        for mut finding in rules.into_iter().filter(matters) {
            // A start and a rule may say the same about the same place.
            if !found.iter().any(|known| known.code.code == finding.code.code) {
                finding.group = Some(self.opened.display());
                found.push(finding);
            }
        }
        found
    }

    /// True when the log cannot be decoded to its end.
    pub fn log_is_cut(&self) -> bool {
        let mut segments = self.opened.facts.group.log.iter().flat_map(|log| &log.segments);
        segments.any(|segment| !segment.trace(self.opened.version).stop.is_end())
    }

    /// Whether there is a store that opens.
    pub fn store_state(&self) -> StoreState {
        match (self.opened.facts.group.store.store.presence, &self.opened.store().open) {
            (StorePresence::Directory, StoreOpen::Opens) => StoreState::Opens,
            (StorePresence::Directory, _) => StoreState::Refused,
            _ => StoreState::Absent,
        }
    }
}

impl Settled for ReadNode {
    fn is_doubtful(&self) -> bool {
        self.start.objection().is_some() || !self.findings.is_empty()
    }

    fn changed(&self) -> bool {
        self.changed
    }

    fn unsettle(&mut self) {
        self.start = NodeStart::unknown(UNSETTLED.to_owned());
        self.findings.clear();
        self.coverage.missing(self.opened.display(), format!("{UNSETTLED}; try again"));
    }
}

impl Node {
    /// Its directory as reports show it.
    pub(super) fn display(&self) -> String {
        match self {
            Self::Read(node) => node.opened.display(),
            Self::Taken(taken) => taken.facts.node.dir.clone(),
        }
    }

    /// Bytes of memory that it takes from the budget.
    pub(super) fn memory(&self) -> u64 {
        match self {
            Self::Read(node) => node.opened.log_memory(),
            Self::Taken(taken) => taken.memory,
        }
    }

    /// The node for the comparison. Sums that were made with another salt are of no use.
    pub(super) fn replica(&self, salt: &str) -> Replica<'_> {
        match self {
            Self::Read(node) => Replica::new(&node.opened.evidence(), node.start.clone()),
            Self::Taken(taken) => {
                let facts = &taken.facts;
                let log = facts.log.as_ref().filter(|_| taken.salt == salt);
                Replica::of_facts(facts.node.clone(), facts.start.clone(), log)
            }
        }
    }

    /// True when files changed while they were read.
    pub(super) fn changed(&self) -> bool {
        match self {
            Self::Read(node) => node.changed,
            Self::Taken(taken) => taken.facts.changed,
        }
    }

    /// When a file of its log or snapshots was last changed.
    pub(super) fn last_written(&self) -> Option<UnixMillis> {
        match self {
            Self::Read(node) => node.opened.facts.group.last_written(),
            Self::Taken(taken) => taken.facts.last_written_ms,
        }
    }

    /// The file of facts that tells it.
    pub(super) fn taken(&self) -> Option<&TakenGroup> {
        match self {
            Self::Read(_) => None,
            Self::Taken(taken) => Some(taken),
        }
    }

    /// True when there is a payload of which only the stated checksum was looked at.
    pub(super) fn leaves_payloads_unread(&self) -> bool {
        let (is_fast, largest) = match self {
            Self::Read(node) => (node.is_fast, node.opened.largest_payload()),
            Self::Taken(taken) => (taken.is_fast, taken.facts.largest_payload),
        };
        is_fast && largest.is_some_and(|size| size > WALK_UP_TO)
    }

    /// Errors of the node by itself.
    pub(super) fn by_itself(&self) -> Vec<Finding> {
        match self {
            Self::Read(node) => node.by_itself(),
            Self::Taken(taken) => taken.facts.findings.clone(),
        }
    }

    /// True when the log cannot be decoded to its end.
    pub(super) fn log_is_cut(&self) -> bool {
        match self {
            Self::Read(node) => node.log_is_cut(),
            Self::Taken(taken) => taken.facts.log_is_cut,
        }
    }

    /// Says what became of the log after it was read first.
    pub(super) fn settle(&self, coverage: &mut Coverage) {
        if let Self::Read(node) = self {
            node.opened.settle(coverage);
        }
    }

    /// Its raft id, or its directory where that is not known.
    pub(super) fn name(&self) -> String {
        let id = match self {
            Self::Read(node) => &node.opened.facts.raft_id,
            Self::Taken(taken) => &taken.facts.node.raft_id,
        };
        if id.is_empty() { self.display() } else { id.clone() }
    }

    /// Its store, or why there are no rows to compare.
    pub(super) fn store(&self, name: String, salt: &str) -> Result<StoreOfNode<'_>, &'static str> {
        let state = match self {
            Self::Read(node) => node.store_state(),
            Self::Taken(taken) => taken.facts.store.state,
        };
        match state {
            StoreState::Opens => {}
            StoreState::Refused => return Err("has a store that does not open"),
            StoreState::Absent => return Err("has no store"),
        }
        let changed = self.changed();
        match self {
            Self::Read(node) => {
                let group = &node.opened.facts.group;
                let rows = RowsAt::Here { dir: group.dir.path.join(layout::STORE), log: group.log.as_ref() };
                Ok(StoreOfNode { name, shown: node.opened.path(layout::STORE), rows, changed })
            }
            Self::Taken(taken) if taken.facts.store.was_left_out() => Err("has facts that were made with --fast"),
            Self::Taken(taken) if taken.salt != salt => Err("has sums with another salt"),
            Self::Taken(taken) => {
                let shown = format!("{}/{}", taken.facts.node.dir.trim_end_matches('/'), layout::STORE);
                Ok(StoreOfNode { name, shown, rows: RowsAt::Taken(&taken.facts.store), changed })
            }
        }
    }
}

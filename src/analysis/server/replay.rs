//! What happens to every entry behind the snapshot.

use serde::Serialize;

use super::Rule;
use super::conditions::Condition;
use crate::analysis::ServerError;

/// What a start does with one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// At or below the applied floor: never delivered, its effect is in the store.
    Covered,
    /// Below the floor, but it lives in memory only: applied again before raft starts.
    VolatileReplay,
    /// Delivered again; it lives in memory only and is applied again.
    LeaseReapplied,
    /// Delivered again and dropped as a duplicate.
    DuplicateDropped,
    /// Handed to the state machine for the first time.
    Apply,
    /// A membership change applied for the first time; writes the peers file and a snapshot at its index.
    ConfApply,
    /// A membership change applied again; writes the peers file and a snapshot at its index.
    ConfReapplied,
    /// Only moves the counter.
    Noop,
    /// Waits for the commit; a new leader may replace it.
    Uncommitted,
    /// The run loop ends here, or never gets this far.
    Halt,
}

impl Action {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Covered => "covered",
            Self::VolatileReplay => "volatile-replay",
            Self::LeaseReapplied => "lease-reapplied",
            Self::DuplicateDropped => "duplicate-dropped",
            Self::Apply => "apply",
            Self::ConfApply => "conf-apply",
            Self::ConfReapplied => "conf-reapplied",
            Self::Noop => "noop",
            Self::Uncommitted => "uncommitted",
            Self::Halt => "halt",
        }
    }
}

/// What kind of thing an entry is, as far as the replay treats kinds differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Empty, or not a proposal: moves the counter, nothing else.
    Empty,
    /// Lives in memory only (leases).
    Volatile,
    /// Changes the store.
    Data,
    /// A membership change of either version.
    Conf,
}

/// One entry as the replay sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayEntry {
    /// Its index.
    pub index: u64,
    /// What kind of thing it is.
    pub kind: Kind,
    /// A lease's value in Unix milliseconds; only values above 0 move the clock.
    pub lease_ms: Option<i64>,
    /// Its payload cannot be opened without a key.
    pub sealed: bool,
    /// Why handing it over for the first time would end the run loop.
    pub halts: Option<ServerError>,
    /// Why delivering it at all would end the run loop: a membership change is never a duplicate, and an envelope is opened before
    /// anybody asks whether its entry is one.
    pub halts_always: Option<ServerError>,
    /// True for a membership change that takes the node itself out of its group.
    pub removes_self: bool,
}

/// The indexes between which the replay happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The chosen snapshot, S.
    pub snapshot: u64,
    /// The committed index, K.
    pub commit: u64,
    /// The applied counter at the start, A.
    pub applied: u64,
    /// The applied floor handed to raft, R.
    pub floor: u64,
    /// True when the node needs nobody's vote but its own: what stands behind the commit is committed and applied at once.
    pub commits_alone: bool,
}

/// What is left of the server when the run loop ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HaltEffect {
    /// The library ends the process.
    ProcessEnds,
    /// A node that is alone in its peers file waits for its own election, so that the start itself fails.
    StartFails,
    /// The process lives on and serves its other groups; this one is shut down.
    GroupStops,
}

/// Where the run loop would end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Halt {
    /// Which condition it is.
    #[serde(skip)]
    pub condition: &'static Condition,
    /// The entry; for a guard behind the cold start the last one that is applied then.
    pub index: u64,
    /// Not an entry ends the process, but a guard that runs when the log has been replayed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub guard: bool,
    /// What is left of the server.
    pub effect: HaltEffect,
    /// The server's name for the condition.
    pub error: String,
    /// The line it would log.
    pub text: String,
}

/// Counts by action, and what the replay leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Replay {
    /// Entries at or below the floor that are not delivered.
    pub covered: u64,
    /// Volatile entries applied before raft starts.
    pub volatile_replay: u64,
    /// Volatile entries applied on redelivery.
    pub lease_reapplied: u64,
    /// Entries dropped as duplicates.
    pub duplicate_dropped: u64,
    /// Entries handed to the state machine for the first time.
    pub apply: u64,
    /// Membership changes applied for the first time.
    pub conf_apply: u64,
    /// Membership changes applied again.
    pub conf_reapplied: u64,
    /// Entries that only move the counter.
    pub noop: u64,
    /// Entries that wait for their commit.
    pub uncommitted: u64,
    /// How many of those the node commits itself in the startup, because nobody else votes, and then applies.
    pub self_committed: u64,
    /// The applied floor handed to raft, R.
    pub floor: u64,
    /// Where the run loop would end.
    pub halt: Option<Halt>,
    /// Largest lease that is applied, Unix milliseconds.
    #[serde(skip)]
    pub lease_ceiling_ms: u64,
    /// True when the node is alone in its peers file, so that the start waits for its election.
    #[serde(skip)]
    pub single_peer: bool,
}

/// The applied floor R that is handed to raft.
///
/// It stops before a membership change and before an entry whose payload cannot be opened; under rule c' before a volatile
/// one too. `entries` are those after the snapshot, ascending; they are read only as far as needed.
pub fn applied_floor(
    rule: Rule,
    snapshot: u64,
    commit: u64,
    applied: u64,
    entries: impl IntoIterator<Item = ReplayEntry>,
) -> u64 {
    match rule {
        Rule::A | Rule::B | Rule::BPrime | Rule::C => snapshot,
        Rule::CPrime | Rule::D => {
            let reach = applied.min(commit.max(snapshot));
            if reach <= snapshot {
                return reach;
            }
            let stops = |entry: &ReplayEntry| {
                entry.kind == Kind::Conf
                    || entry.sealed
                    || entry.halts_always.is_some()
                    || (rule == Rule::CPrime && entry.kind == Kind::Volatile)
            };
            match entries.into_iter().take_while(|entry| entry.index <= reach).find(stops) {
                Some(entry) => entry.index.saturating_sub(1),
                None => reach,
            }
        }
    }
}

impl Replay {
    /// Starts with nothing replayed. `single_peer`: the peers file lists the node alone.
    pub fn new(bounds: Bounds, single_peer: bool) -> Self {
        Self { floor: bounds.floor, single_peer, ..Self::default() }
    }

    /// Decides about the next entry and counts it.
    pub fn observe(&mut self, bounds: Bounds, entry: &ReplayEntry) -> Action {
        let action = self.decide(bounds, entry);
        let committed_here = bounds.commits_alone && action == Action::Uncommitted;
        match action {
            Action::Covered => self.covered += 1,
            Action::VolatileReplay => self.volatile_replay += 1,
            Action::LeaseReapplied => self.lease_reapplied += 1,
            Action::DuplicateDropped => self.duplicate_dropped += 1,
            Action::Apply => self.apply += 1,
            Action::ConfApply => self.conf_apply += 1,
            Action::ConfReapplied => self.conf_reapplied += 1,
            Action::Noop => self.noop += 1,
            Action::Uncommitted => {
                self.uncommitted += 1;
                self.self_committed += u64::from(committed_here);
            }
            Action::Halt => {}
        }
        let volatile = committed_here && entry.kind == Kind::Volatile;
        if volatile || matches!(action, Action::Apply | Action::VolatileReplay | Action::LeaseReapplied) {
            self.count_lease(entry);
        }
        action
    }

    /// Raises the ceiling to a lease that is applied. A value below 1 does not move the clock.
    fn count_lease(&mut self, entry: &ReplayEntry) {
        if let Some(Ok(lease)) = entry.lease_ms.map(u64::try_from) {
            self.lease_ceiling_ms = self.lease_ceiling_ms.max(lease);
        }
    }

    /// Regions are evaluated top down: not committed, below the floor, below the counter, fresh.
    fn decide(&mut self, bounds: Bounds, entry: &ReplayEntry) -> Action {
        let Bounds { commit, applied, floor, .. } = bounds;
        let committed = entry.index <= commit;
        if !committed && !bounds.commits_alone {
            return Action::Uncommitted;
        }
        if entry.index <= floor {
            return match entry.kind {
                Kind::Empty => Action::Noop,
                Kind::Volatile => Action::VolatileReplay,
                Kind::Data | Kind::Conf => Action::Covered,
            };
        }
        if self.halt.is_some() {
            return Action::Halt;
        }
        let duplicate = entry.index <= applied;
        let halts = entry.halts_always.as_ref().or(if duplicate { None } else { entry.halts.as_ref() });
        if let Some(error) = halts {
            let effect = match (error.ends_the_process(), self.single_peer) {
                (true, _) => HaltEffect::ProcessEnds,
                (false, true) => HaltEffect::StartFails,
                (false, false) => HaltEffect::GroupStops,
            };
            self.halt = Some(Halt {
                condition: error.condition,
                index: entry.index,
                guard: false,
                effect,
                error: error.error.to_string(),
                text: error.text.clone(),
            });
            return Action::Halt;
        }
        if !committed {
            return Action::Uncommitted;
        }
        match (entry.kind, duplicate) {
            (Kind::Empty, _) => Action::Noop,
            (Kind::Volatile, true) => Action::LeaseReapplied,
            (Kind::Data, true) => Action::DuplicateDropped,
            (Kind::Volatile | Kind::Data, false) => Action::Apply,
            (Kind::Conf, true) => Action::ConfReapplied,
            (Kind::Conf, false) => Action::ConfApply,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::server::conditions;

    fn entry(index: u64, kind: Kind) -> ReplayEntry {
        let lease_ms = (kind == Kind::Volatile).then_some(1000 * index.cast_signed());
        ReplayEntry { index, kind, lease_ms, sealed: false, halts: None, halts_always: None, removes_self: false }
    }

    fn run(bounds: Bounds, entries: &[ReplayEntry]) -> (Vec<Action>, Replay) {
        let mut replay = Replay::new(bounds, false);
        let actions = entries.iter().map(|entry| replay.observe(bounds, entry)).collect();
        (actions, replay)
    }

    /// Snapshot 10, commit 15, applied 13: lease 12 is replayed, data 13 covered, 14 and 15 applied.
    #[test]
    fn main_covers_up_to_the_floor_and_applies_the_rest() {
        let log = [
            entry(11, Kind::Empty),
            entry(12, Kind::Volatile),
            entry(13, Kind::Data),
            entry(14, Kind::Data),
            entry(15, Kind::Volatile),
            entry(16, Kind::Data),
        ];
        let floor = applied_floor(Rule::D, 10, 15, 13, log.clone());
        assert_eq!(floor, 13);
        let (actions, replay) = run(Bounds { snapshot: 10, commit: 15, applied: 13, floor, commits_alone: false }, &log);
        assert_eq!(
            actions,
            [Action::Noop, Action::VolatileReplay, Action::Covered, Action::Apply, Action::Apply, Action::Uncommitted]
        );
        assert_eq!(replay.lease_ceiling_ms, 15_000);
    }

    /// Under pr934 the floor is the snapshot: entries up to the counter are delivered again.
    #[test]
    fn pr934_delivers_again_and_drops_duplicates() {
        let log = [entry(11, Kind::Data), entry(12, Kind::Volatile), entry(13, Kind::Conf), entry(14, Kind::Data)];
        let floor = applied_floor(Rule::C, 10, 14, 16, log.clone());
        assert_eq!(floor, 10);
        let (actions, _) = run(Bounds { snapshot: 10, commit: 14, applied: 16, floor, commits_alone: false }, &log);
        assert_eq!(actions, [Action::DuplicateDropped, Action::LeaseReapplied, Action::ConfReapplied, Action::DuplicateDropped]);
    }

    #[test]
    fn the_floor_stops_before_a_membership_change() {
        let log = [entry(11, Kind::Data), entry(12, Kind::Conf), entry(13, Kind::Data)];
        assert_eq!(applied_floor(Rule::D, 10, 13, 13, log.clone()), 11);
        assert_eq!(applied_floor(Rule::D, 10, 10, 13, log.clone()), 10, "uncommitted entries do not raise it");
        assert_eq!(applied_floor(Rule::D, 0, 0, 0, []), 0);
    }

    #[test]
    fn a_halt_ends_the_replay_unless_the_entry_is_a_duplicate() {
        let mut bad = entry(12, Kind::Data);
        bad.halts = Some(ServerError::plain(&conditions::APPLY_HALT));
        let log = [entry(11, Kind::Data), bad, entry(13, Kind::Data)];
        let fresh = Bounds { snapshot: 10, commit: 13, applied: 10, floor: 10, commits_alone: false };
        let (actions, replay) = run(fresh, &log);
        assert_eq!(actions, [Action::Apply, Action::Halt, Action::Halt]);
        assert_eq!(replay.halt.unwrap().index, 12);
        let (actions, replay) = run(Bounds { applied: 13, ..fresh }, &log);
        assert_eq!(actions, [Action::DuplicateDropped; 3]);
        assert_eq!(replay.halt, None);
    }

    /// Commit 12: what stands behind it is applied at once when nobody else votes, and halts like anything else.
    #[test]
    fn a_lone_voter_commits_its_own_end() {
        let mut bad = entry(14, Kind::Data);
        bad.halts = Some(ServerError::plain(&conditions::APPLY_HALT));
        let log = [entry(11, Kind::Data), entry(12, Kind::Data), entry(13, Kind::Volatile), bad, entry(15, Kind::Volatile)];
        let others = Bounds { snapshot: 10, commit: 12, applied: 10, floor: 10, commits_alone: false };
        let (actions, replay) = run(others, &log);
        assert_eq!(actions[2..], [Action::Uncommitted; 3]);
        assert_eq!((replay.halt, replay.lease_ceiling_ms, replay.self_committed), (None, 0, 0));
        let (actions, replay) = run(Bounds { commits_alone: true, ..others }, &log);
        assert_eq!(actions[2..], [Action::Uncommitted, Action::Halt, Action::Halt]);
        assert_eq!((replay.uncommitted, replay.self_committed, replay.lease_ceiling_ms), (1, 1, 13_000));
        let halt = replay.halt.unwrap();
        assert_eq!((halt.index, halt.effect), (14, HaltEffect::GroupStops));
        // A store that is ahead of the entry drops it.
        let (_, replay) = run(Bounds { commits_alone: true, applied: 15, ..others }, &log);
        assert_eq!((replay.halt, replay.self_committed), (None, 3));
    }

    #[test]
    fn what_a_halt_leaves_depends_on_who_ends_it_and_who_waits() {
        let bounds = Bounds { snapshot: 10, commit: 11, applied: 10, floor: 10, commits_alone: false };
        let effect = |text: &'static str, single_peer| {
            let mut bad = entry(11, Kind::Data);
            bad.halts = Some(ServerError::of(&conditions::APPLY_HALT, text));
            let mut replay = Replay::new(bounds, single_peer);
            replay.observe(bounds, &bad);
            replay.halt.unwrap().effect
        };
        assert_eq!(effect("panic: removed all voters", true), HaltEffect::ProcessEnds);
        assert_eq!(effect("unexpected EOF", true), HaltEffect::StartFails);
        assert_eq!(effect("unexpected EOF", false), HaltEffect::GroupStops);
    }
}

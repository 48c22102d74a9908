//! Files of facts that are made for a test or a measurement, as `ekv-tool facts` would write them of nodes that agree.

use std::sync::OnceLock;

use ekv_tool::analysis::Coverage;
use ekv_tool::analysis::judge::facts::{GroupFacts, StoreFacts, StoreState};
use ekv_tool::analysis::judge::nodes::{
    CommitFacts, LogFacts, NodeFacts, NodeStart, PeerInList, PeersList, RecordedMembers, SnapshotFacts,
};
use ekv_tool::formats::facts::{LogSums, RecordChain, SCHEMA, Salt, Summer, TermRun, TermRuns, close};
use ekv_tool::formats::raftpb::{ConfState, EntryType, HardState};
use ekv_tool::types::{LogIndex, NodeId, ServerVersion, SnapshotId, Term, UnixMillis};
use serde::Serialize;

/// When facts are taken when nobody says otherwise, in Unix milliseconds: an hour before this run.
pub fn taken() -> u64 {
    static TAKEN: OnceLock<u64> = OnceLock::new();
    *TAKEN.get_or_init(|| ekv_tool::io::now().map_or(0, |now| now.0.saturating_sub(3_600_000)))
}

/// A group.
#[derive(Debug, Clone, Default)]
pub struct MadeGroup {
    /// Its number.
    pub number: u64,
    /// Names of its voters; the first one leads.
    pub voters: Vec<String>,
    /// Names of voters of the configuration that is being left.
    pub leaving: Vec<String>,
    /// Names of members without a vote.
    pub learners: Vec<String>,
    /// Entries of the log, behind a snapshot at 1000.
    pub entries: u64,
    /// What is in them, beside the number of the group: that of another cluster is something else.
    pub cluster: &'static str,
}

/// What the start of a copy reads and writes.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct MadeCost {
    /// Bytes.
    pub read_bytes: u64,
    /// Bytes.
    pub write_bytes: u64,
    /// Milliseconds.
    pub estimate_ms: Option<u64>,
}

/// A copy and what its start costs.
pub type MadeCopy = (GroupFacts, MadeCost);

/// Index of the snapshot.
const SNAPSHOT: u64 = 1000;
const TERM: Term = Term(3);

fn ids(names: &[String]) -> Vec<NodeId> {
    names.iter().map(|name| NodeId::of_raft_id(name)).collect()
}

/// The node id of a name, as it is shown.
pub fn id(name: &str) -> String {
    NodeId::of_raft_id(name).to_string()
}

impl MadeGroup {
    /// A group of voters.
    pub fn of(number: u64, voters: &[&str]) -> Self {
        Self { number, voters: voters.iter().map(|name| (*name).to_owned()).collect(), entries: 20, ..Self::default() }
    }

    /// Its members.
    pub fn members(&self) -> ConfState {
        ConfState {
            voters: ids(&self.voters),
            learners: ids(&self.learners),
            voters_outgoing: ids(&self.leaving),
            ..ConfState::default()
        }
    }

    fn peers(&self) -> PeersList {
        let of = |names: &[String], voter| {
            let peer = |name: &String| PeerInList { node_id: NodeId::of_raft_id(name), raft_id: name.clone(), voter };
            names.iter().map(peer).collect::<Vec<_>>()
        };
        let members = [of(&self.voters, true), of(&self.leaving, true), of(&self.learners, false)].concat();
        PeersList { index: LogIndex(SNAPSHOT), members }
    }

    /// The sums of the entries, which are the same on every node.
    pub fn sums(&self) -> LogSums {
        let (last, salt) = (LogIndex(SNAPSHOT + self.entries), Salt::default());
        let runs = TermRuns::of([TermRun { first: LogIndex(SNAPSHOT + 1), last, term: TERM }]);
        let sum = |index| {
            let data = format!("{}{} {index}", self.cluster, self.number);
            (LogIndex(index), salt.of_entry(LogIndex(index), TERM, EntryType::Normal, data.as_bytes()))
        };
        Summer::of(&runs, 0, (SNAPSHOT + 1..=last.0).map(sum)).unwrap_or_default()
    }

    /// The copy of a node, with sums of the entries.
    pub fn copy(&self, node: &str, sums: &LogSums) -> MadeCopy {
        let members = self.members();
        let last = SnapshotId { index: LogIndex(SNAPSHOT + self.entries), term: TERM };
        let snapshot = SnapshotId { index: LogIndex(SNAPSHOT), term: TERM };
        let vote = self.voters.first().map(|name| NodeId::of_raft_id(name)).unwrap_or_default();
        // What the records of a log are in tells one member from another.
        let mut records = RecordChain::new(&Salt::default(), 1, 1);
        records.add(format!("{}{node} {}", self.cluster, self.number).as_bytes());
        let node = NodeFacts {
            dir: format!("/var/lib/elastickv/{node}/group-{}", self.number),
            raft_id: node.to_owned(),
            end_of_log: Some(last.index),
            hard_state: HardState { term: TERM, vote, commit: last.index },
            snapshot,
            last,
            members: Some(members.clone()),
            recorded: vec![RecordedMembers { index: snapshot.index, members: members.clone() }],
            commits: vec![CommitFacts { index: last.index, term: TERM }],
            snapshots: vec![SnapshotFacts {
                file: "0000000000000003-00000000000003e8.snap".to_owned(),
                id: snapshot,
                members,
                payload_crc32c: None,
            }],
            peers: Some(self.peers()),
            applied: Some(last.index),
            entries: TermRuns::of([TermRun { first: LogIndex(SNAPSHOT + 1), last: last.index, term: TERM }]),
            ..NodeFacts::default()
        };
        let facts = GroupFacts {
            group_id: Some(self.number),
            engine: ServerVersion::NEWEST,
            node,
            start: NodeStart { outcome: "skip", reason: None, harm: Vec::new() },
            log: Some(LogFacts { entries: sums.clone(), segments: vec![records.finish(0, LogIndex(0))] }),
            log_is_cut: false,
            changed: false,
            last_written_ms: Some(UnixMillis(taken() - 1000)),
            largest_payload: None,
            findings: Vec::new(),
            not_examined: Vec::new(),
            store: StoreFacts { state: StoreState::Opens, content: None, not_examined: Vec::new() },
            encryption: None,
            encryption_findings: Vec::new(),
        };
        (facts, MadeCost { read_bytes: 1 << 20, write_bytes: 0, estimate_ms: Some(10) })
    }
}

#[derive(Serialize)]
struct Document<'d> {
    schema: &'static str,
    tool_version: &'static str,
    verdict: &'static str,
    taken_at: Option<String>,
    taken_at_ms: UnixMillis,
    fast: bool,
    salt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    single_groups: Option<bool>,
    groups: Vec<&'d GroupFacts>,
    left_out: Vec<()>,
    forecasts: Vec<Forecast<'d>>,
    findings: Vec<()>,
    coverage: Coverage,
}

#[derive(Serialize)]
struct Forecast<'d> {
    dir: &'d str,
    raft_id: &'d str,
    group_id: Option<u64>,
    outcome: &'static str,
    reason: &'static str,
    cost: MadeCost,
}

/// The file of a node with these copies.
pub fn facts(taken_at: u64, copies: &[MadeCopy]) -> Vec<u8> {
    facts_telling(taken_at, copies, &Told::default())
}

/// What a file says beside its copies.
#[derive(Debug, Clone, Copy, Default)]
pub struct Told {
    /// Another outcome of all forecasts than what the comparison is told.
    pub outcome: Option<&'static str>,
    /// Whether single groups were named.
    pub single_groups: Option<bool>,
    /// Another verdict than `clean`.
    pub verdict: Option<&'static str>,
    /// Another name of the salt.
    pub salt: Option<&'static str>,
}

/// The file of single groups.
pub fn of_single_groups(taken_at: u64, copies: &[MadeCopy]) -> Vec<u8> {
    facts_telling(taken_at, copies, &Told { single_groups: Some(true), ..Told::default() })
}

/// The file of all groups of a node.
pub fn of_all_groups(taken_at: u64, copies: &[MadeCopy]) -> Vec<u8> {
    facts_telling(taken_at, copies, &Told { single_groups: Some(false), ..Told::default() })
}

/// The same with another outcome of all forecasts than what the comparison is told.
pub fn facts_forecasting(taken_at: u64, copies: &[MadeCopy], outcome: Option<&'static str>) -> Vec<u8> {
    facts_telling(taken_at, copies, &Told { outcome, ..Told::default() })
}

/// A file that says something of its own.
pub fn facts_telling(taken_at: u64, copies: &[MadeCopy], told: &Told) -> Vec<u8> {
    fn forecast<'c>((copy, cost): &'c MadeCopy, outcome: Option<&'static str>) -> Forecast<'c> {
        Forecast {
            dir: &copy.node.dir,
            raft_id: &copy.node.raft_id,
            group_id: copy.group_id,
            outcome: outcome.unwrap_or(copy.start.outcome),
            reason: "as made",
            cost: *cost,
        }
    }
    let taken_at_ms = UnixMillis(taken_at);
    let document = Document {
        schema: SCHEMA,
        tool_version: "0.1.0",
        verdict: told.verdict.unwrap_or("clean"),
        taken_at: taken_at_ms.to_rfc3339(),
        taken_at_ms,
        fast: true,
        salt: told.salt.map_or_else(|| Salt::default().name(), str::to_owned),
        single_groups: told.single_groups,
        groups: copies.iter().map(|(copy, _)| copy).collect(),
        left_out: Vec::new(),
        forecasts: copies.iter().map(|copy| forecast(copy, told.outcome)).collect(),
        findings: Vec::new(),
        coverage: Coverage { files: copies.len() as u64, bytes_examined: 1 << 20, not_examined: Vec::new() },
    };
    let mut bytes = serde_json::to_vec_pretty(&document).unwrap_or_default();
    close(&mut bytes);
    bytes
}

/// The files of all nodes of these groups, by name.
pub fn fleet(groups: &[MadeGroup], change: impl Fn(&str, &mut MadeCopy)) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut copies: std::collections::BTreeMap<String, Vec<MadeCopy>> = std::collections::BTreeMap::new();
    for group in groups {
        let sums = group.sums();
        let mut names: Vec<_> = group.voters.iter().chain(&group.leaving).chain(&group.learners).collect();
        names.sort();
        names.dedup();
        for name in names {
            let mut copy = group.copy(name, &sums);
            change(name, &mut copy);
            copies.entry(name.clone()).or_default().push(copy);
        }
    }
    copies.into_iter().map(|(name, copies)| (name, facts(taken(), &copies))).collect()
}

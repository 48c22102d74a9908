//! The tables that are made of facts.

use std::collections::HashMap;
use std::path::Path;

use ekv_tool::analysis::judge::facts::{GroupFacts, StoreState};
use ekv_tool::formats::raftpb::ConfState;
use ekv_tool::types::NodeId;

use super::table::Kind::{Number, Text, Truth};
use super::table::{Table, Value, always, maybe};
use crate::facts::{FactsFile, FindingLine, name_of};

/// One row a node of a file of facts. Its part is written last: what has none here was not collected to its end.
pub const NODES: Table = Table {
    name: "nodes",
    columns: &[
        always("facts_sha256", Text),
        always("node", Text),
        always("taken_at_ms", Number),
        always("tool_version", Text),
        always("fast", Truth),
        always("salt", Text),
        always("verdict", Text),
        always("groups", Number),
        always("errors", Number),
        always("warnings", Number),
        always("not_examined", Number),
        always("start_read_bytes", Number),
        always("start_write_bytes", Number),
        maybe("start_estimate_ms", Number),
        always("facts_bytes", Number),
        maybe("single_groups", Truth),
    ],
};

/// One row a group of a node.
pub const GROUPS: Table = Table {
    name: "groups",
    columns: &[
        always("facts_sha256", Text),
        always("node", Text),
        maybe("group_id", Number),
        always("dir", Text),
        always("engine", Text),
        always("term", Number),
        always("vote", Text),
        always("commit_index", Number),
        always("last_index", Number),
        always("last_term", Number),
        maybe("end_of_log", Number),
        always("entries", Number),
        always("snapshot_index", Number),
        always("snapshot_term", Number),
        maybe("applied_index", Number),
        maybe("voters", Number),
        maybe("learners", Number),
        maybe("leaving_voters", Number),
        always("start", Text),
        maybe("start_reason", Text),
        maybe("start_harm", Text),
        maybe("start_read_bytes", Number),
        maybe("start_write_bytes", Number),
        maybe("start_estimate_ms", Number),
        always("store", Text),
        maybe("store_rows", Number),
        maybe("store_content_hash", Text),
        always("log_is_cut", Truth),
        always("changed", Truth),
        maybe("last_written_ms", Number),
        maybe("largest_payload", Number),
        always("errors", Number),
        always("not_examined", Number),
    ],
};

/// One row a member of a group, as a node knows it at its commit.
pub const MEMBERS: Table = Table {
    name: "members",
    columns: &[
        always("facts_sha256", Text),
        always("node", Text),
        maybe("group_id", Number),
        always("commit_index", Number),
        always("member_id", Text),
        maybe("member", Text),
        always("role", Text),
    ],
};

/// One row a finding of `check`.
pub const FINDINGS: Table = Table {
    name: "findings",
    columns: &[
        always("facts_sha256", Text),
        maybe("node", Text),
        maybe("group_id", Number),
        always("code", Text),
        always("severity", Text),
        maybe("dir", Text),
        maybe("path", Text),
        maybe("byte_offset", Number),
        always("message", Text),
        always("advice", Text),
        maybe("derived_from", Text),
        always("occurrences", Number),
    ],
};

/// One row a `.snap` file that can be read.
pub const SNAPSHOTS: Table = Table {
    name: "snapshots",
    columns: &[
        always("facts_sha256", Text),
        always("node", Text),
        maybe("group_id", Number),
        always("file", Text),
        always("snapshot_index", Number),
        always("snapshot_term", Number),
        always("chosen", Truth),
        always("voters", Number),
        always("learners", Number),
        maybe("payload_crc32c", Text),
    ],
};

/// All of them, in the order in which their parts are written.
pub const TABLES: [Table; 5] = [GROUPS, MEMBERS, FINDINGS, SNAPSHOTS, NODES];

/// The rows of a table.
pub type Rows = Vec<Vec<Value>>;

/// The rows of every table of [`TABLES`], in the same order.
pub fn rows(file: &FactsFile) -> [Rows; 5] {
    [groups(file), members(file), findings(file), snapshots(file), nodes(file)]
}

fn digest(file: &FactsFile) -> Value {
    file.sha256.to_string().into()
}

/// Node ids as `ekv-tool` shows them.
fn id(node: NodeId) -> Value {
    node.to_string().into()
}

fn nodes(file: &FactsFile) -> Rows {
    let verdict = file.verdict().name();
    let owners = Owners::of(file);
    let mut found: HashMap<(&str, &str), u64> = HashMap::new();
    for line in &file.sheet.findings {
        // What belongs to no group of its own belongs to all nodes of the file.
        let of = owners.of_finding(line).map_or("", name_of);
        let count = found.entry((of, line.severity.as_str())).or_default();
        *count = count.saturating_add(line.more).saturating_add(1);
    }
    let row = |name: &str| {
        let copies: Vec<_> = file.document.groups.iter().filter(|copy| name_of(copy) == name).collect();
        let count =
            |severity| ["", name].iter().filter_map(|of| found.get(&(*of, severity))).copied().fold(0, u64::saturating_add);
        let cost = file.cost_of(name, |_| true);
        vec![
            digest(file),
            name.into(),
            file.document.taken_at_ms.0.into(),
            file.document.tool_version.as_str().into(),
            file.document.fast.into(),
            file.document.salt.as_str().into(),
            verdict.into(),
            copies.len().into(),
            count("error").into(),
            count("warning").into(),
            file.sheet.not_examined(&file.document).filter(|part| part.needed).count().into(),
            cost.read_bytes.into(),
            cost.write_bytes.into(),
            cost.estimate_ms.into(),
            file.bytes.len().into(),
            file.document.single_groups.into(),
        ]
    };
    file.nodes().into_iter().map(row).collect()
}

fn groups(file: &FactsFile) -> Rows {
    let row = |copy: &GroupFacts| {
        let node = &copy.node;
        let members = node.members.as_ref();
        let count = |of: fn(&ConfState) -> usize| Value::from(members.map(of));
        let cost = file.cost_of_copy(copy);
        let store = match copy.store.state {
            StoreState::Opens => "opens",
            StoreState::Refused => "refused",
            StoreState::Absent => "absent",
        };
        let harm = (!copy.start.harm.is_empty()).then(|| copy.start.harm.join(" "));
        vec![
            digest(file),
            name_of(copy).into(),
            copy.group_id.into(),
            node.dir.as_str().into(),
            copy.engine.name().into(),
            node.hard_state.term.0.into(),
            id(node.hard_state.vote),
            node.commit().0.into(),
            node.last.index.0.into(),
            node.last.term.0.into(),
            node.end_of_log.map(|index| index.0).into(),
            node.entries.count().into(),
            node.snapshot.index.0.into(),
            node.snapshot.term.0.into(),
            node.applied.map(|index| index.0).into(),
            count(|members| members.voters.len()),
            count(|members| members.learners.len()),
            count(|members| members.voters_outgoing.len()),
            copy.start.outcome.into(),
            copy.start.reason.clone().into(),
            harm.into(),
            cost.map(|cost| cost.read_bytes).into(),
            cost.map(|cost| cost.write_bytes).into(),
            cost.and_then(|cost| cost.estimate_ms).into(),
            store.into(),
            copy.store.content.as_ref().map(|content| content.rows).into(),
            copy.store.content.as_ref().map(|content| String::from(content.content_hash)).into(),
            copy.log_is_cut.into(),
            copy.changed.into(),
            copy.last_written_ms.map(|written| written.0).into(),
            copy.largest_payload.into(),
            copy.findings.len().into(),
            copy.not_examined.iter().filter(|part| part.needed).count().into(),
        ]
    };
    file.document.groups.iter().map(row).collect()
}

fn members(file: &FactsFile) -> Rows {
    let mut rows = Vec::new();
    for copy in &file.document.groups {
        let Some(members) = &copy.node.members else { continue };
        let listed = copy.node.peers.iter().flat_map(|peers| &peers.members).filter(|peer| !peer.raft_id.is_empty());
        let mut names: HashMap<_, _> = listed.map(|peer| (peer.node_id, peer.raft_id.as_str())).collect();
        names.insert(NodeId::of_raft_id(&copy.node.raft_id), name_of(copy));
        let roles = [
            ("voter", &members.voters),
            ("learner", &members.learners),
            ("leaving-voter", &members.voters_outgoing),
            ("next-learner", &members.learners_next),
        ];
        for (role, ids) in roles {
            for member in ids {
                let name = names.get(member).copied();
                rows.push(vec![
                    digest(file),
                    name_of(copy).into(),
                    copy.group_id.into(),
                    copy.node.commit().0.into(),
                    id(*member),
                    name.into(),
                    role.into(),
                ]);
            }
        }
    }
    rows
}

/// Which copy a finding is about.
struct Owners<'f> {
    by_dir: HashMap<&'f str, &'f GroupFacts>,
    only: Option<&'f GroupFacts>,
}

impl<'f> Owners<'f> {
    fn of(file: &'f FactsFile) -> Self {
        let groups = &file.document.groups;
        let only = if let [only] = groups.as_slice() { Some(only) } else { None };
        Self { by_dir: groups.iter().map(|copy| (copy.node.dir.trim_end_matches('/'), copy)).collect(), only }
    }

    fn of_finding(&self, line: &FindingLine) -> Option<&'f GroupFacts> {
        let place = line.group.as_deref().or(line.path.as_deref()).unwrap_or_default();
        // Of directories in each other the inner one.
        let mut above = Path::new(place).ancestors().filter_map(Path::to_str);
        self.only.or_else(|| above.find_map(|dir| self.by_dir.get(dir.trim_end_matches('/')).copied()))
    }
}

fn findings(file: &FactsFile) -> Rows {
    let names = file.nodes();
    let only = if let [only] = names.as_slice() { Some(*only) } else { None };
    let owners = Owners::of(file);
    let row = |line: &FindingLine| {
        let copy = owners.of_finding(line);
        vec![
            digest(file),
            copy.map(name_of).or(only).into(),
            copy.and_then(|copy| copy.group_id).into(),
            line.code.as_str().into(),
            line.severity.as_str().into(),
            line.group.clone().into(),
            line.path.clone().into(),
            line.offset.into(),
            line.message.as_str().into(),
            line.advice.as_str().into(),
            line.derived_from.clone().into(),
            line.more.saturating_add(1).into(),
        ]
    };
    file.sheet.findings.iter().map(row).collect()
}

fn snapshots(file: &FactsFile) -> Rows {
    let mut rows = Vec::new();
    for copy in &file.document.groups {
        for snapshot in &copy.node.snapshots {
            rows.push(vec![
                digest(file),
                name_of(copy).into(),
                copy.group_id.into(),
                snapshot.file.as_str().into(),
                snapshot.id.index.0.into(),
                snapshot.id.term.0.into(),
                (snapshot.id == copy.node.snapshot).into(),
                snapshot.members.voters.len().into(),
                snapshot.members.learners.len().into(),
                snapshot.payload_crc32c.clone().into(),
            ]);
        }
    }
    rows
}

//! `history`: every version of a key, over logs, stores and payloads of one or several nodes.

mod log;
mod rows;
mod wanted;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::compare::by_group;
use super::wal;
use crate::analysis::history::{Leaders, Ledger, NodeState, Settled, StoreState, settle as settle_versions};
use crate::analysis::judge::codes::compare::{CROSS_COMMITTED_DIVERGENCE, CROSS_LOG_MATCHING};
use crate::analysis::judge::envelopes::Closed;
use crate::analysis::judge::{log as judge_log, unread};
use crate::analysis::{Coverage, Finding, Severity, Verdict};
use crate::error::{Error, Result};
use crate::formats::fsm::FsmName;
use crate::formats::kv::{KeyText, LogicalKey};
use crate::formats::layout;
use crate::formats::peers::{PeersFile, Suffrage};
use crate::formats::snap::SnapshotData;
use crate::readers::keys::Opener;
use crate::readers::locate::LogTarget;
use crate::readers::source::Run;
use crate::readers::wal::WalDir;
use crate::readers::{GroupDir, GroupListing, SmallFact, SnapDir, SubDir, Unplaced, discover_all};
use crate::report::body::history::{HistoryBody, HistoryNode, HistoryRow, HistoryVersion, Showing};
use crate::report::{NextStep, Report};
use crate::types::{Escaped, LogIndex, NodeId, ServerVersion};
use wanted::Wanted;

/// A directory, and what its node is called if the caller says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedDir {
    /// The node's raft id.
    pub name: Option<String>,
    /// A group, node or raft data directory.
    pub path: PathBuf,
}

/// What is asked of a history.
#[derive(Debug, Clone)]
pub struct HistoryOptions {
    /// The key, or the name of what is looked for.
    pub key: KeyText,
    /// Values as they are stored, with their hex, instead of what they say.
    pub raw: bool,
    /// How many versions are listed, the newest ones.
    pub limit: usize,
    /// Whether the payloads of snapshots are read, each of them whole.
    pub payloads: bool,
}

/// What every source of one node is read with.
struct Reader<'r> {
    wanted: &'r Wanted,
    opener: Option<&'r Opener>,
    ledger: &'r mut Ledger,
    closed: Closed,
    coverage: Coverage,
    /// Position of the node, and of its group.
    node: usize,
    group: usize,
}

/// Where a group's copy is, and what its node is called.
struct GroupCopy {
    dir: GroupDir,
    name: String,
    group: usize,
}

/// What was found at or below the directories.
struct Located {
    copies: Vec<GroupCopy>,
    /// Numbers of the groups.
    groups: Vec<Option<u64>>,
    unplaced: Vec<Unplaced>,
}

/// What one node's copy of a group was found to be, beside the versions.
#[derive(Default)]
struct ReadNode {
    state: NodeState,
    leaders: Leaders,
    findings: Vec<Finding>,
}

/// Every version of a key in the groups at or below `dirs`. With an opener, what is sealed is opened.
pub fn history(
    dirs: &[NamedDir],
    options: &HistoryOptions,
    opener: Option<&Opener>,
    run: &Run<'_>,
) -> Result<Report<HistoryBody>> {
    if let KeyText::Name(name @ LogicalKey::Meta(_)) = &options.key {
        let instead =
            format!("{name} is a number of the store itself, of which no versions are kept; `store get DIR {name}` shows it");
        return Err(Error::Usage(instead));
    }
    let Located { copies, groups, unplaced } = locate(dirs, run)?;
    let wanted = Wanted::of(&options.key);
    let mut ledger = Ledger::default();
    let mut leaders: Vec<Leaders> = groups.iter().map(|_| Leaders::default()).collect();
    let (mut findings, mut coverage, mut states) = (Vec::new(), Coverage::default(), Vec::new());
    unread::cover_unplaced(&unplaced, &mut coverage);
    let mut closed = Closed::default();
    for (number, copy) in copies.iter().enumerate() {
        let read = ledger.beside(|ledger| {
            let mut reader = Reader {
                wanted: &wanted,
                opener,
                ledger,
                closed: Closed::default(),
                coverage: Coverage::default(),
                node: number,
                group: copy.group,
            };
            let read = read_node(&mut reader, copy, options.payloads, run);
            read.map(|read| (read, reader.closed, reader.coverage))
        });
        match read {
            Ok((read, of_node, covered)) => {
                closed.absorb(of_node);
                coverage.absorb(covered);
                for mut finding in read.findings {
                    finding.group = (copies.len() > 1).then(|| copy.dir.display());
                    findings.push(finding);
                }
                if let Some(known) = leaders.get_mut(copy.group) {
                    known.absorb(read.leaders);
                }
                states.push(NodeState { group: copy.group, ..read.state });
            }
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) if copies.len() == 1 => return Err(error),
            Err(error) => {
                coverage.missing(copy.dir.display(), error.reason());
                states.push(NodeState { group: copy.group, ..NodeState::default() });
            }
        }
    }
    findings.extend(closed.finish("what was read", &mut coverage));
    let all = settle_versions(&mut ledger, &states);
    if let Some(over) = ledger.over {
        coverage.missing(format!("{} places where versions were met", ledger.left_out), over.to_string());
    }
    if ledger.deletions_left_out > 0 {
        coverage.missing(format!("{} deletions by prefix", ledger.deletions_left_out), "there are more than are kept");
    }
    let nodes: Vec<_> = copies.iter().map(|copy| (copy.name.clone(), copy.group)).collect();
    let showing = Showing { all: &all, ledger: &ledger, leaders: &leaders, groups: &groups, nodes: &nodes, raw: options.raw };
    let mut body = listed(&all, &wanted, options, &showing);
    // What was met and not kept may be what the other copy seems to lack.
    if ledger.over.is_none() && ledger.deletions_left_out == 0 {
        findings.extend(diverged(&body));
    }
    body.nodes =
        copies.iter().zip(&states).map(|(copy, state)| node(copy, groups.get(copy.group).copied().flatten(), state)).collect();
    let next = next_step(&body, &copies, &findings, &coverage);
    Ok(Report::new(body, findings, coverage).next_step(next))
}

/// The copies at or below the directories, the numbers of their groups, and what lies beside them.
fn locate(dirs: &[NamedDir], run: &Run<'_>) -> Result<Located> {
    let (mut found, mut unplaced, mut known, mut failure) = (Vec::new(), Vec::new(), HashSet::new(), None);
    let mut one_each = true;
    for NamedDir { name, path } in dirs {
        match discover_all(path, &*run.source) {
            Ok(all) => {
                one_each &= all.groups.len() == 1;
                for mut dir in all.groups {
                    if let Some(name) = name {
                        dir.raft_id.clone_from(name);
                    }
                    // One directory has many names.
                    if run.source.directory_id(&dir.path).is_none_or(|id| known.insert(id)) {
                        found.push(dir);
                    }
                }
                unplaced.extend(all.unplaced);
            }
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                unplaced.push(Unplaced { path: path.clone(), why: error.reason(), needed: true });
                failure = failure.or(Some(error));
            }
        }
    }
    if let (true, Some(error)) = (found.is_empty(), failure) {
        return Err(error);
    }
    let mut numbers: Vec<_> = found.iter().filter_map(|dir| dir.group_id).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut grouped: Vec<(Option<u64>, Vec<GroupDir>)> = if one_each && numbers.len() <= 1 {
        // Whoever names single groups means copies of one, whatever the layout of each node.
        vec![(numbers.first().copied(), found)]
    } else {
        by_group(found).into_iter().collect()
    };
    let groups: Vec<_> = grouped.iter().map(|(number, _)| *number).collect();
    let mut copies = Vec::new();
    for (group, (_, dirs)) in grouped.iter_mut().enumerate() {
        let names: Vec<_> = dirs.iter().map(|dir| dir.raft_id.clone()).collect();
        for dir in dirs.drain(..) {
            let alone = !dir.raft_id.is_empty() && names.iter().filter(|name| **name == dir.raft_id).count() == 1;
            let name = if alone { Escaped(dir.raft_id.as_bytes()).to_string() } else { dir.display() };
            copies.push(GroupCopy { dir, name, group });
        }
    }
    Ok(Located { copies, groups, unplaced })
}

/// Reads the files of one copy in the order in which they depend on each other: what comes later is at least as new.
fn read_node(reader: &mut Reader<'_>, copy: &GroupCopy, payloads: bool, run: &Run<'_>) -> Result<ReadNode> {
    let (dir, source) = (&copy.dir.path, &*run.source);
    let display = copy.dir.display();
    let name = display.trim_end_matches('/');
    let own = NodeId::of_raft_id(&copy.dir.raft_id);
    let mut read = ReadNode::default();
    read.leaders.name(own, &copy.dir.raft_id);
    let listing = GroupListing::read(dir, source)?;
    if let Some(store) = rows::read_store(reader, dir, name, run)? {
        read.state.store = Some(store.state);
        store.writers.into_iter().for_each(|writer| read.leaders.writer(writer));
        read.findings.extend(store.findings);
    }
    let snaps = match listing.snap {
        SubDir::Listed(_) => SnapDir::read(&dir.join(layout::SNAP), source)?,
        SubDir::Absent | SubDir::NotADirectory => SnapDir::default(),
    };
    let snapshot = of_snaps(reader, &snaps, name, &mut read.leaders);
    of_peers(&listing.peers, &mut read.leaders);
    if listing.has_log() {
        let target = LogTarget { prefix: format!("{name}/{}", layout::WAL), dir: WalDir::list(&dir.join(layout::WAL), source)? };
        let log = wal::read(&target, run)?;
        let (mut state, leaders) = crate::types::beside(log.scan.memory(), || log::read_log(reader, &log, own, run))?;
        state.commit = state.commit.max(snapshot);
        read.leaders.absorb(leaders);
        let wal::ReadLog { prefix, scan, findings, coverage } = log;
        read.findings.extend(findings);
        reader.coverage.absorb(coverage);
        judge_log::settle(&scan, &prefix, &mut reader.coverage);
        read.state.log = Some(state);
    } else {
        reader.coverage.missing(format!("{name}/{}", layout::WAL), "there is no log");
    }
    if payloads {
        let there = listing.fsm_snap.entries();
        rows::read_payloads(reader, dir, name, there, run)?;
        for token in snaps.snaps.iter().filter_map(|snap| snap.read(ServerVersion::NEWEST).as_ref().ok()?.token()) {
            let payload = FsmName::of(token.index);
            if there.binary_search_by(|entry| entry.name.as_str().cmp(&payload)).is_err() {
                reader
                    .coverage
                    .missing(format!("{name}/{}", layout::in_payloads(&payload)), "a .snap file names it, and it is not there");
            }
        }
    } else if listing.fsm_snap.entries().iter().any(|entry| entry.name.ends_with(".fsm")) {
        reader.coverage.skipped(format!("{name}/{}", layout::PAYLOADS), "--no-payloads was given");
    }
    for other in listing.root.iter().filter(|entry| entry.name.starts_with("fsm.db-") || entry.name.ends_with(layout::MIGRATING))
    {
        reader.coverage.skipped(format!("{name}/{}", other.name), "no start reads it");
    }
    for legacy in [layout::LEGACY_ENTRIES, layout::LEGACY_PAYLOAD, layout::RAFT_DB].into_iter().filter(|name| listing.has(name)) {
        reader.coverage.missing(format!("{name}/{legacy}"), "history does not read files of older servers");
    }
    unread::cover(
        name,
        &listing,
        (&snaps, ServerVersion::NEWEST),
        &std::collections::BTreeMap::new(),
        None,
        &mut reader.coverage,
    );
    Ok(read)
}

/// Members that the snapshots name; the newest index that one stands for.
fn of_snaps(reader: &mut Reader<'_>, snaps: &SnapDir, name: &str, leaders: &mut Leaders) -> LogIndex {
    let mut newest = LogIndex(0);
    for snap in &snaps.snaps {
        let Ok(content) = snap.read(ServerVersion::NEWEST) else { continue };
        let members = &content.metadata.conf_state;
        for voter in members.voters.iter().chain(&members.voters_outgoing) {
            leaders.voter(*voter);
            leaders.writer(*voter);
        }
        members.learners.iter().for_each(|learner| leaders.writer(*learner));
        newest = newest.max(content.metadata.index);
        if matches!(content.data, SnapshotData::LegacyPayload { .. }) {
            let what = format!("the store payload in {name}/{}", layout::in_snap(&snap.name));
            reader.coverage.missing(what, "history reads payloads in fsm-snap only");
        }
    }
    newest
}

/// Members that the peers file names.
fn of_peers(peers: &SmallFact, leaders: &mut Leaders) {
    let SmallFact::Bytes(bytes) = peers else { return };
    let Ok(file) = PeersFile::decode_any(bytes) else { return };
    for peer in file.peers {
        leaders.name(peer.node_id, &String::from_utf8_lossy(peer.id));
        if peer.suffrage == Suffrage::Voter {
            leaders.voter(peer.node_id);
        }
    }
}

fn node(copy: &GroupCopy, group_id: Option<u64>, state: &NodeState) -> HistoryNode {
    let log = state.log.as_ref();
    HistoryNode {
        node: copy.name.clone(),
        dir: copy.dir.display(),
        group_id,
        first_index: log.and_then(|log| log.entries.first()).map(|index| index.0),
        last_index: log.and_then(|log| log.entries.last()).map(|index| index.0),
        commit: log.map(|log| log.commit.0),
        applied: state.store.and_then(|store| store.applied).map(|index| index.0),
        min_retained_ts: state.store.filter(StoreState::has_forgotten).and_then(|store| store.min_retained).map(|ts| ts.0),
    }
}

/// The rows that were asked for, and the newest of their versions.
fn listed(all: &[Settled], wanted: &Wanted, options: &HistoryOptions, showing: &Showing<'_>) -> HistoryBody {
    let first = all.iter().any(|settled| wanted.is_first(&settled.row.key));
    let shown: Vec<usize> = (0..all.len()).filter(|at| wanted.is_first(&all[*at].row.key) == first).collect();
    let mut newest = shown.clone();
    newest.sort_by_key(|at| std::cmp::Reverse((all[*at].row.ts, std::cmp::Reverse(HistoryRow::rank(&all[*at].row.key)))));
    let counting = newest.iter().find(|at| all[**at].fate.counts()).copied();
    newest.truncate(options.limit);
    let kept: HashSet<usize> = newest.into_iter().collect();
    let name = match &options.key {
        KeyText::Name(name) if first || shown.is_empty() => Some(name.to_string()),
        KeyText::Name(_) => None,
        KeyText::Bytes(key) if first || shown.is_empty() => crate::formats::kv::KeyName::of_user_key(key).text(),
        KeyText::Bytes(key) => Some(LogicalKey::Redis(std::borrow::Cow::Borrowed(key)).to_string()),
    };
    let mut body = HistoryBody {
        key: options.key.to_string(),
        logical: name,
        instead: !first && !shown.is_empty(),
        versions_found: shown.len() as u64,
        versions_left_out: (shown.len() - kept.len().min(shown.len())) as u64,
        ..HistoryBody::default()
    };
    // Rows in the order of what they are, and of their keys.
    let mut by_row: Vec<&[usize]> =
        shown.chunk_by(|a, b| (all[*a].row.group, &all[*a].row.key) == (all[*b].row.group, &all[*b].row.key)).collect();
    by_row.sort_by_key(|row| row.first().map(|at| (all[*at].row.group, HistoryRow::rank(&all[*at].row.key))));
    for versions in by_row {
        let Some(settled) = versions.first().and_then(|at| all.get(*at)) else { continue };
        let group_id = showing.groups.get(settled.row.group).copied().flatten();
        let mut row = HistoryRow::new(group_id, &settled.row.key);
        for at in versions {
            row.versions += 1;
            if kept.contains(at) {
                row.listed += 1;
                if counting == Some(*at) {
                    body.answer = Some(body.versions.len());
                }
                body.versions.extend(HistoryVersion::new(*at, showing));
            }
        }
        body.rows_found += 1;
        if row.listed > 0 {
            body.rows.push(row);
        }
    }
    body
}

/// Versions of which nodes, or an entry's records, hold different things.
fn diverged(body: &HistoryBody) -> Vec<Finding> {
    let mut findings = Vec::new();
    for version in body.versions.iter().filter(|version| version.differs) {
        let in_rows = version.places.iter().filter(|place| place.index.is_none()).count() > 1;
        let places: Vec<_> = version.places.iter().map(|place| place.path.as_str()).collect();
        let what = format!("{} at {}", version.key, version.time());
        let places = crate::types::in_words(&places);
        let (code, message) = if in_rows {
            (&CROSS_COMMITTED_DIVERGENCE, format!("The version of {what} does not say the same in {places}."))
        } else {
            (&CROSS_LOG_MATCHING, format!("The records of {} that write {what} are not the same in {places}.", version.entry()))
        };
        let mut finding = Finding::new(code, message);
        if !in_rows && !version.fate.counts() {
            finding.weigh(Severity::Info);
        }
        findings.push(finding);
    }
    findings
}

/// The entry of the newest write, where it stands.
fn next_step(body: &HistoryBody, copies: &[GroupCopy], findings: &[Finding], coverage: &Coverage) -> Option<NextStep> {
    if Verdict::of(findings, coverage) == Verdict::Damaged {
        return NextStep::explain_first_error(findings);
    }
    let version = body.versions.get(body.answer?)?;
    let index = version.index?;
    let place = version.places.iter().find(|place| place.index == Some(index) && !place.origin.is_aside())?;
    let copy = copies.iter().find(|copy| copy.name == place.node)?;
    Some(NextStep::new(["wal", "show", &index.to_string()]).on(Path::new(&copy.dir.path)))
}

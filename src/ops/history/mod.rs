//! `history`: every version of a key, over logs, stores and payloads of one or several nodes.

mod copies;
mod log;
mod notes;
mod rows;
mod wanted;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::wal;
use crate::analysis::history::{
    Leaders, Ledger, Named, NodeState, Settled, StoreState, divergences, settle as settle_versions, without_entry,
};
use crate::analysis::judge::envelopes::Closed;
use crate::analysis::judge::snapshot::{Recorded, SetRequest, verify_set};
use crate::analysis::judge::{log as judge_log, unread};
use crate::analysis::{Coverage, Finding, Severity, Verdict};
use crate::error::{Error, Result};
use crate::formats::fsm::FsmName;
use crate::formats::kv::{KeyText, LogicalKey, Namespace};
use crate::formats::layout;
use crate::formats::mvcc::RegistryKey;
use crate::formats::peers::{PeersFile, Suffrage};
use crate::formats::snap::SnapshotData;
use crate::readers::keys::Opener;
use crate::readers::locate::LogTarget;
use crate::readers::snap_dir::SnapReadError;
use crate::readers::source::Run;
use crate::readers::wal::{WalDir, WalScan};
use crate::readers::{Depth, GroupListing, PayloadEntry, SmallFact, SnapDir, SnapshotSet, SubDir};
use crate::report::body::history::{HistoryBody, HistoryNode, HistoryRow, HistoryVersion, Showing};
use crate::report::{NextStep, Report};
use crate::types::{Count, LogIndex, NodeId, ServerVersion, beside};
use copies::{GroupCopy, Kept, Located, judge_copies, locate};
use notes::KeyWatch;
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

/// What one node's copy of a group was found to be, beside the versions.
#[derive(Default)]
struct ReadNode {
    state: NodeState,
    leaders: Leaders,
    findings: Vec<Finding>,
    /// The log directory as reports name it, and the log.
    log: Option<(String, WalScan)>,
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
    if let KeyText::Bytes(key) = &options.key
        && (key.starts_with(b"_meta_") || key.starts_with(RegistryKey::PREFIX))
    {
        let instead = "is a row that the store keeps without versions; `store get DIR KEY` shows it";
        return Err(Error::Usage(format!("{} {instead}", options.key)));
    }
    let is_empty = match &options.key {
        KeyText::Bytes(key) => key.is_empty(),
        KeyText::Name(name) => Namespace::ALL.into_iter().any(|space| space.prefix() == name.to_string()),
    };
    if is_empty {
        return Err(Error::Usage("KEY is empty: no server keeps anything under an empty key; give a key or a name".to_owned()));
    }
    let Located { copies, groups, unplaced } = locate(dirs, run)?;
    let wanted = Wanted::of(&options.key);
    let mut ledger = Ledger::default();
    let mut leaders: Vec<Leaders> = groups.iter().map(|_| Leaders::default()).collect();
    let (mut findings, mut coverage, mut states) = (Vec::new(), Coverage::default(), Vec::new());
    unread::cover_unplaced(&unplaced, &mut coverage);
    let (mut closed, mut kept, mut apart) = (Closed::default(), Vec::new(), 0);
    for (number, copy) in copies.iter().enumerate() {
        let held = kept.iter().map(Kept::memory).fold(0, u64::saturating_add);
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
            let read = beside(held, || read_node(&mut reader, copy, options.payloads, run));
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
                kept.push(Kept { copy: number, log: read.log, members: read.leaders.members().clone() });
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
        if copies.get(number + 1).is_none_or(|next| next.group != copy.group) {
            let (found, are_strangers) = judge_copies(&kept, &copies, &states);
            for Kept { log, .. } in kept.drain(..) {
                if let Some((prefix, scan)) = log {
                    judge_log::settle(&scan, &prefix, &mut coverage);
                }
            }
            if are_strangers {
                apart += 1;
                ledger.forget(copy.group);
            }
            findings.extend(found);
        }
    }
    findings.extend(closed.finish("what was read", &mut coverage));
    let all = settle_versions(&mut ledger, &states);
    if let Some(over) = ledger.over {
        coverage.missing(format!("{} where versions were met", Count(ledger.left_out, "place")), over.to_string());
    }
    if ledger.deletions_left_out > 0 {
        coverage.missing(format!("{} by prefix", Count(ledger.deletions_left_out, "deletion")), "there are more than are kept");
    }
    let nodes: Vec<_> = copies.iter().map(|copy| (copy.name.clone(), copy.group)).collect();
    let without: Vec<_> = (0..groups.len()).map(|group| without_entry(&states, group)).collect();
    let showing = Showing {
        all: &all,
        ledger: &ledger,
        leaders: &leaders,
        without_entry: &without,
        groups: &groups,
        nodes: &nodes,
        raw: options.raw,
    };
    let (mut body, shown) = listed(&all, &wanted, options, &showing);
    body.groups_apart = apart;
    // What was met and not kept may be what the other copy seems to lack.
    if ledger.over.is_none() && ledger.deletions_left_out == 0 {
        let stores: Vec<_> =
            copies.iter().map(|copy| format!("{}/{}", copy.dir.display().trim_end_matches('/'), layout::STORE)).collect();
        let named = Named { ledger: &ledger, nodes: &states, stores: &stores };
        findings.extend(divergences(shown.iter().filter_map(|at| all.get(*at)), named, &mut coverage));
    }
    body.nodes =
        copies.iter().zip(&states).map(|(copy, state)| node(copy, groups.get(copy.group).copied().flatten(), state)).collect();
    let next = next_step(&body, &copies, &findings, &coverage);
    Ok(Report::new(body, findings, coverage).next_step(next))
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
    let with_payloads = payloads.then_some(copy.dir.path.as_path());
    let snapshot = of_snaps(reader, &snaps, (with_payloads, name), &mut read.leaders, run);
    of_peers(&listing.peers, &mut read.leaders);
    if listing.has_log() {
        let target = LogTarget { prefix: format!("{name}/{}", layout::WAL), dir: WalDir::list(&dir.join(layout::WAL), source)? };
        let cutover = reader.opener.map_or(LogIndex(0), Opener::cutover);
        let watch = KeyWatch { wanted: reader.wanted, cutover, opens: reader.opener.is_some() };
        let (log, notes) = wal::read_watched(&target, &watch, run)?;
        let (mut state, leaders) = beside(log.scan.memory(), || log::read_log(reader, &log, &notes, own, run))?;
        state.commit = state.commit.max(snapshot);
        read.leaders.absorb(leaders);
        let wal::ReadLog { prefix, scan, findings, coverage } = log;
        read.findings.extend(findings);
        reader.coverage.absorb(coverage);
        read.state.log = Some(state);
        read.log = Some((prefix, scan));
    } else {
        reader.coverage.missing(format!("{name}/{}", layout::WAL), "there is no log");
    }
    if payloads {
        let there = listing.fsm_snap.entries();
        let scan = read.log.as_ref().map(|(_, scan)| scan);
        let payloads = beside(scan.map_or(0, WalScan::memory), || rows::read_payloads(reader, dir, name, there, run))?;
        read.findings.extend(of_payloads(payloads, (&listing, &snaps), scan, (dir, name), run)?);
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

/// What is wrong with the payloads, as `check` says it.
fn of_payloads(
    payloads: Vec<PayloadEntry>,
    (listing, snaps): (&GroupListing, &SnapDir),
    log: Option<&WalScan>,
    (dir, name): (&Path, &str),
    run: &Run<'_>,
) -> Result<Vec<Finding>> {
    let mut set = SnapshotSet::listed(listing, snaps);
    set.payloads = payloads;
    set.note_purged(&dir.join(layout::SNAP), &*run.source)?;
    let mut judged = verify_set(&set, name, SetRequest { depth: Depth::Deep, only: None });
    if let Some(recorded) = Recorded::of(listing, log, ServerVersion::NEWEST) {
        judged.excuse_unrecorded(&recorded);
    }
    let below = format!("{name}/{}/", layout::PAYLOADS);
    let is_of_one = |finding: &Finding| finding.path.as_deref().is_some_and(|path| path.starts_with(&below));
    judged.findings.retain(|finding| finding.severity != Severity::Info && is_of_one(finding));
    Ok(judged.findings)
}

/// Members that the snapshots name; the newest index that one stands for. `dir` is the group directory when payloads that stand in them are
/// read.
fn of_snaps(
    reader: &mut Reader<'_>,
    snaps: &SnapDir,
    (dir, name): (Option<&Path>, &str),
    leaders: &mut Leaders,
    run: &Run<'_>,
) -> LogIndex {
    let mut newest = LogIndex(0);
    for snap in &snaps.snaps {
        let content = match snap.read(ServerVersion::NEWEST) {
            Ok(content) => content,
            Err(error) => {
                if matches!(error, SnapReadError::Format(_)) {
                    let what = format!("{name}/{}", layout::in_snap(&snap.name));
                    reader.coverage.skipped(what, "it cannot be decoded; `check` says what that means");
                }
                continue;
            }
        };
        let members = &content.metadata.conf_state;
        for voter in members.voters.iter().chain(&members.voters_outgoing) {
            leaders.voter(*voter);
            leaders.writer(*voter);
        }
        for learner in members.learners.iter().chain(&members.learners_next) {
            leaders.writer(*learner);
            leaders.member(*learner);
        }
        newest = newest.max(content.metadata.index);
        if matches!(content.data, SnapshotData::LegacyPayload { .. }) {
            let shown = format!("{name}/{}", layout::in_snap(&snap.name));
            match dir {
                Some(dir) => rows::read_payload_in_snap(reader, &dir.join(layout::in_snap(&snap.name)), shown, run),
                None => reader.coverage.skipped(format!("the store payload in {shown}"), "--no-payloads was given"),
            }
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
        leaders.member(peer.node_id);
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
        blocks_read: state.store.map(|store| store.blocks),
        min_retained_ts: state.store.filter(StoreState::has_forgotten).and_then(|store| store.min_retained).map(|ts| ts.0),
    }
}

/// The rows that were asked for, with the newest of their versions; and the positions of all their versions.
fn listed(all: &[Settled], wanted: &Wanted, options: &HistoryOptions, showing: &Showing<'_>) -> (HistoryBody, Vec<usize>) {
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
    (body, shown)
}

/// The entry of the newest write, where it stands.
fn next_step(body: &HistoryBody, copies: &[GroupCopy], findings: &[Finding], coverage: &Coverage) -> Option<NextStep> {
    if Verdict::of(findings, coverage) == Verdict::Damaged {
        return None;
    }
    let version = body.versions.get(body.answer?)?;
    let index = version.index?;
    let place = version.places.iter().find(|place| place.index == Some(index) && !place.origin.is_aside())?;
    let copy = copies.iter().find(|copy| copy.name == place.node)?;
    Some(NextStep::new(["wal", "show", &index.to_string()]).on(Path::new(&copy.dir.path)))
}

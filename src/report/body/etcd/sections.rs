//! What people see of members of etcd.

use super::{EtcdView, Shown, bytes, toned};
use crate::analysis::Verdict;
use crate::analysis::etcd::{EtcdOutcome, EtcdStart, Generation};
use crate::report::body::compare::taken_section;
use crate::report::{Cell, Section, Tone};
use crate::types::{ByteSize, Count};

pub(super) fn of(members: &[EtcdView], shown: Shown) -> Vec<Section> {
    let mut sections = Vec::new();
    if shown == Shown::Comparison {
        let taken: Vec<_> = members.iter().filter_map(|member| member.taken.clone()).collect();
        return std::iter::once(comparison(members)).chain(taken_section(&taken)).collect();
    }
    for member in members {
        if members.len() > 1 {
            sections.push(Section::Note(member.dir.clone()));
        }
        if shown != Shown::Snapshots {
            sections.push(Section::facts("", facts(member, shown)));
        }
        if !member.snapshots.is_empty() && shown != Shown::Start {
            sections.push(snapshots(member));
        }
        if matches!(shown, Shown::All | Shown::Page) {
            let requests = member.log.iter().flat_map(|log| &log.operations);
            let rows: Vec<_> = requests.map(|(operation, count)| vec![Cell::new(operation), Cell::new(count)]).collect();
            if !rows.is_empty() {
                sections.push(Section::table("Requests", &["operation", ">entries"], rows));
            }
        }
    }
    let foreign =
        "It is no directory of elastickv, and no server of that starts on it: everything here is judged by the rules of etcd.";
    sections.push(Section::Note(foreign.to_owned()));
    sections
}

/// How a start ends, in words.
pub(super) fn outcome(start: &EtcdStart) -> String {
    match start.outcome {
        EtcdOutcome::Start => {
            let from = start.snapshot.as_ref().map_or_else(
                || "the beginning of the log".to_owned(),
                |snapshot| format!("the snapshot at {} of term {}", snapshot.index, snapshot.term),
            );
            let repair = if start.repair.is_some() { " after a repair of the log" } else { "" };
            format!("starts from {from}{repair}")
        }
        EtcdOutcome::NewMember => "there is no log: it would begin as a new member".to_owned(),
        EtcdOutcome::Abort => match &start.abort {
            Some(error) => format!("the start would end: {}", error.text),
            None => "the start would end".to_owned(),
        },
        EtcdOutcome::Unknown => match &start.unknown {
            Some(why) => format!("what a start does is not known: {why}"),
            None => "what a start does is not known".to_owned(),
        },
    }
}

fn facts(member: &EtcdView, shown: Shown) -> Vec<(String, Cell)> {
    let mut rows: Vec<(String, Cell)> = vec![
        ("directory of".into(), Cell::new("etcd")),
        ("member".into(), Cell::option(member.member_id)),
        ("cluster".into(), Cell::option(member.cluster_id)),
        ("written by".into(), Cell::option(member.written_by.map(Generation::name))),
    ];
    if let Some(log) = &member.log {
        let range = match (log.first_index, log.last_index) {
            (Some(first), Some(last)) => format!("{first} to {last}, {}", Count(log.entries, "entry")),
            (None, Some(last)) => format!("no entry behind the snapshot at {last}"),
            _ => "no entries".to_owned(),
        };
        rows.push(("log".into(), Cell::new(range)));
        if matches!(shown, Shown::All | Shown::Page) {
            let size =
                format!("{}, {}, {}", Count(log.segments, "segment"), ByteSize(log.size_bytes), Count(log.records, "record"));
            rows.push(("segments".into(), Cell::new(size)));
        }
        if let Some(state) = &log.hard_state {
            let text = format!("term {} vote {:x} commit {}", state.term, state.vote, state.commit);
            rows.push(("hard state".into(), Cell::new(text)));
        }
    }
    match &member.store {
        Some(store) => {
            rows.push(("store holds entries to".into(), Cell::option(store.consistent_index)));
            if matches!(shown, Shown::All | Shown::Page) {
                rows.push(("store".into(), Cell::new(bytes(store.size_bytes))));
                rows.push(("revision".into(), Cell::option(store.revision)));
                let changes = format!("{}, {} of them deletions", Count(store.changes, "change"), store.deletions);
                rows.push(("key changes".into(), Cell::new(changes)));
                rows.push(("compacted to".into(), Cell::option(store.compacted_revision)));
                if store.problems > 0 {
                    rows.push(("damaged pages".into(), toned(store.problems, true)));
                }
            }
        }
        None => rows.push(("store".into(), Cell::toned("none read", Tone::Dim))),
    }
    for start in &member.starts {
        rows.push((format!("start of {}", start.releases.name()), toned(outcome(start), start.outcome == EtcdOutcome::Abort)));
        if shown == Shown::Start {
            start_rows(start, &mut rows);
        }
    }
    rows
}

fn start_rows(start: &EtcdStart, rows: &mut Vec<(String, Cell)>) {
    if let Some(repair) = &start.repair {
        rows.push(("  repair".into(), Cell::toned(repair, Tone::Caution)));
    }
    for name in &start.would_rename {
        rows.push(("  renames to .broken".into(), Cell::toned(name, Tone::Caution)));
    }
    if let Some(store) = &start.takes_store {
        rows.push(("  takes over".into(), Cell::new(store)));
    }
    if let (Some(passed), Some(applied), Some(uncommitted)) = (start.passed_over, start.applied, start.uncommitted) {
        let text = format!("{passed} held by the store, {applied} to be applied, {uncommitted} not known to be committed");
        rows.push(("  entries behind it".into(), Cell::new(text)));
    }
}

fn snapshots(member: &EtcdView) -> Section {
    let rows = member.snapshots.iter().map(|snapshot| {
        let envelope = &snapshot.envelope;
        let state = match (&envelope.error, snapshot.recorded) {
            (Some(error), _) => Cell::toned(error, Tone::Bad),
            (None, Some(true)) => Cell::toned("intact, named by the log", Tone::Good),
            (None, Some(false)) => Cell::toned("intact, not named by the log", Tone::Caution),
            (None, None) if envelope.verdict == Verdict::Clean => Cell::toned("intact", Tone::Good),
            (None, None) => Cell::toned("see below", Tone::Bad),
        };
        let voters: Vec<_> = envelope.voters.iter().map(ToString::to_string).collect();
        vec![
            Cell::new(envelope.path.rsplit('/').next().unwrap_or_default()),
            Cell::option(envelope.index),
            Cell::option(envelope.term),
            Cell::new(ByteSize(envelope.size_bytes)),
            Cell::new(voters.join(" ")),
            state,
        ]
    });
    Section::table("Snapshots", &["snapshot", ">index", ">term", ">size", "voters", "state"], rows.collect())
}

fn comparison(members: &[EtcdView]) -> Section {
    let rows = members.iter().map(|member| {
        let log = member.log.as_ref();
        vec![
            Cell::new(&member.dir),
            Cell::option(member.member_id),
            Cell::option(member.cluster_id),
            Cell::option(log.and_then(|log| log.hard_state).map(|state| state.term)),
            Cell::option(log.and_then(|log| log.first_index)),
            Cell::option(log.and_then(|log| log.last_index)),
            Cell::option(log.and_then(|log| log.hard_state).map(|state| state.commit)),
            Cell::option(member.store.as_ref().and_then(|store| store.consistent_index)),
        ]
    });
    let columns = ["directory", "member", "cluster", ">term", ">first", ">last", ">commit", ">store holds to"];
    Section::table("Members of etcd", &columns, rows.collect())
}

//! One segment of the Raft log, by itself.

use serde_json::json;

use super::{Description, List};
use crate::analysis::judge::log as judge_log;
use crate::formats::kv::EntryClass;
use crate::readers::subject::Subject;
use crate::readers::wal::{Item, WalScan};
use crate::types::ServerVersion;

pub(super) fn describe(page: &mut Description, subject: &Subject, scan: &WalScan) {
    let Some(segment) = scan.segments.first() else { return };
    let parent = subject.display.rsplit_once('/').map_or("", |(parent, _)| parent);
    let (findings, coverage) = judge_log::judge_segments(scan, parent);
    page.findings.extend(findings.into_iter().map(|finding| {
        // A segment under another name was read as if it had the usual one.
        if subject.named_as_segment { finding } else { finding.at(&subject.display) }
    }));
    page.coverage = coverage;
    super::etcd::owner(page, scan);
    let trace = segment.trace(ServerVersion::NEWEST);
    if subject.named_as_segment {
        page.fact("sequence", segment.file.name.seq, segment.file.name.seq);
        page.plain("name_index", segment.file.name.index.0);
    }
    page.plain("records", trace.records);
    page.plain("entries", trace.entries);
    page.plain("hard_states", trace.states);
    let (mut first, mut last, mut state, mut snapshots) = (None, None, None, Vec::new());
    for item in &trace.items {
        match item {
            Item::Run(run) => {
                if let Some(span) = run.entries {
                    first = first.or(Some(span.first.0));
                    last = Some(span.last.0);
                }
                state = run.states.map(|span| span.last).or(state);
            }
            Item::Snapshot { snapshot, .. } => snapshots.push((snapshot.index.0, snapshot.term.0)),
            Item::Metadata { .. } | Item::Crc { .. } | Item::Unknown { .. } | Item::Malformed { .. } => {}
        }
    }
    if let (Some(first), Some(last)) = (first, last) {
        page.plain("first_index", first);
        page.plain("last_index", last);
    }
    if let Some(state) = state {
        let value = json!({ "term": state.term.0, "vote": state.vote.0, "commit": state.commit.0 });
        let text = format!("term {}, vote {}, commit {}", state.term, state.vote, state.commit);
        page.fact("last_hard_state", value, text);
    }
    let value: Vec<_> = snapshots.iter().map(|(index, term)| json!({ "index": index, "term": term })).collect();
    let text: Vec<_> = snapshots.iter().map(|(index, term)| format!("index {index} term {term}")).collect();
    page.fact("snapshot_records", json!(value), if text.is_empty() { "none".to_owned() } else { text.join(", ") });
    page.fact(
        "end",
        json!({ "offset": trace.stop.at() }),
        format_args!("reading stops at {} of {}", trace.stop.at(), segment.size),
    );
    let rows = EntryClass::ALL
        .into_iter()
        .map(|class| (class, trace.classes.get(class)))
        .filter(|(_, count)| *count > 0)
        .map(|(class, count)| vec![class.to_string(), count.to_string()])
        .collect();
    page.lists.push(List { name: "entry classes", columns: &["class", ">entries"], rows });
    page.coverage.skipped("the segments before and after it", "wal verify checks that they fit together");
}

//! What the pages of several questions share.

use std::collections::BTreeMap;

use super::node::Node;
use crate::analysis::Finding;
use crate::formats::layout::RAFT_DB;
use crate::readers::hraft::wal::WalLog;
use crate::readers::hraft::{FreelistFact, LogFacts, Survey, number};
use crate::report::body::hraft::gate::HashiForecast;
use crate::report::body::hraft::page::NodePage;
use crate::report::{Cell, Section, Tone};
use crate::types::{ByteSize, Count};

/// Rows of a table before the rest is only counted.
const SHOWN: usize = 200;

pub(super) fn page(node: &Node) -> NodePage {
    NodePage::new(node.dir.display(), node.dir.raft_id.clone())
}

/// Says which node a finding is about, where there are several.
pub(super) fn belong(findings: &mut [Finding], node: &Node, several: bool) {
    for finding in findings.iter_mut().filter(|_| several) {
        finding.group = Some(node.dir.display());
    }
}

/// What a start does.
pub(super) fn start(node: &Node, page: NodePage) -> NodePage {
    let forecast = HashiForecast {
        dir: node.dir.display(),
        raft_id: node.dir.raft_id.clone(),
        backend: "hashicorp-raft",
        libraries: node.libraries(),
        server_refusal: node.server_refusal(),
        start: node.start.clone(),
    };
    page.fact("start", &node.start).section(Section::facts("Next start", forecast.rows()))
}

/// The files of the stores.
pub(super) fn files(node: &Node, mut page: NodePage) -> NodePage {
    let mut values = Vec::new();
    if let Some(log) = node.dir.pebble() {
        values.push(super::pebble::value(log));
        page = page.section(Section::facts(RAFT_DB, super::pebble::rows(log)));
    }
    for (name, survey) in node.surveys() {
        let meta = survey.meta();
        let valid: Vec<bool> = survey.metas.iter().map(|fact| fact.valid().is_some()).collect();
        let value = serde_json::json!({
            "file": name,
            "size": survey.size,
            "page_size": survey.page_size,
            "transaction": meta.map(|meta| meta.txid),
            "meta_valid": valid,
            "high_water": meta.map(|meta| meta.high_water),
            "pages_reached": survey.reached,
            "free_pages": survey.free_pages(),
            "freelist": match survey.freelist {
                FreelistFact::None => "none",
                FreelistFact::Ids(_) => "present",
                FreelistFact::Unusable(_) => "unusable",
            },
            "buckets": survey.buckets,
            "problems": survey.problems.len() as u64 + survey.more_problems,
        });
        values.push(value);
        page = page.section(Section::facts(*name, store_rows(survey)));
    }
    let page = page.fact("stores", values);
    match node.dir.wal() {
        Some(log) => segments(log, page),
        None => page,
    }
}

/// The segments of raft-wal.
fn segments(log: &WalLog, page: NodePage) -> NodePage {
    let mut values = Vec::new();
    let mut rows = Vec::new();
    for segment in &log.segments {
        let range = segment.range();
        let state = match (&segment.file, &segment.info) {
            (None, Some(info)) if info.sealed() => "missing",
            (None, _) => "not made yet",
            (Some(Err(_)), _) => "unreadable",
            (Some(Ok(_)), None) => "in no list",
            (Some(Ok(_)), Some(info)) if info.sealed() => "sealed",
            (Some(Ok(_)), Some(_)) => "open",
        };
        let facts = segment.facts.as_ref();
        let entries = facts.map(|facts| facts.offsets.len() as u64);
        values.push(serde_json::json!({
            "file": segment.name, "state": state, "size": facts.map(|facts| facts.size), "first_index": range.map(|range| range.0),
            "last_index": range.map(|range| range.1), "entries_in_file": entries, "commits": facts.map(|facts| facts.commits),
            "written_bytes": facts.map(|facts| facts.end.at()),
        }));
        let tone = if matches!(state, "missing" | "unreadable") { Tone::Bad } else { Tone::Plain };
        rows.push(vec![
            Cell::new(&segment.name),
            Cell::toned(state, tone),
            Cell::option(range.map(|range| range.0)),
            Cell::option(range.map(|range| range.1)),
            Cell::option(entries),
            Cell::option(facts.map(|facts| facts.commits)),
        ]);
    }
    let columns = ["segment", "state", ">first", ">last", ">entries in it", ">commits"];
    page.fact("segments", values).fact("removed", log.removed()).section(Section::table("Segments", &columns, rows))
}

fn store_rows(survey: &Survey) -> Vec<(&'static str, Cell)> {
    let mut rows = vec![("size", Cell::new(format!("{} ({} bytes)", ByteSize(survey.size), survey.size)))];
    match survey.meta() {
        Some(meta) => {
            let both = survey.metas.iter().all(|fact| fact.valid().is_some());
            let metas = if both { "both meta pages valid" } else { "one meta page invalid" };
            rows.push((
                "transaction",
                Cell::toned(format!("{} ({metas})", meta.txid), if both { Tone::Plain } else { Tone::Caution }),
            ));
            rows.push((
                "pages",
                Cell::new(format!(
                    "{} of {} bytes below the high water mark, {} reached, {} free",
                    meta.high_water,
                    survey.page_size,
                    survey.reached,
                    survey.free_pages()
                )),
            ));
        }
        None => rows.push(("transaction", Cell::toned("no valid meta page", Tone::Bad))),
    }
    for bucket in &survey.buckets {
        let place = match bucket.depth {
            0 => "inline".to_owned(),
            depth => format!("{}, depth {depth}", Count(bucket.pages, "page")),
        };
        rows.push(("bucket", Cell::new(format!("{}: {}, {place}", bucket.name, Count(bucket.keys, "key")))));
    }
    let problems = survey.problems.len() as u64 + survey.more_problems;
    if problems > 0 {
        rows.push(("problems", Cell::toned(problems, Tone::Bad)));
    }
    rows
}

/// Term and vote, the extent of the log.
pub(super) fn log(node: &Node, page: NodePage) -> NodePage {
    let Some(facts) = node.facts() else { return page };
    let text = |value: &Option<Vec<u8>>| {
        value.as_deref().map(|value| number(value).map_or_else(|| format!("{} bytes", value.len()), |number| number.to_string()))
    };
    let candidate = facts.vote_candidate.as_deref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let mut rows = vec![
        ("current term", Cell::option(text(&facts.current_term))),
        ("last vote", Cell::new(vote(text(&facts.vote_term), candidate.clone()))),
        ("entries", Cell::new(facts.entries)),
        ("first", Cell::option(facts.first)),
        ("last", Cell::option(facts.last)),
    ];
    if !facts.other_stable.is_empty() {
        rows.push(("other keys", Cell::new(facts.other_stable.join(", "))));
    }
    let value = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(number);
    page.fact("current_term", value(&facts.current_term))
        .fact("vote_term", value(&facts.vote_term))
        .fact("vote_candidate", candidate)
        .fact("entries", facts.entries)
        .fact("first_index", facts.first)
        .fact("last_index", facts.last)
        .fact("gaps", &facts.gaps)
        .fact("other_keys", &facts.other_stable)
        .section(Section::facts("Log and stable store", rows))
}

fn vote(term: Option<String>, candidate: Option<String>) -> String {
    match (term, candidate) {
        (None, None) => "none".to_owned(),
        (term, candidate) => format!(
            "for {} in term {}",
            candidate.unwrap_or_else(|| "nobody".to_owned()),
            term.unwrap_or_else(|| "none".to_owned())
        ),
    }
}

/// Terms, types and forms along the log.
pub(super) fn statistics(facts: &LogFacts, page: NodePage) -> NodePage {
    let terms = facts.terms.iter().take(SHOWN).map(|run| {
        vec![
            Cell::new(run.term),
            Cell::new(run.from),
            Cell::new(run.to),
            Cell::new(run.to.saturating_sub(run.from).saturating_add(1)),
        ]
    });
    let types = facts.types.iter().map(|(kind, count)| {
        vec![
            Cell::new(format!("{} ({})", kind.name(), kind.number())),
            Cell::new(count.entries),
            Cell::new(ByteSize(count.bytes)),
        ]
    });
    let forms = facts.forms.iter().map(|(form, (first, count))| {
        let time = form.time.map_or_else(|| "none".to_owned(), |time| format!("{time:?}").to_lowercase());
        vec![Cell::new(form.fields), Cell::new(time), Cell::new(first), Cell::new(count)]
    });
    let by_type: BTreeMap<&str, _> = facts.types.iter().map(|(kind, count)| (kind.name(), count)).collect();
    page.fact("terms", &facts.terms)
        .fact("types", by_type)
        .section(Section::table("Terms", &[">term", ">from", ">to", ">entries"], terms.collect()))
        .section(Section::table("Types", &["type", ">entries", ">bytes"], types.collect()))
        .section(Section::table("Forms", &[">fields", "time", ">first at", ">entries"], forms.collect()))
}

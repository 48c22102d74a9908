//! Every command that takes a directory, in process, over any source.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ekv_tool::Run;
use ekv_tool::analysis::{Severity, Verdict};
use ekv_tool::error::Result;
use ekv_tool::formats::kv::KeyText;
use ekv_tool::ops::etcd::{
    etcd_check, etcd_compare, etcd_facts, etcd_gate_dryrun, etcd_inspect, etcd_places, etcd_verify_snapshot,
};
use ekv_tool::ops::hraft::{
    self, Backend, EntryRange, hashicorp_check, hashicorp_gate_dryrun, hashicorp_inspect, hashicorp_verify_snapshot,
    hashicorp_wal_dump, hashicorp_wal_ls, hashicorp_wal_show, hashicorp_wal_stat, hashicorp_wal_verify,
};
use ekv_tool::ops::wal::{self, DumpFilter, RecordRef};
use ekv_tool::ops::{
    CheckOptions, CompareOptions, FactsOptions, GateOptions, GetOptions, HistoryOptions, InspectOptions, NamedDir,
    OffloadPlanOptions, PostmortemOptions, ScanOptions, StoreDumpOptions, VerifyDepth, VerifySnapshotOptions, check, compare,
    facts, gate_dryrun, history, inspect, offload_plan, postmortem, snapshot, store_diff, store_dump, store_get, store_meta,
    store_scan, store_stat, store_verify, verify_snapshot,
};
use ekv_tool::readers::etcd::EtcdFound;
use ekv_tool::readers::pebble::StoreCheck;
use ekv_tool::readers::pebble_scan::KeyRange;
use ekv_tool::readers::{Depth, EntryKind};
use ekv_tool::report::body::facts::FactsBody;
use ekv_tool::report::body::hraft::page::HashiBody;
use ekv_tool::report::body::offload_plan::OffloadPlanBody;
use ekv_tool::report::body::store_dump::StoreDumpBody;
use ekv_tool::report::body::store_scan::StoreScanBody;
use ekv_tool::report::body::wal::DumpBody;
use ekv_tool::report::{Body, OutputFormat, Report, RowStream, ServiceState, Style, render};
use ekv_tool::types::{LogIndex, ServerVersion, UnixMillis, is_deceptive};
use serde_json::Value;

use super::page::Page;

/// A question about a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Check,
    CheckFast,
    Gate(Option<ServerVersion>),
    VerifySnapshot(Depth),
    WalVerify,
    WalStat,
    WalLs,
    WalDump,
    WalShow(u64),
    StoreMeta,
    StoreVerify(VerifyDepth),
    StoreScan { raw: bool },
    StoreGet,
    StoreStat,
    StoreDump,
    History,
    SnapshotLs,
    SnapshotStat,
    SnapshotRebuild,
    OffloadPlan,
    Report,
    Inspect,
    InspectFile,
    Facts,
    Compare,
    StoreDiff,
}

impl Command {
    /// All of them.
    pub const ALL: [Self; 30] = [
        Self::Check,
        Self::CheckFast,
        Self::Gate(Some(ServerVersion::Main)),
        Self::Gate(Some(ServerVersion::Pr934)),
        Self::VerifySnapshot(Depth::Header),
        Self::VerifySnapshot(Depth::Checksum),
        Self::VerifySnapshot(Depth::Deep),
        Self::WalVerify,
        Self::WalStat,
        Self::WalLs,
        Self::WalDump,
        Self::WalShow(3),
        Self::WalShow(u64::MAX),
        Self::StoreMeta,
        Self::StoreVerify(VerifyDepth::Rows),
        Self::StoreVerify(VerifyDepth::Keys),
        Self::StoreScan { raw: false },
        Self::StoreScan { raw: true },
        Self::StoreGet,
        Self::StoreStat,
        Self::StoreDump,
        Self::History,
        Self::SnapshotLs,
        Self::SnapshotStat,
        Self::SnapshotRebuild,
        Self::OffloadPlan,
        Self::Report,
        Self::Facts,
        Self::Inspect,
        Self::InspectFile,
    ];

    /// Those that `check` is never better than.
    pub const NO_WORSE_THAN_CHECK: [Self; 5] = [
        Self::Gate(None),
        Self::VerifySnapshot(Depth::Deep),
        Self::WalVerify,
        Self::StoreVerify(VerifyDepth::Rows),
        Self::Report,
    ];
}

/// What a question is about.
#[derive(Debug, Clone)]
pub struct Place {
    /// The directory.
    pub dir: PathBuf,
    /// A file in it.
    pub file: PathBuf,
    /// The same group on another node.
    pub other: PathBuf,
}

/// What a command answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub verdict: Verdict,
    /// The codes of its findings.
    pub codes: Vec<&'static str>,
    /// The report in each format that was asked for, without the time at which it was written.
    pub texts: Vec<String>,
    /// Whether the report judges.
    pub judges: bool,
}

/// The formats in which an answer is wanted.
pub type Formats<'f> = &'f [OutputFormat];

fn style() -> Style {
    Style { verbose: true, ..Style::default() }
}

fn told<B: Body>(report: &Report<B>, texts: &[String], formats: Formats<'_>) -> Answer {
    for (text, format) in texts.iter().zip(formats) {
        assert!(!text.chars().any(|c| c != '\n' && is_deceptive(c)), "{format:?}: {text}");
        let verdict = report.verdict.name();
        let told = match format {
            OutputFormat::Json => serde_json::from_str::<Value>(text).unwrap()["verdict"] == verdict,
            OutputFormat::Ndjson => {
                let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                lines.last().unwrap()["verdict"] == verdict
            }
            OutputFormat::Table | OutputFormat::Markdown => !B::JUDGES || text.contains(&verdict.to_uppercase()),
            OutputFormat::Html => {
                assert!(text.ends_with("</html>\n"), "{text}");
                let page = Page::read(text);
                let runs = ["script", "link", "img", "iframe", "object", "a", "form"];
                let fetches = ["style", "href", "src", "action", "data"];
                for element in &page.0 {
                    assert!(!runs.contains(&element.tag.as_str()), "{element:?}");
                    assert!(!element.attributes.keys().any(|name| fetches.contains(&name.as_str()) || name.starts_with("on")));
                }
                for finding in &report.findings {
                    assert!(text.contains(&format!("data-code=\"{}\"", finding.code.code)), "{text}");
                }
                !B::JUDGES || text.contains(&format!("<span class=\"verdict {verdict}\">{}</span>", verdict.to_uppercase()))
            }
            OutputFormat::Prometheus => {
                let line = format!("ekv_tool_verdict{{command=\"{}\",verdict=\"{verdict}\"}} 1", report.body.command());
                let series: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
                let names: HashSet<_> = series.iter().filter_map(|line| line.rsplit_once(' ')).map(|(name, _)| name).collect();
                assert_eq!(names.len(), series.len(), "a series stands twice: {text}");
                series.contains(&line.as_str())
            }
            OutputFormat::Nagios => {
                let state = ServiceState::of(report.verdict, report.count(Severity::Warning) > 0);
                text.starts_with(&format!("EKV {} - ", state.name())) && text.lines().next().unwrap().contains(" | errors=")
            }
            OutputFormat::Github => {
                assert!(text.lines().all(|line| line.starts_with("::")), "{text}");
                text.lines().last().unwrap().contains(&format!("%3A {verdict}::"))
            }
            OutputFormat::Junit => {
                let counted = |word: &str| {
                    let rest = text.split_once(&format!(" {word}=\"")).unwrap().1;
                    rest.split_once('"').unwrap().0.parse::<usize>().unwrap()
                };
                assert_eq!(text.matches("<testcase ").count(), counted("tests"), "{text}");
                assert_eq!(text.matches("<failure ").count(), counted("failures"), "{text}");
                assert_eq!(text.matches("<error ").count(), counted("errors"), "{text}");
                let own = text.lines().find(|line| line.contains(" name=\"verdict\"")).unwrap();
                match report.verdict {
                    // A start may be refused where nothing is damaged.
                    Verdict::Clean => own.ends_with("name=\"verdict\"/>") && counted("errors") == 0,
                    Verdict::Damaged => own.contains("<failure "),
                    Verdict::Unknown => own.contains("<error ") && counted("failures") == 0,
                }
            }
        };
        assert!(told, "{format:?} does not say {verdict}: {text}");
    }
    Answer {
        verdict: report.verdict,
        codes: report.findings.iter().map(|finding| finding.code.code).collect(),
        texts: texts.iter().map(|text| without_estimates(&without_now(&without_own_sum::<B>(text)))).collect(),
        judges: B::JUDGES,
    }
}

fn written<B: Body>(report: Result<Report<B>>, formats: Formats<'_>) -> Option<Answer> {
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return None;
        }
    };
    let texts = formats.iter().map(|format| {
        let mut out = Vec::new();
        render(&report, *format, style(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    });
    let texts: Vec<_> = texts.collect();
    Some(told(&report, &texts, formats))
}

/// A report with rows that are written while they are read: once for each format.
fn streamed<B: Body>(
    list: ekv_tool::report::JsonList,
    formats: Formats<'_>,
    ask: impl Fn(&mut RowStream<'_>) -> Result<Report<B>>,
) -> Option<Answer> {
    let mut last = None;
    let mut texts = Vec::new();
    for format in formats {
        let mut out = Vec::new();
        let mut rows = RowStream::new(*format, style(), list, &mut out);
        let report = ask(&mut rows).ok()?;
        rows.finish(&report).unwrap();
        texts.push(String::from_utf8(out).unwrap());
        last = Some(report);
    }
    Some(told(&last?, &texts, formats))
}

/// The text without the checksum over all of it, which is also over the time at which it was written.
fn without_own_sum<B: Body>(said: &str) -> String {
    match said.rsplit_once("\"sha256\":").filter(|_| B::CLOSED) {
        Some((text, rest)) => format!("{text}\"sha256\": null{}", rest.find([',', '\n', '}']).map_or("", |at| &rest[at..])),
        None => said.to_owned(),
    }
}

/// The text without estimates that are made from a measured rate, which is another one each time.
fn without_estimates(said: &str) -> String {
    let mut parts = said.split("\"estimate_ms\":");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest =
        |part: &str| part.trim_start().trim_start_matches("null").trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
    parts.fold(first, |text, part| text + "\"estimate_ms\": null" + &rest(part))
}

/// The text without the time at which it was written.
fn without_now(said: &str) -> String {
    let mut parts = said.split("a few seconds after ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('Z').map_or(part, |(_, rest)| rest))
}

/// How much space is free depends on the source and on the moment.
fn without_free_space(mut report: Report<OffloadPlanBody>) -> Report<OffloadPlanBody> {
    for plan in &mut report.body.plans {
        let publish = plan.publish.iter_mut().flat_map(|publish| std::iter::once(&mut publish.spool).chain(&mut publish.store));
        publish.chain([&mut plan.restore.room]).for_each(|room| room.free_bytes = None);
    }
    report.coverage.not_examined.retain(|part| !part.what.starts_with("the free space in "));
    report.verdict = Verdict::of(&report.findings, &report.coverage);
    report
}

/// When it was taken is another time for each, and how long a start takes another estimate.
fn without_time(mut report: Report<FactsBody>) -> Report<FactsBody> {
    (report.body.taken_at, report.body.taken_at_ms) = (None, UnixMillis(0));
    // Made from a measured rate, and part of what the checksum is over.
    report.body.forecasts.iter_mut().for_each(|group| group.forecast.cost.estimate_ms = None);
    report
}

/// Asks. Nothing for a command that cannot do its work there.
pub fn ask(command: Command, place: &Place, formats: Formats<'_>, run: &Run<'_>) -> Option<Answer> {
    let paths = std::slice::from_ref(&place.dir);
    if command == Command::Report {
        let page = postmortem(paths, &PostmortemOptions::default(), run);
        return written(page.map(|page| page.report), formats);
    }
    if let Backend::Hashicorp(nodes) = Backend::of(paths, &*run.source).ok()? {
        return ask_hashicorp(command, &nodes, place, formats, run);
    }
    let members = etcd_places(paths, &*run.source).ok()?;
    // What is asked of logs and files is asked of all in one way.
    let asked = matches!(
        command,
        Command::Check
            | Command::CheckFast
            | Command::Gate(_)
            | Command::VerifySnapshot(_)
            | Command::Inspect
            | Command::Compare
            | Command::Facts
    );
    if asked && !members.places.is_empty() {
        return ask_etcd(command, &members, place, formats, run);
    }
    let store = place.dir.join("fsm.db");
    let is_store = || run.source.kind_at(&store) == Some(EntryKind::Directory);
    let stores = std::slice::from_ref(&store);
    match command {
        Command::Check => written(check(paths, &CheckOptions::default(), run), formats),
        Command::CheckFast => written(check(paths, &CheckOptions { fast: true, ..CheckOptions::default() }, run), formats),
        Command::Gate(engine) => {
            let options = GateOptions { engine, plan: true, store_check: Some(StoreCheck::Full), ..GateOptions::default() };
            written(gate_dryrun(paths, &options, run), formats)
        }
        Command::VerifySnapshot(depth) => {
            let options = VerifySnapshotOptions { depth, ..VerifySnapshotOptions::default() };
            written(verify_snapshot(paths, &options, run), formats)
        }
        Command::WalVerify => written(wal::verify(paths, run), formats),
        Command::WalStat => written(wal::stat(paths, None, run), formats),
        Command::WalLs => written(wal::ls(paths, run), formats),
        Command::WalDump => streamed(DumpBody::LIST, formats, |rows| wal::dump(paths, &DumpFilter::default(), None, run, rows)),
        Command::WalShow(index) => written(wal::show(&place.dir, &RecordRef::Index(LogIndex(index)), None, run), formats),
        Command::StoreMeta => is_store().then(|| written(store_meta(stores, run), formats)).flatten(),
        Command::StoreVerify(depth) => is_store().then(|| written(store_verify(stores, depth, run), formats)).flatten(),
        Command::StoreScan { raw } => {
            let options =
                ScanOptions { range: KeyRange::new(None, None, None, raw), limit: None, names: None, raw, value_bytes: 32 };
            is_store()
                .then(|| streamed(StoreScanBody::LIST, formats, |rows| store_scan(&store, &options, None, run, rows)))
                .flatten()
        }
        Command::StoreGet => {
            let options = GetOptions { key: KeyText::Bytes(b"key".to_vec()), raw: false, at: None, versions: 3, limit: 10 };
            is_store().then(|| written(store_get(&store, &options, None, run), formats)).flatten()
        }
        Command::StoreStat => is_store().then(|| written(store_stat(stores, 5, None, run), formats)).flatten(),
        Command::StoreDump => {
            let options = StoreDumpOptions { limit: None, raw: false, value_bytes: 32 };
            streamed(StoreDumpBody::LIST, formats, |rows| store_dump(&place.file, &options, None, run, rows))
        }
        Command::History => {
            let dirs = [NamedDir { name: None, path: place.dir.clone() }];
            let options = HistoryOptions { key: KeyText::Bytes(b"key".to_vec()), raw: false, limit: 10, payloads: true };
            written(history(&dirs, &options, None, run), formats)
        }
        Command::SnapshotLs => written(snapshot::ls(paths, run), formats),
        Command::SnapshotStat => written(snapshot::stat(paths, false, None, run), formats),
        Command::SnapshotRebuild => written(snapshot::rebuild(&place.dir, run), formats),
        Command::OffloadPlan => {
            let options = OffloadPlanOptions { group_id: Some(7), ..OffloadPlanOptions::default() };
            written(offload_plan(&place.dir, &options, run).map(without_free_space), formats)
        }
        Command::Facts => written(facts(paths, &FactsOptions::default(), run).map(without_time), formats),
        Command::Inspect => written(inspect(&place.dir, InspectOptions::default(), run), formats),
        Command::InspectFile => inspect_file(&place.file, formats, run),
        // It asks of any directory what there is to ask.
        Command::Report => None,
        Command::Compare => {
            let paths = [place.dir.clone(), place.other.clone()];
            written(compare(&paths, &CompareOptions::default(), run), formats)
        }
        Command::StoreDiff => {
            let is_other = run.source.kind_at(&place.other.join("fsm.db")) == Some(EntryKind::Directory);
            let both = [place.dir.as_path(), place.other.as_path()];
            (is_store() && is_other).then(|| written(store_diff(both, 5, None, run), formats)).flatten()
        }
    }
}

fn inspect_file(file: &Path, formats: Formats<'_>, run: &Run<'_>) -> Option<Answer> {
    written(inspect(file, InspectOptions::default(), run), formats)
}

fn ask_etcd(command: Command, members: &EtcdFound, place: &Place, formats: Formats<'_>, run: &Run<'_>) -> Option<Answer> {
    match command {
        Command::Check | Command::CheckFast => written(etcd_check(members, None, run), formats),
        Command::Gate(_) => written(etcd_gate_dryrun(members, run), formats),
        Command::VerifySnapshot(_) => written(etcd_verify_snapshot(members, run), formats),
        Command::Inspect => written(etcd_inspect(members, run), formats),
        Command::Facts => written(etcd_facts(members, &FactsOptions::default(), run).map(without_time), formats),
        Command::Compare => {
            let all = etcd_places(&[place.dir.clone(), place.other.clone()], &*run.source).ok()?;
            written(etcd_compare(&all, run), formats)
        }
        _ => None,
    }
}

fn ask_hashicorp(command: Command, nodes: &[PathBuf], place: &Place, formats: Formats<'_>, run: &Run<'_>) -> Option<Answer> {
    let node = nodes.first()?;
    match command {
        Command::Check | Command::CheckFast => written(hashicorp_check(nodes, None, None, run), formats),
        Command::Gate(_) => written(hashicorp_gate_dryrun(nodes, Some("n1"), run), formats),
        Command::VerifySnapshot(_)
        | Command::SnapshotLs
        | Command::SnapshotStat
        | Command::SnapshotRebuild
        | Command::OffloadPlan => written(hashicorp_verify_snapshot(nodes, run), formats),
        Command::WalVerify => written(hashicorp_wal_verify(nodes, run), formats),
        Command::WalStat => written(hashicorp_wal_stat(nodes, run), formats),
        Command::WalLs => written(hashicorp_wal_ls(nodes, run), formats),
        Command::WalDump => streamed(HashiBody::LIST, formats, |rows| hashicorp_wal_dump(node, EntryRange::default(), run, rows)),
        Command::WalShow(index) => written(hashicorp_wal_show(node, index, run), formats),
        Command::Inspect => written(hashicorp_inspect(nodes, run), formats),
        Command::Facts => written(hraft::hashicorp_facts(nodes, &FactsOptions::default(), run).map(without_time), formats),
        Command::InspectFile => inspect_file(&place.file, formats, run),
        Command::Compare => {
            let Ok(Backend::Hashicorp(all)) = Backend::of(&[place.dir.clone(), place.other.clone()], &*run.source) else {
                return None;
            };
            written(hraft::hashicorp_compare(&all, run), formats)
        }
        Command::StoreMeta
        | Command::StoreVerify(_)
        | Command::StoreScan { .. }
        | Command::StoreGet
        | Command::StoreStat
        | Command::StoreDump
        | Command::StoreDiff
        | Command::Report
        | Command::History => None,
    }
}

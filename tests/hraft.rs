//! Directories of hashicorp/raft: what the library did with recorded ones, and every fault in a small one.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use ekv_tool::Run;
use ekv_tool::analysis::hraft::{AbortKind, Snapshots, StartForecast, StartInput, StartOutcome, StoreFile, StoreFiles, forecast};
use ekv_tool::analysis::{Severity, Verdict};
use ekv_tool::ops::hraft::{
    Backend, EntryRange, hashicorp_check, hashicorp_compare, hashicorp_gate_dryrun, hashicorp_inspect, hashicorp_verify_snapshot,
    hashicorp_wal_dump, hashicorp_wal_show, hashicorp_wal_stat, hashicorp_wal_verify,
};
use ekv_tool::readers::Local;
use ekv_tool::readers::hraft::{LogFacts, Survey};
use serde_json::{Value, json};

use crate::support::dumped::dumped;
use crate::support::raftwal_writer::{Segment, entry, list, meta_db, write};
use crate::support::recorded;

/// Texts of the language's run time, which name addresses.
const RUN_TIME: [&str; 5] = ["runtime error", "unexpected fault", "fatal error", "assertion failed", "out of memory"];

fn node(name: &str, node: &str) -> std::path::PathBuf {
    recorded::hashi().root.join(name).join(node)
}

/// Every recorded node: case, node, what the library did.
fn nodes() -> Vec<(&'static str, &'static str, &'static Value)> {
    let all = recorded::hashi().expected.iter();
    all.flat_map(|(name, case)| {
        case["nodes"].as_object().unwrap().iter().map(move |(node, did)| (name.as_str(), node.as_str(), did))
    })
    .collect()
}

/// What the forecast says otherwise than the record.
fn differences(name: &str, at: &str, did: &Value) -> Vec<String> {
    let id = did["id"].as_str().unwrap();
    let report = hashicorp_gate_dryrun(&[node(name, at)], Some(id), &Run::local()).unwrap();
    let start = &report.body.groups[0].start;
    let said = serde_json::to_value(start).unwrap();
    let mut wrong = Vec::new();
    let mut same = |what: &str, said: &Value, did: &Value| {
        if said != did {
            wrong.push(format!("{name}/{at}: {what}: library {did}, forecast {said}"));
        }
    };
    let started = did["outcome"] == "ok";
    same("outcome", &said["outcome"], &json!(if started { "start" } else { "abort" }));
    if started {
        same("at_start", &without_membership(&said["at_start"]), &did["at_start"]);
        let members =
            if said["at_start"]["configuration"].is_null() { json!([]) } else { said["at_start"]["configuration"].clone() };
        same("membership", &members, &did["configuration"]);
        same("index of the membership", &said["at_start"]["configuration_index"], &did["configuration_index"]);
        same("state", &said["first_state"], &did["state"]);
    } else {
        let kind =
            if matches!(did["outcome"].as_str(), Some("error" | "hang")) { did["outcome"].clone() } else { json!("panic") };
        same("kind", &said["abort"]["kind"], &kind);
        same("stage", &said["abort"]["stage"], &did["stage"]);
        let text = did["error"].as_str().unwrap_or_default().trim_start_matches("panic: ").replace("<dir>/", "");
        if !RUN_TIME.iter().any(|word| text.contains(word)) {
            let stem: String = text.split("msgpack decode error").next().unwrap().chars().take(40).collect();
            let own = said["abort"]["text"].as_str().unwrap_or_default();
            if !own.contains(stem.trim()) {
                wrong.push(format!("{name}/{at}: text: library {text}, forecast {own}"));
            }
        }
        assert_eq!(report.verdict, Verdict::Damaged, "{name}/{at}");
    }
    let mut same = |what: &str, said: &Value, did: &Value| {
        if !did.is_null() && said != did {
            wrong.push(format!("{name}/{at}: {what}: library {did}, forecast {said}"));
        }
    };
    same("snapshot", &said["snapshot"]["id"], &did["snapshot"]);
    let recovery = match did["recovery"].as_str() {
        None => Value::Null,
        Some("ok" | "error") => did["recovery"].clone(),
        Some(_) => json!("panic"),
    };
    same("recovery", &said["recovery"], &recovery);
    if started && did["later"].as_str().is_some_and(|later| later != "ok") && report.verdict != Verdict::Damaged {
        wrong.push(format!("{name}/{at}: it fails later ({}), and the verdict is {}", did["later"], report.verdict));
    }
    wrong
}

fn without_membership(state: &Value) -> Value {
    let mut state = state.clone();
    for name in ["configuration", "configuration_index"] {
        state.as_object_mut().unwrap().remove(name);
    }
    state
}

#[test]
fn every_recorded_start_is_forecast() {
    let all = nodes();
    assert_eq!(all.len(), 209);
    let wrong: Vec<String> = all.iter().flat_map(|(name, at, did)| differences(name, at, did)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn healthy_nodes_are_clean() {
    let healthy = nodes().into_iter().filter(|(name, ..)| recorded::hashi().expected[*name]["family"] == "healthy");
    let mut count = 0;
    for (name, at, did) in healthy {
        let report = hashicorp_check(&[node(name, at)], did["id"].as_str(), None, &Run::local()).unwrap();
        assert_eq!(report.verdict, Verdict::Clean, "{name}/{at}");
        let loud: Vec<_> = report.findings.iter().filter(|finding| finding.severity != Severity::Info).collect();
        assert!(loud.is_empty(), "{name}/{at}: {loud:?}");
        count += 1;
    }
    assert_eq!(count, 25);
}

#[test]
fn directories_are_told_apart() {
    let dirs = vec![node("h01-single", "n1")];
    assert_eq!(Backend::of(&dirs, &Local).unwrap(), Backend::Hashicorp(dirs.clone()));
    let file = dirs[0].join("raft.db");
    assert_eq!(
        Backend::of(&[file], &Local).unwrap(),
        Backend::Hashicorp(dirs.clone()),
        "a store's file stands for its directory"
    );
    let above = recorded::hashi().root.join("h10-install");
    assert!(matches!(Backend::of(&[above], &Local).unwrap(), Backend::Hashicorp(nodes) if nodes.len() == 3));
    let own = tempfile::tempdir().unwrap();
    fs::create_dir_all(own.path().join("n1/wal")).unwrap();
    fs::write(own.path().join("n1/raft.db"), fs::read(dirs[0].join("raft.db")).unwrap()).unwrap();
    let etcd = own.path().join("n1");
    assert_eq!(
        Backend::of(std::slice::from_ref(&etcd), &Local).unwrap(),
        Backend::Elastickv,
        "the server's own refusal is the answer there"
    );
    assert!(Backend::of(&[dirs[0].clone(), etcd], &Local).is_err());
}

#[test]
fn entries_are_listed_and_explained() {
    let dir = node("h07-entries", "n1");
    let range = EntryRange { from: Some(1), to: Some(3), term: None };
    let (dump, entries) = dumped(|rows| hashicorp_wal_dump(&dir, range, &Run::local(), rows));
    assert_eq!((entries.len(), dump.verdict), (3, Verdict::Clean));
    assert!(dump.body.nodes[0].facts["entries_read"].as_u64().unwrap() > 3);
    assert_eq!((&entries[0]["type"], &entries[0]["term"]), (&json!("configuration"), &json!(1)));
    // What is wrong with the log is said beside what could be written of it.
    let (dump, entries) =
        dumped(|rows| hashicorp_wal_dump(&node("d-cfg-top-c1", "n1"), EntryRange::default(), &Run::local(), rows));
    assert_eq!((dump.verdict, dump.findings[0].code.code), (Verdict::Damaged, "hraft-configuration-undecodable"));
    assert_eq!(entries[22]["content"].as_str().unwrap().split(':').next(), Some("does not decode"), "{}", entries[22]);
    let shown = hashicorp_wal_show(&dir, 1, &Run::local()).unwrap();
    assert_eq!(shown.body.nodes[0].facts["entry"]["content"], "n1@127.0.0.1:7001 voter");
    assert!(hashicorp_wal_show(&dir, 99_999, &Run::local()).is_err());
    let bad = hashicorp_wal_show(&node("d-cfg-top-c1", "n1"), 23, &Run::local()).unwrap();
    assert_eq!(bad.findings[0].code.code, "hraft-configuration-undecodable");
    let stat = hashicorp_wal_stat(&[node("h19-newtime-mixed", "n1")], &Run::local()).unwrap();
    assert_eq!(stat.body.nodes[0].facts["types"]["command"]["entries"], 12);
    assert_eq!(hashicorp_wal_verify(std::slice::from_ref(&dir), &Run::local()).unwrap().verdict, Verdict::Clean);
    let page = hashicorp_inspect(&[dir], &Run::local()).unwrap();
    assert_eq!(page.body.nodes[0].facts["stores"][0]["meta_valid"], json!([true, true]));
}

#[test]
fn snapshots_are_verified_in_the_librarys_order() {
    let report = hashicorp_verify_snapshot(&[node("d-state-all-flip", "n1")], &Run::local()).unwrap();
    let states: Vec<_> =
        report.body.nodes[0].facts["snapshots"].as_array().unwrap().iter().map(|row| row["state"].clone()).collect();
    assert_eq!(states, [json!("CRC mismatch"), json!("CRC mismatch"), json!("CRC mismatch")]);
    assert_eq!(report.verdict, Verdict::Damaged);
    let clean = hashicorp_verify_snapshot(&[node("h04-three-snaps", "n2")], &Run::local()).unwrap();
    assert_eq!((clean.verdict, clean.findings.len()), (Verdict::Clean, 0));
    let indexes: Vec<_> =
        clean.body.nodes[0].facts["snapshots"].as_array().unwrap().iter().map(|row| row["index"].clone()).collect();
    assert_eq!(indexes, [json!(62), json!(50), json!(38)]);
}

#[test]
fn nodes_are_compared() {
    let all = |name: &str| ["n1", "n2", "n3"].map(|at| node(name, at)).to_vec();
    let clean = hashicorp_compare(&all("h10-install"), &Run::local()).unwrap();
    assert_eq!((clean.verdict, clean.findings.len()), (Verdict::Clean, 0));
    let other = hashicorp_compare(&all("d-committed-replaced-term"), &Run::local()).unwrap();
    let found: Vec<_> = other.findings.iter().map(|finding| (finding.code.code, finding.severity)).collect();
    assert_eq!(found, [("cross-log-matching", Severity::Warning); 2], "terms differ, and no snapshot says which is committed");
    // The same entries with one bit of a command changed.
    let pair = [node("h01-single", "n1"), node("d-bolt-leaf-value-flip", "n1")];
    let flipped = hashicorp_compare(&pair, &Run::local()).unwrap();
    assert!(flipped.findings.iter().any(|f| f.code.code == "cross-log-matching" && f.severity == Severity::Error));
}

#[test]
fn sound_nodes_of_one_cluster_are_compared_without_a_word() {
    let mut cases = 0;
    for (name, case) in recorded::hashi().expected.iter().filter(|(_, case)| case["family"] == "healthy") {
        let dirs: Vec<_> = case["nodes"].as_object().unwrap().keys().map(|at| node(name, at)).collect();
        if dirs.len() < 2 {
            continue;
        }
        cases += 1;
        let report = hashicorp_compare(&dirs, &Run::local()).unwrap();
        let loud: Vec<_> = report.findings.iter().filter(|finding| finding.severity != Severity::Info).collect();
        assert!(report.verdict == Verdict::Clean && loud.is_empty(), "{name}: {loud:?}");
    }
    assert!(cases >= 3, "{cases}");
}

/// A member of `n1`, `n2`, `n3` in a term: entries from an index on, all but the first of one term, and perhaps a snapshot of a term at an index with
/// members.
struct Member {
    current: u64,
    base: u64,
    entries: Vec<u64>,
    snapshot: Option<(u64, u64, &'static [&'static str])>,
}

const ALL: &[&str] = &["n1", "n2", "n3"];

impl Member {
    fn write(&self, dir: &Path) {
        let mut members = b"\x81\xa7Servers\x93".to_vec();
        for number in b'1'..=b'3' {
            members.extend_from_slice(b"\x83\xa7Address\xab127.0.0.1:");
            members.push(number);
            members.extend_from_slice(b"\xa2ID\xa2n");
            members.push(number);
            members.extend_from_slice(b"\xa8Suffrage\x00");
        }
        let mut segment = Segment::new(self.base, 0);
        for (index, term) in (self.base..).zip(&self.entries) {
            segment = if index == 1 { segment.raw(&entry(1, *term, 5, &members, b"")) } else { segment.command(*term, "x") };
        }
        if !self.entries.is_empty() {
            segment = segment.commit();
        }
        write(dir, std::slice::from_ref(&segment));
        fs::write(dir.join("wal/wal-meta.db"), meta_db(&list(9, &[segment]), self.current)).unwrap();
        let Some((term, index, members)) = self.snapshot else { return };
        let id = format!("{term}-{index}-1795229117832");
        let into = dir.join("snapshots").join(&id);
        fs::create_dir_all(&into).unwrap();
        fs::write(into.join("state.bin"), b"hello state").unwrap();
        let servers: Vec<_> =
            members.iter().map(|id| json!({"Suffrage": 0, "ID": id, "Address": format!("127.0.0.1:{}", &id[1..])})).collect();
        let meta = json!({
            "Version": 1, "ID": id, "Index": index, "Term": term, "Peers": null, "Configuration": {"Servers": servers},
            "ConfigurationIndex": 1, "Size": 11, "CRC": "I0KpEbX01kc="
        });
        fs::write(into.join("meta.json"), meta.to_string()).unwrap();
    }
}

/// Entries 1 to `last`: the first of term 1, then some of term 2, from an index on of term 3.
fn log(last: u64, third: u64, snapshot: Option<(u64, u64, &'static [&'static str])>) -> Member {
    let term = |index| if index == 1 { 1 } else { 2 + u64::from(index >= third) };
    let current = if last >= third { 3 } else { 2 };
    Member { current, base: 1, entries: (1..=last).map(term).collect(), snapshot }
}

/// What `compare` says of nodes by their names: codes, severities and messages.
fn compared(members: &[(&str, Member)]) -> Vec<(&'static str, Severity, String)> {
    let root = tempfile::tempdir().unwrap();
    let dirs: Vec<_> = members.iter().map(|(name, _)| root.path().join(name)).collect();
    for ((_, member), dir) in members.iter().zip(&dirs) {
        member.write(dir);
    }
    let report = hashicorp_compare(&dirs, &Run::local()).unwrap();
    report.findings.iter().map(|finding| (finding.code.code, finding.severity, finding.message.clone())).collect()
}

const NEVER: u64 = u64::MAX;

#[test]
fn what_a_snapshot_says_is_committed_is_held_against_the_majority() {
    let (error, info) = (Severity::Error, Severity::Info);
    let snapshot = Some((2, 30, ALL));
    let short = || log(20, NEVER, None);
    let empty = || Member { current: 0, base: 1, entries: Vec::new(), snapshot: None };
    assert_eq!(
        compared(&[("n1", log(40, NEVER, snapshot)), ("n2", log(30, NEVER, None)), ("n3", short())]),
        [],
        "two of three have it"
    );
    assert_eq!(compared(&[("n1", log(40, NEVER, None)), ("n2", short()), ("n3", short())]), [], "nothing says what is committed");
    let says = "Index 30 (term 2) is committed, by a snapshot; n1 has it. Of 3 voters 2 need it: n1 has";
    assert_eq!(
        compared(&[("n1", log(40, NEVER, snapshot)), ("n2", short()), ("n3", short())]),
        [(
            "cross-under-replicated",
            error,
            format!(
                "{says}, n2 (ends at 20) and n3 (ends at 20) do not. n2 and n3 can be elected without it: entries 21 to 30 are lost then."
            )
        )]
    );
    assert_eq!(
        compared(&[("n1", log(40, NEVER, snapshot)), ("n2", empty()), ("n3", empty())]),
        [("cross-under-replicated", error, format!("{says}, n2 (ends at 0) and n3 (ends at 0) do not. Without n1 it is gone."))]
    );
    assert_eq!(
        compared(&[("n1", log(40, NEVER, snapshot)), ("n2", short())]),
        [(
            "cross-under-replicated",
            info,
            format!("{says}, n2 (ends at 20) does not. If n3, of which that is not known, should lack it too, it can be lost.")
        )]
    );
}

#[test]
fn two_entries_at_one_committed_index_are_found() {
    let snapshot = Some((2, 30, ALL));
    let codes = |members: &[(&str, Member)]| {
        compared(members).into_iter().map(|(code, severity, _)| (code, severity)).collect::<Vec<_>>()
    };
    // Logs that begin behind their snapshots.
    let behind = |term: u64, current| Member { current, base: 31, entries: vec![current; 9], snapshot: Some((term, 30, ALL)) };
    assert_eq!(compared(&[("n1", behind(2, 2)), ("n2", behind(2, 2))]), [], "the same snapshot");
    assert_eq!(codes(&[("n1", behind(2, 3)), ("n2", behind(3, 3))]), [("cross-committed-divergence", Severity::Error)]);
    let other = Some((2, 30, &["n1", "n2"][..]));
    assert_eq!(
        codes(&[("n1", log(40, NEVER, snapshot)), ("n2", log(40, NEVER, snapshot)), ("n3", log(40, NEVER, other))]),
        [("cross-snapshot-divergence", Severity::Error); 2]
    );
    // A leader of a later term without what was committed, and the end of an older leader's log, which is legal.
    assert!(
        codes(&[("n1", log(40, NEVER, snapshot)), ("n2", log(50, 26, None))])
            .contains(&("cross-committed-lost", Severity::Error))
    );
    let stale = codes(&[("n1", log(40, 26, Some((3, 30, ALL)))), ("n2", log(40, 26, None)), ("n3", log(35, NEVER, None))]);
    assert!(!stale.is_empty() && stale.iter().all(|(_, severity)| *severity != Severity::Error), "{stale:?}");
}

#[test]
fn a_snapshot_that_kept_a_cut_off_membership_is_found() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("n1");
    let from = node("h21-large-state", "n1");
    let snapshot = fs::read_dir(from.join("snapshots")).unwrap().next().unwrap().unwrap().file_name();
    let into = dir.join("snapshots").join(&snapshot);
    fs::create_dir_all(&into).unwrap();
    fs::copy(from.join("raft.db"), dir.join("raft.db")).unwrap();
    fs::copy(from.join("snapshots").join(&snapshot).join("state.bin"), into.join("state.bin")).unwrap();
    let meta = fs::read_to_string(from.join("snapshots").join(&snapshot).join("meta.json")).unwrap();
    let check = |index: u64| {
        fs::write(into.join("meta.json"), meta.replace("\"ConfigurationIndex\":1", &format!("\"ConfigurationIndex\":{index}")))
            .unwrap();
        hashicorp_check(std::slice::from_ref(&dir), None, None, &Run::local()).unwrap()
    };
    assert_eq!(check(1).verdict, Verdict::Clean);
    let found = check(3).findings;
    assert!(found.iter().any(|f| f.code.code == "hraft-snapshot-meta-odd" && f.message.contains("another entry")), "{found:?}");
}

fn forecast_of(bytes: &[u8], sound: Option<&LogFacts>) -> StartForecast {
    let snapshots = Snapshots::default();
    let stores = StoreFiles::Combined(StoreFile::Bytes(bytes));
    forecast(&StartInput { raft_id: "n1", stores, snapshots: &snapshots, sound })
}

/// Of a file of which no page is wrong the walk over all pages has found what the library finds. True when that could be asked.
fn the_short_way_is_as_good(bytes: &[u8], what: &dyn std::fmt::Display) -> bool {
    let mut facts = LogFacts::default();
    let survey = LogFacts::read(bytes, &mut facts);
    let sound = survey.is_sound() && facts.is_whole();
    if sound {
        assert_eq!(forecast_of(bytes, Some(&facts)), forecast_of(bytes, None), "{what}");
    }
    sound
}

#[test]
fn of_a_sound_file_the_walk_knows_what_the_library_finds() {
    let archive = recorded::hashi();
    let mut asked = 0;
    for name in archive.expected.keys() {
        let Ok(bytes) = fs::read(archive.root.join(name).join("n1/raft.db")) else { continue };
        asked += usize::from(the_short_way_is_as_good(&bytes, name));
    }
    assert!(asked > 100, "{asked}");
}

fn start_of(bytes: &[u8]) -> StartOutcome {
    let start = forecast_of(bytes, None);
    assert!(start.abort.as_ref().is_none_or(|abort| abort.kind == AbortKind::Hang || !abort.text.is_empty()));
    start.outcome
}

/// The part of a small store that holds anything.
fn used(name: &str) -> Vec<u8> {
    let bytes = fs::read(node(name, "n1").join("raft.db")).unwrap();
    let survey = Survey::of(&bytes, &mut |_| ControlFlow::Continue(()));
    let end = survey.meta().unwrap().high_water * survey.page_size;
    bytes[..usize::try_from(end).unwrap()].to_vec()
}

#[test]
fn no_prefix_of_a_store_ends_the_program() {
    let whole = used("h01-single");
    let mut outcomes = [0, 0];
    for end in (0..whole.len()).step_by(61) {
        outcomes[usize::from(start_of(&whole[..end]) == StartOutcome::Start)] += 1;
        LogFacts::read(&whole[..end], &mut LogFacts::default());
    }
    assert!(outcomes.iter().all(|&count| count > 0), "{outcomes:?}");
}

#[test]
fn no_flip_in_a_store_ends_the_program() {
    let mut bytes = used("h01-single");
    let mut aborts = 0;
    for at in 0..bytes.len() {
        let bit = 1 << (at * 7 % 8);
        bytes[at] ^= bit;
        aborts += usize::from(start_of(&bytes) == StartOutcome::Abort);
        the_short_way_is_as_good(&bytes, &at);
        bytes[at] ^= bit;
    }
    assert!(aborts > 100, "{aborts}");
}

#[test]
fn nothing_is_written_into_a_directory() {
    let list = |dir: &Path| {
        let mut all: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap()).collect();
        all.sort_by_key(fs::DirEntry::file_name);
        all.iter().map(|entry| (entry.file_name(), entry.metadata().unwrap().modified().unwrap())).collect::<Vec<_>>()
    };
    let dir = node("d-st-stable-lost-split", "n1");
    let before = list(&dir);
    hashicorp_check(std::slice::from_ref(&dir), None, None, &Run::local()).unwrap();
    assert_eq!(list(&dir), before, "the library would make stable.dat here");
}

//! What is in a file of facts, and what is not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ekv_tool::Run;
use ekv_tool::analysis::facts::Document;
use ekv_tool::analysis::{NotExamined, Verdict};
use ekv_tool::formats::facts::Salt;
use ekv_tool::ops::{CompareOptions, FactsOptions, ScanOptions, compare, store_scan};
use ekv_tool::readers::pebble_scan::KeyRange;
use ekv_tool::report::body::store_scan::StoreScanBody;
use ekv_tool::report::{OutputFormat, RowStream, Style};
use serde_json::Value;

use crate::support::diverging::{LAST, Node, written};
use crate::support::log_writer::LogWriter;
use crate::support::node_dir::{NodeDir, id, ids};
use crate::support::recorded::{cases, fresh, real};
use crate::support::taken::{facts_of, take};

/// Keys and values of a store as they are shown, those that are long enough to be told from other text.
fn rows_of(store: &Path) -> BTreeSet<String> {
    let options = ScanOptions {
        range: KeyRange::new(None, None, None, false),
        limit: Some(400),
        names: None,
        raw: false,
        value_bytes: 256,
    };
    let mut out = Vec::new();
    let mut rows = RowStream::new(OutputFormat::Ndjson, Style::default(), StoreScanBody::LIST, &mut out);
    let Ok(report) = store_scan(store, &options, None, &Run::local(), &mut rows) else { return BTreeSet::new() };
    rows.finish(&report).unwrap();
    let mut found = BTreeSet::new();
    for line in String::from_utf8(out).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        for field in ["key", "value"] {
            found.extend(line[field].as_str().filter(|text| text.len() >= 5).map(str::to_owned));
        }
    }
    found
}

fn holds(facts: &str, text: &str) -> bool {
    let hex = text.bytes().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    facts.contains(text) || facts.contains(&hex)
}

#[test]
fn no_key_and_no_value_is_in_it() {
    let damaged = cases().groups().into_iter().chain(fresh().groups()).step_by(23).map(|case| case.dir);
    let healthy = ["lag-M/n1", "three-M/n2", "sticky-P/n3"].map(|name| real().root.join(name));
    let (mut looked_for, mut wrong) = (0, Vec::new());
    for dir in healthy.into_iter().chain(damaged) {
        let rows = rows_of(&dir.join("fsm.db"));
        let facts = String::from_utf8(facts_of(&dir, &FactsOptions::default())).unwrap();
        // A path of a test has the name of the case, which may be that of a key.
        let facts = facts.replace(&dir.display().to_string(), "DIR");
        looked_for += rows.len();
        wrong.extend(rows.into_iter().filter(|row| holds(&facts, row)).map(|row| format!("{}: {row}", dir.display())));
    }
    assert!(looked_for > 1000, "{looked_for}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Damage whose finding, or whose words of the server, name a key.
#[test]
fn findings_about_rows_do_not_name_them() {
    let root = tempfile::tempdir().unwrap();
    let dirs = [Node::new("n1", LAST), Node::new("n2", LAST).without(5)].map(|node| node.write(root.path()));
    let files = take(&dirs, &FactsOptions::default(), root.path());
    let report = compare(&files, &CompareOptions::default(), &Run::local()).unwrap();
    assert_eq!(report.verdict, Verdict::Unknown, "{:?}", report.findings);
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        for index in 2..=LAST {
            let (key, value) = written(index);
            for bytes in [key, value] {
                assert!(!holds(&text, std::str::from_utf8(&bytes).unwrap()));
            }
        }
    }
}

#[test]
fn equal_facts_of_a_node_differ_only_in_their_time() {
    let dir = real().root.join("lag-M/n1");
    let [one, other] = [facts_of(&dir, &FactsOptions::default()), facts_of(&dir, &FactsOptions::default())].map(|bytes| {
        let mut value: Value = serde_json::from_slice(&bytes).unwrap();
        for part in ["taken_at", "taken_at_ms", "run", "sha256"] {
            assert!(value.as_object_mut().unwrap().remove(part).is_some(), "{part}");
        }
        value
    });
    assert_eq!(one, other);
    assert_eq!((&one["schema"], &one["verdict"]), (&"ekv-tool/facts/v1".into(), &"clean".into()));
    assert!(one["forecasts"][0]["outcome"].is_string() && one["findings"].is_array());
}

const MEMBERS: [&str; 3] = ["n1", "n2", "n3"];

/// A node with a long log: entries from `first` on, of which `odd` has another content.
fn long(root: &Path, raft_id: &str, first: u64, last: u64, odd: Option<u64>) -> PathBuf {
    let mut log = LogWriter::new();
    // Two members never write the same file.
    log.snapshot(first - 1, 2, &ids(&MEMBERS)).state(2, id("n1"), first - 1);
    let own = first + raft_id.bytes().map(u64::from).sum::<u64>();
    for index in first..=last {
        if index == own {
            log.state(2, id("n1"), index - 1);
        }
        let data =
            if odd == Some(index) { "changed".to_owned() } else { format!("entry {index} with some content of usual length") };
        log.entry(index, 2, &data);
    }
    log.state(2, id("n1"), last);
    let node = NodeDir::below(root, raft_id, &log).snap(first - 1, 2, &ids(&MEMBERS)).peers(first - 1, &MEMBERS);
    node.path().to_owned()
}

const LAST_OF_LONG: u64 = 60_000;

#[test]
fn long_logs_stay_small_and_differ_at_a_range() {
    let root = tempfile::tempdir().unwrap();
    let whole = |name: &str, odd| long(root.path(), name, 2, LAST_OF_LONG, odd);
    let dirs = [whole("n1", None), whole("n2", None), whole("n3", Some(30_005))];
    let files = take(&dirs, &FactsOptions::default(), root.path());
    let len = std::fs::metadata(&files[0]).unwrap().len();
    let document = Document::decode(&std::fs::read(&files[0]).unwrap()).unwrap();
    let sums = document.groups[0].log.as_ref().unwrap();
    assert_eq!(sums.entries.run_level, 2);
    // Sixteen digits a sum, and a bounded number of them however long the log is.
    assert!(sums.entries.sums.len() < (24 << 10) + 1100 && len < (1 << 20), "{} sums, {len} bytes", sums.entries.sums.len());
    let healthy = compare(&files[..2], &CompareOptions::default(), &Run::local()).unwrap();
    assert_eq!((healthy.verdict, healthy.findings.len()), (Verdict::Clean, 0), "{:?}", healthy.findings);
    let report = compare(&files, &CompareOptions::default(), &Run::local()).unwrap();
    let [finding] =
        report.findings.iter().filter(|finding| finding.code.code == "cross-committed-divergence").collect::<Vec<_>>()[..]
    else {
        panic!("{:?}", report.findings)
    };
    let told = "One of the entries 30004 to 30007 of term 2 has other content on n3 than on n1, n2";
    assert!(finding.message.starts_with(told), "{}", finding.message);
    assert!(finding.message.contains("`ekv-tool compare` of the directories names the entry"), "{}", finding.message);
}

#[test]
fn logs_that_begin_elsewhere_are_compared_but_for_the_cut_run() {
    let root = tempfile::tempdir().unwrap();
    let dirs = [long(root.path(), "n1", 2, LAST_OF_LONG, None), long(root.path(), "n2", 1002, LAST_OF_LONG + 3, None)];
    let files = take(&dirs, &FactsOptions::default(), root.path());
    let report = compare(&files, &CompareOptions::default(), &Run::local()).unwrap();
    assert_eq!(report.verdict, Verdict::Unknown, "a start of either reads the entries that were not compared");
    let apart: Vec<_> = report.coverage.not_examined.iter().filter(|part| part.what.contains(" of n1 and n2")).collect();
    assert_eq!(apart.iter().map(|part| part.what.as_str()).collect::<Vec<_>>(), ["2 entries from 1002 to 1003 of n1 and n2"]);
    // With the directory of the longer one every entry has its sum... as far as the file goes.
    let mixed = [dirs[0].clone(), files[1].clone()];
    let report = compare(&mixed, &CompareOptions::default(), &Run::local()).unwrap();
    assert!(report.findings.iter().all(|finding| finding.code.code != "cross-log-matching"));
}

#[test]
fn facts_with_different_salts_say_nothing_about_contents() {
    let root = tempfile::tempdir().unwrap();
    let dirs = ["n1", "n2"].map(|name| real().root.join("lag-M").join(name));
    let salted = FactsOptions { salt: Salt::of(b"secret"), ..FactsOptions::default() };
    let other = tempfile::tempdir().unwrap();
    let (plain, salted) = (take(&dirs, &FactsOptions::default(), root.path()), take(&dirs, &salted, other.path()));
    let ask = |paths: &[PathBuf], salt| {
        let report = compare(paths, &CompareOptions { salt, ..CompareOptions::default() }, &Run::local()).unwrap();
        let why = report.coverage.not_examined.iter().any(|part| part.why.contains("another salt"));
        let of_runs = |part: &NotExamined| part.why.contains("one sum for several entries");
        assert!(!report.coverage.not_examined.iter().any(of_runs), "{:?}", report.coverage);
        (report.verdict, report.findings.iter().any(|finding| finding.code.code == "cross-log-matching"), why)
    };
    assert_eq!(ask(&plain, Salt::default()), (Verdict::Clean, false, false));
    assert_eq!(ask(&salted, Salt::default()), (Verdict::Clean, false, false), "among themselves they only have to agree");
    assert_eq!(ask(&[plain[0].clone(), salted[1].clone()], Salt::default()), (Verdict::Unknown, false, true));
    assert_eq!(ask(&[dirs[0].clone(), salted[1].clone()], Salt::default()), (Verdict::Unknown, false, true));
    assert_eq!(ask(&[dirs[0].clone(), salted[1].clone()], Salt::of(b"secret")), (Verdict::Clean, false, false));
}

/// `EKV_FACTS_ENTRY` bytes an entry; prints how long the facts of a log of 1 GiB are.
#[test]
#[ignore = "writes a log of 1 GiB"]
fn facts_of_a_log_of_one_gib() {
    let size = std::env::var("EKV_FACTS_ENTRY").ok().and_then(|text| text.parse().ok()).unwrap_or(1000_usize);
    let root = tempfile::tempdir().unwrap();
    let mut log = LogWriter::new();
    log.snapshot(1, 1, &ids(&MEMBERS)).state(1, 0, 1);
    let (mut index, mut total) = (1_u64, 0);
    while total < 1 << 30 {
        index += 1;
        let data: Vec<u8> = index.to_le_bytes().iter().copied().cycle().take(size).collect();
        log.typed_entry(0, index, 2, &data);
        if index.is_multiple_of(100) {
            log.state(2, id("n1"), index - 1);
        }
        if index.is_multiple_of(10_000) {
            log.snapshot(index, 2, &ids(&MEMBERS));
        }
        if log.len() > 64 << 20 {
            total += log.len();
            log.cut();
        }
    }
    log.state(2, id("n1"), index);
    let node = NodeDir::below(root.path(), "n1", &log).snap(1, 1, &ids(&MEMBERS)).peers(1, &MEMBERS);
    let begun = std::time::Instant::now();
    let facts = facts_of(node.path(), &FactsOptions::default());
    eprintln!("{index} entries of {size} bytes: facts of {} bytes in {:?}", facts.len(), begun.elapsed());
    assert!(facts.len() < 1 << 20);
}

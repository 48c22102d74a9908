//! `store verify`: exact findings for exact damage, and silence where there is none.

use std::path::Path;

use assert_cmd::Command;
use ekv_tool::Run;
use ekv_tool::analysis::judge::store::{TableContext, table_findings, verify};
use ekv_tool::analysis::{Coverage, Verdict};
use ekv_tool::formats::pebble::version_edit::{KeyBounds, NewTable, OwnedKey};
use ekv_tool::formats::pebble::{FileNum, KeyKind, SeqNum, Trailer, VersionEdit};
use ekv_tool::io::NoProgress;
use ekv_tool::ops::{self, VerifyDepth};
use ekv_tool::readers::pebble_survey::{SurveyOutcome, SurveyedTable, survey_store};
use ekv_tool::readers::pebble_table::{Table, TableDepth, separate};
use serde_json::Value;

use crate::support::recorded;
use crate::support::store_writer::StoreWriter;
use crate::support::table_writer::{Options, SET, TableWriter};

/// Verdict and the codes of all findings, sorted.
fn verdict(store: &Path) -> (Verdict, Vec<&'static str>) {
    let survey = survey_store(store, TableDepth::Rows, &Run::local().on_threads(2)).unwrap();
    let (findings, coverage) = verify(&survey.store.facts, &survey.outcomes);
    let mut codes: Vec<_> = findings.iter().map(|finding| finding.code.code).collect();
    codes.sort_unstable();
    (Verdict::of(&findings, &coverage), codes)
}

fn case(name: &str) -> std::path::PathBuf {
    recorded::cases().root.join(name).join("n1").join("fsm.db")
}

#[test]
fn damage_to_a_table_is_found_and_named() {
    for (name, codes) in [
        ("sst-sst-first", &["store-table-damage"][..]),
        ("sst-sst-mid", &["store-table-damage"]),
        ("sst-sst-tail", &["store-table-damage"]),
        ("sst-sst-zero", &["store-table-damage"]),
        ("sst-sst-magic", &["store-table-damage"]),
        ("sst2-sst-mid", &["store-table-damage"]),
        ("sst3-sst-cut1", &["store-table-damage", "store-table-size"]),
        ("sst2-sst-cut60", &["store-table-damage", "store-table-size"]),
        ("sst2-no-sst", &["store-table-missing"]),
        ("sst3-no-sst", &["store-table-missing"]),
    ] {
        assert_eq!(verdict(&case(name)), (Verdict::Damaged, codes.to_vec()), "{name}");
    }
}

#[test]
fn what_no_reader_minds_is_not_damage() {
    for (name, codes) in [
        ("sst-ok", &[][..]),
        ("sst2-ok", &[]),
        ("sst3-ok", &[]),
        ("sst-lock-gone", &[]),
        ("sst2-sst-footer", &["table-footer-stray"]),
        ("sst3-sst-footer", &["table-footer-stray"]),
        ("sst2-sst-extra", &["store-table-unreferenced"]),
        ("sst3-sst-extra", &["store-table-unreferenced"]),
    ] {
        assert_eq!(verdict(&case(name)), (Verdict::Clean, codes.to_vec()), "{name}");
    }
}

#[test]
fn stores_as_servers_left_them_are_intact() {
    let mut tables = 0;
    for case in recorded::real().groups() {
        let store = case.dir.join("fsm.db");
        if !store.is_dir() {
            continue;
        }
        let survey = survey_store(&store, TableDepth::Rows, &Run::local().on_threads(2)).unwrap();
        let (findings, _) = verify(&survey.store.facts, &survey.outcomes);
        let about_tables: Vec<_> = findings.iter().filter(|finding| finding.code.code.contains("table")).collect();
        assert!(about_tables.is_empty(), "{} {}: {about_tables:?}", case.name, case.group);
        tables += survey.outcomes.len();
    }
    assert!(tables >= 4, "only {tables} tables were read");
}

#[test]
fn the_command_reports_the_place_and_ends_with_2() {
    let store = case("sst-sst-mid");
    let output =
        Command::cargo_bin("ekv-tool").unwrap().args(["store", "verify", "--format", "json"]).arg(&store).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema"], "ekv-tool/store-verify/v1");
    assert_eq!(report["verdict"], "damaged");
    let finding = &report["findings"][0];
    assert_eq!(finding["code"], "store-table-damage");
    assert_eq!(finding["path"], "fsm.db/000005.sst");
    assert_eq!((finding["offset"].as_u64(), finding["length"].as_u64()), (Some(3010), Some(922)));
    assert_eq!(finding["expected"], "eb1e98b1");
    let file = &report["stores"][0]["files"][0];
    assert_eq!((file["level"].as_u64(), file["records"].as_u64(), file["state"].as_str()), (Some(0), Some(252), Some("damaged")));

    let clean = Command::cargo_bin("ekv-tool").unwrap().args(["store", "verify"]).arg(case("sst-ok")).output().unwrap();
    assert_eq!(clean.status.code(), Some(0), "{}", String::from_utf8_lossy(&clean.stdout));
    let none = Command::cargo_bin("ekv-tool").unwrap().args(["store", "verify", "/nonexistent"]).output().unwrap();
    assert_eq!(none.status.code(), Some(1));
}

/// A table of three records, as the MANIFEST would describe it, and what reading it brings to light.
fn described() -> (NewTable, SurveyedTable) {
    let mut writer = TableWriter::new(Vec::new(), Options::default());
    for (key, seq) in [(b"a", 11), (b"b", 12), (b"c", 13)] {
        writer.point(key, seq, SET, b"v").unwrap();
    }
    let (bytes, _) = writer.finish().unwrap();
    let table = separate(Table::from_bytes(bytes)).unwrap().unwrap();
    let read = SurveyedTable {
        size: table.size(),
        footer: *table.footer(),
        properties: table.properties().clone(),
        survey: table.survey(&NoProgress).unwrap(),
        changed: false,
    };
    let key = |user_key: &[u8], seq| OwnedKey { user_key: user_key.to_vec(), trailer: Trailer::new(SeqNum(seq), KeyKind::Set) };
    let bounds = KeyBounds { smallest: key(b"a", 11), largest: key(b"c", 13) };
    // The worked edit of the format page, for the fields that do not matter here.
    let mut described = VersionEdit::decode(FLUSH).unwrap().new_tables.remove(0);
    described.points = Some(bounds.clone());
    described.bounds = bounds;
    (described.smallest_seq, described.largest_seq) = (SeqNum(11), SeqNum(13));
    (described, read)
}

const FLUSH: &[u8] =
    b"\x02\x04\x03\x06\x04\x0c\x67\x00\x05\xaf\x05\x1b_meta_applied_index\x01\x0a\0\0\0\0\0\0\x0cgone\0\x0c\0\0\0\0\0\0\
    \x0a\x0c\x06\x05\xfd\xb7\x83\xd8\x06\x01";

fn codes(described: &NewTable, read: SurveyedTable) -> Vec<(&'static str, Option<String>, Option<String>)> {
    let mut coverage = Coverage::default();
    let context = TableContext { path: "fsm.db/000005.sst", tables: &[described], format_version: Some(16) };
    table_findings(context, &SurveyOutcome::Surveyed(Box::new(read)), &mut coverage)
        .into_iter()
        .map(|finding| (finding.code.code, finding.expected, finding.found))
        .collect()
}

#[test]
fn a_table_that_is_not_the_one_described() {
    let (described, read) = described();
    assert_eq!(described.number, FileNum(5));
    assert_eq!(codes(&described, read.clone()), []);

    let text = |text: &str| Some(text.to_owned());
    let mut other = described.clone();
    other.points.as_mut().unwrap().largest.user_key = b"d".to_vec();
    assert_eq!(codes(&other, read.clone()), [("table-bounds", text("a to d"), text("a to c"))]);

    let mut other = described.clone();
    other.largest_seq = SeqNum(12);
    assert_eq!(codes(&other, read.clone()), [("table-bounds", text("11 to 12"), text("11 to 13"))]);

    // One number for all: an ingested table, whatever is stored in it.
    let mut other = described.clone();
    (other.smallest_seq, other.largest_seq) = (SeqNum(99), SeqNum(99));
    assert_eq!(codes(&other, read.clone()), []);

    let mut other = described.clone();
    other.range_keys = other.points.clone();
    assert_eq!(codes(&other, read.clone()), [("table-bounds", None, None)]);

    let mut fewer = read.clone();
    fewer.survey.points = 2;
    assert_eq!(codes(&described, fewer), [("table-counts", text("3"), text("2"))]);

    let mut gap = read.clone();
    gap.survey.gaps.push((10, 20));
    assert_eq!(codes(&described, gap), [("table-gap", None, None)]);

    let mut changed = read;
    changed.changed = true;
    assert_eq!(codes(&described, changed), [("table-changed", None, None)]);
}

#[test]
fn a_columnar_table_in_an_old_store_is_damage_and_in_a_new_one_not_read() {
    let mut bytes = include_bytes!("../fixtures/pebble/flushed.sst").to_vec();
    bytes[6601 - 12] = 5;
    let problem = separate(Table::from_bytes(bytes)).unwrap().unwrap_err();
    let outcome = SurveyOutcome::Unopenable { size: 6601, problem };
    for (format_version, code, verdict) in
        [(16, "table-format", Verdict::Damaged), (24, "store-table-not-read", Verdict::Unknown)]
    {
        let mut coverage = Coverage::default();
        let context = TableContext { path: "x", tables: &[], format_version: Some(format_version) };
        let findings = table_findings(context, &outcome, &mut coverage);
        assert_eq!((findings[0].code.code, Verdict::of(&findings, &coverage)), (code, verdict));
    }
}

#[test]
fn deep_compares_the_records_of_a_key_across_levels() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("fsm.db");
    let mut store = StoreWriter::new(&dir).unwrap();
    for (level, seq) in [(6, 20), (0, 15)] {
        store.table(level, Options::default(), |writer| writer.point(b"key", seq, SET, b"value")).unwrap();
    }
    store.finish().unwrap();
    let run = |args: &[&str]| {
        let output = Command::cargo_bin("ekv-tool").unwrap().args(["store", "verify"]).args(args).arg(&dir).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (status, text) = run(&[]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("across levels"), "coverage says what was not compared:\n{text}");
    let (status, text) = run(&["--deep"]);
    assert_eq!(status, Some(2), "{text}");
    assert!(text.contains("store-level-order"), "{text}");
}

#[test]
fn checksums_alone_find_every_flipped_byte_and_say_what_they_leave_out() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("fsm.db");
    let mut store = StoreWriter::new(&dir).unwrap();
    let options = Options { block_size: 256, ..Options::default() };
    store
        .table(6, options, |writer| {
            for row in 0..40_u64 {
                writer.point(format!("key{row:04}").as_bytes(), 0, SET, b"a value that is long enough for several blocks")?;
            }
            Ok(())
        })
        .unwrap();
    store.finish().unwrap();
    let run = || ops::store_verify(std::slice::from_ref(&dir), VerifyDepth::Checksums, &Run::local()).unwrap();
    let report = run();
    assert_eq!((report.verdict, report.findings.len()), (Verdict::Clean, 0));
    assert!(report.coverage.not_examined.iter().any(|part| part.what.contains("rows") && part.why.contains("--checksums")));
    assert_eq!(report.body.stores[0].records, None);
    let table = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path());
    let table = table.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "sst")).unwrap();
    let intact = std::fs::read(&table).unwrap();
    for at in 0..intact.len() {
        let mut bytes = intact.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&table, bytes).unwrap();
        let report = run();
        let harmless = report.findings.iter().any(|finding| finding.code.code == "table-footer-stray");
        assert!(report.verdict == Verdict::Damaged || harmless, "byte {at} of {}", intact.len());
    }
}

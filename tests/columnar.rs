//! Stores whose tables are columnar, as their library left them and damaged.

use std::path::PathBuf;

use assert_cmd::Command;
use ekv_tool::analysis::Verdict;
use ekv_tool::analysis::judge::store::verify;
use ekv_tool::formats::pebble::sstable::TableFormat;
use ekv_tool::io::NoProgress;
use ekv_tool::readers::pebble::{KeyState, Store};
use ekv_tool::readers::pebble_scan::{Scan, separate};
use ekv_tool::readers::pebble_survey::{StoreSurvey, SurveyOutcome, survey_store};
use ekv_tool::readers::pebble_table::{BlockKind, TableDepth};
use serde_json::Value;

use crate::common::fresh;

fn store_of(case: &str) -> PathBuf {
    fresh().root.join(case).join("n1/fsm.db")
}

fn survey(case: &str) -> StoreSurvey {
    survey_store(&store_of(case), TableDepth::Rows, 2, &NoProgress).unwrap()
}

/// Recorded stores whose columnar tables are whole, whatever happened to the files beside them: format of the tables, number
/// of tables.
const WHOLE: [(&str, TableFormat, usize); 6] = [
    ("lsm-2-032-m4", TableFormat::PebbleV5, 1),
    ("lsm-2-056-m1", TableFormat::PebbleV5, 1),
    ("lsm-2-052-m4", TableFormat::PebbleV6, 1),
    ("lsm-2-064-m0", TableFormat::PebbleV6, 1),
    ("lsm-2-034-m4", TableFormat::PebbleV7, 1),
    ("lsm-2-026-m1", TableFormat::PebbleV7, 1),
];

#[test]
fn whole_tables_are_clean_and_counted() {
    for (case, format, tables) in WHOLE {
        let survey = survey(case);
        assert_eq!(survey.outcomes.len(), tables, "{case}");
        for outcome in survey.outcomes.values() {
            let SurveyOutcome::Surveyed(read) = outcome else { panic!("{case}: {outcome:?}") };
            let seen = &read.survey;
            assert_eq!((read.footer.format, &seen.problems, &seen.gaps), (format, &vec![], &vec![]), "{case}");
            assert!(seen.complete);
            assert_eq!(seen.bytes_examined, read.size, "{case}: every byte is in a block");
            assert_eq!(seen.points + seen.range_deletions, read.properties.entries, "{case}");
            assert_eq!(seen.blocks[&BlockKind::Data].blocks, read.properties.data_blocks, "{case}");
            assert_eq!(seen.range_keys[0], read.properties.range_key_sets, "{case}");
        }
        let (findings, _) = verify(&survey.store.facts, &survey.outcomes);
        let of_tables: Vec<_> = findings.iter().filter(|finding| finding.code.code.contains("table")).collect();
        assert!(of_tables.is_empty(), "{case}: {of_tables:?}");
    }
}

#[test]
fn damage_is_found_with_its_block() {
    for (case, path, offset, block) in [
        // One bit of the first data block; a block of a table of level 6; zeros over the first of several tables.
        ("lsm-2-012-m0", "fsm.db/000029.sst", 0, "data block"),
        ("lsm-2-028-m0", "fsm.db/000008.sst", 2849, "data block"),
        ("lsm-2-008-m4", "fsm.db/000015.sst", 0, "data block"),
    ] {
        let survey = survey(case);
        let (findings, coverage) = verify(&survey.store.facts, &survey.outcomes);
        assert_eq!(Verdict::of(&findings, &coverage), Verdict::Damaged, "{case}");
        let of_tables: Vec<_> = findings.iter().filter(|finding| finding.code.code == "store-table-damage").collect();
        assert_eq!(of_tables[0].path.as_deref(), Some(path), "{case}");
        assert_eq!(of_tables[0].offset, Some(offset), "{case}");
        assert!(of_tables[0].message.starts_with(block), "{case}: {}", of_tables[0].message);
    }
}

#[test]
fn every_key_of_a_scan_is_found_by_a_lookup() {
    for (case, ..) in WHOLE {
        let dir = store_of(case);
        let store = Store::open(&dir).unwrap();
        let mut scan = separate(Scan::new(&store, b"")).unwrap().unwrap();
        let mut number = 0;
        while separate(scan.next()).unwrap().unwrap() {
            if number % 37 == 0 {
                let KeyState::Value(found) = store.get(scan.key()) else { panic!("{case}: {:?} is not found", scan.key()) };
                assert_eq!((found.value.as_slice(), found.trailer), (scan.value(), scan.trailer()), "{case}");
                // A scan that begins here begins with this key.
                let mut from = separate(Scan::new(&store, scan.key())).unwrap().unwrap();
                assert!(separate(from.next()).unwrap().unwrap());
                assert_eq!(from.key(), scan.key(), "{case}");
            }
            number += 1;
        }
        assert!(number > 3, "{case}: {number} keys");
        assert_eq!(scan.stats().misplaced, 0, "{case}");
    }
}

#[test]
fn the_commands_read_columnar_stores() {
    let run = |args: &[&str], case: &str| {
        let output =
            Command::cargo_bin("ekv-tool").unwrap().args(args).args(["--format", "json"]).arg(store_of(case)).output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), report)
    };
    let (status, report) = run(&["store", "verify"], "lsm-2-056-m1");
    assert_eq!((status, report["verdict"].as_str()), (Some(0), Some("clean")), "{report}");
    let file = &report["stores"][0]["files"][0];
    assert_eq!(file["state"], "clean", "{file}");
    assert!(file["records"].as_u64().unwrap() > 0);
    let (status, report) = run(&["store", "verify"], "lsm-2-028-m0");
    assert_eq!((status, report["verdict"].as_str()), (Some(2), Some("damaged")));
    let (status, report) = run(&["store", "meta"], "lsm-2-056-m1");
    assert_eq!((status, report["verdict"].as_str()), (Some(0), Some("clean")), "{report}");
    let output = Command::cargo_bin("ekv-tool")
        .unwrap()
        .args(["store", "get"])
        .arg(store_of("lsm-2-056-m1"))
        .args(["_meta_applied_index", "--format", "json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    // A scan stops at the damaged block and says so.
    let scan = |case: &str| Command::cargo_bin("ekv-tool").unwrap().args(["store", "scan"]).arg(store_of(case)).output().unwrap();
    assert_eq!(scan("lsm-2-056-m1").status.code(), Some(0));
    assert_eq!(scan("lsm-2-028-m0").status.code(), Some(2));
}

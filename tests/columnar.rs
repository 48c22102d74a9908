//! Stores whose tables are columnar, as their library left them and damaged, and what a start reads of them.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::analysis::judge::store::verify;
use ekv_tool::analysis::server::store::{StoreOpen, open_verdict};
use ekv_tool::formats::pebble::FileNum;
use ekv_tool::formats::pebble::sstable::TableFormat;
use ekv_tool::readers::Local;
use ekv_tool::readers::pebble::{KeyState, Store, StoreCheck, TableDamage, TableTrouble, examine, examine_store};
use ekv_tool::readers::pebble_scan::{Scan, separate};
use ekv_tool::readers::pebble_survey::{StoreSurvey, SurveyOutcome, survey_store};
use ekv_tool::readers::pebble_table::{BlockKind, Table, TableDepth, TableIter, TableProblemKind, TableView};
use ekv_tool::types::ServerVersion;
use serde_json::Value;

use crate::support::recorded::fresh;
use crate::support::store_writer::StoreWriter;
use crate::support::table_writer::{Options, SET};

fn store_of(case: &str) -> PathBuf {
    fresh().root.join(case).join("n1/fsm.db")
}

fn survey(case: &str) -> StoreSurvey {
    survey_store(&store_of(case), TableDepth::Rows, &Run::local().on_threads(2)).unwrap()
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
        let store = Store::open(&dir, &Run::local()).unwrap();
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

/// A store of one table in each of two levels: above, a deletion of the keys in `[b, yy)`; below, rows from a to z in blocks
/// of two.
fn covered(dir: &Path, version: u32) {
    let options = Options { version, block_size: 60, snappy: false, ..Options::default() };
    let mut store = StoreWriter::new(dir).unwrap();
    store
        .table(6, options, |writer| {
            for key in b'a'..=b'z' {
                writer.point(&[key, key], 10, SET, b"a value of a row")?;
            }
            Ok(())
        })
        .unwrap();
    store
        .table(5, options, |writer| {
            writer.range_del(b"b", b"yy", 50);
            Ok(())
        })
        .unwrap();
    store.finish().unwrap();
}

/// The data blocks of the table below, by the first and last letter of their keys.
fn blocks(dir: &Path) -> Vec<(u8, u8, u64)> {
    let store = Store::open(dir, &Run::local()).unwrap();
    let mut blocks: Vec<(u8, u8, u64)> = Vec::new();
    let Ok(table) = Table::open(&store.table_path(FileNum(5)), &Local) else { panic!("the table below cannot be opened") };
    let mut iter = TableIter::new(&table, TableView::default(), 0);
    while matches!(iter.next(), Ok(true)) {
        let (letter, offset) = (iter.user_key()[0], iter.block().offset);
        match blocks.last_mut() {
            Some(last) if last.2 == offset => last.1 = letter,
            _ => blocks.push((letter, letter, offset)),
        }
    }
    blocks
}

/// What a walk over all records meets when this byte of the table below is wrong.
fn met(dir: &Path, at: u64) -> Vec<u64> {
    let path = dir.join("000005.sst");
    let whole = fs::read(&path).unwrap();
    let mut damaged = whole.clone();
    damaged[usize::try_from(at).unwrap() + 3] ^= 1;
    fs::write(&path, damaged).unwrap();
    let facts = examine_store(dir, StoreCheck::Full, &Run::local()).unwrap();
    fs::write(&path, whole).unwrap();
    let blocks = facts.blocks.unwrap();
    assert_eq!(blocks.damage.len(), 1, "the damage itself is always found");
    let place = |damage: &TableDamage| match &damage.trouble {
        TableTrouble::Bytes(problem) => {
            assert_eq!(problem.kind, TableProblemKind::Checksum);
            problem.offset
        }
        other => panic!("{other:?}"),
    };
    blocks.met_by_scan.iter().map(place).collect()
}

#[test]
fn blocks_wholly_under_a_deletion_of_a_newer_level_are_not_read() {
    for version in [4, 5, 7] {
        let dir = tempfile::tempdir().unwrap();
        covered(dir.path(), version);
        let blocks = blocks(dir.path());
        assert!(blocks.len() >= 8, "{blocks:?}");
        // The first block with a covered key is read before the deletion is noticed; then the walk leaps to its end.
        let first_covered = blocks.iter().position(|(_, last, _)| *last >= b'b').unwrap();
        let behind = blocks.iter().position(|(_, last, _)| *last >= b'y').unwrap();
        assert!(behind > first_covered + 3, "{blocks:?}");
        for (index, &(.., offset)) in blocks.iter().enumerate() {
            let read = index <= first_covered || index >= behind;
            assert_eq!(met(dir.path(), offset), if read { vec![offset] } else { vec![] }, "format {version}, block {index}");
        }
    }
}

#[test]
fn without_a_deletion_every_block_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = StoreWriter::new(dir.path()).unwrap();
    let options = Options { version: 7, block_size: 60, snappy: false, ..Options::default() };
    store
        .table(6, options, |writer| (b'a'..=b'z').try_for_each(|key| writer.point(&[key, key], 10, SET, b"a value of a row")))
        .unwrap();
    store.finish().unwrap();
    for (.., offset) in blocks(dir.path()) {
        assert_eq!(met(dir.path(), offset), [offset]);
    }
}

#[test]
fn damaged_range_deletions_end_every_start() {
    // The statistics that are collected right after the start read them; nobody looks anything up in this table.
    for version in [4, 7] {
        let group = tempfile::tempdir().unwrap();
        let dir = group.path().join("fsm.db");
        covered(&dir, version);
        let store = Store::open(&dir, &Run::local()).unwrap();
        let path = store.table_path(FileNum(6));
        let Ok(table) = Table::open(&path, &Local) else { panic!("the table above cannot be opened") };
        let at = usize::try_from(table.metaindex().range_del.unwrap().offset).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        let facts = examine(group.path(), StoreCheck::Full, &Run::local()).unwrap();
        for engine in ServerVersion::ALL {
            let StoreOpen::Refused(error) = open_verdict(&facts, engine).open else { panic!("format {version}, {engine}") };
            assert!(error.text.contains("000006"), "{}", error.text);
        }
    }
}

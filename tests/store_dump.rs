//! `store dump`: one file of a store without the others.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::error::Result;
use ekv_tool::ops::{InspectOptions, StoreDumpOptions, inspect, store_dump};
use ekv_tool::readers::Memory;
use ekv_tool::readers::pebble::{ManifestFact, Store};
use ekv_tool::report::body::store_dump::StoreDumpBody;
use ekv_tool::report::{OutputFormat, Report, RowStream, Style};
use serde_json::Value;

use crate::support::recorded::real;

const USUAL: StoreDumpOptions = StoreDumpOptions { limit: None, raw: false, value_bytes: 64 };

fn dumped(path: &Path, options: &StoreDumpOptions, run: &Run<'_>) -> Result<(Report<StoreDumpBody>, Vec<Value>)> {
    let mut out = Vec::new();
    let mut rows = RowStream::new(OutputFormat::Ndjson, Style::default(), StoreDumpBody::LIST, &mut out);
    let report = store_dump(path, options, None, run, &mut rows)?;
    rows.finish(&report).unwrap();
    let lines: Vec<Value> = out
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let (summary, rows) = lines.split_last().unwrap();
    assert_eq!(summary["rows_shown"], rows.len() as u64);
    Ok((report, rows.to_vec()))
}

/// Bytes in memory under a name that tells nothing.
fn lone(bytes: &[u8]) -> (Run<'static>, PathBuf) {
    let path = PathBuf::from("/kept/x.bin");
    let mut memory = Memory::new();
    memory.put(&path, bytes).unwrap();
    (Run::over(memory), path)
}

/// Every store of the recorded nodes.
fn stores() -> Vec<PathBuf> {
    let groups = real().groups();
    let mut stores: Vec<_> = groups.into_iter().map(|case| case.dir.join("fsm.db")).filter(|store| store.is_dir()).collect();
    stores.sort();
    stores.dedup();
    assert!(stores.len() > 10);
    stores
}

fn files(store: &Path, ends: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let names = fs::read_dir(store).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| ends(name)).map(|name| store.join(name)).collect()
}

#[test]
fn every_record_of_every_recorded_table_is_shown_wherever_it_lies() {
    let mut tables = 0;
    for path in stores().iter().flat_map(|store| files(store, |name| name.ends_with(".sst"))) {
        let (run, copy) = lone(&fs::read(&path).unwrap());
        let (report, rows) = dumped(&copy, &USUAL, &run).unwrap();
        assert_eq!((report.verdict, report.findings.len()), (Verdict::Clean, 0), "{}", path.display());
        let properties = report.body.properties.unwrap();
        let ranges = rows.iter().filter(|row| row["type"] == "range").count() as u64;
        assert_eq!((rows.len() as u64, ranges), (properties.entries, properties.range_deletions), "{}", path.display());
        let bytes: u64 = rows.iter().filter_map(|row| row["value_bytes"].as_u64()).sum();
        assert_eq!(bytes, properties.raw_value_bytes, "{}", path.display());
        let (_, again) = dumped(&path, &StoreDumpOptions { raw: true, ..USUAL }, &Run::local()).unwrap();
        let known = |rows: &[Value]| {
            rows.iter().map(|row| (row["key"].clone(), row["seq"].clone(), row["kind"].clone())).collect::<Vec<_>>()
        };
        assert_eq!(known(&rows), known(&again));
        assert!(
            rows.iter().all(|row| row["kind"] != "SET" || row["row"]["seq"] == row["seq"])
                && again.iter().all(|row| row["row"].is_null())
        );
        tables += 1;
    }
    assert!(tables > 5, "{tables}");
}

#[test]
fn the_batches_of_every_recorded_log_are_shown() {
    let mut logs = 0;
    for path in stores().iter().flat_map(|store| files(store, |name| name.ends_with(".log"))) {
        let page = inspect(&path, InspectOptions::default(), &Run::local()).unwrap();
        let (report, rows) = dumped(&path, &USUAL, &Run::local()).unwrap();
        assert_eq!(report.verdict, page.verdict, "{}", path.display());
        assert_eq!(page.body.facts["batches"], report.body.batches, "{}", path.display());
        let counted: Vec<_> = rows.iter().filter(|row| row["type"] != "log-data").collect();
        assert_eq!(page.body.facts["entries"], counted.len(), "{}", path.display());
        // Each entry of a batch takes the next number.
        assert!(
            counted.windows(2).all(|two| two[1]["batch"] != two[0]["batch"] || two[1]["seq"].as_u64() > two[0]["seq"].as_u64())
        );
        logs += 1;
    }
    assert!(logs > 5, "{logs}");
}

#[test]
fn the_edits_of_a_manifest_add_up_to_its_tables() {
    let mut tables = 0;
    for store in stores() {
        let Ok(opened) = Store::open(&store, &Run::local()) else { continue };
        let ManifestFact::Read(manifest) = &opened.facts.manifest else { continue };
        let (report, rows) = dumped(&store.join(&manifest.name), &USUAL, &Run::local()).unwrap();
        assert_eq!((report.verdict, report.body.records), (Verdict::Clean, manifest.edits), "{}", store.display());
        let number = |table: &Value| (table["level"].as_u64().unwrap(), table["number"].as_u64().unwrap());
        let mut live = BTreeSet::new();
        for edit in &rows {
            for gone in edit["deleted"].as_array().unwrap() {
                assert!(live.remove(&number(gone)), "{edit}");
            }
            live.extend(edit["added"].as_array().unwrap().iter().map(number));
        }
        let known: BTreeSet<_> = manifest.version.tables().map(|table| (table.level as u64, table.number.0)).collect();
        assert_eq!(live, known, "{}", store.display());
        tables += live.len();
    }
    assert!(tables > 5, "{tables}");
}

#[test]
fn what_follows_a_damaged_block_is_shown() {
    let largest = stores()
        .iter()
        .flat_map(|store| files(store, |name| name.ends_with(".sst")))
        .max_by_key(|path| fs::metadata(path).unwrap().len());
    let mut bytes = fs::read(largest.unwrap()).unwrap();
    let (run, path) = lone(&bytes);
    let (whole, rows) = dumped(&path, &USUAL, &run).unwrap();
    let mut offsets: Vec<u64> = rows.iter().filter_map(|row| row["offset"].as_u64()).collect();
    offsets.dedup();
    assert!(offsets.len() > 3, "{offsets:?}");
    bytes[usize::try_from(offsets[1]).unwrap() + 7] ^= 0x10;
    let (run, path) = lone(&bytes);
    let (report, left) = dumped(&path, &USUAL, &run).unwrap();
    assert_eq!((report.verdict, report.body.blocks_damaged), (Verdict::Damaged, 1));
    let [finding] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
    assert_eq!((finding.code.code, finding.offset), ("file-damaged", Some(offsets[1])));
    let expected: Vec<_> = rows.iter().filter(|row| row["offset"] != offsets[1]).cloned().collect();
    assert!(expected.len() < rows.len() && whole.verdict == Verdict::Clean);
    assert_eq!(left, expected);
}

#[test]
fn what_follows_a_hole_in_a_log_is_shown_as_what_it_is() {
    let largest = stores()
        .iter()
        .flat_map(|store| files(store, |name| name.ends_with(".log")))
        .max_by_key(|path| fs::metadata(path).unwrap().len());
    let mut bytes = fs::read(largest.unwrap()).unwrap();
    let (run, path) = lone(&bytes);
    let (_, rows) = dumped(&path, &USUAL, &run).unwrap();
    let mut offsets: Vec<u64> = rows.iter().filter_map(|row| row["offset"].as_u64()).collect();
    offsets.dedup();
    let lost = offsets[offsets.len() / 2];
    bytes[usize::try_from(lost).unwrap() + 20] ^= 1;
    let (run, path) = lone(&bytes);
    let (report, left) = dumped(&path, &USUAL, &run).unwrap();
    assert_eq!(report.verdict, Verdict::Damaged);
    let found: Vec<_> = report.findings.iter().map(|finding| (finding.code.code, finding.offset)).collect();
    assert_eq!(found, [("file-damaged", Some(lost))]);
    assert!(
        report.body.behind_damage > 1 && report.findings[0].message.contains("records follow behind it"),
        "{:?}",
        report.findings
    );
    let expected: Vec<_> = rows.iter().filter(|row| row["offset"] != lost).cloned().collect();
    assert_eq!(left, expected);
}

#[test]
fn a_limit_is_said() {
    let path = files(&stores()[0], |name| name.ends_with(".log")).remove(0);
    let (report, rows) = dumped(&path, &StoreDumpOptions { limit: Some(2), ..USUAL }, &Run::local()).unwrap();
    assert_eq!((rows.len(), report.body.limited), (2, true));
    assert!(report.coverage.not_examined.iter().any(|part| part.why == "--limit ended the dump"));
}

#[test]
fn every_prefix_and_every_flip_ends() {
    let small = |ends: &str| {
        let files = stores().into_iter().flat_map(|store| files(&store, |name| name.contains(ends)));
        files.filter(|path| fs::metadata(path).unwrap().len() > 30).min_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
    };
    for path in [small("MANIFEST"), small(".log"), small(".sst")] {
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(bytes.len().min(4096));
        for len in 0..bytes.len() {
            let (run, path) = lone(&bytes[..len]);
            let _ = dumped(&path, &USUAL, &run);
        }
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let (run, path) = lone(&bytes);
            let _ = dumped(&path, &USUAL, &run);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn other_files_are_refused_by_what_they_are() {
    let case = real().groups().into_iter().next().unwrap();
    let segment = files(&case.dir.join("wal"), |name| name.ends_with(".wal")).remove(0);
    let error = dumped(&segment, &USUAL, &Run::local()).map(drop).unwrap_err().to_string();
    assert!(error.contains("is no table, log or MANIFEST of a Pebble store but: wal-segment"), "{error}");
}

#[test]
fn inspect_ends_in_the_dump_of_a_file_that_is_alone() {
    let store = &stores()[0];
    for path in files(store, |name| name.ends_with(".log") || name.starts_with("MANIFEST")) {
        let (run, copy) = lone(&fs::read(&path).unwrap());
        let page = inspect(&copy, InspectOptions::default(), &run).unwrap();
        assert_eq!(page.next_step.unwrap().to_string(), "ekv-tool store dump /kept/x.bin", "{}", path.display());
    }
}

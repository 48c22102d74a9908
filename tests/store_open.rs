//! What a start does with the store, against what the real server did with an exact copy.

use std::fs;
use std::path::Path;

use ekv_tool::Run;
use ekv_tool::analysis::Severity;
use ekv_tool::analysis::server::store::{AppliedIndexState, StoreOpen, StoreVerdict, open_verdict};
use ekv_tool::readers::pebble::{StoreCheck, examine};
use ekv_tool::types::ServerVersion;
use serde_json::Value;

use crate::support::recorded::{Case, cases, real};
use crate::support::store_writer::StoreWriter;
use crate::support::table_writer::{Options, SET, TableWriter};

/// Text of an error as far as both sides have it: the recording cuts long lines and names no directory.
fn same_beginning(recorded: &str, told: &str) -> bool {
    let trimmed = recorded.strip_prefix("pebble: on-disk corruption: ").map_or(recorded, |_| "pebble: on-disk corruption: ");
    told.starts_with(trimmed)
}

/// What differs, in words.
fn compare(case: &Case<'_>) -> Result<(), String> {
    let facts = examine(&case.dir, StoreCheck::Full, &Run::local()).map_err(|error| error.to_string())?;
    for engine in ServerVersion::ALL {
        let recorded = &case.expected[engine.name()];
        let verdict = open_verdict(&facts, engine);
        if recorded["abort_error"] == "pebble" {
            let text = recorded["abort_text"].as_str().unwrap();
            match &verdict.open {
                StoreOpen::Refused(error) if error.error == "pebble" && same_beginning(text, &error.text) => {}
                other => return Err(format!("{engine}: the server says {text:?}, the tool {other:?}")),
            }
            if verdict.findings.iter().all(|finding| finding.severity != Severity::Error) {
                return Err(format!("{engine}: refused without a finding"));
            }
            continue;
        }
        if verdict.open != StoreOpen::Opens {
            return Err(format!("{engine}: the server opens it ({}), the tool says {:?}", recorded["outcome"], verdict.open));
        }
        let expected = match (&recorded["applied_index"]["state"], &recorded["applied_index"]["value"]) {
            (Value::String(state), value) if state == "present" => AppliedIndexState::Present(value.as_u64().unwrap()),
            (Value::String(state), _) if state == "missing" => AppliedIndexState::Missing,
            _ => continue,
        };
        if verdict.applied_index != expected {
            return Err(format!("{engine}: the server reads {expected:?}, the tool {:?}", verdict.applied_index));
        }
    }
    Ok(())
}

#[test]
fn every_recorded_store_opens_or_is_refused_as_recorded() {
    cases().for_each_group(compare);
    real().for_each_group(compare);
}

#[test]
fn a_store_as_a_server_left_it_has_nothing_wrong() {
    real().for_each_group(|case| {
        let facts = examine(&case.dir, StoreCheck::Full, &Run::local()).map_err(|error| error.to_string())?;
        for engine in ServerVersion::ALL {
            let verdict = open_verdict(&facts, engine);
            let wrong: Vec<_> = verdict.findings.iter().filter(|finding| finding.severity != Severity::Info).collect();
            if !wrong.is_empty() || verdict.coverage.not_examined.iter().any(|part| part.needed) {
                return Err(format!("{engine}: {wrong:?} {:?}", verdict.coverage));
            }
        }
        Ok(())
    });
}

/// A copy of the small store of one case, to be changed.
fn store() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("fsm.db");
    fs::create_dir(&store).unwrap();
    for entry in fs::read_dir(cases().root.join("applied-overwrites/n1/fsm.db")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), store.join(entry.file_name())).unwrap();
    }
    dir
}

fn verdict(dir: &Path) -> StoreVerdict {
    let facts = examine(dir, StoreCheck::Full, &Run::local()).unwrap();
    let [older, newer] = ServerVersion::ALL.map(|engine| open_verdict(&facts, engine));
    assert_eq!(older.open, newer.open);
    newer
}

/// Refusal and the codes of all errors.
fn refused(dir: &Path) -> (String, Vec<&'static str>) {
    let verdict = verdict(dir);
    let StoreOpen::Refused(error) = &verdict.open else { panic!("{:?}", verdict.open) };
    (error.text.clone(), errors(&verdict))
}

fn errors(verdict: &StoreVerdict) -> Vec<&'static str> {
    let findings = verdict.findings.iter().filter(|finding| finding.severity == Severity::Error);
    findings.map(|finding| finding.code.code).collect()
}

/// The server derives a log's name from its number, whatever name it was listed under.
#[test]
fn a_log_under_another_name_for_its_number_is_not_found() {
    let dir = store();
    let log = |name: &str| dir.path().join("fsm.db").join(name);
    for other in ["12.log", "0000012.log", "000012-000.log"] {
        fs::rename(log("000012.log"), log(other)).unwrap();
        let expected = "stat fsm.db/000012.log: no such file or directory".to_owned();
        assert_eq!(refused(dir.path()), (expected, vec!["store-refused"]), "{other}");
        fs::rename(log(other), log("000012.log")).unwrap();
    }
    assert_eq!(verdict(dir.path()).open, StoreOpen::Opens);
}

#[test]
fn directories_in_the_place_of_files_are_refused() {
    for (name, text) in [
        ("000012.log", "pebble: error when replaying WAL: read fsm.db/000012.log: is a directory"),
        (
            "MANIFEST-000011",
            "pebble: error when loading manifest file \"MANIFEST-000011\": read fsm.db/MANIFEST-000011: is a directory",
        ),
        ("OPTIONS-000013", "read fsm.db/OPTIONS-000013: is a directory"),
    ] {
        let dir = store();
        fs::remove_file(dir.path().join("fsm.db").join(name)).unwrap();
        fs::create_dir(dir.path().join("fsm.db").join(name)).unwrap();
        assert_eq!(refused(dir.path()), (text.to_owned(), vec!["store-refused"]), "{name}");
    }
}

#[cfg(unix)]
#[test]
fn links_to_nothing_are_refused() {
    for (name, text, code) in [
        ("000012.log", "stat fsm.db/000012.log: no such file or directory", "store-refused"),
        (
            "MANIFEST-000011",
            "pebble: could not open manifest file \"MANIFEST-000011\" for DB \"fsm.db\": open fsm.db/MANIFEST-000011: no such file \
             or directory",
            "store-manifest-missing",
        ),
        ("OPTIONS-000013", "open fsm.db/OPTIONS-000013: no such file or directory", "store-refused"),
    ] {
        let dir = store();
        let path = dir.path().join("fsm.db").join(name);
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        assert_eq!(refused(dir.path()), (text.to_owned(), vec![code]), "{name}");
    }
}

/// The server takes the first of two such markers in the order in which the file system lists them.
#[test]
fn two_markers_of_one_iteration_leave_the_start_open() {
    let dir = store();
    fs::write(dir.path().join("fsm.db/marker.manifest.000003.MANIFEST-000006"), b"").unwrap();
    let verdict = verdict(dir.path());
    assert!(matches!(&verdict.open, StoreOpen::Unknown(why) if why.contains("marker")), "{:?}", verdict.open);
    assert_eq!(errors(&verdict)[0], "store-marker");
    // A later one decides.
    fs::write(dir.path().join("fsm.db/marker.manifest.000004.MANIFEST-000011"), b"").unwrap();
    assert_eq!(self::verdict(dir.path()).open, StoreOpen::Opens);
}

#[test]
fn a_malformed_marker_is_quoted_from_where_it_is_not_understood() {
    for (name, shown) in [("marker.x", "x"), ("marker.x.y", "y"), ("marker.manifest.-1.MANIFEST-000001", "-1.MANIFEST-000001")] {
        let dir = store();
        fs::write(dir.path().join("fsm.db").join(name), b"").unwrap();
        assert_eq!(refused(dir.path()).0, format!("invalid marker filename: \"{shown}\""));
    }
}

/// Ten batches of one key each, numbered from `first`.
fn batches(writer: &mut StoreWriter, first: u64) {
    for seq in first..first + 10 {
        writer.batch(seq, &[(SET, format!("k{seq}").as_bytes(), b"v")]);
    }
}

#[test]
fn missing_sequence_numbers_are_missing_writes() {
    let dir = tempfile::tempdir().unwrap();
    let build = |last_seq: u64, second: u64| {
        let store = dir.path().join("fsm.db");
        drop(fs::remove_dir_all(&store));
        let mut writer = StoreWriter::new(&store).unwrap();
        writer.last_seq(last_seq);
        batches(&mut writer, 10);
        batches(&mut writer, second);
        writer.finish().unwrap();
        let verdict = verdict(dir.path());
        assert_eq!(verdict.open, StoreOpen::Opens);
        verdict.findings.into_iter().map(|finding| (finding.code.code, finding.expected, finding.found)).collect::<Vec<_>>()
    };
    assert_eq!(build(9, 20), []);
    // Numbers that went to a table without passing through the log: the MANIFEST knows of them.
    assert_eq!(build(24, 25), []);
    let gap = |expected: &str, found: &str| vec![("store-sequence-gap", Some(expected.to_owned()), Some(found.to_owned()))];
    assert_eq!(build(9, 21), gap("at most 20", "21"));
    assert_eq!(build(24, 26), gap("at most 25", "26"));
}

#[test]
fn a_log_under_the_number_of_another_hides_its_records() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("fsm.db");
    let mut writer = StoreWriter::new(&store).unwrap();
    batches(&mut writer, 10);
    writer.finish().unwrap();
    fs::rename(store.join("000002.log"), store.join("000009.log")).unwrap();
    let verdict = verdict(dir.path());
    assert_eq!((&verdict.open, errors(&verdict)), (&StoreOpen::Opens, vec!["store-log-foreign"]));
}

/// Records behind lost bytes no longer begin at the borders of blocks, and are found all the same.
#[test]
fn a_record_that_was_cut_out_leaves_a_hole_and_no_tail() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("fsm.db");
    let mut writer = StoreWriter::new(&store).unwrap();
    writer.last_seq(9);
    for seq in 10..210 {
        writer.batch(seq, &[(SET, b"key", &[7; 1000])]);
    }
    writer.finish().unwrap();
    let log = store.join("000002.log");
    let bytes = fs::read(&log).unwrap();
    // Header of 11, batch of 12, one entry of 1 + 1 + 3 + 2 + 1000.
    let record = 11 + 12 + 1007;
    fs::write(&log, [&bytes[..2 * record], &bytes[3 * record..]].concat()).unwrap();
    let verdict = verdict(dir.path());
    assert_eq!((&verdict.open, errors(&verdict)), (&StoreOpen::Opens, vec!["store-sequence-gap", "store-log-hole"]));
}

/// The server does not look whether a table's keys ascend; what it makes of them when they do not is not decided by the file.
#[test]
fn keys_out_of_order_behind_a_good_checksum_refuse_no_start() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = StoreWriter::new(&dir.path().join("fsm.db")).unwrap();
    let fill = |table: &mut TableWriter<_>| {
        table.point(b"b", 11, SET, b"value")?;
        table.point(b"a", 12, SET, b"value")
    };
    writer.table(6, Options::default(), fill).unwrap();
    writer.finish().unwrap();
    let facts = examine(dir.path(), StoreCheck::Full, &Run::local()).unwrap();
    for engine in ServerVersion::ALL {
        let verdict = open_verdict(&facts, engine);
        assert!(!matches!(verdict.open, StoreOpen::Refused(_)), "{engine}: {:?}", verdict.open);
        assert!(errors(&verdict).contains(&"store-table-damage"), "{engine}: {:?}", verdict.findings);
    }
}

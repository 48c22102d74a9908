//! The two readings of either server, against what the servers did.

use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::analysis::judge::log::judge_segments;
use ekv_tool::analysis::server::log::{ValidSnapshots, read_from, valid_snapshots};
use ekv_tool::formats::snap;
use ekv_tool::readers::wal::WalScan;
use ekv_tool::types::{ServerVersion, SnapshotId};
use serde_json::Value;

use crate::support::recorded::{Case, cases, real};

/// Errors that the log alone causes.
const OF_THE_LOG: [&str; 6] = ["walpb", "wal:", "WAL", "proto", "unexpected block", "read wal/"];

/// The newest readable snapshot file by name that the log allows.
fn choose(case: &Case<'_>, engine: ServerVersion, valid: &ValidSnapshots) -> SnapshotId {
    let names = std::fs::read_dir(case.dir.join("snap")).map(|dir| dir.map(|entry| entry.unwrap().path()).collect());
    let mut paths: Vec<std::path::PathBuf> = names.unwrap_or_default();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "snap"));
    paths.sort();
    for path in paths.iter().rev() {
        let Ok(bytes) = std::fs::read(path) else { continue };
        if let Ok(snapshot) = snap::decode(&bytes, engine.into())
            && valid.contains(snapshot.metadata.id())
        {
            return snapshot.metadata.id();
        }
    }
    SnapshotId::default()
}

fn predict(case: &Case<'_>, engine: ServerVersion, want: &Value) -> Result<(), String> {
    let text = |field: &str| want[field].as_str().unwrap_or_default();
    let (outcome, error, line) = (text("outcome"), text("abort_error"), text("abort_text"));
    let wal = case.dir.join("wal");
    if outcome == "?" || want.is_null() || !wal.is_dir() {
        return Ok(());
    }
    let scan = WalScan::read(&wal, &Run::local()).map_err(|error| error.to_string())?;
    if !scan.dir.exists() {
        return Ok(());
    }
    let of_the_log = OF_THE_LOG.iter().any(|start| error.starts_with(start) || line.starts_with(start));
    let mut repair = None;
    let read = valid_snapshots(&scan, engine).and_then(|valid| {
        let snapshot = choose(case, engine, &valid);
        let read = read_from(&scan, snapshot, engine);
        repair = read.repair.map(|repair| format!("wal/{}", scan.segments[repair.segment].file.file_name));
        read.result.map(|content| (snapshot, content))
    });
    match read {
        Err(predicted) if of_the_log => {
            // The newer runtime puts a no-break space into its texts now and then; the newer server prints an address
            // instead of a record type.
            let line = line.replace('\u{a0}', " ");
            if predicted.text != line && !line.starts_with("unexpected block type") {
                return Err(format!("{engine}: server {line:?}, predicted {:?}", predicted.text));
            }
            if !predicted.text.starts_with(error) && predicted.error != error {
                return Err(format!("{engine}: server {error:?}, predicted {predicted:?}"));
            }
        }
        Err(predicted) if outcome != "abort" => return Err(format!("{engine}: server {outcome}, predicted {predicted:?}")),
        // Something else ended that start before the log was read.
        Err(_) => return Ok(()),
        Ok(_) if of_the_log => return Err(format!("{engine}: server {line:?}, predicted a log that can be read")),
        Ok((snapshot, content)) if outcome != "abort" => {
            let state = content.hard_state;
            let got = [
                ("snapshot_index", snapshot.index.0),
                ("snapshot_term", snapshot.term.0),
                ("commit", state.commit.0),
                ("term", state.term.0),
                ("last_index", content.last_index.0),
            ];
            for (field, got) in got {
                if want[field].as_u64() != Some(got) {
                    return Err(format!("{engine}: {field}: server {}, predicted {got}", want[field]));
                }
            }
        }
        Ok(_) => return Ok(()),
    }
    if want["would_repair"].as_str().map(str::to_owned) != repair {
        return Err(format!("{engine}: repair: server {}, predicted {repair:?}", want["would_repair"]));
    }
    Ok(())
}

#[test]
fn both_servers_read_the_recorded_logs_as_predicted() {
    for set in [cases(), real()] {
        set.for_each_group(|case| {
            ServerVersion::ALL.into_iter().try_for_each(|engine| predict(case, engine, &case.expected[engine.name()]))
        });
    }
}

#[test]
fn findings_are_those_that_were_asked_for_and_a_good_log_has_none() {
    for set in [cases(), real()] {
        set.for_each_group(|case| {
            let wal = case.dir.join("wal");
            if !wal.is_dir() {
                return Ok(());
            }
            let scan = WalScan::read(&wal, &Run::local()).map_err(|error| error.to_string())?;
            let (findings, coverage) = judge_segments(&scan, "wal");
            let verdict = Verdict::of(&findings, &coverage);
            for engine in ServerVersion::ALL {
                let want = &case.expected[engine.name()];
                let asked = want["must_find"].as_array().into_iter().flatten().filter_map(Value::as_str);
                for code in asked.filter(|code| code.starts_with("wal-")) {
                    if !findings.iter().any(|finding| finding.code.code == code) || verdict != Verdict::Damaged {
                        return Err(format!("{code} is missing: {findings:?}"));
                    }
                }
                if want["verdict"] == "clean" && verdict != Verdict::Clean {
                    return Err(format!("should be clean: {findings:?}"));
                }
                // Where the bytes alone keep the server from starting, the findings say so.
                let error = want["abort_error"].as_str().unwrap_or_default();
                let bytes = ["walpb", "WAL", "proto", "unexpected block"].iter().any(|start| error.starts_with(start));
                if bytes && verdict != Verdict::Damaged {
                    return Err(format!("{engine} refuses with {error}, but nothing was found"));
                }
            }
            Ok(())
        });
    }
}

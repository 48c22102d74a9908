//! What the library makes of recorded snapshots, against what the server made of them.

use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::analysis::judge::snapshot::{EnvelopeState, Subject, verify_lone_payload};
use ekv_tool::analysis::server::snapshot::{PayloadForecast, choose, legacy_restore, restore, skip, token_refusal};
use ekv_tool::formats::fsm::FsmName;
use ekv_tool::formats::snap::SnapshotData;
use ekv_tool::ops::snapshot;
use ekv_tool::readers::Local;
use ekv_tool::readers::{Depth, Examine, FsmFacts, SnapDir, SnapEntry, fsm_file};
use ekv_tool::types::{LogIndex, ServerVersion, SnapshotId, Term};
use serde_json::Value;

use crate::support::recorded::{Case, cases, fresh, fresh_enc, real};

/// A way for a start to use a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Skip,
    Restore,
}

/// What a start would make of one `.snap` file and what it points at, after the payloads that no name protects are gone.
fn forecast(case: &Case<'_>, dir: &SnapDir, entry: &SnapEntry, engine: ServerVersion, way: Way) -> PayloadForecast {
    let content = entry.read(engine).as_ref().unwrap();
    if let Some(error) = token_refusal(content.data) {
        return PayloadForecast::Refused(error);
    }
    match content.data {
        SnapshotData::Empty | SnapshotData::BadTokenVersion { .. } => PayloadForecast::Fine,
        SnapshotData::LegacyPayload { .. } => legacy_restore(content.legacy.as_ref().unwrap(), engine),
        SnapshotData::Token(token) => {
            let path = format!("fsm-snap/{}", FsmName::of(token.index));
            let facts = if dir.live_indexes(engine).contains(&token.index) {
                fsm_file::examine(&case.dir.join(&path), Examine { crc: true, walk: true, usage: false }, &Run::local()).unwrap()
            } else {
                match fsm_file::examine(&case.dir.join(&path), Examine::default(), &Run::local()).unwrap() {
                    // Cleanup leaves directories alone.
                    FsmFacts::Directory => FsmFacts::Directory,
                    _ => FsmFacts::Absent,
                }
            };
            match way {
                Way::Skip => skip(&facts, token, &path),
                Way::Restore => restore(&facts, token, engine, &path),
            }
        }
    }
}

fn text<'v>(expected: &'v Value, field: &str) -> &'v str {
    expected.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn number(expected: &Value, field: &str) -> u64 {
    expected.get(field).and_then(Value::as_u64).unwrap_or_default()
}

/// Errors that snapshots decide, by what their text contains.
const OURS: &[&str] = &[
    "fsm snapshot: ",
    "snapshot header: ",
    "v1 header: ",
    "v2 header: ",
    "truncated snapshot: ",
    "unrecognized snapshot format: ",
    "mvcc snapshot ",
    "value too large",
    "SST ingest",
];

/// Families in which nothing but the snapshot decides, and in which the name says which way the start goes.
const DECIDED_HERE: &[&str] = &["fsm", "head", "body", "token"];

#[test]
fn every_recorded_start_agrees() {
    let mut compared = 0;
    for recorded in [cases(), real()] {
        recorded.for_each_group(|case| {
            let dir = match SnapDir::read(&case.dir.join("snap"), &Local) {
                Ok(dir) => dir,
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) => return Err(error.to_string()),
            };
            for engine in ServerVersion::ALL {
                let Some(expected) = case.expected.get(engine.name()) else { continue };
                compared += usize::from(agrees(case, &dir, engine, expected)?);
            }
            Ok(())
        });
    }
    assert!(compared > 1400, "only {compared} starts were compared");
}

/// True when the start was one that snapshots decide.
fn agrees(case: &Case<'_>, dir: &SnapDir, engine: ServerVersion, expected: &Value) -> Result<bool, String> {
    let outcome = text(expected, "outcome");
    if outcome == "abort" {
        return refused(case, dir, engine, expected);
    }
    let id = SnapshotId { term: Term(number(expected, "snapshot_term")), index: LogIndex(number(expected, "snapshot_index")) };
    if outcome == "none" || outcome == "?" || id.index.0 == 0 {
        return Ok(false);
    }
    let choice = choose(dir, engine, &[id].into());
    let Some(chosen) = choice.chosen else { return Err(format!("{engine}: no .snap holds {id}")) };
    let mut renamed: Vec<_> = choice.renamed.iter().map(|entry| format!("snap/{}", entry.name)).collect();
    renamed.sort();
    let wanted: Vec<_> =
        expected["would_rename"].as_array().unwrap().iter().map(|rename| text(rename, "from").to_owned()).collect();
    if renamed != wanted {
        return Err(format!("{engine}: renamed {wanted:?}, forecast {renamed:?}"));
    }
    let way = if outcome == "skip" { Way::Skip } else { Way::Restore };
    let legacy = matches!(chosen.read(engine).as_ref().unwrap().data, SnapshotData::LegacyPayload { .. });
    if legacy != (outcome == "legacy-restore") {
        return Err(format!("{engine}: {outcome}, but legacy payload is {legacy}"));
    }
    match forecast(case, dir, chosen, engine, way) {
        PayloadForecast::Fine => Ok(true),
        other => Err(format!("{engine}: {outcome}, forecast {other:?}")),
    }
}

/// A refused start: the snapshot that was chosen is not recorded, so that some snapshot must give the recorded text.
fn refused(case: &Case<'_>, dir: &SnapDir, engine: ServerVersion, expected: &Value) -> Result<bool, String> {
    let wanted = text(expected, "abort_text");
    let family = case.name.split('-').next().unwrap_or_default();
    let decided_here = DECIDED_HERE.contains(&family);
    if !decided_here && !OURS.iter().any(|part| wanted.contains(part)) {
        return Ok(false);
    }
    let ways: &[Way] = match () {
        () if !decided_here => &[Way::Skip, Way::Restore],
        () if case.name.contains("-skip-") => &[Way::Skip],
        () => &[Way::Restore],
    };
    let mut told = Vec::new();
    for entry in dir.snaps.iter().filter(|entry| entry.read(engine).is_ok()) {
        for &way in ways {
            match forecast(case, dir, entry, engine, way) {
                PayloadForecast::Refused(error) if error.text == wanted => return Ok(true),
                other => told.push(other),
            }
        }
        if decided_here {
            break;
        }
    }
    Err(format!("{engine}: server {wanted:?}, forecast {told:?}"))
}

#[test]
fn every_recorded_payload_agrees() {
    let mut compared = 0;
    cases().for_each_group(|case| {
        let files = case.expected.get("verify").and_then(Value::as_object);
        for (path, expected) in files.into_iter().flatten() {
            let facts =
                fsm_file::examine(&case.dir.join(path), Examine { crc: true, walk: true, usage: false }, &Run::local()).unwrap();
            let (_, name) = path.split_once('/').unwrap();
            let subject = Subject {
                path: path.clone(),
                name,
                facts: &facts,
                opened: None,
                token: None,
                expendable: false,
                depth: Depth::Checksum,
            };
            let verified = verify_lone_payload(&subject);
            let found = serde_json::to_value(&verified.payloads[0]).unwrap();
            assert_eq!(found["verdict"], serde_json::to_value(Verdict::of(&verified.findings, &verified.coverage)).unwrap());
            for (field, wanted) in expected.as_object().unwrap() {
                let found = match field.as_str() {
                    "checks" => {
                        let mut checks = found["checks"].clone();
                        checks.as_object_mut().unwrap().retain(|check, _| wanted.get(check).is_some());
                        checks
                    }
                    _ => found[field].clone(),
                };
                if found != *wanted {
                    return Err(format!("{path}: {field}: recorded {wanted}, found {found}"));
                }
            }
            compared += 1;
        }
        Ok(())
    });
    assert!(compared > 3000, "only {compared} payloads were compared");
}

/// The bytes of every `.snap` file of the recorded directories that says what log and payload say, made from these two alone.
#[test]
fn envelopes_are_made_again_byte_for_byte() {
    let (mut same, mut without) = (0, Vec::new());
    for archive in [cases(), real(), fresh(), fresh_enc()] {
        for case in archive.groups() {
            let Ok(report) = snapshot::rebuild(&case.dir, &Run::local().on_threads(2)) else { continue };
            for one in &report.body.snapshots {
                let made = one.bytes.as_deref();
                match one.state {
                    EnvelopeState::Same => {
                        let file = std::fs::read(&one.path).unwrap();
                        assert_eq!(made, Some(file.as_slice()), "{}", one.path);
                        same += 1;
                    }
                    // Nothing may be made of a payload that is not what it was.
                    EnvelopeState::Readable => assert!(made.is_none() && one.problem.is_some(), "{}", one.path),
                    EnvelopeState::Different => without.push(one.path.clone()),
                    EnvelopeState::Unreadable | EnvelopeState::Missing => {}
                }
            }
        }
    }
    eprintln!("{same} same\n{}", without.join("\n"));
    assert!(same > 1000, "only {same} files were compared");
}

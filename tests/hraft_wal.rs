//! Logs of hashicorp/raft-wal: exact findings, what a start says, every cut and every flip of a segment.

use std::fs;
use std::path::{Path, PathBuf};

use ekv_tool::Run;
use ekv_tool::analysis::hraft::findings::raftwal::judge_segment;
use ekv_tool::analysis::hraft::{FirstState, StartOutcome};
use ekv_tool::analysis::{Finding, Severity, Verdict};
use ekv_tool::formats::raftwal::{SegmentInfo, decode_wal_state};
use ekv_tool::ops::hraft::{
    Backend, EntryRange, hashicorp_check, hashicorp_compare, hashicorp_gate_dryrun, hashicorp_inspect, hashicorp_segment_dump,
    hashicorp_segment_verify, hashicorp_wal_dump, hashicorp_wal_show, hashicorp_wal_stat, hashicorp_wal_verify, is_lone_segment,
};
use ekv_tool::ops::{InspectOptions, inspect};
use ekv_tool::readers::hraft::wal::{SegmentRole, read_segment};
use ekv_tool::readers::{Local, Memory};
use ekv_tool::types::Escaped;
use serde_json::json;

use crate::support::dumped::dumped;
use crate::support::raftwal_writer::{MEMBERS, Segment, entry, list, meta_db, segments, write};

/// A node that is changed before it is looked at.
fn node(change: impl FnOnce(&Path)) -> (tempfile::TempDir, Vec<PathBuf>) {
    let dir = tempfile::tempdir().unwrap();
    let node = dir.path().join("n1");
    write(&node, &segments());
    change(&node);
    (dir, vec![node])
}

fn said(findings: &[Finding]) -> Vec<(&'static str, Severity, String, Option<u64>)> {
    let name = |path: &Option<String>| path.as_deref().unwrap_or_default().rsplit('/').next().unwrap().to_owned();
    findings.iter().map(|finding| (finding.code.code, finding.severity, name(&finding.path), finding.offset)).collect()
}

const FIRST: &str = "00000000000000000001-0000000000000000.wal";
const SECOND: &str = "00000000000000000005-0000000000000001.wal";

#[test]
fn a_sound_log_is_clean_under_every_command() {
    let (_dir, nodes) = node(|_| {});
    let run = Run::local();
    let wal = nodes[0].join("wal");
    assert_eq!(Backend::of(&nodes, &Local).unwrap(), Backend::Hashicorp(nodes.clone()));
    assert_eq!(Backend::of(&[wal], &Local).unwrap(), Backend::Hashicorp(nodes.clone()), "the log stands for its node");

    let verified = hashicorp_wal_verify(&nodes, &run).unwrap();
    assert_eq!(verified.verdict, Verdict::Clean);
    assert_eq!(said(&verified.findings), [("raftwal-removed-entries", Severity::Info, FIRST.to_owned(), None)]);
    assert_eq!(
        verified.findings[0].message,
        "Entries 5 (term 2) to 6 (term 2) stand in the segment and were removed from the log."
    );
    let facts = &verified.body.nodes[0].facts;
    assert_eq!((&facts["first_index"], &facts["last_index"], &facts["entries"]), (&json!(1), &json!(8), &json!(8)));
    assert_eq!((&facts["current_term"], &facts["vote_term"]), (&json!(3), &json!(3)), "integers are little-endian there");
    assert_eq!(facts["segments"][0]["state"], "sealed");

    let gate = hashicorp_gate_dryrun(&nodes, None, &run).unwrap();
    let start = &gate.body.groups[0].start;
    assert_eq!((start.outcome, start.first_state), (StartOutcome::Start, Some(FirstState::Leader)), "{:?}", start.abort);
    let state = start.at_start.as_ref().unwrap();
    assert_eq!((state.term, state.last_log_index, state.last_log_term, state.configuration_index), (3, 8, 3, 1));
    assert_eq!((start.first_index, start.last_index), (Some(1), Some(8)));
    assert_eq!(hashicorp_check(&nodes, None, None, &run).unwrap().verdict, Verdict::Clean);
    assert_eq!(hashicorp_inspect(&nodes, &run).unwrap().verdict, Verdict::Clean);
    let stat = hashicorp_wal_stat(&nodes, &run).unwrap();
    assert_eq!(stat.body.nodes[0].facts["types"]["command"]["entries"], 7);
    assert_eq!(
        stat.body.nodes[0].facts["terms"],
        json!([{"term":1,"from":1,"to":1},{"term":2,"from":2,"to":4},{"term":3,"from":5,"to":8}])
    );

    let range = EntryRange { from: Some(5), to: Some(6), term: None };
    let (_, entries) = dumped(|rows| hashicorp_wal_dump(&nodes[0], range, &run, rows));
    let shown: Vec<_> =
        entries.iter().map(|row| (row["content"].as_str().unwrap(), row["term"].as_u64(), &row["removed"])).collect();
    let removed = json!("truncation");
    let null = json!(null);
    assert_eq!(
        shown,
        [("5", Some(3), &null), ("6", Some(3), &null), ("five", Some(2), &removed), ("six", Some(2), &removed)],
        "what was removed stands behind what counts"
    );
    let shown = hashicorp_wal_show(&nodes[0], 6, &run).unwrap();
    assert_eq!(shown.body.nodes[0].facts["entry"]["content"], "6");
    let twice = [nodes[0].clone(), nodes[0].clone()];
    assert!(
        hashicorp_compare(&twice, &run).unwrap().findings.iter().all(|finding| finding.code.code == "cross-duplicate-identity")
    );
}

/// The list with a change to its text.
fn relisted(change: impl Fn(String) -> String) -> impl FnOnce(&Path) {
    move |node| fs::write(node.join("wal/wal-meta.db"), meta_db(&change(list(9, &segments())), 3)).unwrap()
}

#[test]
fn each_fault_has_its_finding_and_the_librarys_words() {
    let error = Severity::Error;
    let all = segments();
    let end = all[1].bytes.len();
    type Row =
        (&'static str, Box<dyn FnOnce(&Path)>, Vec<(&'static str, Severity, &'static str, Option<u64>)>, Option<&'static str>);
    let edit = |name: &'static str, change: fn(&mut Vec<u8>)| -> Box<dyn FnOnce(&Path)> {
        Box::new(move |node: &Path| {
            let path = node.join("wal").join(name);
            let mut bytes = fs::read(&path).unwrap();
            change(&mut bytes);
            fs::write(&path, bytes).unwrap();
        })
    };
    let rows: Vec<Row> = vec![
        (
            "a sealed segment is gone",
            Box::new(|node| fs::remove_file(node.join("wal").join(FIRST)).unwrap()),
            vec![("raftwal-segment-missing", error, FIRST, None)],
            Some("no such file or directory"),
        ),
        (
            "the last one is not made yet",
            Box::new(|node| fs::remove_file(node.join("wal").join(SECOND)).unwrap()),
            vec![("raftwal-leftover", Severity::Info, SECOND, None)],
            None,
        ),
        (
            "a name that is almost one",
            Box::new(|node| fs::write(node.join("wal/7.wal"), b"").unwrap()),
            vec![("raftwal-meta-invalid", error, "wal-meta.db", None)],
            Some("WAL is corrupt"),
        ),
        (
            "no JSON",
            Box::new(relisted(|_| "{".to_owned())),
            vec![("raftwal-meta-invalid", error, "wal-meta.db", None)],
            Some("WAL is corrupt: failed to parse persisted state"),
        ),
        (
            "another codec",
            Box::new(relisted(|text| text.replacen("\"Codec\":1", "\"Codec\":70000", 1))),
            vec![("raftwal-meta-invalid", error, "wal-meta.db", None)],
            Some("segment with BasedIndex=1 uses an unknown codec"),
        ),
        (
            "two open ones",
            Box::new(relisted(|text| text.replacen("2022-07-08T22:47:49Z", "0001-01-01T00:00:00Z", 1))),
            vec![("raftwal-meta-invalid", error, "wal-meta.db", None)],
            Some("unsealed segment is not at tail"),
        ),
        (
            "a header of another segment",
            edit(FIRST, |bytes| bytes[16] = 7),
            vec![("raftwal-segment-damaged", error, FIRST, Some(8))],
            Some("WAL is corrupt"),
        ),
        (
            "an entry changed in a sealed one",
            edit(FIRST, |bytes| *bytes.iter_mut().find(|byte| **byte == b'w').unwrap() = b'W'),
            vec![("raftwal-segment-damaged", error, FIRST, None)],
            None,
        ),
        (
            "an entry changed in the last commit",
            edit(SECOND, |bytes| *bytes.iter_mut().rfind(|byte| **byte == b'h').unwrap() = b'H'),
            vec![("raftwal-tail-dropped", Severity::Warning, SECOND, None)],
            None,
        ),
        (
            "an entry changed in an earlier commit",
            edit(SECOND, |bytes| bytes[44] ^= 1),
            vec![("raftwal-segment-damaged", error, SECOND, None)],
            None,
        ),
        (
            "a leftover",
            Box::new(|node| {
                fs::write(
                    node.join("wal/00000000000000000001-0000000000000008.wal"),
                    Segment::new(1, 8).command(9, "x").commit().file(),
                )
                .unwrap();
            }),
            vec![("raftwal-leftover", Severity::Info, "00000000000000000001-0000000000000008.wal", None)],
            None,
        ),
        (
            "wal-meta.db.tmp",
            Box::new(|node| fs::write(node.join("wal/wal-meta.db.tmp"), b"").unwrap()),
            vec![("raftwal-leftover", Severity::Info, "wal-meta.db.tmp", None)],
            None,
        ),
    ];
    for (name, change, expected, text) in rows {
        let (_dir, nodes) = node(change);
        let report = hashicorp_gate_dryrun(&nodes, None, &Run::local()).unwrap();
        let found = said(&report.findings);
        for (code, severity, path, offset) in expected {
            let here = |one: &&(&str, Severity, String, Option<u64>)| {
                one.0 == code && one.1 == severity && one.2 == path && offset.is_none_or(|at| one.3 == Some(at))
            };
            assert!(found.iter().any(|one| here(&one)), "{name}: {found:?}");
        }
        let abort = report.body.groups[0].start.abort.as_ref().map(|abort| abort.text.as_str());
        match text {
            Some(text) => assert!(abort.is_some_and(|abort| abort.contains(text)), "{name}: {abort:?}"),
            None => assert_eq!(abort, None, "{name}"),
        }
    }
    // What a crash leaves: entries behind the last commit.
    let mut torn = segments();
    torn[1] = torn[1].clone().command(3, "nine");
    let dir = tempfile::tempdir().unwrap();
    let own = dir.path().join("n1");
    write(&own, &torn);
    let report = hashicorp_check(std::slice::from_ref(&own), None, None, &Run::local()).unwrap();
    assert_eq!(report.verdict, Verdict::Clean);
    let dropped = report.findings.iter().find(|finding| finding.code.code == "raftwal-tail-dropped").unwrap();
    assert_eq!((dropped.severity, dropped.offset), (Severity::Info, Some(end as u64)));
    assert_eq!(report.body.nodes[0].facts["last_index"], 8);
}

#[test]
fn a_list_that_is_gone_is_never_fine() {
    let (_dir, nodes) = node(|node| fs::write(node.join("wal/wal-meta.db"), meta_db("", 3)).unwrap());
    assert_eq!(hashicorp_check(&nodes, None, None, &Run::local()).unwrap().verdict, Verdict::Damaged);
    let (_dir, nodes) = node(|node| fs::write(node.join("wal/wal-meta.db"), crate::support::raftwal_writer::bolt(&[])).unwrap());
    let report = hashicorp_gate_dryrun(&nodes, None, &Run::local()).unwrap();
    assert!(report.body.groups[0].start.abort.as_ref().unwrap().text.contains("nil pointer dereference"));
}

#[test]
fn checkpoints_are_compared_where_the_whole_range_is_there() {
    let extensions = |start: u64, sum: u64| {
        [0xafd1_f9d6_0392_a503, start, sum].iter().flat_map(|word: &u64| word.to_le_bytes()).collect::<Vec<u8>>()
    };
    // Entry 2 is a checkpoint over nothing that is here; entry 4 sums 2 and 3.
    let second = entry(2, 1, 0, b"c", &extensions(1, 77));
    let third = entry(3, 1, 0, b"x", b"");
    let decode = |bytes: &[u8]| {
        let entry = ekv_tool::formats::raftwal::decode_binary_entry(bytes).unwrap();
        (entry.index, entry.term, entry.data.into_owned(), entry.extensions.into_owned())
    };
    let sum = [&second, &third].iter().fold(0_u64, |sum, bytes| {
        let (index, term, data, extensions) = decode(bytes);
        let all = [&index.to_be_bytes()[..], &term.to_be_bytes(), &0_u64.to_be_bytes(), &data, &extensions].concat();
        all.iter().fold(sum, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    });
    for (stored, wrong) in [(sum, false), (sum ^ 1, true)] {
        let segment = Segment::new(1, 0).raw(&entry(1, 1, 5, MEMBERS, b"")).raw(&second).raw(&third);
        let segment = segment.raw(&entry(4, 1, 0, b"c", &extensions(2, stored))).commit();
        let dir = tempfile::tempdir().unwrap();
        let node = dir.path().join("n1");
        write(&node, &[segment]);
        let report = hashicorp_wal_verify(&[node], &Run::local()).unwrap();
        let found: Vec<_> = report.findings.iter().filter(|finding| finding.code.code == "raftwal-checkpoint-mismatch").collect();
        assert_eq!(found.len(), usize::from(wrong), "{:?}", report.findings);
        assert!(found.iter().all(|finding| finding.found == Some(format!("{sum:016x}"))));
    }
}

#[test]
fn a_segment_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let all = segments();
    let path = dir.path().join(all[0].name());
    fs::write(&path, all[0].file()).unwrap();
    let copy = dir.path().join("copy-of-something");
    fs::write(&copy, all[1].file()).unwrap();
    assert!(is_lone_segment(&path, &Local) && is_lone_segment(&copy, &Local));
    let report = hashicorp_segment_verify(&[path.clone(), copy], &Run::local()).unwrap();
    assert_eq!((report.verdict, report.findings.len()), (Verdict::Clean, 0), "{:?}", report.findings);
    assert_eq!(report.body.nodes[0].facts["complete"], true);
    let (_, entries) = dumped(|rows| hashicorp_segment_dump(&path, EntryRange::default(), &Run::local(), rows));
    assert_eq!(entries.len(), 6, "those that do not count as well");
    let page = inspect(&path, InspectOptions::default(), &Run::local()).unwrap();
    assert!(serde_json::to_string(&page).unwrap().contains("\"raftwal-segment\""));
    assert_eq!(page.next_step.unwrap().to_string(), format!("ekv-tool wal verify {}", path.display()));
    let mut bytes = all[0].file();
    bytes[60] ^= 4;
    fs::write(&path, bytes).unwrap();
    let report = hashicorp_segment_verify(&[path], &Run::local()).unwrap();
    assert_eq!(said(&report.findings)[0].0, "raftwal-segment-damaged");
}

fn info(position: usize) -> SegmentInfo {
    decode_wal_state(list(9, &segments()).as_bytes()).unwrap().segments[position]
}

/// What is wrong with a segment in its role, remarks left out.
fn noticed(bytes: &[u8], role: SegmentRole, name: &str) -> Vec<Finding> {
    let facts = read_segment(bytes, role).unwrap();
    let mut found = Vec::new();
    judge_segment(name, name, &facts, &mut found);
    assert!(found.iter().all(|finding| finding.offset.is_none_or(|at| at <= bytes.len() as u64)), "{found:?}");
    found
}

#[test]
fn every_flip_of_a_sealed_segment_is_an_error() {
    let bytes = segments()[0].file();
    let role = SegmentRole::Sealed(info(0));
    assert_eq!(noticed(&bytes, role, FIRST), []);
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let found = noticed(&flipped, role, FIRST);
        assert!(found.iter().any(|finding| finding.severity == Severity::Error), "bit {bit}");
    }
    for end in 0..segments()[0].bytes.len() {
        let found = noticed(&bytes[..end], role, FIRST);
        assert!(found.iter().any(|finding| finding.severity == Severity::Error), "cut at {end}");
    }
}

#[test]
fn every_flip_of_the_last_segment_is_noticed() {
    let bytes = segments()[1].file();
    let role = SegmentRole::Tail(info(1));
    assert_eq!(noticed(&bytes, role, SECOND), []);
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let found = noticed(&flipped, role, SECOND);
        assert!(found.iter().any(|finding| finding.severity != Severity::Info), "bit {bit}");
    }
}

/// A cut of the last segment is noticed, unless it leaves what an earlier moment looked like: a whole commit at its end.
#[test]
fn a_cut_of_the_last_segment_drops_entries_or_leaves_an_earlier_moment() {
    let all = segments();
    let role = SegmentRole::Tail(info(1));
    for end in 0..all[1].bytes.len() {
        let cut = &all[1].bytes[..end];
        let (facts, found) = (read_segment(cut, role).unwrap(), noticed(cut, role, SECOND));
        assert_eq!(facts.tail.entries % 2, 0, "cut at {end}: commits are whole or not there");
        assert!(!found.is_empty() || facts.committed == end as u64 / 8 * 8 || facts.offsets.is_empty(), "cut at {end}");
    }
}

/// The last segment with four commits of one entry each, and where each entry and each commit begins.
fn four_commits() -> (Vec<u8>, Vec<(usize, usize)>) {
    let mut segment = Segment::new(5, 1);
    let mut places = Vec::new();
    for data in ["five", "six", "seven, longer", "eight"] {
        let at = segment.bytes.len();
        segment = segment.command(3, data);
        places.push((at, segment.bytes.len()));
        segment = segment.commit();
    }
    (segment.file(), places)
}

#[test]
fn commits_behind_the_place_where_a_start_stops_are_an_error() {
    let (bytes, places) = four_commits();
    let role = SegmentRole::Tail(info(1));
    assert_eq!(noticed(&bytes, role, SECOND), []);
    let (second, third) = (places[1].0, places[2].0);
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = bytes.clone();
        change(&mut bytes);
        let facts = read_segment(&bytes, role).unwrap();
        (facts.hidden, facts.tail, noticed(&bytes, role, SECOND))
    };
    let message = |stop: usize, commits: &str, why: &str, lost: &str| {
        format!(
            "Committed entries stand behind the place ({stop}) where the next start stops and writes on, over them: {commits}. {why} Each commit \
             is begun when the one before is on disk, so that no crash explains it. {lost} lost with that start."
        )
    };
    let error = |at: usize| [("raftwal-segment-damaged", Severity::Error, SECOND.to_owned(), Some(at as u64))];

    // The second entry and its commit are zeros: what follows them is whole.
    let (hidden, tail, found) = changed(&|bytes| bytes[second..third].fill(0));
    let hidden = hidden.unwrap();
    assert_eq!(
        (hidden.stop, hidden.at),
        (second as u64, places[3].1 as u64),
        "the third commit only shows where the fourth begins"
    );
    assert_eq!((hidden.commits, hidden.entries, hidden.last_index, tail.entries), (1, 1, Some(8), 1));
    assert_eq!(said(&found), error(places[3].1));
    let why = format!("Frames end at {second}, with zeros.");
    assert_eq!(found[0].message, message(second, "1 whole commit with 1 entry", &why, "Entries 6 to 8 are"));

    let (_, _, found) = changed(&|bytes| bytes[second] = 0x41);
    assert_eq!(said(&found), error(places[2].1));
    let why = format!("At {second} stands a frame of type 65, which there is not.");
    assert_eq!(found[0].message, message(second, "2 whole commits with 2 entries", &why, "Entries 6 to 8 are"));

    let (_, _, found) = changed(&|bytes| bytes[second + 6] = 0x7f);
    assert_eq!(said(&found), error(places[2].1));
    assert!(found[0].message.contains("bytes, more than there are."), "{}", found[0].message);

    // A length that leads behind all of them: one entry that no commit follows, to the library.
    let (hidden, tail, found) = changed(&|bytes| bytes[second + 4] = 240);
    assert_eq!((hidden.unwrap().commits, tail.entries), (2, 1), "{found:?}");
    assert_eq!(said(&found), error(places[2].1));

    // One that leads to the last commit, which then does not fit: no ordinary end either.
    let over = u8::try_from(places[3].1 - second - 8).unwrap();
    let (hidden, tail, found) = changed(&|bytes| bytes[second + 4] = over);
    assert!(tail.rolled_back && hidden.is_some());
    assert!(found.iter().all(|finding| finding.severity == Severity::Error), "{found:?}");

    // The same through a whole node.
    let (_dir, nodes) = node(|node| {
        let mut bytes = bytes.clone();
        bytes[second..third].fill(0);
        fs::write(node.join("wal").join(SECOND), bytes).unwrap();
    });
    let report = hashicorp_check(&nodes, None, None, &Run::local()).unwrap();
    assert_eq!(report.verdict, Verdict::Damaged);
    assert!(said(&report.findings).contains(&error(places[3].1)[0]), "{:?}", report.findings);
}

#[test]
fn what_a_crash_leaves_of_the_last_commit_is_no_error() {
    let (bytes, places) = four_commits();
    let role = SegmentRole::Tail(info(1));
    let (from, end) = (places[3].0, places[3].1 + 8);
    // Its blocks reach the disk in any order: each part may be missing, in zeros.
    for first in (from..end).step_by(8) {
        for last in (first + 8..=end).step_by(8) {
            let mut torn = bytes.clone();
            torn[first..last].fill(0);
            let found = noticed(&torn, role, SECOND);
            assert!(found.iter().all(|finding| finding.severity != Severity::Error), "{first} to {last}: {found:?}");
        }
    }
    let mut odd = bytes.clone();
    odd[from] = 0x41;
    let found = noticed(&odd, role, SECOND);
    assert_eq!(said(&found), [("raftwal-tail-dropped", Severity::Warning, SECOND.to_owned(), Some(from as u64))]);
    assert_eq!(
        found[0].message,
        "Behind the last commit stands a frame of type 65, which there is not: the next start stops there, and writes over it."
    );
    // Two numbers that look like commits over nothing, and a segment of lower indexes inside of an entry, prove nothing.
    let copy = Segment::new(1, 0).command(1, "one").commit().command(1, "two").commit().bytes;
    for inside in [[3, 0, 0, 0, 0, 0, 0, 0].repeat(4), copy] {
        let mut segment = bytes[..from].to_vec();
        segment.extend_from_slice(&[0x41, 0, 0, 0, 0, 0, 0, 0]);
        segment.extend_from_slice(&inside);
        let found = noticed(&segment, role, SECOND);
        assert_eq!(said(&found)[0].1, Severity::Warning, "{found:?}");
    }
}

#[test]
fn a_search_for_commits_ends_and_says_when_it_was_given_up() {
    let role = SegmentRole::Tail(info(1));
    // Each word looks like a commit that the same long row of frames follows.
    let mut bytes = Segment::new(5, 1).command(3, "five").commit().bytes;
    bytes.extend_from_slice(&[0x41, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend_from_slice(&[[3, 0, 0, 0, 9, 9, 9, 9], [2, 0, 0, 0, 8, 0, 0, 0]].concat().repeat(20_000));
    let found = read_segment(&bytes, role).unwrap();
    assert_eq!(found.hidden, None);
    let row = [1, 0, 0, 0, 0, 0, 0, 0].repeat(4000);
    let mut hostile = bytes[..8 * (bytes.len() / 16)].to_vec();
    for left in (0..4000_u32).rev() {
        hostile.extend_from_slice(&[3, 0, 0, 0, 9, 9, 9, 9, 2, 0, 0, 0]);
        hostile.extend_from_slice(&(left * 16).to_le_bytes());
    }
    hostile.extend_from_slice(&row);
    hostile.extend_from_slice(&[3, 0, 0, 0, 9, 9, 9, 9]);
    let found = read_segment(&hostile, role).unwrap();
    assert!(found.search_given_up && found.hidden.is_none());
    let said = noticed(&hostile, role, SECOND);
    assert!(said.iter().any(|finding| finding.message.contains("given up") && finding.severity == Severity::Warning), "{said:?}");
}

/// Where a value that nothing contradicts stands: another term, another vote.
fn stable_values(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let behind = |key: &[u8], len: usize| {
        let at = bytes.windows(key.len()).position(|window| window == key).unwrap() + key.len();
        at..at + len
    };
    vec![behind(b"CurrentTerm", 8), behind(b"LastVoteCand", 11), behind(b"LastVoteTerm", 8)]
}

#[test]
fn no_flip_of_the_list_changes_a_start_in_silence() {
    let (_root, nodes) = node(|_| {});
    let path = nodes[0].join("wal/wal-meta.db");
    let bytes = fs::read(&path).unwrap();
    let intact = Memory::of(&Local, &nodes[0], 1 << 20).unwrap();
    let answer = |run: &Run<'_>| {
        let gate = hashicorp_gate_dryrun(&nodes, None, run).ok()?;
        let check = hashicorp_check(&nodes, None, None, run).ok()?;
        let clean = gate.verdict == Verdict::Clean && check.verdict == Verdict::Clean;
        clean.then(|| (format!("{:?}", gate.body.groups[0].start), check.body.nodes[0].facts["entries"].clone()))
    };
    let before = answer(&Run::over(intact.clone()));
    assert!(before.is_some());
    let free = stable_values(&bytes);
    let (mut found, mut tried, mut silent) = (0, 0, Vec::new());
    // Of the bytes between the pages' contents a few.
    for bit in (0..bytes.len() * 8).filter(|bit| bytes[bit / 8] != 0 || bit % 61 == 0) {
        if free.iter().any(|range| range.contains(&(bit / 8))) {
            continue;
        }
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut copy = intact.clone();
        copy.put(&path, flipped).unwrap();
        let after = answer(&Run::over(copy));
        tried += 1;
        found += usize::from(after.is_none());
        if after.is_some() && after != before {
            silent.push(format!(
                "bit {bit}, {:?}: {after:?}",
                Escaped(&bytes[(bit / 8).saturating_sub(9)..bit / 8 + 9]).to_string()
            ));
        }
    }
    assert!(silent.is_empty(), "{}", silent.join("\n"));
    assert!(found * 3 > tried, "{found} of {tried}");
}

#[test]
fn frames_above_the_budget_are_not_read() {
    use ekv_tool::types::share_budget;
    let all = segments();
    let bytes = &all[0].bytes;
    assert!(read_segment(bytes, SegmentRole::Alone).unwrap().offsets.len() > 4);
    // Nothing is left for one of so many.
    let (read, over) = share_budget(1 << 40, || read_segment(bytes, SegmentRole::Alone));
    assert!(over && read.unwrap_err().to_string().contains("larger than the budget of 128.0 MiB; --memory "));
}

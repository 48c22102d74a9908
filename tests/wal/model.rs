//! The run-length encoded readings against a plain one that keeps every record.

use ekv_tool::analysis::server::log::{read_from, valid_snapshots};
use ekv_tool::formats::wal::{Frame, FrameStep, Record};
use ekv_tool::readers::wal::WalScan;
use ekv_tool::types::{Crc32c, LogIndex, ServerVersion, SnapshotId, Term};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::wal_writer::LogWriter;

#[derive(Debug, Clone)]
enum Step {
    /// Index relative to the last one, term, length of the data.
    Entry(i64, u64, usize),
    State(u64, u64, u64),
    Snapshot(u64, u64),
    Metadata(bool),
    Cut,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (prop_oneof![8 => Just(1_i64), 1 => -6..=3_i64], prop_oneof![6 => Just(2_u64), 1 => 1..5_u64], 0..40_usize)
            .prop_map(|(ahead, term, len)| Step::Entry(ahead, term, len)),
        6 => (1..4_u64, 0..3_u64, 0..30_u64).prop_map(|(term, vote, commit)| Step::State(term, vote, commit)),
        1 => (0..20_u64, 1..3_u64).prop_map(|(index, term)| Step::Snapshot(index, term)),
        1 => prop_oneof![20 => Just(false), 1 => Just(true)].prop_map(Step::Metadata),
        1 => Just(Step::Cut),
    ]
}

/// The records as a list, and the log written with them.
struct Written {
    log: LogWriter,
    /// Segment and record.
    records: Vec<(usize, Plain)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Plain {
    Entry { index: u64, term: u64, data: Vec<u8> },
    State(u64, u64, u64),
    Snapshot(u64, u64),
    Metadata(Option<Vec<u8>>),
}

fn write(steps: &[Step]) -> Written {
    let mut log = LogWriter::create();
    let mut records = vec![(0, Plain::Metadata(None)), (0, Plain::Snapshot(0, 0))];
    let mut last = 0_u64;
    let mut state = None;
    for step in steps {
        let segment = log.segments.len() - 1;
        match *step {
            Step::Entry(ahead, term, len) => {
                last = last.saturating_add_signed(ahead).max(1);
                let data = vec![b'd'; len];
                log.entry(last, term, &data);
                records.push((segment, Plain::Entry { index: last, term, data }));
            }
            Step::State(term, vote, commit) => {
                log.state(term, vote, commit);
                state = Some(Plain::State(term, vote, commit));
                records.extend(state.clone().map(|state| (segment, state)));
            }
            Step::Snapshot(index, term) => {
                log.snapshot(index, term, Some(&[1]));
                records.push((segment, Plain::Snapshot(index, term)));
            }
            Step::Metadata(odd) => {
                let data = odd.then(|| b"m".to_vec());
                log.record(1, data.as_deref());
                records.push((segment, Plain::Metadata(data)));
            }
            Step::Cut => {
                log.cut();
                records.push((segment + 1, Plain::Metadata(None)));
                records.extend(state.clone().map(|state| (segment + 1, state)));
            }
        }
    }
    Written { log, records }
}

/// Term, vote, commit.
type State = (u64, u64, u64);

/// The second reading, record by record, as the format's description tells it.
fn plain_read(written: &Written, snapshot: (u64, u64)) -> Result<(Vec<Plain>, State), &'static str> {
    let index_of = |name: &str| u64::from_str_radix(&name[17..33], 16).unwrap();
    let names = written.log.segments.iter().map(|(name, _)| index_of(name)).collect::<Vec<_>>();
    let start = names.iter().rposition(|&index| index <= snapshot.0).ok_or("which matches the snapshot index")?;
    let mut entries: Vec<Plain> = Vec::new();
    let (mut state, mut metadata) = ((0, 0, 0), None::<Vec<u8>>);
    for (_, record) in written.records.iter().filter(|(segment, _)| *segment >= start) {
        match record {
            Plain::Entry { index, .. } if *index > snapshot.0 => {
                let offset = usize::try_from(index - snapshot.0 - 1).unwrap();
                if offset > entries.len() {
                    return Err("slice bounds out of range");
                }
                entries.truncate(offset);
                entries.push(record.clone());
            }
            Plain::Entry { .. } => {}
            Plain::State(term, vote, commit) => state = (*term, *vote, *commit),
            Plain::Metadata(data) => {
                if metadata.as_deref().is_some_and(|known| known != data.as_deref().unwrap_or_default()) {
                    return Err("conflicting metadata");
                }
                metadata.clone_from(data);
            }
            Plain::Snapshot(index, term) => {
                if *index == snapshot.0 && *term != snapshot.1 {
                    return Err("snapshot mismatch");
                }
            }
        }
    }
    Ok((entries, state))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn both_readings_agree_with_the_plain_ones(steps in vec(step(), 0..120), at in 0..20_u64, term in 1..3_u64) {
        let written = write(&steps);
        let scan = WalScan::of_bytes(written.log.segments.clone());
        for engine in ServerVersion::ALL {
            let commit = written.records.iter().rev().find_map(|(_, r)| if let Plain::State(.., commit) = r { Some(*commit) } else { None });
            let want: Vec<(u64, u64)> = written.records.iter().filter_map(|(_, record)| match record {
                Plain::Snapshot(index, term) if *index <= commit.unwrap_or(0) => Some((*index, *term)),
                _ => None,
            }).collect();
            let valid = valid_snapshots(&scan, engine).unwrap();
            let got: Vec<_> = valid.snapshots.iter().map(|record| (record.id.index.0, record.id.term.0)).collect();
            prop_assert_eq!(&got, &want);

            for start in want.into_iter().chain([(at, term)]) {
                let read = read_from(&scan, SnapshotId { index: LogIndex(start.0), term: Term(start.1) }, engine);
                match (plain_read(&written, start), read.result) {
                    (Ok((entries, state)), Ok(content)) => {
                        let got: Vec<_> = content.entries.iter(&scan, engine)
                            .map(|entry| Plain::Entry { index: entry.index.0, term: entry.term.0, data: entry.data.to_vec() })
                            .collect();
                        prop_assert_eq!(got, entries);
                        let hard = content.hard_state;
                        prop_assert_eq!((hard.term.0, hard.vote.0, hard.commit.0), state);
                    }
                    (Err(want), Err(got)) => prop_assert!(got.text.contains(want), "want {}, got {}", want, got.text),
                    (want, got) => prop_assert!(false, "from {:?}: want {:?}, got {:?}", start, want, got),
                }
            }
        }
    }

    /// Any bytes at all: no panic, and an answer.
    #[test]
    fn any_bytes_have_an_answer(steps in vec(step(), 0..20), noise in vec((any::<usize>(), any::<u8>()), 0..12), cut in any::<usize>()) {
        let mut log = write(&steps).log;
        let last = log.segments.len() - 1;
        let bytes = &mut log.segments[last].1;
        for (at, byte) in noise {
            let len = bytes.len();
            bytes[at % len] = byte;
        }
        bytes.truncate(cut % (bytes.len() + 1));
        let scan = WalScan::of_bytes(log.segments);
        for engine in ServerVersion::ALL {
            let _ = super::seen(&scan, engine);
        }
        let _ = ekv_tool::analysis::judge::log::judge_segments(&scan, "wal");
    }
}

/// Bytes that a server wrote, with what it read of them from four places.
#[test]
fn a_worked_example() {
    let mut log = LogWriter::empty();
    log.record(4, None);
    log.record(1, Some(&[0x08, 1, 0x10, 2]));
    log.snapshot(0, 0, None);
    for index in 1..=4 {
        log.entry(index, 1, &[1]);
    }
    log.state(1, 1, 2);
    log.entry(3, 2, &[1]);
    log.state(2, 1, 2);
    log.snapshot(100, 2, Some(&[1]));
    log.state(2, 1, 100);
    log.entry(101, 2, &[1]);
    log.snapshot(101, 2, Some(&[1]));
    // The checksums that the server stored at these places.
    for (offset, crc) in [(0x040, 0xdd80_f4b8), (0x0d8, 0x0dd6_aa61), (0x110, 0x97b7_21e9), (0x168, 0x5ef0_e3bf)] {
        let FrameStep::Frame(frame) = Frame::read(&log.segments[0].1, offset) else { panic!("no frame at {offset}") };
        assert_eq!(Record::decode_canonical(frame.payload()).unwrap().crc, Crc32c(crc));
    }
    let scan = WalScan::of_bytes(log.segments.clone());
    let at = |index, term| SnapshotId { index: LogIndex(index), term: Term(term) };
    for engine in ServerVersion::ALL {
        let valid = valid_snapshots(&scan, engine).unwrap();
        assert_eq!(valid.snapshots.iter().map(|record| record.id).collect::<Vec<_>>(), [at(0, 0), at(100, 2)]);
        assert_eq!(valid.too_new.iter().map(|record| record.id).collect::<Vec<_>>(), [at(101, 2)]);
        for refused in [at(0, 0), at(50, 1)] {
            let error = read_from(&scan, refused, engine).result.unwrap_err();
            assert_eq!(error.error, "wal: slice bounds out of range");
        }
        let read = read_from(&scan, at(100, 2), engine).result.unwrap();
        assert_eq!((read.entries.count(), read.last_index, read.snapshot_recorded), (1, LogIndex(101), true));
        let read = read_from(&scan, at(101, 2), engine).result.unwrap();
        assert_eq!((read.entries.count(), read.last_index), (0, LogIndex(101)));
        assert_eq!(read_from(&scan, at(101, 3), engine).result.unwrap_err().error, "wal: snapshot mismatch");
    }
}

//! Every kind of damage to a written log is found, or does provably no harm.

use ekv_tool::analysis::Severity;
use ekv_tool::analysis::judge::codes;
use ekv_tool::analysis::judge::log::judge_segments;
use ekv_tool::formats::raftpb::ProtoRules;
use ekv_tool::formats::wal::{Frame, FrameStep, Record};
use ekv_tool::readers::wal::WalScan;
use ekv_tool::types::ServerVersion;

use super::{Seen, sample, seen};
use crate::support::wal_writer::LogWriter;

type Segments = Vec<(String, Vec<u8>)>;

/// What both servers read, whether an error was found, and the codes of all findings.
fn outcome(segments: &Segments) -> ([Result<Seen, String>; 2], bool, Vec<&'static str>) {
    let scan = WalScan::of_bytes(segments.clone());
    let (damaged, codes) = found(&scan);
    (ServerVersion::ALL.map(|engine| seen(&scan, engine)), damaged, codes)
}

fn found(scan: &WalScan) -> (bool, Vec<&'static str>) {
    let (findings, _) = judge_segments(scan, "wal");
    let damaged = findings.iter().any(|finding| finding.severity == Severity::Error);
    (damaged, findings.iter().map(|finding| finding.code.code).collect())
}

/// The frame that an offset lies in.
fn frame_at(segment: &[u8], offset: u64) -> Option<(u64, u64)> {
    let mut at = 0;
    while let FrameStep::Frame(frame) = Frame::read(segment, at) {
        if offset < frame.end() {
            return Some((frame.at, frame.end()));
        }
        at = frame.end();
    }
    None
}

#[test]
fn the_sample_is_clean_and_read_alike() {
    let log = sample();
    let total: usize = log.segments.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!((18_000..24_000).contains(&total), "{total} bytes");
    let ([pr934, main], damaged, codes) = outcome(&log.segments);
    assert_eq!((damaged, codes), (false, vec![]));
    assert_eq!(pr934, main);
    let read = main.unwrap();
    assert!(read.snapshot.index.0 > 1 && read.last_index > 100 && read.state.0 == 3, "{read:?}");
}

/// Flips every bit. Whatever either server then reads differently, or refuses, must be an error; what it reads as before may
/// stay unnoticed. One class of loss cannot be told from a crash: the last record, torn.
#[test]
fn every_flipped_bit_is_found_or_harmless() {
    let log = sample();
    let (good, ..) = outcome(&log.segments);
    let mut segments = log.segments.clone();
    let last = segments.len() - 1;
    let (mut found, mut harmless, mut torn) = (0, 0, 0);
    for segment in 0..segments.len() {
        let end = segments[segment].1.iter().rposition(|&byte| byte != 0).unwrap() + 8;
        for at in 0..end.min(segments[segment].1.len()) {
            for bit in 0..8 {
                segments[segment].1[at] ^= 1 << bit;
                let scan = WalScan::of_bytes(segments.clone());
                segments[segment].1[at] ^= 1 << bit;
                let (damaged, codes) = self::found(&scan);
                if damaged {
                    found += 1;
                    continue;
                }
                let read = ServerVersion::ALL.map(|engine| seen(&scan, engine));
                if read == good {
                    harmless += 1;
                    continue;
                }
                let (_, frame_end) = frame_at(&segments[segment].1, at as u64).unwrap_or((0, u64::MAX));
                let is_last_record = segment == last && frame_end + 16 > end as u64;
                assert!(
                    is_last_record && codes == [codes::wal::TORN_TAIL.code],
                    "segment {segment} offset {at} bit {bit}: {codes:?}, {read:?}"
                );
                torn += 1;
            }
        }
    }
    // Unused bits of length words and padding are harmless; nearly everything else is covered.
    assert!(found > 30 * harmless && torn < 500, "{found} found, {harmless} harmless, {torn} torn");
}

/// The bits that give the padding, in front of states that end the log: the server then looks for the next frame off the grid.
#[test]
fn wrong_padding_before_the_last_records_is_found() {
    let mut missed = Vec::new();
    for data in 0..24 {
        let mut log = LogWriter::create();
        log.state(1, 1, 0);
        let at = log.len();
        log.entry(1, 1, &vec![0; data]);
        log.state(1, 0x08b3_7b07_b558_d4c0, 1);
        log.state(1, 0x08b3_7b07_b558_d4c0, 2);
        log.preallocate(1024);
        let (good, ..) = outcome(&log.segments);
        for bit in [0, 1, 2, 7] {
            let mut segments = log.segments.clone();
            segments[0].1[at + 7] ^= 1 << bit;
            let (read, damaged, codes) = outcome(&segments);
            if !damaged && read != good {
                missed.push(format!("{data} bytes, bit {bit}: {codes:?}"));
            }
        }
    }
    assert_eq!(missed, Vec::<String>::new());
}

#[test]
fn every_prefix_of_the_last_segment_is_a_crash_state_and_of_another_one_damage() {
    let log = sample();
    let last = log.segments.len() - 1;
    let mut before = 0;
    for len in 0..=log.segments[last].1.len() {
        let mut segments = log.segments.clone();
        segments[last].1.truncate(len);
        let (read, damaged, codes) = outcome(&segments);
        if codes == ["wal-segment-empty"] {
            // A segment gets its head before it gets its name.
            assert!(damaged && len < 136, "{len}");
            continue;
        }
        assert!(!damaged, "{len}: {codes:?}");
        let [pr934, main] = read.map(|read| read.unwrap_or_else(|error| panic!("{len}: {error}")));
        assert_eq!(pr934, main, "{len}");
        assert!(main.last_index >= before, "{len}: a longer log reads further");
        before = main.last_index;
    }
    let first = log.segments[0].1.clone();
    for len in 0..first.len() {
        let mut segments = log.segments.clone();
        segments[0].1.truncate(len);
        let (_, damaged, _) = outcome(&segments);
        assert!(damaged, "{len} bytes of the first segment");
    }
}

/// A sector that reads as zeros: in the last segment the server may take it for the end of the log.
#[test]
fn a_lost_sector_is_never_silent() {
    let log = sample();
    let (good, ..) = outcome(&log.segments);
    let last = log.segments.len() - 1;
    for segment in 0..log.segments.len() {
        for sector in 0..log.segments[segment].1.len().div_ceil(512) {
            let mut segments = log.segments.clone();
            let bytes = &mut segments[segment].1;
            let end = bytes.len().min((sector + 1) * 512);
            let lost: Vec<u8> = bytes[sector * 512..end].to_vec();
            bytes[sector * 512..end].fill(0);
            let behind = bytes[end..].iter().any(|&byte| byte != 0);
            let (read, damaged, codes) = outcome(&segments);
            if read == good && lost.iter().all(|&byte| byte == 0) {
                assert!(!damaged);
            } else if segment < last || behind {
                let one_write = codes.contains(&codes::wal::DATA_BEYOND_END.code);
                assert!(damaged || one_write, "segment {segment} sector {sector}: {codes:?}");
            } else {
                assert!(!damaged && codes == [codes::wal::TORN_TAIL.code], "segment {segment} sector {sector}: {codes:?}");
            }
        }
    }
}

#[test]
fn a_zeroed_length_word_forgets_entries_and_is_an_error() {
    let log = sample();
    let last = log.segments.len() - 1;
    let mut at = 0;
    let mut words = 0;
    while let FrameStep::Frame(frame) = Frame::read(&log.segments[last].1, at) {
        let mut segments = log.segments.clone();
        segments[last].1[usize::try_from(at).unwrap()..][..8].fill(0);
        let (_, damaged, codes) = outcome(&segments);
        assert!(damaged && codes == [codes::wal::DATA_BEYOND_END.code], "frame at {at}: {codes:?}");
        at = frame.end();
        words += 1;
    }
    assert!(words > 30);
}

#[test]
fn lost_exchanged_and_emptied_segments() {
    let log = sample();
    let names: Vec<_> = log.segments.iter().map(|(name, _)| name.clone()).collect();
    let codes_of = |segments: &Segments| outcome(segments).2;

    let mut middle = log.segments.clone();
    middle.remove(1);
    assert_eq!(codes_of(&middle), ["wal-segment-missing", "wal-chain-broken"]);

    let mut exchanged = log.segments.clone();
    exchanged[1].0.clone_from(&names[2]);
    exchanged[2].0.clone_from(&names[1]);
    assert_eq!(codes_of(&exchanged), ["wal-chain-broken", "wal-chain-broken"]);

    let mut emptied = log.segments.clone();
    emptied[1].1.clear();
    assert_eq!(codes_of(&emptied), ["wal-segment-empty", "wal-chain-broken"]);

    // The snapshot that makes the first segment unnecessary is recorded in the second one.
    let mut purged = log.segments.clone();
    purged.remove(0);
    let (_, damaged, codes) = outcome(&purged);
    assert!(!damaged || codes == ["wal-segment-missing"], "{codes:?}");

    let mut next = log.segments.clone();
    next.push(("0000000000000003-00000000000000ff.wal".to_owned(), vec![0; 4096]));
    let (read, damaged, codes) = outcome(&next);
    assert!(damaged && read[1].is_ok(), "no crash leaves a segment without its head: {codes:?}");
    assert_eq!(codes, ["wal-segment-empty"]);
}

/// The server reuses the file of an interrupted cut without emptying it.
#[test]
fn remains_of_an_older_head_are_harmless() {
    let mut log: LogWriter = sample();
    let mut old = log.clone();
    old.state(9, 1_234_567_890_123_456_789, 100);
    old.cut();
    let old_head = old.segments.last().unwrap().1.clone();
    log.cut();
    let head = log.len();
    let segment = &mut log.segments.last_mut().unwrap().1;
    segment.resize(8192, 0);
    segment[head + 8..head + 8 + 24].copy_from_slice(&old_head[old_head.len() - 24..]);
    let (read, damaged, _) = outcome(&log.segments);
    assert!(!damaged && read[0].is_ok());
}

#[test]
fn bytes_behind_the_end_that_no_crash_leaves_are_an_error() {
    let mut log = sample();
    let end = log.segments.last().unwrap().1.iter().rposition(|&byte| byte != 0).unwrap() + 16;
    log.segments.last_mut().unwrap().1[end / 8 * 8 + 8..][..16].fill(0xab);
    let (_, damaged, codes) = outcome(&log.segments);
    assert!(damaged && codes == [codes::wal::DATA_BEYOND_END.code], "{codes:?}");
}

/// Types of records are covered by no checksum; a wrong one shows in the content.
#[test]
fn a_changed_record_type_is_found() {
    let log = sample();
    let (good, ..) = outcome(&log.segments);
    for segment in 0..log.segments.len() {
        let bytes = &log.segments[segment].1;
        let mut at = 0;
        while let FrameStep::Frame(frame) = Frame::read(bytes, at) {
            let kind = Record::decode(frame.payload(), ProtoRules::Google).unwrap().kind.number();
            for other in (0..8).filter(|&other| other != kind) {
                let mut segments = log.segments.clone();
                segments[segment].1[usize::try_from(frame.payload_at()).unwrap() + 1] = u8::try_from(other).unwrap();
                let (read, damaged, codes) = outcome(&segments);
                assert!(damaged || read == good, "segment {segment} frame {at} type {kind} as {other}: {codes:?}");
            }
            at = frame.end();
        }
    }
}

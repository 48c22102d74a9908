//! Logs of well-formed frames with right sums around records of any kind, in several segments: what is in them is up to the
//! input, so that the readings of the log are tried behind the checksums.
#![no_main]

use ekv_tool::analysis::server::log::{read_from, valid_snapshots};
use ekv_tool::analysis::server::log::EffectiveLog;
use ekv_tool::analysis::judge::log::judge_segments;
use ekv_tool::readers::wal::WalScan;
use ekv_tool::types::{ServerVersion, SnapshotId};
use ekv_tool_fuzz::support::seal::{frame, varint};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
enum Step {
    /// An entry a little above or below the last one.
    Entry { kind: u8, step: i8, term: u8, data: Vec<u8> },
    /// A hard state.
    State { term: u8, vote: u8, commit: u8 },
    /// A snapshot record, perhaps with members.
    Snapshot { index: u8, term: u8, voters: Option<[u8; 3]> },
    /// A record of any type with any content.
    Any { kind: u8, data: Option<Vec<u8>> },
    /// The next segment.
    Roll { skip: bool, step: i8 },
    /// Zeros.
    Zeros { words: u8 },
    /// Bytes that are no frame.
    Raw { bytes: Vec<u8> },
}

struct Log {
    segments: Vec<(String, Vec<u8>)>,
    crc: u32,
    last: u64,
}

impl Log {
    fn begin(&mut self, seq: u64, index: u64) {
        self.segments.push((format!("{seq:016x}-{index:016x}.wal"), Vec::new()));
        self.record(4, None);
        self.record(1, None);
    }

    fn record(&mut self, kind: u8, data: Option<&[u8]>) {
        self.crc = crc32c::crc32c_append(self.crc, data.unwrap_or_default());
        frame(u64::from(kind & 0x7f), self.crc, data, &mut self.segments.last_mut().unwrap().1);
    }

    fn message(&mut self, kind: u8, fields: &[(u8, u64)], data: Option<(u8, &[u8])>) {
        let mut message = Vec::new();
        for &(tag, value) in fields {
            message.push(tag);
            varint(value, &mut message);
        }
        if let Some((tag, data)) = data {
            message.push(tag);
            varint(data.len() as u64, &mut message);
            message.extend_from_slice(data);
        }
        self.record(kind, Some(&message));
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Entry { kind, step, term, data } => {
                self.last = self.last.saturating_add_signed(i64::from(*step));
                let fields = [(0x08, u64::from(*kind % 4)), (0x10, u64::from(*term)), (0x18, self.last)];
                self.message(2, &fields, Some((0x22, data)));
            }
            Step::State { term, vote, commit } => {
                self.message(3, &[(0x08, u64::from(*term)), (0x10, u64::from(*vote)), (0x18, u64::from(*commit))], None);
            }
            Step::Snapshot { index, term, voters } => {
                let members: Vec<u8> = voters.iter().flatten().flat_map(|voter| [0x08, voter & 0x7f]).collect();
                let fields = [(0x08, u64::from(*index)), (0x10, u64::from(*term))];
                self.message(5, &fields, voters.is_some().then_some((0x1a, &members[..])));
            }
            Step::Any { kind, data } => self.record(*kind, data.as_deref()),
            Step::Roll { skip, step } => {
                let seq = self.segments.len() as u64 + u64::from(*skip);
                self.begin(seq, (self.last + 1).saturating_add_signed(i64::from(*step)));
            }
            Step::Zeros { words } => {
                let out = &mut self.segments.last_mut().unwrap().1;
                out.resize(out.len() + usize::from(*words) * 8, 0);
            }
            Step::Raw { bytes } => self.segments.last_mut().unwrap().1.extend_from_slice(bytes),
        }
    }
}

fuzz_target!(|steps: Vec<Step>| {
    let mut log = Log { segments: Vec::new(), crc: 0, last: 0 };
    log.begin(0, 0);
    log.message(5, &[(0x08, 0), (0x10, 0)], None);
    for step in &steps {
        log.step(step);
    }
    let scan = WalScan::of_bytes(log.segments);
    let _ = judge_segments(&scan, "wal");
    for engine in ServerVersion::ALL {
        let _ = EffectiveLog::of(&scan, engine);
        let newest = valid_snapshots(&scan, engine).ok().and_then(|valid| valid.snapshots.iter().map(|record| record.id).max());
        for start in [newest.unwrap_or_default(), SnapshotId::default()] {
            if let Ok(content) = read_from(&scan, start, engine).result {
                assert_eq!(content.entries.iter(&scan, engine).count() as u64, content.entries.count());
            }
        }
    }
});

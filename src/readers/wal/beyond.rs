//! What stands in a segment after the place where its decoder stops.

use crate::formats::raftpb::{Entry, HardState, ProtoRules, WalSnapshot};
use crate::formats::wal::{ALIGNMENT, Frame, FrameStep, LENGTH_WORD, LengthWord, Record, RecordKind, SECTOR};
use crate::types::{Crc32c, LogIndex, Term, count_work};

use super::stop::Stop;

/// Bytes that are not zero after the logical end of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beyond {
    /// Where the search began: the stop, or the end of the frame that could not be decoded.
    pub from: u64,
    /// First byte that is not zero.
    pub first: u64,
    /// Byte after the last one that is not zero.
    pub end: u64,
    /// True when everything from `from` to the end of its sector is zero, as a write leaves it that a crash interrupted: the
    /// disk kept later sectors of it and not this one.
    pub zero_sector: bool,
    /// A record at the stop that is whole and fits the running checksum: only its length word is damaged.
    pub lost_length_word: Option<Recovered>,
    /// True when the first record found continues the running checksum: then no record is missing before it, and what stands
    /// at the stop is no record that was being written.
    pub continues: bool,
    /// Rows of records found behind, in file order. The first 64 only.
    pub rows: Vec<Recovered>,
    /// All records found, `lost_length_word` included.
    pub total: Recovered,
    /// Where the search was given up, because too many things that look like records contain each other.
    pub given_up_at: Option<u64>,
}

/// Records that still can be read, one after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// Offset of the first frame.
    pub at: u64,
    /// Offset of the byte after the last frame.
    pub end: u64,
    /// Number of records.
    pub records: u64,
    /// True when checksums link them to each other or to the log before; a single record proves nothing.
    pub linked: bool,
    /// True when the first record fits the checksum stored before it.
    pub first_fits: bool,
    /// Number of entries.
    pub entries: u64,
    /// Lowest and highest index of the entries; meaningless when there are none.
    pub indexes: (LogIndex, LogIndex),
    /// Highest term of an entry.
    pub term: Term,
    /// The last hard state.
    pub state: Option<HardState>,
    /// Number of hard states.
    pub states: u64,
    /// Number of snapshot records.
    pub snapshots: u64,
    /// True when some record follows a hard state: then more than one write of the server is here.
    pub several_writes: bool,
    /// True when the first record is a hard state: a commit that waited in memory begins the next write.
    pub begins_with_state: bool,
}

/// A record behind the place where a decoder stops.
#[derive(Debug, Clone, Copy)]
pub struct Behind<'s> {
    /// Offset of its frame.
    pub at: u64,
    /// Offset of the byte after it and its padding.
    pub end: u64,
    /// The record.
    pub record: Record<'s>,
}

/// Bytes of candidates that turn out to be no records, for each byte that is searched, after which the search is given up.
const EFFORT: u64 = 8;

/// Rows that are kept one by one.
pub const MAX_ROWS: usize = 64;

impl Beyond {
    /// The records of every row that is kept, in file order; `segment` is what was searched.
    pub fn records<'s>(&self, segment: &'s [u8]) -> impl Iterator<Item = Behind<'s>> {
        let lost = self.lost_length_word.iter().filter_map(move |found| {
            let (record, _, end) = record_without_word(segment, found.at)?;
            Some(Behind { at: found.at, end, record })
        });
        let rows = self.rows.iter().flat_map(move |found| {
            let mut at = found.at;
            std::iter::from_fn(move || {
                let (frame, record) = (at < found.end).then(|| strict_record(segment, at))??;
                let behind = Behind { at, end: frame.end(), record };
                at = behind.end;
                Some(behind)
            })
        });
        lost.chain(rows)
    }

    /// Shows the entries of every row that is kept, each with the offset of its frame; `segment` is what was searched. Returns how many
    /// of those that were found are in no row that is kept.
    pub fn for_each_entry<'s>(&self, segment: &'s [u8], mut visit: impl FnMut(u64, Entry<'s>)) -> u64 {
        let mut shown = 0;
        for Behind { at, record, .. } in self.records(segment).filter(|behind| behind.record.kind == RecordKind::Entry) {
            let data = record.bytes();
            if let Some(entry) = Entry::decode_canonical(data).or_else(|| Entry::decode(data, ProtoRules::Google).ok()) {
                shown += 1;
                visit(at, entry);
            }
        }
        self.total.entries.saturating_sub(shown)
    }
}

impl Recovered {
    const fn none(at: u64) -> Self {
        Self {
            at,
            end: at,
            records: 0,
            linked: false,
            first_fits: false,
            entries: 0,
            indexes: (LogIndex(u64::MAX), LogIndex(0)),
            term: Term(0),
            state: None,
            states: 0,
            snapshots: 0,
            several_writes: false,
            begins_with_state: false,
        }
    }

    /// Takes one record in; false when its data is not what its type announces.
    fn add(&mut self, record: &Record<'_>, end: u64) -> bool {
        let data = record.bytes();
        match record.kind {
            RecordKind::Entry => {
                let Some(entry) = Entry::decode_canonical(data).filter(|entry| entry.index.0 > 0) else { return false };
                self.entries += 1;
                self.indexes = (self.indexes.0.min(entry.index), self.indexes.1.max(entry.index));
                self.term = self.term.max(entry.term);
            }
            RecordKind::State => {
                let Some(state) = HardState::decode_canonical(data) else { return false };
                self.state = Some(state);
            }
            RecordKind::Snapshot => {
                if WalSnapshot::decode(data, ProtoRules::Google).is_err() {
                    return false;
                }
                self.snapshots += 1;
            }
            RecordKind::Metadata => {}
            RecordKind::Crc if record.data.is_none() => {}
            RecordKind::Crc | RecordKind::Unknown(_) => return false,
        }
        self.several_writes |= self.states > 0;
        self.begins_with_state |= self.records == 0 && record.kind == RecordKind::State;
        self.states += u64::from(record.kind == RecordKind::State);
        self.records += 1;
        self.end = end;
        true
    }

    fn absorb(&mut self, other: &Self) {
        self.several_writes |= other.several_writes || (self.states > 0 && other.records > 0);
        self.begins_with_state |= self.records == 0 && other.begins_with_state;
        self.at = self.at.min(other.at);
        self.end = self.end.max(other.end);
        self.records += other.records;
        self.linked |= other.linked;
        self.entries += other.entries;
        self.indexes = (self.indexes.0.min(other.indexes.0), self.indexes.1.max(other.indexes.1));
        self.term = self.term.max(other.term);
        self.state = other.state.or(self.state);
        self.states += other.states;
        self.snapshots += other.snapshots;
    }

    /// True when at least one entry was found.
    pub const fn has_entries(&self) -> bool {
        self.entries > 0
    }
}

/// Looks at everything after `stop`. `running` is the checksum of the log up to there. `passed` is told how far it has
/// come and ends the search by returning false.
pub(super) fn look_beyond(
    segment: &[u8],
    stop: &Stop,
    running: Option<Crc32c>,
    mut passed: impl FnMut(u64) -> bool,
) -> Option<Beyond> {
    let from = match *stop {
        Stop::Eof { .. } | Stop::NotAFile { .. } => return None,
        Stop::Zero { at } | Stop::ShortWord { at, .. } | Stop::TooLong { at, .. } => at,
        Stop::BadRecord { at, len, .. } | Stop::BadCrc { at, len, .. } | Stop::CrcRecord { at, len, .. } => at + len,
    };
    let lost_length_word = lost_length_word(segment, stop.at(), running);
    let inside = if lost_length_word.is_none() { successor_inside(segment, stop.at(), from, running) } else { None };
    let first = match (&lost_length_word, inside) {
        (Some((found, _)), _) => found.at,
        (None, Some(at)) => at,
        (None, None) => first_nonzero(segment, from, &mut passed)?,
    };
    let end = end_of_nonzero(segment, first);
    let mut beyond = Beyond {
        from,
        first,
        end,
        // The sector that `from` lies in held the end of the record before; what was lost of it reads as before the write.
        zero_sector: (from / SECTOR + 1) * SECTOR <= first,
        continues: lost_length_word.is_some() || inside.is_some(),
        lost_length_word: lost_length_word.map(|(found, _)| found),
        rows: Vec::new(),
        total: Recovered::none(first),
        given_up_at: None,
    };
    let mut effort = EFFORT.saturating_mul(end.saturating_sub(first)).saturating_add(1 << 16);
    let mut at = first / ALIGNMENT * ALIGNMENT;
    // What the record at the stop stores, right or wrong, is what the next one continues.
    let mut chain = match *stop {
        _ if inside.is_some() => running,
        Stop::BadCrc { stored, .. } | Stop::CrcRecord { stored, .. } => Some(stored),
        _ => running,
    };
    if let Some((found, last)) = lost_length_word {
        at = found.end;
        chain = Some(last);
        beyond.total.absorb(&found);
    }
    let mut next_hook = at + (1 << 20);
    while at < end {
        match row(segment, at, chain, &mut effort) {
            Some((found, last)) => {
                beyond.continues |= beyond.total.records == 0 && found.first_fits && chain == running;
                at = found.end;
                chain = Some(last);
                beyond.total.absorb(&found);
                if beyond.rows.len() < MAX_ROWS {
                    beyond.rows.push(found);
                }
            }
            None => at += ALIGNMENT,
        }
        if effort == 0 {
            beyond.given_up_at = Some(at);
            break;
        }
        if at >= next_hook {
            if !passed(at) {
                break;
            }
            next_hook = at + (1 << 20);
        }
    }
    Some(beyond)
}

/// Offset of a record inside the bad frame `at..end`, or just before it, that continues the running checksum: the length of the frame, or
/// of the padding before it, is then wrong.
fn successor_inside(segment: &[u8], at: u64, end: u64, running: Option<Crc32c>) -> Option<u64> {
    let running = running?;
    // Frames that contain each other must not make this quadratic.
    let mut budget = 4 * segment.len() as u64;
    // A stop off the grid means that the padding before it was taken for longer or shorter than it is.
    let mut at = at / ALIGNMENT * ALIGNMENT;
    while at < end && budget > 0 {
        if let Some((frame, record)) = strict_record(segment, at) {
            if record.kind != RecordKind::Crc && record.running(running) == record.crc {
                return Some(at);
            }
            budget = budget.saturating_sub(frame.len());
        }
        at += ALIGNMENT;
    }
    None
}

/// The record at the stop, if it is whole and fits and only its length word is damaged; and the checksum that it stores.
fn lost_length_word(segment: &[u8], at: u64, running: Option<Crc32c>) -> Option<(Recovered, Crc32c)> {
    let (record, len, end) = record_without_word(segment, at)?;
    let word = segment.get(usize::try_from(at).ok()?..)?.first_chunk::<8>()?;
    if u64::from_le_bytes(*word) == LengthWord::of_record(len).0 {
        // The word is right: only the padding is cut off.
        return None;
    }
    let fits = match (running, record.kind) {
        (Some(running), RecordKind::Crc) => running == record.crc,
        (Some(running), _) => record.running(running) == record.crc,
        // At the head of a segment only a crc record is expected, and nothing can be held against it.
        (None, kind) => kind == RecordKind::Crc && at == 0,
    };
    let mut found = Recovered::none(at);
    if !fits || !found.add(&record, end) {
        return None;
    }
    found.linked = running.is_some();
    Some((found, record.crc))
}

/// The records that follow each other from `at` on, and the checksum that the last one stores. Bytes of what is no record are
/// taken from `effort`.
fn row(segment: &[u8], at: u64, chain: Option<Crc32c>, effort: &mut u64) -> Option<(Recovered, Crc32c)> {
    let mut found = Recovered::none(at);
    let mut before = chain;
    let mut at = at;
    count_work(1);
    while let Some((frame, record)) = strict_record(segment, at) {
        // The checksum costs as much as the record is long, so it is computed only of what ends the search there.
        let mut with = found;
        if !with.add(&record, frame.end()) {
            let cost = if record.kind == RecordKind::Snapshot { frame.len() } else { 1 };
            count_work(cost);
            *effort = effort.saturating_sub(cost);
            break;
        }
        count_work(frame.len());
        let fits = before.is_some_and(|before| match record.kind {
            RecordKind::Crc => before == record.crc,
            _ => record.running(before) == record.crc,
        });
        // A first record may stand alone; a later one belongs to the row only if it fits.
        if found.records > 0 && !fits {
            break;
        }
        found = with;
        found.linked |= fits;
        found.first_fits |= fits && found.records == 1;
        before = Some(record.crc);
        at = frame.end();
    }
    (found.records > 0).then_some((found, before?))
}

/// A frame and record exactly as a server writes them.
fn strict_record(segment: &[u8], at: u64) -> Option<(Frame<'_>, Record<'_>)> {
    let FrameStep::Frame(frame) = Frame::read(segment, at) else { return None };
    let record = Record::decode_canonical(frame.payload())?;
    let aligned = frame.len().is_multiple_of(ALIGNMENT) && frame.padding_bytes().iter().all(|&byte| byte == 0);
    aligned.then_some((frame, record))
}

/// The record behind a length word that cannot be used: its own fields say how long it is. Also that length, and the offset
/// after it and its padding.
fn record_without_word(segment: &[u8], at: u64) -> Option<(Record<'_>, u64, u64)> {
    let start = at.checked_add(LENGTH_WORD)?;
    let rest = segment.get(usize::try_from(start).ok()?..)?;
    let [0x08, 1..=5, 0x10, after_tag @ ..] = rest else { return None };
    let (_, crc_len) = crate::formats::varint::decode(after_tag).ok()?;
    let without_data = 3 + crc_len;
    let len = match rest.get(without_data..)? {
        [0x1a, after_tag @ ..] => {
            let (data_len, len_len) = crate::formats::varint::decode(after_tag).ok()?;
            (without_data + 1 + len_len).checked_add(usize::try_from(data_len).ok()?)?
        }
        _ => without_data,
    };
    let record = Record::decode_canonical(rest.get(..len)?)?;
    Some((record, len as u64, start.checked_add(len as u64)?.next_multiple_of(ALIGNMENT)))
}

/// Offset of the first byte from `from` on that is not zero.
fn first_nonzero(segment: &[u8], from: u64, passed: &mut impl FnMut(u64) -> bool) -> Option<u64> {
    const PIECE: usize = 1 << 20;
    let mut at = usize::try_from(from).ok()?;
    while at < segment.len() {
        let piece = segment.get(at..)?;
        let piece = piece.get(..PIECE).unwrap_or(piece);
        if let Some(position) = position_of_nonzero(piece) {
            return Some((at + position) as u64);
        }
        at += piece.len();
        if !passed(at as u64) {
            return None;
        }
    }
    None
}

fn position_of_nonzero(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    for block in bytes.chunks(4096) {
        // Without an early exit the compiler turns this into wide loads.
        if block.iter().fold(0, |any, byte| any | byte) != 0 {
            return block.iter().position(|&byte| byte != 0).map(|position| at + position);
        }
        at += block.len();
    }
    None
}

/// Offset after the last byte that is not zero; `first` is one of them.
fn end_of_nonzero(segment: &[u8], first: u64) -> u64 {
    let mut end = segment.len();
    let floor = usize::try_from(first).unwrap_or(end);
    while end > floor {
        let start = end.saturating_sub(4096).max(floor);
        let block = segment.get(start..end).unwrap_or_default();
        if let Some(position) = block.iter().rposition(|&byte| byte != 0) {
            return (start + position + 1) as u64;
        }
        end = start;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::work_counted;

    /// Zeros, then every `step` bytes a frame that reaches to the end and holds a record of the type `kind` whose data is none.
    fn nested(size: usize, step: usize, kind: u8) -> Vec<u8> {
        let mut bytes = vec![0; 1024 + size];
        let mut at = 1024;
        while at + step <= bytes.len() {
            let total = bytes.len() - at - 8;
            let mut data_len = Vec::new();
            let mut left = total - 5 - 4;
            for _ in 0..3 {
                data_len.push(u8::try_from(left & 0x7f).unwrap() | 0x80);
                left >>= 7;
            }
            data_len.push(u8::try_from(left).unwrap());
            let head = [&(total as u64).to_le_bytes()[..], &[0x08, kind, 0x10, 0, 0x1a], &data_len].concat();
            bytes[at..at + head.len()].copy_from_slice(&head);
            at += step;
        }
        bytes
    }

    #[test]
    fn frames_that_contain_each_other_cost_no_more_than_their_bytes() {
        for kind in [1, 2, 3, 4, 5, 9] {
            let work = |size| {
                let (bytes, before) = (nested(size, 24, kind), work_counted());
                let beyond = look_beyond(&bytes, &Stop::Zero { at: 8 }, Some(Crc32c(7)), |_| true).unwrap();
                assert!(beyond.given_up_at.is_none() || beyond.total.records == 0);
                (work_counted() - before) as f64
            };
            // Varints of four bytes stand for lengths below 2^28.
            let (once, twice) = (work(1 << 17), work(1 << 18));
            assert!(twice < 2.3 * once && twice < 40.0 * f64::from(1 << 18), "type {kind}: {once}, {twice}");
        }
    }

    #[test]
    fn a_search_that_is_given_up_says_so() {
        // Each holds a snapshot that is read to its end before it turns out to be none.
        let bytes = nested((1 << 20) - 1024, 32, 5);
        let beyond = look_beyond(&bytes, &Stop::Zero { at: 8 }, Some(Crc32c(7)), |_| true).unwrap();
        assert!(beyond.given_up_at.is_some());
    }
}

//! One pass over the bytes of a segment.

use crate::formats::DecodeResult;
use crate::formats::etcd::{LogOwner, Metadata};
use crate::formats::raftpb::{Entry, EntryType, HardState, ProtoRules, WalSnapshot};
use crate::formats::wal::{Frame, FrameStep, Record, RecordKind, is_torn};
use crate::types::Crc32c;

use super::class_counts::ClassCounts;
use super::stop::Stop;
use super::trace::{Entering, FirstRecord, Item, LogMemory, Trace, TraceBuilder};
use super::watch::{LogWatch, RecordSpan};

/// Bytes between calls of the caller's hook.
const HOOK_STEP: u64 = 1 << 20;

/// Decodes `segment` of a log of `owner` up to the place where a server with these rules would stop.
///
/// Returns the trace, whether the other runtime could read the bytes differently, and what `watch` noted. `passed` is called every MiB with the
/// offset that will not be read again, and ends the work by returning false; then there is no result.
pub(super) fn decode_segment<W: LogWatch>(
    segment: &[u8],
    rules: ProtoRules,
    owner: LogOwner,
    log: &LogMemory,
    watch: &W,
    mut passed: impl FnMut(u64) -> bool,
) -> Option<(Trace, bool, W::Notes)> {
    let mut pass = Pass { rules, owner, sensitive: false, builder: TraceBuilder::new(log), watch, notes: W::Notes::default() };
    let mut at = 0;
    let mut next_hook = HOOK_STEP;
    let stop = loop {
        let frame = match Frame::read(segment, at) {
            FrameStep::Frame(frame) => frame,
            FrameStep::Eof => break Stop::Eof { at },
            FrameStep::Zero => break Stop::Zero { at },
            FrameStep::ShortWord { left } => break Stop::ShortWord { at, left },
            FrameStep::TooLong { word, left } => break Stop::TooLong { at, word, left },
        };
        if let Some(stop) = pass.frame(&frame) {
            break stop;
        }
        at = frame.end();
        if at >= next_hook {
            if !passed(at) {
                return None;
            }
            next_hook = at + HOOK_STEP;
        }
    };
    Some((pass.builder.finish(stop), pass.sensitive, pass.notes))
}

struct Pass<'m, W: LogWatch> {
    rules: ProtoRules,
    owner: LogOwner,
    sensitive: bool,
    builder: TraceBuilder<'m>,
    watch: &'m W,
    notes: W::Notes,
}

impl<W: LogWatch> Pass<'_, W> {
    /// Takes one frame in; `Some` when the decoder stops at it.
    #[inline]
    fn frame(&mut self, frame: &Frame<'_>) -> Option<Stop> {
        let mut odd_layout = false;
        let record = match Record::decode_canonical(frame.payload()) {
            Some(record) => record,
            None => match self.either(|rules| Record::decode(frame.payload(), rules)) {
                Ok(record) => {
                    odd_layout = !matches!(record.kind, RecordKind::Unknown(_));
                    record
                }
                Err(error) => {
                    return Some(Stop::BadRecord {
                        at: frame.at,
                        len: frame.len(),
                        early_end: self.rules == ProtoRules::Gogo && error.is_truncation(),
                        error: self.rules.error_text(&error),
                        torn: is_torn(frame.body, frame.payload_at()),
                    });
                }
            },
        };
        let span = RecordSpan { at: frame.at, end: frame.end(), before: self.builder.running };
        if let Some(stop) = self.chain(frame, &record) {
            return Some(stop);
        }
        self.builder.types.add(record.kind);
        if self.builder.odd_padding.is_none() && frame.padding_bytes().iter().any(|&byte| byte != 0) {
            self.builder.odd_padding = Some(frame.at);
        }
        if self.builder.odd_word.is_none() && !frame.word.is_canonical() {
            self.builder.odd_word = Some(frame.at);
        }
        if odd_layout && self.builder.odd_layout.is_none() {
            self.builder.odd_layout = Some(frame.at);
        }
        self.payload(span, &record);
        None
    }

    /// Checks and moves the running checksum.
    #[inline]
    fn chain(&mut self, frame: &Frame<'_>, record: &Record<'_>) -> Option<Stop> {
        let stored = record.crc;
        match (self.builder.running, record.kind) {
            (Some(running), RecordKind::Crc) => {
                if running != Crc32c(0) && running != stored {
                    return Some(Stop::CrcRecord { at: frame.at, len: frame.len(), stored, running });
                }
                self.builder.repeated(Item::Crc { at: frame.at, stored });
            }
            (Some(running), kind) => {
                let computed = record.running(running);
                if computed != stored {
                    let torn = is_torn(frame.body, frame.payload_at());
                    return Some(Stop::BadCrc { at: frame.at, len: frame.len(), kind, stored, computed, torn });
                }
            }
            (None, RecordKind::Crc) => self.builder.entering = Entering::Crc(stored),
            (None, _) => {
                let data = record.bytes();
                self.builder.entering = Entering::Data(FirstRecord {
                    data_crc: Crc32c::of(data),
                    data_len: data.len() as u64,
                    stored,
                    frame_len: frame.len(),
                    torn: is_torn(frame.body, frame.payload_at()),
                });
            }
        }
        self.builder.running = Some(stored);
        None
    }

    #[inline]
    fn payload(&mut self, span: RecordSpan, record: &Record<'_>) {
        let at = span.at;
        let data = record.bytes();
        let kind = record.kind;
        match kind {
            RecordKind::Entry => {
                let canonical = Entry::decode_canonical(data);
                // The server proposes no membership change without content, and no entry has index 0.
                if canonical.is_none_or(|entry| entry.index.0 == 0 || (entry.kind != EntryType::Normal && entry.data.is_empty()))
                {
                    self.builder.suspect(at, kind);
                }
                match canonical.map_or_else(|| self.either(|rules| Entry::decode(data, rules)), Ok) {
                    Ok(entry) => {
                        if matches!(entry.kind, EntryType::ConfChange | EntryType::ConfChangeV2) {
                            self.builder.change(entry.data.len());
                        }
                        self.builder.classes.add(ClassCounts::class_of(self.owner, entry.kind, entry.data));
                        self.builder.entry(at, entry.term, entry.index);
                        self.watch.entry(&mut self.notes, span, &entry);
                    }
                    Err(error) => self.malformed(at, kind, &error),
                }
            }
            RecordKind::State => {
                let canonical = HardState::decode_canonical(data);
                // No node has a vote or a commit before its first term.
                if canonical.is_none_or(|state| state.term.0 == 0) {
                    self.builder.suspect(at, kind);
                }
                match canonical.map_or_else(|| self.either(|rules| HardState::decode(data, rules)), Ok) {
                    Ok(state) => {
                        self.builder.state(at, state);
                        self.watch.state(&mut self.notes, span, state);
                    }
                    Err(error) => self.malformed(at, kind, &error),
                }
            }
            RecordKind::Snapshot => {
                // Index and term are always written, zero or not.
                if !data.starts_with(&[0x08]) {
                    self.builder.suspect(at, kind);
                }
                if !self.builder.fits_members(data.len()) {
                    return;
                }
                match self.either(|rules| WalSnapshot::decode(data, rules)) {
                    Ok(snapshot) => self.builder.push(Item::Snapshot { at, snapshot }),
                    Err(error) => self.malformed(at, kind, &error),
                }
            }
            RecordKind::Metadata => {
                let etcds = self.owner.is_etcd() && Metadata::decode(data).is_some();
                if !data.is_empty() && !etcds {
                    self.builder.suspect(at, kind);
                }
                self.builder.repeated(Item::Metadata { at, data: record.data.map(<[u8]>::to_vec) });
            }
            RecordKind::Crc => {
                if record.data.is_some() {
                    self.builder.suspect(at, kind);
                }
            }
            RecordKind::Unknown(kind) => self.builder.refused(Item::Unknown { at, kind, more: 0 }),
        }
    }

    #[cold]
    fn malformed(&mut self, at: u64, kind: RecordKind, error: &crate::formats::DecodeError) {
        self.builder.refused(Item::Malformed { at, kind, error: self.rules.error_text(error), more: 0 });
    }

    /// Decodes under both sets of rules, remembers whether they differ, and keeps the one that is asked for.
    #[cold]
    fn either<T: PartialEq>(&mut self, decode: impl Fn(ProtoRules) -> DecodeResult<T>) -> DecodeResult<T> {
        let google = decode(ProtoRules::Google);
        let gogo = decode(ProtoRules::Gogo);
        if google != gogo || google.is_err() {
            self.sensitive = true;
        }
        match self.rules {
            ProtoRules::Google => google,
            ProtoRules::Gogo => gogo,
        }
    }
}

//! A record's bytes, field by field.

use super::etcd_fields;
use super::schema::{Schema, Shape};
use crate::crypto::{OpenError, Opened};
use crate::formats::envelope::Envelope;
use crate::formats::etcd::LogOwner;
use crate::formats::kv::{KeyName, Payload, ProposalEnvelope, classify_payload};
use crate::formats::protobuf::{self, Value};
use crate::formats::raftpb::{Entry, EntryType, ProtoRules};
use crate::formats::wal::{Frame, Record, RecordKind};
use crate::report::body::wal::FieldRow;
use crate::types::{Crc32c, Escaped, HlcTimestamp, NodeId, UnixMillis};

/// Rows of one record; what is beyond is summed up in one.
const MAX_ROWS: usize = 500;
/// Bytes shown of a long value.
const SHOWN: usize = 48;

static STATE: Schema = Schema(&[(1, "term", Shape::Number), (2, "vote", Shape::Node), (3, "commit", Shape::Number)]);
static CONF_STATE: Schema = Schema(&[
    (1, "voter", Shape::Node),
    (2, "learner", Shape::Node),
    (3, "outgoing voter", Shape::Node),
    (4, "next learner", Shape::Node),
    (5, "auto leave", Shape::Bool),
]);
static SNAPSHOT: Schema =
    Schema(&[(1, "index", Shape::Number), (2, "term", Shape::Number), (3, "members", Shape::Message(&CONF_STATE))]);
const ENTRY_TYPES: &[&str] = &["EntryNormal", "EntryConfChange", "EntryConfChangeV2"];
static ENTRY: Schema = Schema(&[
    (1, "type", Shape::Choice(ENTRY_TYPES)),
    (2, "term", Shape::Number),
    (3, "index", Shape::Number),
    (4, "data", Shape::EntryData),
]);
const CHANGES: &[&str] = &["add voter", "remove", "update", "add learner"];
static CONF_CHANGE: Schema = Schema(&[
    (1, "id", Shape::Number),
    (2, "change", Shape::Choice(CHANGES)),
    (3, "node", Shape::Node),
    (4, "context", Shape::Bytes),
]);
static CONF_CHANGE_SINGLE: Schema = Schema(&[(1, "change", Shape::Choice(CHANGES)), (2, "node", Shape::Node)]);
static CONF_CHANGE_V2: Schema = Schema(&[
    (1, "transition", Shape::Choice(&["auto", "joint implicit", "joint explicit"])),
    (2, "change", Shape::Message(&CONF_CHANGE_SINGLE)),
    (3, "context", Shape::Bytes),
]);
static MUTATION: Schema = Schema(&[
    (1, "op", Shape::Choice(&["put", "delete", "delete prefix"])),
    (2, "key", Shape::Key),
    (3, "value", Shape::Bytes),
    (4, "commit timestamp at", Shape::Number),
]);
static REQUEST: Schema = Schema(&[
    (1, "transaction", Shape::Bool),
    (2, "phase", Shape::Choice(&["none", "prepare", "commit", "abort"])),
    (3, "ts (txn: start)", Shape::Time),
    (4, "mutation", Shape::Message(&MUTATION)),
    (5, "read key", Shape::Key),
    (6, "route version", Shape::Number),
]);
static COMMAND: Schema = Schema(&[(1, "request", Shape::Message(&REQUEST))]);

/// What the envelope of a record's entry held.
pub(super) struct Inside {
    /// The clear text, or why it does not open.
    pub result: Result<Opened, OpenError>,
    /// Whether bytes of it are shown.
    pub shows_values: bool,
}

/// Explains one frame. `computed` is the checksum that its record should store, where it is known.
pub(super) fn explain(
    owner: LogOwner,
    frame: &Frame<'_>,
    record: Option<&Record<'_>>,
    computed: Option<Crc32c>,
    inside: Option<&Inside>,
) -> Vec<FieldRow> {
    let hidden = owner.is_etcd() && record.is_some_and(etcd_fields::is_secret);
    let mut rows = Rows { owner, segment_at: frame.at, fields: Vec::new(), left_out: 0, inside, hidden };
    let word = frame.word;
    let text = format!("record of {} bytes, {} of padding", word.record_len(), word.padding());
    rows.add(frame.at, &word.0.to_le_bytes(), 0, "length word", text);
    let payload = frame.payload();
    let at = frame.payload_at();
    for (field, bytes, field_at) in split(payload, at) {
        match (field.number, field.value) {
            (1, Value::Varint(_)) => {
                let name = record.map_or("", |record| record.kind.name());
                rows.add(field_at, bytes, 0, "record type", format!("{} ({name})", number_of(field.value)));
            }
            (2, Value::Varint(_)) => {
                let stored = record.map(|record| record.crc).unwrap_or_default();
                let check = match computed {
                    Some(computed) if computed == stored => "fits".to_owned(),
                    Some(computed) => format!("does NOT fit, {computed} computed"),
                    None => "not checked".to_owned(),
                };
                rows.add(field_at, bytes, 0, "checksum", format!("{stored}, {check}"));
            }
            (3, Value::Bytes(data)) => {
                let kind = record.map_or(RecordKind::Unknown(0), |record| record.kind);
                rows.add(field_at, bytes, 0, "data", format!("{} bytes", data.len()));
                rows.record_data(kind, data, field_at + (bytes.len() - data.len()) as u64);
            }
            _ => rows.add(field_at, bytes, 0, &format!("field {}", field.number), "not a field of a record".to_owned()),
        }
    }
    rows.malformed(payload, at, 0);
    if !frame.padding_bytes().is_empty() {
        let odd = frame.padding_bytes().iter().any(|&byte| byte != 0);
        let text = if odd { "not zero; covered by no checksum" } else { "zero" };
        rows.add(at + payload.len() as u64, frame.padding_bytes(), 0, "padding", text.to_owned());
    }
    rows.finish()
}

/// The well-formed fields of a message with their bytes and offsets.
fn split(message: &[u8], at: u64) -> Vec<(protobuf::Field<'_>, &[u8], u64)> {
    let good: Vec<_> = protobuf::fields(message).take(MAX_ROWS * 2).map_while(Result::ok).collect();
    let end = protobuf::fields(message).nth(good.len()).map_or(message.len() as u64, |next| match next {
        Ok(field) => field.at,
        Err(error) => error.at.min(message.len() as u64),
    });
    let mut split = Vec::with_capacity(good.len());
    for (position, field) in good.iter().enumerate() {
        let next = good.get(position + 1).map_or(end, |next| next.at).max(field.at);
        let range = usize::try_from(field.at).ok().zip(usize::try_from(next).ok());
        let bytes = range.and_then(|(from, to)| message.get(from..to)).unwrap_or_default();
        split.push((*field, bytes, at + field.at));
    }
    split
}

const fn number_of(value: Value<'_>) -> u64 {
    match value {
        Value::Varint(value) | Value::Fixed64(value) => value,
        Value::Fixed32(value) => value as u64,
        Value::Bytes(_) | Value::Group(_) => 0,
    }
}

struct Rows<'i> {
    owner: LogOwner,
    segment_at: u64,
    fields: Vec<FieldRow>,
    left_out: u64,
    inside: Option<&'i Inside>,
    /// What follows comes out of an envelope, and its bytes are not shown.
    hidden: bool,
}

impl Rows<'_> {
    fn add(&mut self, offset: u64, bytes: &[u8], depth: u8, field: &str, value: String) {
        if self.fields.len() < MAX_ROWS {
            let hex = if self.hidden { String::new() } else { hex(bytes) };
            self.fields.push(FieldRow { offset, hex, depth, field: field.to_owned(), value, logical: None });
        } else {
            self.left_out += 1;
        }
    }

    fn finish(mut self) -> Vec<FieldRow> {
        if self.left_out > 0 {
            let value = format!("{} more fields", self.left_out);
            let (offset, field) = (self.segment_at, "...".to_owned());
            self.fields.push(FieldRow { offset, hex: String::new(), depth: 0, field, value, logical: None });
        }
        self.fields
    }

    /// Says where a message stops making sense.
    fn malformed(&mut self, message: &[u8], at: u64, depth: u8) {
        if let Some(Err(error)) = protobuf::fields(message).find(Result::is_err) {
            let bytes = usize::try_from(error.at).ok().and_then(|from| message.get(from..)).unwrap_or_default();
            self.add(at + error.at, bytes, depth, "malformed", error.kind.to_string());
        }
    }

    fn record_data(&mut self, kind: RecordKind, data: &[u8], at: u64) {
        match kind {
            RecordKind::Entry => self.message(&ENTRY, data, at, 1, data),
            RecordKind::State => self.message(&STATE, data, at, 1, data),
            RecordKind::Snapshot => self.message(&SNAPSHOT, data, at, 1, data),
            RecordKind::Metadata if self.owner.is_etcd() => self.message(&etcd_fields::METADATA, data, at, 1, data),
            RecordKind::Metadata | RecordKind::Crc | RecordKind::Unknown(_) => {}
        }
    }

    /// The fields of a message. `entry` is the whole entry that it belongs to, whose type says how to read its data.
    fn message(&mut self, schema: &'static Schema, message: &[u8], at: u64, depth: u8, entry: &[u8]) {
        for (field, bytes, field_at) in split(message, at) {
            let known = schema.0.iter().find(|(number, _, _)| *number == field.number);
            let Some((_, name, shape)) = known else {
                self.add(field_at, bytes, depth, &format!("field {}", field.number), "unknown".to_owned());
                continue;
            };
            match (shape, field.value) {
                (Shape::Message(inner), Value::Bytes(content)) => {
                    self.add(field_at, bytes, depth, name, format!("{} bytes", content.len()));
                    self.message(inner, content, field_at + (bytes.len() - content.len()) as u64, depth + 1, entry);
                }
                (Shape::EntryData, Value::Bytes(content)) => {
                    self.add(field_at, bytes, depth, name, format!("{} bytes", content.len()));
                    self.entry_data(entry, content, field_at + (bytes.len() - content.len()) as u64, depth + 1);
                }
                (Shape::Secret, Value::Bytes(content)) => {
                    self.add(field_at, bytes, depth, name, format!("{} bytes, not shown", content.len()));
                }
                (Shape::Bytes, Value::Bytes(content)) if self.hidden && *name == "value" => {
                    let text = format!("{} bytes; --show-values shows them", content.len());
                    self.add(field_at, bytes, depth, name, text);
                }
                (Shape::Bytes, Value::Bytes(content)) => self.add(field_at, bytes, depth, name, shown(content)),
                (Shape::Key, Value::Bytes(content)) => {
                    self.add(field_at, bytes, depth, name, shown(content));
                    if let (Some(row), true) = (self.fields.last_mut(), self.left_out == 0) {
                        row.logical = KeyName::of_user_key(content).place().map(|place| place.to_string());
                    }
                }
                (Shape::Hex, Value::Varint(value)) => self.add(field_at, bytes, depth, name, format!("{value:x}")),
                (Shape::Number, Value::Varint(value)) => self.add(field_at, bytes, depth, name, value.to_string()),
                (Shape::Bool, Value::Varint(value)) => {
                    self.add(field_at, bytes, depth, name, if value != 0 { "yes" } else { "no" }.to_owned());
                }
                (Shape::Node, Value::Varint(value)) => self.add(field_at, bytes, depth, name, NodeId(value).to_string()),
                (Shape::Time, Value::Varint(value)) => {
                    self.add(field_at, bytes, depth, name, format!("{value} ({})", HlcTimestamp(value)));
                }
                (Shape::Choice(names), Value::Varint(value)) => {
                    let text = usize::try_from(value).ok().and_then(|value| names.get(value)).copied().unwrap_or("unknown");
                    self.add(field_at, bytes, depth, name, format!("{value} ({text})"));
                }
                _ => self.add(field_at, bytes, depth, name, "wrong wire type".to_owned()),
            }
        }
        self.malformed(message, at, depth);
    }

    fn entry_data(&mut self, entry: &[u8], data: &[u8], at: u64, depth: u8) {
        let kind = Entry::decode(entry, ProtoRules::Google).map_or(EntryType::Normal, |entry| entry.kind);
        match kind {
            EntryType::ConfChange => return self.message(&CONF_CHANGE, data, at, depth, entry),
            EntryType::ConfChangeV2 => return self.message(&CONF_CHANGE_V2, data, at, depth, entry),
            EntryType::Normal | EntryType::Other(_) => {}
        }
        if self.owner.is_etcd() {
            return match etcd_fields::schema_of(data) {
                Some(schema) => self.message(schema, data, at, depth, entry),
                None => self.add(at, data, depth, "no request", "a member that applies it ends with a panic".to_owned()),
            };
        }
        let Some(proposal) = ProposalEnvelope::decode(data) else {
            return self.add(at, data, depth, "no proposal", "passed over like an empty entry".to_owned());
        };
        let header = data.len() - proposal.payload.len();
        let (first, rest) = data.split_at(1.min(data.len()));
        self.add(at, first, depth, "proposal", "envelope".to_owned());
        let id = rest.get(..header.saturating_sub(1)).unwrap_or_default();
        self.add(at + 1, id, depth, "request id", format!("{:016x}", proposal.request_id));
        let at = at + header as u64;
        self.payload(entry, proposal.payload, at, depth);
    }

    /// The payload of a proposal. Of one that was opened, offsets count from where its envelope begins.
    fn payload(&mut self, entry: &[u8], payload: &[u8], at: u64, depth: u8) {
        let view = classify_payload(payload);
        let tag = payload.get(..1).unwrap_or_default();
        let class = view.class.name().to_owned();
        let (message, schema) = match view.payload {
            Payload::Single(message) => (message, &REQUEST),
            Payload::Batch(message) => (message, &COMMAND),
            Payload::LegacyCommand(message) => return self.message(&COMMAND, message, at, depth, entry),
            Payload::LegacyRequest(message) => return self.message(&REQUEST, message, at, depth, entry),
            Payload::Lease(body) => {
                self.add(at, tag, depth, "tag", class);
                let text =
                    view.lease.map_or_else(|| "no ceiling".to_owned(), |lease: UnixMillis| format!("{} ({lease})", lease.0));
                return self.add(at + 1, body, depth, "clock ceiling", text);
            }
            Payload::Encryption(_, body) => {
                self.add(at, tag, depth, "tag", class);
                return self.add(at + 1, body, depth, "opcode", format!("{} bytes", body.len()));
            }
            Payload::Sealed(body) => {
                self.add(at, body, depth, "sealed", format!("{} bytes, encrypted", body.len()));
                return self.envelope(entry, body, at, depth + 1);
            }
            Payload::Empty | Payload::None => return self.add(at, tag, depth, "payload", "empty".to_owned()),
        };
        self.add(at, tag, depth, "tag", class);
        self.message(schema, message, at + 1, depth, entry);
    }
}

impl Rows<'_> {
    /// The head of an envelope, and what it held.
    fn envelope(&mut self, entry: &[u8], body: &[u8], at: u64, depth: u8) {
        let Ok(envelope) = Envelope::decode(body) else { return };
        let part = |from: usize, to: usize| body.get(from..to).unwrap_or_default();
        self.add(at + 2, part(2, 6), depth, "key id", envelope.key_id.to_string());
        self.add(at + 6, part(6, 8), depth, "node", format!("{:04x}, the low half of its id", envelope.node));
        self.add(at + 8, part(8, 10), depth, "start", envelope.local_epoch.to_string());
        self.add(at + 10, part(10, 18), depth, "counter", envelope.counter.to_string());
        let Some(inside) = self.inside.take() else { return };
        match &inside.result {
            Ok(opened) => {
                self.hidden = !inside.shows_values;
                self.add(at, opened.bytes(), depth, "opened", format!("{} bytes", opened.bytes().len()));
                self.payload(entry, opened.bytes(), at, depth + 1);
                self.hidden = false;
            }
            Err(error) => self.add(at, &[], depth, "does not open", error.to_string()),
        }
    }
}

fn shown(bytes: &[u8]) -> String {
    match bytes.get(..SHOWN) {
        Some(head) if bytes.len() > SHOWN => format!("{}... ({} bytes)", Escaped(head), bytes.len()),
        _ => Escaped(bytes).to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let mut put = |bytes: &[u8]| {
        for byte in bytes {
            let _ = write!(text, "{byte:02x}");
        }
    };
    match (bytes.get(..6), bytes.len().checked_sub(2).and_then(|from| bytes.get(from..))) {
        (Some(head), Some(tail)) if bytes.len() > 10 => {
            put(head);
            text.push_str("..");
            for byte in tail {
                let _ = write!(text, "{byte:02x}");
            }
        }
        _ => put(bytes),
    }
    text
}

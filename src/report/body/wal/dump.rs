//! `wal dump`: every record of the log, written as it is read, and the totals behind them.

use serde::ser::SerializeSeq as _;
use serde::{Serialize, Serializer};

use crate::formats::envelope::Envelope;
use crate::formats::etcd::{Metadata, Request, describe_change};
use crate::formats::kv::{EntryView, KeyName};
use crate::formats::raftpb::{ConfState, Entry, EntryType, HardState, WalSnapshot};
use crate::report::{Body, Cell, Cells, Column, JsonList, Row, Section, Tone};
use crate::types::{Count, Crc32c, Escaped, EtcdId, HlcTimestamp, NodeId, UnixMillis};

/// Totals of a dump.
#[derive(Debug, Clone, Copy, Default, Serialize, schemars::JsonSchema)]
pub struct DumpBody {
    /// Records read.
    pub records_read: u64,
    /// Records written.
    pub records_written: u64,
    /// Of the records read, those behind a hole: a place of a segment where a server takes the log for finished, or cannot decode it.
    pub records_behind_holes: u64,
    /// Of the records read, those in copies that repair set aside, their own holes included.
    pub records_set_aside: u64,
}

impl DumpBody {
    /// Where JSON keeps the records.
    pub const LIST: JsonList = JsonList::Indented("records");
}

impl Body for DumpBody {
    const NAME: &'static str = "wal-dump";

    fn headline(&self) -> String {
        let aside = [(self.records_behind_holes, "behind a hole"), (self.records_set_aside, "in copies that repair set aside")];
        let aside: Vec<_> = aside.iter().filter(|(count, _)| *count > 0).map(|(count, of)| format!("{count} {of}")).collect();
        let aside = if aside.is_empty() { String::new() } else { format!(" ({} of them)", aside.join(", ")) };
        format!("{} of {}{aside} written", self.records_written, Count(self.records_read, "record"))
    }

    fn sections(&self) -> Vec<Section> {
        let mut facts = vec![("records read", Cell::new(self.records_read))];
        for (name, count) in [("behind holes", self.records_behind_holes), ("set aside", self.records_set_aside)] {
            if count > 0 {
                facts.push((name, Cell::toned(count, Tone::Caution)));
            }
        }
        vec![Section::facts("", facts)]
    }
}

/// One record of a segment.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct RecordRow<'a> {
    /// What it is.
    #[serde(rename = "type")]
    pub kind: RecordType,
    /// The segment's file.
    pub segment: &'a str,
    /// Offset of its frame in the segment.
    pub offset: u64,
    /// Bytes of the frame, padding included.
    pub length: u64,
    /// Where it stands: in the log, or where no server reads it.
    pub place: RecordPlace,
    /// What it says; the fields depend on the type.
    #[serde(flatten)]
    pub content: RecordContent<'a>,
}

/// The type of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RecordType {
    /// A log entry.
    Entry,
    /// The hard state: term, vote, commit.
    HardState,
    /// A snapshot that the node made or took.
    Snapshot,
    /// The metadata record at the head of a segment.
    Metadata,
    /// The checksum that the records behind it go on from.
    Crc,
    /// A record of a type that no server writes.
    Unknown,
}

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RecordPlace {
    /// In a segment, before the place where a server stops reading it.
    Log,
    /// In a segment, behind that place: no server reads it.
    LogHole,
    /// In a copy that repair set aside (`*.wal.broken`), before the place where it cut the segment off.
    LogBroken,
    /// In such a copy, behind that place.
    LogBrokenHole,
}

impl RecordPlace {
    /// The place of a record in a segment, or in a copy of one, behind the place where reading stops or before it.
    pub const fn of(set_aside: bool, behind: bool) -> Self {
        match (set_aside, behind) {
            (false, false) => Self::Log,
            (false, true) => Self::LogHole,
            (true, false) => Self::LogBroken,
            (true, true) => Self::LogBrokenHole,
        }
    }

    /// The words in tables; none for the log.
    pub const fn words(self) -> Option<&'static str> {
        match self {
            Self::Log => None,
            Self::LogHole => Some("behind a hole"),
            Self::LogBroken => Some("set aside"),
            Self::LogBrokenHole => Some("set aside, behind a hole"),
        }
    }
}

/// What a record says.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and most are entries")]
pub enum RecordContent<'a> {
    /// Of a log entry.
    Entry(EntryFields<'a>),
    /// Of a hard state.
    HardState(HardStateFields),
    /// Of a snapshot record.
    Snapshot(SnapshotFields),
    /// Of a metadata record.
    Metadata(MetadataFields),
    /// Of a checksum record.
    Crc(CrcFields),
    /// Of a record of another type.
    Unknown(UnknownFields),
}

/// What an entry says.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct EntryFields<'a> {
    /// Log index.
    pub index: u64,
    /// Term.
    pub term: u64,
    /// Class of the payload: `noop`, `data`, `batch`, `lease` and so on.
    pub class: &'static str,
    /// Whether it stands in the log that a server reads.
    pub effective: bool,
    /// Bytes of its data.
    pub data_length: u64,
    /// The proposer's request id, for proposals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<u64>,
    /// What its requests do; left out for entries without any.
    #[serde(flatten)]
    pub requests: Option<RequestFields<'a>>,
    /// The clock ceiling of a lease, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ceiling_ms: Option<u64>,
    /// The envelope that the payload stands in; left out for one in clear text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sealed: Option<SealedFields>,
    /// What it asks for, in a log of etcd.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etcd: Option<EtcdFields<'a>>,
}

/// What an entry of a log of etcd asks for.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct EtcdFields<'a> {
    /// `put`, `delete-range`, `txn`, `lease-grant` and so on; of a membership change `add-voter`, `remove` and so on.
    pub operation: &'static str,
    /// The same with what it is about, in one line, without values and passwords.
    pub summary: String,
    /// Who asked, where authentication is in use; escaped.
    #[schemars(with = "Option<String>")]
    pub user: Option<Escaped<'a>>,
    /// The first 16 keys that it names, escaped.
    #[schemars(with = "Vec<String>")]
    pub keys: FirstKeys<'a>,
    /// Number of keys that it names.
    pub key_count: u64,
}

impl<'a> EtcdFields<'a> {
    /// What the entry asks for; `None` for one that is empty or no request.
    pub fn of(entry: &Entry<'a>) -> Option<Self> {
        if entry.kind == EntryType::ConfChange {
            let (operation, summary) = describe_change(entry.data)?;
            return Some(Self { operation, summary, user: None, keys: FirstKeys::default(), key_count: 0 });
        }
        let request = Request::decode(entry.data).filter(|_| entry.kind == EntryType::Normal)?;
        let (keys, key_count) = FirstKeys::gather(|visit| request.for_each_key(visit));
        let user = Some(Escaped(request.user)).filter(|user| !user.0.is_empty());
        Some(Self { operation: request.name(), summary: request.to_string(), user, keys, key_count })
    }
}

/// What an envelope says without a key, and whether it was opened.
#[derive(Debug, Clone, Copy, Serialize, schemars::JsonSchema)]
pub struct SealedFields {
    /// The key that sealed it.
    pub key_id: u32,
    /// Low 16 bits of the node id of the proposer.
    pub node: u16,
    /// In which of its starts.
    pub local_epoch: u16,
    /// Number of the envelope in that start.
    pub counter: u64,
    /// Whether it was opened: the other fields then speak of what it held. `null` without keys.
    pub opened: Option<bool>,
}

impl SealedFields {
    /// Of an envelope that was not opened.
    pub const fn of(envelope: &Envelope<'_>) -> Self {
        let Envelope { key_id, node, local_epoch, counter, .. } = *envelope;
        Self { key_id, node, local_epoch, counter, opened: None }
    }
}

/// What the requests of an entry do.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct RequestFields<'a> {
    /// Number of requests.
    pub requests: u64,
    /// Number of mutations in them.
    pub mutations: u64,
    /// Largest commit timestamp among them.
    pub commit_ts: Option<u64>,
    /// The first 16 keys that they touch, escaped.
    #[schemars(with = "Vec<String>")]
    pub keys: FirstKeys<'a>,
    /// The names of these keys, in the same order; `null` for one without a name.
    #[schemars(with = "Vec<Option<String>>")]
    pub logical: NamesOf<'a>,
    /// Number of keys that they touch.
    pub key_count: u64,
}

/// What a hard state says.
#[derive(Debug, Clone, Copy, Serialize, schemars::JsonSchema)]
pub struct HardStateFields {
    /// Term.
    pub term: u64,
    /// Node id that got the vote; 0 for none.
    pub vote: u64,
    /// Last index known to be committed.
    pub commit: u64,
}

/// What a snapshot record says.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct SnapshotFields {
    /// Last index that the snapshot covers.
    pub index: u64,
    /// Term of that entry.
    pub term: u64,
    /// The members at that index; `null` when the record does not name them.
    pub members: Option<ConfState>,
}

/// What a metadata record says.
#[derive(Debug, Clone, Copy, Serialize, schemars::JsonSchema)]
pub struct MetadataFields {
    /// Bytes of its data.
    pub data_length: u64,
    /// The member's id, in a log of etcd, as etcd prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_id: Option<EtcdId>,
    /// The cluster's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<EtcdId>,
}

/// What a checksum record says.
#[derive(Debug, Clone, Copy, Serialize, schemars::JsonSchema)]
pub struct CrcFields {
    /// The checksum.
    pub crc32c: Crc32c,
}

/// What is known of a record of another type.
#[derive(Debug, Clone, Copy, Serialize, schemars::JsonSchema)]
pub struct UnknownFields {
    /// The type's number.
    pub record_type: i64,
}

/// Keys of an entry that are written; their number is always given.
const KEYS_KEPT: usize = 16;
/// Keys of an entry that a terminal shows.
const KEYS_SHOWN: usize = 3;

/// The first keys that an entry touches.
#[derive(Debug, Clone, Default)]
pub struct FirstKeys<'a> {
    keys: [&'a [u8]; KEYS_KEPT],
    kept: usize,
}

impl<'a> FirstKeys<'a> {
    fn of(view: &EntryView<'a>) -> (Self, u64) {
        Self::gather(|visit| view.for_each_key(visit))
    }

    fn gather(each: impl FnOnce(&mut dyn FnMut(&'a [u8]))) -> (Self, u64) {
        let mut first = Self::default();
        let mut count = 0;
        each(&mut |key| {
            if let Some(place) = first.keys.get_mut(first.kept) {
                *place = key;
                first.kept += 1;
            }
            count += 1;
        });
        (first, count)
    }

    fn as_slice(&self) -> &[&'a [u8]] {
        self.keys.get(..self.kept).unwrap_or_default()
    }
}

impl Serialize for FirstKeys<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.kept))?;
        for key in self.as_slice() {
            list.serialize_element(&Escaped(key))?;
        }
        list.end()
    }
}

/// The names of the first keys.
#[derive(Debug, Clone, Default)]
pub struct NamesOf<'a>(FirstKeys<'a>);

impl Serialize for NamesOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.as_slice().iter().map(|key| KeyName::of_user_key(key)))
    }
}

impl<'a> EntryFields<'a> {
    /// What `entry` says. `effective`: it stands in the log that a server reads.
    pub fn new(entry: &Entry<'_>, view: &EntryView<'a>, effective: bool) -> Self {
        let requests = (view.requests > 0).then(|| {
            let (keys, key_count) = FirstKeys::of(view);
            RequestFields {
                requests: view.requests.into(),
                mutations: view.mutations.into(),
                commit_ts: view.commit_ts.map(|ts| ts.0),
                logical: NamesOf(keys.clone()),
                keys,
                key_count,
            }
        });
        Self {
            index: entry.index.0,
            term: entry.term.0,
            class: view.class.name(),
            effective,
            data_length: entry.data.len() as u64,
            request_id: view.request_id,
            requests,
            ceiling_ms: view.lease.map(|ceiling| ceiling.0),
            sealed: None,
            etcd: None,
        }
    }
}

impl MetadataFields {
    /// Of the record's data.
    pub fn of(data: &[u8]) -> Self {
        let etcd = Metadata::decode(data);
        Self {
            data_length: data.len() as u64,
            member_id: etcd.map(|metadata| EtcdId(metadata.node_id)),
            cluster_id: etcd.map(|metadata| EtcdId(metadata.cluster_id)),
        }
    }
}

impl From<&HardState> for HardStateFields {
    fn from(state: &HardState) -> Self {
        Self { term: state.term.0, vote: state.vote.0, commit: state.commit.0 }
    }
}

impl From<WalSnapshot> for SnapshotFields {
    fn from(snapshot: WalSnapshot) -> Self {
        Self { index: snapshot.index.0, term: snapshot.term.0, members: snapshot.conf_state }
    }
}

impl RecordType {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::HardState => "hard-state",
            Self::Snapshot => "snapshot",
            Self::Metadata => "metadata",
            Self::Crc => "crc",
            Self::Unknown => "unknown",
        }
    }
}

impl RecordContent<'_> {
    /// The type that it belongs to.
    pub const fn kind(&self) -> RecordType {
        match self {
            Self::Entry(_) => RecordType::Entry,
            Self::HardState(_) => RecordType::HardState,
            Self::Snapshot(_) => RecordType::Snapshot,
            Self::Metadata(_) => RecordType::Metadata,
            Self::Crc(_) => RecordType::Crc,
            Self::Unknown(_) => RecordType::Unknown,
        }
    }
}

impl Row for RecordRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::right("offset", 10),
        Column::left("type", 10),
        Column::right("index", 10),
        Column::right("term", 6),
        Column::left("class", 14),
        Column::left("details", 0),
    ];

    fn cells(&self, cells: &mut Cells) {
        cells.add_number(self.offset);
        cells.add_str(self.kind.name());
        let (index, term, class) = match &self.content {
            RecordContent::Entry(entry) => (Some(entry.index), Some(entry.term), entry.class),
            RecordContent::HardState(state) => (None, Some(state.term), ""),
            RecordContent::Snapshot(snapshot) => (Some(snapshot.index), Some(snapshot.term), ""),
            RecordContent::Metadata(_) | RecordContent::Crc(_) | RecordContent::Unknown(_) => (None, None, ""),
        };
        cells.add_optional(index);
        cells.add_optional(term);
        cells.add_str(class);
        match &self.content {
            RecordContent::Entry(entry) => entry.details(cells),
            RecordContent::HardState(state) => {
                cells.write(format_args!("vote {} commit {}", NodeId(state.vote).named_by(self.segment), state.commit));
            }
            RecordContent::Snapshot(snapshot) => snapshot.details(self.segment, cells),
            RecordContent::Metadata(MetadataFields { member_id: Some(member), cluster_id: Some(cluster), .. }) => {
                cells.write(format_args!("etcd member {member} of cluster {cluster}"));
            }
            RecordContent::Metadata(metadata) => cells.write(Count(metadata.data_length, "byte")),
            RecordContent::Crc(crc) => cells.write(crc.crc32c),
            RecordContent::Unknown(unknown) => cells.write(format_args!("type {}", unknown.record_type)),
        }
        match (self.place.words(), &self.content) {
            (Some(words), _) => {
                cells.write(format_args!(" ({words})"));
                cells.set_tone(Tone::Caution);
            }
            (None, RecordContent::Entry(entry)) if !entry.effective => {
                cells.write_str(" (replaced)");
                cells.set_tone(Tone::Dim);
            }
            (None, _) => {}
        }
        cells.end();
    }
}

impl EntryFields<'_> {
    fn details(&self, cells: &mut Cells) {
        if let Some(requests) = &self.requests {
            let kept = requests.keys.as_slice();
            let shown = if cells.in_full() { kept } else { kept.get(..KEYS_SHOWN).unwrap_or(kept) };
            for (number, key) in shown.iter().enumerate() {
                cells.write_str(if number == 0 { "" } else { " " });
                cells.write_bytes(key);
                if let Some(place) = KeyName::of_user_key(key).place() {
                    cells.write(format_args!(" ({place})"));
                }
            }
            let more = requests.key_count - shown.len() as u64;
            if more > 0 {
                cells.write(format_args!(" and {}", Count(more, "more key")));
            }
            if let Some(ts) = requests.commit_ts {
                cells.write(format_args!(" commit {}", HlcTimestamp(ts)));
            }
        }
        if let Some(etcd) = &self.etcd {
            cells.write_str(&etcd.summary);
            if let Some(user) = etcd.user {
                cells.write(format_args!(" by {user}"));
            }
        }
        if let Some(ceiling) = self.ceiling_ms {
            cells.write(format_args!("ceiling {}", UnixMillis(ceiling)));
        }
        if let Some(SealedFields { key_id, node, local_epoch, counter, opened }) = self.sealed {
            match opened {
                Some(true) => cells.write(format_args!(" (sealed under key {key_id})")),
                _ => cells.write(format_args!("sealed under key {key_id} by {node:04x}, start {local_epoch}, counter {counter}")),
            }
            if opened == Some(false) {
                cells.write_str(" (does not open)");
                cells.set_tone(Tone::Bad);
            }
        }
    }
}

impl SnapshotFields {
    fn details(&self, segment: &str, cells: &mut Cells) {
        let Some(members) = &self.members else { return cells.write_str("members not recorded") };
        for (name, ids) in [("voters", &members.voters), (" learners", &members.learners)] {
            if ids.is_empty() && name != "voters" {
                continue;
            }
            cells.write_str(name);
            for id in ids {
                cells.write(format_args!(" {}", id.named_by(segment)));
            }
        }
    }
}

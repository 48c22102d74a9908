//! Which format do these bytes have? Content first, name second.

use super::dump::{HEAD, begins_a_dump, is_named_as_archive};
use super::foreign::packed_by;
use super::fsm::FsmName;
use super::fsm::body::BodyFormat;
use super::hraft::begins_an_archive;
use super::pebble::sstable::Footer;
use super::pebble::sstable::footer::MAX_FOOTER_LEN;
use super::pebble::{Batch, FileNum, Records, RecordsEnd, StoreFileName, VersionEdit};
use super::raftpb::ProtoRules;
use super::raftwal::SegmentHeader;
use super::snap;
use super::wal::{Frame, FrameStep, Record, RecordKind, WalName};
use crate::formats::layout;

/// Kinds of files that a data directory holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// `.fsm`: a snapshot payload with its clock header, or one that begins with the store's bytes at once.
    SnapshotPayload,
    /// `.snap`: a snapshot envelope.
    SnapshotEnvelope,
    /// A segment of the Raft log.
    WalSegment,
    /// A segment that has been made in advance and not been used yet.
    WalReserve,
    /// `etcd-raft-peers.bin`.
    Peers,
    /// `etcd-raft-state.bin`.
    LegacyState,
    /// `etcd-raft-meta.bin`.
    LegacyMetadata,
    /// `etcd-raft-entries.bin`.
    LegacyEntries,
    /// `raft-engine`.
    EngineMarker,
    /// A sorted table of a store.
    Table,
    /// A store's MANIFEST.
    Manifest,
    /// A store's log.
    StoreLog,
    /// A store's OPTIONS.
    Options,
    /// A file whose name is the fact: `marker.…`, `LOCK`, `CURRENT`.
    StoreMarker,
    /// `keys.json`.
    Sidecar,
    /// The 32 bytes that wrap the data keys. Never shown.
    Kek,
    /// The manifest of an offloaded snapshot.
    OffloadManifest,
    /// The payload of an offloaded snapshot: without a footer, named by its digest.
    OffloadPayload,
    /// JSON of the offline tools.
    ToolJson,
    /// A file of the old hashicorp backend.
    Hashicorp,
    /// An archive of a dump of the offline tools.
    DumpArchive,
    /// A snapshot archive of Consul, Nomad, Vault or OpenBao.
    HashicorpArchive,
    /// A segment of a log of hashicorp/raft-wal.
    RaftWalSegment,
    /// The store of a member of etcd.
    EtcdStore,
    /// Something that was compressed, as a whole, by one of the usual programs.
    Compressed,
    /// Something that a crash or a running server left half done.
    Unfinished,
    /// None of these.
    Unknown,
}

/// How much the answer is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidence {
    /// A magic number, a checksum or a structure says so.
    Content,
    /// The name alone says so; the content does not contradict it.
    Name,
    /// The name says so and the content does not look like it.
    NameOnly,
    /// Nothing says anything.
    None,
}

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detection {
    /// The kind.
    pub kind: FileKind,
    /// How sure that is.
    pub confidence: Confidence,
    /// What it was recognised by.
    pub why: &'static str,
}

impl FileKind {
    /// The stable name used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SnapshotPayload => "snapshot-payload",
            Self::SnapshotEnvelope => "snapshot-envelope",
            Self::WalSegment => "wal-segment",
            Self::WalReserve => "wal-reserve",
            Self::Peers => "peers",
            Self::LegacyState => "legacy-state",
            Self::LegacyMetadata => "legacy-metadata",
            Self::LegacyEntries => "legacy-entries",
            Self::EngineMarker => "engine-marker",
            Self::Table => "store-table",
            Self::Manifest => "store-manifest",
            Self::StoreLog => "store-log",
            Self::Options => "store-options",
            Self::StoreMarker => "store-marker",
            Self::Sidecar => "key-sidecar",
            Self::Kek => "kek",
            Self::OffloadManifest => "offload-manifest",
            Self::OffloadPayload => "offload-payload",
            Self::ToolJson => "tool-json",
            Self::DumpArchive => "dump-archive",
            Self::Hashicorp => "hashicorp",
            Self::HashicorpArchive => "hashicorp-archive",
            Self::RaftWalSegment => "raftwal-segment",
            Self::EtcdStore => "etcd-store",
            Self::Compressed => "compressed",
            Self::Unfinished => "unfinished",
            Self::Unknown => "unknown",
        }
    }

    /// What it is, in words.
    pub const fn title(self) -> &'static str {
        match self {
            Self::SnapshotPayload => "snapshot payload (.fsm)",
            Self::SnapshotEnvelope => "snapshot envelope (.snap)",
            Self::WalSegment => "segment of the Raft log",
            Self::WalReserve => "segment of the Raft log that is not in use yet",
            Self::Peers => "peers file",
            Self::LegacyState => "Raft state from before the log",
            Self::LegacyMetadata => "Raft metadata from before the log",
            Self::LegacyEntries => "Raft entries from before the log",
            Self::EngineMarker => "engine marker",
            Self::Table => "sorted table of a Pebble store",
            Self::Manifest => "MANIFEST of a Pebble store",
            Self::StoreLog => "log of a Pebble store",
            Self::Options => "OPTIONS of a Pebble store",
            Self::StoreMarker => "marker file of a Pebble store",
            Self::Sidecar => "key sidecar",
            Self::Kek => "key encryption key",
            Self::OffloadManifest => "manifest of an offloaded snapshot",
            Self::OffloadPayload => "payload of an offloaded snapshot",
            Self::ToolJson => "description written by an offline tool",
            Self::DumpArchive => "archive of a dump of the offline tools",
            Self::Hashicorp => "file of the old hashicorp/raft backend",
            Self::HashicorpArchive => "snapshot archive of Consul, Nomad, Vault or OpenBao",
            Self::RaftWalSegment => "segment of a log of hashicorp/raft-wal",
            Self::EtcdStore => "store of a member of etcd",
            Self::Compressed => "compressed file",
            Self::Unfinished => "unfinished file",
            Self::Unknown => "not recognised",
        }
    }
}

impl Confidence {
    /// The stable name used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Name => "name",
            Self::NameOnly => "name-only",
            Self::None => "none",
        }
    }
}

/// Recognises a file by its whole content and its name. Only both ends are looked at, except of a small envelope.
pub fn detect(name: &str, bytes: &[u8]) -> Detection {
    let by_name = kind_of_name(name);
    if let Some((kind, why)) = kind_of_content(name, bytes) {
        // What an object store calls a payload tells it from a file of a node: it has no footer.
        let kind = match by_name {
            Some((FileKind::OffloadPayload, _)) if kind == FileKind::SnapshotPayload => FileKind::OffloadPayload,
            _ => kind,
        };
        return Detection { kind, confidence: Confidence::Content, why };
    }
    match by_name {
        Some((kind, why)) if is_silent(kind) || (bytes.is_empty() && may_be_empty(kind)) => {
            Detection { kind, confidence: Confidence::Name, why }
        }
        Some((kind, why)) => Detection { kind, confidence: Confidence::NameOnly, why },
        None if bytes.is_empty() => Detection { kind: FileKind::Unknown, confidence: Confidence::None, why: "the file is empty" },
        None => {
            let why = "neither magic number, structure nor name is known";
            Detection { kind: FileKind::Unknown, confidence: Confidence::None, why }
        }
    }
}

/// Kinds of which an empty file is an ordinary state.
const fn may_be_empty(kind: FileKind) -> bool {
    matches!(kind, FileKind::StoreLog | FileKind::EngineMarker)
}

/// Kinds that cannot be told by their content.
const fn is_silent(kind: FileKind) -> bool {
    matches!(
        kind,
        FileKind::OffloadPayload
            | FileKind::StoreMarker
            | FileKind::WalReserve
            | FileKind::Kek
            | FileKind::Hashicorp
            | FileKind::Unfinished
    )
}

/// What a name alone says.
pub fn kind_of_name(name: &str) -> Option<(FileKind, &'static str)> {
    let fixed = match name {
        layout::PEERS => Some(FileKind::Peers),
        layout::LEGACY_STATE => Some(FileKind::LegacyState),
        layout::LEGACY_METADATA => Some(FileKind::LegacyMetadata),
        layout::LEGACY_ENTRIES => Some(FileKind::LegacyEntries),
        layout::LEGACY_PAYLOAD => Some(FileKind::SnapshotPayload),
        layout::ENGINE_MARKER => Some(FileKind::EngineMarker),
        layout::SIDECAR => Some(FileKind::Sidecar),
        "kek.bin" => Some(FileKind::Kek),
        layout::RAFT_DB | layout::LOGS_DAT | layout::STABLE_DAT | layout::WAL_META => Some(FileKind::Hashicorp),
        _ => None,
    };
    if let Some(kind) = fixed {
        return Some((kind, "its name"));
    }
    // A bare tar may be anything.
    if is_named_as_archive(name) && !name.ends_with(".tar") {
        return Some((FileKind::DumpArchive, "its name"));
    }
    if super::offload::payload_digest(name).is_some() {
        return Some((FileKind::OffloadPayload, "its name: a SHA-256 and .fsm"));
    }
    if super::offload::is_temporary(name) || super::offload::is_spool_file(name) {
        return Some((FileKind::Unfinished, "its name: an object on its way into a store"));
    }
    let unfinished = super::fsm::is_unfinished(name) || super::fsm::is_received_spool(name) || name.contains(".bin.tmp-");
    if unfinished || name == "keys.json.tmp" {
        return Some((FileKind::Unfinished, "its name: a file under construction"));
    }
    if super::raftwal::WalFile::parse(name).is_some() {
        return Some((FileKind::RaftWalSegment, "its name: index and id"));
    }
    match WalName::of(name) {
        WalName::Segment(_) => return Some((FileKind::WalSegment, "its name: sequence and index")),
        WalName::Broken => return Some((FileKind::WalSegment, "its name: a copy that a repair set aside")),
        WalName::Temporary if name.trim_end_matches(".tmp").bytes().all(|byte| byte.is_ascii_digit()) => {
            return Some((FileKind::WalReserve, "its name"));
        }
        WalName::Temporary | WalName::Foreign => {}
    }
    match StoreFileName::parse(name) {
        StoreFileName::Table(_) => Some((FileKind::Table, "its name: a number and .sst")),
        StoreFileName::Log { .. } => Some((FileKind::StoreLog, "its name: a number and .log")),
        StoreFileName::Manifest(_) => Some((FileKind::Manifest, "its name")),
        StoreFileName::Options(_) => Some((FileKind::Options, "its name")),
        StoreFileName::Marker(_) | StoreFileName::MalformedMarker | StoreFileName::Lock | StoreFileName::Current => {
            Some((FileKind::StoreMarker, "its name, which is the fact"))
        }
        StoreFileName::Temporary => Some((FileKind::Unfinished, "its name: an interrupted rename")),
        StoreFileName::Blob(_) | StoreFileName::RemoteCatalog(_) | StoreFileName::Other => {
            if name.ends_with(".snap") || name.ends_with(".snap.broken") {
                Some((FileKind::SnapshotEnvelope, "its name"))
            } else if FsmName::parse(name).is_some() || name.ends_with(".fsm") {
                Some((FileKind::SnapshotPayload, "its name"))
            } else {
                None
            }
        }
    }
}

fn kind_of_content(name: &str, bytes: &[u8]) -> Option<(FileKind, &'static str)> {
    let magic = match bytes.get(..4)? {
        // The magic of a native stream begins alike.
        b"EKVP" if !bytes.starts_with(b"EKVPBBL1") => Some((FileKind::Peers, "magic EKVP")),
        b"EKVR" => Some((FileKind::LegacyState, "magic EKVR")),
        b"EKVM" if !bytes.starts_with(b"EKVMVCC2") => Some((FileKind::LegacyMetadata, "magic EKVM")),
        b"EKVW" => Some((FileKind::LegacyEntries, "magic EKVW")),
        _ if bytes.starts_with(b"EKVTHLC") => Some((FileKind::SnapshotPayload, "the clock header EKVTHLC")),
        _ => None,
    };
    if magic.is_some() {
        return magic;
    }
    match BodyFormat::of(bytes) {
        BodyFormat::PebbleStream => return Some((FileKind::SnapshotPayload, "magic EKVPBBL1, without a clock header")),
        BodyFormat::SstIngest => return Some((FileKind::SnapshotPayload, "magic EKVSSTI1, without a clock header")),
        BodyFormat::MvccStream => return Some((FileKind::SnapshotPayload, "magic EKVMVCC2, without a clock header")),
        BodyFormat::Empty | BodyFormat::Partial | BodyFormat::Unknown(_) => {}
    }
    if SegmentHeader::decode(bytes).is_ok() {
        return Some((FileKind::RaftWalSegment, "the magic number of a raft-wal segment"));
    }
    if super::etcd::is_store(bytes) {
        return Some((FileKind::EtcdStore, "a bbolt file with the buckets of etcd"));
    }
    if begins_an_archive(bytes) {
        return Some((FileKind::HashicorpArchive, "a member of such an archive at its beginning"));
    }
    if begins_a_dump(bytes.get(..bytes.len().min(HEAD)).unwrap_or_default()) {
        return Some((FileKind::DumpArchive, "an entry of a dump at its beginning"));
    }
    if let Some(packer) = packed_by(bytes) {
        return Some((FileKind::Compressed, packed_why(packer)));
    }
    let tail = bytes.get(bytes.len().saturating_sub(MAX_FOOTER_LEN)..).unwrap_or_default();
    if Footer::decode(tail, bytes.len() as u64).is_ok() {
        return Some((FileKind::Table, "the footer of a table at its end"));
    }
    if begins_a_segment(bytes) {
        return Some((FileKind::WalSegment, "a checksum record in a frame at its start"));
    }
    if begins_a_manifest(bytes) {
        return Some((FileKind::Manifest, "a version edit that names the key order"));
    }
    if begins_a_store_log(name, bytes) {
        return Some((FileKind::StoreLog, "a write batch in a checksummed record"));
    }
    if let Some(found) = text_kind(bytes) {
        return Some(found);
    }
    let small = bytes.len() <= 64 << 20;
    (small && snap::decode(bytes, ProtoRules::Google).is_ok())
        .then_some((FileKind::SnapshotEnvelope, "its checksum over a Raft snapshot"))
}

fn packed_why(packer: &str) -> &'static str {
    match packer {
        "gzip" => "the magic number of gzip",
        "zstd" => "the magic number of Zstandard",
        "xz" => "the magic number of xz",
        "bzip2" => "the magic numbers of bzip2",
        _ => "the magic number of lz4",
    }
}

fn begins_a_segment(bytes: &[u8]) -> bool {
    let FrameStep::Frame(frame) = Frame::read(bytes, 0) else { return false };
    let is_crc = |frame: &Frame<'_>| {
        Record::decode(frame.payload(), ProtoRules::Google).is_ok_and(|record| record.kind == RecordKind::Crc)
    };
    frame.payload().len() < 64 && is_crc(&frame)
}

fn begins_a_manifest(bytes: &[u8]) -> bool {
    Records::of_manifest(bytes)
        .next()
        .and_then(|record| VersionEdit::decode(&record.payload).ok())
        .is_some_and(|edit| edit.comparer.is_some())
}

fn begins_a_store_log(name: &str, bytes: &[u8]) -> bool {
    let mut records = Records::of_log(bytes, store_log_number(name, bytes));
    match records.next() {
        Some(record) => Batch::decode(&record.payload).is_ok_and(|batch| batch.entries().all(|entry| entry.is_ok())),
        // A log that was closed before anything was written has nothing but its trailer.
        None => matches!(records.end(), Some(RecordsEnd::Clean { .. })) && matches!(bytes.get(6), Some(5 | 9)),
    }
}

/// The number that the chunks of a store's log carry: the one in its name, or else the one in its first chunk.
pub fn store_log_number(name: &str, bytes: &[u8]) -> FileNum {
    match StoreFileName::parse(name) {
        StoreFileName::Log { number, .. } => number,
        _ => FileNum(bytes.get(7..11).and_then(|number| number.first_chunk()).map_or(0, |n| u32::from_le_bytes(*n)).into()),
    }
}

fn text_kind(bytes: &[u8]) -> Option<(FileKind, &'static str)> {
    let head = bytes.get(..bytes.len().min(4096)).unwrap_or_default();
    let text = head.trim_ascii();
    let contains = |word: &[u8]| head.windows(word.len()).any(|window| window == word);
    if text.starts_with(b"[Version]") {
        return Some((FileKind::Options, "its [Version] section"));
    }
    if text.starts_with(b"{") {
        if contains(b"\"raft_applied_index\"") || contains(b"\"storage_envelope_active\"") {
            return Some((FileKind::Sidecar, "JSON with the fields of a key sidecar"));
        }
        if super::offload::looks_like_manifest(bytes) {
            return Some((FileKind::OffloadManifest, "JSON with the fields of a manifest"));
        }
        if contains(b"\"format_version\"") || contains(b"\"schema_version\"") {
            return Some((FileKind::ToolJson, "JSON with a format version"));
        }
    }
    let marker = bytes.len() < 32 && (text.eq_ignore_ascii_case(b"etcd") || text.eq_ignore_ascii_case(b"hashicorp"));
    marker.then_some((FileKind::EngineMarker, "the name of a raft engine"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, bytes: &[u8]) -> (FileKind, Confidence) {
        let found = detect(name, bytes);
        (found.kind, found.confidence)
    }

    #[test]
    fn content_wins_over_the_name() {
        assert_eq!(kind("x", b"EKVP\0\0\0\x02"), (FileKind::Peers, Confidence::Content));
        assert_eq!(kind("0-0.wal", b"EKVTHLC1\0\0\0\0\0\0\0\0"), (FileKind::SnapshotPayload, Confidence::Content));
        assert_eq!(kind("x", b"EKVMVCC2\x01\0\0\0"), (FileKind::SnapshotPayload, Confidence::Content));
        assert_eq!(kind("x", b"EKVPBBL1\0\0\0\0"), (FileKind::SnapshotPayload, Confidence::Content));
        assert_eq!(kind("x", b"EKVM\0\0\0\x01"), (FileKind::LegacyMetadata, Confidence::Content));
        assert_eq!(kind("x.fsm.gz", b"\x1f\x8b\x08\0\0\0\0\0\x02\x03x"), (FileKind::Compressed, Confidence::Content));
        assert_eq!(kind("x", b"\xfd7zXZ\0\0\x04"), (FileKind::Compressed, Confidence::Content));
        assert_eq!(kind("x", b"BZh91AY&SY"), (FileKind::Compressed, Confidence::Content));
        assert_eq!(kind("x", b"etcd\n"), (FileKind::EngineMarker, Confidence::Content));
        assert_eq!(kind("x", b"[Version]\n  pebble_version=0.1\n"), (FileKind::Options, Confidence::Content));
        assert_eq!(kind("x", br#"{"raft_applied_index": 1}"#), (FileKind::Sidecar, Confidence::Content));
        let segment = [&[4_u8, 0, 0, 0, 0, 0, 0, 0x84][..], &[0x08, 4, 0x10, 0, 0, 0, 0, 0]].concat();
        assert_eq!(kind("x", &segment), (FileKind::WalSegment, Confidence::Content));
        let envelope = b"\x08\xee\xcb\xec\x7c\x12\x0c\x12\x0a\x0a\x04\x08\x01\x28\x00\x10\x01\x18\x01";
        assert_eq!(kind("x", envelope), (FileKind::SnapshotEnvelope, Confidence::Content));
    }

    #[test]
    fn the_name_helps_where_the_content_says_nothing() {
        assert_eq!(kind("LOCK", b""), (FileKind::StoreMarker, Confidence::Name));
        assert_eq!(kind("marker.manifest.000001.MANIFEST-000001", b""), (FileKind::StoreMarker, Confidence::Name));
        assert_eq!(kind("0.tmp", b""), (FileKind::WalReserve, Confidence::Name));
        assert_eq!(kind("000031.log", b""), (FileKind::StoreLog, Confidence::Name));
        assert_eq!(kind("000031.log", b"\0\0\0\0\0\0\x05\x20\0\0\0"), (FileKind::StoreLog, Confidence::Content));
        assert_eq!(kind("7.fsm.tmp", b"junk"), (FileKind::Unfinished, Confidence::Name));
        assert_eq!(kind("etcd-raft-peers.bin", b"junk"), (FileKind::Peers, Confidence::NameOnly));
        assert_eq!(kind("0000000000000000-0000000000000000.wal", b""), (FileKind::WalSegment, Confidence::NameOnly));
        assert_eq!(kind("000004.sst", b"cut"), (FileKind::Table, Confidence::NameOnly));
        assert_eq!(kind("holiday.jpg", b"junk"), (FileKind::Unknown, Confidence::None));
        assert_eq!(kind("", b""), (FileKind::Unknown, Confidence::None));
    }

    #[test]
    fn no_bytes_panic() {
        for len in 0..80 {
            for byte in [0, 1, 0x45, 0x7b, 0xff] {
                detect("x", &vec![byte; len]);
            }
        }
    }
}

//! The first error that a start would raise over a payload, in the server's own words.
//!
//! The order is the server's: the file is there, it is long enough, its footer is the token's, its header can be read and (in
//! a restore) its store payload, and last of all its checksum.

use crate::analysis::ServerError;
use crate::analysis::server::conditions::{self, Condition};
use crate::formats::fsm::HeaderError;
use crate::formats::fsm::body::{BodyError, BodyErrorKind, BodyFormat, SstError};
use crate::formats::snap::{SnapshotData, SnapshotToken};
use crate::readers::{FsmFacts, FsmFile, PayloadFacts};
use crate::types::ServerVersion;

/// What a start would make of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayloadForecast {
    /// It is accepted.
    Fine,
    /// Nothing is wrong as far as it was looked at; the text names what was not.
    FineSoFar(&'static str),
    /// The start ends with this error.
    Refused(ServerError),
    /// Not known, for the reason given.
    Undetermined(String),
}

impl PayloadForecast {
    /// The error, if the start ends with one.
    pub const fn error(&self) -> Option<&ServerError> {
        match self {
            Self::Refused(error) => Some(error),
            Self::Fine | Self::FineSoFar(_) | Self::Undetermined(_) => None,
        }
    }
}

const CHECKSUM: &str = "the checksum of the payload";
const STORE_PAYLOAD: &str = "the store payload";

/// A start that skips the restore: the payload's header is parsed and its checksum compared. `path` is the payload as the
/// server's texts name it, relative to the group directory.
pub fn skip(facts: &FsmFacts, token: SnapshotToken, path: &str) -> PayloadForecast {
    let (file, payload) = match opened(facts, token, path) {
        Ok(opened) => opened,
        Err(forecast) => return forecast,
    };
    match &payload.header {
        Err(error) => PayloadForecast::Refused(header_error(*error)),
        Ok(_) => checksum(file, path),
    }
}

/// A start that restores: header and store payload are read, the store is replaced, and only then the checksum is compared. A
/// refusal with `ErrFSMSnapshotFileCRC` leaves the new store in place.
pub fn restore(facts: &FsmFacts, token: SnapshotToken, engine: ServerVersion, path: &str) -> PayloadForecast {
    let (file, payload) = match opened(facts, token, path) {
        Ok(opened) => opened,
        Err(forecast) => return forecast,
    };
    match payload_error(payload, engine) {
        Ok(()) => checksum(file, path),
        Err(PayloadForecast::FineSoFar(unread)) => match checksum(file, path) {
            PayloadForecast::Fine | PayloadForecast::FineSoFar(_) => PayloadForecast::FineSoFar(unread),
            PayloadForecast::Refused(error) => {
                PayloadForecast::Undetermined(format!("{unread} was not read; after it comes: {}", error.text))
            }
            undetermined @ PayloadForecast::Undetermined(_) => undetermined,
        },
        Err(refused) => refused,
    }
}

/// A start that restores from a payload kept in the `.snap` file itself. Nothing but its content is checked.
pub fn legacy_restore(payload: &PayloadFacts, engine: ServerVersion) -> PayloadForecast {
    payload_error(payload, engine).err().unwrap_or(PayloadForecast::Fine)
}

/// What a start says to the data of the chosen snapshot before it opens any payload.
pub fn token_refusal(data: SnapshotData) -> Option<ServerError> {
    match data {
        SnapshotData::BadTokenVersion { version } => Some(
            ServerError::of(&conditions::FSM_SNAPSHOT_TOKEN_INVALID, "fsm snapshot: token format invalid")
                .wrapped(&format!("unknown version: {version}")),
        ),
        SnapshotData::Empty | SnapshotData::Token(_) | SnapshotData::LegacyPayload { .. } => None,
    }
}

/// The checks before the payload is read.
fn opened<'f>(facts: &'f FsmFacts, token: SnapshotToken, path: &str) -> Result<(&'f FsmFile, &'f PayloadFacts), PayloadForecast> {
    let refused = |error: &'static Condition, text: String| Err(PayloadForecast::Refused(ServerError::of(error, text)));
    let file = match facts {
        FsmFacts::Absent => return refused(&conditions::FSM_SNAPSHOT_NOT_FOUND, "fsm snapshot: file not found".to_owned()),
        FsmFacts::Directory => return refused(&conditions::IS_A_DIRECTORY, format!("read {path}: is a directory")),
        FsmFacts::Special(what) | FsmFacts::Unreadable(what) => {
            return Err(PayloadForecast::Undetermined(format!("{path}: {what}")));
        }
        FsmFacts::File(file) => file,
    };
    if file.change.is_some() {
        return Err(PayloadForecast::Undetermined(format!("{path} changed while it was read")));
    }
    if let Some(why) = &file.unread {
        let how = if file.left_out.is_some() { "was not read" } else { "could not be read to its end" };
        return Err(PayloadForecast::Undetermined(format!("{path} {how}: {why}")));
    }
    let (Some(footer), Some(payload)) = (file.footer, &file.payload) else {
        let text = format!("file too small: {} bytes (minimum 4): fsm snapshot: file too small to contain footer", file.size);
        return refused(&conditions::FSM_SNAPSHOT_TOO_SMALL, text);
    };
    if footer.0 != token.crc32c {
        let text = format!(
            "path={path} footer={} token={}: fsm snapshot: token CRC32C mismatch (metadata corrupt)",
            footer.0, token.crc32c
        );
        return refused(&conditions::FSM_SNAPSHOT_TOKEN_CRC, text);
    }
    Ok((file, payload))
}

/// The check after the payload is read.
fn checksum(file: &FsmFile, path: &str) -> PayloadForecast {
    match (file.computed, file.footer) {
        (Some(computed), Some(footer)) if computed == footer.0 => PayloadForecast::Fine,
        (Some(computed), Some(footer)) => {
            let text =
                format!("path={path} footer={} computed={computed}: fsm snapshot: file CRC32C mismatch (file corrupt)", footer.0);
            PayloadForecast::Refused(ServerError::of(&conditions::FSM_SNAPSHOT_FILE_CRC, text))
        }
        _ => PayloadForecast::FineSoFar(CHECKSUM),
    }
}

fn payload_error(payload: &PayloadFacts, engine: ServerVersion) -> Result<(), PayloadForecast> {
    if let Err(error) = payload.header {
        return Err(PayloadForecast::Refused(header_error(error)));
    }
    if payload.format == Some(BodyFormat::SstIngest) && !engine.traits().reads_table_bundles {
        return Err(PayloadForecast::Refused(unknown_magic()));
    }
    match &payload.body {
        None => Err(PayloadForecast::FineSoFar(STORE_PAYLOAD)),
        Some(body) => body.result.as_ref().map_err(|error| PayloadForecast::Refused(body_error(error, payload.format))).copied(),
    }
}

fn eof(available: u64) -> &'static str {
    if available == 0 { "EOF" } else { "unexpected EOF" }
}

/// How the server words a header that cannot be read.
fn header_error(error: HeaderError) -> ServerError {
    let cut = |what: &'static str, available| {
        ServerError::of(&conditions::HEADER_CUT, format!("{what}: {}", eof(available))).named(what)
    };
    match error {
        HeaderError::UnknownVersion { .. } => {
            ServerError::of(&conditions::SNAPSHOT_HEADER_UNKNOWN_MAGIC, "snapshot header: unknown EKVTHLC* magic")
        }
        HeaderError::V2Length { .. } => {
            ServerError::of(&conditions::SNAPSHOT_HEADER_INVALID_LENGTH, "snapshot header: invalid v2 length prefix")
        }
        HeaderError::V1Truncated { available } => cut("v1 header: read magic+ceiling", available),
        HeaderError::V2LengthTruncated { available } => cut("v2 header: read length prefix", available),
        HeaderError::V2Truncated { available, .. } => cut("v2 header: read payload", available),
    }
}

fn unknown_magic() -> ServerError {
    ServerError::plain(&conditions::UNKNOWN_MAGIC)
}

/// How the server words a store payload that cannot be read.
fn body_error(error: &BodyError, format: Option<BodyFormat>) -> ServerError {
    match &error.kind {
        BodyErrorKind::PartialMagic { .. } => ServerError::plain(&conditions::PARTIAL_MAGIC),
        BodyErrorKind::UnknownMagic { .. } => unknown_magic(),
        BodyErrorKind::Truncated { available, .. } => {
            ServerError::of(&conditions::UNEXPECTED_EOF, eof(*available)).named(eof(*available))
        }
        BodyErrorKind::KeyTooLarge { found, limit } => {
            let length = if format == Some(BodyFormat::MvccStream) { "" } else { "length " };
            ServerError::of(&conditions::SNAPSHOT_KEY_TOO_LARGE, "mvcc snapshot key too large")
                .wrapped(&format!("{length}{found} > {limit}"))
        }
        BodyErrorKind::ValueTooLarge { found, limit } => {
            ServerError::of(&conditions::VALUE_TOO_LARGE, "value too large").wrapped(&format!("length {found} > {limit}"))
        }
        BodyErrorKind::TooManyVersions { found, limit } => {
            ServerError::of(&conditions::SNAPSHOT_VERSION_COUNT_TOO_LARGE, "mvcc snapshot version count too large")
                .wrapped(&format!("{found} > {limit}"))
        }
        BodyErrorKind::MvccVersion { found } => {
            ServerError::of(&conditions::MVCC_VERSION, format!("unsupported mvcc snapshot version {found}"))
                .named("unsupported mvcc snapshot version")
        }
        BodyErrorKind::InnerChecksum { .. } => ServerError::of(&conditions::INVALID_CHECKSUM, "invalid checksum"),
        BodyErrorKind::Sst(error) => ServerError::of(&conditions::SST_MANIFEST, error.to_string()).named(sst_error_name(error)),
    }
}

/// The part of a bundle's error text that does not vary.
const fn sst_error_name(error: &SstError) -> &'static str {
    match error {
        SstError::ManifestLength(_) => "invalid SST ingest manifest length",
        SstError::ManifestDigest => "SST ingest manifest SHA-256 mismatch",
        SstError::Json(_) => "json",
        SstError::TrailingJson => "SST ingest manifest contains trailing JSON",
        SstError::Version(_) => "unsupported SST ingest snapshot version",
        SstError::TooManyFiles(_) => "SST ingest snapshot has too many files",
        SstError::FileName(_) => "invalid SST ingest file name",
        SstError::FileSize { .. } => "invalid SST ingest file size",
        SstError::Bounds(_) => "invalid SST ingest key bounds",
        SstError::Overlap(_) => "overlapping SST ingest key bounds",
        SstError::DigestText(_) => "invalid SST ingest SHA-256",
        SstError::TotalOverflow => "SST ingest total size overflows int64",
        SstError::Total { .. } => "SST ingest total size mismatch",
        SstError::FileTruncated(_) => "receive SST ingest file",
        SstError::FileDigest(_) => "SST ingest file integrity mismatch",
        SstError::TrailingBytes => "SST ingest snapshot contains trailing bytes",
    }
}

//! `EKVSSTI1`: table files behind a manifest.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::gather::Gather;
use super::{BodyError, BodyErrorKind, BodyHead, BodyVisitor, MAGIC_LEN};
use crate::types::{HlcTimestamp, LogIndex};

mod manifest;

pub(super) use manifest::hex;

/// Longest manifest in bytes.
pub const MAX_MANIFEST_LEN: i64 = 64 << 20;
const DIGEST_LEN: usize = 32;

/// What an `EKVSSTI1` payload says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct SstManifest {
    /// 1.
    pub version: i64,
    /// Largest commit timestamp of the store.
    pub last_commit_ts: HlcTimestamp,
    /// Versions below this timestamp may be gone.
    pub min_retained_ts: HlcTimestamp,
    /// Where that watermark is being moved to.
    pub pending_min_retained_ts: HlcTimestamp,
    /// Applied index of the store it was taken from.
    pub applied_index: Option<LogIndex>,
    /// Rows in all files.
    pub entry_count: u64,
    /// Bytes of keys and values in all files.
    pub uncompressed_bytes: u64,
    /// Sum of the file sizes in bytes.
    pub total_file_bytes: i64,
    /// The files in key order.
    pub files: Vec<ManifestFile>,
}

/// One table file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct ManifestFile {
    /// `000000.sst`, `000001.sst`, ...
    pub name: String,
    /// Length in bytes.
    pub size: i64,
    /// SHA-256 of the file as 64 lower-case hex digits.
    pub sha256: String,
    /// First key.
    #[serde(skip)]
    pub smallest: Vec<u8>,
    /// Last key.
    #[serde(skip)]
    pub largest: Vec<u8>,
}

/// What is wrong with a bundle, in the words of the server that reads it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SstError {
    /// Not between 1 byte and 64 MiB.
    #[error("invalid SST ingest manifest length: {0}")]
    ManifestLength(i64),
    /// The digest in front of the manifest does not match it.
    #[error("SST ingest manifest SHA-256 mismatch")]
    ManifestDigest,
    /// Not the JSON that it should be.
    #[error("json: {0}")]
    Json(String),
    /// Something behind the manifest's JSON value.
    #[error("SST ingest manifest contains trailing JSON")]
    TrailingJson,
    /// Another version.
    #[error("unsupported SST ingest snapshot version: {0}")]
    Version(i64),
    /// More than 2^20 files.
    #[error("SST ingest snapshot has too many files: {0}")]
    TooManyFiles(usize),
    /// A name that is not its position.
    #[error("invalid SST ingest file name {0:?}")]
    FileName(String),
    /// A size below 1.
    #[error("invalid SST ingest file size for {name}: {size}")]
    FileSize {
        /// The file.
        name: String,
        /// The size.
        size: i64,
    },
    /// An empty bound, or bounds in the wrong order.
    #[error("invalid SST ingest key bounds for {0}")]
    Bounds(String),
    /// A file that does not start above the previous one.
    #[error("overlapping SST ingest key bounds at {0}")]
    Overlap(String),
    /// Not 64 hex digits.
    #[error("invalid SST ingest SHA-256 for {0}")]
    DigestText(String),
    /// The sizes do not fit their type.
    #[error("SST ingest total size overflows int64")]
    TotalOverflow,
    /// The sizes do not add up.
    #[error("SST ingest total size mismatch: manifest={manifest} files={files}")]
    Total {
        /// As the manifest says.
        manifest: i64,
        /// The sum.
        files: i64,
    },
    /// The payload ends inside a file.
    #[error("receive SST ingest file {0}: EOF")]
    FileTruncated(String),
    /// A file's bytes do not match its digest.
    #[error("SST ingest file integrity mismatch: {0}")]
    FileDigest(String),
    /// Bytes behind the last file.
    #[error("SST ingest snapshot contains trailing bytes")]
    TrailingBytes,
}

#[derive(Debug)]
pub(super) struct SstIngest {
    gather: Gather,
    state: State,
    manifest_digest: [u8; DIGEST_LEN],
    manifest: SstManifest,
    file_digest: Sha256,
}

#[derive(Debug, Clone, Copy)]
enum State {
    ManifestLen,
    ManifestDigest {
        len: usize,
    },
    Manifest {
        len: usize,
    },
    /// Inside the file at a position of the manifest.
    File {
        number: usize,
        left: u64,
    },
    /// Behind the last file.
    End,
}

impl Default for SstIngest {
    fn default() -> Self {
        Self {
            gather: Gather::starting_at(MAGIC_LEN as u64),
            state: State::ManifestLen,
            manifest_digest: [0; DIGEST_LEN],
            manifest: SstManifest::default(),
            file_digest: Sha256::new(),
        }
    }
}

impl SstIngest {
    pub(super) fn push<V: BodyVisitor>(&mut self, window: &mut &[u8], visitor: &mut V) -> Result<(), BodyError> {
        while self.step(window, visitor)? {}
        Ok(())
    }

    /// Reads one field or a piece of a file; false when the window is used up.
    fn step<V: BodyVisitor>(&mut self, window: &mut &[u8], visitor: &mut V) -> Result<bool, BodyError> {
        let gather = &mut self.gather;
        let at = gather.offset() - gather.held();
        let fail = |kind: SstError| Err(BodyError { at, kind: BodyErrorKind::Sst(kind) });
        self.state = match self.state {
            State::ManifestLen => {
                let Some(len) = gather.take(8, window).and_then(|field| field.first_chunk().copied()) else {
                    return Ok(false);
                };
                let len = i64::from_be_bytes(len);
                match usize::try_from(len) {
                    Ok(usable) if (1..=MAX_MANIFEST_LEN).contains(&len) => State::ManifestDigest { len: usable },
                    _ => return fail(SstError::ManifestLength(len)),
                }
            }
            State::ManifestDigest { len } => {
                let Some(digest) = gather.take(DIGEST_LEN, window).and_then(|field| field.first_chunk().copied()) else {
                    return Ok(false);
                };
                self.manifest_digest = digest;
                State::Manifest { len }
            }
            State::Manifest { len } => {
                let Some(json) = gather.take(len, window) else { return Ok(false) };
                if Sha256::digest(json)[..] != self.manifest_digest {
                    return fail(SstError::ManifestDigest);
                }
                let head = match SstManifest::parse(json) {
                    Ok(manifest) => BodyHead::SstIngest(manifest),
                    Err(error) => return fail(error),
                };
                visitor.head(&head);
                if let BodyHead::SstIngest(manifest) = head {
                    self.manifest = manifest;
                }
                Self::file(&self.manifest, 0)
            }
            State::File { number, left: 0 } => {
                let digest = std::mem::take(&mut self.file_digest).finalize();
                match self.manifest.files.get(number) {
                    Some(file) if hex(&digest) != file.sha256 => return fail(SstError::FileDigest(file.name.clone())),
                    _ => Self::file(&self.manifest, number + 1),
                }
            }
            State::File { number, left } => {
                let chunk = gather.pass(left, window);
                if chunk.is_empty() {
                    return Ok(false);
                }
                self.file_digest.update(chunk);
                State::File { number, left: left - chunk.len() as u64 }
            }
            State::End if window.is_empty() => return Ok(false),
            State::End => return fail(SstError::TrailingBytes),
        };
        Ok(true)
    }

    /// The state before the first byte of a file.
    fn file(manifest: &SstManifest, number: usize) -> State {
        match manifest.files.get(number) {
            Some(file) => State::File { number, left: file.size.unsigned_abs() },
            None => State::End,
        }
    }

    pub(super) fn finish(self) -> Result<(), BodyError> {
        let gather = &self.gather;
        Err(match self.state {
            State::End => return Ok(()),
            State::ManifestLen => gather.truncated("manifest length", 8),
            State::ManifestDigest { .. } => gather.truncated("manifest digest", DIGEST_LEN as u64),
            State::Manifest { len } => gather.truncated("manifest", len as u64),
            State::File { number, .. } => {
                let name = self.manifest.files.get(number).map(|file| file.name.clone()).unwrap_or_default();
                BodyError { at: gather.offset(), kind: BodyErrorKind::Sst(SstError::FileTruncated(name)) }
            }
        })
    }
}

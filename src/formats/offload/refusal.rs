//! Why the server refuses a manifest.

use std::fmt;

use crate::formats::go_json::JsonError;
use crate::types::Sha256Sum;

/// The largest manifest that the server reads, in bytes.
pub const MAX_MANIFEST_LEN: u64 = 1 << 20;

/// What kind of failure the server's program reports; it decides its exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sentinel {
    /// `ErrInvalidOptions`
    InvalidOptions,
    /// `ErrIntegrity`
    Integrity,
    /// `ErrObjectNotFound`
    NotFound,
    /// `ErrObjectConflict`
    Conflict,
}

impl Sentinel {
    /// The text that ends every message of this kind.
    pub const fn text(self) -> &'static str {
        match self {
            Self::InvalidOptions => "snapshot offload: invalid options",
            Self::Integrity => "snapshot offload: integrity check failed",
            Self::NotFound => "snapshot offload: object not found",
            Self::Conflict => "snapshot offload: object conflict",
        }
    }

    /// Exit status of the server's program.
    pub const fn status(self) -> u8 {
        match self {
            Self::Integrity | Self::NotFound => 2,
            Self::InvalidOptions | Self::Conflict => 1,
        }
    }
}

/// Why the server refuses a manifest, in its own order and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestRefusal {
    /// Larger than it reads.
    TooLarge,
    /// Not the JSON that it wants.
    Json(JsonError),
    /// Another version than 1.
    SchemaVersion(i64),
    /// Group 0 of an unnamed cluster.
    ClusterMissing,
    /// Index 0.
    IndexZero,
    /// Term 0.
    TermZero,
    /// No key of the payload.
    PayloadKeyMissing,
    /// A negative size of the payload.
    PayloadBytesNegative,
    /// The digest of the payload is not one.
    PayloadDigestText,
    /// No key of its own.
    KeyMissing,
    /// No voters.
    NoVoters,
    /// A member with the id 0.
    ZeroMember {
        /// The list.
        list: &'static str,
    },
    /// A member that is listed twice.
    DuplicateMember {
        /// The list.
        list: &'static str,
        /// The member.
        id: u64,
    },
    /// A member in two lists that exclude each other.
    TwoRoles {
        /// The member.
        id: u64,
        /// One list.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A future learner that is no outgoing voter.
    NotOutgoing(u64),
    /// A joint configuration is to be left, and there is none.
    AutoLeave,
    /// Its own digest is not one.
    DigestText,
    /// It cannot be written again, so that its digest cannot be computed.
    Unwritable(&'static str),
    /// Its own digest is another one.
    Digest {
        /// What it says.
        stated: Sha256Sum,
        /// What it has.
        computed: Sha256Sum,
    },
}

impl ManifestRefusal {
    /// The kind of failure; `None` for an error without one.
    pub const fn sentinel(&self) -> Option<Sentinel> {
        match self {
            Self::Json(_) | Self::Unwritable(_) => None,
            Self::Digest { .. } => Some(Sentinel::Integrity),
            _ => Some(Sentinel::InvalidOptions),
        }
    }
}

/// The server's text, without the name of the failure behind it.
impl fmt::Display for ManifestRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "manifest exceeds {MAX_MANIFEST_LEN} bytes"),
            Self::Json(error) => error.fmt(f),
            Self::SchemaVersion(found) => write!(f, "unsupported manifest schema version {found}"),
            Self::ClusterMissing => f.write_str("source cluster is required for group 0 manifests"),
            Self::IndexZero => f.write_str("snapshot index must be > 0"),
            Self::TermZero => f.write_str("snapshot term must be > 0"),
            Self::PayloadKeyMissing => f.write_str("payload key is required"),
            Self::PayloadBytesNegative => f.write_str("payload byte count must be >= 0"),
            Self::PayloadDigestText => f.write_str("payload sha256 must be 64 lowercase hex characters"),
            Self::KeyMissing => f.write_str("manifest key is required"),
            Self::NoVoters => f.write_str("manifest ConfState requires voters"),
            Self::ZeroMember { list } => write!(f, "conf_state.{list} contains zero"),
            Self::DuplicateMember { list, id } => write!(f, "conf_state.{list} contains duplicate node {id}"),
            Self::TwoRoles { id, first, second } => {
                write!(f, "node {id} appears in conf_state.{first} and conf_state.{second}")
            }
            Self::NotOutgoing(id) => write!(f, "conf_state.learners_next node {id} is not an outgoing voter"),
            Self::AutoLeave => f.write_str("conf_state.auto_leave requires joint consensus"),
            Self::DigestText => f.write_str("manifest sha256 must be 64 lowercase hex characters"),
            Self::Unwritable(why) => {
                write!(f, "json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: {why}")
            }
            Self::Digest { stated, computed } => write!(f, "manifest sha256 {stated}, expected {computed}"),
        }
    }
}

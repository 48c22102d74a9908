//! What kind of request it is, when it commits, and the metadata that a transaction carries in its first mutation.

use std::fmt;

use super::request::{Op, Phase, Request};
use crate::formats::{Cursor, DecodeError, DecodeErrorKind, DecodeResult};
use crate::types::HlcTimestamp;

/// Start of the key of the synthetic first mutation of every transaction request.
pub const TXN_META_PREFIX: &[u8] = b"!txn|meta|";
/// In front of the key that a transaction locks.
pub const TXN_LOCK_PREFIX: &[u8] = b"!txn|lock|";
/// In front of the key for which it keeps a value until it commits.
pub const TXN_INTENT_PREFIX: &[u8] = b"!txn|int|";
/// In front of its primary key and its start, once it has committed.
pub const TXN_COMMIT_PREFIX: &[u8] = b"!txn|cmt|";
/// The same once it was rolled back.
pub const TXN_ROLLBACK_PREFIX: &[u8] = b"!txn|rb|";
/// Sub-spaces that a raw request may not touch.
const TXN_INTERNAL: [&[u8]; 5] = [TXN_LOCK_PREFIX, TXN_INTENT_PREFIX, TXN_COMMIT_PREFIX, TXN_ROLLBACK_PREFIX, TXN_META_PREFIX];

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestClass {
    /// Deletes every visible key with a prefix; other mutations of the request are ignored.
    DeletePrefix,
    /// Puts and deletes outside any transaction.
    Raw,
    /// A transaction in one step.
    OnePhase,
    /// Writes a lock and an intent per key.
    Prepare,
    /// Turns intents into data.
    Commit,
    /// Removes locks and intents.
    Abort,
    /// A phase that the server does not know.
    Unknown,
}

impl RequestClass {
    /// The name used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeletePrefix => "delete-prefix",
            Self::Raw => "raw",
            Self::OnePhase => "one-phase",
            Self::Prepare => "prepare",
            Self::Commit => "commit",
            Self::Abort => "abort",
            Self::Unknown => "unknown",
        }
    }
}

/// Why the state machine would turn a request down whatever the store holds. Never stops the apply loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// `ErrInvalidRequest`: an empty payload or batch, an empty key, a raw write to a transaction's own keys.
    InvalidRequest,
    /// `ErrUnknownRequestType`: an operation or phase that the server does not know.
    UnknownRequestType,
    /// `ErrTxnMetaMissing`: the first mutation is not the metadata.
    TxnMetaMissing,
    /// The metadata does not decode.
    TxnMeta(DecodeError),
    /// `ErrTxnCommitTSRequired`: the metadata has no commit timestamp.
    CommitTsRequired,
    /// `ErrTxnPrimaryKeyRequired`: the metadata has no primary key.
    PrimaryKeyRequired,
    /// The protobuf message is malformed.
    Protobuf(DecodeError),
    /// A lease of another length than 8 bytes.
    LeaseLength(u64),
}

/// The rejection as the server words it.
impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidRequest => f.write_str("invalid request"),
            Self::UnknownRequestType => f.write_str("unknown request type"),
            Self::TxnMetaMissing => f.write_str("txn meta missing"),
            Self::TxnMeta(error) => write!(f, "decode txn meta: {error}"),
            Self::CommitTsRequired => f.write_str("txn commit ts required"),
            Self::PrimaryKeyRequired => f.write_str("txn primary key required"),
            Self::Protobuf(_) => f.write_str("proto: cannot parse invalid wire-format data"),
            Self::LeaseLength(len) => write!(f, "hlc lease: expected 8 bytes, got {len}"),
        }
    }
}

/// Metadata of a transaction, all integers big-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxnMeta<'a> {
    /// Key whose commit or rollback record decides the transaction.
    pub primary_key: &'a [u8],
    /// Lifetime of the locks in milliseconds; 0 = not given.
    pub lock_ttl_ms: u64,
    /// Commit timestamp (abort timestamp of an abort); 0 = not given.
    pub commit_ts: u64,
    /// Commit timestamp of an earlier attempt that this one repeats; 0 = first attempt.
    pub previous_commit_ts: u64,
}

const FLAG_LOCK_TTL: u8 = 1;
const FLAG_COMMIT_TS: u8 = 2;
const FLAG_PREVIOUS: u8 = 4;

impl<'a> TxnMeta<'a> {
    /// Decodes version 1 (fixed fields, trailing bytes tolerated) or 2 (flags, nothing may follow).
    pub fn decode(bytes: &'a [u8]) -> DecodeResult<Self> {
        let mut cursor = Cursor::new(bytes);
        match cursor.u8("txn meta version")? {
            1 => {
                let lock_ttl_ms = cursor.u64_be("txn meta lock ttl")?;
                let commit_ts = cursor.u64_be("txn meta commit ts")?;
                let len = cursor.u64_be("txn meta primary key length")?;
                let primary_key = cursor.take("txn meta primary key", len)?;
                Ok(Self { primary_key, lock_ttl_ms, commit_ts, previous_commit_ts: 0 })
            }
            2 => {
                let flags = cursor.u8("txn meta flags")?;
                if flags & !(FLAG_LOCK_TTL | FLAG_COMMIT_TS | FLAG_PREVIOUS) != 0 {
                    let kind = DecodeErrorKind::Unknown { what: "txn meta flags", found: flags.into() };
                    return Err(DecodeError::new(1, kind));
                }
                let len = cursor.u64_be("txn meta primary key length")?;
                let primary_key = cursor.take("txn meta primary key", len)?;
                let mut field = |flag, what| if flags & flag == 0 { Ok(0) } else { cursor.u64_be(what) };
                let meta = Self {
                    primary_key,
                    lock_ttl_ms: field(FLAG_LOCK_TTL, "txn meta lock ttl")?,
                    commit_ts: field(FLAG_COMMIT_TS, "txn meta commit ts")?,
                    previous_commit_ts: field(FLAG_PREVIOUS, "txn meta previous commit ts")?,
                };
                if cursor.is_empty() {
                    Ok(meta)
                } else {
                    let detail = format!("{} trailing bytes", cursor.remaining());
                    Err(DecodeError::invalid(cursor.offset(), "txn meta", detail))
                }
            }
            version => Err(DecodeError::new(0, DecodeErrorKind::Unknown { what: "txn meta version", found: version.into() })),
        }
    }
}

impl<'a> Request<'a> {
    /// What the request does; the first test that holds decides.
    pub const fn class(&self) -> RequestClass {
        match (self.is_txn, self.phase) {
            (false, _) if self.delete_prefix.is_some() => RequestClass::DeletePrefix,
            (false, _) => RequestClass::Raw,
            (true, Phase::None) => RequestClass::OnePhase,
            (true, Phase::Prepare) => RequestClass::Prepare,
            (true, Phase::Commit) => RequestClass::Commit,
            (true, Phase::Abort) => RequestClass::Abort,
            (true, Phase::Unknown(_)) => RequestClass::Unknown,
        }
    }

    /// The metadata in the first mutation of a transaction.
    pub fn txn_meta(&self) -> Result<TxnMeta<'a>, Rejection> {
        match self.first_mutation {
            Some(first) if first.key.starts_with(TXN_META_PREFIX) => TxnMeta::decode(first.value).map_err(Rejection::TxnMeta),
            _ => Err(Rejection::TxnMetaMissing),
        }
    }

    /// The timestamp at which the request's versions are written: `ts` itself for raw writes and prepares, the one in the
    /// metadata for the rest of a transaction.
    pub fn commit_ts(&self) -> Result<HlcTimestamp, Rejection> {
        match self.class() {
            RequestClass::DeletePrefix | RequestClass::Raw | RequestClass::Prepare | RequestClass::Unknown => {
                Ok(HlcTimestamp(self.ts))
            }
            RequestClass::OnePhase | RequestClass::Commit | RequestClass::Abort => match self.txn_meta()?.commit_ts {
                0 => Err(Rejection::CommitTsRequired),
                ts => Ok(HlcTimestamp(ts)),
            },
        }
    }

    /// Why the state machine would turn the request down on sight. Conflicts with the store's contents are not
    /// considered.
    pub fn rejection(&self) -> Option<Rejection> {
        if let Err(rejection) = self.commit_ts() {
            return Some(rejection);
        }
        match self.class() {
            RequestClass::DeletePrefix => None,
            RequestClass::Unknown => Some(Rejection::UnknownRequestType),
            RequestClass::Raw => self.raw_rejection(),
            RequestClass::Prepare => self.prepare_rejection(),
            RequestClass::OnePhase | RequestClass::Commit | RequestClass::Abort => None,
        }
    }

    fn raw_rejection(&self) -> Option<Rejection> {
        let internal = |key: &[u8]| TXN_INTERNAL.iter().any(|prefix| key.starts_with(prefix));
        let mut unknown = false;
        for mutation in self.mutations() {
            if mutation.key.is_empty() || internal(mutation.key) {
                return Some(Rejection::InvalidRequest);
            }
            unknown |= matches!(mutation.op, Op::Unknown(_));
        }
        unknown.then_some(Rejection::UnknownRequestType)
    }

    fn prepare_rejection(&self) -> Option<Rejection> {
        match self.txn_meta() {
            Err(rejection) => Some(rejection),
            Ok(meta) if meta.primary_key.is_empty() => Some(Rejection::PrimaryKeyRequired),
            Ok(_) if self.mutation_count < 2 => Some(Rejection::InvalidRequest),
            Ok(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::kv::testing::{Msg, MutationMsg, RequestMsg, put};

    fn meta_v1(ttl: u64, commit: u64, primary: &[u8]) -> Vec<u8> {
        let mut bytes = vec![1];
        bytes.extend(ttl.to_be_bytes());
        bytes.extend(commit.to_be_bytes());
        bytes.extend((primary.len() as u64).to_be_bytes());
        bytes.extend(primary);
        bytes
    }

    fn meta_v2(flags: u8, primary: &[u8], fields: &[u64]) -> Vec<u8> {
        let mut bytes = vec![2, flags];
        bytes.extend((primary.len() as u64).to_be_bytes());
        bytes.extend(primary);
        bytes.extend(fields.iter().flat_map(|field| field.to_be_bytes()));
        bytes
    }

    fn txn(phase: i32, meta: Vec<u8>) -> RequestMsg {
        let mut request = put(b"k", b"v", 5);
        request.is_txn = true;
        request.phase = phase;
        request.mutations.insert(0, MutationMsg { key: b"!txn|meta|k".to_vec(), value: meta, ..MutationMsg::default() });
        request
    }

    fn check(message: &RequestMsg, class: RequestClass, ts: Option<u64>, rejection: Option<&str>) {
        let bytes = message.encode_to_vec();
        let request = Request::decode(&bytes).unwrap();
        assert_eq!(request.class(), class);
        assert_eq!(request.commit_ts().ok(), ts.map(HlcTimestamp), "{message:?}");
        assert_eq!(request.rejection().map(|r| r.to_string()), rejection.map(str::to_owned), "{message:?}");
    }

    #[test]
    fn metadata_of_both_versions() {
        let meta = TxnMeta { primary_key: b"pk", lock_ttl_ms: 9, commit_ts: 7, previous_commit_ts: 0 };
        let v1 = meta_v1(9, 7, b"pk");
        assert_eq!(TxnMeta::decode(&v1), Ok(meta));
        let mut trailing = v1.clone();
        trailing.push(0);
        assert_eq!(TxnMeta::decode(&trailing), Ok(meta), "version 1 tolerates trailing bytes");
        let v2 = meta_v2(7, b"pk", &[9, 7, 6]);
        assert_eq!(TxnMeta::decode(&v2), Ok(TxnMeta { previous_commit_ts: 6, ..meta }));
        let only_previous = meta_v2(4, b"", &[6]);
        assert_eq!(TxnMeta::decode(&only_previous).unwrap().previous_commit_ts, 6);
        let mut trailing = v2.clone();
        trailing.push(0);
        assert!(TxnMeta::decode(&trailing).is_err(), "version 2 does not");
        assert!(TxnMeta::decode(&meta_v2(8, b"", &[])).is_err());
        assert!(TxnMeta::decode(&[3]).is_err());
        for bytes in [&v1, &v2] {
            for cut in 0..bytes.len() {
                assert!(TxnMeta::decode(&bytes[..cut]).unwrap_err().is_truncation(), "{cut}");
            }
            for bit in 0..bytes.len() * 8 {
                let mut damaged = bytes.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert_ne!(TxnMeta::decode(&damaged), TxnMeta::decode(bytes), "bit {bit}");
            }
        }
    }

    #[test]
    fn requests_by_class() {
        check(&put(b"k", b"v", 5), RequestClass::Raw, Some(5), None);
        let mut prefix = put(b"k", b"", 5);
        prefix.mutations.push(MutationMsg { op: 2, key: b"p".to_vec(), ..MutationMsg::default() });
        check(&prefix, RequestClass::DeletePrefix, Some(5), None);
        check(&txn(1, meta_v1(1, 0, b"k")), RequestClass::Prepare, Some(5), None);
        check(&txn(2, meta_v1(1, 7, b"k")), RequestClass::Commit, Some(7), None);
        check(&txn(3, meta_v1(1, 8, b"k")), RequestClass::Abort, Some(8), None);
        check(&txn(0, meta_v2(6, b"k", &[7, 6])), RequestClass::OnePhase, Some(7), None);
    }

    #[test]
    fn requests_that_are_turned_down() {
        check(&put(b"", b"v", 5), RequestClass::Raw, Some(5), Some("invalid request"));
        check(&put(b"!txn|lock|k", b"v", 5), RequestClass::Raw, Some(5), Some("invalid request"));
        check(&put(b"!txn|other|k", b"v", 5), RequestClass::Raw, Some(5), None);
        let mut odd = put(b"k", b"v", 5);
        odd.mutations[0].op = 9;
        check(&odd, RequestClass::Raw, Some(5), Some("unknown request type"));
        check(&txn(2, meta_v1(1, 0, b"k")), RequestClass::Commit, None, Some("txn commit ts required"));
        check(&txn(9, meta_v1(1, 7, b"k")), RequestClass::Unknown, Some(5), Some("unknown request type"));
        check(&txn(1, meta_v1(1, 7, b"")), RequestClass::Prepare, Some(5), Some("txn primary key required"));
        let mut bare = put(b"k", b"v", 5);
        bare.is_txn = true;
        check(&bare, RequestClass::OnePhase, None, Some("txn meta missing"));
    }
}

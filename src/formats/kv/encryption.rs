//! Encryption opcodes: payload tags `03` to `07`. All integers big-endian; nothing may follow.

use std::fmt;

/// Largest number of rows in a bootstrap.
const MAX_BATCH: u32 = 1 << 14;
/// Encoded size of one row.
const ROW_LEN: usize = 14;
/// The one version of the encoding.
const WIRE_VERSION: u8 = 1;

/// One row of the writer registry as proposed: `writer` uses the key `dek_id` in its start number `local_epoch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistrationRow {
    /// Data key.
    pub dek_id: u32,
    /// Full node id of the writer.
    pub full_node_id: u64,
    /// The writer's start counter, part of its nonces.
    pub local_epoch: u16,
}

/// What a data key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Values in the store.
    Storage,
    /// Proposals in the log.
    Raft,
}

/// What a rotation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotationKind {
    /// Installs a new data key.
    RotateDek,
    /// Values are encrypted from here on.
    EnableStorageEnvelope,
    /// Proposals are encrypted from the next index on: the entry's own index is the cutover.
    EnableRaftEnvelope,
}

/// A decoded opcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncryptionOp<'a> {
    /// Tag `03`: a node announces its start.
    Registration(RegistrationRow),
    /// Tag `04`: the first keys and writers.
    Bootstrap {
        /// Data key for values.
        storage_dek_id: u32,
        /// That key under the KEK.
        wrapped_storage: &'a [u8],
        /// Data key for proposals.
        raft_dek_id: u32,
        /// That key under the KEK.
        wrapped_raft: &'a [u8],
        /// Encoded rows, a multiple of 14 bytes.
        rows: &'a [u8],
    },
    /// Tag `05`: a new key or a cutover.
    Rotation {
        /// Which of them.
        kind: RotationKind,
        /// The key it is about.
        dek_id: u32,
        /// What the key is for.
        purpose: Purpose,
        /// The key under the KEK; empty for the cutovers.
        wrapped: &'a [u8],
        /// The proposer's own row.
        proposer: RegistrationRow,
    },
}

/// The server's name for what is wrong with an opcode. All of them stop the apply loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpcodeErrorKind {
    /// `ErrFSMWireMalformed`.
    Malformed,
    /// `ErrFSMWireVersion`.
    Version,
    /// `ErrFSMWireSubtag`.
    Subtag,
    /// `ErrEncryptionApply`: tags `06` and `07` are reserved.
    Reserved,
}

/// Why the server refuses an opcode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpcodeError {
    /// Offset of the field, from the payload's tag byte.
    pub at: u64,
    /// The server's own name for it.
    pub kind: OpcodeErrorKind,
    /// The text in front of that name's text.
    pub detail: String,
}

impl OpcodeErrorKind {
    /// The name in the server's source.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "ErrFSMWireMalformed",
            Self::Version => "ErrFSMWireVersion",
            Self::Subtag => "ErrFSMWireSubtag",
            Self::Reserved => "ErrEncryptionApply",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Malformed => "fsmwire: payload is malformed",
            Self::Version => "fsmwire: unknown wire version",
            Self::Subtag => "fsmwire: unknown rotation sub-tag",
            Self::Reserved => "encryption: FSM apply failed; halting apply (see design §6.3)",
        }
    }
}

/// The server's text.
impl fmt::Display for OpcodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.detail, self.kind.text())
    }
}

impl<'a> EncryptionOp<'a> {
    /// Decodes the bytes after tag `tag` (`03` to `07`) in the server's order of checks.
    pub fn decode(tag: u8, body: &'a [u8]) -> Result<Self, OpcodeError> {
        let mut reader = Reader { body, at: 0 };
        match tag {
            3 => registration(body).map(Self::Registration).map_err(|e| e.within("kv/fsm: decode registration")),
            4 => bootstrap(&mut reader).map_err(|e| e.within("kv/fsm: decode bootstrap")),
            5 => rotation(&mut reader).map_err(|e| e.within("kv/fsm: decode rotation")),
            _ => {
                Err(OpcodeError { at: 0, kind: OpcodeErrorKind::Reserved, detail: format!("unknown encryption opcode {tag:#x}") })
            }
        }
    }

    /// The registry rows that applying the opcode writes, in order.
    pub fn rows(&self) -> impl Iterator<Item = RegistrationRow> + use<'a> {
        let (encoded, single): (&[u8], _) = match *self {
            Self::Registration(row) | Self::Rotation { proposer: row, .. } => (&[], Some(row)),
            Self::Bootstrap { rows, .. } => (rows, None),
        };
        encoded.chunks_exact(ROW_LEN).filter_map(|row| row.first_chunk().map(RegistrationRow::decode)).chain(single)
    }

    /// The opcode's name in reports.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Registration(_) => "registration",
            Self::Bootstrap { .. } => "bootstrap",
            Self::Rotation { kind: RotationKind::RotateDek, .. } => "rotate-dek",
            Self::Rotation { kind: RotationKind::EnableStorageEnvelope, .. } => "enable-storage-envelope",
            Self::Rotation { kind: RotationKind::EnableRaftEnvelope, .. } => "enable-raft-envelope",
        }
    }
}

impl RegistrationRow {
    const fn decode(bytes: &[u8; ROW_LEN]) -> Self {
        let [d0, d1, d2, d3, n0, n1, n2, n3, n4, n5, n6, n7, e0, e1] = *bytes;
        Self {
            dek_id: u32::from_be_bytes([d0, d1, d2, d3]),
            full_node_id: u64::from_be_bytes([n0, n1, n2, n3, n4, n5, n6, n7]),
            local_epoch: u16::from_be_bytes([e0, e1]),
        }
    }
}

fn registration(body: &[u8]) -> Result<RegistrationRow, OpcodeError> {
    let fixed: Result<&[u8; 1 + ROW_LEN], _> = body.try_into();
    let Ok([version, row @ ..]) = fixed else {
        return Err(malformed(0, format!("registration: got {} bytes, want {}", body.len(), 1 + ROW_LEN)));
    };
    if *version != WIRE_VERSION {
        return Err(unknown_version("registration", *version));
    }
    Ok(RegistrationRow::decode(row))
}

fn bootstrap<'a>(reader: &mut Reader<'a>) -> Result<EncryptionOp<'a>, OpcodeError> {
    wire_version(reader, "bootstrap")?;
    let storage_dek_id = reader.u32().ok_or_else(|| reader.malformed("bootstrap.storage: dek_id truncated"))?;
    let wrapped_storage = reader.counted().ok_or_else(|| reader.malformed("bootstrap.storage: wrapped truncated"))?;
    let raft_dek_id = reader.u32().ok_or_else(|| reader.malformed("bootstrap.raft: dek_id truncated"))?;
    let wrapped_raft = reader.counted().ok_or_else(|| reader.malformed("bootstrap.raft: wrapped truncated"))?;
    let count = reader.u32().ok_or_else(|| reader.malformed("bootstrap: batch count truncated"))?;
    if count > MAX_BATCH {
        return Err(reader.malformed(format!("bootstrap: batch count {count} exceeds cap {MAX_BATCH}")));
    }
    let remaining = reader.remaining();
    let rows = usize::try_from(count).ok().and_then(|count| reader.take(count.saturating_mul(ROW_LEN)));
    let Some(rows) = rows else {
        return Err(reader.malformed(format!("bootstrap: batch count {count} × {ROW_LEN} > remaining {remaining}")));
    };
    reader.end("bootstrap")?;
    Ok(EncryptionOp::Bootstrap { storage_dek_id, wrapped_storage, raft_dek_id, wrapped_raft, rows })
}

fn rotation<'a>(reader: &mut Reader<'a>) -> Result<EncryptionOp<'a>, OpcodeError> {
    wire_version(reader, "rotation")?;
    let kind = match reader.u8().ok_or_else(|| reader.malformed("rotation: missing sub-tag"))? {
        1 => RotationKind::RotateDek,
        4 => RotationKind::EnableStorageEnvelope,
        5 => RotationKind::EnableRaftEnvelope,
        other => {
            let detail = format!("rotation: subtag={other:#x}");
            return Err(OpcodeError { at: 2, kind: OpcodeErrorKind::Subtag, detail });
        }
    };
    let dek_id = reader.u32().ok_or_else(|| reader.malformed("rotation: dek_id truncated"))?;
    let purpose = match reader.u8().ok_or_else(|| reader.malformed("rotation: purpose truncated"))? {
        1 => Purpose::Storage,
        2 => Purpose::Raft,
        other => {
            return Err(reader.malformed(format!("rotation: unknown purpose={other:#x} (want 0x1 storage / 0x2 raft)")));
        }
    };
    let wrapped = reader.counted().ok_or_else(|| reader.malformed("rotation: wrapped truncated"))?;
    let row = reader.take(ROW_LEN).and_then(|row| row.first_chunk());
    let Some(row) = row else {
        return Err(reader.malformed("rotation: proposer registration: registration #0 truncated"));
    };
    reader.end("rotation")?;
    Ok(EncryptionOp::Rotation { kind, dek_id, purpose, wrapped, proposer: RegistrationRow::decode(row) })
}

fn wire_version(reader: &mut Reader<'_>, what: &str) -> Result<(), OpcodeError> {
    match reader.u8() {
        Some(WIRE_VERSION) => Ok(()),
        Some(version) => Err(unknown_version(what, version)),
        None => Err(reader.malformed(format!("{what}: missing version byte"))),
    }
}

fn unknown_version(what: &str, version: u8) -> OpcodeError {
    OpcodeError { at: 1, kind: OpcodeErrorKind::Version, detail: format!("{what}: version={version:#x}") }
}

fn malformed(at: u64, detail: impl Into<String>) -> OpcodeError {
    OpcodeError { at: at + 1, kind: OpcodeErrorKind::Malformed, detail: detail.into() }
}

impl OpcodeError {
    fn within(mut self, prefix: &str) -> Self {
        self.detail = format!("{prefix}: {}", self.detail);
        self
    }
}

/// Reads that say only whether there was enough; each caller has its own words for the rest.
struct Reader<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn remaining(&self) -> usize {
        self.body.len().saturating_sub(self.at)
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let taken = self.body.get(self.at..)?.get(..len)?;
        self.at += len;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }

    fn counted(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.u32()?).ok()?;
        self.take(len)
    }

    fn malformed(&self, detail: impl Into<String>) -> OpcodeError {
        malformed(self.at as u64, detail)
    }

    fn end(&self, what: &str) -> Result<(), OpcodeError> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(self.malformed(format!("{what}: {left} trailing bytes"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(dek: u32, node: u64, epoch: u16) -> Vec<u8> {
        [&dek.to_be_bytes()[..], &node.to_be_bytes(), &epoch.to_be_bytes()].concat()
    }

    fn counted(bytes: &[u8]) -> Vec<u8> {
        [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
    }

    fn registration_body() -> Vec<u8> {
        [vec![1], row(3, 0x08b3_7b07_b558_d4c0, 2)].concat()
    }

    fn bootstrap_body() -> Vec<u8> {
        [
            vec![1],
            vec![0, 0, 0, 1],
            counted(b"storage"),
            vec![0, 0, 0, 2],
            counted(b"raft"),
            vec![0, 0, 0, 2],
            row(1, 7, 0),
            row(2, 7, 0),
        ]
        .concat()
    }

    fn rotation_body(sub: u8, purpose: u8, wrapped: &[u8]) -> Vec<u8> {
        [vec![1, sub], vec![0, 0, 0, 5], vec![purpose], counted(wrapped), row(5, 9, 4)].concat()
    }

    fn refused(tag: u8, body: &[u8]) -> (&'static str, String) {
        let error = EncryptionOp::decode(tag, body).unwrap_err();
        (error.kind.name(), error.to_string())
    }

    #[test]
    fn each_opcode() {
        let body = registration_body();
        let op = EncryptionOp::decode(3, &body).unwrap();
        let expected = RegistrationRow { dek_id: 3, full_node_id: 0x08b3_7b07_b558_d4c0, local_epoch: 2 };
        assert_eq!(op, EncryptionOp::Registration(expected));
        assert_eq!(op.rows().collect::<Vec<_>>(), [expected]);

        let body = bootstrap_body();
        let op = EncryptionOp::decode(4, &body).unwrap();
        let EncryptionOp::Bootstrap { storage_dek_id, wrapped_storage, raft_dek_id, wrapped_raft, .. } = op else {
            panic!("{op:?}")
        };
        assert_eq!((storage_dek_id, wrapped_storage), (1, &b"storage"[..]));
        assert_eq!((raft_dek_id, wrapped_raft), (2, &b"raft"[..]));
        let writers: Vec<_> = op.rows().map(|row| (row.dek_id, row.full_node_id, row.local_epoch)).collect();
        assert_eq!(writers, [(1, 7, 0), (2, 7, 0)]);

        let body = rotation_body(5, 2, b"");
        let op = EncryptionOp::decode(5, &body).unwrap();
        assert_eq!(op.name(), "enable-raft-envelope");
        let proposer = RegistrationRow { dek_id: 5, full_node_id: 9, local_epoch: 4 };
        assert_eq!(
            op,
            EncryptionOp::Rotation {
                kind: RotationKind::EnableRaftEnvelope,
                dek_id: 5,
                purpose: Purpose::Raft,
                wrapped: b"",
                proposer
            }
        );
    }

    #[test]
    fn refusals_have_the_servers_words() {
        let text = |detail: &str, tail: &str| format!("kv/fsm: decode {detail}: {tail}");
        let malformed = "fsmwire: payload is malformed";
        assert_eq!(refused(3, b""), ("ErrFSMWireMalformed", text("registration: registration: got 0 bytes, want 15", malformed)));
        assert_eq!(refused(4, b""), ("ErrFSMWireMalformed", text("bootstrap: bootstrap: missing version byte", malformed)));
        assert_eq!(
            refused(4, &[2]),
            ("ErrFSMWireVersion", text("bootstrap: bootstrap: version=0x2", "fsmwire: unknown wire version"))
        );
        let mut body = bootstrap_body();
        body.push(0);
        assert_eq!(refused(4, &body), ("ErrFSMWireMalformed", text("bootstrap: bootstrap: 1 trailing bytes", malformed)));
        assert_eq!(
            refused(5, &rotation_body(2, 1, b"w")),
            ("ErrFSMWireSubtag", text("rotation: rotation: subtag=0x2", "fsmwire: unknown rotation sub-tag"))
        );
        assert_eq!(
            refused(5, &rotation_body(1, 3, b"w")).1,
            text("rotation: rotation: unknown purpose=0x3 (want 0x1 storage / 0x2 raft)", malformed)
        );
        let reserved = refused(6, b"anything");
        assert_eq!(reserved.0, "ErrEncryptionApply");
        assert_eq!(reserved.1, "unknown encryption opcode 0x6: encryption: FSM apply failed; halting apply (see design §6.3)");
    }

    #[test]
    fn a_large_count_is_refused_before_anything_is_read() {
        let mut body = [vec![1], vec![0, 0, 0, 1], counted(b""), vec![0, 0, 0, 2], counted(b"")].concat();
        let mut with = |count: u32| {
            let len = body.len();
            body.extend(count.to_be_bytes());
            let error = EncryptionOp::decode(4, &body).unwrap_err().detail;
            body.truncate(len);
            error
        };
        assert!(with(16_385).ends_with("batch count 16385 exceeds cap 16384"));
        assert!(with(16_384).ends_with("batch count 16384 × 14 > remaining 0"));
    }

    #[test]
    fn every_prefix_and_every_flipped_bit_is_refused_or_means_something_else() {
        for (tag, body) in [(3, registration_body()), (4, bootstrap_body()), (5, rotation_body(1, 1, b"wrapped"))] {
            let healthy = EncryptionOp::decode(tag, &body).unwrap();
            for cut in 0..body.len() {
                assert_eq!(EncryptionOp::decode(tag, &body[..cut]).unwrap_err().kind, OpcodeErrorKind::Malformed);
            }
            for bit in 0..body.len() * 8 {
                let mut damaged = body.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert_ne!(EncryptionOp::decode(tag, &damaged), Ok(healthy), "tag {tag} bit {bit}");
            }
        }
    }
}

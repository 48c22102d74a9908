//! `RaftCommand`, `Request` and `Mutation`: the protobuf messages inside a data payload, read in place.
//!
//! A known field with another wire type than the schema's is skipped like an unknown one, and the last of several
//! scalar values wins, as in the runtime that the server uses.

use crate::formats::protobuf::{self, Value, fields};
use crate::formats::{DecodeError, DecodeResult};

/// What a mutation does to its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Write the value.
    Put,
    /// Delete the key.
    Del,
    /// Delete every visible key that starts with the key; an empty key means all keys.
    DelPrefix,
    /// A value that the server does not know and rejects.
    Unknown(i32),
}

/// Step of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// All in one step.
    None,
    /// Writes locks and intents.
    Prepare,
    /// Turns intents into data.
    Commit,
    /// Drops locks and intents.
    Abort,
    /// A value that the server does not know and rejects.
    Unknown(i32),
}

/// One write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mutation<'a> {
    /// What happens to the key.
    pub op: Op,
    /// User key, without timestamp suffix.
    pub key: &'a [u8],
    /// New value; empty for deletes.
    pub value: &'a [u8],
    /// Where the leader stamped the commit timestamp into the value; 0 = nowhere.
    pub commit_ts_value_offset: u64,
}

/// One request of a payload. All its bytes have been checked to be well-formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// False for raw writes.
    pub is_txn: bool,
    /// Step of the transaction; meaningless for raw writes.
    pub phase: Phase,
    /// Raw writes: commit timestamp. Transactions: start timestamp.
    pub ts: u64,
    /// Catalog version that the reads saw; 0 = not pinned.
    pub observed_route_version: u64,
    /// Number of mutations, the synthetic one of a transaction included.
    pub mutation_count: u32,
    /// The first mutation; in a transaction the synthetic one that carries its metadata.
    pub first_mutation: Option<Mutation<'a>>,
    /// Key of the first prefix deletion among the mutations.
    pub delete_prefix: Option<&'a [u8]>,
    bytes: &'a [u8],
}

/// Proto3 enums are 32-bit: the runtime keeps the low half of the varint.
#[expect(clippy::cast_possible_truncation, reason = "the runtime truncates in the same way")]
const fn enum_value(varint: u64) -> i32 {
    varint as i32
}

impl Op {
    const fn from_varint(varint: u64) -> Self {
        match enum_value(varint) {
            0 => Self::Put,
            1 => Self::Del,
            2 => Self::DelPrefix,
            other => Self::Unknown(other),
        }
    }
}

impl Phase {
    const fn from_varint(varint: u64) -> Self {
        match enum_value(varint) {
            0 => Self::None,
            1 => Self::Prepare,
            2 => Self::Commit,
            3 => Self::Abort,
            other => Self::Unknown(other),
        }
    }
}

impl<'a> Mutation<'a> {
    /// Decodes one message.
    pub fn decode(bytes: &'a [u8]) -> DecodeResult<Self> {
        let mut mutation = Self { op: Op::Put, key: &[], value: &[], commit_ts_value_offset: 0 };
        for field in fields(bytes) {
            let field = field?;
            match (field.number, field.value) {
                (1, Value::Varint(op)) => mutation.op = Op::from_varint(op),
                (2, Value::Bytes(key)) => mutation.key = key,
                (3, Value::Bytes(value)) => mutation.value = value,
                (4, Value::Varint(offset)) => mutation.commit_ts_value_offset = offset,
                _ => {}
            }
        }
        Ok(mutation)
    }
}

impl<'a> Request<'a> {
    /// Decodes one message and everything in it.
    pub fn decode(bytes: &'a [u8]) -> DecodeResult<Self> {
        let mut request = Self {
            is_txn: false,
            phase: Phase::None,
            ts: 0,
            observed_route_version: 0,
            mutation_count: 0,
            first_mutation: None,
            delete_prefix: None,
            bytes,
        };
        for field in fields(bytes) {
            let field = field?;
            match (field.number, field.value) {
                (1, Value::Varint(is_txn)) => request.is_txn = is_txn != 0,
                (2, Value::Varint(phase)) => request.phase = Phase::from_varint(phase),
                (3, Value::Varint(ts)) => request.ts = ts,
                (4, Value::Bytes(inner)) => {
                    let mutation = Mutation::decode(inner).map_err(|e| nested(&e, bytes, inner))?;
                    request.mutation_count = request.mutation_count.saturating_add(1);
                    if request.first_mutation.is_none() {
                        request.first_mutation = Some(mutation);
                    }
                    if mutation.op == Op::DelPrefix && request.delete_prefix.is_none() {
                        request.delete_prefix = Some(mutation.key);
                    }
                }
                (6, Value::Varint(version)) => request.observed_route_version = version,
                _ => {}
            }
        }
        Ok(request)
    }

    /// The mutations in order.
    pub fn mutations(&self) -> impl Iterator<Item = Mutation<'a>> + use<'a> {
        bytes_of_field(self.bytes, 4).filter_map(|inner| Mutation::decode(inner).ok())
    }

    /// The keys that the transaction has read.
    pub fn read_keys(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        bytes_of_field(self.bytes, 5)
    }

    /// The encoded message.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// Walks the requests of a `RaftCommand`. After the first error it is exhausted.
#[derive(Debug, Clone)]
pub struct Requests<'a> {
    message: &'a [u8],
    source: Source<'a>,
}

#[derive(Debug, Clone)]
enum Source<'a> {
    Command(protobuf::Fields<'a>),
    Single,
    Done,
}

impl<'a> Requests<'a> {
    /// The requests of an encoded `RaftCommand`.
    pub const fn of_command(message: &'a [u8]) -> Self {
        Self { message, source: Source::Command(fields(message)) }
    }

    /// The one request of an encoded `Request`.
    pub const fn of_request(message: &'a [u8]) -> Self {
        Self { message, source: Source::Single }
    }

    /// No request at all.
    pub const fn none() -> Self {
        Self { message: &[], source: Source::Done }
    }
}

impl<'a> Iterator for Requests<'a> {
    type Item = DecodeResult<Request<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = match &mut self.source {
            Source::Done => return None,
            Source::Single => {
                self.source = Source::Done;
                return Some(Request::decode(self.message));
            }
            Source::Command(fields) => loop {
                match fields.next()? {
                    Ok(field) => {
                        if let (1, Value::Bytes(inner)) = (field.number, field.value) {
                            break Request::decode(inner).map_err(|e| nested(&e, self.message, inner));
                        }
                    }
                    Err(error) => break Err(error),
                }
            },
        };
        if item.is_err() {
            self.source = Source::Done;
        }
        Some(item)
    }
}

fn bytes_of_field(message: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    fields(message).filter_map(move |field| match field {
        Ok(field) if field.number == number => field.value.as_bytes(),
        _ => None,
    })
}

/// The error of an inner message as seen from the outer one that holds it.
fn nested(error: &DecodeError, outer: &[u8], inner: &[u8]) -> DecodeError {
    let by = (inner.as_ptr() as usize).saturating_sub(outer.as_ptr() as usize);
    error.clone().shifted(by as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::kv::testing::{Msg, MutationMsg, RaftCommandMsg, RequestMsg};
    use proptest::prelude::*;

    fn mutation() -> impl Strategy<Value = MutationMsg> {
        (0..5_i32, any::<Vec<u8>>(), any::<Vec<u8>>(), any::<u64>())
            .prop_map(|(op, key, value, commit_ts_value_offset)| MutationMsg { op, key, value, commit_ts_value_offset })
    }

    fn request() -> impl Strategy<Value = RequestMsg> {
        (
            any::<bool>(),
            -1..6_i32,
            any::<u64>(),
            proptest::collection::vec(mutation(), 0..4),
            proptest::collection::vec(any::<Vec<u8>>(), 0..3),
            any::<u64>(),
        )
            .prop_map(|(is_txn, phase, ts, mutations, read_keys, observed_route_version)| RequestMsg {
                is_txn,
                phase,
                ts,
                mutations,
                read_keys,
                observed_route_version,
            })
    }

    fn same(ours: &Request<'_>, theirs: &RequestMsg) {
        assert_eq!(ours.is_txn, theirs.is_txn);
        assert_eq!(ours.phase, Phase::from_varint(i64::from(theirs.phase).cast_unsigned()));
        assert_eq!(ours.ts, theirs.ts);
        assert_eq!(ours.observed_route_version, theirs.observed_route_version);
        assert_eq!(ours.mutation_count as usize, theirs.mutations.len());
        let mutations: Vec<_> = ours.mutations().collect();
        assert_eq!(ours.first_mutation, mutations.first().copied());
        for (ours, theirs) in mutations.iter().zip(&theirs.mutations) {
            assert_eq!(ours.op, Op::from_varint(i64::from(theirs.op).cast_unsigned()));
            assert_eq!(
                (ours.key, ours.value, ours.commit_ts_value_offset),
                (&theirs.key[..], &theirs.value[..], theirs.commit_ts_value_offset)
            );
        }
        assert_eq!(ours.read_keys().collect::<Vec<_>>(), theirs.read_keys);
        let prefix = theirs.mutations.iter().find(|m| m.op == 2).map(|m| &m.key[..]);
        assert_eq!(ours.delete_prefix, prefix);
    }

    proptest! {
        #[test]
        fn agrees_with_a_derived_decoder(requests in proptest::collection::vec(request(), 0..4)) {
            let command = RaftCommandMsg { requests };
            let bytes = command.encode_to_vec();
            let ours: Vec<_> = Requests::of_command(&bytes).collect::<DecodeResult<_>>().unwrap();
            prop_assert_eq!(ours.len(), command.requests.len());
            for (ours, theirs) in ours.iter().zip(&command.requests) {
                same(ours, theirs);
            }
        }

        #[test]
        fn a_damaged_message_is_refused_by_both_or_means_the_same(
            request in request(),
            position in any::<proptest::sample::Index>(),
            bit in 0..8_u8,
        ) {
            let mut bytes = request.encode_to_vec();
            prop_assume!(!bytes.is_empty());
            let at = position.index(bytes.len());
            bytes[at] ^= 1 << bit;
            // The derived decoder refuses a known field of another wire type, which the server's runtime skips; so
            // only its acceptance binds.
            if let Ok(theirs) = RequestMsg::decode(&bytes[..]) {
                same(&Request::decode(&bytes).unwrap(), &theirs);
            }
        }
    }

    #[test]
    fn wrong_wire_types_and_unknown_fields_are_skipped_and_the_last_scalar_wins() {
        // field 1 as bytes, field 3 twice, unknown field 9, mutations as varint.
        let bytes = [0x0a, 0x01, 0x01, 0x18, 5, 0x18, 7, 0x48, 1, 0x20, 1];
        let request = Request::decode(&bytes).unwrap();
        assert_eq!((request.is_txn, request.ts, request.mutation_count), (false, 7, 0));
    }

    #[test]
    fn an_error_inside_a_mutation_carries_the_offset_from_the_start() {
        let bytes = [0x18, 5, 0x22, 2, 0x12, 9];
        let error = Request::decode(&bytes).unwrap_err();
        assert_eq!(error.at, 6, "{error}");
        let mut command = vec![0x0a, 6];
        command.extend(bytes);
        let error = Requests::of_command(&command).next().unwrap().unwrap_err();
        assert_eq!(error.at, 8, "{error}");
    }

    #[test]
    fn after_an_error_a_walk_is_over() {
        let mut requests = Requests::of_command(&[0x0a, 1, 0x00, 0x0a, 0]);
        assert!(requests.next().unwrap().is_err());
        assert!(requests.next().is_none());
    }
}

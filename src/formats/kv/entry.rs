//! What one log entry is: its class, and what of it can be told without the store.

use super::encryption::{EncryptionOp, OpcodeError};
use super::key_space::{KeySpace, KeySpaceCounts};
use super::proposal::ProposalEnvelope;
use super::request::{Request, Requests};
use super::txn::{Rejection, RequestClass};
use crate::formats::envelope;
use crate::formats::etcd::Request as EtcdRequest;
use crate::formats::raftpb::EntryType;
use crate::types::{HlcTimestamp, LogIndex, UnixMillis};

/// Kinds of entries as every report names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryClass {
    /// Empty, a normal entry that is no proposal, or a proposal of nothing: only the counter moves.
    Noop,
    /// One request (tag `00`).
    Data,
    /// A command of one or more requests (tag `01`).
    Batch,
    /// Requests without a tag, as early versions wrote them.
    LegacyData,
    /// Requests of which at least one deletes by prefix.
    DeletePrefix,
    /// A clock ceiling (tag `02`).
    Lease,
    /// An encryption opcode (tags `03` to `07`).
    Encryption,
    /// A membership change.
    ConfChange,
    /// A membership change of the second kind; the server never proposes one.
    ConfChangeV2,
    /// A raft envelope: the payload is encrypted.
    Sealed,
    /// An entry type or payload that no version of the server writes.
    Unknown,
    /// A request in the log of a member of etcd; no entry of elastickv.
    EtcdRequest,
}

impl EntryClass {
    /// All of them, in the order in which reports list them.
    pub const ALL: [Self; 12] = [
        Self::Noop,
        Self::Data,
        Self::Batch,
        Self::LegacyData,
        Self::DeletePrefix,
        Self::Lease,
        Self::Encryption,
        Self::ConfChange,
        Self::ConfChangeV2,
        Self::Sealed,
        Self::Unknown,
        Self::EtcdRequest,
    ];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Noop => "noop",
            Self::Data => "data",
            Self::Batch => "batch",
            Self::LegacyData => "legacy-data",
            Self::DeletePrefix => "delete-prefix",
            Self::Lease => "lease",
            Self::Encryption => "encryption",
            Self::ConfChange => "conf-change",
            Self::ConfChangeV2 => "conf-change-v2",
            Self::Sealed => "sealed",
            Self::Unknown => "unknown",
            Self::EtcdRequest => "etcd-request",
        }
    }
}

impl std::fmt::Display for EntryClass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// How the bytes after the proposal envelope are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload<'a> {
    /// The entry has none.
    None,
    /// The proposal is empty; the state machine rejects it.
    Empty,
    /// Tag `00`: an encoded `Request`.
    Single(&'a [u8]),
    /// Tag `01`: an encoded `RaftCommand`.
    Batch(&'a [u8]),
    /// Tag `02`: what follows the tag.
    Lease(&'a [u8]),
    /// Tags `03` to `07`: the tag and what follows it.
    Encryption(u8, &'a [u8]),
    /// No tag: an encoded `RaftCommand`.
    LegacyCommand(&'a [u8]),
    /// No tag: an encoded `Request`, or nothing that parses.
    LegacyRequest(&'a [u8]),
    /// A raft envelope by its first two bytes and its length.
    Sealed(&'a [u8]),
}

/// Facts about one entry, borrowed from its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryView<'a> {
    /// What it is.
    pub class: EntryClass,
    /// The proposer's request id, for proposals.
    pub request_id: Option<u64>,
    /// The framing of the payload.
    pub payload: Payload<'a>,
    /// Number of well-formed requests. More than one means that they are applied in separate store commits.
    pub requests: u32,
    /// Number of mutations in them, synthetic ones included.
    pub mutations: u32,
    /// Largest commit timestamp among the requests.
    pub commit_ts: Option<HlcTimestamp>,
    /// The clock ceiling of a lease; values of 0 and below have no effect and are not shown.
    pub lease: Option<UnixMillis>,
    /// The first reason for which the state machine would turn the payload, or one of its requests, down on sight.
    pub rejection: Option<Rejection>,
    /// The entry's data, for membership changes.
    pub data: &'a [u8],
}

/// As [`classify`], for who knows the raft envelope cutover (0 for none): every proposal above it is sealed, whatever it looks like.
pub fn classify_above(cutover: LogIndex, index: LogIndex, kind: EntryType, data: &[u8]) -> EntryView<'_> {
    let view = classify(kind, data);
    match ProposalEnvelope::decode(data) {
        Some(proposal) if cutover.0 > 0 && index > cutover && kind == EntryType::Normal => {
            let sealed = EntryView::of(EntryClass::Sealed, Payload::Sealed(proposal.payload), data);
            EntryView { request_id: view.request_id, ..sealed }
        }
        _ => view,
    }
}

/// Classifies one entry of a log of etcd, of which nothing but the class is said: [`EtcdRequest`] reads the rest.
pub fn classify_etcd(kind: EntryType, data: &[u8]) -> EntryView<'_> {
    let class = match kind {
        EntryType::Normal if data.is_empty() => EntryClass::Noop,
        EntryType::Normal if EtcdRequest::decode(data).is_some() => EntryClass::EtcdRequest,
        EntryType::ConfChange => EntryClass::ConfChange,
        EntryType::ConfChangeV2 => EntryClass::ConfChangeV2,
        EntryType::Normal | EntryType::Other(_) => EntryClass::Unknown,
    };
    EntryView::of(class, Payload::None, data)
}

/// Classifies one entry by its type and data. Nothing is allocated unless the payload is damaged.
///
/// "Sealed" is a guess from the first two bytes (`01 00`, which no command starts with); what decides is whether the
/// entry's index is above the cutover.
pub fn classify(kind: EntryType, data: &[u8]) -> EntryView<'_> {
    match kind {
        EntryType::Normal => match ProposalEnvelope::decode(data) {
            Some(proposal) => {
                let mut view = classify_payload(proposal.payload);
                view.request_id = Some(proposal.request_id);
                view.data = data;
                view
            }
            None => EntryView::of(EntryClass::Noop, Payload::None, data),
        },
        EntryType::ConfChange => EntryView::of(EntryClass::ConfChange, Payload::None, data),
        EntryType::ConfChangeV2 => EntryView::of(EntryClass::ConfChangeV2, Payload::None, data),
        EntryType::Other(_) => EntryView::of(EntryClass::Unknown, Payload::None, data),
    }
}

/// Classifies a clear payload, for example one that was sealed and has been opened.
pub fn classify_payload(payload: &[u8]) -> EntryView<'_> {
    let Some((&tag, body)) = payload.split_first() else {
        let mut view = EntryView::of(EntryClass::Noop, Payload::Empty, payload);
        view.rejection = Some(Rejection::InvalidRequest);
        return view;
    };
    match tag {
        0 => EntryView::of(EntryClass::Data, Payload::Single(body), payload).with_requests(),
        1 if body.first() == Some(&0) && payload.len() >= envelope::MIN_LEN => {
            EntryView::of(EntryClass::Sealed, Payload::Sealed(payload), payload)
        }
        1 => EntryView::of(EntryClass::Batch, Payload::Batch(body), payload).with_requests(),
        2 => EntryView::of(EntryClass::Lease, Payload::Lease(body), payload).with_lease(body),
        3..=7 => EntryView::of(EntryClass::Encryption, Payload::Encryption(tag, body), payload),
        _ => legacy(payload),
    }
}

/// Without a tag the server tries a command first and takes it if it holds a request, then a single request.
fn legacy(payload: &[u8]) -> EntryView<'_> {
    let command = EntryView::of(EntryClass::LegacyData, Payload::LegacyCommand(payload), payload).with_requests();
    let parses = !matches!(command.rejection, Some(Rejection::Protobuf(_)));
    if parses && command.requests > 0 {
        return command;
    }
    let mut single = EntryView::of(EntryClass::LegacyData, Payload::LegacyRequest(payload), payload).with_requests();
    if matches!(single.rejection, Some(Rejection::Protobuf(_))) {
        single.class = EntryClass::Unknown;
    }
    single
}

impl<'a> EntryView<'a> {
    const fn of(class: EntryClass, payload: Payload<'a>, data: &'a [u8]) -> Self {
        Self { class, request_id: None, payload, requests: 0, mutations: 0, commit_ts: None, lease: None, rejection: None, data }
    }

    fn with_lease(mut self, body: &[u8]) -> Self {
        match body.try_into() {
            Ok(ceiling) => {
                let ceiling = i64::from_be_bytes(ceiling);
                self.lease = u64::try_from(ceiling).ok().filter(|ms| *ms > 0).map(UnixMillis);
            }
            Err(_) => self.rejection = Some(Rejection::LeaseLength(body.len() as u64)),
        }
        self
    }

    fn with_requests(mut self) -> Self {
        for request in self.requests() {
            match request {
                Ok(request) => self.count(&request),
                Err(error) => {
                    // The runtime refuses the whole message, so nothing of it is applied.
                    self = Self::of(self.class, self.payload, self.data);
                    self.rejection = Some(Rejection::Protobuf(error));
                    return self;
                }
            }
        }
        if self.requests == 0 && self.rejection.is_none() {
            self.rejection = Some(Rejection::InvalidRequest);
        }
        self
    }

    fn count(&mut self, request: &Request<'_>) {
        self.requests = self.requests.saturating_add(1);
        self.mutations = self.mutations.saturating_add(request.mutation_count);
        if let Ok(ts) = request.commit_ts() {
            self.commit_ts = self.commit_ts.max(Some(ts));
        }
        if request.class() == RequestClass::DeletePrefix {
            self.class = EntryClass::DeletePrefix;
        }
        if self.rejection.is_none() {
            self.rejection = request.rejection();
        }
    }

    /// The requests in order. Empty for everything but data.
    pub const fn requests(&self) -> Requests<'a> {
        match self.payload {
            Payload::Single(message) | Payload::LegacyRequest(message) => Requests::of_request(message),
            Payload::Batch(message) | Payload::LegacyCommand(message) => Requests::of_command(message),
            Payload::None | Payload::Empty | Payload::Lease(_) | Payload::Encryption(..) | Payload::Sealed(_) => Requests::none(),
        }
    }

    /// Hands every mutated key to `visit`, the synthetic ones of transactions included. A message that the runtime refuses
    /// mutates none, however many of its requests could be read.
    pub fn for_each_key(&self, mut visit: impl FnMut(&'a [u8])) {
        if self.requests == 0 {
            return;
        }
        for mutation in self.requests().filter_map(Result::ok).flat_map(|request| request.mutations()) {
            visit(mutation.key);
        }
    }

    /// Counts the mutated keys by family, without the synthetic ones.
    pub fn count_keys(&self, counts: &mut KeySpaceCounts) {
        self.for_each_key(|key| {
            let space = KeySpace::of_user_key(key);
            if space.prefix() != super::txn::TXN_META_PREFIX {
                counts.add(space);
            }
        });
    }

    /// The encryption opcode, or why the server would refuse it; `None` for other entries.
    pub fn encryption(&self) -> Option<Result<EncryptionOp<'a>, OpcodeError>> {
        match self.payload {
            Payload::Encryption(tag, body) => Some(EncryptionOp::decode(tag, body)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::kv::testing::{Msg, MutationMsg, RaftCommandMsg, proposal, put, tagged};
    use proptest::prelude::*;

    fn class(payload: &[u8]) -> EntryClass {
        classify(EntryType::Normal, &proposal(payload)).class
    }

    fn command(requests: usize) -> RaftCommandMsg {
        RaftCommandMsg { requests: (1..=requests).map(|n| put(b"!redis|str|a", b"v", n as u64)).collect() }
    }

    #[test]
    fn entries_by_type_and_framing() {
        assert_eq!(classify(EntryType::Normal, b"").class, EntryClass::Noop);
        assert_eq!(classify(EntryType::Normal, b"junk, however long").class, EntryClass::Noop);
        assert_eq!(classify(EntryType::ConfChange, b"x").class, EntryClass::ConfChange);
        assert_eq!(classify(EntryType::ConfChangeV2, b"").class, EntryClass::ConfChangeV2);
        assert_eq!(classify(EntryType::Other(7), b"").class, EntryClass::Unknown);
        assert_eq!(class(&[]), EntryClass::Noop);
        for tag in 3..=7 {
            assert_eq!(class(&[tag]), EntryClass::Encryption);
        }
    }

    #[test]
    fn data_in_all_its_framings() {
        let one = put(b"!redis|str|a", b"v", 9);
        let data = proposal(&tagged(0, &one));
        let view = classify(EntryType::Normal, &data);
        assert_eq!((view.class, view.request_id, view.requests, view.mutations), (EntryClass::Data, Some(7), 1, 1));
        assert_eq!((view.commit_ts, &view.rejection), (Some(HlcTimestamp(9)), &None));

        let payload = tagged(1, &command(3));
        let view = classify_payload(&payload);
        assert_eq!((view.class, view.requests, view.commit_ts), (EntryClass::Batch, 3, Some(HlcTimestamp(3))));
        let mut counts = KeySpaceCounts::default();
        view.count_keys(&mut counts);
        assert_eq!(counts.by_label().into_iter().collect::<Vec<_>>(), [("redis-string", 3)]);

        let legacy_command = command(2).encode_to_vec();
        let view = classify_payload(&legacy_command);
        assert_eq!((view.class, view.requests), (EntryClass::LegacyData, 2));
        let legacy_single = put(b"k", b"v", 4).encode_to_vec();
        let view = classify_payload(&legacy_single);
        assert_eq!((view.class, view.requests, view.commit_ts), (EntryClass::LegacyData, 1, Some(HlcTimestamp(4))));
    }

    #[test]
    fn a_message_that_is_refused_mutates_no_key() {
        let whole = tagged(1, &command(3));
        let view = classify_payload(&whole[..whole.len() - 1]);
        assert!(matches!(view.rejection, Some(Rejection::Protobuf(_))), "{view:?}");
        let mut counts = KeySpaceCounts::default();
        view.count_keys(&mut counts);
        assert_eq!((view.requests, view.mutations, counts.total()), (0, 0, 0));
    }

    #[test]
    fn a_prefix_deletion_names_the_entry() {
        let mut requests = command(2);
        requests.requests[1].mutations.push(MutationMsg { op: 2, key: b"p".to_vec(), ..MutationMsg::default() });
        assert_eq!(class(&tagged(1, &requests)), EntryClass::DeletePrefix);
    }

    #[test]
    fn leases() {
        let lease = |ms: i64| [&[2][..], &ms.to_be_bytes()].concat();
        assert_eq!(classify_payload(&lease(1_750_000_000_000)).lease, Some(UnixMillis(1_750_000_000_000)));
        for without_effect in [0, -1, i64::MIN] {
            let payload = lease(without_effect);
            let view = classify_payload(&payload);
            assert_eq!((view.class, view.lease, view.rejection), (EntryClass::Lease, None, None));
        }
        let view = classify_payload(&[2, 1, 2]);
        assert_eq!((view.class, view.lease), (EntryClass::Lease, None));
        assert_eq!(view.rejection, Some(Rejection::LeaseLength(2)));
    }

    #[test]
    fn a_sealed_payload_is_told_from_a_batch_by_its_second_byte() {
        // The lease payload of the format page, sealed under key 7.
        let data = [
            0x01, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x01, 0x00, 0x00, 0x00, 0x00, 0x07, 0x12, 0x34, 0x00, 0x01,
            0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x2b, 0xdf, 0x2a, 0xb9, 0x7f, 0xc4, 0x81, 0x3a, 0xad, 0xd3, 0x53,
            0x76, 0x96, 0xd7, 0x0a, 0xf0, 0xc6, 0x67, 0x5b, 0x02, 0x38, 0x13, 0x4d, 0xcb, 0x39,
        ];
        let view = classify(EntryType::Normal, &data);
        assert_eq!((view.class, view.request_id), (EntryClass::Sealed, Some(0x1122_3344_5566_7788)));
        assert_eq!(classify(EntryType::Normal, &data[..9 + 33]).class, EntryClass::Batch, "too short for an envelope");
        assert_eq!(class(&tagged(1, &command(20))), EntryClass::Batch);
    }

    #[test]
    fn what_the_state_machine_turns_down() {
        assert_eq!(classify_payload(&[]).rejection, Some(Rejection::InvalidRequest));
        assert_eq!(classify_payload(&[1]).rejection, Some(Rejection::InvalidRequest), "a batch without requests");
        assert!(matches!(classify_payload(&[0, 0xff]).rejection, Some(Rejection::Protobuf(_))));
        assert_eq!(classify_payload(&[0]).rejection, None, "an empty request is well-formed");
        let junk = classify_payload(&[8, 0xff]);
        assert_eq!(junk.class, EntryClass::Unknown);
        assert!(matches!(junk.rejection, Some(Rejection::Protobuf(_))));
        // A command whose second request is malformed counts none.
        let mut payload = tagged(1, &command(1));
        payload.extend([0x0a, 1, 0]);
        let view = classify_payload(&payload);
        assert_eq!((view.class, view.requests, view.mutations, view.commit_ts), (EntryClass::Batch, 0, 0, None));
        assert!(matches!(view.rejection, Some(Rejection::Protobuf(_))));
    }

    #[test]
    fn every_prefix_and_every_flipped_bit_of_a_batch_is_classified() {
        let data = proposal(&tagged(1, &command(3)));
        let healthy = classify(EntryType::Normal, &data);
        for cut in 0..data.len() {
            let view = classify(EntryType::Normal, &data[..cut]);
            assert_ne!((view.requests, view.rejection.is_none()), (3, true), "{cut}");
        }
        for bit in 0..data.len() * 8 {
            let mut damaged = data.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let view = classify(EntryType::Normal, &damaged);
            let requests = |view: &EntryView<'_>| view.requests().map(|r| r.map(|r| r.bytes().to_vec())).collect::<Vec<_>>();
            let same = requests(&view) == requests(&healthy) && view.request_id == healthy.request_id;
            assert!(!same || view.class != healthy.class, "bit {bit} goes unnoticed");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_classified(kind in 0..4_i32, data in proptest::collection::vec(any::<u8>(), 0..80)) {
            let kind = match kind { 0 => EntryType::Normal, 1 => EntryType::ConfChange, 2 => EntryType::ConfChangeV2, n => EntryType::Other(n) };
            let view = classify(kind, &data);
            let mut counts = KeySpaceCounts::default();
            view.count_keys(&mut counts);
            prop_assert!(counts.total() <= u64::from(view.mutations));
            let _ = view.encryption();
        }
    }
}

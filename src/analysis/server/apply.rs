//! What applying one committed entry does to a running server, as far as the entry and the membership decide it.

use super::membership::{Change, Membership};
use super::{ServerError, conditions};
use crate::formats::envelope::Envelope;
use crate::formats::kv::{EntryClass, EntryView, OpcodeError, OpcodeErrorKind, Payload, ProposalEnvelope};
use crate::formats::raftpb::{ConfChange, ConfChangeV2, ProtoRules};
use crate::formats::{DecodeError, DecodeErrorKind};
use crate::types::{LogIndex, ServerVersion};

/// What happens when an entry is applied for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Only the counter moves.
    Noop,
    /// The state machine is handed the payload. One that it rejects without stopping is applied too.
    Apply,
    /// The state machine is handed a payload that changes memory only (a lease); duplicates are applied again.
    VolatileApply,
    /// The membership changes; never treated as a duplicate.
    ConfApply,
    /// The payload has to be opened with a key first; what it holds is not known.
    Sealed,
    /// The run loop ends with this error, at every start that applies the entry.
    Halt(ServerError),
}

/// Whether a payload is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealing {
    /// No cutover, or the entry's index is at or below it.
    Clear,
    /// The entry's index is above the cutover.
    Sealed,
    /// The cutover is not known: the payload's shape decides.
    Unknown,
}

impl Sealing {
    /// For an entry at `index`, with the cutover of the key sidecar: `None` = not known, 0 = none.
    pub fn of(cutover: Option<LogIndex>, index: LogIndex) -> Self {
        match cutover {
            None => Self::Unknown,
            Some(LogIndex(0)) => Self::Clear,
            Some(cutover) if index > cutover => Self::Sealed,
            Some(_) => Self::Clear,
        }
    }
}

/// The effect of applying an entry. `membership` is advanced by membership changes; without it they are only decoded.
///
/// Encryption opcodes that are well-formed are `Apply`: whether the registry accepts them is decided elsewhere.
pub fn entry_effect(
    engine: ServerVersion,
    index: LogIndex,
    view: &EntryView<'_>,
    sealing: Sealing,
    membership: Option<&mut Membership>,
) -> Effect {
    match view.class {
        EntryClass::ConfChange | EntryClass::ConfChangeV2 => {
            return match conf_change(engine, index, view, membership) {
                Ok(()) => Effect::ConfApply,
                Err(error) => Effect::Halt(error),
            };
        }
        _ if view.request_id.is_none() => return Effect::Noop,
        _ => {}
    }
    let sealed = match sealing {
        // This server never opens a payload.
        _ if !engine.traits().knows_sealed => false,
        Sealing::Clear => false,
        Sealing::Sealed => true,
        Sealing::Unknown => view.class == EntryClass::Sealed,
    };
    if sealed { sealed_effect(view) } else { clear_effect(view) }
}

/// The effect of a clear payload, for example one that was sealed and has been opened.
pub fn clear_effect(view: &EntryView<'_>) -> Effect {
    match view.payload {
        Payload::Lease(_) => Effect::VolatileApply,
        Payload::Encryption(..) => match view.encryption() {
            Some(Err(error)) => Effect::Halt(opcode_halt(&error)),
            _ => Effect::Apply,
        },
        // The state machine rejects a proposal without a payload before it looks for a request in it.
        Payload::Empty | Payload::None => Effect::Noop,
        Payload::Single(_) | Payload::Batch(_) | Payload::LegacyCommand(_) | Payload::LegacyRequest(_) | Payload::Sealed(_) => {
            Effect::Apply
        }
    }
}

fn sealed_effect(view: &EntryView<'_>) -> Effect {
    let payload = ProposalEnvelope::decode(view.data).map_or(&[][..], |proposal| proposal.payload);
    match Envelope::decode(payload) {
        Ok(_) => Effect::Sealed,
        Err(error) => Effect::Halt(unwrap_halt(&error)),
    }
}

fn opcode_halt(error: &OpcodeError) -> ServerError {
    let condition = match error.kind {
        OpcodeErrorKind::Malformed => &conditions::FSM_WIRE_MALFORMED,
        OpcodeErrorKind::Version => &conditions::FSM_WIRE_VERSION,
        OpcodeErrorKind::Subtag => &conditions::FSM_WIRE_SUBTAG,
        OpcodeErrorKind::Reserved => &conditions::ENCRYPTION_APPLY,
    };
    ServerError::of(condition, error.to_string()).wrapped("raftengine/etcd: FSM-requested apply halt")
}

fn unwrap_halt(error: &DecodeError) -> ServerError {
    let inner = match error.kind {
        DecodeErrorKind::Truncated { needed, available, .. } => {
            format!("got {available} bytes, want >= {needed}: encryption: envelope shorter than header+tag")
        }
        DecodeErrorKind::Unknown { found, .. } => {
            format!("got 0x{found:02x}, want 0x01: encryption: unknown envelope version")
        }
        ref kind => kind.to_string(),
    };
    ServerError::of(&conditions::RAFT_UNWRAP_FAILED, inner)
        .wrapped("encryption: raft envelope decode")
        .wrapped("raftengine/etcd: raft envelope unwrap")
}

fn conf_change(
    engine: ServerVersion,
    index: LogIndex,
    view: &EntryView<'_>,
    membership: Option<&mut Membership>,
) -> Result<(), ServerError> {
    let rules = ProtoRules::from(engine);
    let decoded = match view.class {
        EntryClass::ConfChangeV2 => ConfChangeV2::decode(view.data, rules).map(Change::V2),
        _ => ConfChange::decode(view.data, rules).map(Change::V1),
    };
    let change = decoded.map_err(|error| {
        let text = rules.error_text(&error);
        ServerError::of(&conditions::PROTO, text.clone()).named(text)
    })?;
    membership.map_or(Ok(()), |membership| membership.apply(engine, index, &change))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::kv::classify;
    use crate::formats::raftpb::EntryType;

    fn proposal(payload: &[u8]) -> Vec<u8> {
        [&[1, 0, 0, 0, 0, 0, 0, 0, 7], payload].concat()
    }

    fn effect(engine: ServerVersion, kind: EntryType, data: &[u8], sealing: Sealing) -> Effect {
        entry_effect(engine, LogIndex(13), &classify(kind, data), sealing, None)
    }

    fn payload(payload: &[u8]) -> Effect {
        let data = proposal(payload);
        let both = ServerVersion::ALL.map(|engine| effect(engine, EntryType::Normal, &data, Sealing::Clear));
        assert_eq!(both[0], both[1]);
        both[0].clone()
    }

    fn halt(effect: Effect) -> (String, String) {
        match effect {
            Effect::Halt(error) => (error.error.into_owned(), error.text),
            other => panic!("{other:?} is no halt"),
        }
    }

    #[test]
    fn normal_entries() {
        for data in [&b""[..], b"no proposal", &[2; 9]] {
            assert_eq!(effect(ServerVersion::Main, EntryType::Normal, data, Sealing::Clear), Effect::Noop);
        }
        assert_eq!(effect(ServerVersion::Main, EntryType::Other(3), &proposal(b"\0"), Sealing::Clear), Effect::Noop);
        assert_eq!(payload(b"\x02\0\0\0\0\0\0\0\x01"), Effect::VolatileApply);
        assert_eq!(payload(b"\x02short"), Effect::VolatileApply);
        assert_eq!(payload(b""), Effect::Noop);
        for rejected in [&b"\0junk"[..], b"\x01", b"\x01junk", b"\x08\xff"] {
            assert_eq!(payload(rejected), Effect::Apply, "{rejected:?}");
        }
    }

    #[test]
    fn opcodes_that_stop_the_loop() {
        let prefix = "raftengine/etcd: FSM-requested apply halt: ";
        let (name, text) = halt(payload(&[4]));
        assert_eq!(name, "ErrFSMWireMalformed");
        assert_eq!(
            text,
            format!("{prefix}kv/fsm: decode bootstrap: bootstrap: missing version byte: fsmwire: payload is malformed")
        );
        let (name, text) = halt(payload(&[7, 1, 2]));
        assert_eq!(name, "ErrEncryptionApply");
        assert!(text.starts_with(&format!("{prefix}unknown encryption opcode 0x7: encryption: ")), "{text}");
        assert_eq!(payload(&[3, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2]), Effect::Apply);
    }

    #[test]
    fn membership_changes_that_do_not_decode_stop_the_loop_in_the_words_of_each_runtime() {
        let junk = [0xff, 0xff, 0xff, 0xff];
        for kind in [EntryType::ConfChange, EntryType::ConfChangeV2] {
            let text = |engine| halt(effect(engine, kind, &junk, Sealing::Clear)).1;
            assert_eq!(text(ServerVersion::Pr934), "unexpected EOF");
            assert_eq!(text(ServerVersion::Main), "proto: cannot parse invalid wire-format data");
            assert_eq!(effect(ServerVersion::Main, kind, b"", Sealing::Clear), Effect::ConfApply);
        }
    }

    #[test]
    fn the_cutover_decides_what_is_sealed() {
        let envelope = proposal(&[&[1, 0, 0, 0, 0, 7][..], &[9; 40]].concat());
        let clear = proposal(b"\x02\0\0\0\0\0\0\0\x01");
        let main = |data: &[u8], sealing| effect(ServerVersion::Main, EntryType::Normal, data, sealing);
        assert_eq!(main(&envelope, Sealing::Sealed), Effect::Sealed);
        assert_eq!(main(&envelope, Sealing::Unknown), Effect::Sealed);
        assert_eq!(main(&envelope, Sealing::Clear), Effect::Apply, "a batch that does not parse");
        assert_eq!(main(&clear, Sealing::Unknown), Effect::VolatileApply);
        let (name, text) = halt(main(&clear, Sealing::Sealed));
        assert_eq!(name, "ErrRaftUnwrapFailed");
        assert!(text.ends_with("got 9 bytes, want >= 34: encryption: envelope shorter than header+tag"), "{text}");
        assert_eq!(effect(ServerVersion::Pr934, EntryType::Normal, &clear, Sealing::Sealed), Effect::VolatileApply);
        assert_eq!(main(b"", Sealing::Sealed), Effect::Noop, "an empty entry is never sealed");
        assert_eq!(Sealing::of(Some(LogIndex(13)), LogIndex(13)), Sealing::Clear);
        assert_eq!(Sealing::of(Some(LogIndex(12)), LogIndex(13)), Sealing::Sealed);
        assert_eq!(Sealing::of(Some(LogIndex(0)), LogIndex(13)), Sealing::Clear);
        assert_eq!(Sealing::of(None, LogIndex(13)), Sealing::Unknown);
    }
}

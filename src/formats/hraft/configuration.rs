//! Memberships in log entries: the configuration of type 5, the list of addresses of types 2 and 3.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::msgpack::{Decoded, Decoder, Fields, MsgpackError, MsgpackErrorKind};

/// Servers held in memory; a list above this is refused here, not by the library.
const MAX_SERVERS: u64 = 1 << 16;

/// Whether a server's vote counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Suffrage(pub i64);

impl Suffrage {
    /// Votes and counts in the quorum.
    pub const VOTER: Self = Self(0);
    /// Receives the log only.
    pub const NONVOTER: Self = Self(1);
    /// On the way to becoming a voter; no longer used.
    pub const STAGING: Self = Self(2);

    /// True when the vote counts. Every other number counts as not voting.
    pub const fn votes(self) -> bool {
        self.0 == Self::VOTER.0
    }

    /// True for the three numbers that have a meaning.
    pub const fn is_known(self) -> bool {
        matches!(self.0, 0..=2)
    }
}

impl fmt::Display for Suffrage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("voter"),
            1 => f.write_str("nonvoter"),
            2 => f.write_str("staging"),
            other => write!(f, "suffrage {other}"),
        }
    }
}

/// One server of a membership. Bytes that are not text are replaced for showing; the library compares them as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Server {
    /// Its id.
    pub id: String,
    /// Its address.
    pub address: String,
    /// Whether it votes.
    pub suffrage: Suffrage,
}

/// A membership.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Configuration {
    /// In the order of the payload.
    pub servers: Vec<Server>,
}

impl Configuration {
    /// The first server with the id decides whether it votes.
    pub fn has_vote(&self, id: &str) -> bool {
        self.servers.iter().find(|server| server.id == id).is_some_and(|server| server.suffrage.votes())
    }

    /// Voters, as often as they are listed: the number that the quorum is half of.
    pub fn voters(&self) -> usize {
        self.servers.iter().filter(|server| server.suffrage.votes()).count()
    }

    /// Votes that a node with this id gives itself: one for each time that it is listed as a voter.
    pub fn own_votes(&self, id: &str) -> usize {
        self.servers.iter().filter(|server| server.suffrage.votes() && server.id == id).count()
    }

    /// Votes that win an election.
    pub fn quorum(&self) -> usize {
        self.voters() / 2 + 1
    }
}

/// Something unusual in a payload that the library accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PayloadNote {
    /// No server at all.
    EmptyConfiguration,
    /// Servers, but nobody votes.
    NoVoter,
    /// A server without a suffrage: it counts as a voter.
    MissingSuffrage,
    /// A suffrage without a meaning: it counts as not voting.
    UnknownSuffrage,
    /// A server without an id.
    EmptyId,
    /// A server without an address.
    EmptyAddress,
    /// Two servers with one id.
    DuplicateId,
    /// Two servers with one address.
    DuplicateAddress,
    /// A list that is written as a map: keys and values are elements.
    MapForList,
    /// A field that stands twice: the later value is laid over the earlier one.
    RepeatedField,
    /// An array in the place of a map or of text.
    UnusualEncoding,
    /// A field that the library does not know.
    UnknownField,
    /// An id or address that is not UTF-8.
    NonUtf8,
    /// Bytes behind the payload.
    TrailingBytes,
}

impl PayloadNote {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EmptyConfiguration => "empty-configuration",
            Self::NoVoter => "no-voter",
            Self::MissingSuffrage => "missing-suffrage",
            Self::UnknownSuffrage => "unknown-suffrage",
            Self::EmptyId => "empty-id",
            Self::EmptyAddress => "empty-address",
            Self::DuplicateId => "duplicate-id",
            Self::DuplicateAddress => "duplicate-address",
            Self::MapForList => "map-for-list",
            Self::RepeatedField => "repeated-field",
            Self::UnusualEncoding => "unusual-encoding",
            Self::UnknownField => "unknown-field",
            Self::NonUtf8 => "non-utf8",
            Self::TrailingBytes => "trailing-bytes",
        }
    }
}

/// Notes without repetition.
#[derive(Debug, Default)]
struct Notes(Vec<PayloadNote>);

impl Notes {
    fn add(&mut self, note: PayloadNote) {
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }
}

/// A server whose fields are filled one after another, over what is there.
#[derive(Debug, Clone, Default)]
struct Slot {
    suffrage: Option<i64>,
    id: Vec<u8>,
    address: Vec<u8>,
}

/// The list as the library holds it: memory that outlives a shorter second list.
#[derive(Debug, Default)]
struct Slots {
    memory: Vec<Slot>,
    len: usize,
}

/// Decodes the payload of a type-5 entry.
///
/// # Errors
///
/// Where and why the library refuses it: it panics then.
pub fn decode_configuration(payload: &[u8]) -> Result<(Configuration, Vec<PayloadNote>), MsgpackError> {
    let mut decoder = Decoder::new(payload);
    let mut slots = Slots::default();
    let mut notes = Notes::default();
    if !decoder.nil()? {
        let mut seen = false;
        fields(&mut decoder, &["Servers"], &mut notes, |decoder, _, notes| {
            if seen {
                notes.add(PayloadNote::RepeatedField);
            }
            seen = true;
            servers(decoder, &mut slots, notes)
        })?;
    }
    if decoder.remaining() > 0 {
        notes.add(PayloadNote::TrailingBytes);
    }
    let mut configuration = Configuration::default();
    for slot in slots.memory.iter().take(slots.len) {
        if slot.suffrage.is_none() {
            notes.add(PayloadNote::MissingSuffrage);
        }
        let text = |bytes: &[u8], notes: &mut Notes| match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => {
                notes.add(PayloadNote::NonUtf8);
                String::from_utf8_lossy(bytes).into_owned()
            }
        };
        let (id, address) = (text(&slot.id, &mut notes), text(&slot.address, &mut notes));
        configuration.servers.push(Server { id, address, suffrage: Suffrage(slot.suffrage.unwrap_or(0)) });
    }
    membership_notes(&configuration, &mut notes);
    Ok((configuration, notes.0))
}

/// Decodes the payload of a type-2 or type-3 entry, or the `Peers` of an old snapshot.
///
/// # Errors
///
/// Where and why the library refuses it: an error then, not a panic.
pub fn decode_peers(payload: &[u8]) -> Result<(Configuration, Vec<PayloadNote>), MsgpackError> {
    let mut decoder = Decoder::new(payload);
    let mut notes = Notes::default();
    let mut configuration = Configuration::default();
    if !decoder.nil()? {
        let map = matches!(decoder.peek()?, 0x80..=0x8f | 0xde | 0xdf);
        let count = decoder.list("[][]uint8")?;
        if map && count > 0 {
            notes.add(PayloadNote::MapForList);
        }
        if count > 0 {
            decoder.enter()?;
            for done in 0..count {
                if done >= MAX_SERVERS {
                    return decoder.fail(MsgpackErrorKind::TooMany);
                }
                let address = if decoder.nil()? { Cow::Borrowed(&[][..]) } else { decoder.bytes()? };
                if matches!(address, Cow::Owned(_)) {
                    notes.add(PayloadNote::UnusualEncoding);
                }
                let address = match String::from_utf8_lossy(&address) {
                    Cow::Borrowed(text) => text.to_owned(),
                    Cow::Owned(text) => {
                        notes.add(PayloadNote::NonUtf8);
                        text
                    }
                };
                configuration.servers.push(Server { id: address.clone(), address, suffrage: Suffrage::VOTER });
            }
        }
    }
    if decoder.remaining() > 0 {
        notes.add(PayloadNote::TrailingBytes);
    }
    membership_notes(&configuration, &mut notes);
    Ok((configuration, notes.0))
}

fn membership_notes(configuration: &Configuration, notes: &mut Notes) {
    let servers = &configuration.servers;
    if servers.is_empty() {
        notes.add(PayloadNote::EmptyConfiguration);
    } else if configuration.voters() == 0 {
        notes.add(PayloadNote::NoVoter);
    }
    let mut ids = std::collections::BTreeSet::new();
    let mut addresses = std::collections::BTreeSet::new();
    for server in servers {
        if server.id.is_empty() {
            notes.add(PayloadNote::EmptyId);
        }
        if server.address.is_empty() {
            notes.add(PayloadNote::EmptyAddress);
        }
        if !server.suffrage.is_known() {
            notes.add(PayloadNote::UnknownSuffrage);
        }
        if !ids.insert(&server.id) {
            notes.add(PayloadNote::DuplicateId);
        }
        if !addresses.insert(&server.address) {
            notes.add(PayloadNote::DuplicateAddress);
        }
    }
}

/// Reads a struct: `each` gets the number of a field that is not nil; a nil resets the field, which is its own number
/// with the decoder behind it.
fn fields<'a>(
    decoder: &mut Decoder<'a>,
    names: &[&str],
    notes: &mut Notes,
    mut each: impl FnMut(&mut Decoder<'a>, usize, &mut Notes) -> Decoded<()>,
) -> Decoded<()> {
    let (count, map) = match decoder.fields()? {
        Fields::Map(count) => (count, true),
        Fields::Array(count) => {
            notes.add(PayloadNote::UnusualEncoding);
            (count, false)
        }
    };
    if count == 0 {
        return Ok(());
    }
    decoder.enter()?;
    for position in 0..count {
        let number = if map {
            let key = decoder.key()?;
            names.iter().position(|name| name.as_bytes() == &*key)
        } else {
            usize::try_from(position).ok().filter(|&number| number < names.len())
        };
        match number {
            Some(number) => each(decoder, number, notes)?,
            None => {
                notes.add(PayloadNote::UnknownField);
                decoder.skip()?;
            }
        }
    }
    decoder.leave();
    Ok(())
}

fn servers(decoder: &mut Decoder<'_>, slots: &mut Slots, notes: &mut Notes) -> Decoded<()> {
    if decoder.nil()? {
        *slots = Slots::default();
        return Ok(());
    }
    let map = matches!(decoder.peek()?, 0x80..=0x8f | 0xde | 0xdf);
    let count = decoder.list("[]raft.Server")?;
    if count == 0 {
        slots.len = 0;
        return Ok(());
    }
    if map {
        notes.add(PayloadNote::MapForList);
    }
    decoder.enter()?;
    // A list that fits is laid over the memory of the earlier one; a longer one takes what the earlier list had.
    let capacity = slots.memory.len() as u64;
    if count > capacity {
        slots.memory.truncate(slots.len);
    }
    for number in 0..count {
        if number >= MAX_SERVERS {
            return decoder.fail(MsgpackErrorKind::TooMany);
        }
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        if slots.memory.len() <= number {
            slots.memory.push(Slot::default());
        }
        let Some(slot) = slots.memory.get_mut(number) else { break };
        if decoder.nil()? {
            *slot = Slot::default();
        } else {
            server(decoder, slot, notes)?;
        }
        slots.len = slots.len.max(number + 1);
    }
    slots.len = usize::try_from(count).unwrap_or(usize::MAX).min(slots.memory.len());
    decoder.leave();
    Ok(())
}

fn server(decoder: &mut Decoder<'_>, slot: &mut Slot, notes: &mut Notes) -> Decoded<()> {
    fields(decoder, &["Suffrage", "ID", "Address"], notes, |decoder, number, notes| {
        let nil = decoder.nil()?;
        if number == 0 {
            slot.suffrage = if nil { None } else { Some(decoder.signed()?) };
            return Ok(());
        }
        let text = if nil { Cow::Borrowed(&[][..]) } else { decoder.text()? };
        if matches!(text, Cow::Owned(_)) {
            notes.add(PayloadNote::UnusualEncoding);
        }
        *(if number == 1 { &mut slot.id } else { &mut slot.address }) = text.into_owned();
        Ok(())
    })
}

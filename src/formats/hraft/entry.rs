//! The value of a log key: one entry.

use std::borrow::Cow;

use super::msgpack::{Decoded, Decoder, Fields, MsgpackError};
use super::time::{AppendedAt, TimeFamily, decode_time};

/// Types of log entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogType {
    /// For the state machine.
    Command,
    /// A new leader's first entry.
    Noop,
    /// The whole membership, as a list of addresses.
    AddPeer,
    /// The whole membership, as a list of addresses; older protocols use it for every change.
    RemovePeer,
    /// A wait for everything before it.
    Barrier,
    /// The whole membership.
    Configuration,
    /// A type that ends the process when it is applied.
    Unknown(u8),
}

impl From<u8> for LogType {
    fn from(number: u8) -> Self {
        match number {
            0 => Self::Command,
            1 => Self::Noop,
            2 => Self::AddPeer,
            3 => Self::RemovePeer,
            4 => Self::Barrier,
            5 => Self::Configuration,
            other => Self::Unknown(other),
        }
    }
}

impl LogType {
    /// The number on disk.
    pub const fn number(self) -> u8 {
        match self {
            Self::Command => 0,
            Self::Noop => 1,
            Self::AddPeer => 2,
            Self::RemovePeer => 3,
            Self::Barrier => 4,
            Self::Configuration => 5,
            Self::Unknown(number) => number,
        }
    }

    /// A word for reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Noop => "noop",
            Self::AddPeer => "add-peer",
            Self::RemovePeer => "remove-peer",
            Self::Barrier => "barrier",
            Self::Configuration => "configuration",
            Self::Unknown(_) => "unknown",
        }
    }

    /// True for the types that carry the whole membership.
    pub const fn is_membership(self) -> bool {
        matches!(self, Self::AddPeer | Self::RemovePeer | Self::Configuration)
    }
}

/// How an entry is written; a change along the log dates an upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryForm {
    /// Fields in the map: 4, 5 or 6 by the library's age; 0 for another form than a map.
    pub fields: u64,
    /// Form of the time, where there is one.
    pub time: Option<TimeFamily>,
}

/// One entry as the library decodes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry<'a> {
    /// Position; nothing makes it equal the key.
    pub index: u64,
    /// Term.
    pub term: u64,
    /// Type.
    pub kind: LogType,
    /// The command or membership.
    pub data: Cow<'a, [u8]>,
    /// Offset of the data in the value.
    pub data_at: u64,
    /// Bytes of a middleware.
    pub extensions: Cow<'a, [u8]>,
    /// The leader's clock.
    pub appended_at: Option<AppendedAt>,
    /// How it is written.
    pub form: EntryForm,
    /// A field that a map of this size has from every writer and this one has not.
    pub lacks: Option<&'static str>,
    /// Bytes behind the entry, which nobody reads.
    pub trailing: u64,
}

pub(super) const FIELDS: [&str; 6] = ["Index", "Term", "Type", "Data", "Extensions", "AppendedAt"];

/// The position of a field; `None` for a name that the library passes over.
pub(super) fn number_of(name: &[u8]) -> Option<usize> {
    // Not looked up in the list: this is asked six times an entry, and arrays of a known length are compared without a call.
    match name.len() {
        4 if is(name, b"Term") => Some(1),
        4 if is(name, b"Type") => Some(2),
        4 if is(name, b"Data") => Some(3),
        5 if is(name, b"Index") => Some(0),
        10 if is(name, b"Extensions") => Some(4),
        10 if is(name, b"AppendedAt") => Some(5),
        _ => None,
    }
}

fn is<const N: usize>(name: &[u8], known: &[u8; N]) -> bool {
    name.first_chunk::<N>() == Some(known)
}

/// Decodes a log value.
///
/// # Errors
///
/// Where and why the library refuses it.
pub fn decode_entry(value: &[u8]) -> Result<LogEntry<'_>, MsgpackError> {
    let mut entry = LogEntry {
        index: 0,
        term: 0,
        kind: LogType::Command,
        data: Cow::Borrowed(&[]),
        data_at: 0,
        extensions: Cow::Borrowed(&[]),
        appended_at: None,
        form: EntryForm { fields: 0, time: None },
        lacks: None,
        trailing: 0,
    };
    let mut seen = [false; FIELDS.len()];
    let mut decoder = Decoder::new(value);
    if !decoder.nil()? {
        match decoder.fields()? {
            Fields::Map(count) => {
                entry.form.fields = count;
                in_container(&mut decoder, count, |decoder| {
                    let key = decoder.key()?;
                    let number = number_of(&key);
                    if let Some(seen) = number.and_then(|number| seen.get_mut(number)) {
                        *seen = true;
                    }
                    field(decoder, number, &mut entry)
                })?;
                // Fields were added at the end, so that the size of the map says which there are.
                let written = usize::try_from(count).unwrap_or(usize::MAX).max(4);
                entry.lacks = FIELDS.iter().zip(seen).take(written).find(|(_, seen)| !seen).map(|(name, _)| *name);
            }
            Fields::Array(count) => {
                let mut number = 0;
                in_container(&mut decoder, count, |decoder| {
                    number += 1;
                    field(decoder, Some(number - 1), &mut entry)
                })?;
            }
        }
    }
    entry.form.time = entry.appended_at.map(|time| time.family);
    entry.trailing = decoder.remaining();
    Ok(entry)
}

/// Runs `each` for every element, one level deeper; an empty container adds no level.
fn in_container<'a>(decoder: &mut Decoder<'a>, count: u64, mut each: impl FnMut(&mut Decoder<'a>) -> Decoded<()>) -> Decoded<()> {
    if count == 0 {
        return Ok(());
    }
    decoder.enter()?;
    for _ in 0..count {
        each(decoder)?;
    }
    decoder.leave();
    Ok(())
}

fn field<'a>(decoder: &mut Decoder<'a>, number: Option<usize>, entry: &mut LogEntry<'a>) -> Decoded<()> {
    if number.is_none_or(|number| number >= FIELDS.len()) {
        return decoder.skip();
    }
    let nil = decoder.nil()?;
    match number {
        Some(0) => entry.index = if nil { 0 } else { decoder.unsigned()? },
        Some(1) => entry.term = if nil { 0 } else { decoder.unsigned()? },
        Some(2) => entry.kind = LogType::from(if nil { 0 } else { decoder.small_unsigned()? }),
        Some(3) => {
            let before = decoder.offset();
            entry.data = if nil { Cow::Borrowed(&[]) } else { decoder.bytes()? };
            let raw = matches!(entry.data, Cow::Borrowed(_));
            entry.data_at = if raw { decoder.offset() - entry.data.len() as u64 } else { before };
        }
        Some(4) => entry.extensions = if nil { Cow::Borrowed(&[]) } else { decoder.bytes()? },
        _ => entry.appended_at = if nil { None } else { Some(decode_time(decoder)?) },
    }
    Ok(())
}

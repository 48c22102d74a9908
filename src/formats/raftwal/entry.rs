//! Entries in the codec that is built in: variable-length numbers, bytes with their length, a time in Go's own binary form.

use std::borrow::Cow;
use std::fmt;

use crate::formats::hraft::time::binary;
use crate::formats::hraft::{EntryForm, LogEntry, LogType};
use crate::formats::varint::{self, VarintError};

/// Why the library refuses an entry, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BinaryError {
    /// Offset in the entry.
    pub at: u64,
    /// In the library's words.
    pub text: &'static str,
}

impl fmt::Display for BinaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn fail<T>(&self, text: &'static str) -> Result<T, BinaryError> {
        Err(BinaryError { at: self.at as u64, text })
    }

    /// A number that is cut off reads as 0 without being consumed, as the library has it.
    fn number(&mut self) -> Result<u64, BinaryError> {
        match varint::decode(self.rest()) {
            Ok((value, len)) => {
                self.at += len;
                Ok(value)
            }
            Err(VarintError::Truncated) => Ok(0),
            Err(VarintError::Overflow) => self.fail("runtime error: slice bounds out of range"),
        }
    }

    fn content(&mut self) -> Result<&'a [u8], BinaryError> {
        let len = self.number()?;
        let content = usize::try_from(len).ok().and_then(|len| self.rest().get(..len));
        let Some(content) = content else { return self.fail("short buffer") };
        self.at += content.len();
        Ok(content)
    }
}

/// Decodes an entry.
///
/// # Errors
///
/// Where and why the library refuses it.
pub fn decode_binary_entry(bytes: &[u8]) -> Result<LogEntry<'_>, BinaryError> {
    let mut reader = Reader { bytes, at: 0 };
    let (index, term) = (reader.number()?, reader.number()?);
    #[expect(clippy::cast_possible_truncation, reason = "the library keeps the low byte")]
    let kind = LogType::from(reader.number()? as u8);
    let data = reader.content()?;
    let data_at = (reader.at - data.len()) as u64;
    let extensions = reader.content()?;
    let rest = reader.rest();
    let appended_at = match rest.first() {
        None => return reader.fail("Time.UnmarshalBinary: no data"),
        Some(1 | 2) => match binary(rest) {
            Some(time) => time,
            None => return reader.fail("Time.UnmarshalBinary: invalid length"),
        },
        Some(_) => return reader.fail("Time.UnmarshalBinary: unsupported version"),
    };
    Ok(LogEntry {
        index,
        term,
        kind,
        data: Cow::Borrowed(data),
        data_at,
        extensions: Cow::Borrowed(extensions),
        appended_at: Some(appended_at),
        form: EntryForm { fields: 0, time: Some(appended_at.family) },
        lacks: None,
        trailing: 0,
    })
}

/// First eight bytes of what the verifier puts into the extensions of a checkpoint, little-endian.
pub const CHECKPOINT_MAGIC: u64 = 0xafd1_f9d6_0392_a503;

/// What the verifier says in a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// First entry that is summed; the checkpoint's own is not.
    pub start: u64,
    /// The sum.
    pub sum: u64,
}

impl Checkpoint {
    /// Reads an entry's extensions; `None` when they are something else.
    pub fn decode(extensions: &[u8]) -> Option<Self> {
        let (words, rest) = extensions.as_chunks::<8>();
        let (&[magic, start, sum], []) = (words, rest) else { return None };
        let found = Self { start: u64::from_le_bytes(start), sum: u64::from_le_bytes(sum) };
        (u64::from_le_bytes(magic) == CHECKPOINT_MAGIC).then_some(found)
    }
}

/// The sum with one more entry: FNV-1a of 64 bits that begins with 0.
pub fn checkpoint_sum(sum: u64, entry: &LogEntry<'_>) -> u64 {
    let add =
        |sum: u64, bytes: &[u8]| bytes.iter().fold(sum, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let numbers = [entry.index, entry.term, u64::from(entry.kind.number())];
    let sum = numbers.iter().fold(sum, |sum, number| add(sum, &number.to_be_bytes()));
    add(add(sum, &entry.data), &entry.extensions)
}

//! The two protobuf runtimes, where they differ.

use crate::formats::{DecodeError, DecodeErrorKind, DecodeResult};
use crate::types::{ProtobufRuntime, ServerVersion};

/// Largest legal field number.
const MAX_FIELD_NUMBER: u64 = (1 << 29) - 1;
/// Deepest nesting of groups that the `google` runtime follows.
const MAX_GROUP_DEPTH: usize = 10_000;

/// Which runtime's reading of a message is wanted. On messages that either of them wrote they agree; on damaged ones
/// they do not.
///
/// | | gogo | google |
/// |---|---|---|
/// | known field, wrong wire type | refused: `wrong wireType` | skipped like an unknown field |
/// | bits above the 64th in a ten-byte varint | dropped | refused |
/// | field numbers | the low 31 bits, not 0 | 1 to 2^29 − 1 |
/// | end-group number | not compared | must match |
/// | message that stops early | `unexpected EOF`, which the log reader takes for a torn write | malformed |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProtoRules {
    /// The generated code that server `pr934` uses.
    Gogo,
    /// The reflective runtime that server `main` uses; also the lenient choice for mere reading.
    Google,
}

impl From<ServerVersion> for ProtoRules {
    fn from(engine: ServerVersion) -> Self {
        match engine.traits().protobuf {
            ProtobufRuntime::Gogo => Self::Gogo,
            ProtobufRuntime::Google => Self::Google,
        }
    }
}

impl ProtoRules {
    /// The text with which this runtime refuses a message.
    ///
    /// `unexpected EOF` (gogo, for a message that stops early) is the very error value that the log reader treats as a torn write.
    pub fn error_text(self, error: &DecodeError) -> String {
        match (self, &error.kind) {
            (Self::Google, _) => "proto: cannot parse invalid wire-format data".to_owned(),
            (Self::Gogo, DecodeErrorKind::Truncated { .. }) => "unexpected EOF".to_owned(),
            (Self::Gogo, DecodeErrorKind::Varint { .. }) => "proto: integer overflow".to_owned(),
            (Self::Gogo, DecodeErrorKind::Limit { .. }) => "proto: negative length found during unmarshaling".to_owned(),
            (Self::Gogo, DecodeErrorKind::Invalid { detail, .. }) => format!("proto: {detail}"),
            (Self::Gogo, kind) => format!("proto: {kind}"),
        }
    }
}

/// A decoded tag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tag {
    /// Field number.
    pub number: u32,
    /// Wire type, 0 to 7.
    pub wire: u8,
    /// Offset of the tag within the message.
    at: usize,
}

/// Reads one message field by field under either set of rules.
#[derive(Debug)]
pub(crate) struct MessageReader<'a> {
    message: &'static str,
    bytes: &'a [u8],
    at: usize,
    rules: ProtoRules,
}

impl<'a> MessageReader<'a> {
    /// Starts at the first field; `message` is the name that error texts give.
    pub(crate) const fn new(message: &'static str, bytes: &'a [u8], rules: ProtoRules) -> Self {
        Self { message, bytes, at: 0, rules }
    }

    /// The next tag, or `None` at the end of the message.
    #[inline]
    pub(crate) fn tag(&mut self) -> DecodeResult<Option<Tag>> {
        let at = self.at;
        if at >= self.bytes.len() {
            return Ok(None);
        }
        self.any_tag(false).map(|(number, wire)| Some(Tag { number, wire, at }))
    }

    #[inline]
    fn any_tag(&mut self, nested: bool) -> DecodeResult<(u32, u8)> {
        let at = self.at;
        let tag = self.raw_varint("tag")?;
        let wire = (tag & 7) as u8;
        let number = tag >> 3;
        if (1..=MAX_FIELD_NUMBER).contains(&number) {
            #[expect(clippy::cast_possible_truncation, reason = "just compared with a 29-bit limit")]
            return Ok((number as u32, wire));
        }
        match self.rules {
            ProtoRules::Google => {
                Err(DecodeError::new(at as u64, DecodeErrorKind::Unknown { what: "protobuf field number", found: number }))
            }
            ProtoRules::Gogo => match number & u64::from(u32::MAX) {
                low @ 1..=0x7fff_ffff if wire != 4 =>
                {
                    #[expect(clippy::cast_possible_truncation, reason = "just compared with a 31-bit limit")]
                    Ok((low as u32, wire))
                }
                // An end-group tag and the fields inside a group are not looked at so closely.
                _ if wire == 4 || nested => Ok((0, wire)),
                _ => {
                    let detail = format!("{}: illegal tag {} (wire type {tag})", self.message, low_i32(number));
                    Err(DecodeError::invalid(at as u64, "tag", detail))
                }
            },
        }
    }

    /// The integer of a known field; `None` when the rules skip it for its wire type.
    #[inline]
    pub(crate) fn varint(&mut self, tag: Tag, what: &'static str) -> DecodeResult<Option<u64>> {
        if tag.wire == 0 {
            return self.raw_varint(what).map(Some);
        }
        self.wrong_wire_type(tag, what)?;
        Ok(None)
    }

    /// The bytes of a known field; `None` when the rules skip it for its wire type.
    #[inline]
    pub(crate) fn bytes(&mut self, tag: Tag, what: &'static str) -> DecodeResult<Option<&'a [u8]>> {
        if tag.wire == 2 {
            return self.raw_bytes(what).map(Some);
        }
        self.wrong_wire_type(tag, what)?;
        Ok(None)
    }

    /// The sub-message of a known field: its bytes, with errors inside reported relative to this message.
    pub(crate) fn message<T>(
        &mut self,
        tag: Tag,
        what: &'static str,
        decode: impl FnOnce(&'a [u8], ProtoRules) -> DecodeResult<T>,
    ) -> DecodeResult<Option<T>> {
        let rules = self.rules;
        let Some(bytes) = self.bytes(tag, what)? else { return Ok(None) };
        let start = self.at.saturating_sub(bytes.len()) as u64;
        decode(bytes, rules).map(Some).map_err(|error| error.shifted(start))
    }

    /// The elements of a repeated integer, packed or not.
    pub(crate) fn repeated(&mut self, tag: Tag, what: &'static str, mut element: impl FnMut(u64)) -> DecodeResult<()> {
        match tag.wire {
            0 => element(self.raw_varint(what)?),
            2 => {
                let packed = self.raw_bytes(what)?;
                let start = self.at.saturating_sub(packed.len()) as u64;
                let mut inner = MessageReader::new(self.message, packed, self.rules);
                while inner.at < packed.len() {
                    element(inner.raw_varint(what).map_err(|error| error.shifted(start))?);
                }
            }
            _ => self.wrong_wire_type(tag, what)?,
        }
        Ok(())
    }

    #[cold]
    fn wrong_wire_type(&mut self, tag: Tag, what: &'static str) -> DecodeResult<()> {
        match self.rules {
            // An end-group tag outside a group is malformed before its number is looked at.
            ProtoRules::Gogo if tag.wire != 4 => {
                Err(DecodeError::invalid(tag.at as u64, what, format!("wrong wireType = {} for field {what}", tag.wire)))
            }
            _ => self.skip(tag),
        }
    }

    /// Passes over an unknown field.
    #[cold]
    pub(crate) fn skip(&mut self, tag: Tag) -> DecodeResult<()> {
        if tag.wire == 4 {
            let detail = format!("{}: wiretype end group for non-group", self.message);
            return Err(DecodeError::invalid(tag.at as u64, "tag", detail));
        }
        let mut open: Vec<u32> = Vec::new();
        let (mut number, mut wire, mut at) = (tag.number, tag.wire, tag.at);
        loop {
            match wire {
                0 => drop(self.raw_varint("unknown field")?),
                1 => drop(self.take(8, "unknown field")?),
                2 => drop(self.raw_bytes("unknown field")?),
                5 => drop(self.take(4, "unknown field")?),
                3 if open.len() < MAX_GROUP_DEPTH || self.rules == ProtoRules::Gogo => open.push(number),
                4 => match open.pop() {
                    Some(started) if started == number || self.rules == ProtoRules::Gogo => {}
                    _ => return Err(DecodeError::invalid(at as u64, "group", "unexpected end of group")),
                },
                _ => return Err(DecodeError::invalid(at as u64, "tag", format!("illegal wireType {wire}"))),
            }
            if open.is_empty() {
                return Ok(());
            }
            at = self.at;
            (number, wire) = self.any_tag(true)?;
        }
    }

    #[inline]
    fn raw_varint(&mut self, what: &'static str) -> DecodeResult<u64> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(what),
        }
    }

    #[inline]
    fn long_varint(&mut self, what: &'static str) -> DecodeResult<u64> {
        let at = self.at;
        let rest = self.bytes.get(at..).unwrap_or_default();
        let mut value = 0_u64;
        for (position, &byte) in rest.iter().enumerate().take(10) {
            if position == 9 && byte > 1 && (self.rules == ProtoRules::Google || byte >= 0x80) {
                return Err(DecodeError::new(at as u64, DecodeErrorKind::Varint { what }));
            }
            value |= u64::from(byte & 0x7f) << (7 * position);
            if byte < 0x80 {
                self.at += position + 1;
                return Ok(value);
            }
        }
        Err(self.truncated(what, rest.len() as u64 + 1))
    }

    #[inline]
    fn raw_bytes(&mut self, what: &'static str) -> DecodeResult<&'a [u8]> {
        let at = self.at;
        let len = self.raw_varint(what)?;
        let limit = (i64::MAX as u64).saturating_sub(self.at as u64);
        if len > limit {
            return Err(DecodeError::new(at as u64, DecodeErrorKind::Limit { what, found: len, limit }));
        }
        self.take(len, what)
    }

    #[inline]
    fn take(&mut self, len: u64, what: &'static str) -> DecodeResult<&'a [u8]> {
        let taken = usize::try_from(len).ok().and_then(|len| self.bytes.get(self.at..)?.get(..len));
        match taken {
            Some(taken) => {
                self.at += taken.len();
                Ok(taken)
            }
            None => Err(self.truncated(what, len)),
        }
    }

    #[cold]
    fn truncated(&self, what: &'static str, needed: u64) -> DecodeError {
        let available = self.bytes.len().saturating_sub(self.at) as u64;
        DecodeError::new(self.at as u64, DecodeErrorKind::Truncated { what, needed, available })
    }
}

/// The low 32 bits as both runtimes keep them of an enum or `int32`.
#[expect(clippy::cast_possible_truncation, reason = "the runtimes keep the low 32 bits")]
pub(crate) const fn low_i32(value: u64) -> i32 {
    value as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(bytes: &[u8], rules: ProtoRules) -> DecodeResult<usize> {
        let mut reader = MessageReader::new("Record", bytes, rules);
        let mut seen = 0;
        while let Some(tag) = reader.tag()? {
            reader.skip(tag)?;
            seen += 1;
        }
        Ok(seen)
    }

    #[test]
    fn a_message_that_stops_early_is_a_truncation() {
        for bytes in [&[0x08][..], &[0x12, 5, 1], &[0x0d, 1], &[0x09, 1], &[0x0b, 0x08, 1], &[0x88]] {
            assert!(walk(bytes, ProtoRules::Gogo).unwrap_err().is_truncation(), "{bytes:02x?}");
            assert!(walk(bytes, ProtoRules::Google).is_err(), "{bytes:02x?}");
        }
    }

    #[test]
    fn end_groups_are_compared_by_one_runtime_only() {
        let mismatched = [0x0b, 0x14];
        assert_eq!(walk(&mismatched, ProtoRules::Gogo), Ok(1));
        assert!(walk(&mismatched, ProtoRules::Google).is_err());
        assert!(walk(&[0x0c], ProtoRules::Gogo).is_err());
    }

    #[test]
    fn field_numbers_and_long_varints_differ() {
        // 2^29 as a field number, varint 1.
        let large = [0x80, 0x80, 0x80, 0x80, 0x10, 1];
        assert_eq!(walk(&large, ProtoRules::Gogo), Ok(1));
        assert!(walk(&large, ProtoRules::Google).is_err());
        let slack = [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert_eq!(walk(&slack, ProtoRules::Gogo), Ok(1));
        assert!(walk(&slack, ProtoRules::Google).is_err());
        assert!(walk(&[0x00, 1], ProtoRules::Gogo).is_err());
    }

    #[test]
    fn a_negative_length_is_not_a_truncation() {
        let bytes = [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        let error = walk(&bytes, ProtoRules::Gogo).unwrap_err();
        assert_eq!(ProtoRules::Gogo.error_text(&error), "proto: negative length found during unmarshaling");
    }

    #[test]
    fn groups_do_not_nest_without_end() {
        assert!(walk(&vec![0x0b; 40_000], ProtoRules::Google).is_err());
        assert!(walk(&vec![0x0b; 40_000], ProtoRules::Gogo).unwrap_err().is_truncation());
    }
}

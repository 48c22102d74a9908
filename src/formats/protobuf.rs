//! Walks the fields of a protobuf message in place.
//!
//! The rules are those of the two runtimes that write elastickv's files: a field number of 0 or above 2^29 − 1, a value
//! that is cut off, an end-group that does not match or a group nested more than 100 deep is malformed. Unknown fields are skipped by the
//! caller. What to do with a *known* field of the wrong wire type differs between the runtimes and is the caller's
//! decision too.

use super::{Cursor, DecodeError, DecodeErrorKind, DecodeResult};

/// Deepest nesting of groups that is followed.
const MAX_GROUP_DEPTH: usize = 100;
/// Largest legal field number.
const MAX_FIELD_NUMBER: u64 = (1 << 29) - 1;

/// One field as it stands in the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Field number, 1 to 2^29 − 1.
    pub number: u32,
    /// Offset of the tag within the message.
    pub at: u64,
    /// The value by wire type.
    pub value: Value<'a>,
}

/// A field's value by wire type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 1, little-endian.
    Fixed64(u64),
    /// Wire type 2.
    Bytes(&'a [u8]),
    /// Wire types 3 and 4: everything between start and end, end tag excluded.
    Group(&'a [u8]),
    /// Wire type 5, little-endian.
    Fixed32(u32),
}

impl<'a> Value<'a> {
    /// The integer, when the wire type is 0.
    pub const fn as_varint(self) -> Option<u64> {
        match self {
            Self::Varint(value) => Some(value),
            _ => None,
        }
    }

    /// The bytes, when the wire type is 2.
    pub const fn as_bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// Iterates over the fields of `message`. After the first error it is exhausted.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    cursor: Cursor<'a>,
    failed: bool,
}

/// The fields of one message.
pub const fn fields(message: &[u8]) -> Fields<'_> {
    Fields { cursor: Cursor::new(message), failed: false }
}

impl<'a> Iterator for Fields<'a> {
    type Item = DecodeResult<Field<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.cursor.is_empty() {
            return None;
        }
        let field = read_field(&mut self.cursor);
        self.failed = field.is_err();
        Some(field)
    }
}

/// A decoded tag: field number and wire type.
fn read_tag(cursor: &mut Cursor<'_>) -> DecodeResult<(u32, u8)> {
    let at = cursor.offset();
    let tag = cursor.varint("protobuf tag")?;
    let number = tag >> 3;
    match u32::try_from(number) {
        Ok(small) if (1..=MAX_FIELD_NUMBER).contains(&number) => Ok((small, low_byte(tag) & 7)),
        _ => Err(DecodeError::new(at, DecodeErrorKind::Unknown { what: "protobuf field number", found: number })),
    }
}

fn low_byte(value: u64) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low
}

fn read_field<'a>(cursor: &mut Cursor<'a>) -> DecodeResult<Field<'a>> {
    let at = cursor.offset();
    let (number, wire) = read_tag(cursor)?;
    let value = match wire {
        0 => Value::Varint(cursor.varint("protobuf varint")?),
        1 => Value::Fixed64(cursor.u64_le("protobuf fixed64")?),
        2 => Value::Bytes(cursor.varint_bytes("protobuf bytes")?),
        3 => Value::Group(read_group(cursor, number)?),
        5 => Value::Fixed32(cursor.u32_le("protobuf fixed32")?),
        _ => return Err(DecodeError::new(at, DecodeErrorKind::Unknown { what: "protobuf wire type", found: wire.into() })),
    };
    Ok(Field { number, at, value })
}

/// Skips to the end-group tag of `number`; nested groups are matched with an explicit stack of bounded depth.
fn read_group<'a>(cursor: &mut Cursor<'a>, number: u32) -> DecodeResult<&'a [u8]> {
    let content = cursor.rest();
    let start = cursor.offset();
    let mut open = vec![number];
    loop {
        let at = cursor.offset();
        let (number, wire) = read_tag(cursor)?;
        match wire {
            0 => drop(cursor.varint("protobuf varint")?),
            1 => drop(cursor.array::<8>("protobuf fixed64")?),
            2 => drop(cursor.varint_bytes("protobuf bytes")?),
            5 => drop(cursor.array::<4>("protobuf fixed32")?),
            3 if open.len() < MAX_GROUP_DEPTH => open.push(number),
            4 if open.pop() == Some(number) => {
                if open.is_empty() {
                    let len = usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
                    return Ok(content.get(..len).unwrap_or_default());
                }
            }
            _ => return Err(DecodeError::invalid(at, "protobuf group", "nesting or end tag does not match")),
        }
    }
}

/// The elements of a repeated integer field value: one when unpacked, all when packed.
pub fn repeated_varints<'a>(value: Value<'a>) -> impl Iterator<Item = DecodeResult<u64>> + 'a {
    let (single, packed): (_, &'a [u8]) = match value {
        Value::Varint(value) => (Some(Ok(value)), &[]),
        Value::Bytes(bytes) => (None, bytes),
        Value::Fixed64(_) | Value::Fixed32(_) | Value::Group(_) => {
            (Some(Err(DecodeError::invalid(0, "repeated integer", "wrong wire type"))), &[])
        }
    };
    let mut cursor = Cursor::new(packed);
    let mut failed = false;
    single.into_iter().chain(std::iter::from_fn(move || {
        if failed || cursor.is_empty() {
            return None;
        }
        let item = cursor.varint("packed integer");
        failed = item.is_err();
        Some(item)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(bytes: &[u8]) -> DecodeResult<Vec<(u32, Value<'_>)>> {
        fields(bytes).map(|field| field.map(|f| (f.number, f.value))).collect()
    }

    #[test]
    fn all_wire_types() {
        let bytes =
            [0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x1d, 1, 0, 0, 0, 0x21, 2, 0, 0, 0, 0, 0, 0, 0, 0x2b, 0x08, 5, 0x2c];
        assert_eq!(
            collect(&bytes).unwrap(),
            vec![
                (1, Value::Varint(150)),
                (2, Value::Bytes(b"hi")),
                (3, Value::Fixed32(1)),
                (4, Value::Fixed64(2)),
                (5, Value::Group(&[0x08, 5]))
            ]
        );
    }

    #[test]
    fn malformed_messages_are_refused() {
        for bytes in [&[0x00][..], &[0x04], &[0x2b, 0x34], &[0x2b], &[0x12, 0x05, 1], &[0x08], &[0x0f], &[0x80; 12]] {
            assert!(collect(bytes).is_err(), "{bytes:02x?}");
        }
    }

    #[test]
    fn groups_do_not_nest_without_end() {
        assert!(collect(&[0x2b; 4096]).is_err());
    }

    #[test]
    fn integers_may_be_packed() {
        let packed: DecodeResult<Vec<_>> = repeated_varints(Value::Bytes(&[1, 0x96, 1])).collect();
        assert_eq!(packed, Ok(vec![1, 150]));
        let single: DecodeResult<Vec<_>> = repeated_varints(Value::Varint(7)).collect();
        assert_eq!(single, Ok(vec![7]));
        assert!(repeated_varints(Value::Bytes(&[1, 0x80])).collect::<DecodeResult<Vec<_>>>().is_err());
    }
}

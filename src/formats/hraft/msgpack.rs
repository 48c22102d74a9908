//! MessagePack as the library's decoder reads it into fields of a known type: raw strings without a character set, every
//! integer width, arrays of small integers in the place of bytes, maps in the place of lists.

use std::borrow::Cow;
use std::fmt;

/// Containers nested this deep are refused by the library; the outermost counts as 1.
pub const MAX_DEPTH: u32 = 1024;

/// Why the library refuses the bytes, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MsgpackError {
    /// Bytes that had been consumed, the offending descriptor included.
    pub at: u64,
    /// The reason.
    pub kind: MsgpackErrorKind,
}

/// Reasons to refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MsgpackErrorKind {
    /// The input ends inside a value.
    Eof,
    /// A value where only a map or an array can stand.
    NotAStruct,
    /// A value where only a list can stand; the number is the library's own class of what stood there.
    NotAList(u8),
    /// Bytes or text where a list is expected.
    BytesForList(&'static str),
    /// Not an integer.
    NotAnInteger {
        /// Whether the field is a signed one.
        signed: bool,
        /// The descriptor byte.
        found: u8,
    },
    /// A negative integer for an unsigned field.
    Negative(i64),
    /// An integer that the field cannot hold.
    Overflow(u64),
    /// Not bytes or text.
    NotBytes(u8),
    /// A map key without a byte.
    EmptyKey,
    /// Containers nested too deeply.
    TooDeep,
    /// The reserved descriptor.
    Reserved(u8),
    /// Bytes that are not a time.
    NotATime(u64),
    /// A value that is not a time at all.
    NotATimeValue(u8, u8),
    /// More list elements than this program holds in memory.
    TooMany,
}

impl MsgpackError {
    /// Offset of the byte at which the library gives up.
    pub const fn offset(&self) -> u64 {
        match self.kind {
            MsgpackErrorKind::Eof => self.at,
            _ => self.at.saturating_sub(1),
        }
    }
}

impl fmt::Display for MsgpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use MsgpackErrorKind as Kind;
        if self.kind == Kind::Eof {
            return f.write_str("EOF");
        }
        write!(f, "msgpack decode error [pos {}]: ", self.at)?;
        match &self.kind {
            Kind::Eof => Ok(()),
            Kind::NotAStruct => f.write_str("only encoded map or array can be decoded into a struct"),
            Kind::NotAList(class) => write!(f, "only encoded map or array can be decoded into a slice ({class})"),
            Kind::BytesForList(list) => {
                write!(f, "bytes/string in stream must decode into slice/array of bytes, not {list}")
            }
            Kind::NotAnInteger { signed, found } => {
                let sign = if *signed { "signed" } else { "unsigned" };
                write!(f, "cannot decode {sign} integer: unrecognized descriptor byte: {found:x}/{}", class_name(*found))
            }
            Kind::Negative(value) => write!(f, "assigning negative signed value: {value}, to unsigned type"),
            Kind::Overflow(value) => write!(f, "uint64 overflow: {value}"),
            Kind::NotBytes(found) => write!(f, "invalid byte descriptor for decoding bytes, got: 0x{found:x}"),
            Kind::EmptyKey => f.write_str("runtime error: index out of range [0] with length 0"),
            Kind::TooDeep => f.write_str("maximum decoding depth exceeded"),
            Kind::Reserved(found) => {
                write!(f, "cannot infer value: unrecognized descriptor byte: Ox{found:x}/{found}/{}", class_name(*found))
            }
            Kind::NotATime(len) => {
                write!(f, "invalid bytes for decoding time - expecting string or 4, 8, or 12 bytes, got {len}")
            }
            Kind::NotATimeValue(first, second) => {
                write!(f, "invalid stream for decoding time as extension: got 0x{first:x}, 0x{second:x}")
            }
            Kind::TooMany => f.write_str("more elements than can be examined"),
        }
    }
}

impl std::error::Error for MsgpackError {}

/// Result of a decoder.
pub(super) type Decoded<T> = Result<T, MsgpackError>;

/// The class of a descriptor byte, in the library's words.
const fn class_name(bd: u8) -> &'static str {
    match bd {
        0xc0 => "nil",
        0xc2 => "false",
        0xc3 => "true",
        0xca | 0xcb => "float",
        0xcc..=0xcf => "uint",
        0xd0..=0xd3 | 0x00..=0x7f | 0xe0..=0xff => "int",
        0xd9..=0xdb | 0xa0..=0xbf => "string|bytes",
        0xc4..=0xc6 => "bytes",
        0xdc | 0xdd | 0x90..=0x9f => "array",
        0xde | 0xdf | 0x80..=0x8f => "map",
        0xd4..=0xd8 | 0xc7..=0xc9 => "ext",
        _ => "unknown",
    }
}

/// What kind of value a descriptor byte begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Nil,
    Bytes,
    Array,
    Map,
    Other,
}

const fn class(bd: u8) -> Class {
    match bd {
        0xc0 => Class::Nil,
        0xc4..=0xc6 | 0xd9..=0xdb | 0xa0..=0xbf => Class::Bytes,
        0xdc | 0xdd | 0x90..=0x9f => Class::Array,
        0xde | 0xdf | 0x80..=0x8f => Class::Map,
        _ => Class::Other,
    }
}

/// A struct's fields, as they stand in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fields {
    /// Pairs of name and value.
    Map(u64),
    /// Values in the order of the declaration.
    Array(u64),
}

/// Reads values one after another.
#[derive(Debug, Clone)]
pub(super) struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
}

impl<'a> Decoder<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0 }
    }

    /// Offset of the next byte.
    pub(super) const fn offset(&self) -> u64 {
        self.at as u64
    }

    /// Bytes that have not been read.
    pub(super) const fn remaining(&self) -> u64 {
        self.bytes.len().saturating_sub(self.at) as u64
    }

    pub(super) fn fail<T>(&self, kind: MsgpackErrorKind) -> Decoded<T> {
        Err(MsgpackError { at: self.at as u64, kind })
    }

    /// A refusal because of the next descriptor, which counts as consumed.
    fn refuse<T>(&self, kind: MsgpackErrorKind) -> Decoded<T> {
        Err(MsgpackError { at: self.at as u64 + 1, kind })
    }

    fn take(&mut self, len: u64) -> Decoded<&'a [u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match usize::try_from(len).ok().and_then(|len| rest.get(..len)) {
            Some(taken) => {
                self.at += taken.len();
                Ok(taken)
            }
            None => {
                self.at = self.bytes.len();
                self.fail(MsgpackErrorKind::Eof)
            }
        }
    }

    fn number<const N: usize>(&mut self) -> Decoded<u64> {
        match self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>()) {
            Some(bytes) => {
                self.at += N;
                Ok(bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)))
            }
            None => self.take(N as u64).map(|_| 0),
        }
    }

    /// The next descriptor, which stays.
    pub(super) fn peek(&self) -> Decoded<u8> {
        match self.bytes.get(self.at) {
            Some(&bd) => Ok(bd),
            None => self.fail(MsgpackErrorKind::Eof),
        }
    }

    pub(super) fn class(&self) -> Decoded<Class> {
        self.peek().map(class)
    }

    /// Consumes a nil, if one is next.
    pub(super) fn nil(&mut self) -> Decoded<bool> {
        let nil = self.peek()? == 0xc0;
        if nil {
            self.at += 1;
        }
        Ok(nil)
    }

    /// One level deeper.
    pub(super) fn enter(&mut self) -> Decoded<()> {
        self.depth += 1;
        if self.depth >= MAX_DEPTH { self.fail(MsgpackErrorKind::TooDeep) } else { Ok(()) }
    }

    /// One level up again.
    pub(super) const fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Length of a container or of bytes; the descriptor must be one of them.
    fn length(&mut self) -> Decoded<u64> {
        let bd = self.peek()?;
        self.at += 1;
        match bd {
            0x80..=0x9f => Ok(u64::from(bd & 0x0f)),
            0xa0..=0xbf => Ok(u64::from(bd & 0x1f)),
            0xc4 | 0xd9 => self.number::<1>(),
            0xc5 | 0xda | 0xdc | 0xde => self.number::<2>(),
            _ => self.number::<4>(),
        }
    }

    /// Begins a struct. One that is nil was for the caller to see.
    pub(super) fn fields(&mut self) -> Decoded<Fields> {
        match self.class()? {
            Class::Map => self.length().map(Fields::Map),
            Class::Array => self.length().map(Fields::Array),
            Class::Nil | Class::Bytes | Class::Other => self.refuse(MsgpackErrorKind::NotAStruct),
        }
    }

    /// Begins a list: the number of elements. A map counts twice, its keys are elements too.
    pub(super) fn list(&mut self, name: &'static str) -> Decoded<u64> {
        match self.class()? {
            Class::Array => self.length(),
            Class::Map => Ok(self.length()? * 2),
            Class::Bytes => self.refuse(MsgpackErrorKind::BytesForList(name)),
            Class::Nil => self.refuse(MsgpackErrorKind::NotAList(1)),
            Class::Other => self.refuse(MsgpackErrorKind::NotAList(0)),
        }
    }

    /// The name of a field.
    pub(super) fn key(&mut self) -> Decoded<Cow<'a, [u8]>> {
        // As every writer writes it: a short raw string.
        if let Some((&bd @ 0xa1..=0xbf, rest)) = self.bytes.get(self.at..).and_then(<[u8]>::split_first)
            && let Some(key) = rest.get(..usize::from(bd & 0x1f))
        {
            self.at += 1 + key.len();
            return Ok(Cow::Borrowed(key));
        }
        let key = if self.nil()? { Cow::Borrowed(&[][..]) } else { self.text()? };
        if key.is_empty() { self.fail(MsgpackErrorKind::EmptyKey) } else { Ok(key) }
    }

    /// Text or bytes of a string field: raw, text, bytes, or an array of small integers.
    pub(super) fn text(&mut self) -> Decoded<Cow<'a, [u8]>> {
        let bd = self.peek()?;
        match class(bd) {
            Class::Nil => {
                self.at += 1;
                Ok(Cow::Borrowed(&[]))
            }
            Class::Bytes => {
                let len = self.length()?;
                self.take(len).map(Cow::Borrowed)
            }
            Class::Array => self.small_integers(),
            Class::Map | Class::Other => self.refuse(MsgpackErrorKind::NotBytes(bd)),
        }
    }

    /// A field of bytes: as text, and a map of small integers as well.
    pub(super) fn bytes(&mut self) -> Decoded<Cow<'a, [u8]>> {
        match self.class()? {
            Class::Bytes => {
                let len = self.length()?;
                self.take(len).map(Cow::Borrowed)
            }
            _ => self.small_integers(),
        }
    }

    fn small_integers(&mut self) -> Decoded<Cow<'a, [u8]>> {
        let count = self.list("[]uint8")?;
        if count == 0 {
            return Ok(Cow::Borrowed(&[]));
        }
        self.enter()?;
        let mut bytes = Vec::new();
        for _ in 0..count {
            bytes.push(if self.nil()? { 0 } else { self.small_unsigned()? });
        }
        self.leave();
        Ok(Cow::Owned(bytes))
    }

    /// An unsigned integer of at most 8 bits.
    pub(super) fn small_unsigned(&mut self) -> Decoded<u8> {
        let value = self.unsigned()?;
        u8::try_from(value).or_else(|_| self.fail(MsgpackErrorKind::Overflow(value)))
    }

    /// An unsigned integer.
    pub(super) fn unsigned(&mut self) -> Decoded<u64> {
        let bd = self.peek()?;
        match bd {
            0x00..=0x7f | 0xcc..=0xcf => Ok(self.signed()?.cast_unsigned()),
            0xd0..=0xd3 | 0xe0..=0xff => {
                let value = self.signed()?;
                match bd {
                    // The library prints the descriptor itself here.
                    0xe0..=0xff => self.fail(MsgpackErrorKind::Negative(bd.into())),
                    _ => u64::try_from(value).or_else(|_| self.fail(MsgpackErrorKind::Negative(value))),
                }
            }
            _ => self.refuse(MsgpackErrorKind::NotAnInteger { signed: false, found: bd }),
        }
    }

    /// A signed integer; an unsigned one above the range wraps.
    pub(super) fn signed(&mut self) -> Decoded<i64> {
        let bd = self.peek()?;
        if !matches!(bd, 0x00..=0x7f | 0xcc..=0xd3 | 0xe0..=0xff) {
            return self.refuse(MsgpackErrorKind::NotAnInteger { signed: true, found: bd });
        }
        self.at += 1;
        #[expect(clippy::cast_possible_truncation, reason = "the number has that many bytes")]
        Ok(match bd {
            0xcc => self.number::<1>()?.cast_signed(),
            0xcd => self.number::<2>()?.cast_signed(),
            0xce => self.number::<4>()?.cast_signed(),
            0xcf | 0xd3 => self.number::<8>()?.cast_signed(),
            0xd0 => i64::from((self.number::<1>()? as u8).cast_signed()),
            0xd1 => i64::from((self.number::<2>()? as u16).cast_signed()),
            0xd2 => i64::from((self.number::<4>()? as u32).cast_signed()),
            _ => i64::from(bd.cast_signed()),
        })
    }

    /// The bytes of a time and whether they stood in a short raw string, where another form is tried first.
    pub(super) fn time(&mut self) -> Decoded<(&'a [u8], bool)> {
        let bd = self.peek()?;
        if class(bd) == Class::Bytes {
            let len = self.length()?;
            return Ok((self.take(len)?, matches!(bd, 0xa0..=0xbf)));
        }
        self.at += 1;
        let second = self.number::<1>()?;
        #[expect(clippy::cast_possible_truncation, reason = "one byte")]
        let second = second as u8;
        let len = match (bd, second) {
            (0xd6, 0xff) => 4,
            (0xd7, 0xff) => 8,
            (0xc7, 12) if self.number::<1>()? == 0xff => 12,
            _ => return self.fail(MsgpackErrorKind::NotATimeValue(bd, second)),
        };
        Ok((self.take(len)?, false))
    }

    /// Passes over one value of any kind, without recursion.
    pub(super) fn skip(&mut self) -> Decoded<()> {
        // Values that are left to pass over, a container each.
        let mut open: Vec<u64> = Vec::new();
        loop {
            let bd = self.peek()?;
            match class(bd) {
                Class::Nil => self.at += 1,
                Class::Bytes => {
                    let len = self.length()?;
                    self.take(len)?;
                }
                Class::Array => {
                    let count = self.length()?;
                    self.enter()?;
                    open.push(count);
                }
                Class::Map => {
                    let count = self.length()? * 2;
                    self.enter()?;
                    open.push(count);
                }
                Class::Other => self.skip_scalar(bd)?,
            }
            loop {
                match open.last_mut() {
                    None => return Ok(()),
                    Some(0) => {
                        open.pop();
                        self.leave();
                    }
                    Some(left) => {
                        *left -= 1;
                        break;
                    }
                }
            }
        }
    }

    fn skip_scalar(&mut self, bd: u8) -> Decoded<()> {
        self.at += 1;
        let len = match bd {
            0xcc | 0xd0 => 1,
            0xcd | 0xd1 => 2,
            0xca | 0xce | 0xd2 => 4,
            0xcb | 0xcf | 0xd3 => 8,
            0xd4..=0xd8 => return self.skip_extension(1 << (bd - 0xd4)),
            0xc7 => {
                let len = self.number::<1>()?;
                return self.skip_extension(len);
            }
            0xc8 => {
                let len = self.number::<2>()?;
                return self.skip_extension(len);
            }
            0xc9 => {
                let len = self.number::<4>()?;
                return self.skip_extension(len);
            }
            0xc1 => return self.fail(MsgpackErrorKind::Reserved(bd)),
            _ => 0,
        };
        self.take(len).map(|_| ())
    }

    fn skip_extension(&mut self, len: u64) -> Decoded<()> {
        let tag = self.number::<1>()?;
        self.take(len)?;
        if tag == 0xff && !matches!(len, 4 | 8 | 12) { self.fail(MsgpackErrorKind::NotATime(len)) } else { Ok(()) }
    }
}

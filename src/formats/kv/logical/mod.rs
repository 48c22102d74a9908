#![doc = include_str!("../../../../docs/formats/keys.md")]

mod place;
mod segments;
mod selection;
mod shown;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

pub use place::{Held, Part, Place};
pub use selection::{KeyFilter, Selection};
pub use shown::{KeyName, PartName, Shown};

use crate::formats::mvcc::MetaKey;
use crate::types::{Escaped, unescape};

/// A name that people use, of whatever keys the store keeps for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogicalKey<'a> {
    /// A key of redis.
    Redis(Cow<'a, [u8]>),
    /// A table of `DynamoDB`, or an item of it by its hash key and, where the table has one, its range key. Keys that are numbers
    /// are the bytes that the server makes of them to keep their order.
    Dynamo {
        /// The table.
        table: Cow<'a, [u8]>,
        /// The hash key.
        hash: Option<Cow<'a, [u8]>>,
        /// The range key; only with a hash key.
        range: Option<Cow<'a, [u8]>>,
    },
    /// A bucket of S3, or an object of it.
    S3 {
        /// The bucket.
        bucket: Cow<'a, [u8]>,
        /// The object.
        object: Option<Cow<'a, [u8]>>,
    },
    /// A queue of SQS.
    Sqs(Cow<'a, [u8]>),
    /// One of the store's own numbers.
    Meta(MetaKey),
}

/// Which interface of the server a name belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Namespace {
    /// `redis:`
    Redis,
    /// `ddb:`
    Dynamo,
    /// `s3:`
    S3,
    /// `sqs:`
    Sqs,
    /// `meta:`
    Meta,
}

impl Namespace {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Redis, Self::Dynamo, Self::S3, Self::Sqs, Self::Meta];

    /// What stands in front of its names.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Redis => "redis:",
            Self::Dynamo => "ddb:",
            Self::S3 => "s3:",
            Self::Sqs => "sqs:",
            Self::Meta => "meta:",
        }
    }
}

impl LogicalKey<'_> {
    /// Where it belongs.
    pub const fn namespace(&self) -> Namespace {
        match self {
            Self::Redis(_) => Namespace::Redis,
            Self::Dynamo { .. } => Namespace::Dynamo,
            Self::S3 { .. } => Namespace::S3,
            Self::Sqs(_) => Namespace::Sqs,
            Self::Meta(_) => Namespace::Meta,
        }
    }

    /// The same with bytes of its own.
    pub fn into_owned(self) -> LogicalKey<'static> {
        let own = |bytes: Cow<'_, [u8]>| Cow::Owned(bytes.into_owned());
        match self {
            Self::Redis(name) => LogicalKey::Redis(own(name)),
            Self::Dynamo { table, hash, range } => {
                LogicalKey::Dynamo { table: own(table), hash: hash.map(own), range: range.map(own) }
            }
            Self::S3 { bucket, object } => LogicalKey::S3 { bucket: own(bucket), object: object.map(own) },
            Self::Sqs(queue) => LogicalKey::Sqs(own(queue)),
            Self::Meta(key) => LogicalKey::Meta(key),
        }
    }

    /// What uses the space when all items of a table or objects of a bucket count together.
    #[must_use]
    pub fn owner(self) -> Self {
        match self {
            Self::Dynamo { table, .. } => Self::Dynamo { table, hash: None, range: None },
            Self::S3 { bucket, .. } => Self::S3 { bucket, object: None },
            other => other,
        }
    }

    /// True when `other` is this or a part of it: an item of this table, an object of this bucket.
    pub fn covers(&self, other: &LogicalKey<'_>) -> bool {
        fn given(wanted: Option<&Cow<'_, [u8]>>, found: Option<&Cow<'_, [u8]>>) -> bool {
            wanted.is_none() || wanted.map(AsRef::as_ref) == found.map(AsRef::as_ref)
        }
        match (self, other) {
            (Self::Dynamo { table, hash, range }, LogicalKey::Dynamo { table: of, hash: other_hash, range: other_range }) => {
                table == of && given(hash.as_ref(), other_hash.as_ref()) && given(range.as_ref(), other_range.as_ref())
            }
            (Self::S3 { bucket, object }, LogicalKey::S3 { bucket: of, object: other }) => {
                bucket == of && given(object.as_ref(), other.as_ref())
            }
            (one, other) => one == other,
        }
    }

    /// True when the name begins with `prefix`, whose last piece may go on.
    fn begins_with(&self, prefix: &LogicalKey<'_>) -> bool {
        let starts = |found: Option<&Cow<'_, [u8]>>, wanted: &[u8]| found.is_some_and(|found| found.starts_with(wanted));
        match (self, prefix) {
            (Self::Redis(name), LogicalKey::Redis(wanted)) | (Self::Sqs(name), LogicalKey::Sqs(wanted)) => {
                name.starts_with(wanted)
            }
            (Self::Dynamo { table, hash, range }, LogicalKey::Dynamo { table: in_table, hash: with, range: and }) => {
                match (with, and) {
                    (None, _) => table.starts_with(in_table),
                    (Some(with), None) => table == in_table && starts(hash.as_ref(), with),
                    (Some(with), Some(and)) => table == in_table && hash.as_ref() == Some(with) && starts(range.as_ref(), and),
                }
            }
            (Self::S3 { bucket, object }, LogicalKey::S3 { bucket: in_bucket, object: wanted }) => match wanted {
                None => bucket.starts_with(in_bucket),
                Some(wanted) => bucket == in_bucket && starts(object.as_ref(), wanted),
            },
            (one, other) => one == other,
        }
    }
}

/// A piece with its slashes escaped, so that the piece behind it can be told from it.
struct Piece<'a>(&'a [u8]);

impl fmt::Display for Piece<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, part) in self.0.split(|&byte| byte == b'/').enumerate() {
            f.write_str(if number == 0 { "" } else { "\\x2f" })?;
            Escaped(part).write_to(f)?;
        }
        Ok(())
    }
}

/// The text that [`FromStr`] takes.
impl fmt::Display for LogicalKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.namespace().prefix())?;
        match self {
            Self::Redis(name) | Self::Sqs(name) => Escaped(name).write_to(f),
            Self::Dynamo { table, hash, range } => {
                write!(f, "{}", Piece(table))?;
                if let Some(hash) = hash {
                    write!(f, "/{}", Piece(hash))?;
                    if let Some(range) = range {
                        f.write_str("/")?;
                        Escaped(range).write_to(f)?;
                    }
                }
                Ok(())
            }
            Self::S3 { bucket, object } => {
                write!(f, "{}", Piece(bucket))?;
                if let Some(object) = object {
                    f.write_str("/")?;
                    Escaped(object).write_to(f)?;
                }
                Ok(())
            }
            Self::Meta(key) => f.write_str(key.name().strip_prefix("_meta_").unwrap_or_default()),
        }
    }
}

impl FromStr for LogicalKey<'static> {
    type Err = String;

    /// A name with one of the prefixes.
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Namespace::ALL.into_iter().find_map(|space| Some((space, text.strip_prefix(space.prefix())?)));
        let Some((namespace, name)) = found else {
            return Err("no name: it begins with redis:, ddb:, s3:, sqs: or meta:".to_owned());
        };
        let piece = |text: &str| unescape(text).map(Cow::Owned);
        Ok(match namespace {
            Namespace::Redis => Self::Redis(piece(name)?),
            Namespace::Sqs => Self::Sqs(piece(name)?),
            Namespace::Dynamo => {
                let mut pieces = name.splitn(3, '/');
                Self::Dynamo {
                    table: piece(pieces.next().unwrap_or_default())?,
                    hash: pieces.next().map(piece).transpose()?,
                    range: pieces.next().map(piece).transpose()?,
                }
            }
            Namespace::S3 => {
                let mut pieces = name.splitn(2, '/');
                Self::S3 { bucket: piece(pieces.next().unwrap_or_default())?, object: pieces.next().map(piece).transpose()? }
            }
            Namespace::Meta => {
                let known = MetaKey::ALL.into_iter().find(|key| {
                    let own = key.name();
                    own == name || own.strip_prefix("_meta_") == Some(name)
                });
                Self::Meta(known.ok_or_else(|| {
                    let names: Vec<_> = MetaKey::ALL.iter().map(|key| Self::Meta(*key).to_string()).collect();
                    format!("the store has no number of that name; it has {}", names.join(", "))
                })?)
            }
        })
    }
}

/// A key as people write it: a name, or the bytes themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyText {
    /// A key's own bytes.
    Bytes(Vec<u8>),
    /// A name.
    Name(LogicalKey<'static>),
}

impl FromStr for KeyText {
    type Err = String;

    /// A name with its prefix; `hex:` and digits; `raw:` and text with escapes; else text with escapes, as keys are printed.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(digits) = text.strip_prefix("hex:") {
            return parse_hex(digits).map(Self::Bytes);
        }
        if let Some(bytes) = text.strip_prefix("raw:") {
            return unescape(bytes).map(Self::Bytes);
        }
        if Namespace::ALL.into_iter().any(|space| text.starts_with(space.prefix())) {
            return text.parse().map(Self::Name);
        }
        unescape(text).map(Self::Bytes)
    }
}

/// The text that [`FromStr`] takes.
impl fmt::Display for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Bytes(bytes) => {
                let marks = ["hex:", "raw:"].into_iter().chain(Namespace::ALL.map(Namespace::prefix));
                if marks.into_iter().any(|mark| bytes.starts_with(mark.as_bytes())) {
                    f.write_str("raw:")?;
                }
                Escaped(bytes).write_to(f)
            }
        }
    }
}

fn parse_hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u32> =
        text.chars().map(|c| c.to_digit(16).ok_or_else(|| format!("{c:?} is no hex digit"))).collect::<Result<_, _>>()?;
    if !digits.len().is_multiple_of(2) {
        return Err("an odd number of hex digits".to_owned());
    }
    Ok(digits.chunks_exact(2).filter_map(|pair| u8::try_from(pair.iter().fold(0, |sum, digit| sum * 16 + digit)).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes() -> impl Strategy<Value = Cow<'static, [u8]>> {
        let byte = prop_oneof![Just(b'/'), Just(b'\\'), Just(b':'), Just(0_u8), 0x20..0x7f_u8, any::<u8>()];
        proptest::collection::vec(byte, 0..12).prop_map(Cow::Owned)
    }

    fn names() -> impl Strategy<Value = LogicalKey<'static>> {
        let ranged = proptest::option::of((bytes(), proptest::option::of(bytes())));
        prop_oneof![
            bytes().prop_map(LogicalKey::Redis),
            bytes().prop_map(LogicalKey::Sqs),
            (bytes(), proptest::option::of(bytes())).prop_map(|(bucket, object)| LogicalKey::S3 { bucket, object }),
            (bytes(), ranged).prop_map(|(table, keys)| {
                let (hash, range) = keys.map_or((None, None), |(hash, range)| (Some(hash), range));
                LogicalKey::Dynamo { table, hash, range }
            }),
            (0..4_usize).prop_map(|at| LogicalKey::Meta(MetaKey::ALL[at])),
        ]
    }

    #[test]
    fn names_are_written_as_people_write_them() {
        for text in [
            "redis:user:1",
            "redis:",
            "redis:a/b\\0",
            "ddb:t1",
            "ddb:t1/p0",
            "ddb:t1/a\\x2fb/c/d",
            "ddb:t1/",
            "ddb:t1//",
            "s3:bkt",
            "s3:bkt/a/b.txt",
            "s3:b\\x2fkt/",
            "sqs:q1",
            "meta:applied_index",
        ] {
            assert_eq!(text.parse::<LogicalKey<'_>>().unwrap().to_string(), text);
            assert_eq!(text.parse::<KeyText>().unwrap().to_string(), text);
        }
        assert_eq!("meta:_meta_applied_index".parse(), Ok(LogicalKey::Meta(MetaKey::AppliedIndex)));
        for wrong in ["user:1", "meta:nope", "redis:\\q", "ddb:t/\\x1"] {
            assert!(wrong.parse::<LogicalKey<'_>>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_are_text_with_escapes_or_hex_or_names() {
        let key = |text: &str| text.parse::<KeyText>();
        let bytes = |bytes: &[u8]| Ok(KeyText::Bytes(bytes.to_vec()));
        assert_eq!(key("a\\x00\\\\b"), bytes(b"a\x00\\b"));
        assert_eq!(key("hex:00fF"), bytes(&[0, 0xff]));
        assert_eq!(key("raw:redis:x"), bytes(b"redis:x"));
        assert!(key("hex:0").is_err() && key("hex:zz").is_err() && key("\\q").is_err() && key("raw:\\q").is_err());
    }

    #[test]
    fn a_name_covers_its_parts() {
        let name = |text: &str| text.parse::<LogicalKey<'_>>().unwrap();
        for (one, other, covers, begins) in [
            ("ddb:t", "ddb:t/p/s", true, true),
            ("ddb:t/p", "ddb:t/p/s", true, true),
            ("ddb:t/p/s", "ddb:t/p/s", true, true),
            ("ddb:t/p/s", "ddb:t/p", false, false),
            ("ddb:t/p", "ddb:t/pq", false, true),
            ("ddb:t", "ddb:t1", false, true),
            ("s3:b", "s3:b/k", true, true),
            ("s3:b/k", "s3:b/kk", false, true),
            ("redis:a", "redis:ab", false, true),
            ("redis:a", "sqs:a", false, false),
            ("meta:applied_index", "meta:applied_index", true, true),
        ] {
            assert_eq!(name(one).covers(&name(other)), covers, "{one} {other}");
            assert_eq!(name(other).begins_with(&name(one)), begins, "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_name_is_parsed_to_itself(name in names()) {
            prop_assert_eq!(name.to_string().parse(), Ok(name.clone()));
            prop_assert_eq!(KeyText::Name(name.clone()).to_string().parse(), Ok(KeyText::Name(name)));
        }

        #[test]
        fn printed_bytes_are_parsed_to_themselves(mark in 0..8_usize, bytes in bytes()) {
            let mark = ["", "hex:", "raw:", "redis:", "ddb:", "s3:", "sqs:", "meta:"][mark];
            let key = KeyText::Bytes([mark.as_bytes(), &bytes].concat());
            prop_assert_eq!(key.to_string().parse(), Ok(key));
        }
    }
}

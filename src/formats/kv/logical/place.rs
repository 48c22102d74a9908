//! Which name a key of the store belongs to, and what of it the key holds.

use std::borrow::Cow;
use std::fmt;

use super::LogicalKey;
use super::segments::Pieces;
use crate::formats::kv::{KeySpace, TXN_COMMIT_PREFIX, TXN_INTENT_PREFIX, TXN_LOCK_PREFIX, TXN_META_PREFIX, TXN_ROLLBACK_PREFIX};
use crate::formats::mvcc::StoreKey;
use crate::types::{Escaped, HlcTimestamp};

/// In front of the name of a list, which follows as it is.
const LIST_HEADER: &[u8] = b"!lst|meta|";

/// What a key holds of a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Place<'a> {
    /// The name.
    pub name: LogicalKey<'a>,
    /// What of it.
    pub part: Part<'a>,
    /// The row of a transaction that stands for a write of that key.
    pub held: Option<Held>,
    /// The family that the key belongs to; of a row of a transaction that of the key inside.
    pub space: KeySpace,
}

/// What the rows of transactions are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// A lock.
    Lock,
    /// A write that is not committed yet.
    Intent,
    /// That the transaction with this primary key was committed.
    Commit,
    /// That it was rolled back.
    Rollback,
    /// What the log tells of the transaction; never stored.
    Meta,
}

/// A part of what a name stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Part<'a> {
    /// All of it: a redis string, an item of a table.
    Whole,
    /// One of a name that has one of its kind.
    Named(&'static str),
    /// A field of a hash.
    Field(&'a [u8]),
    /// A member of a set or sorted set.
    Member(&'a [u8]),
    /// A member of a sorted set by its score.
    Score(f64, &'a [u8]),
    /// An item of a list, by its place.
    Item(i64),
    /// Who may take an item of a list.
    Claim(i64),
    /// A difference to the header that was not yet added to it.
    Difference(HlcTimestamp, u32),
    /// An entry of a stream.
    Entry(u64, u64),
    /// An item of a table as it stands in an index.
    Index(Cow<'a, [u8]>),
    /// An upload.
    Upload(Cow<'a, [u8]>),
    /// Something of an upload's part.
    UploadPart(&'static str, u64),
    /// A chunk of an upload's part.
    Chunk(&'static str, u64, u64),
    /// Something about a message, or about a group of messages.
    Message(&'static str, Cow<'a, [u8]>),
    /// A generation of a queue that is gone.
    Gone(u64),
}

impl<'a> Place<'a> {
    /// Of a key as the store has it.
    pub fn of_store_key(key: StoreKey<'a>) -> Option<Self> {
        match key {
            StoreKey::Meta(meta) => {
                let name = LogicalKey::Meta(meta);
                Some(Self { name, part: Part::Whole, held: None, space: KeySpace::STORE_META })
            }
            StoreKey::Row(row) => Self::of_user_key(row.user_key),
            StoreKey::Registry(_) | StoreKey::Short(_) => None,
        }
    }

    /// Of a key as requests name it. `None` for keys that belong to no name: a user's own, those of catalog and file system, and those
    /// that do not look like what their prefix promises.
    pub fn of_user_key(key: &'a [u8]) -> Option<Self> {
        let space = KeySpace::of_user_key(key);
        let rest = key.strip_prefix(space.prefix())?;
        let held = match space.prefix() {
            TXN_LOCK_PREFIX => Held::Lock,
            TXN_INTENT_PREFIX => Held::Intent,
            TXN_META_PREFIX => Held::Meta,
            TXN_COMMIT_PREFIX => Held::Commit,
            TXN_ROLLBACK_PREFIX => Held::Rollback,
            _ => return Self::plain(key),
        };
        let inner = match held {
            Held::Commit | Held::Rollback => rest.split_last_chunk::<8>()?.0,
            Held::Lock | Held::Intent | Held::Meta => rest,
        };
        Some(Self { held: Some(held), ..Self::plain(inner)? })
    }

    fn plain(key: &'a [u8]) -> Option<Self> {
        let space = KeySpace::of_user_key(key);
        let rest = key.strip_prefix(space.prefix())?;
        let at = |(name, part)| Some(Self { name, part, held: None, space });
        match space.prefix() {
            [b'!', b'd', b'd', b'b', b'|', ..] => at(dynamo(space, rest)?),
            [b'!', b's', b'3', ..] => at(s3(space, rest)?),
            [b'!', b's', b'q', b's', b'|', ..] => at(sqs(space, rest)?),
            _ => redis(key, space, rest),
        }
    }

    /// What redis calls the type of a value that has this row; `None` for rows that any type may have.
    pub fn redis_type(&self) -> Option<&'static str> {
        Some(match self.space.label() {
            "redis-string" => "string",
            "redis-hll" => "hyperloglog",
            "redis-hash-blob" | "redis-hash-meta" | "redis-hash-delta" | "redis-hash-field" => "hash",
            "redis-set-blob" | "redis-set-meta" | "redis-set-delta" | "redis-set-member" => "set",
            "redis-zset-blob" | "redis-zset-meta" | "redis-zset-delta" | "redis-zset-member" | "redis-zset-score" => "zset",
            "redis-list-meta" | "redis-list-delta" | "redis-list-item" | "redis-list-claim" => "list",
            "redis-stream-blob" | "redis-stream-meta" | "redis-stream-entry" => "stream",
            _ => return None,
        })
    }
}

fn redis<'a>(key: &'a [u8], space: KeySpace, rest: &'a [u8]) -> Option<Place<'a>> {
    let mut pieces = Pieces(rest);
    let of = |space: KeySpace, name, part| Some(Place { name: LogicalKey::Redis(Cow::Borrowed(name)), part, held: None, space });
    match space.prefix() {
        b"!redis|str|" | b"!redis|hll|" | b"!redis|hash|" | b"!redis|set|" | b"!redis|zset|" | b"!redis|stream|" => {
            of(space, rest, Part::Whole)
        }
        b"!redis|ttl|" => of(space, rest, Part::Named("expiry")),
        b"!redis|route|" => of(space, rest, Part::Named("route")),
        b"!redis|txn-wide-hash|" | b"!redis|txn-wide-set|" | b"!redis|txn-wide-list|" | b"!redis|txn-wide-zset|" => {
            of(space, rest, Part::Named("fence"))
        }
        LIST_HEADER => of(space, rest, Part::Named("header")),
        b"!lst|itm|" => {
            let (name, place) = rest.split_last_chunk::<8>()?;
            of(space, name, Part::Item(sortable(u64::from_be_bytes(*place))))
        }
        b"!lst|claim|" => {
            let (name, place) = (pieces.counted()?, pieces.number()?);
            of(space, name, pieces.end(Part::Claim(sortable(place)))?)
        }
        b"!hs|meta|" | b"!st|meta|" | b"!zs|meta|" | b"!stream|meta|" => {
            let name = pieces.counted()?;
            of(space, name, pieces.end(Part::Named("header"))?)
        }
        b"!lst|meta|d|" => difference(pieces).map_or_else(
            // A list whose name begins with `d|` has its header here.
            || of(KeySpace::of_user_key(LIST_HEADER), key.strip_prefix(LIST_HEADER)?, Part::Named("header")),
            |(name, part)| of(space, name, part),
        ),
        b"!hs|meta|d|" | b"!st|meta|d|" | b"!zs|meta|d|" => difference(pieces).and_then(|(name, part)| of(space, name, part)),
        b"!hs|fld|" => {
            let name = pieces.counted()?;
            of(space, name, Part::Field(pieces.0))
        }
        b"!st|mem|" | b"!zs|mem|" => {
            let name = pieces.counted()?;
            of(space, name, Part::Member(pieces.0))
        }
        b"!zs|scr|" => {
            let (name, bits) = (pieces.counted()?, pieces.number()?);
            // Numbers below zero have all bits inverted, others only that of the sign.
            let bits = if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits };
            of(space, name, Part::Score(f64::from_bits(bits), pieces.0))
        }
        b"!stream|entry|" => {
            let (name, ms, seq) = (pieces.counted()?, pieces.number()?, pieces.number()?);
            of(space, name, pieces.end(Part::Entry(ms, seq))?)
        }
        _ => None,
    }
}

fn difference(mut pieces: Pieces<'_>) -> Option<(&[u8], Part<'_>)> {
    let (name, ts, seq) = (pieces.counted()?, pieces.number()?, pieces.short_number()?);
    pieces.end((name, Part::Difference(HlcTimestamp(ts), seq)))
}

/// A place in a list: an i64 whose sign bit is flipped so that it sorts.
const fn sortable(bits: u64) -> i64 {
    (bits ^ 1 << 63).cast_signed()
}

fn dynamo(space: KeySpace, rest: &[u8]) -> Option<(LogicalKey<'_>, Part<'_>)> {
    let mut pieces = Pieces(rest);
    let table = pieces.name()?;
    let of = |table, hash, range| LogicalKey::Dynamo { table, hash, range };
    match space.prefix() {
        b"!ddb|meta|table|" => pieces.end((of(table, None, None), Part::Named("schema"))),
        b"!ddb|meta|gen|" => pieces.end((of(table, None, None), Part::Named("generation"))),
        b"!ddb|route|table|" => pieces.end((of(table, None, None), Part::Named("route"))),
        b"!ddb|item|" => {
            pieces.mark(b'|')?;
            pieces.decimal()?;
            pieces.mark(b'|')?;
            let (hash, range) = item_keys(pieces)?;
            Some((of(table, Some(hash), range), Part::Whole))
        }
        b"!ddb|gsi|" => {
            pieces.mark(b'|')?;
            pieces.decimal()?;
            pieces.mark(b'|')?;
            let index = pieces.name()?;
            pieces.mark(b'|')?;
            let part = Part::Index(index);
            let mut found = Vec::new();
            while !pieces.0.is_empty() && found.len() < 4 {
                match pieces.segment() {
                    Some(segment) => found.push(segment),
                    // The old form, or none that is known: which item it is stays open.
                    None => return Some((of(table, None, None), part)),
                }
            }
            let keys = match (found.pop(), found.pop(), found.len()) {
                // Hash key of the index, hash key of the item.
                (Some(hash), Some(_), 0) => Some((hash, None)),
                (Some(range), Some(hash), 2) => Some((hash, Some(range))),
                // With three it is not known which of the two has a range key.
                _ => None,
            };
            let (hash, range) = keys.map_or((None, None), |(hash, range)| (Some(hash), range));
            pieces.end((of(table, hash, range), part))
        }
        _ => None,
    }
}

/// The range key of an item, where its table has one.
type OptionalKey<'a> = Option<Cow<'a, [u8]>>;

/// Keys of an item: segments, or base64 in the old form.
fn item_keys(pieces: Pieces<'_>) -> Option<(Cow<'_, [u8]>, OptionalKey<'_>)> {
    let mut new = pieces;
    if let Some(hash) = new.segment() {
        let range = if new.0.is_empty() { None } else { Some(new.segment()?) };
        return new.end((hash, range));
    }
    let mut old = pieces;
    let hash = old.name()?;
    old.mark(b'|')?;
    let range = old.name()?;
    old.end((hash, Some(range).filter(|range| !range.is_empty())))
}

fn s3(space: KeySpace, rest: &[u8]) -> Option<(LogicalKey<'_>, Part<'_>)> {
    let mut pieces = Pieces(rest);
    if space.prefix() == b"!s3|chunkblob|" {
        return None;
    }
    let bucket = pieces.segment()?;
    let of = |bucket, object| LogicalKey::S3 { bucket, object };
    match space.prefix() {
        b"!s3|bucket|meta|" => return pieces.end((of(bucket, None), Part::Named("bucket"))),
        b"!s3|bucket|gen|" => return pieces.end((of(bucket, None), Part::Named("generation"))),
        _ => {}
    }
    pieces.number()?;
    let name = of(bucket, Some(pieces.segment()?));
    match space.prefix() {
        b"!s3|obj|head|" => return pieces.end((name, Part::Named("manifest"))),
        b"!s3route|" => return pieces.end((name, Part::Named("route"))),
        _ => {}
    }
    let upload = pieces.segment()?;
    match space.prefix() {
        b"!s3|upload|meta|" => return pieces.end((name, Part::Upload(upload))),
        b"!s3|gc|upload|" => return pieces.end((name, Part::Named("upload to be removed"))),
        _ => {}
    }
    let part = pieces.number()?;
    if space.prefix() == b"!s3|upload|part|" {
        return pieces.end((name, Part::UploadPart("part", part)));
    }
    let chunk = pieces.number()?;
    if !pieces.0.is_empty() {
        // The version of the part.
        pieces.number()?;
    }
    match space.prefix() {
        b"!s3|blob|" => pieces.end((name, Part::Chunk("chunk", part, chunk))),
        b"!s3|chunkref|" => pieces.end((name, Part::Chunk("chunk reference", part, chunk))),
        _ => None,
    }
}

fn sqs(space: KeySpace, rest: &[u8]) -> Option<(LogicalKey<'_>, Part<'_>)> {
    let of = |queue| LogicalKey::Sqs(queue);
    let mut pieces = Pieces(rest);
    let what = match space.prefix() {
        b"!sqs|queue|meta|" | b"!sqs|queue|gen|" | b"!sqs|queue|seq|" => {
            let queue = pieces.name()?;
            let part = match space.prefix() {
                b"!sqs|queue|meta|" => "queue",
                b"!sqs|queue|gen|" => "generation",
                _ => "sequence",
            };
            return pieces.end((of(queue), Part::Named(part)));
        }
        b"!sqs|queue|tombstone|" => {
            // The generation is the end, so that it can be told from the name.
            let (name, generation) = rest.split_last_chunk::<8>()?;
            let mut name = Pieces(name);
            let queue = name.name()?;
            return name.end((of(queue), Part::Gone(u64::from_be_bytes(*generation))));
        }
        b"!sqs|msg|data|" => "message",
        b"!sqs|msg|dedup|" => "deduplication of",
        b"!sqs|msg|group|" => "group",
        b"!sqs|msg|vis|" => "visibility of",
        b"!sqs|msg|byage|" => "age of",
        _ => return None,
    };
    let partitioned = rest.strip_prefix(b"p|");
    if let Some(rest) = partitioned {
        pieces = Pieces(rest);
    }
    let queue = pieces.name()?;
    if partitioned.is_some() {
        pieces.mark(b'|')?;
        pieces.short_number()?;
    }
    pieces.number()?;
    if matches!(space.prefix(), b"!sqs|msg|vis|" | b"!sqs|msg|byage|") {
        pieces.number()?;
    }
    let id = pieces.name()?;
    let mut last = id.clone();
    if partitioned.is_some() && space.prefix() == b"!sqs|msg|dedup|" && !pieces.0.is_empty() {
        pieces.mark(b'|')?;
        last = pieces.name()?;
    }
    pieces.end((of(queue), Part::Message(what, last)))
}

/// In words, to stand behind the name; nothing for the whole.
impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => Ok(()),
            Self::Named(what) => f.write_str(what),
            Self::Field(name) => write!(f, "field {}", Escaped(name)),
            Self::Member(name) => write!(f, "member {}", Escaped(name)),
            Self::Score(score, member) => write!(f, "score {score} of {}", Escaped(member)),
            Self::Item(at) => write!(f, "item {at}"),
            Self::Claim(at) => write!(f, "claim of item {at}"),
            Self::Difference(ts, seq) => write!(f, "difference {}.{seq}", ts.0),
            Self::Entry(ms, seq) => write!(f, "entry {ms}-{seq}"),
            Self::Index(name) => write!(f, "in index {}", Escaped(name)),
            Self::Upload(id) => write!(f, "upload {}", Escaped(id)),
            Self::UploadPart(what, part) => write!(f, "{what} {part}"),
            Self::Chunk(what, part, chunk) => write!(f, "{what} {chunk} of part {part}"),
            Self::Message(what, id) => write!(f, "{what} {}", Escaped(id)),
            Self::Gone(generation) => write!(f, "removed generation {generation}"),
        }
    }
}

impl Held {
    /// What the row is, to stand before the part that it is for.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Intent => "intent",
            Self::Commit => "commit record",
            Self::Rollback => "rollback record",
            Self::Meta => "transaction",
        }
    }
}

impl Place<'_> {
    /// What of the name the row holds; `None` when it is all there is to say.
    pub fn part_in_words(&self) -> Option<String> {
        match (self.held, &self.part) {
            (None, Part::Whole) => None,
            (None, part) => Some(part.to_string()),
            (Some(held), Part::Whole) => Some(held.name().to_owned()),
            (Some(held), part) => Some(format!("{} of {part}", held.name())),
        }
    }
}

/// The name, and what of it the row holds.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)?;
        match (self.held, &self.part) {
            (None, Part::Whole) => Ok(()),
            (None, part) => write!(f, " {part}"),
            (Some(held), Part::Whole) => write!(f, " {}", held.name()),
            (Some(held), part) => write!(f, " {} of {part}", held.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(key: &[u8]) -> Option<String> {
        Place::of_user_key(key).map(|place| place.to_string())
    }

    /// Keys as real stores have them.
    const REAL: [(&[u8], &str); 36] = [
        (b"!redis|str|s:103", "redis:s:103"),
        (b"!redis|ttl|e:116", "redis:e:116 expiry"),
        (b"!redis|txn-wide-hash|e:1", "redis:e:1 fence"),
        (b"!redis|hash|h", "redis:h"),
        (b"!hs|meta|\0\0\0\x03e:3", "redis:e:3 header"),
        (b"!hs|fld|\0\0\0\x03h:0f24", "redis:h:0 field f24"),
        (b"!hs|meta|d|\0\0\0\x03h:0\x01\xa1\xfb\xd2\x17\xf9\0\0\0\0\0\0", "redis:h:0 difference 117651945052241920.0"),
        (b"!lst|meta|d|\0\0\0\x03l:0\x01\xa1\xfb\xd2\x19\xb8\0\0\0\0\0\x02", "redis:l:0 difference 117651945081536512.2"),
        (b"!lst|meta|d|ogs", "redis:d|ogs header"),
        (b"!lst|meta|ml:0", "redis:ml:0 header"),
        (b"!lst|itm|l:0\x7f\xff\xff\xff\xff\xff\xff\xfe", "redis:l:0 item -2"),
        (b"!lst|claim|\0\0\0\x01l\x80\0\0\0\0\0\0\x03", "redis:l claim of item 3"),
        (b"!st|mem|\0\0\0\x05set:0m31", "redis:set:0 member m31"),
        (b"!zs|mem|\0\0\0\x03z:1m29", "redis:z:1 member m29"),
        (b"!zs|scr|\0\0\0\x03z:1\xc0\x8f\x08\0\0\0\0\0m29", "redis:z:1 score 993 of m29"),
        (b"!zs|scr|\0\0\0\x01z\x3f\x0f\xff\xff\xff\xff\xff\xffm", "redis:z score -65536 of m"),
        (b"!stream|entry|\0\0\0\x01x\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x01", "redis:x entry 5-1"),
        (b"!stream|meta|\0\0\0\x01x", "redis:x header"),
        (b"!txn|int|!hs|meta|\0\0\0\x05zs:23", "redis:zs:23 intent of header"),
        (b"!txn|lock|!redis|str|a", "redis:a lock"),
        (b"!txn|cmt|!hs|meta|\0\0\0\x05zs:23\x01\xa1\xfb\xc6\x940\0\xb4", "redis:zs:23 commit record of header"),
        (b"!ddb|item|dDE|1|p0\0\x01", "ddb:t1/p0"),
        (b"!ddb|item|dDE|1|p0\0\x01a/b\0\x01", "ddb:t1/p0/a/b"),
        (b"!ddb|item|dDE|12|cDA|cg", "ddb:t1/p0/r"),
        (b"!ddb|gsi|dDE|1|aTE|x\0\x01p0\0\x01", "ddb:t1/p0 in index i1"),
        (b"!ddb|gsi|dDE|1|aTE|x\0\x01y\0\x01p0\0\x01", "ddb:t1 in index i1"),
        (b"!ddb|gsi|dDE|1|aTE|x\0\x01y\0\x01p0\0\x01r\0\x01", "ddb:t1/p0/r in index i1"),
        (b"!ddb|meta|table|dDE", "ddb:t1 schema"),
        (b"!s3|bucket|meta|bkt\0\x01", "s3:bkt bucket"),
        (b"!s3|obj|head|bkt\0\x01\0\0\0\0\0\0\0\x01o/0\0\x01", "s3:bkt/o/0 manifest"),
        (
            b"!s3|blob|bkt\0\x01\0\0\0\0\0\0\0\x01o/0\0\x01a08c\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02",
            "s3:bkt/o/0 chunk 2 of part 1",
        ),
        (b"!sqs|queue|meta|cTE", "sqs:q1 queue"),
        (b"!sqs|queue|tombstone|cTE\0\0\0\0\0\0\0\x07", "sqs:q1 removed generation 7"),
        (b"!sqs|msg|data|cTE\0\0\0\0\0\0\0\x01bTE", "sqs:q1 message m1"),
        (b"!sqs|msg|vis|cTE\0\0\0\0\0\0\0\x01\0\0\x01\xa1\xfb\xc3\xba\x96bTE", "sqs:q1 visibility of m1"),
        (b"!sqs|msg|dedup|p|cTE|\0\0\0\x01\0\0\0\0\0\0\0\x01Z3A|bTE", "sqs:q1 deduplication of m1"),
    ];

    #[test]
    fn names_of_real_keys() {
        for (key, expected) in REAL {
            assert_eq!(shown(key).as_deref(), Some(expected), "{}", Escaped(key));
        }
        for key in [
            &b"plain"[..],
            b"",
            b"!",
            b"!dist|route|\0\0\0\0\0\0\0\x01",
            b"!fs|usage",
            b"!s3|chunkblob|ab",
            b"!hs|fld|\0\0\0\x09h",
        ] {
            assert_eq!(shown(key), None, "{}", Escaped(key));
        }
        let meta = StoreKey::of(b"_meta_applied_index");
        assert_eq!(Place::of_store_key(meta).unwrap().to_string(), "meta:applied_index");
        let row = b"!redis|str|a\xfe\x68\x8b\xdf\x27\xe7\xff\xfc";
        assert_eq!(super::super::Shown(row).to_string(), "!redis|str|a\\xfeh\\x8b\\xdf'\\xe7\\xff\\xfc (redis:a)");
    }

    /// Whatever is cut off or changed: no panic, and a name that is found finds the key again.
    #[test]
    fn damaged_keys() {
        let check = |key: &[u8]| {
            let Some(place) = Place::of_user_key(key) else { return };
            let name = place.name.into_owned();
            assert_eq!(name.to_string().parse(), Ok(name.clone()), "{}", Escaped(key));
            let selection = super::super::Selection::of(name);
            assert!(selection.matches(key), "{}", Escaped(key));
            let found = selection.prefixes().iter().any(|prefix| key.starts_with(prefix));
            let of_an_item =
                key.starts_with(b"!ddb|gsi|") || key.starts_with(b"!ddb|route|") || key.starts_with(b"!redis|route|");
            let in_the_log = key.starts_with(b"!txn|") || key.starts_with(b"!s3route|");
            assert!(found || of_an_item || in_the_log, "{}", Escaped(key));
        };
        for (key, _) in REAL {
            for cut in 0..=key.len() {
                check(&key[..cut]);
            }
            for bit in 0..key.len() * 8 {
                let mut changed = key.to_vec();
                changed[bit / 8] ^= 1 << (bit % 8);
                check(&changed);
            }
        }
    }
}

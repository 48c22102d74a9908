//! Which keys of a store belong to names that were asked for.

use super::segments::{encode_counted, encode_name, encode_segment};
use super::{KeyText, LogicalKey, Namespace, Place};
use crate::formats::kv::{TXN_COMMIT_PREFIX, TXN_INTENT_PREFIX, TXN_LOCK_PREFIX, TXN_ROLLBACK_PREFIX};
use crate::formats::mvcc::StoreKey;

/// Names that were asked for: one with everything that belongs to it, or all of one interface within bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    namespace: Namespace,
    /// Everything that this name covers.
    of: Option<LogicalKey<'static>>,
    prefix: Option<LogicalKey<'static>>,
    from: Option<LogicalKey<'static>>,
    to: Option<LogicalKey<'static>>,
}

/// Prefixes of the keys of redis in front of a name as it is.
const BEFORE_NAME: [&[u8]; 13] = [
    b"!redis|str|",
    b"!redis|hll|",
    b"!redis|hash|",
    b"!redis|set|",
    b"!redis|zset|",
    b"!redis|stream|",
    b"!redis|ttl|",
    b"!redis|txn-wide-hash|",
    b"!redis|txn-wide-set|",
    b"!redis|txn-wide-list|",
    b"!redis|txn-wide-zset|",
    b"!lst|meta|",
    b"!lst|itm|",
];
/// And in front of one behind its length.
const BEFORE_COUNTED: [&[u8]; 14] = [
    b"!hs|meta|",
    b"!hs|meta|d|",
    b"!hs|fld|",
    b"!st|meta|",
    b"!st|meta|d|",
    b"!st|mem|",
    b"!zs|meta|",
    b"!zs|meta|d|",
    b"!zs|mem|",
    b"!zs|scr|",
    b"!lst|meta|d|",
    b"!lst|claim|",
    b"!stream|meta|",
    b"!stream|entry|",
];
/// In front of a bucket and a generation.
const BEFORE_OBJECT: [&[u8]; 6] =
    [b"!s3|obj|head|", b"!s3|upload|meta|", b"!s3|upload|part|", b"!s3|blob|", b"!s3|chunkref|", b"!s3|gc|upload|"];
/// What has to do with messages of a queue.
const OF_MESSAGES: [&[u8]; 5] = [b"!sqs|msg|data|", b"!sqs|msg|vis|", b"!sqs|msg|dedup|", b"!sqs|msg|group|", b"!sqs|msg|byage|"];
/// Rows of transactions in front of the key that they are about.
const OF_TRANSACTIONS: [&[u8]; 4] = [TXN_LOCK_PREFIX, TXN_INTENT_PREFIX, TXN_COMMIT_PREFIX, TXN_ROLLBACK_PREFIX];

impl Selection {
    /// Everything that belongs to a name: of a table its items, of a bucket its objects.
    pub fn of(name: LogicalKey<'static>) -> Self {
        Self { namespace: name.namespace(), of: Some(name), prefix: None, from: None, to: None }
    }

    /// Names that begin with `prefix`, from `from` to before `to`. `None` when nothing was asked for, or names of several interfaces were.
    pub fn within(
        prefix: Option<LogicalKey<'static>>,
        from: Option<LogicalKey<'static>>,
        to: Option<LogicalKey<'static>>,
    ) -> Option<Self> {
        let spaces = [&prefix, &from, &to].map(|name| name.as_ref().map(LogicalKey::namespace));
        let namespace = spaces.into_iter().flatten().next()?;
        let alike = spaces.into_iter().flatten().all(|other| other == namespace);
        alike.then_some(Self { namespace, of: None, prefix, from, to })
    }

    /// True for a key, as requests name it, that belongs to them.
    pub fn matches(&self, user_key: &[u8]) -> bool {
        if Self::is_plain(self.of.as_ref(), user_key) {
            return true;
        }
        Place::of_user_key(user_key).is_some_and(|place| self.admits(&place.name))
    }

    /// True for a key as the store has it.
    pub fn matches_stored(&self, key: StoreKey<'_>) -> bool {
        match key {
            StoreKey::Row(row) => self.matches(row.user_key),
            other => Place::of_store_key(other).is_some_and(|place| self.admits(&place.name)),
        }
    }

    /// Old strings of redis have no prefix.
    fn is_plain(of: Option<&LogicalKey<'static>>, user_key: &[u8]) -> bool {
        matches!(of, Some(LogicalKey::Redis(name)) if name.as_ref() == user_key)
    }

    fn admits(&self, name: &LogicalKey<'_>) -> bool {
        name.namespace() == self.namespace
            && self.of.as_ref().is_none_or(|of| of.covers(name))
            && self.prefix.as_ref().is_none_or(|prefix| name.begins_with(prefix))
            && self.from.as_ref().is_none_or(|from| name >= from)
            && self.to.as_ref().is_none_or(|to| name < to)
    }

    /// Prefixes, in order and apart from each other, one of which every key that belongs to them has. Other keys may have them too.
    pub fn prefixes(&self) -> Vec<Vec<u8>> {
        let own: Vec<Vec<u8>> = match &self.of {
            Some(name) => prefixes_of(name),
            None => {
                let all: &[&[u8]] = match self.namespace {
                    Namespace::Redis => &[b"!redis|", b"!hs|", b"!st|", b"!zs|", b"!lst|", b"!stream|"],
                    Namespace::Dynamo => &[b"!ddb|"],
                    Namespace::S3 => &[b"!s3|"],
                    Namespace::Sqs => &[b"!sqs|"],
                    Namespace::Meta => &[b"_meta_"],
                };
                all.iter().map(|prefix| prefix.to_vec()).collect()
            }
        };
        let mut prefixes = Vec::with_capacity(own.len() * 5);
        for prefix in &own {
            // A transaction's key stands between its prefix and, in records, its start.
            if self.namespace != Namespace::Meta {
                prefixes.extend(OF_TRANSACTIONS.iter().map(|before| [before, prefix.as_slice()].concat()));
            }
        }
        prefixes.extend(own);
        prefixes.sort();
        prefixes.dedup_by(|later, kept| later.starts_with(kept));
        prefixes
    }

    /// For a key that has one of the prefixes and does not belong to them: the first key behind it that may. Between the table or
    /// bucket and the item stands a generation that nobody knows, so that whole generations are leapt over.
    pub fn next_place(&self, user_key: &[u8]) -> Option<Vec<u8>> {
        let (front, inside, wanted) = match self.of.as_ref()? {
            LogicalKey::Dynamo { table, hash: Some(hash), range } => {
                let front = [b"!ddb|item|", encode_name(table).as_slice(), b"|"].concat();
                let digits = user_key.strip_prefix(front.as_slice())?.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let mut segments = encode_segment(hash);
                segments.extend(range.iter().flat_map(|range| encode_segment(range)));
                let old = [encode_name(hash).as_slice(), b"|", &encode_name(range.as_deref().unwrap_or_default())].concat();
                (front, digits + 1, vec![segments, old])
            }
            LogicalKey::S3 { bucket, object: Some(object) } => {
                let bucket = encode_segment(bucket);
                let front = BEFORE_OBJECT.iter().map(|before| [before, bucket.as_slice()].concat());
                (front.into_iter().find(|front| user_key.starts_with(front))?, 8, vec![encode_segment(object)])
            }
            _ => return None,
        };
        let generation = user_key.get(..front.len() + inside)?;
        let mut places: Vec<_> = wanted.into_iter().map(|end| [generation, &end].concat()).collect();
        places.sort();
        if places.iter().any(|place| user_key.starts_with(place)) {
            return None;
        }
        places.into_iter().find(|place| place.as_slice() > user_key).or_else(|| behind(generation))
    }
}

/// The first key behind all that begin with `prefix`.
fn behind(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != 0xff)?;
    let mut next = prefix.get(..=last)?.to_vec();
    *next.last_mut()? += 1;
    Some(next)
}

fn prefixes_of(name: &LogicalKey<'_>) -> Vec<Vec<u8>> {
    match name {
        LogicalKey::Redis(name) => {
            let mut prefixes: Vec<_> = BEFORE_NAME.iter().map(|before| [before, name.as_ref()].concat()).collect();
            if let Some(counted) = encode_counted(name) {
                prefixes.extend(BEFORE_COUNTED.iter().map(|before| [before, counted.as_slice()].concat()));
            }
            prefixes.push(name.to_vec());
            prefixes
        }
        LogicalKey::Dynamo { table, hash, .. } => {
            let table = encode_name(table);
            let with = |before: &[u8], end: &[u8]| [before, table.as_slice(), end].concat();
            let items = with(b"!ddb|item|", b"|");
            match hash {
                Some(_) => vec![items],
                None => {
                    let (schema, generation) = (with(b"!ddb|meta|table|", b""), with(b"!ddb|meta|gen|", b""));
                    vec![items, with(b"!ddb|gsi|", b"|"), schema, generation]
                }
            }
        }
        LogicalKey::S3 { bucket, object } => {
            let bucket = encode_segment(bucket);
            let own: &[&[u8]] = if object.is_some() { &[] } else { &[b"!s3|bucket|meta|", b"!s3|bucket|gen|"] };
            BEFORE_OBJECT.iter().chain(own).map(|before| [before, bucket.as_slice()].concat()).collect()
        }
        LogicalKey::Sqs(queue) => {
            let queue = encode_name(queue);
            let mut prefixes = Vec::new();
            for before in [&b"!sqs|queue|meta|"[..], b"!sqs|queue|gen|", b"!sqs|queue|seq|", b"!sqs|queue|tombstone|"] {
                prefixes.push([before, queue.as_slice()].concat());
            }
            for before in OF_MESSAGES {
                prefixes.push([before, queue.as_slice()].concat());
                prefixes.push([before, b"p|", queue.as_slice(), b"|"].concat());
            }
            prefixes
        }
        LogicalKey::Meta(key) => vec![key.name().as_bytes().to_vec()],
    }
}

/// Keys that a command was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyFilter {
    /// Those that begin with these bytes.
    Prefix(Vec<u8>),
    /// Those that belong to names.
    Names(Box<Selection>),
}

impl KeyFilter {
    /// What a prefix given as text asks for.
    pub fn of_prefix(text: KeyText) -> Self {
        match text {
            KeyText::Bytes(bytes) => Self::Prefix(bytes),
            KeyText::Name(name) => {
                let namespace = name.namespace();
                Self::Names(Box::new(Selection { namespace, of: None, prefix: Some(name), from: None, to: None }))
            }
        }
    }

    /// True for a key, as requests name it, that was asked for.
    pub fn matches(&self, user_key: &[u8]) -> bool {
        match self {
            Self::Prefix(prefix) => user_key.starts_with(prefix),
            Self::Names(names) => names.matches(user_key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(name: &str) -> Selection {
        Selection::of(name.parse().unwrap())
    }

    #[test]
    fn everything_of_a_name_is_found() {
        let redis = selection("redis:h");
        for key in [
            &b"!hs|fld|\0\0\0\x01hf"[..],
            b"!redis|ttl|h",
            b"h",
            b"!txn|lock|!hs|meta|\0\0\0\x01h",
            b"!lst|itm|h\x80\0\0\0\0\0\0\0",
        ] {
            assert!(redis.matches(key) && redis.prefixes().iter().any(|prefix| key.starts_with(prefix)), "{key:?}");
        }
        for key in [&b"!hs|fld|\0\0\0\x02hf"[..], b"!redis|str|hh", b"hh", b"!ddb|meta|table|aA"] {
            assert!(!redis.matches(key), "{key:?}");
        }
        assert!(selection("redis:!h").prefixes().windows(2).all(|pair| !pair[1].starts_with(&pair[0]) && pair[0] < pair[1]));
    }

    #[test]
    fn generations_are_leapt_over() {
        let item = selection("ddb:t1/p5");
        let next = |key: &[u8]| item.next_place(key);
        assert_eq!(next(b"!ddb|item|dDE|1|a\0\x01"), Some(b"!ddb|item|dDE|1|cDU|".to_vec()), "the old form sorts before");
        assert_eq!(next(b"!ddb|item|dDE|1|p4\0\x01"), Some(b"!ddb|item|dDE|1|p5\0\x01".to_vec()));
        assert_eq!(next(b"!ddb|item|dDE|1|p5\0\x01r\0\x01"), None);
        assert_eq!(next(b"!ddb|item|dDE|1|p6\0\x01"), Some(b"!ddb|item|dDE|1}".to_vec()));
        let object = selection("s3:b/k");
        let key = |generation: u8, end: &[u8]| [b"!s3|blob|b\0\x01\0\0\0\0\0\0\0", &[generation][..], end].concat();
        assert_eq!(object.next_place(&key(1, b"a\0\x01")), Some(key(1, b"k\0\x01")));
        assert_eq!(object.next_place(&key(1, b"z\0\x01")), Some(key(2, b"")));
    }

    #[test]
    fn bounds_are_of_names() {
        let name = |text: &str| Some(text.parse().unwrap());
        let within = Selection::within(name("redis:k"), name("redis:k2"), name("redis:k4")).unwrap();
        let found: Vec<_> = ["k1", "k2", "k3", "k35", "k4", "j"]
            .into_iter()
            .filter(|key| within.matches(format!("!redis|str|{key}").as_bytes()))
            .collect();
        assert_eq!(found, ["k2", "k3", "k35"]);
        assert_eq!(Selection::within(name("redis:k"), name("sqs:k"), None), None);
        let filter = KeyFilter::of_prefix("s3:b".parse().unwrap());
        assert!(filter.matches(b"!s3|bucket|meta|bkt\0\x01") && !filter.matches(b"!s3|bucket|meta|abk\0\x01"));
    }
}

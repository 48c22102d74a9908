//! By which key a row is given to a group.
//!
//! Source: `kv/shard_key.go`, `internal/s3keys/keys.go` and `internal/fskeys/keys.go` of elastickv. Rows of hashes, sets, sorted sets and
//! streams are routed by their own keys.

use std::borrow::Cow;

use super::{LogicalKey, Place};

/// The key that the catalog's ranges are about, for a key as requests name it.
pub fn route_key(user_key: &[u8]) -> Cow<'_, [u8]> {
    let own = Cow::Borrowed(user_key);
    let inner = [&b"!txn|lock|"[..], b"!txn|int|", b"!txn|meta|"].iter().find_map(|prefix| user_key.strip_prefix(*prefix));
    let recorded = [&b"!txn|cmt|"[..], b"!txn|rb|"].iter().find_map(|prefix| user_key.strip_prefix(*prefix));
    let recorded = recorded.and_then(|rest| rest.split_last_chunk::<8>()).map(|(primary, _)| primary);
    let key = inner.or(recorded).unwrap_or(user_key);
    let plain = |bytes| Cow::Borrowed(bytes);
    if let Some(rest) = key.strip_prefix(b"!redis|") {
        return match rest.iter().position(|&byte| byte == b'|') {
            Some(at) if at > 0 => plain(rest.get(at + 1..).unwrap_or_default()),
            _ => plain(key),
        };
    }
    if key.starts_with(b"!sqs|") {
        return plain(b"!sqs|route|global");
    }
    if key.starts_with(b"!lst|") {
        return match Place::of_user_key(key) {
            Some(Place { name: LogicalKey::Redis(Cow::Borrowed(name)), .. }) => plain(name),
            _ => plain(key),
        };
    }
    if let Some(rest) = key.strip_prefix(b"!ddb|") {
        let families = [&b"meta|table|"[..], b"meta|gen|", b"item|", b"gsi|"];
        if let Some(rest) = families.iter().find_map(|family| rest.strip_prefix(*family)) {
            let table = rest.split(|&byte| byte == b'|').next().unwrap_or_default();
            return Cow::Owned([b"!ddb|route|table|", table].concat());
        }
        return plain(key);
    }
    if key.starts_with(b"!s3|") {
        return s3_route(key).map_or_else(|| plain(key), Cow::Owned);
    }
    if let Some(rest) = key.strip_prefix(b"!fs|chk|")
        && let Some(chunk) = rest.get(..16).filter(|_| rest.len() >= 24)
    {
        return Cow::Owned([b"!fs|route|chk|", chunk].concat());
    }
    if inner.or(recorded).is_some() { plain(key) } else { own }
}

/// Bucket, generation and object, behind a prefix of their own.
fn s3_route(key: &[u8]) -> Option<Vec<u8>> {
    let families =
        [&b"!s3|obj|head|"[..], b"!s3|upload|meta|", b"!s3|upload|part|", b"!s3|blob|", b"!s3|chunkref|", b"!s3|gc|upload|"];
    let rest = families.iter().find_map(|family| key.strip_prefix(*family))?;
    let bucket = segment_end(rest)?;
    let object = segment_end(rest.get(bucket + 8..)?)?;
    Some([b"!s3route|", rest.get(..bucket + 8 + object)?].concat())
}

/// How many bytes from the front of a key decide where it goes, when each key that begins with them goes there; 0 when all of it counts.
pub fn routed_alike(user_key: &[u8]) -> usize {
    const SQS: &[u8] = b"!sqs|";
    let families = [&b"!ddb|item|"[..], b"!ddb|gsi|"];
    if user_key.starts_with(SQS) {
        return SQS.len();
    }
    if let Some(family) = families.iter().find(|family| user_key.starts_with(family)) {
        let table = user_key.get(family.len()..).unwrap_or_default();
        return table.iter().position(|&byte| byte == b'|').map_or(0, |at| family.len() + at + 1);
    }
    // Of one object.
    if user_key.starts_with(b"!s3|blob|") {
        let shared = shared_len(user_key);
        return if shared < user_key.len() { shared } else { 0 };
    }
    0
}

/// Bytes of a segment with its end mark.
pub(super) fn segment_end(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let zero = from + bytes.get(from..)?.iter().position(|&byte| byte == 0)?;
        match bytes.get(zero + 1)? {
            1 => return Some(zero + 2),
            0xff => from = zero + 2,
            _ => return None,
        }
    }
}

/// Bytes of a key up to where what belongs together ends: all fields of one hash, all items of one list, all chunks of one object. Keys
/// that share them lie beside each other.
pub fn shared_len(user_key: &[u8]) -> usize {
    let whole = user_key.len();
    let counted = |prefix: usize| {
        let len = user_key.get(prefix..)?.first_chunk::<4>().map(|len| u32::from_be_bytes(*len))?;
        Some(prefix + 4 + usize::try_from(len).ok()?)
    };
    let shared = match user_key {
        [b'!', b'h', b's', b'|', b'f', ..] => counted(b"!hs|fld|".len()),
        [b'!', b's', b't', b'|', b'm', b'e', b'm', ..] => counted(b"!st|mem|".len()),
        [b'!', b'z', b's', b'|', b's', ..] | [b'!', b'z', b's', b'|', b'm', b'e', b'm', ..] => counted(b"!zs|mem|".len()),
        [b'!', b's', b't', b'r', b'e', b'a', b'm', b'|', b'e', ..] => counted(b"!stream|entry|".len()),
        [b'!', _, b's' | b't', b'|', b'm', b'e', b't', b'a', b'|', b'd', b'|', ..] => counted(b"!hs|meta|d|".len()),
        [b'!', b'l', b's', b't', b'|', b'm', b'e', b't', b'a', b'|', b'd', b'|', ..] => counted(b"!lst|meta|d|".len()),
        [b'!', b'l', b's', b't', b'|', b'i', ..] => whole.checked_sub(8),
        [b'!', b's', b'3', b'|', b'b', b'l', b'o', b'b', b'|', ..] => {
            let front = b"!s3|blob|".len();
            let bucket = user_key.get(front..).and_then(segment_end);
            bucket.and_then(|bucket| {
                let object = front + bucket + 8;
                Some(object + segment_end(user_key.get(object..)?)?)
            })
        }
        _ => None,
    };
    shared.filter(|len| *len <= whole).unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Escaped;

    #[test]
    fn rows_are_routed_as_the_server_does() {
        for (key, route) in [
            (&b"plain"[..], &b"plain"[..]),
            (b"!redis|str|user:1", b"user:1"),
            (b"!redis|txn-wide-hash|a", b"a"),
            (b"!redis|x", b"!redis|x"),
            (b"!lst|itm|l\x80\0\0\0\0\0\0\0", b"l"),
            (b"!lst|meta|l", b"l"),
            (b"!hs|fld|\0\0\0\x01hf", b"!hs|fld|\0\0\0\x01hf"),
            (b"!txn|lock|!redis|str|a", b"a"),
            (b"!txn|cmt|!redis|str|a\0\0\0\0\0\0\0\x01", b"a"),
            (b"!ddb|item|dDE|1|p\0\x01", b"!ddb|route|table|dDE"),
            (b"!sqs|msg|data|cTE", b"!sqs|route|global"),
            (b"!s3|blob|b\0\x01\0\0\0\0\0\0\0\x01k\0\x01u\0\x01", b"!s3route|b\0\x01\0\0\0\0\0\0\0\x01k\0\x01"),
            (b"!s3|bucket|meta|b\0\x01", b"!s3|bucket|meta|b\0\x01"),
            (b"!dist|meta|version", b"!dist|meta|version"),
        ] {
            assert_eq!(route_key(key).as_ref(), route, "{}", Escaped(key));
        }
    }

    #[test]
    fn what_belongs_together() {
        for (key, shared) in [
            (&b"!hs|fld|\0\0\0\x01hfield"[..], &b"!hs|fld|\0\0\0\x01h"[..]),
            (b"!hs|meta|d|\0\0\0\x01h\0\0\0\0\0\0\0\x01\0\0\0\0", b"!hs|meta|d|\0\0\0\x01h"),
            (b"!zs|meta|d|\0\0\0\x01z\0\0\0\0\0\0\0\x01\0\0\0\0", b"!zs|meta|d|\0\0\0\x01z"),
            (b"!lst|itm|l\x80\0\0\0\0\0\0\0", b"!lst|itm|l"),
            (b"!zs|scr|\0\0\0\x01z\0\0\0\0\0\0\0\x01m", b"!zs|scr|\0\0\0\x01z"),
            (b"!s3|blob|b\0\x01\0\0\0\0\0\0\0\x01k\0\x01u\0\x01", b"!s3|blob|b\0\x01\0\0\0\0\0\0\0\x01k\0\x01"),
            (b"!hs|fld|\0\0\xff\x01hf", b"!hs|fld|\0\0\xff\x01hf"),
            (b"plain", b"plain"),
        ] {
            assert_eq!(&key[..shared_len(key)], shared, "{}", Escaped(key));
            for cut in 0..=key.len() {
                assert!(shared_len(&key[..cut]) <= cut);
            }
        }
    }

    #[test]
    fn keys_with_the_same_front_are_routed_alike() {
        for (key, alike) in [
            (&b"!sqs|msg|data|cTE\0"[..], 5),
            (b"!ddb|item|dDE|1|p\0\x01", 14),
            (b"!ddb|gsi|dDE|1|aTE|", 13),
            (b"!ddb|meta|table|dDE", 0),
            (b"!s3|blob|b\0\x01\0\0\0\0\0\0\0\x01k\0\x01u\0\x01", 23),
            (b"!s3|blob|b\0\x01\0\0\0\0\0\0\0\x01k\0\x01", 0),
            (b"!redis|str|user:1", 0),
            (b"plain", 0),
        ] {
            assert_eq!(routed_alike(key), alike, "{}", Escaped(key));
            for tail in [&b""[..], b"\0", b"|", b"x\0\x01", b"\xff\xff"] {
                let other = [&key[..alike], tail].concat();
                assert!(alike == 0 || tail.is_empty() || route_key(&other) == route_key(key), "{}", Escaped(&other));
            }
            for cut in 0..=key.len() {
                assert!(routed_alike(&key[..cut]) <= cut);
            }
        }
    }
}

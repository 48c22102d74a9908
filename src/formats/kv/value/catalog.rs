//! Values of the shard catalog. Numbers are big-endian.

use serde_json::{Value, json};

use super::{DecodedValue, ValueEncoding, text};
use crate::formats::Cursor;

/// `01` and a number.
pub(super) fn number(value: &[u8]) -> Option<DecodedValue> {
    let [1, number @ ..] = value else { return None };
    Some(DecodedValue::new(ValueEncoding::CatalogNumber, json!(u64::from_be_bytes(number.try_into().ok()?))))
}

/// A route: which group has which keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogRoute<'a> {
    /// Its number.
    pub route: u64,
    /// The group that has the keys.
    pub group: u64,
    /// What is being done with it.
    pub state: &'static str,
    /// The route that it was split from; 0 for none.
    pub parent: u64,
    /// The first key.
    pub start: &'a [u8],
    /// The first key behind it; `None` for no end.
    pub end: Option<&'a [u8]>,
    /// When it was split off; version 1 does not say it.
    pub split_at: Option<u64>,
}

pub(super) fn route(value: &[u8]) -> Option<DecodedValue> {
    Some(DecodedValue::new(ValueEncoding::CatalogRoute, CatalogRoute::decode(value)?.content()))
}

fn next(cursor: &mut Cursor<'_>) -> Option<u64> {
    Some(u64::from_be_bytes(cursor.array("number").ok()?))
}

fn next_byte(cursor: &mut Cursor<'_>) -> Option<u8> {
    let [byte] = cursor.array("byte").ok()?;
    Some(byte)
}

fn counted<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let len = next(cursor)?;
    cursor.take("key", len).ok()
}

impl<'a> CatalogRoute<'a> {
    /// Version 1 or 2, route, group, state, parent, counted start, `00` or `01` and counted end, and in version 2 the time of the split.
    pub fn decode(value: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(value);
        let version = next_byte(&mut cursor).filter(|version| matches!(version, 1 | 2))?;
        let (route, group) = (next(&mut cursor)?, next(&mut cursor)?);
        let state = match next_byte(&mut cursor)? {
            0 => "active",
            1 => "write-fenced",
            2 => "migrating-source",
            3 => "migrating-target",
            _ => return None,
        };
        let (parent, start) = (next(&mut cursor)?, counted(&mut cursor)?);
        let end = match next_byte(&mut cursor)? {
            0 => None,
            1 => Some(counted(&mut cursor)?),
            _ => return None,
        };
        let split_at = if version == 2 { Some(next(&mut cursor)?) } else { None };
        cursor.is_empty().then_some(Self { route, group, state, parent, start, end, split_at })
    }

    fn content(&self) -> Value {
        let Self { route, group, state, parent, start, end, split_at } = self;
        let end = end.map_or(Value::Null, text);
        json!({
            "route": route, "group": group, "state": state, "parent": parent, "start": text(start), "end": end, "split_at": split_at,
        })
    }
}

/// A change: `01`, versions before and after, and so many routes that were set or removed.
pub(super) fn delta(value: &[u8]) -> Option<DecodedValue> {
    let mut cursor = Cursor::new(value);
    next_byte(&mut cursor).filter(|version| *version == 1)?;
    let (previous, version, count) = (next(&mut cursor)?, next(&mut cursor)?, next(&mut cursor)?);
    let mut changes = Vec::new();
    for _ in 0..count {
        let (op, route) = (next_byte(&mut cursor)?, next(&mut cursor)?);
        let record = counted(&mut cursor)?;
        changes.push(match op {
            1 => json!({ "op": "set", "route": route, "record": CatalogRoute::decode(record)?.content() }),
            2 if record.is_empty() => json!({ "op": "delete", "route": route }),
            _ => return None,
        });
    }
    let content = json!({ "previous": previous, "version": version, "changes": changes });
    cursor.is_empty().then(|| DecodedValue::new(ValueEncoding::CatalogDelta, content))
}

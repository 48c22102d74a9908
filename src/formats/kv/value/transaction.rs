//! Values of the rows of transactions. Numbers are big-endian; the first byte is the version, 1.

use serde_json::{Value, json};

use super::{DecodedValue, ValueEncoding, decode_plain, text};
use crate::formats::Cursor;
use crate::formats::kv::KeySpace;

fn begin(value: &[u8]) -> Option<Cursor<'_>> {
    value.strip_prefix(&[1]).map(Cursor::new)
}

fn next(cursor: &mut Cursor<'_>) -> Option<u64> {
    Some(u64::from_be_bytes(cursor.array("number").ok()?))
}

/// Start, expiry, flags (1: this is the primary key), counted primary key.
pub(super) fn lock(value: &[u8]) -> Option<DecodedValue> {
    let mut cursor = begin(value)?;
    let (start, expires) = (next(&mut cursor)?, next(&mut cursor)?);
    let [flags] = cursor.array("flags").ok()?;
    let len = next(&mut cursor)?;
    let primary = cursor.take("primary key", len).ok()?;
    let content = json!({ "start_ts": start, "expires_ts": expires, "is_primary": flags & 1 != 0, "primary_key": text(primary) });
    cursor.is_empty().then(|| DecodedValue::new(ValueEncoding::TransactionLock, content))
}

/// Start, operation, counted value of the key that will have it.
pub(super) fn intent(key: &[u8], value: &[u8]) -> Option<DecodedValue> {
    let mut cursor = begin(value)?;
    let start = next(&mut cursor)?;
    let op = match cursor.array("operation").ok()? {
        [0] => "put",
        [1] => "delete",
        _ => return None,
    };
    let len = next(&mut cursor)?;
    let value = cursor.take("value", len).ok()?;
    let inner = decode_plain(KeySpace::of_user_key(key).label(), value);
    let (content, expiry) = inner.map_or_else(|| (text(value), None), |inner| (inner.content, inner.expire_ms));
    let content = if op == "delete" { Value::Null } else { content };
    let content = json!({ "start_ts": start, "op": op, "value": content });
    cursor.is_empty().then(|| DecodedValue::new(ValueEncoding::TransactionIntent, content).expiring(expiry))
}

/// When it was committed.
pub(super) fn commit(value: &[u8]) -> Option<DecodedValue> {
    let mut cursor = begin(value)?;
    let content = json!({ "commit_ts": next(&mut cursor)? });
    cursor.is_empty().then(|| DecodedValue::new(ValueEncoding::TransactionCommit, content))
}

/// Nothing but the version.
pub(super) fn rollback(value: &[u8]) -> Option<DecodedValue> {
    begin(value)?.is_empty().then(|| DecodedValue::new(ValueEncoding::TransactionRollback, Value::Null))
}

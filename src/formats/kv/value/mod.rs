//! Values of rows, as far as their encodings are known.
//!
//! Every decoder takes a whole value and gives what it says, or nothing: what does not look exactly like its encoding stays the
//! bytes that it is. Sources: `adapter/redis_*.go`, `adapter/dynamodb_storage_codec.go`, `proto/*_internal.proto`,
//! `distribution/catalog*.go`, `store/*_helpers.go`, `kv/txn_*.go` of elastickv; docs/formats/keys.md.

mod catalog;
mod dynamo;
mod redis;
mod transaction;

pub use catalog::CatalogRoute;

use std::fmt;

use serde::Serialize;
use serde_json::{Value, json};

use super::{KeySpace, TXN_INTENT_PREFIX};
use crate::types::{Escaped, UnixMillis};

/// Longest value that is taken apart, in bytes: what it says takes several times its length.
pub const LONGEST_DECODED: usize = 1 << 20;

/// What a value says.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct DecodedValue {
    /// How it is written.
    pub encoding: ValueEncoding,
    /// What it says; bytes are text with escapes.
    pub content: Value,
    /// When it expires, in Unix milliseconds, if the value itself says so; `null` for never.
    pub expire_ms: Option<u64>,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ValueEncoding {
    /// A redis string, with a mark and perhaps an expiry in front.
    RedisString,
    /// The registers of a redis `HyperLogLog`.
    RedisHll,
    /// A whole redis object in the old form.
    RedisObject,
    /// When a redis key expires.
    RedisExpiry,
    /// The length of a hash, set, sorted set, list or stream, and where it begins and ends.
    RedisHeader,
    /// What is to be added to such a header.
    RedisDifference,
    /// The score of a member.
    RedisScore,
    /// An entry of a stream.
    RedisStreamEntry,
    /// The bytes themselves: a field of a hash, an item of a list, a chunk, the id of a message.
    Bytes,
    /// Nothing: that the key is there says it.
    Nothing,
    /// An item of a table, in the JSON of `DynamoDB`.
    DynamodbItem,
    /// The schema of a table.
    DynamodbSchema,
    /// A number.
    Number,
    /// JSON, perhaps with a mark in front.
    Json,
    /// A number of the catalog.
    CatalogNumber,
    /// A route of the catalog: which group has which keys.
    CatalogRoute,
    /// A change of the catalog.
    CatalogDelta,
    /// A lock of a transaction.
    TransactionLock,
    /// A write of a transaction that is not committed.
    TransactionIntent,
    /// That a transaction was committed, and when.
    TransactionCommit,
    /// That a transaction was rolled back.
    TransactionRollback,
}

impl DecodedValue {
    const fn new(encoding: ValueEncoding, content: Value) -> Self {
        Self { encoding, content, expire_ms: None }
    }

    fn expiring(self, expire_ms: Option<u64>) -> Self {
        Self { expire_ms, ..self }
    }
}

/// Bytes as they are shown.
fn text(bytes: &[u8]) -> Value {
    Value::String(Escaped(bytes).to_string())
}

/// What the value of a key, as requests name it, says. `None` when its encoding is not known, it does not look like that, or it is longer
/// than [`LONGEST_DECODED`].
pub fn decode_value(user_key: &[u8], value: &[u8]) -> Option<DecodedValue> {
    if value.len() > LONGEST_DECODED {
        return None;
    }
    match KeySpace::of_user_key(user_key).label() {
        "txn-lock" => transaction::lock(value),
        "txn-intent" => transaction::intent(user_key.strip_prefix(TXN_INTENT_PREFIX)?, value),
        "txn-commit" => transaction::commit(value),
        "txn-rollback" => transaction::rollback(value),
        label => decode_plain(label, value),
    }
}

/// The same for keys that are not of transactions.
fn decode_plain(label: &str, value: &[u8]) -> Option<DecodedValue> {
    use ValueEncoding as Encoding;
    let bytes = |value| Some(DecodedValue::new(Encoding::Bytes, text(value)));
    match label {
        "redis-string" => redis::string(value),
        "redis-hll" => redis::hll(value),
        "redis-hash-blob" => redis::hash(value),
        "redis-set-blob" => redis::set(value),
        "redis-zset-blob" => redis::zset(value),
        "redis-stream-blob" => redis::stream(value),
        "redis-ttl" => redis::expiry(value),
        "redis-hash-meta" | "redis-set-meta" | "redis-zset-meta" => redis::header(value),
        "redis-list-meta" => redis::list_header(value),
        "redis-stream-meta" => redis::stream_header(value),
        "redis-hash-delta" | "redis-set-delta" | "redis-zset-delta" => redis::difference(value),
        "redis-list-delta" => redis::list_difference(value),
        "redis-zset-member" => redis::score(value),
        "redis-stream-entry" => redis::stream_entry(value),
        "redis-set-member" | "redis-zset-score" | "redis-fence" if value.is_empty() => {
            Some(DecodedValue::new(Encoding::Nothing, Value::Null))
        }
        "redis-hash-field" | "redis-list-item" | "s3-chunk" | "sqs-visibility" | "sqs-age-index" => bytes(value),
        "dynamodb-item" => dynamo::item(value),
        "dynamodb-table" => dynamo::schema(value),
        "dynamodb-generation" | "sqs-generation" => decimal(value),
        "s3-bucket" | "s3-object" | "s3-upload" | "s3-part" | "s3-upload-gc" => json_value(value),
        // A mark, or how many partitions the queue had.
        "sqs-tombstone" if value == [1] => Some(DecodedValue::new(Encoding::Nothing, Value::Null)),
        "s3-bucket-generation" | "sqs-tombstone" => number(value),
        "sqs-queue" => json_value(value.strip_prefix(b"\0SQ\x01")?),
        "sqs-message" => json_value(value.strip_prefix(b"\0SM\x01")?),
        "catalog-version" | "catalog-counter" => catalog::number(value),
        "catalog-route" => catalog::route(value),
        "catalog-delta" => catalog::delta(value),
        _ => None,
    }
}

/// Decimal digits.
fn decimal(value: &[u8]) -> Option<DecodedValue> {
    let number: u64 = str::from_utf8(value.trim_ascii()).ok()?.parse().ok()?;
    Some(DecodedValue::new(ValueEncoding::Number, json!(number)))
}

/// A u64, big-endian.
fn number(value: &[u8]) -> Option<DecodedValue> {
    Some(DecodedValue::new(ValueEncoding::Number, json!(u64::from_be_bytes(value.try_into().ok()?))))
}

/// One object of JSON. Its nesting is bounded by the parser.
fn json_value(value: &[u8]) -> Option<DecodedValue> {
    let content: Value = serde_json::from_slice(value).ok()?;
    content.is_object().then(|| DecodedValue::new(ValueEncoding::Json, content))
}

/// On one line: a lone text as it is, everything else as JSON, and when it expires.
impl fmt::Display for DecodedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.content {
            Value::Null => {}
            Value::String(text) => f.write_str(text)?,
            content => write!(f, "{content}")?,
        }
        if let Some(at) = self.expire_ms {
            let gap = if self.content.is_null() { "" } else { " " };
            write!(f, "{gap}(expires {})", UnixMillis(at))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(key: &[u8], value: &[u8]) -> Option<String> {
        decode_value(key, value).map(|value| value.to_string())
    }

    /// Rows as real stores have them, and as the server's sources write the others.
    const VALUES: &[(&[u8], &[u8], &str)] = &[
        (b"!redis|str|s", b"\xff\x01\0hello", "hello"),
        (b"!redis|str|s", b"\xff\x01\x01\0\0\x01\xa2\0\xf8~\tv", "v (expires 2026-11-22T01:56:54.921Z)"),
        (b"!redis|str|s", b"old form", "old form"),
        (b"!redis|hll|s", b"\xff\x02\0abc", r#"{"register_bytes":3}"#),
        (b"!redis|ttl|s", b"\0\0\x01\xa2\0\xf8~\t", "(expires 2026-11-22T01:56:54.921Z)"),
        (b"!redis|hash|h", b"\0RH\x01\n\x06\n\x01f\x12\x01v", r#"{"f":"v"}"#),
        (b"!redis|set|s", b"\0RS\x01\n\x01a\n\x01b", r#"["a","b"]"#),
        (b"!redis|zset|z", b"\0RZ\x01\n\x0c\n\x01m\x11\0\0\0\0\0\0\xf8?", r#"{"m":1.5}"#),
        (b"!redis|stream|x", b"\0RX\x01\n\x0b\n\x031-2\x12\x01f\x12\x01v", r#"[{"fields":["f","v"],"id":"1-2"}]"#),
        (b"!redis|hash|h", b"", "{}"),
        (b"!hs|meta|\0\0\0\x01h", b"\0\0\0\0\0\0\0\x02", r#"{"length":2}"#),
        (
            b"!hs|meta|\0\0\0\x01h",
            b"\0\0\0\0\0\0\0\x02\0\0\x01\xa2\0\xf8~\t",
            r#"{"length":2} (expires 2026-11-22T01:56:54.921Z)"#,
        ),
        (b"!lst|meta|l", b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x03", r#"{"head":1,"length":3,"tail":4}"#),
        (b"!stream|meta|\0\0\0\x01x", b"\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x02", r#"{"last":"5-2","length":1}"#),
        (b"!hs|meta|d|\0\0\0\x01h\0\0\0\0\0\0\0\x01\0\0\0\0", b"\xff\xff\xff\xff\xff\xff\xff\xff", r#"{"length":-1}"#),
        (
            b"!lst|meta|d|\0\0\0\x01l\0\0\0\0\0\0\0\x01\0\0\0\0",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\x01",
            r#"{"head":-1,"length":1}"#,
        ),
        (b"!zs|mem|\0\0\0\x01zm", b"@\x8f\x08\0\0\0\0\0", "993.0"),
        (b"!st|mem|\0\0\0\x01sm", b"", ""),
        (b"!hs|fld|\0\0\0\x01hf", b"v\0", "v\\0"),
        (
            b"!stream|entry|\0\0\0\x01x\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x02",
            b"\0RXE\x01\n\x031-2\x12\x01f\x12\x01v",
            r#"{"fields":["f","v"],"id":"1-2"}"#,
        ),
        (
            b"!ddb|item|dDE|1|p0\0\x01",
            b"\0DI\x01\n\n\n\x02pk\x12\x04\n\x02p0\n\x08\n\x01v\x12\x03\x12\x010",
            r#"{"pk":{"S":"p0"},"v":{"N":"0"}}"#,
        ),
        (
            b"!ddb|item|dDE|1|p0\0\x01",
            b"\0DI\x01\n\x07\n\x01b\x12\x02 \x01\n\x0e\n\x01l\x12\x09J\x07\n\x03\n\x01x\n\0",
            r#"{"b":{"BOOL":true},"l":{"L":[{"S":"x"},null]}}"#,
        ),
        (
            b"!ddb|meta|table|dDE",
            b"\0DS\x01\n\x02t1\x12\x07\n\x02pk\x12\x01S\x1a\x04\n\x02pk(\x028\x01",
            r#"{"attributes":{"pk":"S"},"generation":1,"hash_key":"pk","indexes":[],"key_encoding_version":2,"name":"t1","range_key":null}"#,
        ),
        (b"!ddb|meta|gen|dDE", b"1", "1"),
        (b"!s3|bucket|gen|bkt\0\x01", b"\0\0\0\0\0\0\0\x01", "1"),
        (b"!s3|bucket|meta|bkt\0\x01", br#"{"bucket_name":"bkt","generation":1}"#, r#"{"bucket_name":"bkt","generation":1}"#),
        (b"!sqs|queue|tombstone|cTE\0\0\0\0\0\0\0\x07", b"\x01", ""),
        (b"!sqs|queue|tombstone|cTE\0\0\0\0\0\0\0\x07", b"\0\0\0\0\0\0\0\x04", "4"),
        (b"!sqs|queue|meta|cTE", b"\0SQ\x01{\"name\":\"q1\"}", r#"{"name":"q1"}"#),
        (b"!dist|meta|version", b"\x01\0\0\0\0\0\0\0\x02", "2"),
        (
            b"!dist|route|\0\0\0\0\0\0\0\x01",
            b"\x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            r#"{"end":null,"group":1,"parent":0,"route":1,"split_at":0,"start":"","state":"active"}"#,
        ),
        (
            b"!dist|delta|\0\0\0\0\0\0\0\x01",
            b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\0",
            r#"{"changes":[{"op":"delete","route":7}],"previous":0,"version":1}"#,
        ),
        (
            b"!txn|lock|k",
            b"\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x09\x01\0\0\0\0\0\0\0\x01k",
            r#"{"expires_ts":9,"is_primary":true,"primary_key":"k","start_ts":5}"#,
        ),
        (
            b"!txn|int|!redis|str|s",
            b"\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\0\x08\xff\x01\0hello",
            r#"{"op":"put","start_ts":5,"value":"hello"}"#,
        ),
        (b"!txn|cmt|k\0\0\0\0\0\0\0\x05", b"\x01\0\0\0\0\0\0\0\x06", r#"{"commit_ts":6}"#),
        (b"!txn|rb|k\0\0\0\0\0\0\0\x05", b"\x01", ""),
    ];

    #[test]
    fn values_of_real_rows() {
        let said = VALUES.iter().map(|(key, value, _)| (Escaped(key).to_string(), decoded(key, value)));
        let expected = VALUES.iter().map(|(key, _, expected)| (Escaped(key).to_string(), Some((*expected).to_owned())));
        assert_eq!(said.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        for (key, value) in [(&b"plain"[..], &b"v"[..]), (b"!redis|hash|h", b"\0RS\x01"), (b"!fs|ino|\0\0\0\0\0\0\0\x01", b"x")] {
            assert_eq!(decoded(key, value), None);
        }
        assert_eq!(decoded(b"!hs|fld|\0\0\0\x01hf", &vec![b'x'; LONGEST_DECODED + 1]), None);
    }

    /// Whatever is cut off or changed: no panic, and numbers of a fixed length are not read from fewer bytes.
    #[test]
    fn damaged_values() {
        for (key, value, _) in VALUES {
            for cut in 0..value.len() {
                let said = decode_value(key, &value[..cut]);
                let fixed = ["meta|", "ttl|", "|gen|bkt", "!txn|lock", "!txn|cmt", "!dist|", "!zs|mem"];
                let counted =
                    fixed.iter().any(|part| String::from_utf8_lossy(key).contains(part)) && !key.starts_with(b"!s3|bucket|meta");
                // A header with an expiry is one without it when it is cut in the right place, and an empty object is one.
                if counted && !matches!(cut, 0 | 8 | 24) && !key.starts_with(b"!ddb|") && !key.starts_with(b"!sqs|") {
                    assert_eq!(said, None, "{} {cut}", Escaped(key));
                }
                drop(said.map(|said| said.to_string()));
            }
            for bit in 0..value.len() * 8 {
                let mut changed = value.to_vec();
                changed[bit / 8] ^= 1 << (bit % 8);
                drop(decoded(key, &changed));
            }
        }
    }

    #[test]
    fn deep_nesting_ends() {
        // Lists in lists: each is the first element of the one around it.
        let field = |tag: &[u8], content: &[u8]| {
            let mut field = tag.to_vec();
            crate::formats::varint::encode(content.len() as u64, &mut field);
            field.extend_from_slice(content);
            field
        };
        let mut value = vec![0x20, 1];
        for _ in 0..200 {
            value = field(b"\x4a", &field(b"\x0a", &value));
        }
        let item = [b"\0DI\x01".to_vec(), field(b"\x0a", &field(b"\x0a\x01a\x12", &value))].concat();
        assert_eq!(decode_value(b"!ddb|item|dDE|1|p0\0\x01", &item), None);
    }
}

//! Values of the redis interface.

use serde_json::{Map, Value, json};

use super::{DecodedValue, ValueEncoding, text};
use crate::formats::Cursor;
use crate::formats::protobuf::{self, Value as Wire};
use crate::types::Escaped;

/// Numbers, big-endian, that a value consists of and of nothing else.
fn numbers<const N: usize>(value: &[u8]) -> Option<[i64; N]> {
    let mut cursor = Cursor::new(value);
    let mut numbers = [0; N];
    for number in &mut numbers {
        *number = i64::from_be_bytes(cursor.array("number").ok()?);
    }
    cursor.is_empty().then_some(numbers)
}

/// `FF`, the version, flags, and the expiry (u64 big-endian, milliseconds) if bit 0 is set; then the body.
fn marked(version: u8, value: &[u8]) -> Option<(&[u8], Option<u64>)> {
    let [0xff, found, flags, rest @ ..] = value else { return None };
    if *found != version {
        return None;
    }
    if flags & 1 == 0 {
        return Some((rest, None));
    }
    let (expiry, body) = rest.split_first_chunk::<8>()?;
    Some((body, Some(u64::from_be_bytes(*expiry))))
}

/// A string; without the mark it is one of old, which is its value.
pub(super) fn string(value: &[u8]) -> Option<DecodedValue> {
    let (body, expiry) = if value.starts_with(&[0xff, 1]) { marked(1, value)? } else { (value, None) };
    Some(DecodedValue::new(ValueEncoding::RedisString, text(body)).expiring(expiry))
}

pub(super) fn hll(value: &[u8]) -> Option<DecodedValue> {
    let (registers, expiry) = marked(2, value)?;
    Some(DecodedValue::new(ValueEncoding::RedisHll, json!({ "register_bytes": registers.len() })).expiring(expiry))
}

/// The message behind `00 R`, the kind and `01`; an empty value is an empty object.
fn object(kind: u8, value: &[u8]) -> Option<&[u8]> {
    if value.is_empty() { Some(value) } else { value.strip_prefix(&[0, b'R', kind, 1]) }
}

/// The fields of length 2 of a message, by number; nothing else may be in it but fields that are not known.
fn pieces<'a>(message: &'a [u8], mut see: impl FnMut(u32, Wire<'a>) -> Option<()>) -> Option<()> {
    protobuf::fields(message).try_for_each(|field| {
        let field = field.ok()?;
        see(field.number, field.value)
    })
}

pub(super) fn hash(value: &[u8]) -> Option<DecodedValue> {
    let mut entries = Map::new();
    pieces(object(b'H', value)?, |number, wire| {
        if number == 1 {
            let (mut key, mut content) = (&[][..], &[][..]);
            pieces(wire.as_bytes()?, |number, wire| {
                match number {
                    1 => key = wire.as_bytes()?,
                    2 => content = wire.as_bytes()?,
                    _ => {}
                }
                Some(())
            })?;
            entries.insert(Escaped(key).to_string(), text(content));
        }
        Some(())
    })?;
    Some(DecodedValue::new(ValueEncoding::RedisObject, entries.into()))
}

/// The texts of field `number`.
fn texts(message: &[u8], wanted: u32) -> Option<Vec<Value>> {
    let mut texts = Vec::new();
    pieces(message, |number, wire| {
        if number == wanted {
            texts.push(text(wire.as_bytes()?));
        }
        Some(())
    })?;
    Some(texts)
}

pub(super) fn set(value: &[u8]) -> Option<DecodedValue> {
    Some(DecodedValue::new(ValueEncoding::RedisObject, texts(object(b'S', value)?, 1)?.into()))
}

pub(super) fn zset(value: &[u8]) -> Option<DecodedValue> {
    let mut members = Map::new();
    pieces(object(b'Z', value)?, |number, wire| {
        if number == 1 {
            let (mut member, mut score) = (&[][..], 0.0);
            pieces(wire.as_bytes()?, |number, wire| {
                match (number, wire) {
                    (1, Wire::Bytes(name)) => member = name,
                    (2, Wire::Fixed64(bits)) => score = f64::from_bits(bits),
                    (1 | 2, _) => return None,
                    _ => {}
                }
                Some(())
            })?;
            members.insert(Escaped(member).to_string(), float(score));
        }
        Some(())
    })?;
    Some(DecodedValue::new(ValueEncoding::RedisObject, members.into()))
}

/// JSON has no infinity.
fn float(number: f64) -> Value {
    serde_json::Number::from_f64(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
}

fn entry(message: &[u8]) -> Option<Value> {
    let id = texts(message, 1)?.pop().unwrap_or_else(|| text(b""));
    Some(json!({ "id": id, "fields": texts(message, 2)? }))
}

pub(super) fn stream(value: &[u8]) -> Option<DecodedValue> {
    let mut entries = Vec::new();
    pieces(object(b'X', value)?, |number, wire| {
        if number == 1 {
            entries.push(entry(wire.as_bytes()?)?);
        }
        Some(())
    })?;
    Some(DecodedValue::new(ValueEncoding::RedisObject, entries.into()))
}

pub(super) fn stream_entry(value: &[u8]) -> Option<DecodedValue> {
    Some(DecodedValue::new(ValueEncoding::RedisStreamEntry, entry(value.strip_prefix(b"\0RXE\x01")?)?))
}

pub(super) fn expiry(value: &[u8]) -> Option<DecodedValue> {
    let at = u64::from_be_bytes(value.try_into().ok()?);
    Some(DecodedValue::new(ValueEncoding::RedisExpiry, Value::Null).expiring(Some(at)))
}

/// What is behind the numbers of a header is its expiry, if there is anything.
fn with_expiry<const N: usize>(value: &[u8]) -> Option<([i64; N], Option<u64>)> {
    if let Some(numbers) = numbers::<N>(value) {
        return Some((numbers, None));
    }
    let (front, expiry) = value.split_last_chunk::<8>()?;
    Some((numbers(front)?, Some(u64::from_be_bytes(*expiry)).filter(|at| *at != 0)))
}

/// Length, and an expiry.
pub(super) fn header(value: &[u8]) -> Option<DecodedValue> {
    let ([length], expiry) = with_expiry(value)?;
    Some(DecodedValue::new(ValueEncoding::RedisHeader, json!({ "length": length })).expiring(expiry))
}

/// Head, tail, length, and an expiry.
pub(super) fn list_header(value: &[u8]) -> Option<DecodedValue> {
    let ([head, tail, length], expiry) = with_expiry(value)?;
    let content = json!({ "head": head, "tail": tail, "length": length });
    Some(DecodedValue::new(ValueEncoding::RedisHeader, content).expiring(expiry))
}

/// Length and last id; an expiry; the id up to which entries were trimmed.
pub(super) fn stream_header(value: &[u8]) -> Option<DecodedValue> {
    let id = |ms: i64, seq: i64| format!("{}-{}", ms.cast_unsigned(), seq.cast_unsigned());
    let (content, expiry) = match numbers::<6>(value) {
        Some([length, ms, seq, expiry, trimmed_ms, trimmed_seq]) => {
            let content = json!({ "length": length, "last": id(ms, seq), "trimmed": id(trimmed_ms, trimmed_seq) });
            (content, Some(expiry.cast_unsigned()).filter(|at| *at != 0))
        }
        None => {
            let ([length, ms, seq], expiry) = with_expiry(value)?;
            (json!({ "length": length, "last": id(ms, seq) }), expiry)
        }
    };
    Some(DecodedValue::new(ValueEncoding::RedisHeader, content).expiring(expiry))
}

/// What is added to the length.
pub(super) fn difference(value: &[u8]) -> Option<DecodedValue> {
    let [length] = numbers(value)?;
    Some(DecodedValue::new(ValueEncoding::RedisDifference, json!({ "length": length })))
}

/// What is added to head and length.
pub(super) fn list_difference(value: &[u8]) -> Option<DecodedValue> {
    let [head, length] = numbers(value)?;
    Some(DecodedValue::new(ValueEncoding::RedisDifference, json!({ "head": head, "length": length })))
}

pub(super) fn score(value: &[u8]) -> Option<DecodedValue> {
    let bits = u64::from_be_bytes(value.try_into().ok()?);
    Some(DecodedValue::new(ValueEncoding::RedisScore, float(f64::from_bits(bits))))
}

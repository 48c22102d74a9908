//! Values of the `DynamoDB` interface.

use serde_json::{Map, Value, json};

use super::{DecodedValue, ValueEncoding, text};
use crate::formats::protobuf::{self, Value as Wire};
use crate::types::Escaped;

/// Deepest nesting of lists and maps that is followed; `DynamoDB` itself allows 32.
const DEEPEST: usize = 40;

/// An item: `00 DI 01` and a map of attributes.
pub(super) fn item(value: &[u8]) -> Option<DecodedValue> {
    let attributes = map(value.strip_prefix(b"\0DI\x01")?, 1, &|message| attribute(message, DEEPEST))?;
    Some(DecodedValue::new(ValueEncoding::DynamodbItem, attributes.into()))
}

/// The entries of map field `wanted`: of each the key is field 1 and the value field 2.
fn map(message: &[u8], wanted: u32, value_of: &dyn Fn(&[u8]) -> Option<Value>) -> Option<Map<String, Value>> {
    let mut entries = Map::new();
    for field in protobuf::fields(message) {
        let field = field.ok()?;
        if field.number != wanted {
            continue;
        }
        let (mut key, mut value) = (&[][..], &[][..]);
        for part in protobuf::fields(field.value.as_bytes()?) {
            let part = part.ok()?;
            match part.number {
                1 => key = part.value.as_bytes()?,
                2 => value = part.value.as_bytes()?,
                _ => {}
            }
        }
        entries.insert(Escaped(key).to_string(), value_of(value)?);
    }
    Some(entries)
}

/// The elements of repeated field 1.
fn elements(message: &[u8], value_of: &dyn Fn(&[u8]) -> Option<Value>) -> Option<Value> {
    let mut elements = Vec::new();
    for field in protobuf::fields(message) {
        let field = field.ok()?;
        if field.number == 1 {
            elements.push(value_of(field.value.as_bytes()?)?);
        }
    }
    Some(elements.into())
}

/// An attribute in the JSON of `DynamoDB`: its type, and what it is. Of several the last one counts, as protobuf has it.
fn attribute(message: &[u8], depth: usize) -> Option<Value> {
    let deeper = depth.checked_sub(1)?;
    let shown = |bytes: &[u8]| Some(text(bytes));
    let mut found = Value::Null;
    for field in protobuf::fields(message) {
        let field = field.ok()?;
        found = match (field.number, field.value) {
            (1, Wire::Bytes(bytes)) => json!({ "S": text(bytes) }),
            (2, Wire::Bytes(bytes)) => json!({ "N": text(bytes) }),
            (3, Wire::Bytes(bytes)) => json!({ "B": text(bytes) }),
            (4, Wire::Varint(set)) => json!({ "BOOL": set != 0 }),
            (5, Wire::Varint(set)) => json!({ "NULL": set != 0 }),
            (6, Wire::Bytes(set)) => json!({ "SS": elements(set, &shown)? }),
            (7, Wire::Bytes(set)) => json!({ "NS": elements(set, &shown)? }),
            (8, Wire::Bytes(set)) => json!({ "BS": elements(set, &shown)? }),
            (9, Wire::Bytes(list)) => json!({ "L": elements(list, &|message| attribute(message, deeper))? }),
            (10, Wire::Bytes(entries)) => json!({ "M": map(entries, 1, &|message| attribute(message, deeper))? }),
            (1..=10, _) => return None,
            _ => continue,
        };
    }
    Some(found)
}

/// Hash and range key of a table or index.
fn keys(message: &[u8]) -> Option<(Value, Value)> {
    let (mut hash, mut range) = (Value::Null, Value::Null);
    for field in protobuf::fields(message) {
        let field = field.ok()?;
        match field.number {
            1 => hash = text(field.value.as_bytes()?),
            2 => range = text(field.value.as_bytes()?),
            _ => {}
        }
    }
    Some((hash, range))
}

/// A table: `00 DS 01` and its schema.
pub(super) fn schema(value: &[u8]) -> Option<DecodedValue> {
    let message = value.strip_prefix(b"\0DS\x01")?;
    let (mut name, mut encoding, mut generation, mut migrating) = (Value::Null, 0, 0, 0);
    let (mut hash_key, mut range_key) = (Value::Null, Value::Null);
    for field in protobuf::fields(message) {
        let field = field.ok()?;
        match field.number {
            1 => name = text(field.value.as_bytes()?),
            3 => (hash_key, range_key) = keys(field.value.as_bytes()?)?,
            5 => encoding = field.value.as_varint()?,
            6 => migrating = field.value.as_varint()?,
            7 => generation = field.value.as_varint()?,
            _ => {}
        }
    }
    let indexes: Vec<String> = map(message, 4, &|_| Some(Value::Null))?.into_iter().map(|(name, _)| name).collect();
    let mut content = json!({
        "name": name,
        "attributes": map(message, 2, &|kind| Some(text(kind)))?,
        "hash_key": hash_key,
        "range_key": range_key,
        "key_encoding_version": encoding,
        "generation": generation,
        "indexes": indexes,
    });
    if let (true, Some(members)) = (migrating != 0, content.as_object_mut()) {
        members.insert("migrating_from_generation".to_owned(), json!(migrating));
    }
    Some(DecodedValue::new(ValueEncoding::DynamodbSchema, content))
}

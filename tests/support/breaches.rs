//! A report held against its JSON Schema; the tests of `fleet/` use it too.

use std::collections::BTreeMap;

use serde_json::Value;

/// What of `value` its schema does not know or forbids; the part of JSON Schema that our schemas use.
pub fn breaches(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if schema == &Value::Bool(true) {
        return;
    }
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let part = root.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("{name} leads nowhere"));
        breaches(root, part, value, at, found);
        if schema.as_object().unwrap().keys().all(|keyword| ["$ref", "description"].contains(&keyword.as_str())) {
            return;
        }
    }
    for keyword in ["anyOf", "oneOf"] {
        if let Some(parts) = schema.get(keyword).and_then(Value::as_array) {
            let fits = |part: &&Value| {
                let mut own = Vec::new();
                breaches(root, part, value, at, &mut own);
                own.iter().all(|text| text.ends_with("is unknown"))
            };
            if !parts.iter().any(|part| fits(&part)) {
                found.push(format!("{at}: none of {keyword} fits {value}"));
            }
        }
    }
    if let Some(constant) = schema.get("const").filter(|constant| *constant != value) {
        found.push(format!("{at}: {value} is not {constant}"));
    }
    if schema.get("enum").and_then(Value::as_array).is_some_and(|values| !values.contains(value)) {
        found.push(format!("{at}: {value} is none of {}", schema["enum"]));
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed = |name: &str| name == kind || name == "number" && kind == "integer";
    match schema.get("type") {
        Some(Value::String(name)) if !allowed(name) => found.push(format!("{at}: {kind} instead of {name}")),
        Some(Value::Array(names)) if !names.iter().filter_map(Value::as_str).any(allowed) => {
            found.push(format!("{at}: {kind} instead of one of {}", schema["type"]));
        }
        _ => {}
    }
    match value {
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                let of = schema.get("items").or_else(|| schema.pointer(&format!("/prefixItems/{number}")));
                if let Some(of) = of {
                    breaches(root, of, item, &format!("{at}[{number}]"), found);
                }
            }
        }
        Value::Object(members) => {
            let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            found.extend(required.filter(|name| !members.contains_key(*name)).map(|name| format!("{at}.{name} is missing")));
            let known = known_members(root, schema);
            for (name, member) in members {
                match (known.get(name.as_str()), schema.get("additionalProperties")) {
                    (Some(parts), _) => {
                        let tried = parts.iter().map(|part| {
                            let mut own = Vec::new();
                            breaches(root, part, member, &format!("{at}.{name}"), &mut own);
                            own
                        });
                        found.extend(tried.min_by_key(Vec::len).unwrap_or_default());
                    }
                    (None, Some(rest)) => breaches(root, rest, member, &format!("{at}.{name}"), found),
                    (None, None) => found.push(format!("{at}.{name} is unknown")),
                }
            }
        }
        _ => {}
    }
}

/// Every member that an object may have by the schema or by a part that is taken into it.
fn known_members<'s>(root: &'s Value, schema: &'s Value) -> BTreeMap<&'s str, Vec<&'s Value>> {
    let mut known: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for (name, member) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        known.entry(name).or_default().push(member);
    }
    let mut parts: Vec<&Value> =
        ["anyOf", "oneOf", "allOf"].iter().filter_map(|word| schema[*word].as_array()).flatten().collect();
    parts.extend(schema.get("$ref").and_then(Value::as_str).and_then(|name| root.pointer(name.trim_start_matches('#'))));
    for part in parts {
        for (name, members) in known_members(root, part) {
            known.entry(name).or_default().extend(members);
        }
    }
    known
}

//! ndjson: which parts of a body are lines of their own. What is left of the body stands in the summary, so that the lines of a
//! run hold everything that its JSON report does.

use serde_json::{Map, Value};

/// A part of a body of which each element is a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    /// Where it stands, member by member: `stores/levels`. A list, or one object; the empty path is the whole body.
    pub path: &'static str,
    /// The `type` of its lines.
    pub kind: &'static str,
    /// Members of the objects around it that its lines repeat, to say whose part they are.
    pub named_by: &'static [&'static str],
}

impl Lines {
    /// The part at `path`, whose lines are of type `kind`.
    pub const fn of(path: &'static str, kind: &'static str) -> Self {
        Self { path, kind, named_by: &[] }
    }

    /// The same, its lines with these members of the objects around them.
    #[must_use]
    pub const fn named_by(self, members: &'static [&'static str]) -> Self {
        Self { named_by: members, ..self }
    }

    /// The member that holds the part, when it stands directly below `path`.
    fn member_below(&self, path: &str) -> Option<&'static str> {
        let (around, member) = self.path.rsplit_once('/').unwrap_or(("", self.path));
        (around == path && !member.is_empty()).then_some(member)
    }
}

/// Takes the lines of `parts` out of `body`, each with its type, those of an object before those of the parts of it.
pub(super) fn take_lines(parts: &[Lines], body: &mut Map<String, Value>) -> Vec<Map<String, Value>> {
    let mut lines = Vec::new();
    take_at(parts, "", body, &Map::new(), &mut lines);
    lines
}

/// Takes the lines at `path`. What remains in `object` is in no line.
fn take_at(
    parts: &[Lines],
    path: &str,
    object: &mut Map<String, Value>,
    around: &Map<String, Value>,
    lines: &mut Vec<Map<String, Value>>,
) {
    let inner: Vec<_> = parts.iter().filter_map(|part| Some((part, object.remove(part.member_below(path)?)?))).collect();
    let mut around = around.clone();
    for name in inner.iter().flat_map(|(part, _)| part.named_by) {
        if let Some(value) = object.get(*name) {
            around.insert((*name).to_owned(), value.clone());
        }
    }
    if let Some(part) = parts.iter().find(|part| part.path == path) {
        let mut line = std::mem::take(object);
        line.entry("type").or_insert_with(|| part.kind.into());
        lines.push(line);
    }
    for (part, value) in inner {
        let elements = match value {
            Value::Null => Vec::new(),
            Value::Array(elements) => elements,
            one => vec![one],
        };
        for element in elements {
            let mut element = match element {
                Value::Object(members) => members,
                other => Map::from_iter([("value".to_owned(), other)]),
            };
            for name in part.named_by {
                if let Some(value) = around.get(*name) {
                    element.entry(*name).or_insert_with(|| value.clone());
                }
            }
            take_at(parts, part.path, &mut element, &around, lines);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn taken(parts: &[Lines], body: Value) -> (Value, Value) {
        let Value::Object(mut body) = body else { unreachable!() };
        let lines = take_lines(parts, &mut body);
        (json!(lines), Value::Object(body))
    }

    #[test]
    fn lists_in_lists_are_lines_that_say_whose_they_are() {
        const PARTS: &[Lines] = &[
            Lines::of("stores", "store"),
            Lines::of("stores/levels", "level").named_by(&["dir"]),
            Lines::of("stores/levels/tables", "table").named_by(&["dir", "level"]),
        ];
        let levels = json!([{ "level": 0, "tables": [] }, { "level": 6, "tables": [{ "file": "5" }, { "file": "6" }] }]);
        let (lines, rest) = taken(PARTS, json!({ "stores": [{ "dir": "a", "levels": levels, "sizes": [1] }], "total": 2 }));
        let expected = json!([
            { "type": "store", "dir": "a", "sizes": [1] },
            { "type": "level", "dir": "a", "level": 0 },
            { "type": "level", "dir": "a", "level": 6 },
            { "type": "table", "dir": "a", "level": 6, "file": "5" },
            { "type": "table", "dir": "a", "level": 6, "file": "6" },
        ]);
        assert_eq!((lines, rest), (expected, json!({ "total": 2 })));
    }

    #[test]
    fn objects_texts_and_whole_bodies_are_lines_too() {
        const ONE: &[Lines] = &[Lines::of("log", "log"), Lines::of("others", "other")];
        let (lines, rest) = taken(ONE, json!({ "log": { "a": 1 }, "others": ["x"] }));
        assert_eq!((lines, rest), (json!([{ "type": "log", "a": 1 }, { "type": "other", "value": "x" }]), json!({})));
        let (lines, _) = taken(ONE, json!({ "log": null, "others": [] }));
        assert_eq!(lines, json!([]), "what is not known is no line");
        let (lines, rest) = taken(&[Lines::of("", "subject")], json!({ "kind": "k", "lists": { "rows": [1] } }));
        assert_eq!((lines, rest), (json!([{ "type": "subject", "kind": "k", "lists": { "rows": [1] } }]), json!({})));
    }
}

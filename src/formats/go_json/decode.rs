//! Fields out of JSON, as the server's decoder fills a structure.
//!
//! A value of the wrong type is noted and passed over, and the first such note is the answer at the end; only a value that
//! reads itself (a time) ends the work at once. `null` leaves a field as it was, a list excepted. The last of several equal
//! names wins. Names match in any case, unknown ones are passed over.

use std::borrow::Cow;
use std::fmt;

use super::decode_base64;
use super::syntax::{SyntaxError, check, is_blank};
use crate::formats::go_time::GoTime;

/// Why the decoder refuses a text. Prints as the server's decoder does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JsonError {
    /// It is not JSON.
    Syntax(SyntaxError),
    /// A value has another type than its field.
    Type(String),
    /// A value that reads itself refuses.
    Value(String),
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(error) => error.fmt(f),
            Self::Type(text) | Self::Value(text) => f.write_str(text),
        }
    }
}

/// A value that ended the work.
#[derive(Debug)]
pub struct Unfit(String);

/// Reads one text; every call takes one value.
#[derive(Debug)]
pub struct Decoder<'j> {
    /// Known to be JSON.
    text: &'j [u8],
    at: usize,
    /// The first value of a wrong type.
    wrong: Option<String>,
    /// Where the decoder is, below the outermost structure.
    path: Vec<&'static str>,
    /// The innermost structure.
    structure: &'static str,
}

/// A list of numbers, which keeps what an earlier and longer one left behind it.
#[derive(Debug, Default)]
pub struct Numbers {
    memory: Vec<u64>,
    len: usize,
    listed: bool,
}

/// What a value is.
#[derive(Debug, Clone, Copy)]
enum Shape<'j> {
    Null,
    Bool(bool),
    Number(&'j str),
    /// With its quotes.
    Text(&'j [u8]),
    List,
    Object,
}

impl Shape<'_> {
    /// How the decoder's complaints call it.
    const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::List => "array",
            Self::Object => "object",
        }
    }
}

/// Reads `text` by `fill`.
pub fn decode<'j>(text: &'j [u8], fill: impl FnOnce(&mut Decoder<'j>) -> Result<(), Unfit>) -> Result<(), JsonError> {
    check(text).map_err(JsonError::Syntax)?;
    let mut decoder = Decoder { text, at: 0, wrong: None, path: Vec::new(), structure: "" };
    fill(&mut decoder).map_err(|Unfit(text)| JsonError::Value(text))?;
    decoder.wrong.map_or(Ok(()), |text| Err(JsonError::Type(text)))
}

impl<'j> Decoder<'j> {
    /// A structure of the type `package.name`: `each` is given the name of every field in lower case, and takes its value
    /// or leaves it. Names in `fields` are what complaints call them.
    pub fn object(
        &mut self,
        package: &'static str,
        name: &'static str,
        fields: &[&'static str],
        mut each: impl FnMut(&mut Self, &'static str) -> Result<(), Unfit>,
    ) -> Result<(), Unfit> {
        let outer = self.structure;
        self.entries(&format!("{package}.{name}"), |json, key| {
            let folded = fold(&key);
            match fields.iter().find(|field| **field == folded) {
                Some(field) => {
                    json.path.push(field);
                    json.structure = name;
                    let result = each(json, field);
                    json.path.pop();
                    result?;
                }
                None => json.skip(),
            }
            json.structure = outer;
            Ok(())
        })
        .map(|_| ())
    }

    /// A signed number of 64 bits; `type_name` is `int` or `int64`.
    pub fn signed(&mut self, into: &mut i64, type_name: &str) {
        self.number(type_name, |text| text.parse().ok().map(|value| *into = value));
    }

    /// An unsigned number of up to `max`.
    pub fn unsigned(&mut self, into: &mut u64, max: u64, type_name: &str) {
        self.number(type_name, |text| text.parse().ok().filter(|value| *value <= max).map(|value| *into = value));
    }

    fn number(&mut self, type_name: &str, take: impl FnOnce(&str) -> Option<()>) {
        match self.shape() {
            Shape::Null => {}
            // What the parser of numbers here would take beyond the decoder's own is not JSON.
            Shape::Number(text) => {
                if take(text).is_none() {
                    self.wrong_type(&format!("number {text}"), type_name);
                }
            }
            other => {
                self.wrong_type(other.name(), type_name);
                self.skip_open(other);
            }
        }
    }

    /// A text. What is not UTF-8 becomes U+FFFD, byte by byte.
    pub fn text(&mut self, into: &mut String) {
        match self.shape() {
            Shape::Null => {}
            Shape::Text(quoted) => *into = unquote(quoted),
            other => {
                self.wrong_type(other.name(), "string");
                self.skip_open(other);
            }
        }
    }

    /// `true` or `false`.
    pub fn truth(&mut self, into: &mut bool) {
        match self.shape() {
            Shape::Null => {}
            Shape::Bool(value) => *into = value,
            other => {
                self.wrong_type(other.name(), "bool");
                self.skip_open(other);
            }
        }
    }

    /// A map from names, which match exactly, to values: `each` takes the value of every one. `type_name` is the map's. True for
    /// `null`, which makes the map empty.
    pub fn entries(
        &mut self,
        type_name: &str,
        mut each: impl FnMut(&mut Self, String) -> Result<(), Unfit>,
    ) -> Result<bool, Unfit> {
        match self.shape() {
            Shape::Null => return Ok(true),
            Shape::Object => {}
            other => {
                self.wrong_type(other.name(), type_name);
                self.skip_open(other);
                return Ok(false);
            }
        }
        self.at += 1;
        loop {
            self.blanks();
            match self.peek() {
                Some(b'"') => {
                    let key = unquote(self.string());
                    self.blanks();
                    self.at += 1;
                    each(self, key)?;
                }
                Some(b',') => self.at += 1,
                _ => break,
            }
        }
        self.at += 1;
        Ok(false)
    }

    /// Bytes in base64.
    pub fn bytes(&mut self, into: &mut Vec<u8>) {
        match self.shape() {
            Shape::Null => into.clear(),
            Shape::Text(quoted) => match decode_base64(&unquote(quoted)) {
                Ok(bytes) => *into = bytes,
                Err(at) => drop(self.wrong.get_or_insert_with(|| format!("illegal base64 data at input byte {at}"))),
            },
            other => {
                self.wrong_type(other.name(), "[]uint8");
                self.skip_open(other);
            }
        }
    }

    /// A list of unsigned numbers of 64 bits.
    pub fn numbers(&mut self, into: &mut Numbers) {
        match self.shape() {
            Shape::Null => *into = Numbers::default(),
            Shape::List => {
                self.at += 1;
                (into.len, into.listed) = (0, true);
                loop {
                    self.blanks();
                    match self.peek() {
                        None | Some(b']') => break,
                        Some(b',') => self.at += 1,
                        Some(_) => {
                            if into.len == into.memory.len() {
                                into.memory.push(0);
                            }
                            // `null` and a value of another type leave what is there.
                            match into.memory.get_mut(into.len) {
                                Some(element) => self.unsigned(element, u64::MAX, "uint64"),
                                None => self.skip(),
                            }
                            into.len += 1;
                        }
                    }
                }
                self.at += 1;
                if into.len == 0 {
                    *into = Numbers { listed: true, ..Numbers::default() };
                }
            }
            other => {
                self.wrong_type(other.name(), "[]uint64");
                self.skip_open(other);
            }
        }
    }

    /// A list of texts.
    pub fn texts(&mut self, into: &mut Vec<String>) {
        match self.shape() {
            Shape::Null => into.clear(),
            Shape::List => {
                self.at += 1;
                into.clear();
                loop {
                    self.blanks();
                    match self.peek() {
                        None | Some(b']') => break,
                        Some(b',') => self.at += 1,
                        Some(_) => {
                            let mut text = String::new();
                            self.text(&mut text);
                            into.push(text);
                        }
                    }
                }
                self.at += 1;
            }
            other => {
                self.wrong_type(other.name(), "[]string");
                self.skip_open(other);
            }
        }
    }

    /// A list: `each` takes every element. `type_name` is the list's. `null` is an empty one.
    pub fn list(&mut self, type_name: &str, mut each: impl FnMut(&mut Self) -> Result<(), Unfit>) -> Result<(), Unfit> {
        match self.shape() {
            Shape::Null => return Ok(()),
            Shape::List => self.at += 1,
            other => {
                self.wrong_type(other.name(), type_name);
                self.skip_open(other);
                return Ok(());
            }
        }
        loop {
            self.blanks();
            match self.peek() {
                None | Some(b']') => break,
                Some(b',') => self.at += 1,
                Some(_) => each(self)?,
            }
        }
        self.at += 1;
        Ok(())
    }

    /// A time.
    pub fn time(&mut self, into: &mut GoTime) -> Result<(), Unfit> {
        match self.shape() {
            Shape::Null => Ok(()),
            // The text is taken as it stands, without resolving escapes.
            Shape::Text(quoted) => {
                let raw = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
                *into = GoTime::parse_rfc3339(raw).map_err(|error| Unfit(error.to_string()))?;
                Ok(())
            }
            _ => Err(Unfit("Time.UnmarshalJSON: input is not a JSON string".to_owned())),
        }
    }

    /// True when the next value is `null`; it is not taken.
    pub fn is_null(&mut self) -> bool {
        self.blanks();
        self.peek() == Some(b'n')
    }

    /// Passes over a value of any kind.
    pub fn skip(&mut self) {
        let shape = self.shape();
        self.skip_open(shape);
    }

    /// The rest of a list or an object of which only the shape has been taken.
    fn skip_open(&mut self, shape: Shape<'_>) {
        if !matches!(shape, Shape::List | Shape::Object) {
            return;
        }
        let mut depth = 0_usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    self.string();
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                break;
            }
        }
    }

    fn wrong_type(&mut self, value: &str, type_name: &str) {
        if self.wrong.is_none() {
            let place = if self.structure.is_empty() {
                "Go value".to_owned()
            } else {
                format!("Go struct field {}.{}", self.structure, self.path.join("."))
            };
            self.wrong = Some(format!("json: cannot unmarshal {value} into {place} of type {type_name}"));
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(is_blank) {
            self.at += 1;
        }
    }

    /// Takes a literal whole; of a list or an object nothing.
    fn shape(&mut self) -> Shape<'j> {
        self.blanks();
        match self.peek() {
            Some(b'{') => Shape::Object,
            Some(b'[') => Shape::List,
            Some(b'"') => Shape::Text(self.string()),
            Some(b't') => self.word(4, Shape::Bool(true)),
            Some(b'f') => self.word(5, Shape::Bool(false)),
            Some(b'-' | b'0'..=b'9') => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let ends = |byte: &u8| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
                let len = rest.iter().position(ends).unwrap_or(rest.len());
                self.at += len;
                Shape::Number(rest.get(..len).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default())
            }
            _ => self.word(4, Shape::Null),
        }
    }

    fn word(&mut self, len: usize, shape: Shape<'j>) -> Shape<'j> {
        self.at += len;
        shape
    }

    /// A string with its quotes.
    fn string(&mut self) -> &'j [u8] {
        let start = self.at;
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'"' => break,
                _ => {}
            }
        }
        self.text.get(start..self.at).unwrap_or_default()
    }
}

impl Numbers {
    /// The numbers.
    pub fn get(&self) -> &[u64] {
        self.memory.get(..self.len).unwrap_or_default()
    }

    /// True for a list that is written out and has nothing in it: to Go that is another value than one that is left out, or `null`.
    pub fn is_written_empty(&self) -> bool {
        self.listed && self.len == 0
    }
}

/// A name as the decoder compares it: in lower case, two letters that are no ASCII among them.
fn fold(name: &str) -> Cow<'_, str> {
    let folds = |c: char| c.is_ascii_uppercase() || matches!(c, '\u{17f}' | '\u{212a}');
    if !name.contains(folds) {
        return Cow::Borrowed(name);
    }
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    Cow::Owned(name.chars().map(fold).collect())
}

/// The text of a string that is known to be one, quotes and escapes resolved.
fn unquote(quoted: &[u8]) -> String {
    let inner = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(escape) = rest.iter().position(|&byte| byte == b'\\') {
        let (plain, tail) = rest.split_at(escape);
        push_lossy(&mut out, plain);
        let (c, len) = escaped(tail);
        out.push(c);
        rest = tail.get(len..).unwrap_or_default();
    }
    push_lossy(&mut out, rest);
    out
}

/// Each byte that is not UTF-8 becomes a mark of its own.
fn push_lossy(out: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
}

/// The character behind a backslash and the length of the escape.
fn escaped(text: &[u8]) -> (char, usize) {
    let unit = |from: usize| -> Option<u16> {
        let digits = text.get(from..from + 4).filter(|_| text.get(from - 2..from) == Some(b"\\u"))?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    match text.get(1) {
        Some(b'u') => {
            let first = unit(2).unwrap_or_default();
            let pair = unit(8).and_then(|second| char::decode_utf16([first, second]).next()?.ok().filter(|c| *c > '\u{ffff}'));
            match pair {
                Some(c) => (c, 12),
                None => (char::from_u32(first.into()).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
            }
        }
        Some(b'b') => ('\u{8}', 2),
        Some(b'f') => ('\u{c}', 2),
        Some(b'n') => ('\n', 2),
        Some(b'r') => ('\r', 2),
        Some(b't') => ('\t', 2),
        Some(other) => (char::from(*other), 2),
        None => (char::REPLACEMENT_CHARACTER, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Inner {
        count: u64,
    }

    #[derive(Debug, Default)]
    struct Outer {
        name: String,
        size: i64,
        small: u64,
        list: Numbers,
        inner: Inner,
        flag: bool,
        time: GoTime,
    }

    fn read(text: &[u8]) -> Result<Outer, String> {
        let mut it = Outer::default();
        let fields = &["name", "size", "small", "list", "inner", "flag", "time"];
        decode(text, |json| {
            json.object("pkg", "Outer", fields, |json, field| {
                match field {
                    "name" => json.text(&mut it.name),
                    "size" => json.signed(&mut it.size, "int64"),
                    "small" => json.unsigned(&mut it.small, u32::MAX.into(), "uint32"),
                    "list" => json.numbers(&mut it.list),
                    "flag" => json.truth(&mut it.flag),
                    "time" => json.time(&mut it.time)?,
                    _ => json.object("pkg", "Inner", &["count"], |json, _| {
                        json.unsigned(&mut it.inner.count, u64::MAX, "uint64");
                        Ok(())
                    })?,
                }
                Ok(())
            })
        })
        .map_err(|error| error.to_string())?;
        Ok(it)
    }

    fn refusal(text: &str) -> String {
        read(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn names_in_any_case_the_last_value_and_null() {
        let it = read(
            br#"{"NAME":"a","name":"b","more":{"x":[1,{"y":"}"}]},"\u017fize":-3,"small":null,"inner":{"count":5},"inner":{},
            "inner":null,"flag":true}"#,
        )
        .unwrap();
        assert_eq!((it.name.as_str(), it.size, it.small, it.inner.count, it.flag), ("b", -3, 0, 5, true));
    }

    #[test]
    fn lists_keep_what_null_passes_over() {
        let list = |text: &str| read(text.as_bytes()).unwrap().list.get().to_vec();
        assert_eq!(list(r#"{"list":[18446744073709551615, 2]}"#), [u64::MAX, 2]);
        assert_eq!(list(r#"{"list":[5,6],"list":[null]}"#), [5]);
        assert_eq!(list(r#"{"list":[5,6],"list":[7],"list":[null,null]}"#), [7, 6]);
        assert_eq!(list(r#"{"list":[5,6],"list":[],"list":[null,null]}"#), [0, 0]);
        assert_eq!(list(r#"{"list":[5,6],"list":null}"#), [0; 0]);
    }

    #[test]
    fn texts_are_resolved() {
        let name = |quoted: &[u8]| read(&[b"{\"name\":\"", quoted, b"\"}"].concat()).unwrap().name;
        assert_eq!(name(br#"\"\\\/\b\f\n\r\t\u00e9"#), "\"\\/\u{8}\u{c}\n\r\t\u{e9}");
        assert_eq!(name(br"\ud83d\ude00|\ud83d|\ude00\u0041"), "\u{1f600}|\u{fffd}|\u{fffd}A");
        assert_eq!(name(br"\ud83d\ud83d\ude00"), "\u{fffd}\u{1f600}");
        // Three bytes of a character that has four: a mark each.
        assert_eq!(name(b"a\xf0\x9f\x98z\xff"), "a\u{fffd}\u{fffd}\u{fffd}z\u{fffd}");
    }

    #[test]
    fn maps_and_bytes() {
        let mut found = Vec::new();
        let mut read = |text: &str| {
            found.clear();
            let result = decode(text.as_bytes(), |json| {
                json.entries("map[string]pkg.Key", |json, name| {
                    let mut bytes = Vec::new();
                    json.bytes(&mut bytes);
                    found.push((name, bytes));
                    Ok(())
                })
                .map(drop)
            });
            result.map(|()| found.clone()).map_err(|error| error.to_string())
        };
        assert_eq!(read(r#"{"A": "aGk=", "a": null}"#), Ok(vec![("A".to_owned(), b"hi".to_vec()), ("a".to_owned(), Vec::new())]));
        assert_eq!(read(r#"{"a": "aGk"}"#), Err("illegal base64 data at input byte 0".to_owned()));
        assert_eq!(
            read(r#"{"a": {"b": "}"}, "c": 1}"#),
            Err("json: cannot unmarshal object into Go value of type []uint8".to_owned())
        );
        assert_eq!(read("[1]"), Err("json: cannot unmarshal array into Go value of type map[string]pkg.Key".to_owned()));
    }

    /// The texts of Go's encoding/json.
    #[test]
    fn complaints() {
        let at = |value: &str, field: &str, kind: &str| {
            format!("json: cannot unmarshal {value} into Go struct field {field} of type {kind}")
        };
        assert_eq!(refusal("[]"), "json: cannot unmarshal array into Go value of type pkg.Outer");
        assert_eq!(refusal("7"), "json: cannot unmarshal number into Go value of type pkg.Outer");
        assert_eq!(refusal(r#"{"size":1.0}"#), at("number 1.0", "Outer.size", "int64"));
        assert_eq!(refusal(r#"{"size":"1"}"#), at("string", "Outer.size", "int64"));
        assert_eq!(refusal(r#"{"small":4294967296}"#), at("number 4294967296", "Outer.small", "uint32"));
        assert_eq!(refusal(r#"{"small":-0}"#), at("number -0", "Outer.small", "uint32"));
        assert_eq!(refusal(r#"{"inner":{"count":[1]}}"#), at("array", "Inner.inner.count", "uint64"));
        assert_eq!(refusal(r#"{"inner":"x"}"#), at("string", "Outer.inner", "pkg.Inner"));
        assert_eq!(refusal(r#"{"inner":[{"count":1}],"size":true}"#), at("array", "Outer.inner", "pkg.Inner"));
        assert_eq!(refusal(r#"{"list":[1,"x"]}"#), at("string", "Outer.list", "uint64"));
        assert_eq!(refusal(r#"{"list":{"a":1}}"#), at("object", "Outer.list", "[]uint64"));
        assert_eq!(refusal(r#"{"name":1}"#), at("number", "Outer.name", "string"));
        assert_eq!(refusal(r#"{"flag":"true"}"#), at("string", "Outer.flag", "bool"));
        // A complaint of a type waits, one of a value does not, one of the syntax comes before both.
        assert!(refusal(r#"{"size":"x","time":"yesterday"}"#).starts_with("parsing time"));
        assert_eq!(refusal(r#"{"time":{}}"#), "Time.UnmarshalJSON: input is not a JSON string");
        assert_eq!(refusal(r#"{"size":"x"} x"#), "invalid character 'x' after top-level value");
    }
}

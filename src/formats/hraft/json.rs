//! JSON as Go's standard decoder reads it into fields of a known type: the first value of the input counts, names match in
//! any case, `null` leaves a field alone, a value of the wrong type makes the whole an error after everything else was read.

use std::fmt;

use crate::formats::go_json::base64;

/// Containers nested deeper than this are refused.
const MAX_DEPTH: usize = 10_000;

/// Why the library cannot read a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    /// Offset in the file.
    pub at: u64,
    /// The reason, in the library's words where they are known.
    pub text: String,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for JsonError {}

type Parsed<T> = Result<T, JsonError>;

/// A reader of one JSON value.
#[derive(Debug)]
pub(super) struct Json<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The first value of a wrong type; reading went on behind it.
    pub(super) mismatch: Option<JsonError>,
}

impl<'a> Json<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, mismatch: None }
    }

    pub(super) const fn offset(&self) -> u64 {
        self.at as u64
    }

    fn fail<T>(&self, text: impl Into<String>) -> Parsed<T> {
        Err(JsonError { at: self.at as u64, text: text.into() })
    }

    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The first byte of the next token.
    pub(super) fn peek(&mut self) -> Parsed<u8> {
        self.space();
        match self.bytes.get(self.at) {
            Some(&byte) => Ok(byte),
            None if self.at == 0 || self.bytes.iter().all(u8::is_ascii_whitespace) => self.fail("EOF"),
            None => self.fail("unexpected EOF"),
        }
    }

    fn expect(&mut self, byte: u8, context: &str) -> Parsed<()> {
        let found = self.peek()?;
        if found == byte {
            self.at += 1;
            return Ok(());
        }
        self.fail(format!("invalid character {} {context}", quoted(found)))
    }

    /// A value of the wrong type: remembered, passed over.
    pub(super) fn wrong(&mut self, field: &str) -> Parsed<()> {
        let what = match self.peek()? {
            b'"' => "string",
            b'{' => "object",
            b'[' => "array",
            b't' | b'f' => "bool",
            _ => "number",
        };
        if self.mismatch.is_none() {
            let text = format!("json: cannot unmarshal {what} into Go struct field {field}");
            self.mismatch = Some(JsonError { at: self.at as u64, text });
        }
        self.skip()
    }

    /// Consumes a `null`, if one is next.
    pub(super) fn null(&mut self) -> Parsed<bool> {
        if self.peek()? != b'n' {
            return Ok(false);
        }
        self.literal("null")?;
        Ok(true)
    }

    fn literal(&mut self, word: &str) -> Parsed<()> {
        for expected in word.bytes() {
            match self.bytes.get(self.at) {
                Some(&byte) if byte == expected => self.at += 1,
                Some(&byte) => return self.fail(format!("invalid character {} in literal {word}", quoted(byte))),
                None => return self.fail("unexpected EOF"),
            }
        }
        Ok(())
    }

    /// Reads an object; `each` is called with every name and must consume the value.
    pub(super) fn object(&mut self, mut each: impl FnMut(&mut Self, &str) -> Parsed<()>) -> Parsed<()> {
        self.expect(b'{', "looking for beginning of value")?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.peek()? != b'"' {
                return self.expect(b'"', "looking for beginning of object key string");
            }
            let name = self.text()?;
            self.expect(b':', "after object key")?;
            each(self, &name)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Ok(());
                }
                other => return self.fail(format!("invalid character {} after object key:value pair", quoted(other))),
            }
        }
    }

    /// Reads an array; `each` is called for every element and must consume it.
    pub(super) fn array(&mut self, mut each: impl FnMut(&mut Self, usize) -> Parsed<()>) -> Parsed<usize> {
        self.expect(b'[', "looking for beginning of value")?;
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(0);
        }
        let mut count = 0;
        loop {
            each(self, count)?;
            count += 1;
            match self.peek()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Ok(count);
                }
                other => return self.fail(format!("invalid character {} after array element", quoted(other))),
            }
        }
    }

    /// A string, unescaped; what is not UTF-8 is replaced.
    pub(super) fn text(&mut self) -> Parsed<String> {
        self.expect(b'"', "looking for beginning of value")?;
        let mut raw = Vec::new();
        loop {
            let Some(&byte) = self.bytes.get(self.at) else { return self.fail("unexpected EOF") };
            self.at += 1;
            match byte {
                b'"' => return Ok(String::from_utf8_lossy(&raw).into_owned()),
                0..0x20 => {
                    self.at -= 1;
                    return self.fail(format!("invalid character {} in string literal", quoted(byte)));
                }
                b'\\' => self.escape(&mut raw)?,
                other => raw.push(other),
            }
        }
    }

    fn escape(&mut self, raw: &mut Vec<u8>) -> Parsed<()> {
        let Some(&byte) = self.bytes.get(self.at) else { return self.fail("unexpected EOF") };
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                self.at += 1;
                let mut unit = u32::from(self.hex4()?);
                if (0xd800..0xdc00).contains(&unit) && self.bytes.get(self.at..self.at + 2) == Some(b"\\u") {
                    let back = self.at;
                    self.at += 2;
                    let low = u32::from(self.hex4()?);
                    if (0xdc00..0xe000).contains(&low) {
                        unit = 0x1_0000 + ((unit - 0xd800) << 10 | (low - 0xdc00));
                    } else {
                        self.at = back;
                    }
                }
                let character = char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
                raw.extend(character.encode_utf8(&mut [0; 4]).bytes());
                return Ok(());
            }
            other => return self.fail(format!("invalid character {} in string escape code", quoted(other))),
        };
        self.at += 1;
        raw.push(plain);
        Ok(())
    }

    fn hex4(&mut self) -> Parsed<u16> {
        let mut value = 0_u16;
        for _ in 0..4 {
            let digit = self.bytes.get(self.at).and_then(|&byte| char::from(byte).to_digit(16));
            match digit.and_then(|digit| u16::try_from(digit).ok()) {
                Some(digit) => value = value << 4 | digit,
                None if self.at >= self.bytes.len() => return self.fail("unexpected EOF"),
                None => return self.fail("invalid character in \\u hexadecimal character escape"),
            }
            self.at += 1;
        }
        Ok(value)
    }

    /// A number as it is written.
    pub(super) fn number(&mut self) -> Parsed<&'a str> {
        self.space();
        let from = self.at;
        let digits = |json: &mut Self| {
            let start = json.at;
            while json.bytes.get(json.at).is_some_and(u8::is_ascii_digit) {
                json.at += 1;
            }
            if json.at > start {
                return Ok(());
            }
            match json.bytes.get(json.at) {
                Some(&byte) => json.fail(format!("invalid character {} in numeric literal", quoted(byte))),
                None => json.fail("unexpected EOF"),
            }
        };
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            digits(self)?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            digits(self)?;
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            digits(self)?;
        }
        Ok(std::str::from_utf8(self.bytes.get(from..self.at).unwrap_or_default()).unwrap_or_default())
    }

    /// A number of a whole type into `field`; anything else is a mismatch.
    pub(super) fn integer<T: std::str::FromStr>(&mut self, name: &str, field: &mut T) -> Parsed<()> {
        if self.null()? {
            return Ok(());
        }
        let from = self.at;
        match self.peek()? {
            b'-' | b'0'..=b'9' => match self.number()?.parse() {
                Ok(value) => *field = value,
                Err(_) => {
                    self.at = from;
                    self.wrong(name)?;
                }
            },
            _ => self.wrong(name)?,
        }
        Ok(())
    }

    /// A string into `field`.
    pub(super) fn string(&mut self, name: &str, field: &mut String) -> Parsed<()> {
        if self.null()? {
            return Ok(());
        }
        if self.peek()? == b'"' {
            *field = self.text()?;
            return Ok(());
        }
        self.wrong(name)
    }

    /// A truth value into `field`.
    pub(super) fn boolean(&mut self, name: &str, field: &mut bool) -> Parsed<()> {
        if self.null()? {
            return Ok(());
        }
        match self.peek()? {
            b't' => self.literal("true").map(|()| *field = true),
            b'f' => self.literal("false").map(|()| *field = false),
            _ => self.wrong(name),
        }
    }

    /// Passes over a value of any type.
    pub(super) fn skip(&mut self) -> Parsed<()> {
        // What closes each open container.
        let mut open: Vec<u8> = Vec::new();
        loop {
            let mut begun = false;
            match self.peek()? {
                b'{' | b'[' => {
                    let array = self.bytes.get(self.at) == Some(&b'[');
                    self.at += 1;
                    open.push(if array { b']' } else { b'}' });
                    if open.len() > MAX_DEPTH {
                        return self.fail("exceeded max depth");
                    }
                    begun = true;
                }
                b'"' => drop(self.text()?),
                b't' => self.literal("true")?,
                b'f' => self.literal("false")?,
                b'n' => self.literal("null")?,
                b'-' | b'0'..=b'9' => drop(self.number()?),
                other => return self.fail(format!("invalid character {} looking for beginning of value", quoted(other))),
            }
            loop {
                let Some(&close) = open.last() else { return Ok(()) };
                let next = self.peek()?;
                if next == close {
                    self.at += 1;
                    open.pop();
                    begun = false;
                    continue;
                }
                if !begun {
                    self.expect(b',', "after element")?;
                }
                if close == b'}' {
                    if self.peek()? != b'"' {
                        return self.expect(b'"', "looking for beginning of object key string");
                    }
                    self.text()?;
                    self.expect(b':', "after object key")?;
                } else if !begun {
                    // A value follows; the end of the array may not.
                    self.peek()?;
                }
                break;
            }
        }
    }
}

fn quoted(byte: u8) -> String {
    format!("'{}'", char::from(byte).escape_default())
}

/// Bytes of a JSON value: base64, or an array of numbers.
pub(super) fn bytes_field(json: &mut Json<'_>, name: &str, field: &mut Option<Vec<u8>>) -> Parsed<()> {
    let at = json.offset();
    match json.peek()? {
        b'n' => {
            json.null()?;
            *field = None;
        }
        b'"' => {
            let text = json.text()?;
            match base64(&text) {
                Some(bytes) => *field = Some(bytes),
                None if json.mismatch.is_none() => {
                    json.mismatch = Some(JsonError { at, text: format!("illegal base64 data in {name}") });
                }
                None => {}
            }
        }
        b'[' => {
            let mut bytes = Vec::new();
            json.array(|json, _| {
                let mut byte = 0_u8;
                json.integer(name, &mut byte)?;
                bytes.push(byte);
                Ok(())
            })?;
            *field = Some(bytes);
        }
        _ => json.wrong(name)?,
    }
    Ok(())
}

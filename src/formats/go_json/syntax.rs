//! Is a text JSON? In the words of the server's decoder, which looks at the whole text before it takes a field from it.

use std::fmt;

use crate::types::go_quoted;

/// Deeper nesting is refused.
const MAX_DEPTH: usize = 10_000;

/// Why a text is not JSON. Prints as the server's decoder does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyntaxError {
    /// It ends too early.
    End,
    /// A byte that cannot stand where it stands.
    Byte {
        /// Its offset; at the end of a text that breaks off, the length of the text.
        at: usize,
        /// The byte; at the end of a text that breaks off, a blank.
        byte: u8,
        /// Where it stands.
        context: Context,
    },
}

/// Where a byte cannot stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// Where a value begins.
    Value,
    /// Where the name of a field begins.
    Name,
    /// Behind the name of a field.
    AfterName,
    /// Behind a field.
    AfterField,
    /// Behind an element of a list.
    AfterElement,
    /// Behind everything.
    AfterTop,
    /// In a string.
    Text,
    /// Behind a backslash.
    Escape,
    /// In the four digits of an escaped character.
    HexEscape,
    /// Behind a minus sign.
    Number,
    /// Behind a decimal point.
    Fraction,
    /// In an exponent.
    Exponent,
    /// In `true`, `false` or `null`.
    Word {
        /// The word.
        word: &'static str,
        /// The letter that has to follow.
        expected: char,
    },
    /// An opening bracket that is one too many.
    Depth,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Byte { byte, context, .. } = self else { return f.write_str("unexpected end of JSON input") };
        let shown = match byte {
            b'\'' => "\\'".to_owned(),
            b'"' => "\"".to_owned(),
            // The byte is taken for a character.
            other => go_quoted(char::from(*other).to_string().as_bytes()).trim_matches('"').to_owned(),
        };
        write!(f, "invalid character '{shown}' {context}")
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "looking for beginning of value",
            Self::Name => "looking for beginning of object key string",
            Self::AfterName => "after object key",
            Self::AfterField => "after object key:value pair",
            Self::AfterElement => "after array element",
            Self::AfterTop => "after top-level value",
            Self::Text => "in string literal",
            Self::Escape => "in string escape code",
            Self::HexEscape => "in \\u hexadecimal character escape",
            Self::Number => "in numeric literal",
            Self::Fraction => "after decimal point in numeric literal",
            Self::Exponent => "in exponent of numeric literal",
            Self::Word { word, expected } => return write!(f, "in literal {word} (expecting '{expected}')"),
            Self::Depth => "exceeded max depth",
        })
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy)]
enum State {
    Value,
    ValueOrEnd,
    Name,
    NameOrEnd,
    AfterValue,
    AfterTop,
    Text,
    Escape,
    /// So many digits of an escaped character are missing.
    HexEscape(u8),
    Minus,
    Zero,
    Digits,
    Point,
    Fraction,
    ExponentSign,
    ExponentDigit,
    Exponent,
    /// So many letters of the word have been seen.
    Word(&'static str, usize),
}

/// What a bracket opened.
#[derive(Debug, Clone, Copy)]
enum Inside {
    Name,
    Field,
    List,
}

#[derive(Debug)]
struct Scanner {
    state: State,
    inside: Vec<Inside>,
}

/// True for what the decoder skips between tokens.
pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Accepts exactly what the decoder accepts; `Err` is its first complaint.
pub fn check(text: &[u8]) -> Result<(), SyntaxError> {
    let mut scanner = Scanner { state: State::Value, inside: Vec::new() };
    for (at, &byte) in text.iter().enumerate() {
        scanner.step(byte).map_err(|context| SyntaxError::Byte { at, byte, context })?;
    }
    if matches!(scanner.state, State::AfterTop) {
        return Ok(());
    }
    // The decoder ends a number by a blank that is not there, and complains of it elsewhere.
    let (at, byte) = (text.len(), b' ');
    scanner.step(byte).map_err(|context| SyntaxError::Byte { at, byte, context })?;
    if matches!(scanner.state, State::AfterTop) { Ok(()) } else { Err(SyntaxError::End) }
}

impl Scanner {
    fn step(&mut self, byte: u8) -> Result<(), Context> {
        self.state = match (self.state, byte) {
            (State::Value | State::ValueOrEnd | State::Name | State::NameOrEnd | State::AfterTop, byte) if is_blank(byte) => {
                return Ok(());
            }
            (State::ValueOrEnd, b']') | (State::NameOrEnd, b'}') => self.close(),
            (State::Value | State::ValueOrEnd, byte) => self.value(byte)?,
            (State::Name | State::NameOrEnd, b'"') => State::Text,
            (State::Name | State::NameOrEnd, _) => return Err(Context::Name),
            (State::AfterTop, _) => return Err(Context::AfterTop),
            (State::Text, b'"') => State::AfterValue,
            (State::Text, b'\\') => State::Escape,
            (State::Text, ..0x20) => return Err(Context::Text),
            (State::Text, _) => State::Text,
            (State::Escape, b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"') => State::Text,
            (State::Escape, b'u') => State::HexEscape(4),
            (State::Escape, _) => return Err(Context::Escape),
            (State::HexEscape(left), digit) if digit.is_ascii_hexdigit() => {
                if left > 1 {
                    State::HexEscape(left - 1)
                } else {
                    State::Text
                }
            }
            (State::HexEscape(_), _) => return Err(Context::HexEscape),
            (State::Minus, b'0') => State::Zero,
            (State::Minus, b'1'..=b'9') | (State::Digits, b'0'..=b'9') => State::Digits,
            (State::Minus, _) => return Err(Context::Number),
            (State::Zero | State::Digits, b'.') => State::Point,
            (State::Point | State::Fraction, b'0'..=b'9') => State::Fraction,
            (State::Point, _) => return Err(Context::Fraction),
            (State::Zero | State::Digits | State::Fraction, b'e' | b'E') => State::ExponentSign,
            (State::ExponentSign, b'+' | b'-') => State::ExponentDigit,
            (State::ExponentSign | State::ExponentDigit | State::Exponent, b'0'..=b'9') => State::Exponent,
            (State::ExponentSign | State::ExponentDigit, _) => return Err(Context::Exponent),
            (State::Word(word, seen), byte) => match word.as_bytes().get(seen) {
                Some(&expected) if expected == byte => {
                    if seen + 1 < word.len() {
                        State::Word(word, seen + 1)
                    } else {
                        State::AfterValue
                    }
                }
                expected => {
                    return Err(Context::Word { word, expected: expected.map_or(' ', |&byte| char::from(byte)) });
                }
            },
            (State::Zero | State::Digits | State::Fraction | State::Exponent | State::AfterValue, byte) => self.after(byte)?,
        };
        Ok(())
    }

    fn value(&mut self, byte: u8) -> Result<State, Context> {
        Ok(match byte {
            b'{' => self.open(Inside::Name, State::NameOrEnd)?,
            b'[' => self.open(Inside::List, State::ValueOrEnd)?,
            b'"' => State::Text,
            b'-' => State::Minus,
            b'0' => State::Zero,
            b'1'..=b'9' => State::Digits,
            b't' => State::Word("true", 1),
            b'f' => State::Word("false", 1),
            b'n' => State::Word("null", 1),
            _ => return Err(Context::Value),
        })
    }

    fn open(&mut self, inside: Inside, next: State) -> Result<State, Context> {
        self.inside.push(inside);
        if self.inside.len() > MAX_DEPTH { Err(Context::Depth) } else { Ok(next) }
    }

    fn close(&mut self) -> State {
        self.inside.pop();
        if self.inside.is_empty() { State::AfterTop } else { State::AfterValue }
    }

    /// Behind a value.
    fn after(&mut self, byte: u8) -> Result<State, Context> {
        let Some(inside) = self.inside.last_mut() else {
            return if is_blank(byte) { Ok(State::AfterTop) } else { Err(Context::AfterTop) };
        };
        Ok(match (*inside, byte) {
            (_, byte) if is_blank(byte) => State::AfterValue,
            (Inside::Name, b':') => {
                *inside = Inside::Field;
                State::Value
            }
            (Inside::Name, _) => return Err(Context::AfterName),
            (Inside::Field, b',') => {
                *inside = Inside::Name;
                State::Name
            }
            (Inside::Field, b'}') | (Inside::List, b']') => self.close(),
            (Inside::Field, _) => return Err(Context::AfterField),
            (Inside::List, b',') => State::Value,
            (Inside::List, _) => return Err(Context::AfterElement),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &[u8]) -> String {
        check(text).map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn json_is_accepted() {
        for text in
            ["{}", "[]", " {\"a\" : [1, -0, 1.5e+3, 0E1, true, false, null, \"\\u00e9\\n\\/\"] } \n", "1", "-0", "\"\"", "null "]
        {
            assert_eq!(complaint(text.as_bytes()), "", "{text}");
        }
    }

    /// The texts of Go's encoding/json.
    #[test]
    fn complaints_are_those_of_the_decoder() {
        for (text, expected) in [
            ("", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            ("[1,", "unexpected end of JSON input"),
            ("\"a", "unexpected end of JSON input"),
            ("hello", "invalid character 'h' looking for beginning of value"),
            ("{a", "invalid character 'a' looking for beginning of object key string"),
            ("{\"a\",", "invalid character ',' after object key"),
            ("{\"a\":1;", "invalid character ';' after object key:value pair"),
            ("[1;", "invalid character ';' after array element"),
            ("{} {", "invalid character '{' after top-level value"),
            ("1'", "invalid character '\\'' after top-level value"),
            ("{\"a\":1\"", "invalid character '\"' after object key:value pair"),
            ("\"\n\"", "invalid character '\\n' in string literal"),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            ("\"\\u00g", "invalid character 'g' in \\u hexadecimal character escape"),
            ("-a", "invalid character 'a' in numeric literal"),
            ("1.a", "invalid character 'a' after decimal point in numeric literal"),
            ("1ea", "invalid character 'a' in exponent of numeric literal"),
            ("01", "invalid character '1' after top-level value"),
            ("trust", "invalid character 's' in literal true (expecting 'e')"),
            // A text that breaks off, where the decoder ends it by a blank.
            ("nul", "invalid character ' ' in literal null (expecting 'l')"),
            ("-", "invalid character ' ' in numeric literal"),
            ("1e", "invalid character ' ' in exponent of numeric literal"),
            ("\"\\u00", "invalid character ' ' in \\u hexadecimal character escape"),
            ("\"\\", "invalid character ' ' in string escape code"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            ("\u{feff}{}", "invalid character 'ï' looking for beginning of value"),
        ] {
            assert_eq!(complaint(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(complaint(b"\0"), "invalid character '\\x00' looking for beginning of value");
        assert_eq!(complaint(b"\xff"), "invalid character 'ÿ' looking for beginning of value");
        assert_eq!(complaint(b"\\"), "invalid character '\\\\' looking for beginning of value");
    }

    #[test]
    fn nesting_has_a_limit() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(complaint(nested(MAX_DEPTH).as_bytes()), "");
        assert_eq!(complaint(nested(MAX_DEPTH + 1).as_bytes()), "invalid character '[' exceeded max depth");
    }
}

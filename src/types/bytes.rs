//! Byte counts and byte strings for people.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

/// A number of bytes that prints with a binary unit: `125 B`, `61.0 MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut value = self.0 as f64 / 1024.0;
        let mut unit = UNITS[0];
        for next in &UNITS[1..] {
            if value < 1024.0 {
                break;
            }
            value /= 1024.0;
            unit = next;
        }
        write!(f, "{value:.1} {unit}")
    }
}

/// Bytes from a file, printed losslessly and safely for a terminal: printable ASCII as it is, `\` doubled,
/// everything else as `\xNN` (with `\n`, `\r`, `\t` and `\0` by name).
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(pub &'a [u8]);

impl<'a> Escaped<'a> {
    /// The bytes as text when nothing in them needs an escape, as in most keys.
    pub fn as_plain(&self) -> Option<&'a str> {
        if self.0.iter().copied().all(is_plain) { str::from_utf8(self.0).ok() } else { None }
    }

    /// Adds the text to `out`.
    pub fn write_to(&self, out: &mut impl fmt::Write) -> fmt::Result {
        match self.as_plain() {
            Some(plain) => out.write_str(plain),
            None => out.write_str(&self.text()),
        }
    }

    /// The text, made in one piece: rows of a store are written by the million.
    fn text(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = Vec::with_capacity(self.0.len() * 4);
        for &byte in self.0 {
            match byte {
                byte if is_plain(byte) => text.push(byte),
                b'\\' => text.extend_from_slice(b"\\\\"),
                b'\n' => text.extend_from_slice(b"\\n"),
                b'\r' => text.extend_from_slice(b"\\r"),
                b'\t' => text.extend_from_slice(b"\\t"),
                0 => text.extend_from_slice(b"\\0"),
                _ => text.extend_from_slice(&[b'\\', b'x', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]),
            }
        }
        // All of it is ASCII.
        String::from_utf8(text).unwrap_or_default()
    }
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e) && byte != b'\\'
}

super::text_schema!(
    Escaped<'_>,
    "Bytes: printable ASCII as it is, a backslash doubled, everything else as \\xNN, \\n, \\r, \\t or \\0."
);

/// The text that is printed.
impl serde::Serialize for Escaped<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.as_plain() {
            Some(plain) => serializer.serialize_str(plain),
            None => serializer.serialize_str(&self.text()),
        }
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_to(f)
    }
}

/// The bytes that [`Escaped`] prints as `text`. Characters that are not ASCII stand for their UTF-8 bytes.
pub fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next() {
            Some(b'\\') => b'\\',
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'0') => 0,
            Some(b'x') => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
                match (digit(), digit()) {
                    (Some(high), Some(low)) => u8::try_from(high * 16 + low).unwrap_or_default(),
                    _ => return Err("\\x needs two hex digits".to_owned()),
                }
            }
            Some(other) => return Err(format!("unknown escape \\{}; write \\\\ for a backslash", char::from(other))),
            None => return Err("ends in a single backslash; write \\\\ for one".to_owned()),
        });
    }
    Ok(bytes)
}

/// True for a character that does not show as itself: it moves the cursor, turns the direction of the text, ends a line,
/// takes no room or stands for nothing. A name with one looks like another name.
pub const fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        // Zero width, marks of direction, separators of lines, embeddings and isolates, invisible operators.
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        // Tags, and selectors of variants.
        | '\u{e0000}'..='\u{e0fff}')
}

/// Text that came from outside (file names, addresses) made safe for a terminal; borrowed when nothing had to change.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_deceptive) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_deceptive(c) { safe.extend(c.escape_default()) } else { safe.push(c) }
    }
    Cow::Owned(safe)
}

/// Text as Go's `%q` shows it, quotes included: the server's errors quote names and values so.
pub fn go_quoted(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' | '"' => out.extend(['\\', c]),
                '\u{7}' => out.push_str("\\a"),
                '\u{8}' => out.push_str("\\b"),
                '\u{b}' => out.push_str("\\v"),
                '\u{c}' => out.push_str("\\f"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                ' '..='~' => out.push(c),
                // Writing to a string cannot fail.
                '\0'..='\u{7f}' => {
                    let _ = write!(out, "\\x{:02x}", u32::from(c));
                }
                // What Rust would not escape is printable in Go, but for rare marks.
                _ if c.escape_debug().count() == 1 => out.push(c),
                '\u{10000}'.. => {
                    let _ = write!(out, "\\U{:08x}", u32::from(c));
                }
                _ => {
                    let _ = write!(out, "\\u{:04x}", u32::from(c));
                }
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_as_go_does() {
        // Printed by Go's own strconv.Quote.
        for (text, expected) in [
            (&b"etcd\n\xf28M"[..], r#""etcd\n\xf28M""#),
            (b"\0\x1f\x7f", r#""\x00\x1f\x7f""#),
            (b"\\ \" \x07\x08\x0b\x0c\r\t", r#""\\ \" \a\b\v\f\r\t""#),
            ("Ē㒃".as_bytes(), r#""Ē㒃""#),
            ("\u{85}\u{200b}\u{e0001}".as_bytes(), r#""\u0085\u200b\U000e0001""#),
        ] {
            assert_eq!(go_quoted(text), expected);
        }
    }

    #[test]
    fn sizes_pick_a_unit() {
        assert_eq!(ByteSize(0).to_string(), "0 B");
        assert_eq!(ByteSize(1023).to_string(), "1023 B");
        assert_eq!(ByteSize(64_000_000).to_string(), "61.0 MiB");
        assert_eq!(ByteSize(u64::MAX).to_string(), "16.0 EiB");
    }

    #[test]
    fn bytes_print_escaped() {
        assert_eq!(Escaped(b"a\\b\x00\n\xff\x1b[0m").to_string(), "a\\\\b\\0\\n\\xff\\x1b[0m");
        assert_eq!(escape("plain"), "plain");
        for bytes in [b"a\\b\x00\n\xff\x1b[0m".as_slice(), b"", b"\r\t0"] {
            assert_eq!(unescape(&Escaped(bytes).to_string()).unwrap(), bytes);
        }
        assert_eq!(unescape("\u{fc}\\x41").unwrap(), [0xc3, 0xbc, b'A']);
        for wrong in ["\\", "\\x4", "\\xg0", "\\q"] {
            assert!(unescape(wrong).is_err(), "{wrong}");
        }
        assert_eq!(escape("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        for hidden in ['\u{85}', '\u{200b}', '\u{202e}', '\u{2066}', '\u{2028}', '\u{feff}', '\u{e0041}'] {
            assert_eq!(escape(&format!("a{hidden}b")), format!("a{}b", hidden.escape_unicode()));
        }
        assert_eq!(escape("Ēß日本é 😀"), "Ēß日本é 😀");
    }
}

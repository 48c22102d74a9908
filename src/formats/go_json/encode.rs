//! Strings as the server's encoder writes them.

use std::fmt::Write as _;

/// A text in quotes. Beside what JSON wants, the encoder escapes what means something in HTML and in JavaScript.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a string cannot fail.
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_the_encoders() {
        assert_eq!(quote("a/\"\\\u{8}\u{c}\n\r\t\u{1}\u{7f}"), "\"a/\\\"\\\\\\b\\f\\n\\r\\t\\u0001\u{7f}\"");
        assert_eq!(quote("<&>\u{2028}\u{2029}\u{fffd}é"), "\"\\u003c\\u0026\\u003e\\u2028\\u2029\u{fffd}é\"");
    }
}

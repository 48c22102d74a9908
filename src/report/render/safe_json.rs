//! JSON whose text shows as what it is: characters that a terminal or an editor would not show as themselves are escaped,
//! which any reader of JSON undoes.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter, Serializer};

use crate::types::is_deceptive;

/// Another formatter, with more characters escaped.
struct Safe<F>(F);

macro_rules! as_before {
    ($($name:ident($($argument:ident: $type:ty),*);)*) => {
        $(fn $name<W: ?Sized + Write>(&mut self, writer: &mut W $(, $argument: $type)*) -> io::Result<()> {
            self.0.$name(writer $(, $argument)*)
        })*
    };
}

impl<F: Formatter> Formatter for Safe<F> {
    as_before! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        end_object_key();
        begin_object_value();
        end_object_value();
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Nearly every fragment, of which a value of many escapes has very many.
        if fragment.bytes().all(|byte| matches!(byte, 0x20..0x7f)) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut rest = fragment;
        while let Some(at) = rest.find(is_deceptive) {
            let (before, after) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut chars = after.chars();
            if let Some(c) = chars.next() {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Writes `value` over several lines.
pub(crate) fn write_pretty(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Safe(PrettyFormatter::new()))).map_err(io::Error::from)
}

/// Writes `value` in one line.
pub(crate) fn write_compact(out: &mut (impl Write + ?Sized), value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Safe(CompactFormatter))).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn text_reads_back_and_nothing_deceptive_is_written() {
        let text: String = (0..=0x2ff)
            .chain(0x1100..0x1200)
            .chain(0x2000..0x2100)
            .chain(0xfe00..0x10000)
            .chain(0xe0000..0xe0100)
            .filter_map(char::from_u32)
            .collect();
        let value = json!({ "a\u{202e}": [text, 1, {}, []], "quote\"": null });
        for pretty in [true, false] {
            let mut out = Vec::new();
            if pretty { write_pretty(&mut out, &value) } else { write_compact(&mut out, &value) }.unwrap();
            let written = String::from_utf8(out).unwrap();
            assert!(!written.chars().any(|c| is_deceptive(c) && c != '\n'), "{written:?}");
            assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        }
    }

    #[test]
    fn the_layout_is_that_of_serde_json() {
        let value = json!({ "a": [1, 2.5, "x"], "b": { "c": [] }, "d": {} });
        let mut out = Vec::new();
        write_pretty(&mut out, &value).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string_pretty(&value).unwrap());
        let mut out = Vec::new();
        write_compact(&mut out, &value).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
    }
}

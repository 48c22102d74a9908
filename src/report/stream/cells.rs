//! The cells of one row, in one buffer that is used again for the next.

use std::fmt::{Display, Write as _};

use crate::report::Tone;
use crate::types::Escaped;

/// What a row shows to people.
#[derive(Debug, Default)]
pub struct Cells {
    text: String,
    /// Where each cell ends in the text.
    ends: Vec<usize>,
    tone: Tone,
    /// True where nothing limits the width: a list is then not cut short.
    in_full: bool,
}

impl Cells {
    /// No cells yet. `in_full`: nothing limits the width.
    pub(super) fn new(in_full: bool) -> Self {
        Self { in_full, ..Self::default() }
    }

    /// Empties it for the next row.
    pub(in crate::report) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.tone = Tone::Plain;
    }

    /// True if a list may be as long as it is: the output is no terminal, or everything was asked for.
    pub const fn in_full(&self) -> bool {
        self.in_full
    }

    /// Adds to the cell that is being filled.
    pub fn write(&mut self, text: impl Display) {
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{text}");
    }

    /// Adds text to the cell that is being filled.
    pub fn write_str(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds bytes, as [`Escaped`] shows them, to the cell that is being filled.
    pub fn write_bytes(&mut self, bytes: &[u8]) {
        // Writing to a string cannot fail.
        let _ = Escaped(bytes).write_to(&mut self.text);
    }

    /// Ends the cell that is being filled.
    pub fn end(&mut self) {
        self.ends.push(self.text.len());
    }

    /// Adds a whole cell.
    pub fn add(&mut self, text: impl Display) {
        self.write(text);
        self.end();
    }

    /// Adds a whole cell of plain text.
    pub fn add_str(&mut self, text: &str) {
        self.write_str(text);
        self.end();
    }

    /// Adds a whole cell with a number.
    pub fn add_number(&mut self, number: u64) {
        let mut digits = [0; 20];
        let mut start = digits.len();
        let mut rest = number;
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.add_str(str::from_utf8(&digits[start..]).unwrap_or_default());
    }

    /// Adds a whole cell with a number, or an empty one.
    pub fn add_optional(&mut self, number: Option<u64>) {
        match number {
            Some(number) => self.add_number(number),
            None => self.end(),
        }
    }

    /// How the row is to be seen, where there are colours.
    pub fn set_tone(&mut self, tone: Tone) {
        self.tone = tone;
    }

    /// The row's tone.
    pub const fn tone(&self) -> Tone {
        self.tone
    }

    /// The cells so far.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let mut from = 0;
        self.ends.iter().map(move |&end| {
            let cell = self.text.get(from..end).unwrap_or_default();
            from = end;
            cell
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cells_are_kept_apart_and_used_again() {
        let mut cells = Cells::default();
        cells.add("a");
        cells.add_optional(None);
        cells.write_str("b");
        cells.write_bytes(b"\x00c");
        cells.end();
        assert_eq!(cells.iter().collect::<Vec<_>>(), ["a", "", "b\\0c"]);
        cells.clear();
        cells.add_number(u64::MAX);
        assert_eq!(cells.iter().collect::<Vec<_>>(), ["18446744073709551615"]);
    }

    proptest! {
        #[test]
        fn numbers_are_decimal(value in any::<u64>()) {
            let mut cells = Cells::default();
            cells.add_number(value);
            prop_assert_eq!(cells.iter().collect::<String>(), value.to_string());
        }
    }
}

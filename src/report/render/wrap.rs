//! How wide text is on a screen, and where running text is broken.

use unicode_width::UnicodeWidthStr as _;

use crate::types::escape;

/// Columns that a text takes on the screen: two for the wide characters of East Asia, none for marks that combine.
pub(in crate::report) fn columns_of(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// Columns of the longest word.
pub(in crate::report) fn longest_word(text: &str) -> usize {
    text.split_ascii_whitespace().map(columns_of).max().unwrap_or(0)
}

/// Breaks `text` at blanks so that no line is wider than `width` columns. A word is never broken, because a name, a path or a number
/// in parts can neither be copied nor searched for: a longer one has a line of its own, which the terminal breaks. Several blanks
/// within a line stay, for a key may hold them. Control characters, which a file name may bring, are shown escaped.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut columns = 0_usize;
    let mut rest = text;
    loop {
        let from = rest.trim_ascii_start();
        let blanks = &rest[..rest.len() - from.len()];
        let (word, behind) = from.split_at(from.find(|c: char| c.is_ascii_whitespace()).unwrap_or(from.len()));
        rest = behind;
        if word.is_empty() {
            break;
        }
        let word = escape(word);
        let wide = columns_of(&word);
        // A line end of the text is a blank like any other.
        let gap = if blanks.bytes().all(|byte| byte == b' ') { blanks.len() } else { 1 };
        if columns > 0 && columns.saturating_add(gap + wide) <= width {
            line.extend(std::iter::repeat_n(' ', gap));
            columns += gap;
        } else if columns > 0 {
            lines.push(std::mem::take(&mut line));
            columns = 0;
        }
        line.push_str(&word);
        columns += wide;
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{columns_of, longest_word, wrap};

    #[test]
    fn lines_are_broken_at_blanks_only() {
        assert_eq!(wrap("a bb ccc dddd", 4), ["a bb", "ccc", "dddd"]);
        assert_eq!(wrap("to n1/snap/0000.snap at once", 8), ["to", "n1/snap/0000.snap", "at once"]);
        assert_eq!(wrap("", 10), Vec::<String>::new());
        assert_eq!(wrap("a b", 0), ["a", "b"]);
        assert_eq!(wrap(" a  b\n c ", usize::MAX), ["a  b c"]);
        assert_eq!(wrap("a\u{1b}[31m b", 40), ["a\\u{1b}[31m b"]);
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!((columns_of("snap"), columns_of("快照"), columns_of("e\u{301}")), (4, 4, 1));
        assert_eq!(wrap("快照 快照 snap", 9), ["快照 快照", "snap"]);
        assert_eq!(longest_word("a 快照 bcd"), 4);
    }
}

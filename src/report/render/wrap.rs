//! Wrapping of running text.

use crate::types::escape;

/// Breaks `text` at blanks so that no line is wider than `width` columns; a single longer word is broken hard. Control
/// characters, which a file name may bring, are shown escaped.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut columns = 0;
    for word in text.split_whitespace() {
        let word: Vec<char> = escape(word).chars().collect();
        let mut word = word.as_slice();
        if columns > 0 && columns + 1 + word.len() <= width {
            line.push(' ');
            columns += 1;
        } else if columns > 0 {
            lines.push(std::mem::take(&mut line));
            columns = 0;
        }
        while columns == 0 && word.len() > width {
            let (piece, rest) = word.split_at(width);
            lines.push(piece.iter().collect());
            word = rest;
        }
        columns += word.len();
        line.extend(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn lines_never_exceed_the_width_and_lose_nothing() {
        assert_eq!(wrap("a bb ccc dddd", 4), ["a bb", "ccc", "dddd"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("", 10), Vec::<String>::new());
        assert_eq!(wrap("a\u{1b}[31m b", 40), ["a\\u{1b}[31m b"]);
    }
}

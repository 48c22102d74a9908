//! `SHA256SUMS` of a snapshot archive: a line for each of the other members, read as Go's scanner reads it.

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SumLine<'a> {
    /// Its offset in the text.
    pub at: u64,
    /// The sum and the name; `None` when the line does not have this form.
    pub entry: Option<(Vec<u8>, &'a str)>,
}

/// The lines of the text: hex digits, blanks, a name. What follows the name is not read.
pub fn sum_lines(text: &[u8]) -> impl Iterator<Item = SumLine<'_>> {
    let mut at = 0;
    let mut lines = text.split(|&byte| byte == b'\n').peekable();
    std::iter::from_fn(move || {
        let line = lines.next()?;
        if line.is_empty() && lines.peek().is_none() {
            return None;
        }
        let found = SumLine { at, entry: entry(line.strip_suffix(b"\r").unwrap_or(line)) };
        at += line.len() as u64 + 1;
        Some(found)
    })
}

fn entry(line: &[u8]) -> Option<(Vec<u8>, &str)> {
    let line = std::str::from_utf8(line).ok()?.trim_start_matches([' ', '\t']);
    let digits = line.bytes().position(|byte| !byte.is_ascii_hexdigit())?;
    let (sum, rest) = line.split_at_checked(digits)?;
    let name = rest.strip_prefix([' ', '\t'])?.split_whitespace().next()?;
    if sum.is_empty() || !sum.len().is_multiple_of(2) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(sum.get(at..at + 2)?, 16).ok();
    Some(((0..sum.len()).step_by(2).map(byte).collect::<Option<_>>()?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_as_the_scanner_reads_them() {
        let read = |text: &'static str| sum_lines(text.as_bytes()).map(|line| (line.at, line.entry)).collect::<Vec<_>>();
        assert_eq!(read(""), []);
        assert_eq!(
            read("00ff  meta.json\nAB state.bin more\r\n"),
            [(0, Some((vec![0, 0xff], "meta.json"))), (16, Some((vec![0xab], "state.bin")))]
        );
        for wrong in ["\n", "00ff\n", "00f  a\n", "  \n", "zz  a\n", "00ffmeta.json\n", "00ff  \n"] {
            assert_eq!(read(wrong), [(0, None)], "{wrong:?}");
        }
    }
}

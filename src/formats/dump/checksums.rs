//! `CHECKSUMS`: one line a file, as `sha256sum` writes and reads it.

use crate::types::Sha256Sum;

/// Longest line that the server's tools read, in bytes, with its end.
pub const MAX_LINE_LEN: usize = 8 << 10;

/// A line: `<64 hex digits>`, two blanks or a blank and `*`, a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChecksumLine {
    /// The digest that the file should have.
    pub sha256: Sha256Sum,
    /// Its path below the root, cleaned.
    pub path: Vec<u8>,
}

/// Why a line is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineFault {
    /// It has another shape.
    Malformed,
    /// Its path is the root itself.
    EmptyPath,
    /// Its path leads out of the dump.
    Traversal,
    /// It is longer than the tools read.
    TooLong,
}

/// The lines that are not blank, with their numbers from 1 on. A line that is too long ends them.
pub fn checksum_lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8], Result<ChecksumLine, LineFault>)> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let mut ended = text.is_empty();
    let lines = text.split(|&byte| byte == b'\n').enumerate().map_while(move |(at, line)| {
        if ended {
            return None;
        }
        ended = line.len() >= MAX_LINE_LEN;
        let fault = ended;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Some((at + 1, line, if fault { Err(LineFault::TooLong) } else { parse(line) }))
    });
    lines.filter(|(_, line, _)| !line.is_empty())
}

fn parse(line: &[u8]) -> Result<ChecksumLine, LineFault> {
    let (escaped, line) = match line.strip_prefix(b"\\") {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let malformed = LineFault::Malformed;
    let (digest, rest) = line.split_at_checked(64).ok_or(malformed)?;
    let sha256 = std::str::from_utf8(digest).ok().and_then(Sha256Sum::parse).ok_or(malformed)?;
    let path = rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *")).filter(|path| !path.is_empty()).ok_or(malformed)?;
    let path = if escaped { unescape(path).ok_or(malformed)? } else { path.to_vec() };
    if path.is_empty() || path == b"." {
        return Err(LineFault::EmptyPath);
    }
    let path = cleaned_local(&path).ok_or(LineFault::Traversal)?;
    Ok(ChecksumLine { sha256, path })
}

fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        out.push(match byte {
            b'\\' => match bytes.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b'\\' => b'\\',
                _ => return None,
            },
            other => other,
        });
    }
    Some(out)
}

/// A path that stays below where it begins, cleaned; `.` for one that goes nowhere. `None` for an empty one, one that begins at the
/// root, and one that leads out.
pub fn cleaned_local(path: &[u8]) -> Option<Vec<u8>> {
    if path.is_empty() || path.first() == Some(&b'/') {
        return None;
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()?),
            other => parts.push(other),
        }
    }
    Some(if parts.is_empty() { b".".to_vec() } else { parts.join(&b'/') })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Result<String, LineFault> {
        let digest = "ab".repeat(32);
        let text = line.replace('D', &digest);
        let (_, _, parsed) = checksum_lines(text.as_bytes()).next().unwrap();
        parsed.map(|line| {
            assert_eq!(line.sha256.to_string(), digest);
            String::from_utf8(line.path).unwrap()
        })
    }

    #[test]
    fn lines_are_read_as_the_tools_do() {
        for (line, expected) in [
            ("D  a/b", Ok("a/b")),
            ("D *a//./b/", Ok("a/b")),
            ("D  a/../b\r", Ok("b")),
            (r"\D  a\nb\\c", Ok("a\nb\\c")),
            (r"D  a\nb", Ok(r"a\nb")),
            (r"\D  a\x", Err(LineFault::Malformed)),
            (r"\D  a\", Err(LineFault::Malformed)),
            ("D  ", Err(LineFault::Malformed)),
            ("D   ", Ok(" ")),
            ("D\ta", Err(LineFault::Malformed)),
            ("D a", Err(LineFault::Malformed)),
            ("x", Err(LineFault::Malformed)),
            ("D  .", Err(LineFault::EmptyPath)),
            ("D  ..", Err(LineFault::Traversal)),
            ("D  /etc/shadow", Err(LineFault::Traversal)),
            ("D  a/../../b", Err(LineFault::Traversal)),
        ] {
            assert_eq!(one(line), expected.map(str::to_owned), "{line:?}");
        }
        let upper = format!("{}  a", "AB".repeat(32));
        assert_eq!(checksum_lines(upper.as_bytes()).next().unwrap().2, Err(LineFault::Malformed));
    }

    #[test]
    fn blank_lines_are_counted_and_a_long_one_ends_all() {
        let line = format!("{}  a\n", "ab".repeat(32));
        let text = format!("\n\n{line}\n{line}");
        assert_eq!(checksum_lines(text.as_bytes()).map(|(number, ..)| number).collect::<Vec<_>>(), [3, 5]);
        assert_eq!(checksum_lines(b"").count() + checksum_lines(b"\n\n").count(), 0);
        let long = format!("{line}{}\n{line}", "x".repeat(MAX_LINE_LEN));
        let found: Vec<_> = checksum_lines(long.as_bytes()).map(|(_, _, line)| line.is_ok()).collect();
        assert_eq!(found, [true, false]);
    }

    #[test]
    fn no_flipped_bit_is_the_same_line_and_no_prefix_panics() {
        let text = format!("{}  redis/db_0/a%3A1.json\n", "1f".repeat(32)).into_bytes();
        let whole: Vec<_> = checksum_lines(&text).map(|(_, _, line)| line).collect();
        for cut in 0..text.len() - 1 {
            assert_ne!(checksum_lines(&text[..cut]).map(|(_, _, line)| line).collect::<Vec<_>>(), whole, "{cut}");
        }
        for bit in 0..(text.len() - 1) * 8 {
            let mut flipped = text.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // A blank becomes neither of the two that are taken for each other by one bit but in the place of the second.
            let same = checksum_lines(&flipped).map(|(_, _, line)| line).collect::<Vec<_>>() == whole;
            assert!(!same || bit / 8 == 65, "bit {bit}");
        }
    }
}

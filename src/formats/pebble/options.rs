//! The OPTIONS file: what the last opener asked for.

use super::version::COMPARER;
use crate::types::go_quoted;

/// The fields of an OPTIONS file that matter to a reader.
///
/// INI-like text. The server parses the newest file at every open and refuses to start on a line that it cannot split.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreOptions {
    /// Name of the key order.
    pub comparer: Option<String>,
    /// Name of the merge operator.
    pub merger: Option<String>,
    /// Directory of the logs; empty means the store's own.
    pub wal_dir: String,
    /// Second directory of the logs, with failover.
    pub wal_secondary_dir: Option<String>,
    /// What the opener asked for; the marker wins.
    pub format_major_version: Option<String>,
    /// Unflushed data never reached a disk.
    pub disable_wal: bool,
}

/// The merge operator of every store that is read here.
pub const MERGER: &str = "pebble.concatenate";

/// Why the server would refuse the file, in its words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct OptionsError {
    /// Offset of the line.
    pub at: u64,
    /// The server's text.
    pub text: String,
}

impl StoreOptions {
    /// Reads the file; stops at the first line that is neither empty, a comment, a section nor `key=value`, and at the
    /// first value that the server's own settings do not agree with.
    pub fn parse(bytes: &[u8]) -> Result<Self, OptionsError> {
        let mut options = Self::default();
        let mut section: &[u8] = b"";
        let mut at = 0_u64;
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            let (start, text) = (at, trim(line));
            at += line.len() as u64;
            match text {
                [] | [b';' | b'#', ..] => {}
                [b'[', name @ .., b']'] => section = name,
                _ => match text.iter().position(|&byte| byte == b'=') {
                    None => return Err(OptionsError { at: start, text: syntax_error(text) }),
                    Some(equals) => {
                        let (key, value) = text.split_at(equals);
                        let value = value.get(1..).unwrap_or_default();
                        options
                            .set(section, trim(key), &String::from_utf8_lossy(trim(value)))
                            .map_err(|text| OptionsError { at: start, text })?;
                    }
                },
            }
        }
        if !options.wal_dir.is_empty() && options.wal_dir != "{store_path}" {
            let text = format!(
                "directory {:?} may contain relevant WALs but is not in WALRecoveryDirs (WALDir changed from previous options)",
                options.wal_dir
            );
            return Err(OptionsError { at, text });
        }
        Ok(options)
    }

    fn set(&mut self, section: &[u8], key: &[u8], value: &str) -> Result<(), String> {
        // Foreign files use other words for the same section and keys.
        let foreign = section == br#"CFOptions "default""#;
        let section = if foreign { b"Options".as_slice() } else { section };
        let key = match key {
            b"comparator" if foreign => b"comparer".as_slice(),
            b"merge_operator" if foreign => b"merger".as_slice(),
            key => key,
        };
        match (section, key) {
            (b"Options", b"comparer") => {
                if value != COMPARER {
                    return Err(format!("pebble: comparer name from file {value:?} != comparer name from options {COMPARER:?}"));
                }
                self.comparer = Some(value.to_owned());
            }
            (b"Options", b"merger") => {
                if value != "nullptr" && value != MERGER {
                    return Err(format!("pebble: merger name from file {value:?} != merger name from options {MERGER:?}"));
                }
                self.merger = Some(value.to_owned());
            }
            (b"Options", b"wal_dir") => value.clone_into(&mut self.wal_dir),
            (b"Options", b"format_major_version") => self.format_major_version = Some(value.to_owned()),
            (b"Options", b"disable_wal") => self.disable_wal = value == "true",
            (b"WAL Failover", b"secondary_dir") => {
                if !value.is_empty() && value != "{store_path}" {
                    return Err(format!(
                        "directory {value:?} may contain relevant WALs but is not in WALRecoveryDirs \
                         (WALFailover.Secondary changed from previous options)"
                    ));
                }
                self.wal_secondary_dir = Some(value.to_owned());
            }
            _ => {}
        }
        Ok(())
    }
}

/// The white space that Go's `strings.TrimSpace` removes from ASCII text.
fn trim(text: &[u8]) -> &[u8] {
    const fn is_space(byte: u8) -> bool {
        matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
    }
    let Some(start) = text.iter().position(|&byte| !is_space(byte)) else { return &[] };
    let end = text.iter().rposition(|&byte| !is_space(byte)).map_or(0, |last| last + 1);
    text.get(start..end).unwrap_or_default()
}

/// The server's complaint about a line, which it cuts at 50 bytes.
fn syntax_error(line: &[u8]) -> String {
    let shown = match line.get(..47) {
        Some(start) if line.len() > 50 => [start, b"..."].concat(),
        _ => line.to_vec(),
    };
    format!("invalid key=value syntax: {}", go_quoted(&shown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &[u8] =
        b"[Version]\n  pebble_version=0.1\n\n[Options]\n  comparer=leveldb.BytewiseComparator\n  disable_wal=false\n  \
        format_major_version=16\n  merger=pebble.concatenate\n  wal_dir=\n\n[Level \"0\"]\n  block_size=4096\n";

    #[test]
    fn an_ordinary_file_parses() {
        let options = StoreOptions::parse(TEXT).unwrap();
        assert_eq!(options.comparer.as_deref(), Some(COMPARER));
        assert_eq!(options.format_major_version.as_deref(), Some("16"));
        assert_eq!((options.wal_dir.as_str(), options.disable_wal), ("", false));
    }

    #[test]
    fn a_line_cut_in_the_middle_is_refused_in_the_words_of_the_server() {
        let cut = TEXT.windows(9).position(|window| window == b"disable_w").unwrap() + 9;
        let error = StoreOptions::parse(&TEXT[..cut]).unwrap_err();
        assert_eq!(error.text, "invalid key=value syntax: \"disable_w\"");
        let long = [b'x'; 60];
        let expected = format!("invalid key=value syntax: \"{}...\"", "x".repeat(47));
        assert_eq!(StoreOptions::parse(&long).unwrap_err().text, expected);
    }

    #[test]
    fn other_names_are_refused() {
        for (text, part) in [
            ("[Options]\ncomparer=x\n", "comparer name from file \"x\""),
            ("[Options]\nmerger=x\n", "merger name from file \"x\""),
            ("[CFOptions \"default\"]\ncomparator=y\n", "comparer name from file \"y\""),
            ("[Options]\nwal_dir=/elsewhere\n", "/elsewhere"),
            ("[WAL Failover]\nsecondary_dir=/b\n", "/b"),
        ] {
            let error = StoreOptions::parse(text.as_bytes()).unwrap_err();
            assert!(error.text.contains(part), "{text}: {error}");
        }
        assert!(StoreOptions::parse(b"[Options]\nmerger=nullptr\n[Other]\ncomparer=x\n").is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = StoreOptions::parse(&bytes);
        }
    }
}

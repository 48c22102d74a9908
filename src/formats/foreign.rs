//! Files of other programs that turn up among a node's files, by how they begin.

/// What a file that is none of ours looks like, in words. `None`: nothing that is known here.
pub fn resembles(bytes: &[u8]) -> Option<&'static str> {
    const MAGICS: &[(usize, &[u8], &str)] = &[
        (0, b"\x1f\x8b", "gzip data; unpack it and look again"),
        (0, b"\x28\xb5\x2f\xfd", "zstd data; unpack it and look again"),
        (0, b"\xfd7zXZ\0", "xz data; unpack it and look again"),
        (0, b"\x04\x22\x4d\x18", "lz4 data; unpack it and look again"),
        (0, b"PK\x03\x04", "a zip archive; unpack it and look again"),
        (257, b"ustar", "a tar archive; unpack it and look again"),
        (0, b"\x7fELF", "a program or library"),
        (0, b"SQLite format 3\0", "an SQLite database"),
        (16, b"\xed\xda\x0c\xed", "a bolt database, as the old hashicorp/raft backend keeps it"),
        (0, b"%PDF-", "a PDF document"),
        (0, b"\x89PNG", "a picture"),
    ];
    if begins_bzip2(bytes) {
        return Some("bzip2 data; unpack it and look again");
    }
    let has = |(at, magic, _): &&(usize, &[u8], &str)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(magic));
    if let Some((_, _, what)) = MAGICS.iter().find(has) {
        return Some(what);
    }
    if bytes.is_empty() {
        return None;
    }
    if bytes.iter().all(|byte| *byte == 0) {
        return Some("zeros only, as far as it was read: a file that was made long and never written, or wiped");
    }
    let text = str::from_utf8(bytes).map_or_else(|error| error.error_len().is_none(), |_| true);
    if text && bytes.iter().all(|byte| *byte >= b' ' || matches!(byte, b'\n' | b'\r' | b'\t' | 0x1b)) {
        return Some(if bytes.trim_ascii_start().starts_with(b"{") { "JSON or other text" } else { "text" });
    }
    None
}

/// The letters and the size of blocks, and the number that a block begins with, or that stands where there is none.
fn begins_bzip2(bytes: &[u8]) -> bool {
    let Some((head, rest)) = bytes.split_first_chunk::<4>() else { return false };
    let blocks = [[0x31, 0x41, 0x59, 0x26], [0x17, 0x72, 0x45, 0x38]];
    matches!(head, [b'B', b'Z', b'h', b'1'..=b'9']) && blocks.iter().any(|block| rest.starts_with(block))
}

/// The program that packed a file of another kind, by how it begins.
pub fn packed_by(bytes: &[u8]) -> Option<&'static str> {
    let words = resembles(bytes.get(..8).unwrap_or(bytes))?;
    words.strip_suffix(" data; unpack it and look again")
}

#[cfg(test)]
mod tests {
    use super::{packed_by, resembles};

    #[test]
    fn what_was_packed_names_its_packer() {
        assert_eq!(packed_by(b"\x1f\x8b\x08\0\0\0\0\0\x02\x03"), Some("gzip"));
        assert_eq!(packed_by(b"\x28\xb5\x2f\xfd"), Some("zstd"));
        assert_eq!(packed_by(b"\xfd7zXZ\0\0\x04"), Some("xz"));
        assert_eq!(packed_by(b"BZh91AY&SY"), Some("bzip2"));
        assert_eq!(packed_by(b"BZh9\x17\x72\x45\x38\x50\x90"), Some("bzip2"));
        for other in [&b"EKVPBBL1"[..], b"BZhello, text", b"BZh", b"PK\x03\x04", b"text text", &[0; 8], b""] {
            assert_eq!(packed_by(other), None);
        }
    }

    #[test]
    fn other_programs_files() {
        assert_eq!(resembles(b"\x1f\x8b\x08\0"), Some("gzip data; unpack it and look again"));
        let mut tar = vec![b'x'; 300];
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(resembles(&tar), Some("a tar archive; unpack it and look again"));
        assert!(resembles(&[0; 64]).unwrap().starts_with("zeros only"));
        assert_eq!(resembles(b" { \"a\": 1 }\n"), Some("JSON or other text"));
        // Text may be cut in the middle of a character.
        assert_eq!(resembles(b"caf\xc3"), Some("text"));
        assert_eq!(resembles(b"\xc3caf\xc3"), None);
        assert_eq!(resembles(&[0x93, 0x69, 0x39, 0x88]), None);
        assert_eq!(resembles(b""), None);
        for end in 0..tar.len() {
            let _ = resembles(&tar[..end]);
        }
    }
}

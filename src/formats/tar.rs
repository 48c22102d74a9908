//! Headers of tar archives, as Go's `archive/tar` reads them: ustar, PAX and GNU, as far as a member's name and length go.

use std::collections::BTreeMap;

/// Bytes of a block: headers are one, content is padded to it.
pub const TAR_BLOCK: usize = 512;

/// A header block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarHeader {
    /// The member's name.
    pub name: Vec<u8>,
    /// Bytes of its content, as the header says; 0 for kinds that have none.
    pub size: u64,
    /// The type flag.
    pub kind: u8,
}

/// Why a block is no header. Go says the same of both: `archive/tar: invalid tar header`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TarFault {
    /// The checksum over the block is another one.
    Checksum {
        /// As the block says; `None` when that is no number.
        stored: Option<u64>,
        /// Of its bytes.
        computed: u64,
    },
    /// The length is no number.
    Size,
    /// Another field is none; which.
    Field(&'static str),
}

impl std::fmt::Display for TarFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Checksum { stored: Some(stored), computed } => {
                write!(f, "the tar header says checksum {stored}, its bytes have {computed}")
            }
            Self::Checksum { stored: None, .. } => f.write_str("the checksum of the tar header is no number"),
            Self::Size => f.write_str("the length in the tar header is no number"),
            Self::Field(name) => write!(f, "the {name} in the tar header is no number"),
        }
    }
}

/// The bytes of a field.
fn field(block: &[u8; TAR_BLOCK], at: usize, len: usize) -> &[u8] {
    block.get(at..at + len).unwrap_or_default()
}

/// Text up to its first zero.
fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Octal digits between blanks and zeros; nothing is 0.
fn octal(bytes: &[u8]) -> Option<u64> {
    let blank = |byte: &u8| matches!(byte, b' ' | 0);
    let start = bytes.iter().position(|byte| !blank(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
    text(bytes.get(start..end)?).iter().try_fold(0_u64, |value, &digit| match digit {
        b'0'..=b'7' => value.checked_mul(8)?.checked_add(u64::from(digit - b'0')),
        _ => None,
    })
}

/// Octal, or the binary form that longer numbers have.
fn number(bytes: &[u8]) -> Option<u64> {
    match bytes.split_first() {
        // Bit 6 is the sign: there are no negative lengths.
        Some((first, rest)) if first & 0x80 != 0 => {
            let begin = (first & 0x40 == 0).then_some(u64::from(first & 0x3f))?;
            rest.iter().try_fold(begin, |value, &byte| value.checked_mul(256)?.checked_add(u64::from(byte)))
        }
        _ => octal(bytes),
    }
}

/// True for what Go takes for a number, negative ones included.
fn is_number(bytes: &[u8]) -> bool {
    match bytes.split_first() {
        Some((first, rest)) if first & 0x80 != 0 => {
            let inverted = if first & 0x40 == 0 { 0 } else { 0xff };
            let begin = u64::from((first ^ inverted) & 0x7f);
            let value =
                rest.iter().try_fold(begin, |value: u64, &byte| value.checked_mul(256)?.checked_add(u64::from(byte ^ inverted)));
            value.is_some_and(|value| i64::try_from(value).is_ok())
        }
        _ => octal(bytes).is_some(),
    }
}

/// Magic of ustar, and of the form that star made of it.
const USTAR: &[u8] = b"ustar\0";
/// Magic and version of GNU tar.
const GNU: &[u8] = b"ustar  \0";
/// What stands at the end of a header of star.
const STAR: &[u8] = b"tar\0";

/// Numbers that nobody here needs and without which Go refuses a header: what they are, where they begin, how long they are.
const NUMBERS: [(&str, usize, usize); 4] = [("mode", 100, 8), ("user id", 108, 8), ("group id", 116, 8), ("time", 136, 12)];
/// The same of every form but the oldest,
const DEVICES: [(&str, usize, usize); 2] = [("major device number", 329, 8), ("minor device number", 337, 8)];
/// and of that of star.
const TIMES: [(&str, usize, usize); 2] = [("time of access", 476, 12), ("time of change", 488, 12)];

impl TarHeader {
    /// Decodes a block; `None` for one of zeros, which ends the archive with another.
    ///
    /// # Errors
    ///
    /// Why it is no header.
    pub fn decode(block: &[u8; TAR_BLOCK]) -> Result<Option<Self>, TarFault> {
        if block.iter().all(|&byte| byte == 0) {
            return Ok(None);
        }
        let (mut unsigned, mut signed) = (0_u64, 0_i64);
        for (at, &byte) in block.iter().enumerate() {
            let byte = if (148..156).contains(&at) { b' ' } else { byte };
            unsigned += u64::from(byte);
            signed += i64::from(byte.cast_signed());
        }
        let stored = octal(field(block, 148, 8));
        let fits = stored.is_some_and(|stored| stored == unsigned || i64::try_from(stored) == Ok(signed));
        if !fits {
            return Err(TarFault::Checksum { stored, computed: unsigned });
        }
        let mut name = text(field(block, 0, 100)).to_vec();
        let is_ustar = field(block, 257, 6) == USTAR;
        let is_star = is_ustar && field(block, 508, 4) == STAR;
        let prefix = text(field(block, 345, if is_star { 131 } else { 155 }));
        if is_ustar && !prefix.is_empty() {
            name = [prefix, b"/", &name].concat();
        }
        let devices = DEVICES.iter().filter(|_| is_ustar || field(block, 257, 8) == GNU);
        let mut numbers = NUMBERS.iter().chain(devices).chain(TIMES.iter().filter(|_| is_star));
        if let Some((name, ..)) = numbers.find(|(_, at, len)| !is_number(field(block, *at, *len))) {
            return Err(TarFault::Field(name));
        }
        let kind = field(block, 156, 1).first().copied().unwrap_or_default();
        let size = number(field(block, 124, 12)).ok_or(TarFault::Size)?;
        // Links, devices, directories and pipes have no content.
        let size = if (b'1'..=b'6').contains(&kind) { 0 } else { size };
        Ok(Some(Self { name, size, kind }))
    }

    /// True for the kinds that are ordinary files.
    pub const fn is_file(&self) -> bool {
        matches!(self.kind, b'0' | 0 | b'7')
    }
}

/// Zeros behind content of this length, up to the next block.
pub const fn padding(size: u64) -> u64 {
    size.wrapping_neg() % TAR_BLOCK as u64
}

/// What the records of a PAX header say of the member behind it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PaxRecords {
    /// Its name.
    pub name: Option<Vec<u8>>,
    /// Bytes of its content.
    pub size: Option<u64>,
    /// It is kept as a sparse file: the content is a map and the parts that are not holes, and Go makes the file of them.
    pub sparse: bool,
}

/// Reads the records of a PAX header: `LENGTH KEY=VALUE\n`, the last of equal keys counts, and one without a value takes it back.
///
/// # Errors
///
/// None when a record is malformed: Go says `archive/tar: invalid tar header`.
pub fn pax_records(bytes: &[u8]) -> Option<PaxRecords> {
    let mut records: BTreeMap<&[u8], &[u8]> = BTreeMap::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let blank = rest.iter().take(20).position(|&byte| byte == b' ')?;
        let len: usize = std::str::from_utf8(rest.get(..blank)?).ok()?.parse().ok()?;
        let record = rest.get(blank + 1..len)?.strip_suffix(b"\n")?;
        rest = rest.get(len..)?;
        let equals = record.iter().position(|&byte| byte == b'=')?;
        let (key, value) = (record.get(..equals)?, record.get(equals + 1..)?);
        let is_text = matches!(key, b"path" | b"linkpath" | b"uname" | b"gname");
        if key.is_empty() || (if is_text { value } else { key }).contains(&0) {
            return None;
        }
        records.insert(key, value);
    }
    let value = |key: &[u8]| records.get(key).copied().filter(|value| !value.is_empty());
    let number = |text: &[u8]| -> Option<i64> { std::str::from_utf8(text).ok()?.parse().ok() };
    let is_time = |text: &[u8]| {
        let (seconds, parts) = text.split_at(text.iter().position(|&byte| byte == b'.').unwrap_or(text.len()));
        number(seconds).is_some() && parts.iter().skip(1).all(u8::is_ascii_digit)
    };
    let ids = [&b"uid"[..], b"gid"].into_iter().filter_map(value);
    let mut times = [&b"atime"[..], b"ctime", b"mtime"].into_iter().filter_map(value);
    if !ids.map(number).all(|id| id.is_some()) || !times.all(is_time) {
        return None;
    }
    let size = match value(b"size") {
        Some(text) => Some(u64::try_from(number(text)?).ok()?),
        None => None,
    };
    let major_and_minor = [value(b"GNU.sparse.major"), value(b"GNU.sparse.minor")];
    let sparse = match major_and_minor {
        [None, None] => value(b"GNU.sparse.map").is_some(),
        versions => [["0", "0"], ["0", "1"], ["1", "0"]].iter().any(|known| versions == known.map(|it| Some(it.as_bytes()))),
    };
    // A part of the map before its place, as old writers of sparse files put it.
    let sparse = sparse || records.keys().any(|key| matches!(*key, b"GNU.sparse.offset" | b"GNU.sparse.numbytes"));
    let name = value(b"GNU.sparse.name").filter(|_| sparse).or_else(|| value(b"path"));
    Some(PaxRecords { name: name.map(<[u8]>::to_vec), size, sparse })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(name: &str, size: u64) -> [u8; TAR_BLOCK] {
        let mut header = tar::Header::new_ustar();
        header.set_path(name).unwrap();
        header.set_size(size);
        header.set_mode(0o600);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        *header.as_bytes()
    }

    #[test]
    fn a_header_of_each_size() {
        let read = TarHeader::decode(&block("meta.json", 266)).unwrap().unwrap();
        assert_eq!((read.name.as_slice(), read.size, read.kind), (&b"meta.json"[..], 266, b'0'));
        assert!(read.is_file());
        let large = TarHeader::decode(&block("state.bin", 1 << 40)).unwrap().unwrap();
        assert_eq!(large.size, 1 << 40);
        let deep = format!("{}/state.bin", "d".repeat(120));
        assert_eq!(TarHeader::decode(&block(&deep, 0)).unwrap().unwrap().name, deep.as_bytes());
        assert_eq!(TarHeader::decode(&[0; TAR_BLOCK]), Ok(None));
        assert_eq!((padding(0), padding(1), padding(511), padding(512)), (0, 511, 1, 0));
    }

    #[test]
    fn every_flip_is_found_or_is_in_the_form_of_the_checksum() {
        let whole = block("state.bin", 9);
        for bit in 0..TAR_BLOCK * 8 {
            let mut flipped = whole;
            flipped[bit / 8] ^= 1 << (bit % 8);
            let same = TarHeader::decode(&flipped) == TarHeader::decode(&whole);
            let form = (148..156).contains(&(bit / 8));
            assert!(TarHeader::decode(&flipped).is_err() || (same && form), "bit {bit}");
        }
    }

    #[test]
    fn numbers_that_go_does_not_read_are_no_header() {
        for (at, len, name) in
            [(100, 8, "mode"), (108, 8, "user id"), (116, 8, "group id"), (136, 12, "time"), (329, 8, "major device number")]
        {
            let mut damaged = block("a", 1);
            damaged[at..at + len].fill(b'x');
            let sum: u64 =
                damaged.iter().enumerate().map(|(at, &byte)| u64::from(if (148..156).contains(&at) { b' ' } else { byte })).sum();
            damaged[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            assert_eq!(TarHeader::decode(&damaged), Err(TarFault::Field(name)));
        }
        assert!(is_number(b"\xff\xff\xff\xff\xff\xff\xff\xff") && is_number(b"       \0") && is_number(b""));
        assert!(!is_number(b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
    }

    #[test]
    fn records_of_a_pax_header() {
        let of_size = PaxRecords { size: Some(1 << 40), ..PaxRecords::default() };
        assert_eq!(pax_records(b"22 size=1099511627776\n"), Some(of_size));
        let named = PaxRecords { name: Some(b"state.bin".to_vec()), ..PaxRecords::default() };
        for right in [
            &b"18 path=state.bin\n13 mtime=1.5\n"[..],
            b"18 path=state.bin\n12 mtime=1.\n",
            b"18 path=state.bin\n10 uid=-1\n",
            // What is taken back, or said better behind, does not matter.
            b"18 path=state.bin\n10 uid=ab\n7 uid=\n",
            b"9 size=x\n9 path=x\n8 size=\n18 path=state.bin\n",
            b"18 path=state.bin\n22 GNU.sparse.major=7\n",
        ] {
            assert_eq!(pax_records(right).as_ref(), Some(&named), "{}", right.escape_ascii());
        }
        for wrong in [
            &b"23 size=1099511627776\n"[..],
            b"22 size=1099511627776",
            b"x",
            b"5 ab\n",
            b"9 size=x\n",
            b"11 size=-1\n",
            b"99999999999999999999 ",
            b"13 mtime=abc\n",
            b"13 mtime=1.x\n",
            b"11 uid=abc\n",
            b"6 =ab\n",
            b"11 path=a\0\n",
            b"11 pa\0h=ab\n",
        ] {
            assert_eq!(pax_records(wrong), None, "{}", wrong.escape_ascii());
        }
        for sparse in [&b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n21 GNU.sparse.name=a\n"[..], b"22 GNU.sparse.map=0,1\n"] {
            assert!(pax_records(sparse).unwrap().sparse, "{}", sparse.escape_ascii());
        }
    }
}

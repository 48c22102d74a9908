//! Headers of tar archives, as Go's `archive/tar` reads them: ustar, PAX and GNU, as far as a member's name and length go.

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
}

impl std::fmt::Display for TarFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Checksum { stored: Some(stored), computed } => {
                write!(f, "the tar header says checksum {stored}, its bytes have {computed}")
            }
            Self::Checksum { stored: None, .. } => f.write_str("the checksum of the tar header is no number"),
            Self::Size => f.write_str("the length in the tar header is no number"),
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
        let prefix = text(field(block, 345, 155));
        if field(block, 257, 6) == b"ustar\0" && !prefix.is_empty() {
            name = [prefix, b"/", &name].concat();
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

/// Name and length in the records of a PAX header: `LENGTH KEY=VALUE\n`, the last of equal keys counts.
///
/// # Errors
///
/// None when a record is malformed: Go says `archive/tar: invalid tar header`.
pub fn pax_records(bytes: &[u8]) -> Option<(Option<Vec<u8>>, Option<u64>)> {
    let (mut name, mut size) = (None, None);
    let mut rest = bytes;
    while !rest.is_empty() {
        let blank = rest.iter().take(20).position(|&byte| byte == b' ')?;
        let len: usize = std::str::from_utf8(rest.get(..blank)?).ok()?.parse().ok()?;
        let record = rest.get(blank + 1..len)?.strip_suffix(b"\n")?;
        rest = rest.get(len..)?;
        let equals = record.iter().position(|&byte| byte == b'=')?;
        let (key, value) = (record.get(..equals)?, record.get(equals + 1..)?);
        match key {
            b"path" => name = (!value.is_empty()).then(|| value.to_vec()),
            b"size" if value.is_empty() => size = None,
            b"size" => size = Some(std::str::from_utf8(value).ok()?.parse().ok()?),
            _ => {}
        }
    }
    Some((name, size))
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
    fn records_of_a_pax_header() {
        assert_eq!(pax_records(b"22 size=1099511627776\n"), Some((None, Some(1 << 40))));
        assert_eq!(pax_records(b"18 path=state.bin\n13 mtime=1.5\n"), Some((Some(b"state.bin".to_vec()), None)));
        for wrong in
            [&b"23 size=1099511627776\n"[..], b"22 size=1099511627776", b"x", b"5 ab\n", b"9 size=x\n", b"99999999999999999999 "]
        {
            assert_eq!(pax_records(wrong), None, "{wrong:?}");
        }
    }
}

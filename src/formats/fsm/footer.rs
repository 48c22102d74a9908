//! The last four bytes of a `.fsm` file.

use crate::types::Crc32c;

/// Length of the footer in bytes; no finished file is shorter.
pub const FOOTER_LEN: usize = 4;

/// The checksum of everything before it: CRC-32C, big-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FsmFooter(pub Crc32c);

impl FsmFooter {
    /// From the file's last four bytes.
    pub const fn decode(bytes: [u8; FOOTER_LEN]) -> Self {
        Self(Crc32c(u32::from_be_bytes(bytes)))
    }

    /// Length of the payload in a file of `size` bytes; `None` when the footer does not fit.
    pub const fn payload_len(size: u64) -> Option<u64> {
        size.checked_sub(FOOTER_LEN as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn big_endian_and_not_counted() {
        assert_eq!(FsmFooter::decode([0x7a, 0xba, 0x3e, 0x7e]), FsmFooter(Crc32c(0x7aba_3e7e)));
        assert_eq!(FsmFooter::payload_len(3), None);
        assert_eq!(FsmFooter::payload_len(4), Some(0));
    }
}

//! Wall clock times of log entries.

use super::msgpack::{Decoded, Decoder, MsgpackErrorKind};

/// Seconds from year 1 to 1970.
const YEAR_1: i64 = -62_135_596_800;

/// A leader's wall clock when it appended an entry. Advisory only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppendedAt {
    /// Seconds since 1970.
    pub seconds: i64,
    /// Nanoseconds in the second.
    pub nanoseconds: u32,
    /// How it was written.
    pub family: TimeFamily,
}

/// Forms of a time; which one is used dates the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimeFamily {
    /// 15 or 16 bytes: codec 0.5 and 2.x by default.
    Binary,
    /// 4, 8 or 12 bytes in a raw string: codec 1.1, and 2.x when asked for.
    Compact,
    /// The same in an extension, as the MessagePack specification has it.
    Extension,
}

impl AppendedAt {
    /// True for the time that stands for "none".
    pub const fn is_zero(&self) -> bool {
        self.seconds == YEAR_1 && self.nanoseconds == 0
    }
}

/// Reads a time; nil was for the caller to see.
pub(super) fn decode_time(decoder: &mut Decoder<'_>) -> Decoded<AppendedAt> {
    let (bytes, short_raw) = decoder.time()?;
    if short_raw && let Some(time) = binary(bytes) {
        return Ok(time);
    }
    let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |value, &byte| value << 8 | u64::from(byte));
    #[expect(clippy::cast_possible_truncation, reason = "30 bits")]
    let (seconds, nanoseconds) = match bytes.len() {
        4 => (number(bytes).cast_signed(), 0),
        8 => ((number(bytes) & 0x3_ffff_ffff).cast_signed(), (number(bytes) >> 34) as u32),
        12 => {
            let (nanoseconds, seconds) = bytes.split_at(4);
            (number(seconds).cast_signed(), number(nanoseconds) as u32)
        }
        len => return decoder.fail(MsgpackErrorKind::NotATime(len as u64)),
    };
    let family = if short_raw { TimeFamily::Compact } else { TimeFamily::Extension };
    Ok(AppendedAt { seconds, nanoseconds, family })
}

/// Version, seconds since year 1, nanoseconds, zone offset in minutes; version 2 has the offset's seconds as well.
pub(in crate::formats) fn binary(bytes: &[u8]) -> Option<AppendedAt> {
    let (&version, rest) = bytes.split_first()?;
    if !matches!((version, bytes.len()), (1, 15) | (2, 16)) {
        return None;
    }
    let (seconds, rest) = rest.split_first_chunk::<8>()?;
    let (nanoseconds, _) = rest.split_first_chunk::<4>()?;
    Some(AppendedAt {
        seconds: i64::from_be_bytes(*seconds).wrapping_add(YEAR_1),
        nanoseconds: u32::from_be_bytes(*nanoseconds),
        family: TimeFamily::Binary,
    })
}

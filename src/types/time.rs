//! Times as the server writes them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Unix milliseconds, as leases and HLC ceilings carry them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct UnixMillis(pub u64);

/// Hybrid logical clock timestamp: bits 63…16 are Unix milliseconds, bits 15…0 a logical counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct HlcTimestamp(pub u64);

impl UnixMillis {
    /// RFC 3339 in UTC with milliseconds, or `None` when the value is outside what a calendar can hold.
    pub fn to_rfc3339(self) -> Option<String> {
        let millis = i64::try_from(self.0).ok()?;
        let time = jiff::Timestamp::from_millisecond(millis).ok()?;
        Some(format!("{time:.3}"))
    }
}

/// A span of milliseconds for people: `90 s`, `3 min`, `5 h`, `12 d`.
pub fn age(millis: u64) -> String {
    match millis / 1000 {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

impl HlcTimestamp {
    /// The physical part.
    pub const fn millis(self) -> UnixMillis {
        UnixMillis(self.0 >> 16)
    }

    /// The logical counter.
    pub const fn logical(self) -> u16 {
        (self.0 & 0xFFFF) as u16
    }
}

/// 2000-01-01. A smaller number was never a time: no clock of a server stood there, 0 and small counters are meant.
const FIRST_TIME: UnixMillis = UnixMillis(946_684_800_000);

/// The time if it is one, else the bare number.
impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_rfc3339().filter(|_| *self >= FIRST_TIME) {
            Some(text) => f.write_str(&text),
            None => write!(f, "{} ms", self.0),
        }
    }
}

impl fmt::Display for HlcTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.millis(), self.logical())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hlc_splits_into_millis_and_counter() {
        let ts = HlcTimestamp(114_687_999_934_464_003);
        assert_eq!(ts.millis(), UnixMillis(1_749_999_999_000));
        assert_eq!(ts.logical(), 3);
        assert_eq!(ts.to_string(), "2025-06-15T15:06:39.000Z+3");
    }

    #[test]
    fn a_time_beyond_the_calendar_prints_as_a_number() {
        assert_eq!(UnixMillis(u64::MAX).to_rfc3339(), None);
        assert_eq!(UnixMillis(u64::MAX).to_string(), "18446744073709551615 ms");
    }

    #[test]
    fn a_number_that_was_never_a_time_prints_as_one() {
        assert_eq!(UnixMillis(0).to_string(), "0 ms");
        assert_eq!(UnixMillis(0).to_rfc3339().as_deref(), Some("1970-01-01T00:00:00.000Z"));
        assert_eq!(UnixMillis(946_684_800_000).to_string(), "2000-01-01T00:00:00.000Z");
    }
}

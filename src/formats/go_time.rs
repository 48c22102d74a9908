//! Times as Go's library reads and writes them in JSON: RFC 3339, read more leniently than written.

use std::fmt::{self, Write as _};

use crate::types::UnixMillis;

/// A point in time with the offset it was written with. The default is the library's own: 1 January of year 1, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoTime {
    /// 0 to 9999.
    year: u16,
    /// 1 to 12.
    month: u8,
    /// From 1.
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    nanos: u32,
    /// East of UTC.
    offset_minutes: i16,
}

impl Default for GoTime {
    fn default() -> Self {
        Self { year: 1, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanos: 0, offset_minutes: 0 }
    }
}

/// Why a text is not a time, in the library's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeError {
    value: Vec<u8>,
    problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Problem {
    /// The rest of the text cannot be this part of the layout.
    Part { rest: Vec<u8>, part: &'static str },
    /// A number that no calendar has.
    Range(&'static str),
    /// Text behind the time.
    Extra(Vec<u8>),
}

const LAYOUT: &str = "2006-01-02T15:04:05Z07:00";

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "parsing time {}", quoted(&self.value))?;
        match &self.problem {
            Problem::Part { rest, part } => write!(f, " as \"{LAYOUT}\": cannot parse {} as \"{part}\"", quoted(rest)),
            Problem::Range(what) => write!(f, ": {what} out of range"),
            Problem::Extra(text) => write!(f, ": extra text: {}", quoted(text)),
        }
    }
}

/// The library's own way to quote in these texts.
fn quoted(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=0x7f => out.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push('"');
    out
}

/// What is left of a text.
struct Rest<'t> {
    whole: &'t [u8],
    left: &'t [u8],
}

impl Rest<'_> {
    fn error(&self, problem: Problem) -> TimeError {
        TimeError { value: self.whole.to_vec(), problem }
    }

    fn part(&self, rest: &[u8], part: &'static str) -> TimeError {
        self.error(Problem::Part { rest: rest.to_vec(), part })
    }

    fn literal(&mut self, text: &'static str) -> Result<(), TimeError> {
        match self.left.strip_prefix(text.as_bytes()) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(self.part(self.left, text)),
        }
    }

    /// One or two digits; two when `fixed`.
    fn number(&mut self, fixed: bool, part: &'static str) -> Result<u8, TimeError> {
        let (value, len) = match self.left {
            [a @ b'0'..=b'9', b @ b'0'..=b'9', ..] => ((a - b'0') * 10 + (b - b'0'), 2),
            [a @ b'0'..=b'9', ..] if !fixed => (a - b'0', 1),
            _ => return Err(self.part(self.left, part)),
        };
        self.left = self.left.get(len..).unwrap_or_default();
        Ok(value)
    }

    fn year(&mut self) -> Result<u16, TimeError> {
        let digits = self.left.get(..4).filter(|digits| digits.iter().all(u8::is_ascii_digit));
        let year = digits.map(|digits| digits.iter().fold(0_u16, |year, digit| year * 10 + u16::from(digit - b'0')));
        let year = year.ok_or_else(|| self.part(self.left, "2006"))?;
        self.left = self.left.get(4..).unwrap_or_default();
        Ok(year)
    }

    /// Digits behind a point or a comma; more than nine are cut.
    fn fraction(&mut self) -> u32 {
        let [b'.' | b',', digits @ ..] = self.left else { return 0 };
        let len = digits.iter().take_while(|digit| digit.is_ascii_digit()).count();
        let (number, rest) = digits.split_at(len);
        if number.is_empty() {
            return 0;
        }
        self.left = rest;
        let padded = number.iter().chain(std::iter::repeat(&b'0')).take(9);
        padded.fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0'))
    }

    fn offset(&mut self) -> Result<i16, TimeError> {
        const PART: &str = "Z07:00";
        if let [b'Z', left @ ..] = self.left {
            self.left = left;
            return Ok(0);
        }
        let refused = self.part(self.left, PART);
        let [sign, h1, h2, b':', m1, m2, left @ ..] = self.left else { return Err(refused) };
        let two = |a: &u8, b: &u8| match (a, b) {
            (b'0'..=b'9', b'0'..=b'9') => Some(i16::from(a - b'0') * 10 + i16::from(b - b'0')),
            _ => None,
        };
        let hours = two(h1, h2);
        let minutes = hours.and_then(|_| two(m1, m2));
        // The ranges are looked at before the digits and the sign.
        if hours.is_some_and(|hours| hours > 24) {
            return Err(self.error(Problem::Range("time zone offset hour")));
        }
        if minutes.is_some_and(|minutes| minutes > 60) {
            return Err(self.error(Problem::Range("time zone offset minute")));
        }
        let (Some(hours), Some(minutes)) = (hours, minutes) else { return Err(refused) };
        let offset = match sign {
            b'+' => hours * 60 + minutes,
            b'-' => -(hours * 60 + minutes),
            _ => return Err(refused),
        };
        self.left = left;
        Ok(offset)
    }
}

impl GoTime {
    /// Reads a text as the library does.
    pub fn parse_rfc3339(text: &[u8]) -> Result<Self, TimeError> {
        let mut rest = Rest { whole: text, left: text };
        let range = |rest: &Rest<'_>, what| rest.error(Problem::Range(what));
        let year = rest.year()?;
        rest.literal("-")?;
        let month = rest.number(true, "01")?;
        if !(1..=12).contains(&month) {
            return Err(range(&rest, "month"));
        }
        rest.literal("-")?;
        let day = rest.number(true, "02")?;
        rest.literal("T")?;
        let hour = rest.number(false, "15")?;
        if hour >= 24 {
            return Err(range(&rest, "hour"));
        }
        rest.literal(":")?;
        let minute = rest.number(true, "04")?;
        if minute >= 60 {
            return Err(range(&rest, "minute"));
        }
        rest.literal(":")?;
        let second = rest.number(true, "05")?;
        if second >= 60 {
            return Err(range(&rest, "second"));
        }
        let nanos = rest.fraction();
        let offset_minutes = rest.offset()?;
        if !rest.left.is_empty() {
            return Err(rest.error(Problem::Extra(rest.left.to_vec())));
        }
        if day < 1 || day > days_in(month, year) {
            return Err(range(&rest, "day"));
        }
        Ok(Self { year, month, day, hour, minute, second, nanos, offset_minutes })
    }

    /// As the library writes it into JSON, without quotes; an error is the library's.
    pub fn to_rfc3339(self) -> Result<String, &'static str> {
        let Self { year, month, day, hour, minute, second, nanos, offset_minutes } = self;
        let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        if nanos > 0 {
            let digits = format!("{nanos:09}");
            text.push('.');
            text.push_str(digits.trim_end_matches('0'));
        }
        let (hours, minutes) = (offset_minutes.unsigned_abs() / 60, offset_minutes.unsigned_abs() % 60);
        match offset_minutes {
            0 => text.push('Z'),
            _ if hours >= 24 => return Err("timezone hour outside of range [0,23]"),
            offset => {
                let sign = if offset > 0 { '+' } else { '-' };
                let _ = write!(text, "{sign}{hours:02}:{minutes:02}");
            }
        }
        Ok(text)
    }

    /// The same instant in Unix milliseconds; `None` before 1970.
    pub fn unix_millis(self) -> Option<UnixMillis> {
        let (year, month, day) = (i64::from(self.year), i64::from(self.month), i64::from(self.day));
        // Days since 1 March of year 0, years taken to begin in March.
        let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = 365 * y + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + (153 * m + 2) / 5 + day - 1;
        let minutes =
            ((days - 719_468) * 24 + i64::from(self.hour)) * 60 + i64::from(self.minute) - i64::from(self.offset_minutes);
        let millis = (minutes * 60 + i64::from(self.second)) * 1000 + i64::from(self.nanos / 1_000_000);
        u64::try_from(millis).ok().map(UnixMillis)
    }
}

const fn days_in(month: u8, year: u16) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(input: &str) -> String {
        GoTime::parse_rfc3339(input.as_bytes()).map_or_else(|error| error.to_string(), |time| time.to_rfc3339().unwrap())
    }

    #[test]
    fn what_is_read_is_written_in_one_form() {
        for (input, written) in [
            ("2026-11-26T11:22:30.743675448Z", "2026-11-26T11:22:30.743675448Z"),
            ("2026-11-26T11:22:30.7400Z", "2026-11-26T11:22:30.74Z"),
            ("2026-11-26T11:22:30.7436754489Z", "2026-11-26T11:22:30.743675448Z"),
            ("2026-11-26T11:22:30+00:00", "2026-11-26T11:22:30Z"),
            ("2026-11-26T11:22:30-00:00", "2026-11-26T11:22:30Z"),
            ("2026-11-26T20:22:30+09:00", "2026-11-26T20:22:30+09:00"),
            ("2026-11-26T20:22:30-10:60", "2026-11-26T20:22:30-11:00"),
            ("2026-11-26T1:22:30,5Z", "2026-11-26T01:22:30.5Z"),
            ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(text(input), written, "{input}");
        }
        assert_eq!(GoTime::default().to_rfc3339().unwrap(), "0001-01-01T00:00:00Z");
    }

    /// The texts of Go's time package.
    #[test]
    fn refusals() {
        let cannot = |value: &str, rest: &str, part: &str| {
            format!("parsing time \"{value}\" as \"{LAYOUT}\": cannot parse \"{rest}\" as \"{part}\"")
        };
        assert_eq!(text("yesterday"), cannot("yesterday", "yesterday", "2006"));
        assert_eq!(text(""), cannot("", "", "2006"));
        assert_eq!(text("2026/11"), cannot("2026/11", "/11", "-"));
        assert_eq!(text("2026-1-26T"), cannot("2026-1-26T", "1-26T", "01"));
        assert_eq!(text("2026-11-26 11:22:30Z"), cannot("2026-11-26 11:22:30Z", " 11:22:30Z", "T"));
        assert_eq!(text("2026-11-26T11:22:30"), cannot("2026-11-26T11:22:30", "", "Z07:00"));
        assert_eq!(text("2026-11-26T11:22:30.Z"), cannot("2026-11-26T11:22:30.Z", ".Z", "Z07:00"));
        assert_eq!(text("2026-11-26T11:22:30z"), cannot("2026-11-26T11:22:30z", "z", "Z07:00"));
        assert_eq!(text("2026-13-26T11:22:30Z"), "parsing time \"2026-13-26T11:22:30Z\": month out of range");
        assert_eq!(text("2026-11-31T11:22:30Z"), "parsing time \"2026-11-31T11:22:30Z\": day out of range");
        assert_eq!(text("2026-11-26T24:22:30Z"), "parsing time \"2026-11-26T24:22:30Z\": hour out of range");
        assert_eq!(text("2026-11-26T11:22:60Z"), "parsing time \"2026-11-26T11:22:60Z\": second out of range");
        assert_eq!(
            text("2026-11-26T11:22:30+25:00"),
            "parsing time \"2026-11-26T11:22:30+25:00\": time zone offset hour out of range"
        );
        assert_eq!(text("2026-11-26T11:22:30Zx"), "parsing time \"2026-11-26T11:22:30Zx\": extra text: \"x\"");
        let error = GoTime::parse_rfc3339(b"\xff\"\n").unwrap_err().to_string();
        assert_eq!(
            error,
            format!("parsing time \"\\xff\\\"\\x0a\" as \"{LAYOUT}\": cannot parse \"\\xff\\\"\\x0a\" as \"2006\"")
        );
        let day = GoTime::parse_rfc3339(b"2026-11-26T11:22:30+24:00").unwrap();
        assert_eq!(day.to_rfc3339(), Err("timezone hour outside of range [0,23]"));
    }

    #[test]
    fn instants() {
        let millis = |text: &str| GoTime::parse_rfc3339(text.as_bytes()).unwrap().unix_millis().map(|millis| millis.0);
        assert_eq!(millis("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(millis("2025-06-15T15:06:39.001Z"), Some(1_749_999_999_001));
        assert_eq!(millis("2025-06-16T00:06:39.001+09:00"), Some(1_749_999_999_001));
        assert_eq!(millis("2024-02-29T23:59:59Z"), Some(1_709_251_199_000));
        assert_eq!(millis("9999-12-31T23:59:59Z"), Some(253_402_300_799_000));
        assert_eq!(millis("1969-12-31T23:59:59Z"), None);
        assert_eq!(GoTime::default().unix_millis(), None);
    }

    #[test]
    fn every_prefix_is_refused_and_no_byte_panics() {
        let time = b"2026-11-26T11:22:30.743675448+09:30";
        for cut in 0..time.len() {
            assert!(GoTime::parse_rfc3339(&time[..cut]).is_err(), "{cut}");
        }
        for at in 0..time.len() {
            for byte in 0..=255 {
                let mut changed = *time;
                changed[at] = byte;
                if let Ok(time) = GoTime::parse_rfc3339(&changed) {
                    let _ = (time.to_rfc3339(), time.unix_millis());
                }
            }
        }
    }
}

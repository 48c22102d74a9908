//! How old what earlier runs have read is: bytes rot, and a verdict is worth as much as the oldest reading behind it.

use ekv_tool::types::{UnixMillis, age};
use serde::Serialize;

/// Readings of earlier runs of `offload verify` that a report relies on. The time of a reading is when its run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Readings {
    /// The time of the oldest reading, in Unix milliseconds; absent when there is none.
    pub oldest_ms: Option<UnixMillis>,
    /// The time of the newest one, in Unix milliseconds.
    pub newest_ms: Option<UnixMillis>,
    /// How old the oldest one was when this run began, in milliseconds; 0 for what a clock dates later.
    pub oldest_age_ms: Option<u64>,
    /// How old the newest one was, in milliseconds.
    pub newest_age_ms: Option<u64>,
}

impl Readings {
    /// Takes a reading of one payload, at the time of a run.
    pub fn take(&mut self, read: UnixMillis, now: UnixMillis) {
        self.oldest_ms = Some(self.oldest_ms.map_or(read, |oldest| oldest.min(read)));
        self.newest_ms = self.newest_ms.max(Some(read));
        let ago = |time: Option<UnixMillis>| time.map(|time| now.0.saturating_sub(time.0));
        (self.oldest_age_ms, self.newest_age_ms) = (ago(self.oldest_ms), ago(self.newest_ms));
    }

    /// `2 h to 12 d ago`; nothing where there is no reading.
    pub fn ages(&self) -> Option<String> {
        let (newest, oldest) = (age(self.newest_age_ms?), age(self.oldest_age_ms?));
        Some(if newest == oldest { format!("{oldest} ago") } else { format!("{newest} to {oldest} ago") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_and_the_newest_are_told() {
        let now = UnixMillis(100 * 86_400_000);
        let mut readings = Readings::default();
        assert_eq!(readings.ages(), None);
        readings.take(UnixMillis(90 * 86_400_000), now);
        assert_eq!(readings.ages().as_deref(), Some("10 d ago"));
        readings.take(UnixMillis(now.0 - 5000), now);
        readings.take(UnixMillis(now.0 - 86_400_000), now);
        assert_eq!(readings.ages().as_deref(), Some("5 s to 10 d ago"));
        readings.take(UnixMillis(now.0 + 1), now);
        assert_eq!((readings.newest_age_ms, readings.oldest_age_ms), (Some(0), Some(10 * 86_400_000)));
    }
}

//! Sums over the records of a segment from its first byte on, by which a copy of a log is told from another member's.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::runs::{Salt, short};
use crate::types::LogIndex;

/// The bytes of one segment up to its last good record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RecordSums {
    /// Sequence number in the segment's name.
    pub seq: u64,
    /// Index in its name.
    pub index: LogIndex,
    /// Bytes up to the end of the last good record.
    pub end: u64,
    /// Number of good records.
    pub records: u64,
    /// There is a sum after every so many records, and one after the last.
    pub step: u64,
    /// The sums, sixteen hex digits each, of all bytes from the beginning of the file on.
    #[serde(with = "super::text")]
    #[schemars(with = "String")]
    pub sums: Vec<u64>,
}

/// Makes the sums of a segment while its records go by.
#[derive(Debug)]
pub struct RecordChain {
    sum: Sha256,
    step: u64,
    records: u64,
    bytes: u64,
    sums: Vec<u64>,
}

impl RecordChain {
    /// Begins a segment of `records` records, with `at_most` sums or one more.
    pub fn new(salt: &Salt, records: u64, at_most: u64) -> Self {
        let step = records.div_ceil(at_most.max(1)).max(1).next_power_of_two();
        Self { sum: salt.begin(b"record"), step, records: 0, bytes: 0, sums: Vec::new() }
    }

    /// The bytes of the next record.
    pub fn add(&mut self, frame: &[u8]) {
        self.sum.update(frame);
        self.records += 1;
        self.bytes += frame.len() as u64;
        if self.records.is_multiple_of(self.step) {
            self.sums.push(short(self.sum.clone()));
        }
    }

    /// The sums of the segment with this name.
    pub fn finish(mut self, seq: u64, index: LogIndex) -> RecordSums {
        if !self.records.is_multiple_of(self.step) {
            self.sums.push(short(self.sum));
        }
        RecordSums { seq, index, end: self.bytes, records: self.records, step: self.step, sums: self.sums }
    }
}

impl RecordSums {
    /// The sum after so many records, if there is one.
    fn after(&self, records: u64) -> Option<u64> {
        let at = if records == self.records { self.sums.len().checked_sub(1)? } else { self.position(records)? };
        self.sums.get(at).copied()
    }

    fn position(&self, records: u64) -> Option<usize> {
        let whole = self.step > 0 && records > 0 && records.is_multiple_of(self.step);
        whole.then(|| usize::try_from(records / self.step - 1).ok()).flatten()
    }

    /// Records that the two have in common at the front, as far as their sums tell; `None` when they differ before the end of the shorter.
    fn in_common(&self, other: &Self) -> Option<u64> {
        let (shorter, longer) = if self.end <= other.end { (self, other) } else { (other, self) };
        let all = shorter.records;
        if let (Some(one), Some(other)) = (shorter.after(all), longer.after(all)) {
            return (one == other).then_some(all);
        }
        let step = shorter.step.max(longer.step).max(1);
        let known = all / step * step;
        match (shorter.after(known), longer.after(known)) {
            (Some(one), Some(other)) => (one == other).then_some(known),
            _ => Some(0),
        }
    }
}

/// Records of the shorter log, if all its bytes are those of the other as far as the sums tell; segments that one of them has purged do not
/// count.
pub fn records_in_common(one: &[RecordSums], other: &[RecordSums]) -> Option<u64> {
    let mut records = 0_u64;
    let by_seq: std::collections::HashMap<_, _> = other.iter().rev().map(|its| (its.seq, its)).collect();
    for (mine, its) in one.iter().filter_map(|mine| Some((mine, *by_seq.get(&mine.seq)?))) {
        if mine.index != its.index {
            return None;
        }
        records = records.saturating_add(mine.in_common(its)?);
        if mine.end != its.end {
            break;
        }
    }
    (records > 0).then_some(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(records: &[&[u8]], at_most: u64) -> RecordSums {
        let mut chain = RecordChain::new(&Salt::default(), records.len() as u64, at_most);
        for record in records {
            chain.add(record);
        }
        chain.finish(0, LogIndex(0))
    }

    #[test]
    fn copies_are_told_from_others() {
        let records: Vec<Vec<u8>> = (0..1000_u32).map(|number| number.to_be_bytes().to_vec()).collect();
        let all: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
        let common =
            |one: &RecordSums, other: &RecordSums| records_in_common(std::slice::from_ref(one), std::slice::from_ref(other));
        let whole = segment(&all, 4096);
        assert_eq!(common(&whole, &whole), Some(1000));
        assert_eq!(common(&segment(&all[..777], 4096), &whole), Some(777));
        assert_eq!(common(&segment(&all[..777], 100), &segment(&all, 100)), Some(768), "as far as there are sums");
        assert_eq!(common(&segment(&all, 100), &segment(&all, 7)), Some(1000));
        let mut odd = all.clone();
        odd[500] = b"odd!";
        assert_eq!(common(&segment(&odd, 4096), &whole), None);
        assert_eq!(common(&segment(&[], 1), &whole), None);
        let renamed = RecordSums { index: LogIndex(7), ..whole.clone() };
        assert_eq!(common(&renamed, &whole), None);
    }

    #[test]
    fn claims_are_never_more_than_the_sums() {
        for (records, step, sums) in [(u64::MAX, 0, vec![]), (u64::MAX, u64::MAX, vec![1]), (9, 3, vec![1]), (0, 0, vec![1; 9])] {
            let claimed = RecordSums { seq: 0, index: LogIndex(0), end: u64::MAX, records, step, sums };
            let _ = records_in_common(std::slice::from_ref(&claimed), &[segment(&[b"a", b"b"], 1)]);
        }
    }
}

//! How many entries of each class, from their first bytes.

use crate::formats::envelope;
use crate::formats::etcd::LogOwner;
use crate::formats::kv::{EntryClass, PROPOSAL_HEADER_LEN, PROPOSAL_VERSION, classify, classify_etcd};
use crate::formats::raftpb::EntryType;

/// Number of entries of each class.
///
/// Requests are not parsed for it, so a deletion by prefix counts as what carries it: data or a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassCounts([u64; EntryClass::ALL.len()]);

impl ClassCounts {
    /// Nothing counted.
    pub const ZERO: Self = Self([0; EntryClass::ALL.len()]);

    /// The class of one entry of a log of `owner` as far as this count tells classes apart.
    #[inline]
    pub fn class_of(owner: LogOwner, kind: EntryType, data: &[u8]) -> EntryClass {
        match kind {
            EntryType::Normal if owner.is_etcd() => return classify_etcd(kind, data).class,
            EntryType::Normal => {}
            EntryType::ConfChange => return EntryClass::ConfChange,
            EntryType::ConfChangeV2 => return EntryClass::ConfChangeV2,
            EntryType::Other(_) => return EntryClass::Unknown,
        }
        let Some((&[first, ..], payload)) = data.split_first_chunk::<PROPOSAL_HEADER_LEN>() else {
            return EntryClass::Noop;
        };
        if first != PROPOSAL_VERSION {
            return EntryClass::Noop;
        }
        match *payload {
            [0, ..] => EntryClass::Data,
            [1, 0, ..] if payload.len() >= envelope::MIN_LEN => EntryClass::Sealed,
            [1, ..] => EntryClass::Batch,
            [2, ..] => EntryClass::Lease,
            [3..=7, ..] => EntryClass::Encryption,
            // Requests without a tag: only parsing tells.
            _ => classify(kind, data).class,
        }
    }

    /// Counts one entry.
    #[inline]
    pub fn add(&mut self, class: EntryClass) {
        if let Some(count) = self.0.get_mut(class as usize) {
            *count += 1;
        }
    }

    /// Takes one entry back.
    pub fn remove(&mut self, class: EntryClass) {
        if let Some(count) = self.0.get_mut(class as usize) {
            *count = count.saturating_sub(1);
        }
    }

    /// Number of entries of one class.
    pub fn get(&self, class: EntryClass) -> u64 {
        self.0.get(class as usize).copied().unwrap_or_default()
    }

    /// Adds all counts of another.
    pub fn absorb(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quick_look_agrees_with_the_thorough_one() {
        let proposal = |rest: &[u8]| [&[1, 0, 0, 0, 0, 0, 0, 0, 9][..], rest].concat();
        let sealed = [&[1, 0][..], &[7; 40]].concat();
        let payloads: &[&[u8]] =
            &[&[], &[0, 0x18, 1], &[1, 0x0a, 0], &sealed, &[1, 0], &[2], &[5], &[0x0a, 0], &[0x18, 1], &[0xff]];
        let mut datas: Vec<Vec<u8>> = payloads.iter().map(|payload| proposal(payload)).collect();
        datas.extend([vec![], vec![1, 2, 3], vec![9; 20]]);
        for data in &datas {
            for kind in [EntryType::Normal, EntryType::ConfChange, EntryType::ConfChangeV2, EntryType::Other(7)] {
                assert_eq!(ClassCounts::class_of(LogOwner::Elastickv, kind, data), classify(kind, data).class, "{data:02x?}");
            }
        }
    }

    #[test]
    fn every_class_has_its_place() {
        let mut counts = ClassCounts::ZERO;
        for class in EntryClass::ALL {
            counts.add(class);
        }
        for class in EntryClass::ALL {
            assert_eq!(counts.get(class), 1, "{class}");
        }
    }
}

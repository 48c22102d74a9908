//! The nonces of all envelopes: no two may share one under the same key.
//!
//! AES-GCM gives its key away when a nonce is used for two plaintexts, and nothing at all shows it while it happens. An envelope that
//! is stored twice (in the store and in a payload, in the logs of several members) is the same bytes and no fault. Needs no key.
//!
//! The memory is bounded: a [`NonceSet`] takes in one part of all nonces when they do not fit. What it suspects is looked up in a
//! second reading, by the whole nonce and tag.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};

use super::codes::encryption as codes;
use crate::analysis::Finding;
use crate::formats::envelope::Envelope;
use crate::types::{Count, count_work, free_budget};

/// Nonces that a set keeps where the budget allows it: 24 bytes each.
const KEPT: usize = 1 << 21;
/// Nonces that a set keeps in any case.
const LEAST_KEPT: usize = 1 << 12;
/// Nonces that were used twice and are looked up; more are only counted.
const SUSPECTS: usize = 16;
/// Nodes with one prefix that are named.
const NAMED: usize = 8;
/// Places of one nonce that are named.
const PLACES: usize = 4;

/// A key and a nonce under it.
pub type NonceId = (u32, [u8; 12]);

/// What is compared of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// Key and nonce.
    pub id: NonceId,
    /// The tag stands for what was sealed.
    pub tag: [u8; 16],
}

impl Used {
    /// Of an envelope; `None` when its tag is not whole.
    pub fn of(envelope: &Envelope<'_>) -> Option<Self> {
        Some(Self { id: (envelope.key_id, envelope.nonce()), tag: envelope.tag.try_into().ok()? })
    }
}

/// One part of all nonces: those whose counter falls into it.
///
/// Sorted when all are in; what does not fit is counted, so that the next passes know how many parts are needed.
pub struct NonceSet {
    /// Key and nonce, and a hash of the tag.
    seen: Vec<(NonceId, u64)>,
    hasher: RandomState,
    part: u64,
    parts: u64,
    limit: usize,
    /// Envelopes of this part.
    envelopes: u64,
}

/// What one part shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Suspects {
    /// Nonces that seem to have been used for different things; the first ones.
    pub nonces: Vec<NonceId>,
    /// How many there are.
    pub reused: u64,
}

impl Suspects {
    /// Adds what another part shows.
    pub fn absorb(&mut self, other: Self) {
        self.reused += other.reused;
        self.nonces.extend(other.nonces);
        self.nonces.truncate(SUSPECTS);
    }
}

impl NonceSet {
    /// A set for the nonces of `part` out of `parts`.
    pub fn new(part: u64, parts: u64) -> Self {
        // A list that grows is there twice for a moment.
        let fits = free_budget() / 2 / size_of::<(NonceId, u64)>() as u64;
        Self::with_limit(part, parts, usize::try_from(fits).unwrap_or(KEPT).clamp(LEAST_KEPT, KEPT))
    }

    fn with_limit(part: u64, parts: u64, limit: usize) -> Self {
        Self { seen: Vec::new(), hasher: RandomState::new(), part, parts: parts.max(1), limit, envelopes: 0 }
    }

    /// Takes in one envelope.
    pub fn add(&mut self, used: &Used) {
        // The part does not depend on the set, so that all passes divide alike.
        let [.., a, b, c, d] = used.id.1;
        let share = u64::from(u32::from_be_bytes([a, b, c, d])).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        if share % self.parts != self.part {
            return;
        }
        self.envelopes += 1;
        if self.seen.len() < self.limit {
            self.seen.push((used.id, self.hasher.hash_one(used.tag)));
        }
    }

    /// Into how many parts all nonces have to be divided, when this one did not fit.
    pub fn parts_needed(&self) -> Option<u64> {
        let limit = self.limit as u64;
        // Parts are not quite of one size.
        (self.envelopes > limit).then(|| self.parts * (self.envelopes * 5 / 4).div_ceil(limit.max(1)))
    }

    /// Nonces that seem to have been used twice.
    pub fn suspects(mut self) -> Suspects {
        self.seen.sort_unstable();
        let mut found = Suspects::default();
        for same in self.seen.chunk_by(|a, b| a.0 == b.0) {
            if let [(id, first), .., (_, last)] = same
                && first != last
            {
                found.reused += 1;
                if found.nonces.len() < SUSPECTS {
                    found.nonces.push(*id);
                }
            }
        }
        found
    }
}

/// Looks suspected nonces up, in a second reading.
pub struct Lookup {
    places: BTreeMap<NonceId, Vec<([u8; 16], String)>>,
}

impl Lookup {
    /// For these nonces.
    pub fn new(suspects: &[NonceId]) -> Self {
        Self { places: suspects.iter().map(|id| (*id, Vec::new())).collect() }
    }

    /// Takes in one envelope; `place` names where it stands.
    pub fn add(&mut self, used: &Used, place: impl FnOnce() -> String) {
        if let Some(places) = self.places.get_mut(&used.id)
            && places.len() < PLACES
            && places.iter().all(|(tag, _)| *tag != used.tag)
        {
            places.push((used.tag, place()));
        }
    }

    /// One finding for every nonce that two different envelopes have; `reused` is how many there are, looked up or not.
    pub fn findings(&self, reused_in_all: u64) -> Vec<Finding> {
        let reused = self.places.iter().filter(|(_, places)| places.len() > 1);
        let mut found: Vec<_> = reused
            .map(|((key, nonce), places)| {
                let [n0, n1, e0, e1, counter @ ..] = nonce;
                let places: Vec<_> = places.iter().map(|(_, place)| place.as_str()).collect();
                let message = format!(
                    "The nonce of node {n0:02x}{n1:02x}, start {}, counter {}, was used under key {key} for different things: {}.",
                    u16::from_be_bytes([*e0, *e1]),
                    u64::from_be_bytes(*counter),
                    places.join("; ")
                );
                Finding::new(&codes::NONCE_REUSED, message)
            })
            .collect();
        let more = reused_in_all.saturating_sub(self.places.len() as u64);
        if let Some(last) = found.last_mut().filter(|_| more > 0) {
            let _ = write!(last.message, " {} more were used twice.", Count(more, "nonce"));
        }
        found
    }
}

/// Members whose nonces begin alike, under one key: `rows` are key id and full node id of every writer that is known.
pub fn shared_prefixes(rows: impl IntoIterator<Item = (u32, u64)>, path: &str) -> Vec<Finding> {
    let mut writers: BTreeMap<(u32, u16), BTreeSet<u64>> = BTreeMap::new();
    for (key, node) in rows {
        count_work(1);
        let low = u16::try_from(node & 0xffff).unwrap_or_default();
        writers.entry((key, low)).or_default().insert(node);
    }
    let shared = writers.into_iter().filter(|(_, nodes)| nodes.len() > 1);
    shared
        .map(|((key, low), nodes)| {
            let mut names = nodes.iter().take(NAMED).map(|node| format!("{node:016x}")).collect::<Vec<_>>().join(", ");
            if let Some(more) = nodes.len().checked_sub(NAMED).filter(|more| *more > 0) {
                let _ = write!(names, " and {more} more");
            }
            let message = format!("The nodes {names} write under key {key} with the same nonce prefix {low:04x}.");
            Finding::new(&codes::NODE_PREFIX_SHARED, message).at(path)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::share_budget;

    fn used(counter: u64, tag: u8) -> Used {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&counter.to_be_bytes());
        Used { id: (1, nonce), tag: [tag; 16] }
    }

    #[test]
    fn the_same_envelope_twice_is_no_reuse_and_another_one_is() {
        let mut set = NonceSet::new(0, 1);
        for (counter, tag) in [(1, 1), (2, 2), (1, 1), (2, 3)] {
            set.add(&used(counter, tag));
        }
        assert_eq!(set.parts_needed(), None);
        let suspects = set.suspects();
        assert_eq!((suspects.reused, suspects.nonces.as_slice()), (1, &[used(2, 0).id][..]));
        let mut lookup = Lookup::new(&suspects.nonces);
        for (tag, place) in [(2, "entry 5"), (2, "entry 6"), (3, "entry 7")] {
            lookup.add(&used(2, tag), || place.to_owned());
        }
        let findings = lookup.findings(suspects.reused);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.contains("counter 2") && findings[0].message.ends_with("entry 5; entry 7."));
    }

    #[test]
    fn the_budget_decides_how_many_are_kept() {
        let limit = |sharers| share_budget(sharers, || NonceSet::new(0, 1).limit).0;
        assert_eq!(limit(1), KEPT);
        assert_eq!(limit(64), (2 << 20) / 2 / 24);
        assert_eq!(limit(1 << 30), LEAST_KEPT);
    }

    #[test]
    fn parts_cover_all_nonces_in_bounded_memory() {
        let fill = |part, parts| {
            let mut set = NonceSet::with_limit(part, parts, 64);
            for counter in 0..150 {
                set.add(&used(counter, 1));
            }
            for counter in [3, 77, 149] {
                set.add(&used(counter, 2));
            }
            set
        };
        assert_eq!(fill(0, 1).parts_needed(), Some(3));
        let parts = (0..8).map(|part| fill(part, 8));
        let reused: u64 = parts.map(|set| if set.parts_needed().is_some() { 0 } else { set.suspects().reused }).sum();
        assert_eq!(reused, 3);
    }

    #[test]
    fn writers_with_one_prefix_under_one_key() {
        let rows = [(1, 0x1_2222), (1, 0x3_2222), (2, 0x4_2222), (1, 0x1_2222)];
        let findings = shared_prefixes(rows, "fsm.db");
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.contains("0000000000012222, 0000000000032222"));
    }
}

//! Who uses the space of a store or payload: one pass over its rows, in the order of their keys, in memory that does not grow with them.

mod owners;
mod top;
pub(super) mod versions;

use std::collections::BTreeMap;

use serde::Serialize;

pub use owners::{OwnerUse, RangeUse, Route};
pub use top::LargeKeys;

use owners::{Owners, Ranges};
use top::{Group, Top};
use versions::Versions;

use crate::formats::kv::KeySpace;
use crate::formats::mvcc::{Encryption, ROW_HEADER_LEN, RowHeader, StoreKey};
use crate::types::HlcTimestamp;

/// How long the server keeps versions that are no longer the newest, in milliseconds (`defaultFSMCompactorRetentionWindow` in
/// `kv/compactor.go` of elastickv).
pub const RETENTION_MS: u64 = 30 * 60 * 1000;
/// Names and rows that are listed as the largest when nobody says how many.
pub const LISTED: usize = 10;
/// Most rows and names that are listed as the largest.
pub const MOST_LISTED: usize = 100;

/// What the pass is told before it begins.
#[derive(Debug, Clone, Default)]
pub struct UsageRequest {
    /// The newest commit: the time that expiries are held against.
    pub as_of: Option<HlcTimestamp>,
    /// The routes of the catalog, if they are known.
    pub routes: Option<Vec<Route>>,
    /// How many of the largest are listed, at most [`MOST_LISTED`].
    pub top: usize,
}

/// So many rows, and the bytes of their keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct RowSum {
    /// Rows.
    pub rows: u64,
    /// Bytes of their keys and values, before compression.
    pub bytes: u64,
}

impl RowSum {
    const fn add(&mut self, bytes: u64) {
        self.rows += 1;
        self.bytes += bytes;
    }

    /// Adds another sum.
    pub const fn absorb(&mut self, other: Self) {
        self.rows += other.rows;
        self.bytes += other.bytes;
    }
}

/// Rows by what they are. Each row is one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct StateSums {
    /// The newest version of its key, which is there; the store's own rows too.
    pub live: RowSum,
    /// The newest version, which says that the key is deleted.
    pub deleted: RowSum,
    /// The newest version, which had expired at the newest commit.
    pub expired: RowSum,
    /// A version of which there is a newer one.
    pub old: RowSum,
    /// The newest version, in an envelope that was not opened: whether it has expired is not known.
    pub sealed: RowSum,
    /// A version whose header cannot be read.
    pub malformed: RowSum,
}

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowState {
    Live,
    Deleted,
    Expired,
    Old,
    Sealed,
    Malformed,
}

impl StateSums {
    const fn add(&mut self, state: RowState, bytes: u64) {
        match state {
            RowState::Live => self.live.add(bytes),
            RowState::Deleted => self.deleted.add(bytes),
            RowState::Expired => self.expired.add(bytes),
            RowState::Old => self.old.add(bytes),
            RowState::Sealed => self.sealed.add(bytes),
            RowState::Malformed => self.malformed.add(bytes),
        }
    }

    /// Adds other sums.
    pub const fn absorb(&mut self, other: &Self) {
        self.live.absorb(other.live);
        self.deleted.absorb(other.deleted);
        self.expired.absorb(other.expired);
        self.old.absorb(other.old);
        self.sealed.absorb(other.sealed);
        self.malformed.absorb(other.malformed);
    }

    /// All rows.
    pub const fn total(&self) -> RowSum {
        let mut total = self.live;
        total.absorb(self.deleted);
        total.absorb(self.expired);
        total.absorb(self.old);
        total.absorb(self.sealed);
        total.absorb(self.malformed);
        total
    }

    /// The sums by their names, in the order in which they are drawn.
    pub const fn by_state(&self) -> [(&'static str, RowSum); 6] {
        [
            ("live", self.live),
            ("old", self.old),
            ("deleted", self.deleted),
            ("expired", self.expired),
            ("sealed", self.sealed),
            ("malformed", self.malformed),
        ]
    }
}

/// Rows of one class of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ClassUse {
    /// What the rows belong to.
    pub space: &'static str,
    /// Bytes of their keys.
    pub key_bytes: u64,
    /// Bytes of their values, as stored.
    pub value_bytes: u64,
    /// The rows by what they are.
    #[serde(flatten)]
    pub states: StateSums,
}

/// What transactions have left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct TransactionRests {
    /// Locks that are there.
    pub locks: RowSum,
    /// Those of them that had expired at the newest commit: nobody will release them but a transaction that comes upon them.
    pub expired_locks: u64,
    /// Writes that wait to be committed.
    pub intents: RowSum,
    /// Records of transactions that were committed or rolled back.
    pub records: RowSum,
}

/// What a compaction by the server would free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Reclaimable {
    /// Versions older than the retention before the newest commit, of which the key has a newer one that is as old. `null` when the
    /// newest commit is not known.
    pub now: Option<RowSum>,
    /// All versions of which there is a newer one: what would be freed once the newest commit is older than the retention.
    pub in_the_end: RowSum,
    /// The retention that was assumed, in milliseconds: the server's default.
    pub retention_ms: u64,
}

/// Who uses the space.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Usage {
    /// The newest commit, against which expiries were held; `null` when it is not known, and then nothing counts as expired.
    pub as_of_ts: Option<u64>,
    /// The same as a time.
    pub as_of_time: Option<String>,
    /// All rows by what they are.
    pub total: StateSums,
    /// The same by class of keys, most bytes first.
    pub classes: Vec<ClassUse>,
    /// Tables, buckets and queues, most bytes first.
    pub owners: Vec<OwnerUse>,
    /// What belongs to tables, buckets and queues that are not listed because there are too many, or their names too long.
    pub other_owners: StateSums,
    /// Ranges of the catalog, in the order of their keys; `null` when its routes are not known.
    pub ranges: Option<Vec<RangeUse>>,
    /// Rows of transactions that lie about.
    pub transactions: TransactionRests,
    /// What a compaction would free.
    pub reclaimable: Reclaimable,
    /// What takes the most bytes: names with all their rows of one class, single keys with all their versions.
    pub largest: Vec<LargeKeys>,
    /// The rows with the largest values.
    pub largest_values: Vec<LargeKeys>,
}

/// Rows of one class, as they are gathered.
#[derive(Debug, Clone, Copy, Default)]
struct ClassSums {
    key_bytes: u64,
    value_bytes: u64,
    states: StateSums,
}

/// Gathers [`Usage`]. Rows are shown to it in the order of their keys, as a store or payload keeps them.
#[derive(Debug)]
pub struct UsageCollector {
    as_of: Option<HlcTimestamp>,
    versions: Versions,
    classes: Vec<(KeySpace, ClassSums)>,
    /// Where the class of the row before stands.
    class: usize,
    owners: Owners,
    ranges: Option<Ranges>,
    transactions: TransactionRests,
    reclaimable: Reclaimable,
    group: Group,
    largest: Top,
    largest_values: Top,
}

impl UsageCollector {
    /// Nothing seen yet.
    pub fn new(request: UsageRequest) -> Self {
        let UsageRequest { as_of, routes, top } = request;
        let top = top.min(MOST_LISTED);
        let horizon = as_of.map(|at| HlcTimestamp(at.0.saturating_sub(RETENTION_MS << 16)));
        Self {
            as_of,
            versions: Versions::new(horizon),
            classes: Vec::new(),
            class: 0,
            owners: Owners::new(),
            ranges: routes.map(Ranges::new),
            transactions: TransactionRests::default(),
            reclaimable: Reclaimable {
                now: as_of.map(|_| RowSum::default()),
                in_the_end: RowSum::default(),
                retention_ms: RETENTION_MS,
            },
            group: Group::default(),
            largest: Top::new(top),
            largest_values: Top::new(top),
        }
    }

    /// The newest commit, for those who learn it behind [`new`](Self::new) and before the first row.
    pub fn set_as_of(&mut self, as_of: HlcTimestamp) {
        self.as_of = Some(as_of);
        self.versions = Versions::new(Some(HlcTimestamp(as_of.0.saturating_sub(RETENTION_MS << 16))));
        self.reclaimable.now.get_or_insert_default();
    }

    /// One row: its stored key, the length of its stored value and the beginning of that, at least 48 bytes if it has so many. `opened` is
    /// the beginning of what its envelope held.
    pub fn row(&mut self, key: &[u8], value_len: u64, head: &[u8], opened: Option<&[u8]>) {
        let bytes = key.len() as u64 + value_len;
        let store_key = StoreKey::of(key);
        let StoreKey::Row(row) = store_key else {
            self.class_of(KeySpace::of_store_key(store_key)).count(RowState::Live, key.len() as u64, value_len);
            return;
        };
        let user_key = row.user_key;
        let before = self.classes.get(self.class).map_or(KeySpace::USER, |(space, _)| *space);
        let space = before.of_next_user_key(user_key);
        let version = self.versions.pass(user_key, row.commit_ts);
        let state = match RowHeader::decode(head) {
            Err(_) => RowState::Malformed,
            Ok(_) if !version.is_newest => RowState::Old,
            Ok(header) if header.tombstone => RowState::Deleted,
            Ok(header) => {
                let body = match (header.encryption, opened) {
                    (Encryption::Clear, _) => head.get(ROW_HEADER_LEN..),
                    (Encryption::Sealed, opened) => opened,
                };
                match body {
                    _ if self.has_passed(header.expire_at) => RowState::Expired,
                    None => RowState::Sealed,
                    Some(body) if self.expires_by_itself(space, body) => RowState::Expired,
                    Some(body) => {
                        self.rest_of_transaction(space, bytes, body);
                        RowState::Live
                    }
                }
            }
        };
        if state == RowState::Old {
            self.reclaimable.in_the_end.add(bytes);
            if let (true, Some(now)) = (version.is_reclaimable, &mut self.reclaimable.now) {
                now.add(bytes);
            }
        }
        self.class_of(space).count(state, key.len() as u64, value_len);
        self.owners.count(space, user_key, state, bytes);
        if let Some(ranges) = &mut self.ranges {
            ranges.count(user_key, state, bytes);
        }
        self.group.add(user_key, space, bytes, &mut self.largest);
        if self.largest_values.would_take(value_len) {
            self.largest_values.offer(LargeKeys::of_row(user_key, space, value_len));
        }
    }

    fn class_of(&mut self, space: KeySpace) -> &mut ClassSums {
        if self.classes.get(self.class).is_none_or(|(known, _)| *known != space) {
            self.class = self.classes.iter().position(|(known, _)| *known == space).unwrap_or_else(|| {
                self.classes.push((space, ClassSums::default()));
                self.classes.len() - 1
            });
        }
        &mut self.classes[self.class].1
    }

    fn has_passed(&self, expire_at: HlcTimestamp) -> bool {
        expire_at.0 != 0 && self.as_of.is_some_and(|now| expire_at <= now)
    }

    /// Whether a value that says itself when it expires had expired: strings, expiries, and headers of other redis types.
    fn expires_by_itself(&self, space: KeySpace, body: &[u8]) -> bool {
        let Some(now) = self.as_of else { return false };
        let at = |from: usize| body.get(from..)?.first_chunk::<8>().copied().map(u64::from_be_bytes);
        let expires = match (space.label(), body) {
            ("redis-string", [0xff, 1, flags, ..]) | ("redis-hll", [0xff, 2, flags, ..]) if flags & 1 != 0 => at(3),
            ("redis-ttl", _) => at(0),
            ("redis-hash-meta" | "redis-set-meta" | "redis-zset-meta", _) => at(8),
            ("redis-list-meta" | "redis-stream-meta", _) => at(24),
            _ => None,
        };
        expires.is_some_and(|ms| ms != 0 && ms <= now.millis().0)
    }

    fn rest_of_transaction(&mut self, space: KeySpace, bytes: u64, body: &[u8]) {
        let rests = &mut self.transactions;
        match space.label() {
            "txn-lock" => {
                rests.locks.add(bytes);
                // Version, start, expiry.
                let expires = body.get(9..).and_then(|rest| rest.first_chunk::<8>()).map(|bytes| u64::from_be_bytes(*bytes));
                let passed = expires.zip(self.as_of).is_some_and(|(expires, now)| expires != 0 && expires <= now.0);
                rests.expired_locks += u64::from(passed);
            }
            "txn-intent" => rests.intents.add(bytes),
            "txn-commit" | "txn-rollback" => rests.records.add(bytes),
            _ => {}
        }
    }

    /// Everything gathered.
    pub fn finish(mut self) -> Usage {
        self.group.end(&mut self.largest);
        let mut classes: BTreeMap<&'static str, ClassSums> = BTreeMap::new();
        let mut total = StateSums::default();
        for (space, sums) in &self.classes {
            let class = classes.entry(space.label()).or_default();
            class.key_bytes += sums.key_bytes;
            class.value_bytes += sums.value_bytes;
            class.states.absorb(&sums.states);
            total.absorb(&sums.states);
        }
        let mut classes: Vec<_> = classes
            .into_iter()
            .map(|(space, ClassSums { key_bytes, value_bytes, states })| ClassUse { space, key_bytes, value_bytes, states })
            .collect();
        classes.sort_by_key(|class| std::cmp::Reverse(class.states.total().bytes));
        let (owners, other_owners) = self.owners.finish();
        Usage {
            as_of_ts: self.as_of.map(|at| at.0),
            as_of_time: self.as_of.and_then(|at| at.millis().to_rfc3339()),
            total,
            classes,
            owners,
            other_owners,
            ranges: self.ranges.map(Ranges::finish),
            transactions: self.transactions,
            reclaimable: self.reclaimable,
            largest: self.largest.finish(),
            largest_values: self.largest_values.finish(),
        }
    }
}

impl ClassSums {
    const fn count(&mut self, state: RowState, key_bytes: u64, value_bytes: u64) {
        self.key_bytes += key_bytes;
        self.value_bytes += value_bytes;
        self.states.add(state, key_bytes + value_bytes);
    }
}

/// What is looked at of a value lies within what a payload shows of one.
const _: () = assert!(ROW_HEADER_LEN + 32 <= crate::formats::fsm::body::VALUE_HEAD);

#[cfg(test)]
mod tests;

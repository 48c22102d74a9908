//! Which rows of the store an entry writes: back from a row to the entry that it comes from. Source: `kv/fsm.go` of elastickv;
//! docs/formats/entries.md.

use super::request::{Mutation, Op, Request};
use super::txn::{RequestClass, TXN_COMMIT_PREFIX, TXN_INTENT_PREFIX, TXN_LOCK_PREFIX, TXN_META_PREFIX, TXN_ROLLBACK_PREFIX};
use super::{EncryptionOp, EntryView};
use crate::formats::mvcc::{RegistryKey, StoreKey};
use crate::types::HlcTimestamp;

/// What kind of row it is, as far as entries tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WrittenKind {
    /// A version of a key as requests name it.
    Plain,
    /// Lock or intent of a transaction on a key; one entry writes both.
    Pending,
    /// The commit record of a transaction, by its primary key and its start.
    CommitRecord,
    /// The rollback record of a transaction.
    RollbackRecord,
    /// A row of the writer registry.
    Registry,
}

/// A row as the entry names it that writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WrittenRow<'a> {
    /// What it is.
    pub kind: WrittenKind,
    /// The key as the request has it, without the prefixes of transactions. Empty for a row of the registry.
    pub key: &'a [u8],
    /// When the transaction of a record began; of a row of the registry key id and low bits of the node id; else 0.
    pub number: u64,
    /// At which commit timestamp it is written; 0 for a row of the registry, which has none.
    pub commit_ts: HlcTimestamp,
}

/// What an entry writes into a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WrittenValue<'a> {
    /// This value.
    Bytes(&'a [u8]),
    /// That the key is deleted.
    Deletion,
    /// Of a transaction that begins at `start`: a lock, and an intent to put the value, or to delete when there is none.
    Intent {
        /// When the transaction began.
        start: HlcTimestamp,
        /// What it is to write.
        value: Option<&'a [u8]>,
    },
    /// What the intent says of the transaction that begins at `start`: another entry wrote that one.
    OfIntent {
        /// When the transaction began.
        start: HlcTimestamp,
    },
    /// The entry alone does not say: the value is made when it is applied. [`WrittenRow::record`] has that of a transaction's record.
    NotSaid,
}

/// What an entry does to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes<'a> {
    /// It writes a row, unless it is turned down when it is applied.
    Row(WrittenRow<'a>, WrittenValue<'a>),
    /// It deletes, at this timestamp, every key with the prefix that is visible then, but none of a transaction's own.
    Prefix(&'a [u8], HlcTimestamp),
}

const ANY_TRANSACTION: &[u8] = b"!txn|";

impl<'a> WrittenRow<'a> {
    /// The row with this stored key; `None` for keys that no entry names: the store's own numbers, and keys that no server writes.
    pub fn of_stored(key: &'a [u8]) -> Option<Self> {
        match StoreKey::of(key) {
            StoreKey::Meta(_) | StoreKey::Short(_) => None,
            StoreKey::Registry(key) => Some(Self::of_registry(key.dek_id, key.node_low)),
            StoreKey::Row(row) => {
                let (kind, key, number) = taken_apart(row.user_key);
                Some(Self { kind, key, number, commit_ts: row.commit_ts })
            }
        }
    }

    fn of_registry(dek_id: u32, node_low: u16) -> Self {
        let number = u64::from(dek_id) << 16 | u64::from(node_low);
        Self { kind: WrittenKind::Registry, key: &[], number, commit_ts: HlcTimestamp(0) }
    }

    /// The lock and the intent on the same key of a transaction that begins at `start`.
    #[must_use]
    pub const fn pending_since(&self, start: HlcTimestamp) -> Self {
        Self { kind: WrittenKind::Pending, key: self.key, number: 0, commit_ts: start }
    }

    /// The value of a transaction's record, which its row tells: `01` and of a commit its timestamp (8, big-endian). `None` of other rows.
    pub fn record(&self) -> Option<Vec<u8>> {
        match self.kind {
            WrittenKind::CommitRecord => Some([&[1], self.commit_ts.0.to_be_bytes().as_slice()].concat()),
            WrittenKind::RollbackRecord => Some(vec![1]),
            WrittenKind::Plain | WrittenKind::Pending | WrittenKind::Registry => None,
        }
    }

    /// Whether a deletion of every key with `prefix` at `at` writes the row, which is one that deletes its key.
    pub fn is_of_prefix(&self, prefix: &[u8], at: HlcTimestamp) -> bool {
        self.kind == WrittenKind::Plain
            && self.commit_ts == at
            && self.key.starts_with(prefix)
            && !self.key.starts_with(ANY_TRANSACTION)
    }
}

fn taken_apart(user_key: &[u8]) -> (WrittenKind, &[u8], u64) {
    for (prefix, kind) in [(TXN_COMMIT_PREFIX, WrittenKind::CommitRecord), (TXN_ROLLBACK_PREFIX, WrittenKind::RollbackRecord)] {
        if let Some((key, start)) = user_key.strip_prefix(prefix).and_then(<[u8]>::split_last_chunk::<8>) {
            return (kind, key, u64::from_be_bytes(*start));
        }
    }
    match user_key.strip_prefix(TXN_LOCK_PREFIX).or_else(|| user_key.strip_prefix(TXN_INTENT_PREFIX)) {
        Some(key) => (WrittenKind::Pending, key, 0),
        None => (WrittenKind::Plain, user_key, 0),
    }
}

impl<'a> EntryView<'a> {
    /// Hands everything that the entry does to the store to `visit`. A message that the runtime refuses does nothing.
    pub fn for_each_write(&self, mut visit: impl FnMut(Writes<'a>)) {
        if let Some(Ok(operation)) = self.encryption() {
            registry(&operation, &mut visit);
        }
        if self.requests == 0 {
            return;
        }
        for request in self.requests().filter_map(Result::ok) {
            if request.commit_ts().is_ok() && request.class() != RequestClass::Unknown {
                request.for_each_write(&mut visit);
            }
        }
    }
}

impl<'a> Request<'a> {
    /// Hands everything that the request names for writing to `visit`, also where the state machine turns it down: [`Request::rejection`]
    /// tells whether it does on sight. Where it names no commit timestamp, its own stands for it.
    pub fn for_each_write(&self, mut visit: impl FnMut(Writes<'a>)) {
        let commit_ts = self.commit_ts().unwrap_or(HlcTimestamp(self.ts));
        let mut row = |kind, key, number, value| visit(Writes::Row(WrittenRow { kind, key, number, commit_ts }, value));
        let class = self.class();
        if let (RequestClass::DeletePrefix, Some(prefix)) = (class, self.delete_prefix) {
            return visit(Writes::Prefix(prefix, commit_ts));
        }
        let meta = if self.is_txn { self.txn_meta().ok() } else { None };
        let mut primary_is_here = false;
        let is_meta = |key: &[u8]| self.is_txn && key.starts_with(TXN_META_PREFIX);
        for Mutation { op, key, value, .. } in self.mutations().filter(|mutation| !is_meta(mutation.key)) {
            primary_is_here |= meta.is_some_and(|meta| meta.primary_key == key);
            let written = match op {
                Op::Put => WrittenValue::Bytes(value),
                Op::Del => WrittenValue::Deletion,
                Op::DelPrefix | Op::Unknown(_) => WrittenValue::NotSaid,
            };
            match class {
                RequestClass::Raw | RequestClass::OnePhase | RequestClass::DeletePrefix | RequestClass::Unknown => {
                    row(WrittenKind::Plain, key, 0, written);
                }
                RequestClass::Prepare => {
                    let value = Some(value).filter(|_| op != Op::Del);
                    row(WrittenKind::Pending, key, 0, WrittenValue::Intent { start: HlcTimestamp(self.ts), value });
                }
                RequestClass::Commit => {
                    row(WrittenKind::Plain, key, 0, WrittenValue::OfIntent { start: HlcTimestamp(self.ts) });
                    row(WrittenKind::Pending, key, 0, WrittenValue::Deletion);
                }
                RequestClass::Abort => row(WrittenKind::Pending, key, 0, WrittenValue::Deletion),
            }
        }
        let record = match class {
            RequestClass::Commit => WrittenKind::CommitRecord,
            RequestClass::Abort => WrittenKind::RollbackRecord,
            _ => return,
        };
        // What commits or gives up the others' keys alone leaves no record.
        if let Some(meta) = meta.filter(|_| primary_is_here) {
            row(record, meta.primary_key, self.ts, WrittenValue::NotSaid);
        }
    }
}

fn registry<'a>(operation: &EncryptionOp<'a>, visit: &mut impl FnMut(Writes<'a>)) {
    for row in operation.rows() {
        let key = RegistryKey::of(row.dek_id, row.full_node_id);
        visit(Writes::Row(WrittenRow::of_registry(key.dek_id, key.node_low), WrittenValue::NotSaid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::kv::testing::{MutationMsg, RequestMsg, proposal, put, tagged};
    use crate::formats::kv::{EntryClass, classify};
    use crate::formats::mvcc::RowKey;
    use crate::formats::raftpb::EntryType;

    fn stored(user_key: &[u8], ts: u64) -> Vec<u8> {
        RowKey { user_key, commit_ts: HlcTimestamp(ts) }.encode()
    }

    fn writes(request: &RequestMsg) -> Vec<Vec<u8>> {
        let data = proposal(&tagged(0, request));
        let view = classify(EntryType::Normal, &data);
        assert!(matches!(view.class, EntryClass::Data | EntryClass::DeletePrefix));
        let candidates = [
            stored(b"k", 7),
            stored(b"k", 9),
            stored(b"!txn|lock|k", 7),
            stored(b"!txn|int|k", 7),
            stored(b"!txn|lock|k", 9),
            stored(&[b"!txn|cmt|k".as_slice(), &7_u64.to_be_bytes()].concat(), 9),
            stored(&[b"!txn|rb|k".as_slice(), &7_u64.to_be_bytes()].concat(), 9),
        ];
        let mut found = Vec::new();
        view.for_each_write(|write| {
            found.extend(candidates.iter().enumerate().filter_map(|(number, key)| {
                let row = WrittenRow::of_stored(key)?;
                let is_it = match write {
                    Writes::Row(written, _) => written == row,
                    Writes::Prefix(prefix, at) => row.is_of_prefix(prefix, at),
                };
                is_it.then_some(number)
            }));
        });
        found.sort_unstable();
        found.into_iter().map(|number| candidates[number].clone()).collect()
    }

    fn transaction(phase: i32, commit: u64) -> RequestMsg {
        let meta = [&[1][..], &[0; 8], &commit.to_be_bytes(), &1_u64.to_be_bytes(), b"k"].concat();
        let mutation =
            |key: &[u8], value: &[u8]| MutationMsg { key: key.to_vec(), value: value.to_vec(), ..MutationMsg::default() };
        let mutations = vec![mutation(b"!txn|meta|k", &meta), mutation(b"k", b"v")];
        RequestMsg { is_txn: true, phase, ts: 7, mutations, ..RequestMsg::default() }
    }

    #[test]
    fn each_class_of_requests_writes_its_rows() {
        assert_eq!(writes(&put(b"k", b"v", 7)), [stored(b"k", 7)]);
        assert_eq!(writes(&transaction(0, 9)), [stored(b"k", 9)]);
        assert_eq!(writes(&transaction(1, 0)), [stored(b"!txn|lock|k", 7), stored(b"!txn|int|k", 7)]);
        let record = |prefix: &[u8]| stored(&[prefix, b"k", &7_u64.to_be_bytes()].concat(), 9);
        assert_eq!(writes(&transaction(2, 9)), [stored(b"k", 9), stored(b"!txn|lock|k", 9), record(b"!txn|cmt|")]);
        assert_eq!(writes(&transaction(3, 9)), [stored(b"!txn|lock|k", 9), record(b"!txn|rb|")]);
        let mut prefix = put(b"", b"", 9);
        prefix.mutations[0].op = 2;
        assert_eq!(writes(&prefix), [stored(b"k", 9)]);
    }

    #[test]
    fn only_who_writes_the_primary_key_leaves_a_record() {
        let mut secondary = transaction(2, 9);
        secondary.mutations[1].key = b"other".to_vec();
        assert_eq!(writes(&secondary), Vec::<Vec<u8>>::new());
        let mut aborted = transaction(3, 9);
        aborted.mutations[1].key = b"other".to_vec();
        assert_eq!(writes(&aborted), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn the_stores_own_keys_are_no_entrys() {
        assert_eq!(WrittenRow::of_stored(b"_meta_applied_index"), None);
        assert_eq!(WrittenRow::of_stored(b"short"), None);
        let registry = WrittenRow::of_stored(b"!encryption|writers|\0\0\0\x05|\x01\x02").unwrap();
        assert_eq!((registry.kind, registry.number), (WrittenKind::Registry, 5 << 16 | 0x102));
    }
}

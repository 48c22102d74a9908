//! Start counters (local epochs) and write counters in the nonces: do they only rise, and are they registered?

use std::collections::BTreeMap;

use super::codes::encryption as codes;
use crate::analysis::Finding;
use crate::formats::envelope::Envelope;
use crate::formats::sidecar::Sidecar;
use crate::types::{LogIndex, NodeId, Term, count_work};

/// Proposals of one node that are on their way at the same time: one may overtake so many others.
const OVERTAKEN: u64 = 1024;
/// Writers whose start counters are kept; no cluster has as many.
pub const WRITERS: usize = 4096;

/// A key, and the low half of the node id of who sealed with it.
type Writer = (u32, u16);

/// What the sealed entries of one log say, in the order of their indexes.
#[derive(Debug, Default)]
pub struct Epochs {
    newest: BTreeMap<Writer, Newest>,
    epoch_back: BTreeMap<Writer, Back<u16>>,
    counter_back: BTreeMap<Writer, Back<u64>>,
    full: bool,
}

/// The newest start of a writer, and how far it counted in it.
#[derive(Debug, Clone, Copy)]
struct Newest {
    epoch: u16,
    counter: u64,
    term: Term,
}

/// The first entry whose number is lower than one before it.
#[derive(Debug, Clone, Copy)]
struct Back<T> {
    index: LogIndex,
    before: T,
    after: T,
}

impl Epochs {
    /// Takes in a sealed entry.
    pub fn add(&mut self, index: LogIndex, term: Term, envelope: &Envelope<'_>) {
        let writer = (envelope.key_id, envelope.node);
        let &Envelope { local_epoch: epoch, counter, .. } = envelope;
        if self.newest.len() >= WRITERS && !self.newest.contains_key(&writer) {
            self.full = true;
            return;
        }
        let newest = self.newest.entry(writer).or_insert(Newest { epoch, counter, term });
        if epoch < newest.epoch {
            self.epoch_back.entry(writer).or_insert(Back { index, before: newest.epoch, after: epoch });
            return;
        }
        if epoch > newest.epoch {
            *newest = Newest { epoch, counter, term };
            return;
        }
        // What overtook it is near, also around an election; a start counts from 1. That the same counter comes twice is told by
        // the nonces.
        let anew = counter <= 1 && term > newest.term;
        let overtaken = !anew && newest.counter - counter.min(newest.counter) <= OVERTAKEN;
        if counter < newest.counter && !overtaken {
            self.counter_back.entry(writer).or_insert(Back { index, before: newest.counter, after: counter });
        }
        newest.counter = newest.counter.max(counter);
        newest.term = newest.term.max(term);
    }

    /// True when there were more writers than are kept.
    pub const fn is_full(&self) -> bool {
        self.full
    }

    /// One finding for every writer whose start counter went back, and one for every writer who began to count anew.
    pub fn findings(&self, path: &str) -> Vec<Finding> {
        let epochs = self.epoch_back.iter().map(|((key, node), Back { index, before, after })| {
            let message = format!(
                "Entry {index} was sealed under key {key} by node {node:04x} in its start {after}, after entries of its start {before}."
            );
            Finding::new(&codes::EPOCH_BACK, message).at(path).found(after).expected(format!("at least {before}"))
        });
        let counters = self.counter_back.iter().map(|((key, node), Back { index, before, after })| {
            let message = format!(
                "Entry {index} was sealed under key {key} by node {node:04x} with its counter at {after}, in the same start in which \
                 an earlier entry has {before}."
            );
            Finding::new(&codes::COUNTER_BACK, message).at(path).found(after).expected(format!("above {before}"))
        });
        epochs.chain(counters).collect()
    }
}

/// Which starts of which writers are registered, and which ones envelopes show.
#[derive(Debug, Default)]
pub struct Registered {
    /// The highest registered start counter.
    known: BTreeMap<Writer, u16>,
    /// The first envelope of a later start, or of nobody who is registered.
    unknown: BTreeMap<Writer, (u16, String)>,
}

impl Registered {
    /// Of the registry of a store and of the entries behind it; both by key id and full node id.
    pub fn new(registry: &BTreeMap<(u32, u64), u16>, log: BTreeMap<(u32, u64), u16>) -> Self {
        let mut known: BTreeMap<Writer, u16> = BTreeMap::new();
        for ((key, node), epoch) in registry.iter().map(|(writer, epoch)| (*writer, *epoch)).chain(log) {
            count_work(1);
            let highest = known.entry((key, u16::try_from(node & 0xffff).unwrap_or_default())).or_default();
            *highest = epoch.max(*highest);
        }
        Self { known, unknown: BTreeMap::new() }
    }

    /// Takes in an envelope; `place` names where it stands.
    pub fn add(&mut self, envelope: &Envelope<'_>, place: impl FnOnce() -> String) {
        let writer = (envelope.key_id, envelope.node);
        let registered = self.known.get(&writer).is_some_and(|highest| envelope.local_epoch <= *highest);
        if !registered && self.unknown.len() < WRITERS {
            self.unknown.entry(writer).or_insert_with(|| (envelope.local_epoch, place()));
        }
    }

    /// One finding for every writer that sealed in a start that nobody registered; `path` is the store.
    pub fn findings(&self, path: &str) -> Vec<Finding> {
        let unknown = self.unknown.iter();
        unknown
            .map(|(writer, (epoch, place))| {
                let (key, node) = writer;
                let known = self.known.get(writer);
                let what = match known {
                    Some(highest) => format!("the highest that is registered is {highest}"),
                    None => "it is not registered at all".to_owned(),
                };
                let message = format!(
                    "Node {node:04x} sealed under key {key} in its start {epoch}, and {what}. The first such envelope: {place}."
                );
                let finding = Finding::new(&codes::EPOCH_UNREGISTERED, message).at(path).found(epoch);
                match known {
                    Some(highest) => finding.expected(format!("at most {highest}")),
                    None => finding,
                }
            })
            .collect()
    }
}

/// What a node's sidecar says of its starts, and what its own envelopes show.
#[derive(Debug)]
pub struct OwnStarts {
    /// The start counters of the active keys in the sidecar.
    known: BTreeMap<u32, u16>,
    /// Low half of the node's id.
    own: u16,
    /// The latest start in which it sealed, under each key.
    latest: BTreeMap<u32, (u16, String)>,
}

impl OwnStarts {
    /// Of the node `own`, whose sidecar this is.
    pub fn new(sidecar: &Sidecar, own: NodeId) -> Self {
        let active = [sidecar.active_storage, sidecar.active_raft];
        let keys = sidecar.keys_by_id().into_iter().filter(|(id, _)| active.contains(id));
        Self {
            known: keys.map(|(id, key)| (id, key.local_epoch)).collect(),
            own: u16::try_from(own.0 & 0xffff).unwrap_or_default(),
            latest: BTreeMap::new(),
        }
    }

    /// Takes in an envelope; `place` names where it stands.
    pub fn add(&mut self, envelope: &Envelope<'_>, place: impl FnOnce() -> String) {
        if envelope.node != self.own || !self.known.contains_key(&envelope.key_id) {
            return;
        }
        if self.latest.get(&envelope.key_id).is_none_or(|(epoch, _)| *epoch < envelope.local_epoch) {
            self.latest.insert(envelope.key_id, (envelope.local_epoch, place()));
        }
    }

    /// One finding for every key that new things are sealed with and whose start counter lies behind what it has sealed; `path` is
    /// the sidecar.
    pub fn findings(&self, path: &str) -> Vec<Finding> {
        let keys = self.known.iter();
        keys.filter_map(|(id, known)| {
                let (latest, place) = self.latest.get(id).filter(|(latest, _)| latest > known)?;
                let message = format!(
                    "The sidecar knows {known} as the last start of this node under key {id}, and the node has sealed in its start {latest}: \
                     {place}. The next start counts on from the sidecar and will come to nonces that are used."
                );
                let finding = Finding::new(&codes::SIDECAR_BEHIND, message).at(path).found(known);
                Some(finding.expected(format!("at least {latest}")))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(epoch: u16, counter: u64) -> Envelope<'static> {
        Envelope { flags: 0, key_id: 2, node: 0xd4c0, local_epoch: epoch, counter, ciphertext: &[], tag: &[] }
    }

    fn codes_of(entries: &[(u64, u16, u64)]) -> Vec<String> {
        let mut epochs = Epochs::default();
        for (index, (term, epoch, counter)) in (1..).zip(entries) {
            epochs.add(LogIndex(index), Term(*term), &envelope(*epoch, *counter));
        }
        epochs.findings("n1/wal").into_iter().map(|finding| format!("{}: {}", finding.code.code, finding.message)).collect()
    }

    #[test]
    fn counters_rise_within_a_start_but_for_what_was_overtaken() {
        assert!(codes_of(&[(2, 0, 1), (2, 0, 2), (3, 1, 1), (3, 1, 2)]).is_empty());
        assert!(codes_of(&[(2, 0, 1), (2, 0, 4), (2, 0, 3), (2, 0, 2), (2, 0, 5)]).is_empty(), "overtaken");
        assert!(codes_of(&[(2, 0, 7), (2, 0, 7)]).is_empty(), "the same one again");
        let anew = codes_of(&[(2, 0, 500), (3, 0, 1), (3, 0, 2)]);
        assert_eq!(anew.len(), 1);
        assert!(anew[0].starts_with("enc-counter-back: Entry 2 ") && anew[0].contains("at 1,"), "{anew:?}");
        assert_eq!(codes_of(&[(2, 0, 5000), (2, 0, 1)]).len(), 1, "too far to be overtaken");
        let back = codes_of(&[(2, 3, 1), (3, 2, 1)]);
        assert!(back[0].starts_with("enc-epoch-back: Entry 2 "), "{back:?}");
    }

    #[test]
    fn a_start_that_nobody_registered_is_told_once() {
        let registry = BTreeMap::from([((2, 0x1111_d4c0), 3)]);
        let shown = |log: BTreeMap<(u32, u64), u16>, epochs: &[u16]| {
            let mut registered = Registered::new(&registry, log);
            for epoch in epochs {
                registered.add(&envelope(*epoch, 1), || format!("row of start {epoch}"));
            }
            registered.findings("fsm.db").into_iter().map(|finding| finding.message).collect::<Vec<_>>()
        };
        assert!(shown(BTreeMap::new(), &[0, 3]).is_empty());
        assert!(shown(BTreeMap::from([((2, 0x1111_d4c0), 4)]), &[4]).is_empty(), "the log registers it");
        let found = shown(BTreeMap::new(), &[3, 4, 5]);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].contains("in its start 4, and the highest that is registered is 3") && found[0].ends_with("row of start 4.")
        );
        let sidecar =
            br#"{"version": 2, "active": {"storage": 1, "raft": 2}, "keys": {"1": {"purpose": "storage", "local_epoch": 4},
            "2": {"purpose": "raft", "local_epoch": 3}, "3": {"purpose": "raft", "local_epoch": 0}}}"#;
        let sidecar = Sidecar::parse(sidecar).unwrap();
        let mut own = OwnStarts::new(&sidecar, NodeId(0x1111_d4c0));
        for (key_id, epoch) in [(1, 4), (2, 5), (2, 4), (3, 9), (7, 9)] {
            own.add(&Envelope { key_id, ..envelope(epoch, 1) }, || format!("key {key_id}"));
            own.add(&Envelope { key_id, node: 1, ..envelope(u16::MAX, 1) }, || "another node".to_owned());
        }
        let found = own.findings("keys.json");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].message.contains("sealed in its start 5: key 2."), "{found:?}");
        let mut nobody = Registered::default();
        nobody.add(&envelope(0, 1), || "a row".to_owned());
        assert!(nobody.findings("fsm.db")[0].message.contains("it is not registered at all"));
    }
}

//! What is taken note of for one source while its envelopes are shown.

use super::history::LogHistory;
use super::walk::{Seen, Sighting, Stand, Whole};
use super::{Audited, Source, opening};
use crate::analysis::judge::envelopes::Counting;
use crate::analysis::judge::epochs::{OwnStarts, Registered};
use crate::analysis::judge::nonces::{NonceSet, Used};
use crate::crypto::{open_raft, open_value};
use crate::readers::keys::{Keys, SidecarFile};
use crate::types::{Count, NodeId, ServerVersion};

/// Counts, opens, and holds start counters against registry and sidecar.
pub(super) struct Ledger<'s> {
    source: &'s Source<'s>,
    counting: Counting,
    registered: Registered,
    /// Where the sidecar is the node's own. Keys that are there to open only are not those of every node.
    own: Option<OwnStarts>,
}

impl<'s> Ledger<'s> {
    pub(super) fn new(source: &'s Source<'s>, history: LogHistory) -> Self {
        let sidecar = source.facts.keys.as_deref().and_then(Keys::accepted);
        Self {
            source,
            counting: Counting::new(opening(source).is_some(), source.own_keys, history.sealed_from),
            registered: Registered::new(source.facts.registry(), history.registered),
            own: sidecar.map(|sidecar| OwnStarts::new(sidecar, NodeId::of_raft_id(&source.facts.raft_id))),
        }
    }

    /// Takes in what a walk came to in this source; the nonce of an envelope goes into `set`.
    pub(super) fn see(&mut self, seen: Seen<'_>, set: &mut NonceSet) {
        match seen {
            Seen::Broken { place, error, .. } => {
                let Stand { what, path, offset } = place();
                self.counting.broken(&what, path, offset, &error);
            }
            Seen::Clear { key, committed, .. } => self.counting.clear_row(key, committed),
            Seen::Sealed(sighting) => {
                // What does not open says nothing: a changed bit may stand in its header as well.
                if !self.is_authentic(&sighting) {
                    return;
                }
                if let Some(own) = &mut self.own {
                    own.add(&sighting.envelope, || (sighting.place)().to_string());
                }
                self.registered.add(&sighting.envelope, || (sighting.place)().to_string());
                if let Some(used) = Used::of(&sighting.envelope) {
                    set.add(&used);
                }
            }
        }
    }

    /// Counts an envelope and opens it, if it can be tried; false when it is not authentic.
    fn is_authentic(&mut self, sighting: &Sighting<'_>) -> bool {
        self.counting.add(sighting.holder, &sighting.envelope);
        let Some(keys) = opening(self.source) else { return true };
        let opened = match sighting.whole {
            Whole::Entry(payload) => open_raft(&keys.ring, payload),
            Whole::Row { cut: true, .. } => return true,
            Whole::Row { key, value, .. } => open_value(&keys.ring, key, value),
        };
        match opened {
            Ok(_) => {
                self.counting.opened();
                true
            }
            Err(error) => {
                let Stand { what, path, offset } = (sighting.place)();
                self.counting.failed(&what, path, offset, &sighting.envelope, &error);
                !error.is_damage()
            }
        }
    }

    /// Says what was counted and what is wrong. `complete`: everything was read in which an envelope may stand.
    pub(super) fn finish(self, complete: bool, audited: &mut Audited) {
        let source = self.source;
        let sidecar = source.keys.and_then(Keys::accepted);
        let (census, findings) = self.counting.finish(sidecar, &source.name, complete, &mut audited.coverage);
        if let Some(keys) = source.keys.filter(|keys| keys.sidecar == SidecarFile::Absent && census.envelopes > 0) {
            let what = format!("what {} in {} hold", Count(census.envelopes, "envelope"), source.name);
            audited.coverage.missing(what, format!("there is no sidecar at {}", keys.display()));
        } else if source.keys.is_some_and(|keys| keys.has_kek() && !keys.opens()) {
            let what = format!("what is sealed in {}", source.name);
            audited.coverage.missing(what, "nothing is opened when the KEK does not open every key of the sidecar");
        }
        audited.census.push(Some(census));
        audited.findings.extend(findings);
        if let Some((own, keys)) = self.own.zip(source.facts.keys.as_deref()) {
            audited.findings.extend(own.findings(&keys.display()));
        }
        // What the store has registered is not known when its rows are not.
        if source.rows && ServerVersion::ALL.into_iter().any(|version| source.facts.knows_registry(version)) {
            audited.findings.extend(self.registered.findings(&format!("{}/fsm.db", source.name)));
        }
    }
}

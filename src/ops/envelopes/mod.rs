//! Every envelope in log, store and retained payloads of a group, or of one group on several nodes: counted, opened where the keys
//! are at hand, and audited for nonces that were used twice, which needs no key.

mod history;
mod walk;

use history::LogHistory;
use walk::{Seen, Sighting, Stand, Walk, Whole, whole_payloads};

use crate::analysis::judge::envelopes::{Counting, EnvelopeCensus};
use crate::analysis::judge::epochs::{OwnStarts, Registered};
use crate::analysis::judge::nonces::{Lookup, NonceSet, Suspects, Used, shared_prefixes};
use crate::analysis::server::StartFacts;
use crate::analysis::{Coverage, Finding};
use crate::crypto::{open_raft, open_value};
use crate::error::Result;
use crate::readers::keys::{Keys, SidecarFile};
use crate::readers::pebble::StorePresence;
use crate::readers::source::Run;
use crate::types::{Count, NodeId, ServerVersion};

/// Most parts into which the nonces are divided; each is one more reading of everything.
const MOST_PARTS: u64 = 32;

/// One group's files.
pub(super) struct Source<'a> {
    /// The group directory as reports name it.
    pub name: String,
    /// What was read of it.
    pub facts: &'a StartFacts,
    /// Sidecar and KEK that may open what is sealed.
    pub keys: Option<&'a Keys>,
    /// Index of the snapshot that a start takes; 0 for none.
    pub snapshot: u64,
    /// Whether the rows of the store are looked at.
    pub rows: bool,
    /// Largest payload in bytes whose rows are; 0 for none.
    pub payloads_up_to: u64,
    /// The keys are those that this node starts with; others may lack keys that it has.
    pub own_keys: bool,
}

/// What was found in the envelopes of all sources.
#[derive(Default)]
pub(super) struct Audited {
    /// One census a source; none where there is no sign of encryption.
    pub census: Vec<Option<EnvelopeCensus>>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What could not be read.
    pub coverage: Coverage,
}

/// Counts, opens and audits the envelopes of all sources together. Groups without a sign of encryption are not read again.
pub(super) fn audit<'a>(sources: &[Source<'a>], run: &Run<'_>) -> Result<Audited> {
    let mut audited = Audited::default();
    let mut histories = Vec::new();
    let mut writers = Vec::new();
    let mut encrypted = false;
    for source in sources {
        let mut history = LogHistory::of(source);
        audited.findings.append(&mut history.findings);
        if history.more_writers {
            let what = format!("{}: who registered or sealed what", source.name);
            audited.coverage.missing(what, "there are more writers than any cluster has");
        }
        encrypted |= history.sealed || source.keys.is_some();
        writers.extend(history.registered.keys().chain(source.facts.registry.keys()).copied());
        histories.push(history);
    }
    if !encrypted && writers.is_empty() {
        audited.census = sources.iter().map(|_| None).collect();
        return Ok(audited);
    }
    let place = sources.first().map(|source| format!("{}/fsm.db", source.name)).unwrap_or_default();
    audited.findings.extend(shared_prefixes(writers, &place));

    let mut counting: Vec<_> = sources
        .iter()
        .zip(&histories)
        .map(|(source, history)| Counting::new(opening(source).is_some(), source.own_keys, history.sealed_from))
        .collect();
    let mut registered: Vec<_> = sources
        .iter()
        .zip(histories)
        .map(|(source, history)| Registered::new(&source.facts.registry, history.registered))
        .collect();
    // Keys that are there to open only are not those of every node.
    let own_starts = |source: &Source<'a>| {
        let sidecar = source.facts.keys.as_deref().and_then(Keys::accepted)?;
        Some(OwnStarts::new(sidecar, NodeId::of_raft_id(&source.facts.raft_id)))
    };
    let mut own: Vec<_> = sources.iter().map(own_starts).collect();
    let mut set = NonceSet::new(0, 1);
    let mut first = |seen: Seen<'_>| match seen {
        Seen::Broken { source, place, error } => {
            let Stand { what, path, offset } = place();
            counting[source].broken(&what, path, offset, &error);
        }
        Seen::Clear { source, key, committed } => counting[source].clear_row(key, committed),
        Seen::Sealed(sighting) => {
            // What does not open says nothing: a changed bit may stand in its header as well.
            if !count(&sources[sighting.source], &mut counting[sighting.source], &sighting) {
                return;
            }
            if let Some(own) = &mut own[sighting.source] {
                own.add(&sighting.envelope, || (sighting.place)().to_string());
            }
            registered[sighting.source].add(&sighting.envelope, || (sighting.place)().to_string());
            if let Some(used) = Used::of(&sighting.envelope) {
                set.add(&used);
            }
        }
    };
    let mut incomplete: Vec<_> = sources.iter().map(is_cut).collect();
    let mut payloads = Vec::new();
    for (source, incomplete) in sources.iter().zip(&mut incomplete) {
        payloads.push(whole_payloads(source, run, &mut audited.coverage, incomplete)?);
    }
    let mut walk =
        Walk { sources, payloads: &payloads, whole: true, incomplete: &mut incomplete, coverage: &mut audited.coverage };
    walk.run(run, &mut first)?;
    walk.whole = false;
    let suspects = suspects(set, &mut walk, run)?;
    let lookup = match &suspects {
        Some(found) if found.reused > 0 => {
            let mut lookup = Lookup::new(&found.nonces);
            let mut visit = |seen: Seen<'_>| {
                if let Seen::Sealed(sighting) = seen
                    && let Some(used) = Used::of(&sighting.envelope)
                {
                    lookup.add(&used, || (sighting.place)().to_string());
                }
            };
            walk.run(run, &mut visit)?;
            Some((lookup, found))
        }
        _ => None,
    };
    for ((((source, counting), registered), own), incomplete) in
        sources.iter().zip(counting).zip(registered).zip(own).zip(incomplete)
    {
        let store = format!("{}/fsm.db", source.name);
        let sidecar = source.keys.and_then(Keys::accepted);
        let (census, findings) = counting.finish(sidecar, &source.name, !incomplete, &mut audited.coverage);
        if let Some(keys) = source.keys.filter(|keys| keys.sidecar == SidecarFile::Absent && census.envelopes > 0) {
            let what = format!("what {} in {} hold", Count(census.envelopes, "envelope"), source.name);
            audited.coverage.missing(what, format!("there is no sidecar at {}", keys.display()));
        } else if source.keys.is_some_and(|keys| keys.has_kek() && !keys.opens()) {
            let what = format!("what is sealed in {}", source.name);
            audited.coverage.missing(what, "nothing is opened when the KEK does not open every key of the sidecar");
        }
        audited.census.push(Some(census));
        audited.findings.extend(findings);
        if let Some((own, keys)) = own.zip(source.facts.keys.as_deref()) {
            audited.findings.extend(own.findings(&keys.display()));
        }
        // What the store has registered is not known when its rows are not.
        if source.rows && ServerVersion::ALL.into_iter().any(|version| source.facts.knows_registry(version)) {
            audited.findings.extend(registered.findings(&store));
        }
    }
    if suspects.is_none() {
        audited.coverage.missing("the nonces of all envelopes", "there are more than the memory of the audit holds");
    }
    if let Some((lookup, found)) = lookup {
        audited.findings.extend(lookup.findings(found.reused).into_iter().map(|finding| match sources {
            [source] => finding.at(source.name.clone()),
            _ => finding,
        }));
    }
    Ok(audited)
}

/// True when entries of the log may not have been seen.
fn is_cut(source: &Source<'_>) -> bool {
    let version = ServerVersion::NEWEST;
    let group = &source.facts.group;
    // A store or log that is gone may have held anything.
    let gone = group.store.store.presence != StorePresence::Directory || group.log.is_none();
    !source.rows
        || gone
        || group.log.as_ref().is_some_and(|scan| scan.segments.iter().any(|segment| !segment.trace(version).stop.is_end()))
}

/// The keys that open what is sealed in a source.
fn opening<'s>(source: &Source<'s>) -> Option<&'s Keys> {
    source.keys.filter(|keys| keys.opens())
}

/// Counts an envelope and opens it, if it can be tried; false when it is not authentic.
fn count(source: &Source<'_>, counting: &mut Counting, sighting: &Sighting<'_>) -> bool {
    counting.add(sighting.holder, &sighting.envelope);
    let Some(keys) = opening(source) else { return true };
    let opened = match sighting.whole {
        Whole::Entry(payload) => open_raft(&keys.ring, payload),
        Whole::Row { cut: true, .. } => return true,
        Whole::Row { key, value, .. } => open_value(&keys.ring, key, value),
    };
    match opened {
        Ok(_) => {
            counting.opened();
            true
        }
        Err(error) => {
            let Stand { what, path, offset } = (sighting.place)();
            counting.failed(&what, path, offset, &sighting.envelope, &error);
            !error.is_damage()
        }
    }
}

/// Nonces that seem to have been used twice. `set` holds those of all envelopes, if they fit; `None` when there are too many.
fn suspects(set: NonceSet, walk: &mut Walk<'_>, run: &Run<'_>) -> Result<Option<Suspects>> {
    let Some(mut parts) = set.parts_needed() else { return Ok(Some(set.suspects())) };
    drop(set);
    while parts <= MOST_PARTS {
        if let Some(all) = in_parts(parts, walk, run)? {
            return Ok(Some(all));
        }
        parts *= 2;
    }
    Ok(None)
}

/// One reading a part; `None` when a part does not fit.
fn in_parts(parts: u64, walk: &mut Walk<'_>, run: &Run<'_>) -> Result<Option<Suspects>> {
    let mut all = Suspects::default();
    for part in 0..parts {
        let mut set = NonceSet::new(part, parts);
        let mut visit = |seen: Seen<'_>| {
            if let Seen::Sealed(sighting) = seen
                && let Some(used) = Used::of(&sighting.envelope)
            {
                set.add(&used);
            }
        };
        walk.run(run, &mut visit)?;
        if set.parts_needed().is_some() {
            return Ok(None);
        }
        all.absorb(set.suspects());
    }
    Ok(Some(all))
}

//! Every envelope in log, store and retained payloads of a group, or of one group on several nodes: counted, opened where the keys
//! are at hand, and audited for nonces that were used twice, which needs no key.

mod history;
mod ledger;
mod reused;
mod walk;

use history::LogHistory;
use ledger::Ledger;
use walk::{Walk, whole_payloads};

use crate::analysis::judge::envelopes::EnvelopeCensus;
use crate::analysis::judge::nonces::{NonceSet, shared_prefixes};
use crate::analysis::server::StartFacts;
use crate::analysis::{Coverage, Finding};
use crate::error::Result;
use crate::readers::keys::Keys;
use crate::readers::pebble::StorePresence;
use crate::readers::source::Run;
use crate::types::ServerVersion;

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
pub(super) fn audit(sources: &[Source<'_>], run: &Run<'_>) -> Result<Audited> {
    let mut audited = Audited::default();
    let Some(histories) = histories(sources, &mut audited) else {
        audited.census = sources.iter().map(|_| None).collect();
        return Ok(audited);
    };
    let mut ledgers: Vec<_> = sources.iter().zip(histories).map(|(source, history)| Ledger::new(source, history)).collect();
    let mut incomplete: Vec<_> = sources.iter().map(is_cut).collect();
    let mut payloads = Vec::new();
    for (source, incomplete) in sources.iter().zip(&mut incomplete) {
        payloads.push(whole_payloads(source, run, &mut audited.coverage, incomplete)?);
    }
    let mut walk =
        Walk { sources, payloads: &payloads, whole: true, incomplete: &mut incomplete, coverage: &mut audited.coverage };
    let mut set = NonceSet::new(0, 1);
    walk.run(run, &mut |seen| ledgers[seen.source()].see(seen, &mut set))?;
    walk.whole = false;
    let reused = reused::look_up(set, &mut walk, run)?;
    for (ledger, incomplete) in ledgers.into_iter().zip(incomplete) {
        ledger.finish(!incomplete, &mut audited);
    }
    match reused {
        None => {
            audited.coverage.missing("the nonces of all envelopes", "there are more than half of --memory holds in 32 readings");
        }
        Some(findings) => audited.findings.extend(findings.into_iter().map(|finding| match sources {
            [source] => finding.at(source.name.clone()),
            _ => finding,
        })),
    }
    Ok(audited)
}

/// What each log tells, with what is wrong in it; `None` where nothing is a sign of encryption.
fn histories(sources: &[Source<'_>], audited: &mut Audited) -> Option<Vec<LogHistory>> {
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
        writers.extend(history.registered.keys().chain(source.facts.registry().keys()).copied());
        histories.push(history);
    }
    if !encrypted && writers.is_empty() {
        return None;
    }
    let place = sources.first().map(|source| format!("{}/fsm.db", source.name)).unwrap_or_default();
    audited.findings.extend(shared_prefixes(writers, &place));
    Some(histories)
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

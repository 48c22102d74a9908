//! Do the envelopes and payloads of a group belong together?

use std::collections::HashSet;

use super::envelope::{VerifiedEnvelope, verify_envelope};
use super::payload::{Examined, PayloadToken, Subject, VerifiedPayload, verify_payload};
use crate::analysis::judge::codes::snapshot as codes;
use crate::analysis::{Coverage, Finding, Verdict};
use crate::formats::fsm::FsmName;
use crate::formats::snap::{SnapshotData, SnapshotToken};
use crate::readers::sealed_rows::OpenedRows;
use crate::readers::{Depth, FsmFacts, PayloadEntry, SnapEntry, SnapshotSet};
use crate::types::{LogIndex, ServerVersion};

/// Everything that is to be said about a set of snapshots.
#[derive(Debug, Clone, Default)]
pub struct VerifiedSet {
    /// The `.snap` files, highest name first.
    pub envelopes: Vec<VerifiedEnvelope>,
    /// The payloads, and those that a token misses, by path.
    pub payloads: Vec<VerifiedPayload>,
    /// What is wrong or worth knowing.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub coverage: Coverage,
}

/// How a set was read.
#[derive(Debug, Clone, Copy)]
pub struct SetRequest<'r> {
    /// How closely.
    pub depth: Depth,
    /// Only these `.snap` names, and what they point at.
    pub only: Option<&'r [String]>,
}

impl VerifiedSet {
    /// A set of one envelope.
    pub fn of_envelope(examined: Examined<VerifiedEnvelope>) -> Self {
        let Examined { view, findings, coverage } = examined;
        Self { envelopes: vec![view], payloads: Vec::new(), findings, coverage }
    }

    /// Adds another set, which belongs to `group`.
    pub fn absorb(&mut self, other: Self, group: Option<&str>) {
        let named = || group.map(str::to_owned);
        self.envelopes.extend(other.envelopes.into_iter().map(|view| VerifiedEnvelope { group: named(), ..view }));
        self.payloads.extend(other.payloads.into_iter().map(|view| VerifiedPayload { group: named(), ..view }));
        self.findings.extend(other.findings.into_iter().map(|finding| Finding { group: named(), ..finding }));
        self.coverage.absorb(other.coverage);
    }
}

/// Judges a payload that was named by itself: nothing says which token means it, unless the caller does.
pub fn verify_lone_payload(subject: &Subject<'_>) -> VerifiedSet {
    let Examined { mut view, mut findings, mut coverage } = verify_payload(subject);
    let odd = |finding: Finding| finding.at(&subject.path).found(subject.name);
    // A word that happens to be hexadecimal is no index.
    match FsmName::parse(subject.name).filter(|name| subject.name.len() == FsmName::of(name.index).len()) {
        Some(name) => {
            if !name.canonical {
                let message = format!("No start opens a payload under this spelling of index {}.", name.index);
                findings.push(odd(Finding::new(&codes::FSM_ODD_NAME, message)).expected(FsmName::of(name.index)));
            }
            if let Some(token) = subject.token.as_ref().and_then(|token| token.index)
                && token != name.index
            {
                let message = format!("The token is that of index {token}, the file name says {}.", name.index);
                findings.push(odd(Finding::new(&codes::SNAP_IDENTITY_MISMATCH, message)).expected(FsmName::of(token)));
            }
        }
        None if subject.name.to_ascii_lowercase().ends_with(".fsm") => {
            findings.push(odd(Finding::new(&codes::FSM_ODD_NAME, "No start opens a payload under this name.")));
        }
        None => {}
    }
    if subject.token.is_none() {
        coverage.skipped("the token", "verify-snapshot takes it with --token or --token-crc; or name the group directory");
    }
    view.verdict = Verdict::of(&findings, &coverage);
    VerifiedSet { envelopes: Vec::new(), payloads: vec![view], findings, coverage }
}

/// Judges a set; `base` is the directory for people.
pub fn verify_set(set: &SnapshotSet, base: &str, request: SetRequest<'_>) -> VerifiedSet {
    let live = set.snap.as_ref().map(|dir| dir.live_indexes(ServerVersion::NEWEST)).unwrap_or_default();
    let mut judge = Judge { set, base, request, verified: VerifiedSet::default(), seen: HashSet::new(), live };
    for (number, entry) in judge.entries().enumerate() {
        judge.envelope(entry, number == 0);
    }
    for entry in &set.payloads {
        judge.unnamed_payload(entry);
    }
    if request.only.is_none() {
        judge.leftovers();
        judge.all_lost();
    }
    let mut verified = judge.verified;
    if request.only.is_none() && verified.envelopes.is_empty() && verified.payloads.is_empty() {
        verified.coverage.missing(base, "no snapshot was found there");
    }
    verified.payloads.sort_by(|a, b| a.path.cmp(&b.path));
    verified
}

struct Judge<'s> {
    set: &'s SnapshotSet,
    base: &'s str,
    request: SetRequest<'s>,
    verified: VerifiedSet,
    /// Payload names that a token has named.
    seen: HashSet<String>,
    /// Indexes whose payloads a start keeps, ascending.
    live: Vec<LogIndex>,
}

impl<'s> Judge<'s> {
    fn entries(&self) -> impl Iterator<Item = &'s SnapEntry> + use<'s> {
        let only = self.request.only;
        let snaps = self.set.snap.as_ref().map(|dir| dir.snaps.as_slice()).unwrap_or_default();
        snaps.iter().filter(move |entry| only.is_none_or(|only| only.contains(&entry.name)))
    }

    fn path(&self, prefix: &str, name: &str) -> String {
        format!("{}/{prefix}{name}", self.base.trim_end_matches('/'))
    }

    fn purged(&self, name: &str) -> bool {
        self.set.purged.contains(name)
    }

    fn envelope(&mut self, entry: &'s SnapEntry, highest: bool) {
        let path = self.path(self.set.snap_prefix, &entry.name);
        if self.purged(&entry.name) {
            self.verified.coverage.skipped(path, "retention removed it while the directory was read");
            if let Ok(content) = entry.read(ServerVersion::NEWEST)
                && let SnapshotData::Token(token) = content.data
            {
                self.seen.insert(FsmName::of(token.index));
            }
            return;
        }
        let older_intact = highest && self.entries().skip(1).any(|older| older.read(ServerVersion::NEWEST).is_ok());
        let examined = verify_envelope(entry, &path, older_intact);
        let source = format!("{}{}", self.set.snap_prefix, entry.name);
        if let Some(token) = examined.view.token {
            self.named_payload(token, source);
        }
        self.verified.envelopes.push(examined.view);
        self.verified.findings.extend(examined.findings);
        self.verified.coverage.absorb(examined.coverage);
    }

    /// The payload that a token names.
    fn named_payload(&mut self, token: SnapshotToken, source: String) {
        let name = FsmName::of(token.index);
        if self.request.only.is_none() && self.set.payloads.is_empty() && self.set.fsm_prefix.is_empty() {
            // A folder of envelopes alone.
            let why = "this folder holds no payloads; name the group directory";
            self.verified.coverage.skipped(format!("payload {name}"), why);
            return;
        }
        let set = self.set;
        let (facts, opened) =
            set.payload(token.index).map_or((&FsmFacts::Absent, None), |entry| (&entry.facts, entry.opened.as_ref()));
        let view = PayloadToken { source, index: Some(token.index), crc32c: token.crc32c };
        self.payload(&name, facts, opened, Some(view), false);
        self.seen.insert(name);
    }

    /// A payload that no readable token names.
    fn unnamed_payload(&mut self, entry: &PayloadEntry) {
        if self.seen.contains(&entry.name) {
            return;
        }
        if self.set.snap.is_none() && self.set.snap_prefix.is_empty() {
            // A folder of payloads alone: there is nothing to hold them against.
            self.payload(&entry.name, &entry.facts, entry.opened.as_ref(), None, false);
            return;
        }
        let path = self.path(self.set.fsm_prefix, &entry.name);
        match entry.id {
            Some(FsmName { index, canonical: true }) => {
                let live = self.live(index);
                if !live {
                    let message =
                        "No .snap file names this payload. A crash between the two leaves it; the next start deletes it.";
                    self.find(Finding::new(&codes::SNAP_ORPHAN, message).at(path));
                }
                self.payload(&entry.name, &entry.facts, entry.opened.as_ref(), None, !live);
            }
            Some(FsmName { index, canonical: false }) => {
                let fate = if self.live(index) { "left alone" } else { "deleted by the next start" };
                let message = format!("No start opens a payload under this spelling of index {index}; the file is {fate}.");
                self.find(Finding::new(&codes::FSM_ODD_NAME, message).at(path).expected(FsmName::of(index)).found(&entry.name));
                self.payload(&entry.name, &entry.facts, entry.opened.as_ref(), None, true);
            }
            None => {
                let message = "The name is no index: servers neither open nor delete this file.";
                self.find(Finding::new(&codes::FSM_ODD_NAME, message).at(path).found(&entry.name));
                self.payload(&entry.name, &entry.facts, entry.opened.as_ref(), None, true);
            }
        }
    }

    fn live(&self, index: LogIndex) -> bool {
        self.live.binary_search(&index).is_ok()
    }

    fn payload(
        &mut self,
        name: &str,
        facts: &FsmFacts,
        opened: Option<&OpenedRows>,
        token: Option<PayloadToken>,
        expendable: bool,
    ) {
        let path = self.path(self.set.fsm_prefix, name);
        let subject = Subject { path, name, facts, opened, token, expendable, depth: self.request.depth };
        let examined = verify_payload(&subject);
        self.verified.payloads.push(examined.view);
        self.verified.findings.extend(examined.findings);
        self.verified.coverage.absorb(examined.coverage);
    }

    fn leftovers(&mut self) {
        for name in &self.set.leftovers {
            let message = "A payload that was being written or received when the process stopped; the next start deletes it.";
            self.find(Finding::new(&codes::SNAP_ORPHAN, message).at(self.path("", name)));
        }
        for entry in self.set.snap.as_ref().map(|dir| dir.others.as_slice()).unwrap_or_default() {
            let what = if entry.name.ends_with(".snap.broken") {
                "An envelope that a start could not read and put aside; it is ignored for ever."
            } else if entry.name.starts_with("db.tmp") || entry.name.ends_with(".snap.db") {
                "A leftover that elastickv never writes; etcd's library deletes it."
            } else {
                continue;
            };
            self.find(Finding::new(&codes::SNAP_ORPHAN, what).at(self.path(self.set.snap_prefix, &entry.name)));
        }
    }

    /// One payload without envelope is a crash; several without any are not.
    fn all_lost(&mut self) {
        let payloads = self.set.payloads.iter().filter(|entry| entry.id.is_some_and(|id| id.canonical)).count();
        let no_envelope = self.set.snap.as_ref().is_none_or(|dir| dir.snaps.is_empty());
        if no_envelope && payloads > 1 && !self.set.snap_prefix.is_empty() {
            let message = format!("There are {payloads} payloads and not a single envelope: the next start deletes all of them.");
            let path = self.path(self.set.snap_prefix.trim_end_matches('/'), "");
            self.find(Finding::new(&codes::SNAP_ALL_LOST, message).at(path).expected("a .snap file each").found("none"));
        }
    }

    fn find(&mut self, finding: Finding) {
        self.verified.findings.push(finding);
    }
}

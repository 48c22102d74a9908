//! The payload of a manifest: is it there, is it whole, is it the node's, is it a snapshot?

use std::collections::{HashMap, HashSet};

use super::as_file::as_file;
use super::manifest::quoted;
use super::{Judge, JudgedPayload, KnownContents};
use crate::analysis::judge::codes::offload as codes;
use crate::analysis::judge::codes::snapshot::FSM_AHEAD_OF_INDEX;
use crate::analysis::judge::snapshot::{Examined, ahead_of_index};
use crate::analysis::{Coverage, Finding, Severity, Verdict};
use crate::formats::fsm::FOOTER_LEN;
use crate::formats::offload::Manifest;
use crate::readers::offload::{ManifestObject, ObjectFacts, ObjectRead, OffloadStore, PayloadObject, RecordedDigest, Sums};
use crate::readers::{Depth, FileChange};
use crate::types::{Crc32c, LogIndex, Sha256Sum};

impl Judge<'_> {
    /// Judges the payload that `manifest` names. `key` is its key as the server uses it; absent when that names nothing.
    pub(super) fn payload(&mut self, object: &ManifestObject, manifest: &Manifest, key: Option<&str>) -> Option<JudgedPayload> {
        let path = self.shown(&object.key);
        let missing = |message: String| Finding::new(&codes::OFFLOAD_PAYLOAD_MISSING, message);
        let Some(key) = key else {
            let message = format!("The key of the payload, {}, names nothing in a store.", quoted(&manifest.payload.key));
            self.findings.push(missing(message).at(path));
            return None;
        };
        let usual = manifest.usual_payload_key(&object.prefix);
        if key != usual {
            let message = format!("The payload with this digest would lie under {}.", quoted(&usual));
            let finding = Finding::new(&codes::OFFLOAD_PAYLOAD_KEY, message).at(&path);
            // A manifest that was moved still names the payload of its old place.
            let moved = !manifest.is_at(&object.key);
            if !moved {
                self.findings.push(finding.expected(&usual).found(key));
            }
        }
        let payload = self.store.payloads.get(key)?;
        let shown = self.shown(key);
        match &payload.read {
            ObjectRead::Absent if !self.store.is_within(key) => {
                self.coverage.missing(key, "the payload lies outside of what was named; name the directory of the whole store");
                None
            }
            ObjectRead::Absent => {
                let message =
                    format!("The store has no object {}. {}", quoted(key), self.same_bytes(manifest.payload.sha256, key));
                self.findings.push(missing(message).at(path));
                None
            }
            ObjectRead::Impossible(why) => {
                let message = format!("No object can lie under {}: {why}.", quoted(key));
                self.findings.push(missing(message).at(path));
                None
            }
            ObjectRead::NotRegular => {
                let message = "Something that is no file stands under the key of the payload; a restore is refused.";
                self.findings.push(missing(message.to_owned()).at(shown));
                None
            }
            ObjectRead::Unreadable(why) => {
                self.coverage.missing(shown, format!("it cannot be read: {why}"));
                None
            }
            ObjectRead::NotAsked => {
                self.coverage.skipped(shown, "only the newest snapshot of each group was asked for");
                None
            }
            ObjectRead::Object(facts) => Some(self.object(manifest, key, payload, facts)),
        }
    }

    /// Where the bytes of a payload that is missing lie, if they do.
    fn same_bytes(&self, digest: Sha256Sum, key: &str) -> String {
        if let Some(other) = self.by_digest.get(&digest).filter(|other| **other != key) {
            return format!("Its bytes lie under {}: copy them back.", quoted(other));
        }
        let by_name = self.by_name.get_or_init(|| by_name(self.store));
        if let Some(other) = by_name.get(&digest).filter(|other| **other != key) {
            return format!("An object that goes by its digest lies under {}; its bytes were not read.", quoted(other));
        }
        let all_read = by_name.is_empty();
        let has = if all_read { "has its digest" } else { "goes by its digest" };
        format!("Nothing else in the store {has}.")
    }

    /// What the store keeps beside an object is not what a restore wants to see there. `stated` is the digest in the manifest; absent
    /// where what is kept is no digest at all.
    pub(super) fn metadata(&mut self, shown: &str, stated: Option<(Sha256Sum, Sha256Sum)>) {
        let finding = match stated {
            Some((stated, recorded)) => {
                let message = "The digest that the store keeps beside the object is not the one in the manifest; a restore refuses the \
                               object before it reads it.";
                Finding::new(&codes::OFFLOAD_METADATA, message).expected(stated).found(recorded)
            }
            None => {
                let message = "The store keeps something beside the object that should be its digest and is none; the server cannot read \
                               the object.";
                Finding::new(&codes::OFFLOAD_METADATA, message)
            }
        };
        self.findings.push(finding.at(shown));
    }

    fn object(&mut self, manifest: &Manifest, key: &str, payload: &PayloadObject, facts: &ObjectFacts) -> JudgedPayload {
        let shown = self.shown(key);
        let stated = &manifest.payload;
        let unknown = JudgedPayload { verdict: Verdict::Unknown, applied_index: None, rows: None };
        if let Some(why) = unsettled(facts) {
            self.coverage.missing(shown, why);
            return unknown;
        }
        let sums = facts.sums;
        match payload.recorded {
            Some(RecordedDigest::Invalid) => self.metadata(&shown, None),
            Some(RecordedDigest::Sha256(recorded)) if recorded != stated.sha256 => {
                self.metadata(&shown, Some((stated.sha256, recorded)));
            }
            Some(RecordedDigest::Sha256(_)) | None => {}
        }
        if facts.size != stated.bytes {
            let message = format!("The manifest says {} bytes; a restore refuses the object before it reads it.", stated.bytes);
            let finding = Finding::new(&codes::OFFLOAD_PAYLOAD_SIZE, message).at(&shown);
            self.findings.push(finding.expected(stated.bytes).found(facts.size));
        } else if let Some(sums) = sums.filter(|sums| sums.sha256 != stated.sha256) {
            let message = match payload.digest {
                Some(named) if named == sums.sha256 => {
                    "The object is what its own name says; the manifest means another one.".to_owned()
                }
                _ => "Bytes of the object changed after it was published; a restore refuses it.".to_owned(),
            };
            let finding = Finding::new(&codes::OFFLOAD_PAYLOAD_DIGEST, message).at(&shown);
            self.findings.push(finding.expected(stated.sha256).found(sums.sha256));
        } else if let Some(sums) = sums {
            self.source(manifest, sums, &shown);
        }
        self.contents(key, manifest.snapshot_index, facts, sums.is_some_and(|sums| sums.sha256 == stated.sha256))
    }

    /// The checksum of the file that the payload was taken from.
    fn source(&mut self, manifest: &Manifest, sums: Sums, shown: &str) {
        let stated = manifest.payload.source_crc32c;
        if stated != Crc32c(0) && stated != sums.crc32c {
            let message = format!(
                "The manifest says that the .fsm file had the checksum {stated}; with the footer that a restore computes it has {}.",
                sums.crc32c
            );
            let finding = Finding::new(&codes::OFFLOAD_SOURCE_CRC, message).at(shown);
            self.findings.push(finding.expected(stated).found(sums.crc32c));
        }
    }

    /// What is in the payload: judged once, whoever names it, but for the index under which a manifest files it. Of bytes that are not the
    /// published ones nothing is said.
    fn contents(&mut self, key: &str, index: LogIndex, facts: &ObjectFacts, whole: bool) -> JudgedPayload {
        let shown = self.shown(key);
        let is_published = whole || facts.sums.is_none();
        if let Some(judged) = self.payloads.get(key).filter(|_| is_published) {
            let mut judged = judged.clone();
            if let Some(ahead) = judged.applied_index.and_then(|applied| ahead_of_index(applied, index)) {
                judged.verdict = judged.verdict.worse(Verdict::of(std::slice::from_ref(&ahead), &Coverage::default()));
                self.findings.push(ahead.at(shown));
            }
            return judged;
        }
        let (findings, coverage) = (std::mem::take(&mut self.findings), std::mem::take(&mut self.coverage));
        let mut judged = JudgedPayload { verdict: Verdict::Clean, applied_index: None, rows: None };
        match facts.sums {
            Some(_) if !whole => self.coverage.add_file(facts.bytes_read),
            Some(sums) if sums.has_footer => {
                self.coverage.add_file(facts.bytes_read);
                let at = facts.size - FOOTER_LEN as u64;
                let message = "The last four bytes are the checksum of all before them: this is a .fsm file with its footer.";
                let finding = Finding::new(&codes::OFFLOAD_PAYLOAD_FOOTER, message).at(&shown);
                self.findings.push(finding.range(at, FOOTER_LEN as u64));
            }
            Some(_) if self.known(key).is_some() => self.adopt(key, index, facts, &mut judged),
            None if self.request.depth > Depth::Header => {
                let why = match self.request.since {
                    Some(since) => format!("no run has read it as it is now since {since}"),
                    None => "no run has read it as it is now".to_owned(),
                };
                self.coverage.missing(format!("payload of {shown}"), why);
                judged.verdict = Verdict::Unknown;
            }
            sums => {
                let Examined { view, findings, coverage } = as_file(&shown, index, facts, sums, self.request.depth);
                (judged.applied_index, judged.rows) = (view.applied_index, view.rows);
                self.findings.extend(findings);
                self.coverage.absorb(coverage);
            }
        }
        judged.verdict = Verdict::of(&self.findings, &self.coverage);
        if let Some(key) = self.shared.get(key).copied().filter(|_| is_published) {
            let of_any_index: Vec<_> = self.findings.iter().filter(|it| it.code != &FSM_AHEAD_OF_INDEX).cloned().collect();
            let verdict = Verdict::of(&of_any_index, &self.coverage);
            self.payloads.insert(key, JudgedPayload { verdict, ..judged.clone() });
        }
        self.merge((findings, coverage));
        judged
    }

    fn known(&self, key: &str) -> Option<&KnownContents> {
        self.known?.get(key)
    }

    /// What an earlier run found in the payload, under the index of this manifest.
    fn adopt(&mut self, key: &str, index: LogIndex, facts: &ObjectFacts, judged: &mut JudgedPayload) {
        let (shown, known) = (self.shown(key), self.known(key).cloned().unwrap_or_default());
        self.coverage.add_file(facts.bytes_read);
        self.findings.extend(known.findings(&shown));
        self.coverage.not_examined.extend(known.not_examined());
        (judged.applied_index, judged.rows) = (known.applied_index(), known.rows());
        let ahead = known.applied_index().and_then(|applied| ahead_of_index(applied, index));
        self.findings.extend(ahead.map(|finding| finding.at(shown)));
    }

    /// A payload that no manifest names, held against its own name.
    pub(super) fn orphan(&mut self, key: &str, payload: &PayloadObject) {
        let shown = self.shown(key);
        match &payload.read {
            ObjectRead::NotAsked => {}
            ObjectRead::Absent => self.coverage.missing(shown, "it vanished while the store was read"),
            ObjectRead::NotRegular | ObjectRead::Impossible(_) => {
                self.coverage.skipped(shown, "something that is no file stands where a payload would");
            }
            ObjectRead::Unreadable(why) => self.coverage.missing(shown, format!("it cannot be read: {why}")),
            ObjectRead::Object(facts) => {
                if let Some(why) = unsettled(facts) {
                    self.coverage.missing(shown, why);
                    return;
                }
                self.coverage.add_file(facts.bytes_read);
                if let (Some(named), Some(sums)) = (payload.digest, facts.sums)
                    && named != sums.sha256
                {
                    let message =
                        "The object is not what its name says. No manifest names it; a publish of the same snapshot would.";
                    let finding = Finding::new(&codes::OFFLOAD_PAYLOAD_DIGEST, message).severity(Severity::Warning).at(shown);
                    self.findings.push(finding.expected(named).found(sums.sha256));
                }
            }
        }
    }
}

/// The keys of payloads that more than one manifest names.
pub(super) fn shared<'s>(store: &'s OffloadStore, manifests: &[ManifestObject]) -> HashSet<&'s str> {
    let (mut once, mut shared) = (HashSet::new(), HashSet::new());
    for key in named(store, manifests) {
        if !once.insert(key) {
            shared.insert(key);
        }
    }
    shared
}

/// The keys of the payloads that manifests name, of those that are known.
pub(super) fn named<'s>(store: &'s OffloadStore, manifests: &[ManifestObject]) -> impl Iterator<Item = &'s str> {
    let named = manifests.iter().filter_map(|it| OffloadStore::key_of(&it.read.manifest()?.payload.key));
    named.filter_map(|key| store.payloads.get_key_value(&key).map(|(key, _)| key.as_str()))
}

/// A payload with each digest, of those that were read.
pub(super) fn by_digest(store: &OffloadStore) -> HashMap<Sha256Sum, &str> {
    let known = store.payloads.iter().filter_map(|(key, payload)| Some((sums(&payload.read)?.sha256, key.as_str())));
    known.collect()
}

/// A payload that goes by each digest, of those whose bytes were not read.
pub(super) fn by_name(store: &OffloadStore) -> HashMap<Sha256Sum, &str> {
    let unread = store.payloads.iter().filter(|(_, payload)| sums(&payload.read).is_none());
    let there = unread.filter(|(_, payload)| matches!(payload.read, ObjectRead::Object(_) | ObjectRead::NotAsked));
    there.filter_map(|(key, payload)| Some((payload.digest?, key.as_str()))).collect()
}

/// The digests, if the object was read to its end and nobody changed it.
fn sums(read: &ObjectRead) -> Option<Sums> {
    match read {
        ObjectRead::Object(facts) => facts.sums.filter(|_| unsettled(facts).is_none()),
        _ => None,
    }
}

pub(super) fn unsettled(facts: &ObjectFacts) -> Option<String> {
    if let Some(why) = &facts.unread {
        return Some(format!("it could not be read to its end: {why}"));
    }
    let what = match facts.change? {
        FileChange::Shrunk { at } => return Some(format!("it was cut to {at} bytes while it was read")),
        FileChange::Grown => "it grew",
        FileChange::Modified => "it was written to",
        FileChange::Replaced => "another object took its key",
        FileChange::Vanished => "it was removed",
    };
    Some(format!("{what} while it was read"))
}

//! One manifest: what the server says to it, and what the server does not look at.

use std::collections::HashSet;

use super::{Judge, OffloadPayload, PARTS, VerifiedOffload};
use crate::analysis::judge::codes::offload as codes;
use crate::analysis::server::offload::restore;
use crate::analysis::{Coverage, Finding, Verdict};
use crate::formats::offload::{Manifest, cleaned_key};
use crate::readers::offload::{ManifestObject, ManifestRead, ObjectRead, OffloadStore, RecordedDigest};
use crate::types::{Crc32c, go_quoted};

impl Judge<'_> {
    /// Judges one manifest with its payload.
    pub(super) fn manifest(&mut self, object: &ManifestObject) -> VerifiedOffload {
        // What is said of this one alone decides its verdict.
        let outer = (std::mem::take(&mut self.findings), std::mem::take(&mut self.coverage));
        let key = object.read.manifest().and_then(|manifest| OffloadStore::key_of(&manifest.payload.key));
        let payload = key.as_deref().and_then(|key| self.store.payloads.get(key));
        let path = key.as_deref().and_then(|key| self.store.path_of(key));
        let forecast = restore(object, payload.map(|payload| (payload, path.as_deref())));
        let manifest = object.read.manifest();
        let mut view = VerifiedOffload {
            manifest_key: object.key.clone(),
            path: self.shown(&object.key),
            group_id: object.group(),
            snapshot_index: manifest.map(|it| it.snapshot_index).or(object.name.map(|name| name.index)),
            snapshot_term: manifest.map(|it| it.snapshot_term).or(object.name.map(|name| name.term)),
            source_cluster: manifest.map(|it| it.source_cluster.clone()).filter(|name| !name.is_empty()),
            created_at: manifest.and_then(|it| it.created_at.to_rfc3339().ok()),
            created_ms: manifest.and_then(|it| it.created_at.unix_millis()),
            conf_state: manifest.map(|it| it.conf_state.clone()),
            binary_version: manifest.map(|it| it.binary_version.clone()).filter(|name| !name.is_empty()),
            as_written: match &object.read {
                ManifestRead::Accepted { as_written, .. } => Some(*as_written),
                _ => None,
            },
            payload: manifest.map(|it| of_manifest(it, payload.map(|payload| &payload.read))),
            restore: forecast,
            verdict: Verdict::Clean,
        };
        let mut below = Verdict::Clean;
        self.coverage.add_file(object.size);
        if object.recorded == Some(RecordedDigest::Invalid) {
            self.metadata(&view.path, None);
        }
        match &object.read {
            ManifestRead::Accepted { manifest, .. } => {
                self.place(object, manifest);
                if let Some(judged) = self.payload(object, manifest, key.as_deref()) {
                    below = judged.verdict;
                    if let Some(payload) = &mut view.payload {
                        (payload.applied_index, payload.rows) = (judged.applied_index, judged.rows);
                    }
                }
            }
            ManifestRead::Refused(refusal) => {
                let message = format!("A restore by this key is refused: {refusal}.");
                self.findings.push(Finding::new(&codes::OFFLOAD_MANIFEST_REFUSED, message).at(&view.path));
            }
            ManifestRead::NotRegular => {
                let message = "Something that is no file stands where a manifest should be; a restore by this key is refused.";
                self.findings.push(Finding::new(&codes::OFFLOAD_MANIFEST_REFUSED, message).at(&view.path));
            }
            ManifestRead::Unreadable(why) => self.coverage.missing(&view.path, format!("it cannot be read: {why}")),
            ManifestRead::Unsettled => self.coverage.missing(&view.path, "it changed every time it was read"),
        }
        view.verdict = Verdict::of(&self.findings, &self.coverage).worse(below);
        self.merge(outer);
        view
    }

    /// Puts what is said now behind what was said before.
    pub(super) fn merge(&mut self, (findings, coverage): (Vec<Finding>, Coverage)) {
        let now = std::mem::replace(&mut self.findings, findings);
        self.findings.extend(now);
        let now = std::mem::replace(&mut self.coverage, coverage);
        self.coverage.absorb(now);
        // Not at the end alone: of a hundred thousand payloads the names of those that nobody read would take as much memory as they.
        if self.coverage.not_examined.len() > self.parts {
            self.coverage.cap();
            self.parts = PARTS.max(2 * self.coverage.not_examined.len());
        }
    }

    /// Where the manifest lies, and what it says of that.
    fn place(&mut self, object: &ManifestObject, manifest: &Manifest) {
        let path = self.shown(&object.key);
        if !manifest.is_at(&object.key) {
            let message = format!(
                "The manifest is whole and says that it lies under another key: a restore by this one is refused. {}",
                self.elsewhere(manifest)
            );
            let finding = Finding::new(&codes::OFFLOAD_MANIFEST_MOVED, message).at(path);
            self.findings.push(finding.expected(&manifest.manifest_key).found(&object.key));
            return;
        }
        let stated = (manifest.group_id, manifest.snapshot_index, manifest.snapshot_term);
        let words = |(group, index, term)| format!("group {group}, index {index}, term {term}");
        match object.name {
            Some(name) if (name.group, name.index, name.term) != stated => {
                let key = words((name.group, name.index, name.term));
                let message = format!("The key is that of {key}; a restore brings back {}.", words(stated));
                let finding = Finding::new(&codes::OFFLOAD_MANIFEST_IDENTITY, message).at(path);
                self.findings.push(finding.expected(key).found(words(stated)));
            }
            Some(_) => {}
            None => {
                let message = format!("No publisher gives a manifest this key; it describes {}.", words(stated));
                self.findings.push(Finding::new(&codes::OFFLOAD_MANIFEST_IDENTITY, message).at(path));
            }
        }
    }

    /// Whether the object of a manifest that was moved is also where it belongs.
    fn elsewhere(&self, manifest: &Manifest) -> &'static str {
        let at_home = self.at_home.contains(&cleaned_key(&manifest.manifest_key));
        if at_home { "The object that it names is there, too: this is a copy." } else { "Nothing that can be read lies there." }
    }
}

/// Where manifests that were moved say that they lie, as far as one that can be read lies there.
pub(super) fn at_home(manifests: &[ManifestObject]) -> HashSet<String> {
    let read = || manifests.iter().filter_map(|it| Some((it, it.read.manifest()?)));
    let moved = read().filter(|(object, it)| !it.is_at(&object.key));
    let mut homes: HashSet<_> = moved.map(|(_, it)| cleaned_key(&it.manifest_key)).collect();
    if !homes.is_empty() {
        let there: HashSet<_> = read().map(|(object, _)| object.key.as_str()).collect();
        homes.retain(|home| there.contains(home.as_str()));
    }
    homes
}

/// What a manifest says about its payload, beside what the payload is.
fn of_manifest(manifest: &Manifest, read: Option<&ObjectRead>) -> OffloadPayload {
    let facts = match read {
        Some(ObjectRead::Object(facts)) => Some(facts),
        _ => None,
    };
    let stated = &manifest.payload;
    let sums = facts.and_then(|facts| facts.sums).filter(|_| facts.is_some_and(|facts| facts.change.is_none()));
    // 0 is what stands there when the source had no checksum, unless the payload has that very one.
    let known = stated.source_crc32c != Crc32c(0) || sums.is_some_and(|sums| sums.crc32c == Crc32c(0));
    OffloadPayload {
        key: stated.key.clone(),
        bytes: stated.bytes,
        sha256: stated.sha256,
        source_crc32c: known.then_some(stated.source_crc32c),
        found_bytes: facts.map(|facts| facts.size),
        computed_sha256: sums.map(|sums| sums.sha256),
        computed_crc32c: sums.map(|sums| sums.crc32c),
        header: facts.and_then(|facts| facts.payload.header.ok()),
        body_format: facts.and_then(|facts| facts.payload.format),
        applied_index: None,
        rows: None,
    }
}

/// A key of the store in a sentence.
pub(super) fn quoted(key: &str) -> String {
    go_quoted(key.as_bytes())
}

//! The store as a whole: what belongs to nothing, what contradicts each other, and what could be restored.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::manifest::quoted;
use super::payload::named;
use super::{Judge, NewestOffload, OffloadGroup, OffloadStoreView, VerifiedOffload};
use crate::analysis::judge::codes::offload as codes;
use crate::analysis::{Finding, Severity, Verdict};
use crate::formats::offload::Manifest;
use crate::readers::offload::{ManifestObject, ManifestRead, PayloadObject};
use crate::types::{ByteSize, UnixMillis};

/// Names that are listed in one sentence.
const NAMED: usize = 3;

/// The prefix of each of many manifests, of which there are few.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    names: Vec<String>,
    numbers: HashMap<String, usize>,
    of: Vec<usize>,
}

impl Prefixes {
    pub(super) fn add(&mut self, prefix: &str) {
        let number = self.numbers.get(prefix).copied().unwrap_or_else(|| {
            self.names.push(prefix.to_owned());
            self.numbers.insert(prefix.to_owned(), self.names.len() - 1);
            self.names.len() - 1
        });
        self.of.push(number);
    }

    /// In the order in which they were added.
    fn iter(&self) -> impl Iterator<Item = &str> {
        self.of.iter().map(|number| self.names.get(*number).map_or("", String::as_str))
    }
}

/// How many manifests there are of each prefix and group.
pub(super) fn by_group(manifests: &[ManifestObject]) -> HashMap<(String, u64), usize> {
    let mut counts = HashMap::new();
    for it in manifests {
        if let Some(group) = it.group() {
            *counts.entry((it.prefix.clone(), group)).or_default() += 1;
        }
    }
    counts
}

/// The manifests that the server accepts.
fn readable(manifests: &[ManifestObject]) -> impl Iterator<Item = (&ManifestObject, &Manifest)> {
    manifests.iter().filter_map(|it| Some((it, it.read.manifest()?)))
}

impl Judge<'_> {
    /// Judges what no single one of the manifests shows, of which `wanted` were asked for. The groups are left to [`Self::groups`].
    pub(super) fn whole(&mut self, manifests: &[ManifestObject], wanted: usize) -> OffloadStoreView {
        let store = self.store;
        for (key, why) in &store.unlisted {
            self.coverage.missing(self.shown(key), why);
        }
        if !store.foreign.is_empty() {
            let what = format!(
                "{} of other kinds than objects of a store: {}",
                count(store.foreign.len(), "entry"),
                some(&store.foreign)
            );
            self.coverage.skipped(what, "nothing that the server writes has such a name");
        }
        if manifests.is_empty() {
            self.coverage.missing(self.display.clone(), "no manifest was found there");
        }
        if self.request.newest {
            let left = manifests.len().saturating_sub(wanted);
            if left > 0 {
                self.coverage.skipped(count(left, "older manifest"), "only the newest snapshot of each group was asked for");
            }
        }
        let orphans = self.orphans(manifests);
        self.temporaries();
        self.rewritten(manifests);
        self.members(manifests);
        self.clusters(manifests);
        self.two_payloads(manifests);
        self.order(manifests);
        OffloadStoreView {
            dir: self.display.clone(),
            key_base: store.base.clone(),
            manifests: manifests.len(),
            payloads: store.payloads.values().filter(|payload| payload.listed).count(),
            orphans,
            temporaries: store.temporaries.len(),
            other_entries: store.foreign.len(),
            groups: Vec::new(),
        }
    }

    /// Payloads that no manifest names, the young apart from the old.
    fn orphans(&mut self, manifests: &[ManifestObject]) -> usize {
        let named: HashSet<&str> = named(self.store, manifests).collect();
        let unread = manifests.iter().filter(|it| it.read.manifest().is_none()).count();
        let store = self.store;
        let orphans: Vec<_> = store.payloads.iter().filter(|(key, it)| it.listed && !named.contains(key.as_str())).collect();
        let fresh = |payload: &PayloadObject| {
            payload.modified.is_some_and(|modified| modified.0.saturating_add(self.request.grace_ms) >= self.request.now.0)
        };
        let (young, old): (Vec<_>, Vec<_>) = orphans.iter().copied().partition(|(_, payload)| fresh(payload));
        for (key, payload) in &orphans {
            self.orphan(key, payload);
        }
        self.say_orphans(&old, unread, "They are older than the time of grace", Severity::Warning);
        self.say_orphans(&young, unread, "They are young: a publish may be under way", Severity::Info);
        orphans.len()
    }

    fn say_orphans(&mut self, orphans: &[(&String, &PayloadObject)], unread: usize, why: &str, severity: Severity) {
        let Some((first, _)) = orphans.first() else { return };
        let bytes: u64 = orphans.iter().filter_map(|(_, payload)| payload.size()).fold(0, u64::saturating_add);
        let newest = orphans.iter().filter_map(|(_, payload)| payload.modified).max();
        let written = newest.map(|time| format!("; the newest was written {time}")).unwrap_or_default();
        let but = if unread > 0 {
            format!(" But {} could not be read and may name some of them.", count(unread, "manifest"))
        } else {
            String::new()
        };
        let are = if orphans.len() == 1 { "is" } else { "are" };
        let message =
            format!("{}, {}, {are} named by no manifest{written}. {why}.{but}", count(orphans.len(), "payload"), ByteSize(bytes));
        let message = if orphans.len() == 1 { message.replace("They are", "It is") } else { message };
        self.findings.push(Finding::new(&codes::OFFLOAD_ORPHAN, message).severity(severity).at(self.shown(first)));
    }

    fn temporaries(&mut self) {
        let left = &self.store.temporaries;
        let Some(first) = left.first() else { return };
        let linked = left.iter().filter(|it| it.linked.is_some()).count();
        // A second name takes no space.
        let bytes: u64 = left.iter().filter(|it| it.linked.is_none()).map(|it| it.size).fold(0, u64::saturating_add);
        let whole = match (linked, linked == left.len()) {
            (0, _) => String::new(),
            (1, true) => "; it is a second name of a whole object".to_owned(),
            (_, true) => "; all are second names of whole objects".to_owned(),
            (_, false) => format!("; {linked} of them are second names of whole objects"),
        };
        let message = format!("{} of publishes that ended early, {}{whole}.", count(left.len(), "file"), ByteSize(bytes));
        self.findings.push(Finding::new(&codes::OFFLOAD_TEMPORARY, message).at(self.shown(&first.key)));
    }

    fn rewritten(&mut self, manifests: &[ManifestObject]) {
        let rewritten: Vec<_> = manifests
            .iter()
            .filter(|it| matches!(it.read, ManifestRead::Accepted { as_written: false, .. }))
            .map(|it| &it.key)
            .collect();
        if let Some(first) = rewritten.first() {
            let what = if rewritten.len() == 1 {
                "This manifest is".to_owned()
            } else {
                format!("This and {} are", count(rewritten.len() - 1, "other manifest"))
            };
            let message = format!("{what} not byte for byte what the publisher wrote, and says the same.");
            self.findings.push(Finding::new(&codes::OFFLOAD_MANIFEST_REWRITTEN, message).at(self.shown(first)));
        }
    }

    fn members(&mut self, manifests: &[ManifestObject]) {
        let odd: Vec<_> =
            readable(manifests).filter(|(_, it)| it.conf_state.is_joint() || !it.conf_state.learners.is_empty()).collect();
        let Some((first, manifest)) = odd.first() else { return };
        let what = if manifest.conf_state.is_joint() { "a change of members was under way" } else { "there were learners" };
        let more = if odd.len() > 1 { format!(" ({} like this)", count(odd.len(), "snapshot")) } else { String::new() };
        let message =
            format!("When this snapshot was taken, {what}{more}. A restore makes a voter of every peer that it is given.");
        let finding = Finding::new(&codes::OFFLOAD_MEMBERS, message).at(self.shown(&first.key));
        self.findings.push(finding);
    }

    fn clusters(&mut self, manifests: &[ManifestObject]) {
        let mut clusters: BTreeMap<&str, BTreeMap<&str, &str>> = BTreeMap::new();
        for (object, manifest) in readable(manifests).filter(|(_, it)| !it.source_cluster.trim().is_empty()) {
            let names = clusters.entry(&object.prefix).or_default();
            names.entry(&manifest.source_cluster).or_insert(&object.key);
        }
        let mut found = Vec::new();
        for (prefix, names) in clusters.iter().filter(|(_, names)| names.len() > 1) {
            let listed: Vec<_> = names.keys().take(NAMED).map(|name| quoted(name)).collect();
            let more = if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
            let message = format!("Under the prefix {} lie snapshots of {}{more}.", quoted(prefix), listed.join(", "));
            let at = names.values().next().map(|key| self.shown(key)).unwrap_or_default();
            found.push(Finding::new(&codes::OFFLOAD_SEVERAL_CLUSTERS, message).at(at));
        }
        self.findings.extend(found);
    }

    fn two_payloads(&mut self, manifests: &[ManifestObject]) {
        let mut all: Vec<_> = readable(manifests).collect();
        let of = |(_, it): &(&ManifestObject, &'_ Manifest)| (it.group_id, it.snapshot_index, it.snapshot_term);
        let order = |a: &(&ManifestObject, &Manifest), b: &(&ManifestObject, &Manifest)| {
            a.1.source_cluster.cmp(&b.1.source_cluster).then_with(|| of(a).cmp(&of(b)))
        };
        // In the order of their keys among equal ones.
        all.sort_by(order);
        let mut found = Vec::new();
        for same in all.chunk_by(|a, b| order(a, b).is_eq()) {
            let Some(((first, one), others)) = same.split_first() else { continue };
            for (object, it) in others.iter().filter(|(_, it)| it.payload.sha256 != one.payload.sha256) {
                let message = format!(
                    "This manifest and {} are of the same cluster, group {}, index {} and term {}, and name different payloads.",
                    quoted(&first.key),
                    it.group_id,
                    it.snapshot_index,
                    it.snapshot_term
                );
                let finding = Finding::new(&codes::OFFLOAD_TWO_PAYLOADS, message).at(self.shown(&object.key));
                found.push(finding.expected(one.payload.sha256).found(it.payload.sha256));
            }
        }
        self.findings.extend(found);
    }

    /// Index against time and term, within one cluster and group under one prefix.
    fn order(&mut self, manifests: &[ManifestObject]) {
        type History<'m> = Vec<(&'m ManifestObject, &'m Manifest)>;
        let mut histories: BTreeMap<(&str, &str, u64), History<'_>> = BTreeMap::new();
        for (object, it) in readable(manifests).filter(|(object, it)| it.is_at(&object.key)) {
            histories.entry((&object.prefix, &it.source_cluster, it.group_id)).or_default().push((object, it));
        }
        let mut found = Vec::new();
        for ((_, _, group), mut history) in histories {
            history.sort_by_key(|(_, it)| (it.snapshot_index, it.snapshot_term));
            let pairs = || history.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?)));
            let twisted = pairs().find(|((_, a), (_, b))| {
                a.snapshot_term > b.snapshot_term || (a.snapshot_index == b.snapshot_index && a.snapshot_term != b.snapshot_term)
            });
            if let Some(((_, a), (object, b))) = twisted {
                let message = format!(
                    "Group {group} has index {} in term {} and index {} in term {}.",
                    a.snapshot_index, a.snapshot_term, b.snapshot_index, b.snapshot_term
                );
                found.push(Finding::new(&codes::OFFLOAD_TERM_REGRESS, message).at(self.shown(&object.key)));
            }
            let created = |it: &Manifest| it.created_at.unix_millis();
            let late = pairs().filter(|((_, a), (_, b))| a.snapshot_index < b.snapshot_index && created(a) > created(b));
            if let Some(((object, a), (_, b))) = late.clone().next() {
                let more = late.count() - 1;
                let more = if more > 0 { format!(" ({more} more like this)") } else { String::new() };
                let message =
                    format!("Index {} of group {group} was published after index {}{more}.", a.snapshot_index, b.snapshot_index);
                found.push(Finding::new(&codes::OFFLOAD_ORDER, message).at(self.shown(&object.key)));
            }
        }
        self.findings.extend(found);
    }

    /// What there is of each group, and what of it can be restored.
    pub(super) fn groups(
        &mut self,
        offloads: &[VerifiedOffload],
        prefixes: &Prefixes,
        of_groups: Option<&HashMap<(String, u64), usize>>,
    ) -> Vec<OffloadGroup> {
        let mut by_group: BTreeMap<(&str, u64), Vec<&VerifiedOffload>> = BTreeMap::new();
        for (it, prefix) in offloads.iter().zip(prefixes.iter()) {
            let Some(group) = it.group_id else { continue };
            by_group.entry((prefix, group)).or_default().push(it);
        }
        let mut groups = Vec::new();
        for ((prefix, group_id), all) in by_group {
            let good: Vec<_> = all.iter().filter(|it| it.restore.is_restored() && it.verdict == Verdict::Clean).collect();
            let is_unread =
                |it: &&&VerifiedOffload| it.restore.status.is_none() && it.verdict != Verdict::Damaged && it.as_written.is_some();
            let unread: Vec<_> = all.iter().filter(is_unread).collect();
            let newest = self.newest_of(&good);
            let newest_unread = self.newest_of(&unread);
            let is_whole = of_groups.is_none_or(|counts| counts.get(&(prefix.to_owned(), group_id)) == Some(&all.len()));
            if newest.is_none() && is_whole && all.iter().all(|it| it.verdict == Verdict::Damaged) {
                let below = if prefix.is_empty() { String::new() } else { format!(" below {}", quoted(prefix)) };
                let message = format!(
                    "The store has {} of group {group_id}{below}, and none can be restored.",
                    count(all.len(), "manifest")
                );
                let at = all.first().map(|it| it.path.clone()).unwrap_or_default();
                self.findings.push(Finding::new(&codes::OFFLOAD_NOTHING_RESTORABLE, message).at(at));
            }
            groups.push(OffloadGroup {
                prefix: prefix.to_owned(),
                group_id,
                manifests: all.len(),
                restorable: good.len(),
                newest,
                unread: unread.len(),
                newest_unread,
            });
        }
        groups
    }

    /// The one with the highest index.
    fn newest_of(&self, among: &[&&VerifiedOffload]) -> Option<NewestOffload> {
        let it = among.iter().max_by_key(|it| (it.snapshot_index, it.snapshot_term))?;
        Some(NewestOffload {
            manifest_key: it.manifest_key.clone(),
            index: it.snapshot_index?,
            term: it.snapshot_term?,
            created_at: it.created_at.clone()?,
            created_ms: it.created_ms,
            age_ms: it.created_ms.and_then(|UnixMillis(created)| self.request.now.0.checked_sub(created)),
        })
    }
}

/// `1 entry`, `2 entries`, `3 files`.
fn count(number: usize, what: &str) -> String {
    match (number, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {what}s"),
    }
}

/// The first few names.
fn some(names: &[String]) -> String {
    let listed: Vec<_> = names.iter().take(NAMED).map(|name| crate::types::escape(name).into_owned()).collect();
    let more = if names.len() > NAMED { ", ..." } else { "" };
    format!("{}{more}", listed.join(", "))
}

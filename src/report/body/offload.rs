//! Offloaded snapshots in the answer of `verify-snapshot`.

use super::cells::{header_text, verdict_cell};
use super::snapshot::SnapshotBody;
use crate::analysis::Verdict;
use crate::analysis::judge::offload::{LonePayload, NewestOffload, OffloadStoreView, VerifiedOffload};
use crate::report::{Cell, Label, Metric, Section, Tone};
use crate::types::{ByteSize, Count, age};

/// Manifests that are listed one by one; of more, only those that are not clean.
const LISTED: usize = 40;

/// The part of the page about stores.
pub(super) fn sections(body: &SnapshotBody) -> Vec<Section> {
    let mut sections = Vec::new();
    match body.offloads.as_slice() {
        [] => {}
        [only] if body.stores.is_empty() => sections.push(Section::facts("", facts(only))),
        all => sections.extend(manifests(all)),
    }
    sections.extend(body.stores.iter().flat_map(store));
    match body.offload_payloads.as_slice() {
        [] => {}
        [only] => sections.push(Section::facts("", lone_facts(only))),
        all => {
            let columns = ["payload", ">size", "format", "verdict"];
            let rows = all.iter().map(|it| {
                let name = it.path.rsplit('/').next().unwrap_or(&it.path);
                let size = Cell::option(it.bytes.map(ByteSize));
                vec![Cell::new(short(name)), size, Cell::option(it.body_format), verdict_cell(it.verdict)]
            });
            sections.push(Section::table("", &columns, rows.collect()));
        }
    }
    sections
}

/// Enough of a digest to find it again.
fn short(name: &str) -> String {
    name.char_indices().nth(16).map_or_else(|| name.to_owned(), |(at, _)| format!("{}...", &name[..at]))
}

fn manifests(all: &[VerifiedOffload]) -> Vec<Section> {
    let few = all.len() <= LISTED;
    let columns = [">group", ">index", ">term", "published", ">size", "restore", "verdict"];
    let mut tables: Vec<(&str, Vec<Vec<Cell>>)> = Vec::new();
    let mut hidden = 0;
    let mut shown = 0;
    for it in all {
        if !few && (it.verdict == Verdict::Clean || shown == LISTED) {
            hidden += 1;
            continue;
        }
        shown += 1;
        let prefix = it.path.split("/v1/groups/").next().unwrap_or(&it.path);
        match tables.last_mut() {
            Some((last, rows)) if *last == prefix => rows.push(row(it)),
            _ => tables.push((prefix, vec![row(it)])),
        }
    }
    let mut sections: Vec<_> = tables.into_iter().map(|(prefix, rows)| Section::table(prefix, &columns, rows)).collect();
    if hidden > 0 {
        sections.push(Section::Note(format!("{hidden} more are not listed here; every format for programs has them.")));
    }
    sections
}

fn restore_cell(it: &VerifiedOffload) -> Cell {
    match it.restore.status {
        Some(0) => Cell::toned("ok", Tone::Good),
        Some(status) => Cell::toned(format_args!("exit {status}"), Tone::Bad),
        None => Cell::toned("?", Tone::Caution),
    }
}

fn row(it: &VerifiedOffload) -> Vec<Cell> {
    vec![
        Cell::option(it.group_id),
        Cell::option(it.snapshot_index),
        Cell::option(it.snapshot_term),
        Cell::option(it.created_at.as_deref().map(seconds)),
        Cell::option(it.payload.as_ref().map(|payload| ByteSize(payload.bytes))),
        restore_cell(it),
        verdict_cell(it.verdict),
    ]
}

/// A time without the fraction of its second.
fn seconds(time: &str) -> String {
    match (time.find('.'), time.find(['Z', '+']).or_else(|| time.rfind('-'))) {
        (Some(point), Some(zone)) if point < zone => format!("{}{}", &time[..point], &time[zone..]),
        _ => time.to_owned(),
    }
}

fn facts(it: &VerifiedOffload) -> Vec<(String, Cell)> {
    let mut rows = vec![
        ("manifest", Cell::new(&it.path)),
        ("key", Cell::new(&it.manifest_key)),
        ("cluster", Cell::option(it.source_cluster.as_deref())),
        ("group", Cell::option(it.group_id)),
        (
            "snapshot",
            Cell::option(it.snapshot_index.zip(it.snapshot_term).map(|(index, term)| format!("index {index} term {term}"))),
        ),
        ("published", Cell::option(it.created_at.as_deref())),
    ];
    if let Some(version) = &it.binary_version {
        rows.push(("by version", Cell::new(version)));
    }
    if let Some(members) = &it.conf_state {
        let voters: Vec<_> = members.voters.iter().map(ToString::to_string).collect();
        rows.push(("voters", Cell::new(voters.join(", "))));
    }
    if let Some(payload) = &it.payload {
        rows.push(("payload", Cell::new(&payload.key)));
        rows.push(("size", Cell::new(format_args!("{} ({} bytes)", ByteSize(payload.bytes), payload.bytes))));
        let digest = match payload.computed_sha256 {
            Some(computed) if computed == payload.sha256 => Cell::toned("matches the payload", Tone::Good),
            Some(_) => Cell::toned("BAD", Tone::Bad),
            None => Cell::toned("not compared", Tone::Dim),
        };
        rows.push(("SHA-256", digest));
        let source = match (payload.source_crc32c, payload.computed_crc32c) {
            (None, _) => Cell::toned("not known to the manifest", Tone::Dim),
            (Some(source), Some(computed)) if source == computed => {
                Cell::toned(format_args!("{source}, matches the payload"), Tone::Good)
            }
            (Some(source), Some(computed)) => Cell::toned(format_args!("{source}, the payload has {computed}"), Tone::Bad),
            (Some(source), None) => Cell::toned(format_args!("{source}, not compared"), Tone::Dim),
        };
        rows.push(("source CRC-32C", source));
        rows.push(("header", Cell::option(payload.header.map(header_text))));
        rows.push(("store payload", Cell::option(payload.body_format)));
        if let Some(applied) = payload.applied_index {
            rows.push(("applied index inside", Cell::new(applied)));
        }
        if let Some(counts) = payload.rows {
            rows.push(("rows", Cell::new(counts.rows)));
        }
    }
    let restore = match &it.restore.error {
        Some(error) => Cell::toned(error, Tone::Bad),
        None => restore_cell(it),
    };
    rows.push(("server's restore", restore));
    rows.into_iter().map(|(name, cell)| (name.to_owned(), cell)).collect()
}

fn lone_facts(it: &LonePayload) -> Vec<(String, Cell)> {
    let digest = match it.computed_sha256 {
        Some(computed) if computed == it.sha256 => Cell::toned("matches the name", Tone::Good),
        Some(computed) => Cell::toned(format_args!("the payload has {computed}"), Tone::Bad),
        None => Cell::toned("not compared", Tone::Dim),
    };
    let rows = [
        ("file", Cell::new(&it.path)),
        ("size", Cell::option(it.bytes.map(|bytes| format!("{} ({bytes} bytes)", ByteSize(bytes))))),
        ("SHA-256", digest),
        ("CRC-32C", Cell::option(it.computed_crc32c)),
        ("header", Cell::option(it.header.map(header_text))),
        ("store payload", Cell::option(it.body_format)),
        ("applied index inside", Cell::option(it.applied_index)),
        ("rows", Cell::option(it.rows.map(|counts| counts.rows))),
    ];
    rows.into_iter().map(|(name, cell)| (name.to_owned(), cell)).collect()
}

fn store(view: &OffloadStoreView) -> Vec<Section> {
    let mut sections = Vec::new();
    let columns = ["prefix", ">group", ">manifests", ">restorable", ">newest", "published", "age"];
    let rows = view.groups.iter().map(|group| {
        // What is proven counts; what was not read is shown where nothing better is known, and marked.
        let (known, unread) = (group.newest.as_ref(), group.newest_unread.as_ref());
        let unread = unread.filter(|it| known.is_none_or(|known| (it.index, it.term) > (known.index, known.term)));
        let newest = |cell: &dyn Fn(&NewestOffload) -> Cell| match (unread, known) {
            (Some(it), _) | (None, Some(it)) => cell(it),
            (None, None) => Cell::toned("-", Tone::Bad),
        };
        let index = |it: &NewestOffload| match unread {
            Some(_) => Cell::toned(format_args!("{}?", it.index), Tone::Caution),
            None => Cell::new(it.index),
        };
        let good = if group.restorable == group.manifests { Tone::Plain } else { Tone::Caution };
        let restorable = match (group.restorable, group.unread) {
            (_, 0) => Cell::toned(group.restorable, good),
            (0, _) => Cell::toned("?", Tone::Caution),
            (restorable, _) => Cell::toned(format_args!("{restorable}?"), Tone::Caution),
        };
        vec![
            Cell::new(group.prefix.trim_end_matches('/')),
            Cell::new(group.group_id),
            Cell::new(group.manifests),
            restorable,
            newest(&index),
            newest(&|it| Cell::new(seconds(&it.created_at))),
            newest(&|it| Cell::option(it.age_ms.map(age))),
        ]
    });
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        sections.push(Section::table(format!("{}: what can be restored", view.dir), &columns, rows));
    }
    let unread: usize = view.groups.iter().map(|group| group.unread).sum();
    if unread > 0 {
        let of = Count::of(unread, "snapshot");
        sections.push(Section::Note(format!(
            "? stands for what nobody read: nothing speaks against a restore of {of} but that the payloads were not compared with their \
             digests."
        )));
    }
    // A bucket is what keys begin at, and its address says the rest.
    if !view.key_base.is_empty() && !view.dir.contains("://") {
        sections.push(Section::Note(format!(
            "The directory stands for the prefix {} of the store: its manifests say so. What a restore would do is told of the store.",
            view.key_base
        )));
    }
    sections
}

/// The newest restorable snapshot of every group.
pub(super) fn metrics(body: &SnapshotBody) -> Vec<Metric> {
    if body.stores.is_empty() {
        return Vec::new();
    }
    let mut newest = Metric::gauge(
        "ekv_tool_offload_newest_timestamp_seconds",
        "When the newest restorable snapshot of a group was published.",
    );
    let mut index = Metric::gauge("ekv_tool_offload_newest_index", "Index of the newest restorable snapshot of a group.");
    let mut restorable = Metric::gauge("ekv_tool_offload_restorable", "Snapshots of a group that can be restored.");
    let mut orphans = Metric::gauge("ekv_tool_offload_orphans", "Payloads in a store that no manifest names.");
    for store in &body.stores {
        orphans = orphans.sample(vec![(Label::Dir, store.dir.clone())], store.orphans as f64);
        for group in &store.groups {
            let labels = || {
                let prefix = group.prefix.trim_end_matches('/').to_owned();
                vec![(Label::Dir, store.dir.clone()), (Label::Prefix, prefix), (Label::GroupId, group.group_id.to_string())]
            };
            restorable = restorable.sample(labels(), group.restorable as f64);
            if let Some(it) = &group.newest {
                index = index.sample(labels(), it.index.0 as f64);
                if let Some(created) = it.created_ms {
                    newest = newest.sample(labels(), created.0 as f64 / 1000.0);
                }
            }
        }
    }
    vec![newest, index, restorable, orphans]
}

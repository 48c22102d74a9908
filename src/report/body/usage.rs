//! Who uses the space, as a part of the pages about stores and snapshots.

use crate::readers::usage::{ClassUse, LargeKeys, RowSum, StateSums, Usage};
use crate::report::picture::{Bar, Picture, SpacePicture};
use crate::report::{Cell, Label, Metric, Section};
use crate::types::{ByteSize, Count, UnixMillis};

/// Owners and ranges that a page shows; the other formats have all.
const SHOWN: usize = 20;

/// The facts that hold for all rows.
pub(super) fn usage_facts(usage: &Usage) -> Vec<(&'static str, Cell)> {
    let total = usage.total.total();
    let of = |sum: RowSum| format!("{}, {}", Count(sum.rows, "row"), ByteSize(sum.bytes));
    let mut facts = vec![("rows", Cell::new(of(total)))];
    for (name, sum) in usage.total.by_state() {
        if sum.rows > 0 {
            facts.push((name, Cell::new(of(sum))));
        }
    }
    let rests = &usage.transactions;
    if rests.locks.rows + rests.intents.rows > 0 {
        let text = format!(
            "{} ({} expired), {}",
            Count(rests.locks.rows, "lock"),
            rests.expired_locks,
            Count(rests.intents.rows, "intent")
        );
        facts.push(("left by transactions", Cell::new(text)));
    }
    let reclaimable = &usage.reclaimable;
    let minutes = reclaimable.retention_ms / 60_000;
    if let Some(now) = reclaimable.now {
        facts.push((
            "a compaction would free",
            Cell::new(format!("{} (kept: {minutes} minutes before the newest commit)", of(now))),
        ));
    }
    facts.push(("and in the end", Cell::new(of(reclaimable.in_the_end))));
    facts.push(("newest commit", Cell::option(usage.as_of_ts.map(|ts| UnixMillis(ts >> 16)))));
    facts
}

/// The picture, and the tables behind it.
pub(super) fn usage_sections(of: &str, usage: &Usage) -> Vec<Section> {
    let mut sections = Vec::new();
    if usage.classes.is_empty() {
        return sections;
    }
    sections.push(Section::Picture(Picture::Space(picture(of, usage))));
    let rows = usage.classes.iter().map(|class| {
        let total = class.states.total();
        let mut row = vec![Cell::new(class.space), Cell::new(total.rows)];
        row.extend(state_cells(&class.states));
        row.extend([Cell::new(ByteSize(class.key_bytes)), Cell::new(ByteSize(class.value_bytes))]);
        row
    });
    let columns = ["class", ">rows", ">live", ">old", ">deleted", ">expired", ">sealed", ">keys", ">values"];
    sections.push(Section::table("", &columns, rows.collect()));
    let mut owners: Vec<_> = usage.owners.iter().take(SHOWN).map(|owner| owner_row(&owner.owner, &owner.states)).collect();
    if !owners.is_empty() {
        let left_out = usage.owners.iter().skip(SHOWN).fold(StateSums::default(), |mut sum, owner| {
            sum.absorb(&owner.states);
            sum
        });
        if left_out.total().rows > 0 {
            owners.push(owner_row(&format!("{} more", usage.owners.len() - SHOWN), &left_out));
        }
        if usage.other_owners.total().rows > 0 {
            owners.push(owner_row("others, too many to list", &usage.other_owners));
        }
        let columns = ["owner", ">rows", ">bytes", ">live", ">old", ">deleted", ">expired", ">sealed"];
        sections.push(Section::table("Tables, buckets and queues", &columns, owners));
    }
    if let Some(ranges) = usage.ranges.as_ref().filter(|ranges| ranges.len() > 1) {
        let rows = ranges.iter().take(SHOWN).map(|range| {
            let name = match range.route {
                Some(route) => format!("route {route} of group {}", range.group.unwrap_or_default()),
                None => "no route".to_owned(),
            };
            let mut row = owner_row(&name, &range.states);
            row.push(Cell::option(range.start.as_ref().map(|start| shortened(start))));
            row
        });
        let columns = ["range", ">rows", ">bytes", ">live", ">old", ">deleted", ">expired", ">sealed", "from"];
        sections.push(Section::table("Ranges of the catalog", &columns, rows.collect()));
    }
    for (title, list) in [("Most bytes", &usage.largest), ("Largest values", &usage.largest_values)] {
        if !list.is_empty() {
            let rows = list.iter().map(large_row).collect();
            sections.push(Section::table(title, &[">bytes", ">rows", "class", "name", "key"], rows));
        }
    }
    sections
}

fn shortened(text: &str) -> String {
    super::store_name::shortened(text, 32)
}

fn large_row(keys: &LargeKeys) -> Vec<Cell> {
    let name = keys.logical.as_ref().map(|name| match &keys.part {
        Some(part) => format!("{name} {part}"),
        None => name.clone(),
    });
    vec![
        Cell::new(ByteSize(keys.bytes)),
        Cell::new(keys.rows),
        Cell::new(keys.space),
        Cell::option(name.map(|name| shortened(&name))),
        Cell::new(shortened(&keys.key)),
    ]
}

fn state_cells(states: &StateSums) -> Vec<Cell> {
    let StateSums { live, deleted, expired, old, sealed, malformed: _ } = states;
    [live, old, deleted, expired, sealed].map(|sum| Cell::new(sum.rows)).into()
}

fn owner_row(name: &str, states: &StateSums) -> Vec<Cell> {
    let total = states.total();
    let mut row = vec![Cell::new(name), Cell::new(total.rows), Cell::new(ByteSize(total.bytes))];
    row.extend(state_cells(states));
    row
}

/// A bar a class.
fn picture(of: &str, usage: &Usage) -> SpacePicture {
    let bar = |class: &ClassUse| {
        let StateSums { live, deleted, expired, old, sealed, malformed } = class.states;
        Bar {
            name: class.space.to_owned(),
            live: live.bytes,
            old: old.bytes,
            dead: deleted.bytes.saturating_add(expired.bytes),
            closed: sealed.bytes.saturating_add(malformed.bytes),
        }
    };
    SpacePicture { of: of.to_owned(), total: usage.total.total().bytes, bars: usage.classes.iter().map(bar).collect() }
}

/// Measurements of several, each named by one label. `names`: bytes and rows by class and state, bytes by owner, bytes that a compaction
/// would free.
pub(super) fn usage_metrics<'u>(
    names: [&'static str; 4],
    each: impl Iterator<Item = (Label, &'u str, &'u Usage)>,
) -> Vec<Metric> {
    let [bytes_name, rows_name, owner_name, free_name] = names;
    let mut bytes = Metric::gauge(bytes_name, "Bytes of keys and values by class of keys and state of the row.");
    let mut rows = Metric::gauge(rows_name, "Rows by class of keys and state of the row.");
    let mut owners = Metric::gauge(owner_name, "Bytes of keys and values of a table, bucket or queue.");
    let mut free = Metric::gauge(free_name, "Bytes of versions that a compaction by the server would free.");
    for (label, value, usage) in each {
        let named = |more: &[(Label, &str)]| {
            let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
            std::iter::once((label, value.to_owned())).chain(more).collect::<Vec<_>>()
        };
        for class in &usage.classes {
            for (state, sum) in class.states.by_state() {
                if sum.rows > 0 {
                    bytes = bytes.sample(named(&[(Label::Space, class.space), (Label::State, state)]), sum.bytes as f64);
                    rows = rows.sample(named(&[(Label::Space, class.space), (Label::State, state)]), sum.rows as f64);
                }
            }
        }
        for owner in &usage.owners {
            owners = owners.sample(named(&[(Label::Owner, owner.owner.as_str())]), owner.states.total().bytes as f64);
        }
        if let Some(now) = usage.reclaimable.now {
            free = free.sample(named(&[]), now.bytes as f64);
        }
    }
    vec![bytes, rows, owners, free]
}

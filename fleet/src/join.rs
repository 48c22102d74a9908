//! What parts know, in the place of what would have to be read.

use std::collections::BTreeMap;

use ekv_tool::Run;
use ekv_tool::analysis::judge::offload::KnownContents;
use ekv_tool::readers::Examine;
use ekv_tool::readers::offload::{ObjectFacts, ObjectPass, ObjectRead, OffloadStore};
use ekv_tool::types::UnixMillis;

use crate::parts::{Demand, KnownPayloads, PartRow};
use crate::report::Readings;
use crate::store::Listed;

/// The facts of a payload that a part knows, without what stands at its front. `None` where it was not read whole.
pub(crate) fn facts_of(row: &PartRow) -> Option<ObjectFacts> {
    let facts = ObjectPass::new(row.size, &[], Examine::default()).finish();
    Some(ObjectFacts { sums: Some(row.sums?), bytes_read: 0, ..facts })
}

/// Gives the payloads of `store` the sums that parts know of them. `now` holds the objects as they were looked at, by key. Returns what
/// is in them, by key, and when they were read.
pub(crate) fn join(
    store: &mut OffloadStore,
    now: &BTreeMap<String, Listed>,
    known: &KnownPayloads,
    demand: &Demand,
) -> (BTreeMap<String, KnownContents>, Readings) {
    let (mut contents, mut readings) = (BTreeMap::new(), Readings::default());
    for (key, payload) in &mut store.payloads {
        let ObjectRead::Object(facts) = &mut payload.read else { continue };
        let Some(row) = now.get(key).filter(|object| object.size == facts.size).and_then(|object| known.get(object, demand))
        else {
            continue;
        };
        facts.sums = row.sums;
        readings.take(UnixMillis(row.judged_ms), demand.now);
        if let Some(known) = &row.contents {
            contents.insert(key.clone(), known.clone());
        }
    }
    (contents, readings)
}

/// The payloads of a directory as a listing would name them, by key.
pub(crate) fn of_directory(store: &OffloadStore) -> BTreeMap<String, Listed> {
    let run = Run::local();
    let there = store.payloads.keys().filter_map(|key| Some((key, store.path_of(key)?)));
    there.map(|(key, path)| (key.clone(), crate::verify::listed(key, &path, &run))).collect()
}

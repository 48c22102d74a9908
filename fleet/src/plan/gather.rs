//! Which facts a plan is made of: files that are named, or what was collected.

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures_util::{StreamExt as _, stream};

use crate::collect::Folder;
use crate::error::Result;
use crate::facts::{FactsRead, find, read};
use crate::parts::Results;
use crate::progress::{Unit, Watch};

/// Files of facts that are fetched at the same time.
const AT_ONCE: usize = 8;

/// The facts in files, and in directories what is called `*.facts`.
pub fn facts_at(paths: &[PathBuf], watch: &dyn Watch) -> Result<FactsRead> {
    let mut all = FactsRead::default();
    let found = find(paths, &mut all.coverage)?;
    watch.begin("facts", Unit::Objects, Some(found.len() as u64));
    for path in &found {
        all.take(path.display().to_string(), || read(path));
        watch.advance(1);
    }
    Ok(all)
}

/// The newest facts that were collected of the same groups of the same nodes, in every combination in which they were taken.
pub async fn facts_in(results: &Results, watch: &dyn Watch) -> Result<FactsRead> {
    let mut all = FactsRead::default();
    let mut wanted = BTreeMap::new();
    for (key, object) in Folder::listed(results).await? {
        let Some(folder) = Folder::of(&key) else { continue };
        // In the order of keys: of each folder the last is the newest.
        let place = if folder.tells_groups() { folder.0.to_owned() } else { key.clone() };
        wanted.insert(place, (key, object));
    }
    watch.begin("facts", Unit::Objects, Some(wanted.len() as u64));
    let asked = wanted.into_values().map(|(key, object)| async move { (key, results.fetch(&object).await) });
    let mut answers = stream::iter(asked).buffered(AT_ONCE);
    while let Some((key, bytes)) = answers.next().await {
        watch.advance(1);
        all.take(format!("{}/{key}", results.shown()), || bytes.map(|bytes| bytes.to_vec()));
    }
    Ok(all)
}

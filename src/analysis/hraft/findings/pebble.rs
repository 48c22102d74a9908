//! The Pebble directory itself: markers, MANIFEST, logs and tables.

use std::path::Path;

use super::NodeView;
use crate::analysis::hraft::StartForecast;
use crate::analysis::hraft::pebble::PebbleStores;
use crate::analysis::judge::store::{listed, table_finding};
use crate::analysis::{Coverage, Finding, Severity};
use crate::formats::layout::RAFT_DB;
use crate::readers::pebble::{StoreFacts, TableDamage};
use crate::types::Escaped;

/// What to do about a Pebble directory that holds the log: no snapshot of the state machine makes up for it.
const ADVICE: &str = "Do not start the node, and keep a copy. Put the file back from a copy of this node of the same moment, or empty the \
                      directory and let the node join again: term, vote and log are in raft.db alone.";

/// Judges the directory.
pub(super) fn judge(view: &NodeView<'_>, stores: &PebbleStores<'_>, found: &mut Vec<Finding>) {
    let (mut own, _) = listed(stores.store);
    if let Some(damage) = stores.stopped {
        let finding = table_finding(stores.store, damage, "the keys are read through it");
        if !own.iter().any(|known| (known.code, &known.path, known.offset) == (finding.code, &finding.path, finding.offset)) {
            own.push(finding);
        }
    }
    for finding in &mut own {
        finding.path = finding.path.take().map(|path| view.path(&path));
        if finding.severity != Severity::Info && finding.advice == finding.code.safe {
            ADVICE.clone_into(&mut finding.advice);
        }
    }
    found.append(&mut own);
}

/// What was read of the directory, and what could not be.
pub fn cover_pebble(
    dir: &str,
    store: &StoreFacts,
    stopped: Option<&(TableDamage, Vec<u8>)>,
    start: &StartForecast,
    coverage: &mut Coverage,
) {
    let (_, mut own) = listed(store);
    own.keep_needed();
    for part in &mut own.not_examined {
        part.what = Path::new(dir).join(&part.what).display().to_string();
    }
    let path = Path::new(dir).join(RAFT_DB).display().to_string();
    if let Some((damage, last)) = stopped {
        own.missing(format!("{path}: keys behind {}", Escaped(last)), damage.to_string());
    }
    if let Some(why) = &start.unknown {
        own.missing(format!("{path}: how the next start ends"), why.clone());
    }
    if store.blocks.is_none() && store.live_tables > 0 {
        own.skipped(path, "the keys were read, not every block; `check` reads all");
    }
    coverage.absorb(own);
}

//! Directories of hashicorp/raft: the same questions, another backend.

mod archive;
mod compare;
mod entries;
mod facts;
mod gate;
mod node;
mod page;
mod pebble;
mod questions;
mod rows;
mod segment;
mod snapshots;

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::formats::layout::{META_JSON, SNAPSHOTS, STATE_BIN};
use crate::io::parent_of;
use crate::readers::EntryKind;
use crate::readers::hraft::{discover_hashicorp, is_hashicorp, is_store_file};
use crate::readers::source::Source;

pub use archive::{archives, hashicorp_verify_archives};
pub use compare::{HashiPlace, hashicorp_compare, hashicorp_compare_told};
pub use entries::{EntryRange, hashicorp_wal_dump, hashicorp_wal_show};
pub use facts::hashicorp_facts;
pub use gate::hashicorp_gate_dryrun;
pub use questions::{hashicorp_check, hashicorp_inspect, hashicorp_wal_ls, hashicorp_wal_stat, hashicorp_wal_verify};
pub use segment::{hashicorp_segment_dump, hashicorp_segment_verify, is_lone_segment};
pub use snapshots::hashicorp_verify_snapshot;

/// Whose directories the user named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backend {
    /// elastickv's own, or something that is none.
    Elastickv,
    /// Node directories of hashicorp/raft.
    Hashicorp(Vec<PathBuf>),
}

impl Backend {
    /// Looks at what the paths name.
    ///
    /// # Errors
    ///
    /// Paths of both kinds in one call.
    pub fn of(paths: &[PathBuf], source: &dyn Source) -> Result<Self> {
        let mut found = Vec::new();
        let mut other = None;
        for path in paths {
            let dirs = match source.kind_at(path) {
                Some(EntryKind::Directory) => {
                    let own = store_file(path, source);
                    if own.is_empty() { discover_hashicorp(path, source)? } else { own }
                }
                _ => store_file(path, source),
            };
            if dirs.is_empty() {
                other = Some(path);
            }
            found.extend(dirs);
        }
        match (found.is_empty(), other) {
            (true, _) => Ok(Self::Elastickv),
            (false, None) => Ok(Self::Hashicorp(found)),
            (false, Some(path)) => Err(Error::Usage(format!(
                "{}: not a directory of hashicorp/raft, which {} is; name directories of one kind",
                path.display(),
                found[0].display()
            ))),
        }
    }
}

/// The node directory in which a path is a snapshot, its `state.bin` or `meta.json`, or the directory of the snapshots; the path
/// itself otherwise.
pub fn node_of_snapshot(path: &Path, source: &dyn Source) -> PathBuf {
    let named = |path: &Path, name: &str| path.file_name().is_some_and(|own| own == name);
    let snapshot = if named(path, STATE_BIN) || named(path, META_JSON) { parent_of(path) } else { Some(path) };
    let snapshots = snapshot.and_then(|dir| if named(dir, SNAPSHOTS) { Some(dir) } else { parent_of(dir) });
    let node = snapshots.filter(|dir| named(dir, SNAPSHOTS)).and_then(parent_of);
    let is_node = |node: &&Path| source.list_kinds(node).is_ok_and(|entries| is_hashicorp(node, &entries, source));
    node.filter(is_node).unwrap_or(path).to_owned()
}

/// A store's file, or its directory, stands for the directory of the node.
fn store_file(path: &Path, source: &dyn Source) -> Vec<PathBuf> {
    parent_of(path).filter(|_| is_store_file(path, source)).map(Path::to_owned).into_iter().collect()
}

//! What facts tell of: whole nodes, or the groups that were named.

use std::path::PathBuf;

use crate::readers::GroupDir;

/// True when each of `paths` is the directory of a group itself, so that what else the node has was not looked for.
pub(super) fn is_of_single_groups(paths: &[PathBuf], found: &[GroupDir]) -> bool {
    paths.iter().all(|path| found.iter().any(|dir| dir.path == *path))
}

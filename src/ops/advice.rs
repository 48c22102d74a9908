//! Fits advice to the group that it is for.

use std::path::Path;

use crate::analysis::Finding;
use crate::analysis::judge::for_only_voter;
use crate::formats::layout;
use crate::formats::peers::{PeersFile, Suffrage};
use crate::readers::source::Source;

/// Larger than any peers file of a group that has one voter.
const PEERS_LIMIT: u64 = 1 << 20;

/// Takes everything that needs another voter out of the advice when the group in `dir` has no other one.
pub(super) fn fit(findings: &mut [Finding], dir: &Path, source: &dyn Source) {
    if !findings.is_empty() && is_only_voter(dir, source) {
        for_only_voter(findings);
    }
}

/// True when the peers file lists one voter. The server writes it anew with every change of the members. A file that is not
/// there or not readable says nothing.
fn is_only_voter(dir: &Path, source: &dyn Source) -> bool {
    let Ok(file) = source.read_small(&dir.join(layout::PEERS), PEERS_LIMIT) else { return false };
    PeersFile::decode_any(&file.bytes)
        .is_ok_and(|file| file.peers.iter().filter(|peer| peer.suffrage == Suffrage::Voter).count() == 1)
}

//! Which server has opened a directory.

use std::path::Path;

use crate::analysis::server::directory;
use crate::error::Result;
use crate::formats::fsm::body::BodyFormat;
use crate::formats::layout;
use crate::formats::peers::PeersFile;
use crate::io::IoOptions;
use crate::readers::fsm_file::examine_with;
use crate::readers::source::Run;
use crate::readers::{Examine, FsmFacts, GroupListing, SmallFact};
use crate::types::ServerVersion;

/// The server that has opened the group directory `group`, and what shows it.
pub(super) fn guess(group: &Path, listing: &GroupListing, run: &Run<'_>) -> Result<(ServerVersion, String)> {
    let version = match &listing.peers {
        SmallFact::Bytes(bytes) => PeersFile::decode_any(bytes).ok().map(|file| file.version),
        SmallFact::Absent | SmallFact::Nowhere | SmallFact::Directory | SmallFact::Unreadable(_) => None,
    };
    let mut newer = false;
    // The header of the newest payload tells without reading its body.
    let newest = listing.fsm_snap.entries().iter().rev().find(|entry| entry.name.ends_with(".fsm"));
    if let (None | Some(1 | 2), Some(entry)) = (version, newest) {
        let path = group.join(layout::PAYLOADS).join(&entry.name);
        if let FsmFacts::File(file) = examine_with(&path, Examine::default(), &IoOptions::default(), run)?
            && let Some(payload) = file.payload
        {
            newer = payload.header.is_ok_and(|header| header.version == 2) || payload.format == Some(BodyFormat::SstIngest);
        }
    }
    Ok(directory::guess_version(listing, version, newer))
}

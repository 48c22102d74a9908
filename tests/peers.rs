//! The peers file and the members of a group, against what servers did with recorded directories.

use ekv_tool::analysis::ServerError;
use ekv_tool::analysis::server::peers::{LocalNode, Member, accept, check_conf_state, decode_refusal};
use ekv_tool::formats::peers::PeersFile;
use ekv_tool::formats::raftpb::{ProtoRules, SnapshotMetadata};
use ekv_tool::formats::snap;
use ekv_tool::types::{LogIndex, ServerVersion};
use serde_json::Value;

use crate::support::recorded::{self, Case};

/// What the server said, where it said something about peers.
fn refusal_of(expected: &Value) -> Option<(&str, &str)> {
    let error = expected["abort_error"].as_str()?;
    let about_peers =
        expected["stage"] == "peers" || ["errNoPeersConfigured", "errLocalPeerMissing", "errClusterMismatch"].contains(&error);
    about_peers.then(|| (error, expected["abort_text"].as_str().unwrap()))
}

fn members(case: &Case<'_>, engine: ServerVersion) -> Result<(Vec<Member>, Option<LogIndex>), ServerError> {
    let raft_id = case.group.split('/').next().unwrap();
    let local = LocalNode { raft_id, address: None };
    let bytes = std::fs::read(case.dir.join("etcd-raft-peers.bin")).ok();
    let file = bytes.as_ref().map(|bytes| PeersFile::decode(bytes, engine)).transpose();
    let file = file.map_err(|error| decode_refusal(&error))?;
    Ok((accept(&local, file.as_ref())?, file.map(|file| file.index)))
}

/// The metadata of the newest usable `.snap`, or of the one with this index.
fn snapshot(case: &Case<'_>, index: Option<u64>) -> Option<SnapshotMetadata> {
    let mut names: Vec<_> = std::fs::read_dir(case.dir.join("snap")).ok()?.map(|entry| entry.unwrap().path()).collect();
    names.sort();
    names.iter().rev().filter(|path| path.extension().is_some_and(|extension| extension == "snap")).find_map(|path| {
        let bytes = std::fs::read(path).ok()?;
        let metadata = snap::decode(&bytes, ProtoRules::Google).ok()?.metadata;
        index.is_none_or(|index| metadata.index.0 == index).then_some(metadata)
    })
}

#[test]
fn members_are_accepted_and_refused_as_by_the_servers() {
    let mut disagree = Vec::new();
    let (mut refused, mut accepted) = (0, 0);
    for case in recorded::cases().groups().into_iter().chain(recorded::real().groups()) {
        for engine in ServerVersion::ALL {
            let expected = &case.expected[engine.name()];
            let outcome = expected["outcome"].as_str().unwrap_or("?");
            let wanted = refusal_of(expected);
            if wanted.is_none() && (outcome == "abort" || outcome == "?") {
                continue;
            }
            let result = members(&case, engine).and_then(|(members, file_index)| {
                let index = expected["snapshot_index"].as_u64().filter(|_| wanted.is_none());
                match snapshot(&case, index) {
                    Some(meta) if index != Some(0) => check_conf_state(meta.index, &meta.conf_state, file_index, &members),
                    _ => Ok(()),
                }
            });
            let agrees = match (&result, wanted) {
                (Ok(()), None) => true,
                (Err(error), Some((name, text))) => error.error == name && error.text == text,
                _ => false,
            };
            if agrees {
                *if wanted.is_some() { &mut refused } else { &mut accepted } += 1;
            } else {
                disagree.push(format!("{} {engine}: server {wanted:?}, here {result:?}", case.name));
            }
        }
    }
    assert!(disagree.is_empty(), "{disagree:#?}");
    assert!(refused > 100 && accepted > 1000, "{refused} refused, {accepted} accepted");
}

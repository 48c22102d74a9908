//! What a comparison has to know of a node, as a file of facts tells it: without payloads, and without addresses.

use serde::{Deserialize, Serialize};

use super::start::StartForecast;
use crate::analysis::judge::facts::Hash;
use crate::analysis::{Finding, NotExamined};
use crate::formats::facts::{LogSums, Salt, TermRuns};
use crate::formats::hraft::{Server, SnapshotMeta, Suffrage};
use crate::types::UnixMillis;

/// An index, and the term of its entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Place {
    /// The index.
    pub index: u64,
    /// The term.
    pub term: u64,
}

/// One node of hashicorp/raft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct HashiFacts {
    /// The directory as the caller named it.
    pub dir: String,
    /// The node's id: what a file `node-id` says, or the name of the directory.
    pub raft_id: String,
    /// False when the id is only the name of the directory, and no membership has it.
    pub identified: bool,
    /// True when files changed while they were read.
    pub changed: bool,
    /// When a file of the log or of the stable store was last changed, in milliseconds since 1970; `null` when that is not known.
    pub last_written_ms: Option<UnixMillis>,
    /// What the next start does. Addresses of members are empty.
    pub start: StartForecast,
    /// Id of the member that it last voted for; `null` when it has not voted, or for an address that no membership has.
    pub voted_for: Option<String>,
    /// Index and term that the last entry says; `null` for an empty log, or one that was not read.
    pub last: Option<Place>,
    /// True when its log was read whole and nothing is wrong with the node by itself: what it does not show, it does not have.
    pub sound: bool,
    /// Its entries that can be decoded, by their keys, as runs of one term.
    pub entries: TermRuns,
    /// Sums over them; `null` when they changed while they were read.
    pub log: Option<LogSums>,
    /// Snapshots that it can restore.
    pub snapshots: Vec<HashiSnapshot>,
    /// Memberships in its log, the newest ones, in the order of the log.
    pub memberships: Vec<HashiMembership>,
    /// Number of older memberships in the log that are left out.
    pub memberships_left_out: u64,
    /// The errors of the node by itself.
    pub findings: Vec<Finding>,
    /// What of it was not read.
    pub not_examined: Vec<NotExamined>,
}

/// A snapshot that a node can restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct HashiSnapshot {
    /// Last log index covered.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// Version of its `meta.json`; 0 has addresses in place of members.
    pub version: i64,
    /// Index of the entry that brought its membership.
    pub configuration_index: u64,
    /// Its members.
    pub members: Vec<Member>,
    /// Stands for the checksum of its payload; `null` when `meta.json` has none.
    pub payload: Option<Hash>,
}

/// A membership in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct HashiMembership {
    /// Index of its entry.
    pub index: u64,
    /// Its members.
    pub members: Vec<Member>,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Member {
    /// Its id.
    pub id: String,
    /// Whether it votes.
    pub suffrage: Suffrage,
    /// Stands for its address.
    pub address: Hash,
}

/// Members of all memberships in the log that facts have, at most.
const MEMBERS: usize = 1 << 12;

/// The members of a membership. Their addresses are mixed with the salt.
pub fn members(servers: &[Server], salt: &Salt) -> Vec<Member> {
    let member = |server: &Server| Member {
        id: server.id.clone(),
        suffrage: server.suffrage,
        address: Hash(salt.of_text(server.address.as_bytes())),
    };
    servers.iter().map(member).collect()
}

/// The newest memberships of a log, and how many are left out.
pub fn newest_memberships<'s>(
    all: impl DoubleEndedIterator<Item = (u64, &'s [Server])>,
    salt: &Salt,
) -> (Vec<HashiMembership>, u64) {
    let (mut kept, mut room, mut left_out) = (Vec::new(), MEMBERS, 0);
    for (index, servers) in all.rev() {
        match room.checked_sub(servers.len().max(1)).filter(|_| left_out == 0) {
            Some(rest) => {
                room = rest;
                kept.push(HashiMembership { index, members: members(servers, salt) });
            }
            None => left_out += 1,
        }
    }
    kept.reverse();
    (kept, left_out)
}

impl HashiSnapshot {
    /// Of its `meta.json`.
    pub fn of(meta: &SnapshotMeta, salt: &Salt) -> Self {
        Self {
            index: meta.index,
            term: meta.term,
            version: meta.version,
            configuration_index: meta.configuration_index,
            members: members(&meta.configuration.servers, salt),
            payload: meta.crc.as_deref().map(|crc| Hash(salt.of_text(crc))),
        }
    }

    /// What it covers.
    pub const fn place(&self) -> Place {
        Place { index: self.index, term: self.term }
    }
}

impl HashiFacts {
    /// The end of its log, or its snapshot where that reaches further: what a vote goes by.
    pub fn end(&self) -> Place {
        let snapshot = self
            .start
            .snapshot
            .as_ref()
            .map_or(Place::default(), |snapshot| Place { index: snapshot.index, term: snapshot.term });
        self.last.filter(|last| last.index > snapshot.index).unwrap_or(snapshot)
    }

    /// The highest place that it knows to be committed: its newest snapshot's.
    pub fn committed(&self) -> Option<Place> {
        self.snapshots.iter().map(HashiSnapshot::place).max()
    }

    /// Its term; a leader of a later one was elected after everything that it knows to be committed. `None` when it does not start.
    pub fn term(&self) -> Option<u64> {
        self.start.at_start.as_ref().map(|state| state.term)
    }

    /// True when the sums are of its entries.
    pub fn is_whole(&self) -> bool {
        self.entries.is_in_order() && self.log.as_ref().is_none_or(|log| log.is_of(&self.entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(id: &str) -> Server {
        Server { id: id.to_owned(), address: format!("{id}:8300"), suffrage: Suffrage::VOTER }
    }

    #[test]
    fn the_newest_memberships_are_kept() {
        let many: Vec<_> = (0..60).map(|number| server(&number.to_string())).collect();
        let all: Vec<_> = (1..=100_u64).map(|index| (index, many.as_slice())).collect();
        let (kept, left_out) = newest_memberships(all.into_iter(), &Salt::default());
        assert_eq!((kept.len(), left_out, kept[0].index, kept.last().unwrap().index), (68, 32, 33, 100));
    }

    #[test]
    fn addresses_are_sums_that_depend_on_the_salt() {
        let servers = [server("n1")];
        let [plain, salted] = [Salt::default(), Salt::of(b"secret")].map(|salt| members(&servers, &salt));
        assert!(plain[0].address != salted[0].address && plain[0].id == "n1");
        assert!(!serde_json::to_string(&plain).unwrap().contains("8300"));
    }
}

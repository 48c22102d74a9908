//! The logs of several members against each other.

use std::collections::HashMap;

use crate::analysis::Finding;
use crate::analysis::judge::codes::compare as codes;
use crate::formats::etcd::Metadata;
use crate::formats::raftpb::EntryType;
use crate::readers::wal::WalScan;
use crate::types::{Crc32c, ServerVersion};

/// One member's log, as far as it is compared.
#[derive(Debug)]
pub struct ComparedMember {
    /// The directory as the caller named it.
    pub name: String,
    /// Whose log it is.
    pub owner: Option<Metadata>,
    /// Commit of its last hard state.
    pub commit: u64,
    /// Index, term and a checksum of type and data of each entry that stands, by index.
    entries: Vec<(u64, u64, Crc32c)>,
}

impl ComparedMember {
    /// Bytes of memory that an entry takes.
    pub const ENTRY: u64 = size_of::<(u64, u64, Crc32c)>() as u64;

    /// Reads the entries of a log.
    pub fn of(name: String, scan: &WalScan, version: ServerVersion) -> Self {
        let log = crate::analysis::server::log::EffectiveLog::of(scan, version);
        let entries = log.entries.iter(scan, version).map(|entry| {
            let kind: &[u8] = match entry.kind {
                EntryType::Normal => &[0],
                EntryType::ConfChange => &[1],
                EntryType::ConfChangeV2 => &[2],
                EntryType::Other(_) => &[3],
            };
            (entry.index.0, entry.term.0, Crc32c::of(kind).extend(entry.data))
        });
        let entries = entries.collect();
        Self { name, owner: scan.owner.etcd(), commit: log.hard_state.unwrap_or_default().commit.0, entries }
    }

    /// First and last entry.
    pub fn range(&self) -> Option<(u64, u64)> {
        Some((self.entries.first()?.0, self.entries.last()?.0))
    }

    fn at(&self, index: u64) -> Option<(u64, Crc32c)> {
        let at = self.entries.binary_search_by_key(&index, |entry| entry.0).ok()?;
        self.entries.get(at).map(|entry| (entry.1, entry.2))
    }
}

/// Where the members contradict each other.
pub fn compare_members(members: &[ComparedMember]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut ids: HashMap<u64, &ComparedMember> = HashMap::new();
    for member in members {
        let Some(owner) = member.owner else { continue };
        if let Some(other) = ids.insert(owner.node_id, member) {
            let message = format!(
                "{} and {} are the same member, {:x}: a copy of a member must not run beside it.",
                other.name, member.name, owner.node_id
            );
            findings.push(Finding::new(&codes::CROSS_DUPLICATE_IDENTITY, message).at(&member.name));
        }
    }
    let mut known = members.iter().filter_map(|member| Some((member, member.owner?.cluster_id)));
    if let Some((first, cluster)) = known.next()
        && let Some((other, its)) = known.find(|(_, id)| *id != cluster)
    {
        let message = format!(
            "{} is of cluster {cluster:x}, {} of cluster {its:x}: their logs have nothing in common.",
            first.name, other.name
        );
        findings.push(Finding::new(&codes::CROSS_GROUP_MISMATCH, message).at(&other.name));
        return findings;
    }
    // The others against the one that holds most: each difference shows against it, and the work stays linear.
    let Some(longest) = members.iter().max_by_key(|member| (member.commit, member.entries.len())) else { return findings };
    for member in members.iter().filter(|member| !std::ptr::eq(*member, longest)) {
        findings.extend(pair(longest, member));
    }
    findings
}

fn pair(one: &ComparedMember, other: &ComparedMember) -> Option<Finding> {
    let both = one.commit.min(other.commit);
    for &(index, term, sum) in &other.entries {
        let Some((its_term, its_sum)) = one.at(index) else { continue };
        if term == its_term && sum == its_sum {
            continue;
        }
        let names = format!("{} and {}", one.name, other.name);
        if index <= both {
            let message = format!(
                "{names} hold different entries at index {index} (terms {its_term} and {term}), which both have committed: they have \
                 applied different histories."
            );
            return Some(Finding::new(&codes::CROSS_COMMITTED_DIVERGENCE, message).at(&other.name));
        }
        if term == its_term {
            let message = format!(
                "{names} hold different entries at index {index}, both of term {term}: two leaders wrote in one term, or one of the logs was changed."
            );
            return Some(Finding::new(&codes::CROSS_LOG_MATCHING, message).at(&other.name));
        }
        // Above the commit members may differ until a leader replaces what one of them holds.
    }
    None
}

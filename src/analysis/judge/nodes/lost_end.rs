//! A store that is ahead of its log, held against the logs of the other voters.

use super::{Group, Replica};
use crate::analysis::Finding;
use crate::analysis::judge::codes::gate::APPLIED_BEYOND_LOG;
use crate::formats::layout;
use crate::types::LogIndex;

const ADVICE: &str = "Do not start the node on this directory: keep a copy, remove this member from the group and let it join as a new one. The \
                      other voters hold the entries.";

/// Says that a log lost its end where the other voters prove it: they hold the entries that the store has applied, and none of them has had
/// a snapshot above the end of this log, so that no leader can have sent one.
pub(super) fn findings(group: &Group<'_, '_>, findings: &mut Vec<Finding>) {
    if !group.missing_voters().is_empty() {
        return;
    }
    for (number, replica) in group.replicas.iter().enumerate() {
        let Some((applied, last)) =
            replica.facts.applied.zip(replica.facts.store_is_beyond).filter(|(applied, last)| applied > last)
        else {
            continue;
        };
        let others = || group.replicas.iter().enumerate().filter(|(other, _)| *other != number).map(|(_, other)| other);
        let holders: Vec<_> = others().filter(|other| holds(other, last, applied)).map(|other| other.name().to_owned()).collect();
        // A node that was looked at before may have made such a snapshot and sent it since.
        if holders.is_empty() || others().any(|other| other.overtaken || had_snapshot_above(other, last)) {
            continue;
        }
        let message = format!(
            "{} has applied {applied}, and its log ends at {last}. {} hold{} the entries in between, and no voter has a snapshot above {last} \
             that could have been sent: the log lost its end, and with it what this member had acknowledged.",
            replica.name(),
            holders.join(" and "),
            if holders.len() == 1 { "s" } else { "" },
        );
        let mut finding = Finding::new(&APPLIED_BEYOND_LOG, message).at(replica.facts.path(layout::STORE)).advice(ADVICE);
        finding.group = Some(replica.facts.dir.clone());
        findings.push(finding.expected(format!("at most {last}")).found(applied));
    }
}

fn holds(replica: &Replica<'_>, after: LogIndex, up_to: LogIndex) -> bool {
    after.next().is_some_and(|first| replica.facts.entries.count_within(first, up_to) == up_to.0 - after.0)
}

fn had_snapshot_above(replica: &Replica<'_>, index: LogIndex) -> bool {
    let files = replica.facts.snapshots.iter().map(|file| file.id.index);
    files.chain([replica.facts.snapshot.index]).any(|snapshot| snapshot > index)
}

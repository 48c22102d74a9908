//! What an earlier start cut off and kept: whether anything in it is missing from the log.

use crate::analysis::judge::codes::wal as codes;
use crate::analysis::{Finding, Severity};
use crate::readers::wal::{Item, SegmentScan, WalScan};
use crate::types::{LogIndex, ServerVersion};

use super::segment::path_of;

/// What one segment holds, with what stands behind the place where reading it stops.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    /// Highest index of an entry; 0 when there is none.
    last: LogIndex,
    /// Highest commit of a hard state.
    commit: LogIndex,
}

impl Held {
    fn of(segment: &SegmentScan) -> Self {
        let mut held = Self::default();
        let trace = segment.trace(ServerVersion::NEWEST);
        for item in &trace.items {
            let Item::Run(run) = item else { continue };
            held.last = run.entries.map_or(held.last, |span| held.last.max(span.last));
            held.commit = run.states.map_or(held.commit, |states| held.commit.max(states.last.commit));
        }
        if let Some(beyond) = &trace.beyond {
            if beyond.total.entries > 0 {
                held.last = held.last.max(beyond.total.indexes.1);
            }
            held.commit = beyond.total.state.map_or(held.commit, |state| held.commit.max(state.commit));
        }
        held
    }
}

/// One finding for each copy. The log as it is now decides what is lost: an entry that was cut off and written again is not.
pub(super) fn findings(scan: &WalScan, prefix: &str) -> Vec<Finding> {
    let log = scan
        .segments
        .iter()
        .map(Held::of)
        .fold(Held::default(), |all, held| Held { last: all.last.max(held.last), commit: all.commit.max(held.commit) });
    let read: Vec<&str> = scan.set_aside.iter().map(|copy| copy.file.file_name.as_str()).collect();
    let unread = scan.dir.broken.iter().filter(|entry| !read.contains(&entry.name.as_str()));
    let unread = unread.map(|entry| {
        let path = if prefix.is_empty() { entry.name.clone() } else { format!("{prefix}/{}", entry.name) };
        Finding::new(&codes::BROKEN_COPY, "It is named like a copy that a repair kept, but not like one of a segment.").at(path)
    });
    scan.set_aside.iter().map(|copy| judge(copy, log, &path_of(prefix, copy))).chain(unread).collect()
}

fn judge(copy: &SegmentScan, log: Held, path: &str) -> Finding {
    let finding = |message: String| Finding::new(&codes::BROKEN_COPY, message).at(path);
    if copy.is_unread() {
        return finding("An earlier start repaired the log and kept this copy. It could not be read.".to_owned())
            .advice("Keep it until it was looked into.");
    }
    let held = Held::of(copy);
    if held.last <= log.last {
        let message = "An earlier start repaired the log and kept this copy. It holds no entry that the log does not have now.";
        return finding(message.to_owned()).advice("The copy may be moved away.");
    }
    let first = LogIndex(log.last.0 + 1);
    let committed = held.commit.max(log.commit);
    let span = if first == held.last { format!("entry {first}") } else { format!("entries {first} to {}", held.last) };
    let opening =
        format!("An earlier start repaired the log and kept this copy. It holds the {span}, which the log does not have now");
    if committed < first {
        let advice = "Keep the copy until the node has caught up; what is in it was not known to be committed.";
        return finding(format!("{opening}; nothing says that they were committed.")).severity(Severity::Info).advice(advice);
    }
    let message = format!("{opening}. A hard state says commit {committed}: what was cut off had been committed.");
    let advice = "Do not start the node again, and keep the copy: list it with `wal dump`. Entries in it that no other voter has are \
                  nowhere else.";
    finding(message).severity(Severity::Error).advice(advice).expected(format!("entries up to {committed}")).found(log.last)
}

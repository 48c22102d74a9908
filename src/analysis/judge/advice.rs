//! Advice that fits the circumstances: no remark carries the advice of an error, and the only voter of a group is never told
//! to take something from another one.

use super::codes::CodeInfo;
use super::{Finding, Severity};
use crate::analysis::server::conditions::Condition;

/// Words by which advice sends its reader to another member of the group.
const ELSEWHERE: &[&str] = &[
    "rejoin",
    "another member",
    "other member",
    "another node",
    "other node",
    "healthy node",
    "other voter",
    "let it join",
    "join as a",
    "rebuild the node",
    "rebuild it",
    "rebuild the one",
    "from the group",
];

const LOG: &str = "Copy the whole directory aside before anything starts on it: this is the only voter, so that nobody else has these \
                   entries. What the log lost may still stand in a .wal.broken, behind the end of a segment, or in a backup.";
const SNAPSHOT: &str = "Keep a copy of the directory: this is the only voter, and nobody else has the snapshot. A start whose store is \
                        far enough does not read it, which `gate-dryrun` forecasts. A .snap file that is lost may be made again \
                        (`snapshot rebuild`); for anything else a backup is needed.";
const STORE: &str = "Keep a copy of the directory: this is the only voter, and nobody else has these rows. Moving fsm.db away so that \
                     the newest snapshot is restored gives back only what snapshot and log hold: verify both first.";
const KEYS: &str = "Check that the sidecar is this node's newest one: put it back before anything starts. This is the only voter, so that whatever \
                    no key opens is in a backup or nowhere.";
const OTHER: &str = "Keep a copy of the directory before anything starts on it: this is the only voter, and all that is left of the \
                     group is here or in a backup.";

/// True if the advice needs a second member of the group.
pub(super) fn needs_others(advice: &str) -> bool {
    ELSEWHERE.iter().any(|words| advice.contains(words))
}

/// What to do where there is no other voter.
fn alone(code: &CodeInfo) -> &'static str {
    let of = |prefixes: &[&str]| prefixes.iter().any(|prefix| code.code.starts_with(prefix));
    if of(&["wal-", "log-", "applied-", "commit-", "hardstate-", "replay-", "term-", "vote-", "stable-"]) {
        LOG
    } else if of(&["fsm-", "snap-"]) {
        SNAPSHOT
    } else if of(&["store-", "table-"]) {
        STORE
    } else if of(&["enc-"]) {
        KEYS
    } else {
        OTHER
    }
}

/// Replaces advice that sends the only voter of a group to somebody who is not there.
pub fn for_only_voter(findings: &mut [Finding]) {
    for finding in findings.iter_mut().filter(|finding| needs_others(&finding.advice)) {
        finding.advice = match finding.severity {
            Severity::Error => alone(finding.code).to_owned(),
            Severity::Warning | Severity::Info => finding.code.softened(finding.severity),
        };
    }
}

/// What `explain`, which does not know the group, says beside the usual advice.
pub fn explained_for_only_voter(code: &'static CodeInfo) -> Option<&'static str> {
    needs_others(code.safe).then(|| alone(code))
}

/// The same for an error of the server.
pub fn error_for_only_voter(condition: &'static Condition) -> Option<&'static str> {
    needs_others(condition.safe).then_some(OTHER)
}

#[cfg(test)]
mod tests {
    use super::super::codes;
    use super::*;

    #[test]
    fn the_only_voter_is_sent_to_nobody() {
        for text in [LOG, SNAPSHOT, STORE, KEYS, OTHER] {
            assert!(!needs_others(text), "{text}");
        }
        for code in codes::all().into_iter().filter(|code| code.never.is_none()) {
            let mut findings = [Finding::new(code, "It is so.")];
            for_only_voter(&mut findings);
            assert!(!needs_others(&findings[0].advice), "{}: {}", code.code, findings[0].advice);
        }
    }

    #[test]
    fn a_finding_that_is_milder_than_its_code_does_not_carry_its_advice() {
        let code = &codes::wal::DATA_BEYOND_END;
        let advice = |severity| Finding::new(code, "It is so.").severity(severity).advice;
        assert_eq!(advice(Severity::Error), code.safe);
        assert!(advice(Severity::Warning).contains("explain wal-data-beyond-end"));
        assert_eq!(advice(Severity::Info), "");
        // What was said for the place stays.
        let own = Finding::new(code, "It is so.").advice("Wait.").severity(Severity::Info);
        assert_eq!(own.advice, "Wait.");
        // A code that is a remark by itself has advice of its own.
        let remark = &codes::wal::TORN_TAIL;
        assert_eq!(Finding::new(remark, "It is so.").severity(Severity::Info).advice, remark.safe);
    }

    /// What is no error by itself does not forbid a start.
    #[test]
    fn only_errors_forbid_a_start() {
        for code in codes::all().into_iter().filter(|code| code.severity != Severity::Error) {
            for words in ["Do not start", "before anything starts", "before any start"] {
                assert!(!code.safe.contains(words), "{} is {}: {}", code.code, code.severity, code.safe);
            }
        }
    }
}

//! Every finding code that the tool can emit, with what `explain` says about it; and the few that it only explains.
//!
//! A [`Finding`](super::Finding) holds a reference to its entry, so that a code without a text cannot be emitted.
//! Names are stable: never renamed, never reused.

pub mod compare;
pub mod directory;
pub mod dump;
pub mod encryption;
pub mod etcd;
pub mod files;
pub mod gate;
pub mod hashicorp;
pub mod invariants;
pub mod offload;
pub mod raftwal;
pub mod snapshot;
pub mod store;
pub mod table;
pub mod wal;

use super::severity::Severity;

/// One finding code.
#[derive(Debug, PartialEq, Eq)]
pub struct CodeInfo {
    /// Stable kebab-case name.
    pub code: &'static str,
    /// Usual severity; a finding may carry another when the circumstances say so.
    pub severity: Severity,
    /// One line without a full stop.
    pub title: &'static str,
    /// What it means, for someone who is afraid.
    pub meaning: &'static str,
    /// Which bytes decide it.
    pub decided_by: &'static str,
    /// What is safe to do.
    pub safe: &'static str,
    /// What is not.
    pub not_safe: &'static str,
    /// The command that shows more.
    pub more: &'static str,
    /// Why no finding ever has this code, for a name that is only explained because it is known elsewhere.
    pub never: Option<&'static str>,
}

impl CodeInfo {
    /// The advice of a finding that is milder here than its code is as a rule.
    pub(super) fn softened(&self, severity: Severity) -> String {
        match severity {
            Severity::Error => self.safe.to_owned(),
            Severity::Warning => {
                format!("It is not certain that anything is lost; `ekv-tool explain {}` tells what it would mean.", self.code)
            }
            Severity::Info => String::new(),
        }
    }
}

/// All codes, by the part of the data they speak about.
const GROUPS: &[&[&CodeInfo]] = &[
    compare::ALL,
    directory::ALL,
    dump::ALL,
    encryption::ALL,
    etcd::ALL,
    files::ALL,
    gate::ALL,
    hashicorp::ALL,
    invariants::ALL,
    offload::ALL,
    raftwal::ALL,
    snapshot::ALL,
    store::ALL,
    table::ALL,
    wal::ALL,
];

/// All codes in the order of their names.
pub fn all() -> Vec<&'static CodeInfo> {
    let mut all: Vec<_> = GROUPS.iter().flat_map(|group| group.iter().copied()).collect();
    all.sort_by_key(|info| info.code);
    all
}

/// The entry of one code.
pub fn find(code: &str) -> Option<&'static CodeInfo> {
    GROUPS.iter().flat_map(|group| group.iter().copied()).find(|info| info.code == code)
}

/// What is said of a code that another version of the program knows.
pub(super) const UNKNOWN: &str = "a finding code that is not known here";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_kebab_case_and_every_text_is_there() {
        let all = all();
        for pair in all.windows(2) {
            assert_ne!(pair[0].code, pair[1].code, "a code is listed twice");
        }
        for info in all {
            assert!(info.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", info.code);
            for text in [info.title, info.meaning, info.decided_by, info.safe, info.not_safe, info.more] {
                assert!(!text.is_empty(), "{} lacks a text", info.code);
            }
            assert!(!info.title.ends_with('.'), "{}: a title has no full stop", info.code);
            assert!(info.more.starts_with("ekv-tool "), "{}: `more` is a command", info.code);
            assert!(info.never.is_none_or(|why| why.ends_with('.')), "{}: the reason is a sentence", info.code);
        }
    }
}

//! What the server says when it refuses or stops, with what `explain` says about it.
//!
//! Texts are matched anywhere in a line, because every layer of the server puts a prefix in front.

use std::fmt;

use crate::types::ServerVersion;

/// Gives each condition of a file its static, and all of them to one list: what is not in a list has no name, so that an
/// error of the server without an explanation does not compile.
macro_rules! conditions {
    (list $list:ident; $($(#[$doc:meta])* pub static $name:ident: Condition = $condition:expr;)*) => {
        $($(#[$doc])* pub static $name: Condition = $condition;)*

        /// Every condition of this file.
        pub(super) static $list: &[&Condition] = &[$(&$name),*];
    };
}

mod apply;
mod encryption;
mod endings;
mod etcd;
mod legacy;
mod offload;
mod payload;
mod peers;
mod remarks;
mod runtime;
mod snapshot;
mod startup;
mod store;
mod system;
mod wal;

pub use apply::*;
pub use encryption::*;
pub use endings::*;
pub use etcd::*;
pub use legacy::*;
pub use offload::*;
pub use payload::*;
pub use peers::*;
pub use remarks::*;
pub use runtime::*;
pub use snapshot::*;
pub use startup::*;
pub use store::*;
pub use system::*;
pub use wal::*;

/// One condition of the server. There is one static of each, and two are the same if their names are.
pub struct Condition {
    /// The server's own name, or the text itself where it has none.
    pub name: &'static str,
    /// Texts by which a line is recognised; `*` stands for anything. Lower case.
    pub says: &'static [&'static str],
    /// The one server that says it, or `None` for both.
    pub engine: Option<ServerVersion>,
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
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Condition {}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({:?})", self.name)
    }
}

/// All conditions in the order of a start.
pub fn all() -> impl Iterator<Item = &'static Condition> {
    let causes = [STARTUP, STORE, PEERS, SNAPSHOT, PAYLOAD, WAL, APPLY, ENCRYPTION, LEGACY, OFFLOAD, ETCD, SYSTEM, RUNTIME];
    causes.into_iter().chain([REMARKS, ENDINGS]).flatten().copied()
}

/// True for a line that says what a start did, and is no error.
pub fn is_remark(condition: &Condition) -> bool {
    REMARKS.contains(&condition)
}

/// True for a line that says that a process ended, and not why.
pub fn is_ending(condition: &Condition) -> bool {
    ENDINGS.contains(&condition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_has_every_text() {
        let mut names: Vec<_> = all().map(|text| text.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "a name occurs twice");
        for text in all() {
            assert!(!text.says.is_empty(), "{} cannot be recognised", text.name);
            for says in text.says {
                assert_eq!(*says, says.to_lowercase(), "{}: patterns are lower case", text.name);
                assert!(says.split('*').any(|part| part.trim().len() >= 3), "{}: {says:?} matches everything", text.name);
            }
            for part in [text.title, text.meaning, text.decided_by, text.safe, text.not_safe, text.more] {
                assert!(!part.is_empty(), "{} lacks a text", text.name);
                assert!(!part.contains("  "), "{}: double blank in {part:?}", text.name);
            }
            assert!(!text.title.ends_with('.'), "{}: a title has no full stop", text.name);
            assert!(text.more.starts_with("ekv-tool "), "{}: `more` is a command", text.name);
        }
    }
}

//! What the server says when it refuses or stops, with what `explain` says about it.
//!
//! Texts are matched anywhere in a line, because every layer of the server puts a prefix in front.

pub mod apply;
pub mod encryption;
pub mod legacy;
pub mod offload;
pub mod payload;
pub mod peers;
pub mod snapshot;
pub mod startup;
pub mod store;
pub mod wal;

use crate::types::ServerVersion;

/// One condition of the server.
#[derive(Debug, PartialEq, Eq)]
pub struct ServerText {
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

/// All conditions, by the part of the start that raises them.
const GROUPS: &[&[ServerText]] = &[
    startup::ALL,
    store::ALL,
    peers::ALL,
    snapshot::ALL,
    payload::ALL,
    wal::ALL,
    apply::ALL,
    encryption::ALL,
    legacy::ALL,
    offload::ALL,
];

/// All conditions in the order of a start.
pub fn all() -> impl Iterator<Item = &'static ServerText> {
    GROUPS.iter().flat_map(|group| group.iter())
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

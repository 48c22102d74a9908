//! What the library says when it refuses or ends, with what `explain` says about it: texts of hashicorp/raft, raft-boltdb, bbolt
//! and raft-wal.
//!
//! They are matched as those of the server are; which of the two a line is from is decided by the longest text in it.

mod bolt;
mod raft;
mod raftwal;

use crate::analysis::server::conditions::Condition;

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Condition> {
    raft::RAFT.iter().chain(bolt::BOLT).chain(raftwal::RAFT_WAL)
}

/// True for a text of the library, as opposed to one of the server.
pub fn is_of_the_library(condition: &Condition) -> bool {
    all().any(|known| known == condition)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::explain::{Answer, explain};

    #[test]
    fn every_text_is_whole() {
        for text in all() {
            assert!(!text.says.is_empty(), "{} cannot be recognised", text.name);
            assert!(text.says.iter().all(|says| *says == says.to_lowercase()), "{}: patterns are lower case", text.name);
            for part in [text.title, text.meaning, text.decided_by, text.safe, text.not_safe] {
                assert!(!part.is_empty() && !part.contains("  "), "{}: {part:?}", text.name);
            }
            assert!(!text.title.ends_with('.'), "{}: a title has no full stop", text.name);
            assert!(text.more.starts_with("ekv-tool "), "{}: `more` is a command", text.name);
            for says in text.says {
                let line = says.replace('*', "7");
                assert!(matches!(explain(&line), Answer::Server(found) if found[0] == text), "{line}");
            }
        }
    }
}

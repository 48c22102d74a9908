//! What was looked at, and what was not.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::types::count_work;

/// The extent of an examination.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Coverage {
    /// Files read, in whole or in part.
    pub files: u64,
    /// Bytes that were read and checked.
    pub bytes_examined: u64,
    /// What was left out.
    pub not_examined: Vec<NotExamined>,
}

/// Something that was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NotExamined {
    /// The part of the data.
    pub what: String,
    /// The reason.
    pub why: String,
    /// True when the verdict needs it: it is then `unknown` instead of `clean`.
    pub needed: bool,
}

impl Coverage {
    /// Counts one file of which `bytes` were examined.
    pub const fn add_file(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes_examined += bytes;
    }

    /// Something was left out that the caller did not ask for.
    pub fn skipped(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.not_examined.push(NotExamined { what: what.into(), why: why.into(), needed: false });
    }

    /// Something that the verdict needs could not be examined.
    pub fn missing(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.not_examined.push(NotExamined { what: what.into(), why: why.into(), needed: true });
    }

    /// What the verdict needs and was not looked at.
    pub fn needed(&self) -> impl Iterator<Item = &NotExamined> + Clone {
        self.not_examined.iter().filter(|part| part.needed)
    }

    /// Adds what another look at the same files left out, each part once.
    pub fn also_left_out(&mut self, parts: impl IntoIterator<Item = NotExamined>) {
        let mut known: HashSet<String> = self.not_examined.iter().map(|part| part.what.clone()).collect();
        for part in parts {
            count_work(1);
            if known.insert(part.what.clone()) {
                self.not_examined.push(part);
            }
        }
    }

    /// Forgets what was left out without having been asked for, where that was never the question or is said otherwise.
    pub fn keep_needed(&mut self) {
        self.not_examined.retain(|part| part.needed);
    }

    /// Adds another examination's extent.
    pub fn absorb(&mut self, other: Self) {
        let Self { files, bytes_examined, not_examined } = other;
        self.files += files;
        self.bytes_examined += bytes_examined;
        self.not_examined.extend(not_examined);
    }
}

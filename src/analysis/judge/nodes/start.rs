//! What the next start of a node does, as far as the others have to know.

use crate::analysis::server::{Forecast, Outcome};

/// The next start of one node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeStart {
    /// The forecast's outcome in a word; `refused` for a start that ends early.
    pub outcome: &'static str,
    /// Why it is refused or not known.
    pub reason: Option<String>,
    /// Codes of what a start that is not refused would lose or corrupt.
    pub harm: Vec<&'static str>,
}

impl NodeStart {
    /// From a forecast; what it would harm is for the caller to add.
    pub fn of(seen: &Forecast) -> Self {
        let outcome = match seen.outcome {
            Outcome::Skip => "skip",
            Outcome::None => "none",
            Outcome::Execute => "execute",
            Outcome::LegacyRestore => "legacy-restore",
            Outcome::Fallback => "fallback",
            Outcome::Abort => "refused",
            Outcome::Unknown => return Self::unknown(seen.reason.clone()),
        };
        Self { outcome, reason: seen.abort.as_ref().map(|abort| abort.text.clone()), harm: Vec::new() }
    }

    /// A start that cannot be foretold.
    pub const fn unknown(why: String) -> Self {
        Self { outcome: "unknown", reason: Some(why), harm: Vec::new() }
    }

    /// Whether the node comes up; `None` when that is not known.
    pub fn comes_up(&self) -> Option<bool> {
        match self.outcome {
            "refused" => Some(false),
            "unknown" | "" => None,
            _ => Some(true),
        }
    }

    /// Why the node is better left as it is.
    pub fn objection(&self) -> Option<String> {
        match (self.outcome, &self.reason, self.harm.first()) {
            ("refused", Some(reason), _) => Some(format!("its start is refused: {reason}")),
            ("unknown", Some(reason), _) => Some(format!("its start cannot be foretold: {reason}")),
            (_, _, Some(code)) => Some(format!("its start would do harm ({code})")),
            _ => None,
        }
    }
}

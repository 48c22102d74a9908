//! What the next start of a node does, as far as the others have to know.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::analysis::judge::codes;
use crate::analysis::server::{Forecast, Outcome};

/// The next start of one node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct NodeStart {
    /// The forecast's outcome in a word; `refused` for a start that ends early; empty when it was not asked for.
    pub outcome: &'static str,
    /// Why it is refused or not known.
    pub reason: Option<String>,
    /// Codes of what a start that is not refused would lose or corrupt.
    pub harm: Vec<&'static str>,
}

/// The same as it is read.
#[derive(Deserialize)]
struct Words {
    outcome: String,
    reason: Option<String>,
    harm: Vec<String>,
}

/// The words for an outcome.
const OUTCOMES: [&str; 8] = ["skip", "none", "execute", "legacy-restore", "fallback", "refused", "unknown", ""];

/// What another run of the program has written.
impl<'de> Deserialize<'de> for NodeStart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Words::deserialize(deserializer)?;
        let outcome = OUTCOMES.into_iter().find(|known| *known == words.outcome);
        let outcome = outcome.ok_or_else(|| D::Error::custom("an outcome of a start that is not known here"))?;
        let known = |name: &String| codes::find(name).map(|code| code.code);
        let harm = words.harm.iter().map(known).collect::<Option<_>>();
        Ok(Self { outcome, reason: words.reason, harm: harm.ok_or_else(|| D::Error::custom(codes::UNKNOWN))? })
    }
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

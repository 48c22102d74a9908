//! The skip gate through time: one rule a server version.

use serde::Serialize;

use crate::types::Rule;

/// The numbers that a rule compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateNumbers {
    /// Index in the token.
    pub token_index: u64,
    /// Index of the chosen snapshot, S.
    pub snapshot_index: u64,
    /// Commit of the last hard state, K.
    pub commit: u64,
    /// Last entry of the log, L.
    pub last_index: u64,
}

/// What a rule decides for a readable or missing applied index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GateDecision {
    /// The store is recent enough.
    Skip,
    /// The store is behind the threshold: the full restore runs.
    Execute,
    /// The store does not say how far it is: the full restore runs.
    Fallback,
}

impl Rule {
    /// All rules, oldest first.
    pub const ALL: [Self; 6] = [Self::A, Self::B, Self::BPrime, Self::C, Self::CPrime, Self::D];

    /// The short name used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::BPrime => "b'",
            Self::C => "c",
            Self::CPrime => "c'",
            Self::D => "d",
        }
    }

    /// One line that says what the rule asks for.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::A => "token index (first version, June 2026)",
            Self::B => "max(snapshot, last entry)",
            Self::BPrime => "max(snapshot, last entry), duplicates dropped",
            Self::C => "max(snapshot, commit) = pr934",
            Self::CPrime => "max(snapshot, commit), computed floor",
            Self::D => "snapshot index = main",
        }
    }

    /// The applied index from which on a restore is skipped.
    pub const fn threshold(self, numbers: GateNumbers) -> u64 {
        let GateNumbers { token_index, snapshot_index, commit, last_index } = numbers;
        match self {
            Self::A => token_index,
            Self::B | Self::BPrime => max(snapshot_index, last_index),
            Self::C | Self::CPrime => max(snapshot_index, commit),
            Self::D => snapshot_index,
        }
    }

    /// Decides for an applied index that is present, or missing (`None`).
    pub const fn decide(self, numbers: GateNumbers, applied: Option<u64>) -> GateDecision {
        match applied {
            None => GateDecision::Fallback,
            Some(applied) if applied < self.threshold(numbers) => GateDecision::Execute,
            Some(_) => GateDecision::Skip,
        }
    }

    /// True when a skip raises the applied counter to the store's index; the oldest rules left it at the snapshot.
    pub const fn counts_from_store(self) -> bool {
        !matches!(self, Self::A | Self::B)
    }

    /// True when the applied floor is computed by reading the log; the older rules take the snapshot.
    pub const fn computes_floor(self) -> bool {
        matches!(self, Self::CPrime | Self::D)
    }

    /// The index against which the reported gap is measured.
    pub const fn baseline(self, numbers: GateNumbers) -> u64 {
        match self {
            Self::A | Self::BPrime | Self::C | Self::CPrime => numbers.token_index,
            Self::B => self.threshold(numbers),
            Self::D => numbers.snapshot_index,
        }
    }
}

const fn max(a: u64, b: u64) -> u64 {
    if a > b { a } else { b }
}

#[cfg(test)]
mod tests {
    use super::*;
    use GateDecision::{Execute, Skip};

    /// The worked example of the rules' history: S = 100, H = 150.
    #[test]
    fn the_rules_differ_where_history_says_they_do() {
        let rows = [
            ((150, 150, 150), [Skip, Skip, Skip, Skip]),
            ((150, 170, 150), [Skip, Execute, Skip, Skip]),
            ((160, 170, 150), [Skip, Execute, Execute, Skip]),
            ((120, 170, 150), [Skip, Execute, Skip, Skip]),
            ((150, 150, 99), [Execute, Execute, Execute, Execute]),
        ];
        for ((commit, last_index, applied), expected) in rows {
            let numbers = GateNumbers { token_index: 100, snapshot_index: 100, commit, last_index };
            let got = [Rule::A, Rule::B, Rule::C, Rule::D].map(|rule| rule.decide(numbers, Some(applied)));
            assert_eq!(got, expected, "K {commit} L {last_index} H {applied}");
            assert_eq!(Rule::BPrime.decide(numbers, Some(applied)), expected[1]);
            assert_eq!(Rule::CPrime.decide(numbers, Some(applied)), expected[2]);
        }
    }

    #[test]
    fn a_missing_applied_index_always_falls_back() {
        let numbers = GateNumbers { token_index: 1, snapshot_index: 1, commit: 1, last_index: 1 };
        for rule in Rule::ALL {
            assert_eq!(rule.decide(numbers, None), GateDecision::Fallback);
        }
    }
}

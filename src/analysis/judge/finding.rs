//! Findings and the verdict that follows from them.

use std::collections::HashMap;
use std::fmt::{self, Display};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::codes::{self, CodeInfo};
use super::coverage::Coverage;
use super::severity::Severity;

/// What the tool says about the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything that was asked for was examined and nothing is wrong.
    Clean,
    /// Something is wrong.
    Damaged,
    /// Something needed could not be examined, or changed while it was read.
    Unknown,
}

/// Something noticed in the data. Never an error of the tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Finding {
    /// What kind of finding this is; serialises as its stable name.
    #[serde(serialize_with = "code_name")]
    #[schemars(with = "String")]
    pub code: &'static CodeInfo,
    /// How bad it is here; starts as the code's usual severity.
    pub severity: Severity,
    /// The group directory it belongs to, where several were examined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The file, as the caller named it or below what the caller named.
    pub path: Option<String>,
    /// First byte concerned, from the start of the file.
    pub offset: Option<u64>,
    /// Number of bytes concerned.
    pub length: Option<u64>,
    /// What should be there.
    pub expected: Option<String>,
    /// What is there.
    pub found: Option<String>,
    /// What it means here, in one or two sentences.
    pub message: String,
    /// What to do; empty when nothing has to be done.
    pub advice: String,
    /// The code of the finding that explains this one: a consequence of the same cause, not another damage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub derived_from: Option<&'static str>,
    /// Further findings of the same code and severity behind this one, which are only counted.
    #[serde(skip_serializing_if = "is_none")]
    pub more: u64,
}

/// Findings of one code and severity that are kept from the front.
const KEPT_FIRST: usize = 64;
/// Findings of one code and severity that are kept from the end.
const KEPT_LAST: usize = 8;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_none(more: &u64) -> bool {
    *more == 0
}

/// What is capped together: code, severity, group.
type Kind = (&'static str, Severity, Option<String>);

fn code_name<S: Serializer>(code: &&'static CodeInfo, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code.code)
}

/// A finding as it stands in JSON.
#[derive(Deserialize)]
struct Written {
    code: String,
    severity: Severity,
    group: Option<String>,
    path: Option<String>,
    offset: Option<u64>,
    length: Option<u64>,
    expected: Option<String>,
    found: Option<String>,
    message: String,
    advice: String,
    derived_from: Option<String>,
    #[serde(default)]
    more: u64,
}

/// What another run of the program has written. A code that this one does not know is an error.
impl<'de> Deserialize<'de> for Finding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { code, severity, group, path, offset, length, expected, found, message, advice, derived_from, more } =
            Written::deserialize(deserializer)?;
        let known = |name: &str| codes::find(name).ok_or_else(|| serde::de::Error::custom(codes::UNKNOWN));
        let derived_from = derived_from.map(|name| known(&name).map(|code| code.code)).transpose()?;
        let code = known(&code)?;
        Ok(Self { code, severity, group, path, offset, length, expected, found, message, advice, derived_from, more })
    }
}

impl Finding {
    /// A finding with the code's usual severity and advice.
    pub fn new(code: &'static CodeInfo, message: impl Into<String>) -> Self {
        debug_assert!(code.never.is_none(), "{} is said never to be emitted", code.code);
        Self {
            code,
            severity: code.severity,
            group: None,
            path: None,
            offset: None,
            length: None,
            expected: None,
            found: None,
            message: message.into(),
            advice: code.safe.to_owned(),
            derived_from: None,
            more: 0,
        }
    }

    /// As many findings as this one stands for.
    pub const fn count(&self) -> u64 {
        self.more.saturating_add(1)
    }

    /// Counts `more` findings that are left out behind this one.
    #[must_use]
    pub const fn and_more(mut self, more: u64) -> Self {
        self.more = self.more.saturating_add(more);
        self
    }

    /// Keeps the first and the last few findings of each code, severity and group, in their order; the one before the gap
    /// says how many there are in it. Damaged bytes can make a finding of every few of them, and nobody reads a thousand.
    pub fn cap(findings: &mut Vec<Self>) {
        if findings.len() <= KEPT_FIRST + KEPT_LAST {
            return;
        }
        let mut total: HashMap<Kind, usize> = HashMap::new();
        for finding in &*findings {
            *total.entry(finding.kind()).or_default() += 1;
        }
        let mut seen: HashMap<Kind, usize> = HashMap::new();
        // Where the gap of each kind begins, among what is kept, and what lies in it.
        let mut gaps: HashMap<Kind, (usize, u64)> = HashMap::new();
        let mut kept = Vec::new();
        for finding in std::mem::take(findings) {
            let kind = finding.kind();
            let number = seen.entry(kind.clone()).or_default();
            *number += 1;
            let in_gap = *number > KEPT_FIRST && *number + KEPT_LAST <= total.get(&kind).copied().unwrap_or_default();
            if in_gap {
                if let Some((_, left_out)) = gaps.get_mut(&kind) {
                    *left_out = left_out.saturating_add(finding.count());
                }
                continue;
            }
            if *number == KEPT_FIRST {
                gaps.insert(kind, (kept.len(), 0));
            }
            kept.push(finding);
        }
        for (at, left_out) in gaps.into_values() {
            if let Some(finding) = kept.get_mut(at) {
                finding.more = finding.more.saturating_add(left_out);
            }
        }
        *findings = kept;
    }

    fn kind(&self) -> Kind {
        (self.code.code, self.severity, self.group.clone())
    }

    /// Names the file.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Names the place in the file.
    #[must_use]
    pub const fn offset(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// Names the place and its extent.
    #[must_use]
    pub const fn range(mut self, offset: u64, length: u64) -> Self {
        self.offset = Some(offset);
        self.length = Some(length);
        self
    }

    /// What should be there.
    #[must_use]
    pub fn expected(mut self, expected: impl Display) -> Self {
        self.expected = Some(expected.to_string());
        self
    }

    /// What is there.
    #[must_use]
    pub fn found(mut self, found: impl Display) -> Self {
        self.found = Some(found.to_string());
        self
    }

    /// Another severity than the code's usual one. What is milder than usual does not carry the advice of the code; advice
    /// that was given for this place stays.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.weigh(severity);
        self
    }

    /// The same for a finding that was made already.
    pub fn weigh(&mut self, severity: Severity) {
        if severity > self.code.severity && self.advice == self.code.safe {
            self.advice = self.code.softened(severity);
        }
        self.severity = severity;
    }

    /// Other advice than the code's usual one.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }
}

impl Verdict {
    /// Damaged if any finding is an error, else unknown if something that was asked for was not examined, else clean.
    pub fn of(findings: &[Finding], coverage: &Coverage) -> Self {
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            Self::Damaged
        } else if coverage.needed().next().is_some() {
            Self::Unknown
        } else {
            Self::Clean
        }
    }

    /// The word used in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Damaged => "damaged",
            Self::Unknown => "unknown",
        }
    }

    /// The worse of two: damaged, then unknown, then clean.
    #[must_use]
    pub const fn worse(self, other: Self) -> Self {
        match (self, other) {
            (Self::Damaged, _) | (_, Self::Damaged) => Self::Damaged,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Clean, Self::Clean) => Self::Clean,
        }
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::judge::codes::{files, wal};

    #[test]
    fn many_findings_of_one_kind_are_counted_and_few_are_kept() {
        let mut findings: Vec<_> = (0..1000).map(|at| Finding::new(&wal::RECORD_TYPE_UNKNOWN, "x").offset(at)).collect();
        findings.insert(500, Finding::new(&files::FILE_DAMAGED, "y"));
        findings[100].more = 7;
        Finding::cap(&mut findings);
        assert_eq!(findings.len(), KEPT_FIRST + KEPT_LAST + 1);
        assert_eq!(findings.iter().map(Finding::count).sum::<u64>(), 1000 + 1 + 7);
        let offsets: Vec<_> = findings.iter().filter_map(|finding| finding.offset).collect();
        assert_eq!((offsets[63], offsets[64], offsets[71]), (63, 992, 999));
        assert_eq!(findings[63].more, 1000 - 72 + 7);
        let before = findings.clone();
        Finding::cap(&mut findings);
        assert_eq!(findings, before);
    }
}

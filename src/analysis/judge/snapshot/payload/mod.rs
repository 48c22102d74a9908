//! Is one payload intact, and is it the one its token means?

mod footer;
mod judge;
mod rows;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use judge::Judge;
pub(in crate::analysis::judge) use judge::ahead_of_index;

use crate::analysis::judge::codes::snapshot as codes;
use crate::analysis::{Coverage, Finding, ServerError, Severity, Verdict};
use crate::formats::fsm::body::BodyFormat;
use crate::formats::fsm::{FsmHeader, FsmName};
use crate::readers::content::{Candidate, EarlierReading};
use crate::readers::sealed_rows::OpenedRows;
use crate::readers::usage::Usage;
use crate::readers::{Depth, FsmFacts, SpaceRows};
use crate::types::{Crc32c, LogIndex, ServerVersion};

/// Result of one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// As it should be.
    Pass,
    /// Not as it should be.
    Fail,
    /// Not asked for, or nothing to check against.
    NotRun,
    /// Could not be told.
    Unknown,
    /// Not made now: a ledger says that an earlier run made it, on the file as it still is, and that it passed.
    FromLedger,
}

/// Results of all checks of a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Checks {
    /// Long enough to have a footer.
    pub size: Check,
    /// The footer is the token's checksum.
    pub token_crc: Check,
    /// The clock header can be read.
    pub header: Check,
    /// The footer is the payload's checksum.
    pub body_crc: Check,
    /// Every row can be restored and read.
    pub deep: Check,
}

/// The token that a payload is held against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct PayloadToken {
    /// Where it comes from.
    pub source: String,
    /// The index it names; absent when only a checksum was given.
    pub index: Option<LogIndex>,
    /// The footer it promises.
    pub crc32c: Crc32c,
}

/// What the rows of a payload add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RowCounts {
    /// Rows of any kind.
    pub rows: u64,
    /// Versions of user keys among them.
    pub versions: u64,
    /// Versions that delete their key.
    pub tombstones: u64,
    /// Versions in a storage envelope.
    pub sealed: u64,
    /// How many of these the keys at hand open; `null` without keys.
    pub opened: Option<u64>,
    /// Sum of the key lengths in bytes.
    pub key_bytes: u64,
    /// Sum of the value lengths in bytes.
    pub value_bytes: u64,
}

/// One payload and what is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct VerifiedPayload {
    /// The group directory, where several were examined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The file.
    pub path: String,
    /// The index it stands for.
    pub index: Option<LogIndex>,
    /// Length of the file in bytes.
    pub size_bytes: Option<u64>,
    /// Length of the payload in bytes.
    pub payload_bytes: Option<u64>,
    /// Its clock header; version 0 when it has none, absent when it cannot be read.
    pub header: Option<FsmHeader>,
    /// Format of the store payload.
    pub body_format: Option<BodyFormat>,
    /// The checksum it claims.
    pub footer_crc32c: Option<Crc32c>,
    /// The checksum it has.
    pub computed_crc32c: Option<Crc32c>,
    /// What it was held against.
    pub token: Option<PayloadToken>,
    /// The results.
    pub checks: Checks,
    /// The applied index that it carries among its rows.
    pub applied_index: Option<LogIndex>,
    /// What its rows add up to, when they were walked to the end.
    pub rows: Option<RowCounts>,
    /// The same by what the rows belong to; `snapshot stat` shows it.
    #[serde(skip)]
    pub spaces: BTreeMap<&'static str, SpaceRows>,
    /// Who uses the space, when that was asked for; `snapshot stat` shows it.
    #[serde(skip)]
    pub usage: Option<Box<Usage>>,
    /// The earlier reading that a ledger vouches for, where the content was not read now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_ledger: Option<EarlierReading>,
    /// What a ledger may say of it: its whole content was read now, and nothing at all was found.
    #[serde(skip)]
    pub vouched: Option<Candidate>,
    /// What a start that used this file without restoring from it would raise first.
    pub engine_error: Option<ServerError>,
    /// What a start that restored from it would raise first.
    pub restore_error: BTreeMap<ServerVersion, Option<ServerError>>,
    /// Of this payload alone.
    pub verdict: Verdict,
}

/// A payload as it was met.
#[derive(Debug, Clone)]
pub struct Subject<'f> {
    /// The path for people.
    pub path: String,
    /// The file name.
    pub name: &'f str,
    /// What stands there.
    pub facts: &'f FsmFacts,
    /// What keys made of its sealed rows.
    pub opened: Option<&'f OpenedRows>,
    /// The token that means it.
    pub token: Option<PayloadToken>,
    /// True when no start would ever open it: what is wrong with it is then a warning, unless its bytes are not those that were
    /// written under its name.
    pub expendable: bool,
    /// How closely it was looked at.
    pub depth: Depth,
}

/// A result with what goes with it.
#[derive(Debug, Clone)]
pub struct Examined<T> {
    /// The result.
    pub view: T,
    /// What is wrong or worth knowing.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub coverage: Coverage,
}

/// Judges one payload.
pub fn verify_payload(subject: &Subject<'_>) -> Examined<VerifiedPayload> {
    let mut judge = Judge { subject, findings: Vec::new(), coverage: Coverage::default() };
    let mut view = VerifiedPayload {
        group: None,
        path: subject.path.clone(),
        index: FsmName::parse(subject.name)
            .filter(|name| name.canonical)
            .map(|name| name.index)
            .or_else(|| subject.token.as_ref()?.index),
        size_bytes: None,
        payload_bytes: None,
        header: None,
        body_format: None,
        footer_crc32c: None,
        computed_crc32c: None,
        token: subject.token.clone(),
        checks: Checks {
            size: Check::Unknown,
            token_crc: Check::NotRun,
            header: Check::Unknown,
            body_crc: Check::Unknown,
            deep: Check::NotRun,
        },
        applied_index: None,
        rows: None,
        spaces: BTreeMap::new(),
        usage: None,
        from_ledger: None,
        vouched: None,
        engine_error: None,
        restore_error: ServerVersion::ALL.into_iter().map(|version| (version, None)).collect(),
        verdict: Verdict::Clean,
    };
    judge.kind();
    if let FsmFacts::File(file) = subject.facts {
        judge.file(file, &mut view);
    }
    judge.forecast(&mut view);
    let Judge { mut findings, coverage, .. } = judge;
    if subject.expendable {
        // The file gets its name when it is whole: whoever opens it or not, no crash leaves other bytes under it.
        let finished = FsmName::parse(subject.name).is_some_and(|name| name.canonical);
        let torn = |finding: &Finding| [&codes::FSM_BODY_CRC, &codes::FSM_TOO_SMALL].contains(&finding.code);
        for finding in findings.iter_mut().filter(|finding| !(finished && torn(finding))) {
            finding.weigh(finding.severity.max(Severity::Warning));
        }
    }
    view.verdict = Verdict::of(&findings, &coverage);
    // Whoever reads of it in a ledger later must not miss a remark.
    if let (FsmFacts::File(file), true, true) = (subject.facts, findings.is_empty(), view.verdict == Verdict::Clean)
        && view.checks.body_crc == Check::Pass
        && (subject.depth < Depth::Deep || view.checks.deep == Check::Pass)
    {
        view.vouched = file.candidate;
    }
    Examined { view, findings, coverage }
}

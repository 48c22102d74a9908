//! Is one `.snap` file intact, and does it agree with its name?

use std::path::Path;

use serde::Serialize;

use super::payload::Examined;
use crate::analysis::judge::codes::snapshot as codes;
use crate::analysis::{Coverage, Finding, Severity, Verdict};
use crate::formats::layout;
use crate::formats::snap::{SnapError, SnapName, SnapshotData, SnapshotToken};
use crate::readers::{SnapContent, SnapEntry, SnapReadError};
use crate::types::{LogIndex, NodeId, ServerVersion, Term};

/// One `.snap` file and what is to be said about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct VerifiedEnvelope {
    /// The group directory, where several were examined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The file.
    pub path: String,
    /// Length of the file in bytes.
    pub size_bytes: u64,
    /// Term of the entry at the index; absent when the file cannot be read.
    pub term: Option<Term>,
    /// Last entry that the snapshot covers.
    pub index: Option<LogIndex>,
    /// Members that vote.
    pub voters: Vec<NodeId>,
    /// Members that do not vote.
    pub learners: Vec<NodeId>,
    /// What it carries: `token`, `empty`, `legacy-payload`, `bad-token-version`, and in a snapshot of etcd `etcd-v2-store`.
    pub data: Option<&'static str>,
    /// The token.
    pub token: Option<SnapshotToken>,
    /// Why it cannot be read.
    pub error: Option<String>,
    /// Of this envelope alone.
    pub verdict: Verdict,
}

/// Judges one `.snap` file of a member of etcd, whose data is its own. `older_intact` as in [`verify_envelope`].
pub fn verify_etcd_envelope(entry: &SnapEntry, path: &str, older_intact: bool) -> Examined<VerifiedEnvelope> {
    let mut examined = verify_envelope(entry, path, older_intact);
    let of_the_server =
        [&codes::SNAP_LEGACY_PAYLOAD, &codes::SNAP_TOKEN_INVALID, &codes::FSM_HEADER_INVALID, &codes::FSM_BODY_MALFORMED];
    examined.findings.retain(|finding| !of_the_server.iter().any(|code| code.code == finding.code.code));
    examined.view.verdict = Verdict::of(&examined.findings, &examined.coverage);
    examined
}

/// Judges one `.snap` file. `older_intact` tells that it has the highest name of several and that a lower one can be read: a
/// crash may then have cut it.
pub fn verify_envelope(entry: &SnapEntry, path: &str, older_intact: bool) -> Examined<VerifiedEnvelope> {
    let mut findings = Vec::new();
    let mut coverage = Coverage::default();
    let mut view = VerifiedEnvelope {
        group: None,
        path: path.to_owned(),
        size_bytes: entry.size,
        term: None,
        index: None,
        voters: Vec::new(),
        learners: Vec::new(),
        data: None,
        token: None,
        error: None,
        verdict: Verdict::Clean,
    };
    if entry.changed {
        coverage.missing(path, "it changed while it was read");
    } else {
        match entry.read(ServerVersion::NEWEST) {
            Ok(content) => {
                coverage.add_file(entry.size);
                describe(content, &mut view);
                findings = content_findings(entry, content);
            }
            Err(SnapReadError::Unreadable(why)) => coverage.missing(path, format!("it cannot be read: {why}")),
            Err(error) => {
                coverage.add_file(entry.size);
                view.error = Some(error.to_string());
                findings.push(unreadable(entry, error, older_intact));
                // In a server's directory it is a stray file, which a start puts aside. Elsewhere somebody keeps it as a snapshot.
                let stray = Path::new(path).parent().and_then(Path::file_name).is_some_and(|dir| dir == layout::SNAP);
                if entry.id.is_none() && matches!(error, SnapReadError::Format(_)) && !stray {
                    coverage.missing(path, "neither its name nor its content says what it is: nothing in it could be checked");
                }
            }
        }
    }
    let findings: Vec<_> = findings.into_iter().map(|finding| finding.at(path)).collect();
    view.verdict = Verdict::of(&findings, &coverage);
    Examined { view, findings, coverage }
}

fn describe(content: &SnapContent, view: &mut VerifiedEnvelope) {
    let metadata = &content.metadata;
    view.term = Some(metadata.term);
    view.index = Some(metadata.index);
    view.voters.clone_from(&metadata.conf_state.voters);
    view.learners.clone_from(&metadata.conf_state.learners);
    view.data = Some(match content.data {
        SnapshotData::Empty => "empty",
        SnapshotData::Token(token) => {
            view.token = Some(token);
            "token"
        }
        SnapshotData::BadTokenVersion { .. } => "bad-token-version",
        SnapshotData::LegacyPayload { .. } if content.etcd => "etcd-v2-store",
        SnapshotData::LegacyPayload { .. } => "legacy-payload",
    });
}

fn content_findings(entry: &SnapEntry, content: &SnapContent) -> Vec<Finding> {
    let mut findings = Vec::new();
    let id = content.metadata.id();
    match entry.id {
        Some(name) if name.id == id => {}
        Some(name) => {
            let message = format!("The name says {}, the content says {id}.", name.id);
            findings.push(Finding::new(&codes::SNAP_IDENTITY_MISMATCH, message).expected(SnapName::of(id)).found(&entry.name));
        }
        None => {
            let message =
                format!("The content says {id}; the name says neither index nor term and protects no payload from deletion.");
            findings.push(Finding::new(&codes::SNAP_IDENTITY_MISMATCH, message).expected(SnapName::of(id)).found(&entry.name));
        }
    }
    match content.data {
        SnapshotData::Empty => {}
        SnapshotData::Token(token) if token.index == id.index => {}
        SnapshotData::Token(token) => {
            let message =
                format!("The token points at the payload of index {}, the snapshot is that of index {}.", token.index, id.index);
            findings.push(Finding::new(&codes::SNAP_IDENTITY_MISMATCH, message).expected(id.index).found(token.index));
        }
        SnapshotData::BadTokenVersion { version } => {
            let message = format!("The token has version {version}.");
            findings.push(Finding::new(&codes::SNAP_TOKEN_INVALID, message).expected(1).found(version));
        }
        SnapshotData::LegacyPayload { len } => {
            let message = format!("The data is a payload of {len} bytes instead of a token.");
            findings.push(Finding::new(&codes::SNAP_LEGACY_PAYLOAD, message));
            findings.extend(legacy_findings(content));
        }
    }
    let refuses = |version: ServerVersion| entry.read(version).as_ref().err().map(|error| (version, error));
    if let Some((version, error)) = ServerVersion::NEWEST.others().find_map(refuses) {
        let message = format!("Server {} reads it, server {version} does not: {error}.", ServerVersion::NEWEST);
        findings.push(Finding::new(&codes::SNAP_MALFORMED, message).severity(Severity::Warning));
    }
    findings
}

/// A payload without a footer is checked by nobody until it is restored.
fn legacy_findings(content: &SnapContent) -> Option<Finding> {
    let payload = content.legacy.as_ref()?;
    match (&payload.header, payload.body.as_ref().map(|body| &body.result)) {
        (Err(error), _) => Some(Finding::new(
            &codes::FSM_HEADER_INVALID,
            format!("The clock header of the payload in it cannot be read: {error}."),
        )),
        (Ok(_), Some(Err(error))) => Some(Finding::new(
            &codes::FSM_BODY_MALFORMED,
            format!("Every start restores the payload in it, and would stop: {error}."),
        )),
        _ => None,
    }
}

fn unreadable(entry: &SnapEntry, error: &SnapReadError, older_intact: bool) -> Finding {
    let torn = match error {
        SnapReadError::Format(SnapError::Envelope(error)) => entry.blank || error.is_truncation(),
        SnapReadError::Format(_) => entry.blank,
        SnapReadError::Directory | SnapReadError::Nowhere | SnapReadError::Unreadable(_) => false,
    };
    if torn && older_intact && entry.id.is_some() {
        return Finding::new(&codes::SNAP_TORN, format!("It has {} bytes and cannot be read: {error}.", entry.size));
    }
    if let SnapReadError::Directory | SnapReadError::Nowhere = error {
        let what = if *error == SnapReadError::Directory { "A directory" } else { "A link to nothing" };
        let message = format!("{what} has the name of an envelope. A start that reaches it renames it and goes on.");
        return Finding::new(&codes::SNAP_MALFORMED, message).severity(Severity::Warning);
    }
    if entry.id.is_none() {
        // Whatever it is, the server did not put it there.
        let message = format!("Neither its name nor its content is a snapshot's: {error}. A start that reaches it renames it.");
        return Finding::new(&codes::SNAP_MALFORMED, message).severity(Severity::Warning);
    }
    match error {
        SnapReadError::Format(SnapError::Crc { stored, computed }) => {
            Finding::new(&codes::SNAP_FILE_CRC, "The content does not have the checksum that the file claims.")
                .expected(stored)
                .found(computed)
        }
        SnapReadError::Format(SnapError::Envelope(inner)) => {
            Finding::new(&codes::SNAP_MALFORMED, format!("It cannot be read: {error}.")).offset(inner.at)
        }
        _ => Finding::new(&codes::SNAP_MALFORMED, format!("It cannot be read: {error}.")),
    }
}

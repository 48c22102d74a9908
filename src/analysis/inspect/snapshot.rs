//! Payloads and envelopes of snapshots.

use serde_json::json;

use super::{Description, List};
use crate::analysis::Finding;
use crate::analysis::judge::codes::snapshot as codes;
use crate::formats::fsm::FsmName;
use crate::formats::layout;
use crate::formats::snap::SnapshotData;
use crate::readers::subject::Subject;
use crate::readers::{FsmFacts, PayloadFacts, SnapEntry};
use crate::types::{ByteSize, ServerVersion};

pub(super) fn describe_payload(it: &mut Description, subject: &Subject, facts: &FsmFacts) {
    let path = subject.display.as_str();
    let FsmFacts::File(file) = facts else {
        it.coverage.missing(subject.display.clone(), "it could not be read as a file");
        return;
    };
    it.coverage.bytes_examined += file.bytes_read;
    if let Some(name) = FsmName::parse(&subject.name) {
        it.plain("index", name.index.0);
    }
    // The legacy payload beside the state files has no footer.
    let raw = subject.name == layout::LEGACY_PAYLOAD;
    let Some(payload) = &file.payload else {
        it.damaged(path, 0, format!("{} bytes are too few for a footer.", file.size));
        return;
    };
    payload_facts(it, path, payload);
    if raw {
        it.plain("footer", "none: a payload of this name is raw");
        return;
    }
    if let Some(footer) = &file.footer {
        it.plain("footer_crc32c", footer.0.to_string());
        match file.computed {
            Some(computed) if computed == footer.0 => it.plain("body_crc", "pass"),
            Some(computed) => {
                it.plain("body_crc", "fail");
                let message = "The payload does not match the checksum in the last four bytes. A file that was cut short looks like that too.";
                let finding = Finding::new(&codes::FSM_BODY_CRC, message).at(path);
                it.findings.push(finding.expected(footer.0).found(computed));
            }
            None => it.coverage.missing(format!("the checksum of {path}"), "the file is large; verify-snapshot computes it"),
        }
    }
    it.coverage.skipped("the rows of the payload", "verify-snapshot --deep and snapshot stat read them");
}

pub(super) fn payload_facts(it: &mut Description, path: &str, payload: &PayloadFacts) {
    it.fact("payload_bytes", payload.len, ByteSize(payload.len));
    match &payload.header {
        Ok(header) => {
            it.fact(
                "header_version",
                header.version,
                match header.version {
                    0 => "none: the store's bytes begin at once".to_owned(),
                    version => version.to_string(),
                },
            );
            if let Some(ceiling) = header.ceiling_ms {
                it.fact("ceiling_ms", ceiling.0, format_args!("{} ({ceiling})", ceiling.0));
            }
            if let Some(cutover) = header.cutover {
                it.plain("cutover", cutover.0);
            }
        }
        Err(error) => it.damaged(path, 0, format!("The clock header cannot be read: {error}.")),
    }
    if let Some(format) = payload.format {
        it.plain("body_format", format.name());
    }
}

pub(super) fn describe_envelope(it: &mut Description, subject: &Subject, entry: &SnapEntry) {
    it.coverage.bytes_examined += entry.size;
    let content = match entry.read(ServerVersion::NEWEST) {
        Ok(content) => content,
        Err(error) => {
            let message = format!("It is no snapshot: {error}. A start renames such a file to .broken when it reaches it.");
            it.damaged(&subject.display, 0, message);
            return;
        }
    };
    let metadata = &content.metadata;
    it.plain("index", metadata.index.0);
    it.plain("term", metadata.term.0);
    if let Some(name) = entry.id.filter(|name| name.id != metadata.id()) {
        let message = format!("The name says {}, the content {}.", name.id, metadata.id());
        it.damaged(&subject.display, 0, message);
    }
    match content.data {
        SnapshotData::Empty => it.plain("data", "empty"),
        SnapshotData::Token(token) => {
            let value = json!({ "index": token.index.0, "crc32c": token.crc32c.to_string() });
            let text = format!("{:016x}.fsm with checksum {}", token.index.0, token.crc32c);
            it.fact("token", value, text);
            if token.index != metadata.index {
                let message = format!("The token points at index {}, the snapshot is at {}.", token.index, metadata.index);
                it.damaged(&subject.display, 0, message);
            }
        }
        SnapshotData::BadTokenVersion { version } => {
            it.damaged(&subject.display, 0, format!("The token has version {version}, which no server knows."));
        }
        SnapshotData::LegacyPayload { len } => {
            it.fact("data", json!({ "payload_bytes": len }), format_args!("a whole payload of {}", ByteSize(len)));
            if let Some(payload) = &content.legacy {
                payload_facts(it, &subject.display, payload);
            }
        }
    }
    let conf = &metadata.conf_state;
    let roles = [
        ("voter", &conf.voters),
        ("learner", &conf.learners),
        ("outgoing voter", &conf.voters_outgoing),
        ("next learner", &conf.learners_next),
    ];
    let rows = roles.iter().flat_map(|(role, ids)| ids.iter().map(|id| vec![format!("{:016x}", id.0), (*role).to_owned()]));
    it.lists.push(List { name: "members", columns: &["node id", "role"], rows: rows.collect() });
}

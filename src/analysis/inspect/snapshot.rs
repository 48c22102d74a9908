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

pub(super) fn describe_payload(page: &mut Description, subject: &Subject, facts: &FsmFacts) {
    let path = subject.display.as_str();
    let FsmFacts::File(file) = facts else {
        page.coverage.missing(subject.display.clone(), "it could not be read as a file");
        return;
    };
    page.coverage.bytes_examined += file.bytes_read;
    if let Some(name) = FsmName::parse(&subject.name) {
        page.plain("index", name.index.0);
    }
    // The legacy payload beside the state files has no footer.
    let raw = subject.name == layout::LEGACY_PAYLOAD;
    let Some(payload) = &file.payload else {
        page.damaged(path, 0, format!("{} bytes are too few for a footer.", file.size));
        return;
    };
    payload_facts(page, path, payload);
    if raw {
        page.plain("footer", "none: a payload of this name is raw");
        return;
    }
    if let Some(footer) = &file.footer {
        page.plain("footer_crc32c", footer.0.to_string());
        match file.computed {
            Some(computed) if computed == footer.0 => page.plain("body_crc", "pass"),
            Some(computed) => {
                page.plain("body_crc", "fail");
                let message = "The payload does not match the checksum in the last four bytes. A file that was cut short looks like that too.";
                let finding = Finding::new(&codes::FSM_BODY_CRC, message).at(path);
                page.findings.push(finding.expected(footer.0).found(computed));
            }
            None => page.coverage.missing(format!("the checksum of {path}"), "the file is large; verify-snapshot computes it"),
        }
    }
    page.coverage.skipped("the rows of the payload", "verify-snapshot --deep and snapshot stat read them");
}

pub(super) fn payload_facts(page: &mut Description, path: &str, payload: &PayloadFacts) {
    page.fact("payload_bytes", payload.len, ByteSize(payload.len));
    match &payload.header {
        Ok(header) => {
            page.fact(
                "header_version",
                header.version,
                match header.version {
                    0 => "none: the store's bytes begin at once".to_owned(),
                    version => version.to_string(),
                },
            );
            if let Some(ceiling) = header.ceiling_ms {
                page.fact("ceiling_ms", ceiling.0, format_args!("{} ({ceiling})", ceiling.0));
            }
            if let Some(cutover) = header.cutover {
                page.plain("cutover", cutover.0);
            }
        }
        Err(error) => page.damaged(path, 0, format!("The clock header cannot be read: {error}.")),
    }
    if let Some(format) = payload.format {
        page.plain("body_format", format.name());
    }
}

pub(super) fn describe_envelope(page: &mut Description, subject: &Subject, entry: &SnapEntry) {
    page.coverage.bytes_examined += entry.size;
    let content = match entry.read(ServerVersion::NEWEST) {
        Ok(content) => content,
        Err(error) => {
            let message = format!("It is no snapshot: {error}. A start renames such a file to .broken when it reaches it.");
            page.damaged(&subject.display, 0, message);
            return;
        }
    };
    let metadata = &content.metadata;
    page.plain("index", metadata.index.0);
    page.plain("term", metadata.term.0);
    if let Some(name) = entry.id.filter(|name| name.id != metadata.id()) {
        let message = format!("The name says {}, the content {}.", name.id, metadata.id());
        page.damaged(&subject.display, 0, message);
    }
    match content.data {
        SnapshotData::Empty => page.plain("data", "empty"),
        SnapshotData::Token(token) => {
            let value = json!({ "index": token.index.0, "crc32c": token.crc32c.to_string() });
            let text = format!("{:016x}.fsm with checksum {}", token.index.0, token.crc32c);
            page.fact("token", value, text);
            if token.index != metadata.index {
                let message = format!("The token points at index {}, the snapshot is at {}.", token.index, metadata.index);
                page.damaged(&subject.display, 0, message);
            }
        }
        SnapshotData::BadTokenVersion { version } => {
            page.damaged(&subject.display, 0, format!("The token has version {version}, which no server knows."));
        }
        SnapshotData::LegacyPayload { len } if content.etcd => {
            page.fact("data", json!({ "etcd_v2_store_bytes": len }), format_args!("the v2 store of etcd, {}", ByteSize(len)));
        }
        SnapshotData::LegacyPayload { len } => {
            page.fact("data", json!({ "payload_bytes": len }), format_args!("a whole payload of {}", ByteSize(len)));
            if let Some(payload) = &content.legacy {
                payload_facts(page, &subject.display, payload);
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
    page.lists.push(List { name: "members", columns: &["node id", "role"], rows: rows.collect() });
}

//! Manifests and payloads of offloaded snapshots, and stores of them.

use serde_json::json;

use super::{Description, List};
use crate::analysis::Finding;
use crate::analysis::judge::codes::offload as codes;
use crate::formats::offload::{Manifest, ManifestRefusal, Sentinel};
use crate::readers::offload::{ObjectRead, OffloadStore};
use crate::readers::subject::Subject;
use crate::types::{ByteSize, Crc32c, escape};

/// Manifests that are listed one by one.
const LISTED: usize = 50;

pub(super) fn manifest(page: &mut Description, path: &str, bytes: &[u8]) {
    let manifest = match Manifest::decode(bytes) {
        Ok(manifest) => manifest,
        Err(refusal) => {
            refused(page, path, &refusal);
            return;
        }
    };
    let time = manifest.created_at.to_rfc3339().unwrap_or_default();
    page.fact("source_cluster", json!(manifest.source_cluster), escape(&manifest.source_cluster));
    page.plain("group_id", manifest.group_id);
    page.plain("snapshot_index", manifest.snapshot_index.0);
    page.plain("snapshot_term", manifest.snapshot_term.0);
    page.plain("created_at", time);
    let members = &manifest.conf_state;
    let lists = [
        ("voters", &members.voters),
        ("learners", &members.learners),
        ("voters_outgoing", &members.voters_outgoing),
        ("learners_next", &members.learners_next),
    ];
    for (name, ids) in lists.into_iter().filter(|(_, ids)| !ids.is_empty()) {
        let text: Vec<_> = ids.iter().map(ToString::to_string).collect();
        page.fact(name, json!(ids), text.join(", "));
    }
    page.plain("payload_key", escape(&manifest.payload.key).into_owned());
    page.fact("payload_bytes", manifest.payload.bytes, ByteSize(manifest.payload.bytes));
    page.plain("payload_sha256", manifest.payload.sha256.to_string());
    match manifest.payload.source_crc32c {
        Crc32c(0) => page.fact("source_crc32c", json!(null), "0: not known"),
        crc => page.plain("source_crc32c", crc.to_string()),
    }
    if !manifest.binary_version.is_empty() {
        page.plain("binary_version", escape(&manifest.binary_version).into_owned());
    }
    page.plain("manifest_key", escape(&manifest.manifest_key).into_owned());
    page.plain("manifest_sha256", manifest.manifest_sha256.to_string());
    if manifest.canonical().as_bytes() != bytes {
        let message = "The bytes are not the ones that the server writes for these fields, and say the same.";
        page.findings.push(Finding::new(&codes::OFFLOAD_MANIFEST_REWRITTEN, message).at(path));
    }
    page.coverage.skipped("the payload", "verify-snapshot reads it, and compares the key with the place of the manifest");
}

fn refused(page: &mut Description, path: &str, refusal: &ManifestRefusal) {
    let said = refusal.sentinel().map(|sentinel| format!(": {}", sentinel.text())).unwrap_or_default();
    page.fact("restore_error", json!(format!("{refusal}{said}")), format_args!("{refusal}{said}"));
    page.plain("restore_status", refusal.sentinel().map_or(1, Sentinel::status));
    let message = format!("A restore refuses it: {refusal}.");
    page.findings.push(Finding::new(&codes::OFFLOAD_MANIFEST_REFUSED, message).at(path));
}

pub(super) fn payload(page: &mut Description, subject: &Subject, read: &ObjectRead) {
    let path = subject.display.as_str();
    let ObjectRead::Object(facts) = read else {
        page.coverage.missing(path, "it could not be read as a file");
        return;
    };
    page.coverage.bytes_examined += facts.bytes_read;
    super::snapshot::payload_facts(page, path, &facts.payload);
    let named = crate::formats::offload::payload_digest(&subject.name);
    match (facts.sums, named) {
        (Some(sums), Some(named)) => {
            page.plain("sha256", sums.sha256.to_string());
            page.plain("crc32c", sums.crc32c.to_string());
            if sums.sha256 != named {
                let message = "The payload is not what its name says. A file that was cut short looks like that too.";
                let finding = Finding::new(&codes::OFFLOAD_PAYLOAD_DIGEST, message).at(path);
                page.findings.push(finding.expected(named).found(sums.sha256));
            } else if sums.has_footer {
                let message = "The last four bytes are the checksum of all before them: this is a .fsm file with its footer.";
                page.findings.push(Finding::new(&codes::OFFLOAD_PAYLOAD_FOOTER, message).at(path));
            }
        }
        _ => page.coverage.missing(format!("the digest of {path}"), "the file is large; verify-snapshot computes it"),
    }
    page.coverage.skipped("the rows of the payload", "verify-snapshot --deep reads them");
}

/// A store, from its manifests alone.
pub(super) fn store(page: &mut Description, store: &OffloadStore) {
    for manifest in &store.manifests {
        page.coverage.add_file(manifest.size);
    }
    page.plain("manifests", store.manifests.len());
    page.plain("payloads", store.payloads.values().filter(|payload| payload.listed).count());
    page.plain("unfinished", store.temporaries.len());
    let prefixes: std::collections::BTreeSet<_> = store.manifests.iter().map(|manifest| manifest.prefix.as_str()).collect();
    let shown: Vec<_> = prefixes.iter().map(|prefix| escape(prefix.trim_end_matches('/')).into_owned()).collect();
    page.fact("prefixes", json!(shown), shown.join(", "));
    let cell = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    let rows: Vec<_> = store
        .manifests
        .iter()
        .take(LISTED)
        .map(|object| {
            let manifest = object.read.manifest();
            let group = object.group();
            let cluster =
                manifest.map_or_else(|| "cannot be read".to_owned(), |manifest| escape(&manifest.source_cluster).into_owned());
            vec![
                cell(group),
                cell(manifest.map(|manifest| manifest.snapshot_index.0)),
                cell(manifest.map(|manifest| manifest.snapshot_term.0)),
                manifest.and_then(|manifest| manifest.created_at.to_rfc3339().ok()).unwrap_or_else(|| "-".to_owned()),
                manifest.map_or_else(|| "-".to_owned(), |manifest| ByteSize(manifest.payload.bytes).to_string()),
                cluster,
            ]
        })
        .collect();
    if !rows.is_empty() {
        page.lists.push(List {
            name: "manifests",
            columns: &[">group", ">index", ">term", "published", ">size", "cluster"],
            rows,
        });
    }
    if store.manifests.len() > LISTED {
        page.fact("manifests_not_listed", store.manifests.len() - LISTED, store.manifests.len() - LISTED);
    }
}

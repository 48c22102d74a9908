//! A payload that was named by itself: its name is all there is to hold it against.

use super::LonePayload;
use super::as_file::as_file;
use super::payload::unsettled;
use crate::analysis::judge::codes::offload as codes;
use crate::analysis::judge::snapshot::Examined;
use crate::analysis::{Coverage, Finding, Verdict};
use crate::formats::fsm::FOOTER_LEN;
use crate::readers::Depth;
use crate::readers::offload::ObjectRead;
use crate::types::{LogIndex, Sha256Sum};

/// Judges the payload at `path`, whose name is `digest`.
pub fn verify_lone(path: &str, digest: Sha256Sum, read: &ObjectRead, depth: Depth) -> Examined<LonePayload> {
    let (mut findings, mut coverage) = (Vec::new(), Coverage::default());
    let mut view = LonePayload {
        path: path.to_owned(),
        sha256: digest,
        computed_sha256: None,
        computed_crc32c: None,
        bytes: None,
        header: None,
        body_format: None,
        applied_index: None,
        rows: None,
        verdict: Verdict::Unknown,
    };
    match read {
        ObjectRead::Object(facts) => {
            view.bytes = Some(facts.size);
            if let Some(why) = unsettled(facts) {
                coverage.missing(path, why);
            } else if let Some(sums) = facts.sums.filter(|sums| sums.sha256 != digest || sums.has_footer) {
                (view.computed_sha256, view.computed_crc32c) = (Some(sums.sha256), Some(sums.crc32c));
                coverage.add_file(facts.bytes_read);
                findings.push(if sums.sha256 == digest {
                    let message = "The last four bytes are the checksum of all before them: this is a .fsm file with its footer.";
                    let at = facts.size - FOOTER_LEN as u64;
                    Finding::new(&codes::OFFLOAD_PAYLOAD_FOOTER, message).at(path).range(at, FOOTER_LEN as u64)
                } else {
                    let message =
                        "The object is not what its name says; a restore by a manifest that means that digest refuses it.";
                    Finding::new(&codes::OFFLOAD_PAYLOAD_DIGEST, message).at(path).expected(digest).found(sums.sha256)
                });
            } else {
                (view.computed_sha256, view.computed_crc32c) =
                    (facts.sums.map(|sums| sums.sha256), facts.sums.map(|sums| sums.crc32c));
                (view.header, view.body_format) = (facts.payload.header.ok(), facts.payload.format);
                // Which index it is filed under stands in manifests alone.
                let Examined { view: file, findings: found, coverage: seen } =
                    as_file(path, LogIndex(u64::MAX), facts, facts.sums, depth);
                (view.applied_index, view.rows) = (file.applied_index, file.rows);
                findings.extend(found);
                coverage.absorb(seen);
            }
        }
        ObjectRead::Unreadable(why) => coverage.missing(path, format!("it cannot be read: {why}")),
        ObjectRead::NotRegular | ObjectRead::Impossible(_) => coverage.missing(path, "it is no file"),
        ObjectRead::Absent | ObjectRead::NotAsked => coverage.missing(path, "it vanished while it was looked for"),
    }
    coverage
        .skipped("the manifests", "a payload was named; name the directory of the store to have what belongs to it checked too");
    view.verdict = Verdict::of(&findings, &coverage);
    Examined { view, findings, coverage }
}

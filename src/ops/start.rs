//! The next start of a group whose files have been read already.

use std::collections::BTreeMap;
use std::mem;

use super::gate::store_view;
use super::group_files::{GroupFiles, WALK_UP_TO};
use super::{encryption, legacy};
use crate::analysis::judge::nodes::NodeStart;
use crate::analysis::judge::{self, codes};
use crate::analysis::server::store::StoreOpen;
use crate::analysis::server::{self, GateFacts, Step};
use crate::analysis::{Finding, Severity};
use crate::error::Result;
use crate::formats::fsm::FsmName;
use crate::io::{IoOptions, Progress};
use crate::readers::fsm_file::examine_with;
use crate::readers::{Examine, FsmFacts};

impl GroupFiles {
    /// What the next start does, from what was read; only a payload that no `.snap` file names is read besides.
    pub(super) fn start(&mut self, progress: &dyn Progress) -> Result<(NodeStart, Vec<Finding>)> {
        let dir = self.dir.display();
        let mut legacy = BTreeMap::new();
        if self.log.is_none() {
            legacy.extend(legacy::read(&self.dir.path, &self.listing, self.engine)?.map(|view| (self.engine, view)));
        }
        let opens = self.store.open == StoreOpen::Opens;
        let mut facts = GateFacts {
            raft_id: self.raft_id.clone(),
            listing: mem::take(&mut self.listing),
            snaps: mem::take(&mut self.snaps),
            log: self.log.take(),
            store: BTreeMap::from([(self.engine, store_view(&self.store))]),
            legacy,
            payloads: mem::take(&mut self.payloads),
            sidecar: None,
            registry: if opens { encryption::registry(&self.dir.path)? } else { BTreeMap::new() },
            sidecar_beside: encryption::sidecar_beside(&self.dir.path),
            want_plan: false,
            // A payload that is too large for this question counts as the one that its checksum names.
            skip_payload_body: true,
        };
        let seen = loop {
            match server::forecast(&facts, self.engine) {
                Step::Done(seen) => break *seen,
                Step::Needs { index, .. } => {
                    let path = self.dir.path.join("fsm-snap").join(FsmName::of(index));
                    let size = std::fs::metadata(&path).map_or(0, |meta| meta.len());
                    let small = size <= WALK_UP_TO;
                    let payload = examine_with(&path, Examine { crc: small, walk: small }, &IoOptions::default(), progress)?;
                    if let FsmFacts::File(file) = &payload {
                        self.coverage.add_file(file.bytes_read);
                    }
                    facts.payloads.insert(index, payload);
                }
            }
        };
        // What another server would do is no part of the question.
        let mut findings = judge::start::findings(&facts, self.engine, &seen, &[], &dir);
        findings.retain(|finding| finding.severity == Severity::Error);
        let mut start = NodeStart::of(&seen);
        start.harm = findings.iter().map(|finding| finding.code.code).filter(|code| !is_refusal(code)).collect();
        if let Some(segment) = facts.log.as_ref().and_then(|scan| scan.unread()) {
            // What the log was taken to hold rests on bytes that nobody saw.
            start = NodeStart::unknown(format!("the segment {} of the log could not be read", segment.file.file_name));
            findings.clear();
        } else if seen.abort.is_none() && judge::start::encryption_sign(&facts, &seen).is_some_and(|sign| sign.decisive) {
            start = NodeStart::unknown("encryption is in use; gate-dryrun --sidecar tells".to_owned());
            findings.clear();
        }
        (self.listing, self.snaps, self.log, self.payloads) = (facts.listing, facts.snaps, facts.log, facts.payloads);
        Ok((start, findings))
    }
}

fn is_refusal(code: &str) -> bool {
    code == codes::gate::START_REFUSED.code
}

//! What is in a payload: the rules for snapshot files hold for the file that a restore would make of it.

use crate::analysis::Severity;
use crate::analysis::judge::codes::snapshot as fsm_codes;
use crate::analysis::judge::snapshot::{Examined, Subject, VerifiedPayload, verify_payload};
use crate::formats::fsm::{FOOTER_LEN, FsmFooter, FsmName};
use crate::readers::offload::{ObjectFacts, Sums};
use crate::readers::{Depth, FsmFacts, FsmFile};
use crate::types::LogIndex;

/// The payload as the file that a restore would make of it, held against the rules for those.
pub(super) fn as_file(
    shown: &str,
    index: LogIndex,
    facts: &ObjectFacts,
    sums: Option<Sums>,
    asked: Depth,
) -> Examined<VerifiedPayload> {
    let crc = sums.map(|sums| sums.crc32c);
    let file = FsmFacts::File(Box::new(FsmFile {
        size: facts.size.saturating_add(FOOTER_LEN as u64),
        footer: Some(FsmFooter(crc.unwrap_or_default())),
        payload: Some(facts.payload.clone()),
        computed: crc,
        change: None,
        unread: None,
        bytes_read: facts.bytes_read,
        left_out: None,
        candidate: None,
    }));
    // A walk that was made anyway is worth all that it can tell.
    let depth = if facts.payload.body.is_some() { Depth::Deep } else { asked };
    let name = FsmName::of(index);
    let subject =
        Subject { path: shown.to_owned(), name: &name, facts: &file, opened: None, token: None, expendable: false, depth };
    let mut examined = verify_payload(&subject);
    // A payload that no node can load is no snapshot, whatever its digest.
    for finding in &mut examined.findings {
        if finding.code == &fsm_codes::FSM_BODY_MALFORMED {
            finding.severity = Severity::Error;
        }
    }
    examined
}

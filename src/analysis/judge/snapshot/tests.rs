#![allow(clippy::disallowed_methods, reason = "these tests make what they read")]
use super::*;
use crate::analysis::server::snapshot::{PayloadForecast, restore, skip};
use crate::analysis::{Severity, Verdict};
use crate::formats::fsm::FsmName;
use crate::formats::fsm::{FsmFooter, FsmHeader};
use crate::formats::snap::SnapshotToken;
use crate::readers::{Depth, FileChange, FsmFacts, FsmFile, PayloadEntry, PayloadFacts, SnapshotSet};
use crate::types::{Crc32c, LogIndex, ServerVersion};

const TOKEN: SnapshotToken = SnapshotToken { index: LogIndex(42), crc32c: Crc32c(7) };

fn intact(payload: &[u8], walk: bool) -> FsmFile {
    FsmFile {
        size: payload.len() as u64 + 4,
        footer: Some(FsmFooter(Crc32c(7))),
        payload: Some(PayloadFacts::of(payload, walk)),
        computed: Some(Crc32c(7)),
        change: None,
        unread: None,
        bytes_read: payload.len() as u64 + 4,
        left_out: None,
        candidate: None,
    }
}

fn facts(file: FsmFile) -> FsmFacts {
    FsmFacts::File(Box::new(file))
}

fn judged(facts: &FsmFacts, expendable: bool) -> Examined<VerifiedPayload> {
    let token = Some(PayloadToken { source: "a token".to_owned(), index: Some(LogIndex(42)), crc32c: Crc32c(7) });
    let path = "dir/000000000000002a.fsm".to_owned();
    verify_payload(&Subject {
        path,
        name: "000000000000002a.fsm",
        facts,
        opened: None,
        token,
        expendable,
        depth: Depth::Checksum,
    })
}

/// A bundle without files.
fn bundle() -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let manifest = br#"{"version":1}"#;
    [b"EKVSSTI1", &(manifest.len() as u64).to_be_bytes()[..], &Sha256::digest(manifest), manifest].concat()
}

#[test]
fn only_the_newer_server_restores_a_bundle_and_both_skip_over_it() {
    let facts = facts(intact(&bundle(), true));
    assert_eq!(skip(&facts, TOKEN, "p"), PayloadForecast::Fine);
    assert_eq!(restore(&facts, TOKEN, ServerVersion::Main, "p"), PayloadForecast::Fine);
    let refused = restore(&facts, TOKEN, ServerVersion::Pr934, "p");
    assert_eq!(refused.error().unwrap().text, "unrecognized snapshot format: unknown magic header");
}

#[test]
fn what_was_not_read_is_never_fine() {
    let unread = facts(FsmFile { computed: None, ..intact(b"EKVPBBL1\0\0\0\0\0\0\0\0", false) });
    assert!(matches!(skip(&unread, TOKEN, "p"), PayloadForecast::FineSoFar(_)));
    assert!(matches!(restore(&unread, TOKEN, ServerVersion::Main, "p"), PayloadForecast::FineSoFar(_)));
    let changed = facts(FsmFile { change: Some(FileChange::Grown), ..intact(b"", true) });
    assert!(matches!(skip(&changed, TOKEN, "p"), PayloadForecast::Undetermined(_)));
    let broken = facts(FsmFile { unread: Some("Input/output error".to_owned()), ..intact(b"", true) });
    assert!(matches!(skip(&broken, TOKEN, "p"), PayloadForecast::Undetermined(_)));
    let bad_crc = facts(FsmFile { computed: Some(Crc32c(8)), ..intact(b"EKVPBBL1\0\0\0\0\0\0\0\0", false) });
    assert!(
        matches!(restore(&bad_crc, TOKEN, ServerVersion::Main, "p"), PayloadForecast::Undetermined(_)),
        "the rows might stop it earlier"
    );
}

#[test]
fn the_order_of_the_refusals_is_the_servers() {
    // Everything is wrong at once; each repair uncovers the next refusal.
    let name = |file: &FsmFile, way: fn(&FsmFacts) -> PayloadForecast| {
        way(&facts(file.clone())).error().map(|error| error.error.to_string())
    };
    let way = |facts: &FsmFacts| restore(facts, TOKEN, ServerVersion::Main, "p");
    let mut file = FsmFile { size: 3, footer: None, payload: None, computed: None, ..intact(b"", false) };
    assert_eq!(name(&file, way).unwrap(), "ErrFSMSnapshotTooSmall");
    file = FsmFile { footer: Some(FsmFooter(Crc32c(6))), computed: Some(Crc32c(5)), ..intact(b"EKVTHLC9", true) };
    assert_eq!(name(&file, way).unwrap(), "ErrFSMSnapshotTokenCRC");
    file.footer = Some(FsmFooter(Crc32c(7)));
    assert_eq!(name(&file, way).unwrap(), "ErrSnapshotHeaderUnknownMagic");
    file.payload = Some(PayloadFacts::of(b"EKVPBBL1", true));
    assert_eq!(name(&file, way).unwrap(), "EOF");
    assert_eq!(name(&file, |facts| skip(facts, TOKEN, "p")).unwrap(), "ErrFSMSnapshotFileCRC", "a skip does not read the rows");
    file.payload = Some(PayloadFacts::of(b"EKVPBBL1\0\0\0\0\0\0\0\0", true));
    assert_eq!(name(&file, way).unwrap(), "ErrFSMSnapshotFileCRC");
    file.computed = Some(Crc32c(7));
    assert_eq!(name(&file, way), None);
}

#[test]
fn a_payload_that_changes_under_the_reader_is_unknown() {
    for change in
        [FileChange::Shrunk { at: 9 }, FileChange::Grown, FileChange::Modified, FileChange::Replaced, FileChange::Vanished]
    {
        let wrong = FsmFile { change: Some(change), computed: Some(Crc32c(1)), ..intact(b"", true) };
        let judged = judged(&facts(wrong), false);
        assert_eq!(judged.view.verdict, Verdict::Unknown, "{change:?}");
        assert_eq!(judged.findings, []);
        assert_eq!(judged.view.engine_error, None);
    }
    let judged = judged(&FsmFacts::Unreadable("Permission denied".to_owned()), false);
    assert_eq!(judged.view.verdict, Verdict::Unknown);
}

#[test]
fn damage_in_what_no_start_opens_is_a_warning() {
    let damaged = facts(FsmFile { computed: Some(Crc32c(1)), ..intact(b"", true) });
    let severity = |name: &'static str, expendable| {
        let subject = Subject {
            path: name.to_owned(),
            name,
            facts: &damaged,
            opened: None,
            token: None,
            expendable,
            depth: Depth::Checksum,
        };
        verify_payload(&subject).findings[0].severity
    };
    assert_eq!((severity("x.fsm", false), severity("x.fsm", true)), (Severity::Error, Severity::Warning));
    // No crash leaves other bytes under a name that only a finished payload gets.
    assert_eq!(severity("000000000000002a.fsm", true), Severity::Error);
}

#[test]
fn what_retention_removed_meanwhile_is_not_missing() {
    let dir = tempfile::tempdir().unwrap();
    // A real envelope: index 1, term 1, a token for index 1.
    let metadata = b"\x12\x0a\x0a\x04\x08\x01\x28\x00\x10\x01\x18\x01";
    let data = [b"\x0a\x11EKVT\x01\0\0\0\0\0\0\0\x01\0\0\0\x07", &metadata[..]].concat();
    let mut bytes = vec![0x08];
    crate::formats::varint::encode(Crc32c::of(&data).0.into(), &mut bytes);
    bytes.push(0x12);
    crate::formats::varint::encode(data.len() as u64, &mut bytes);
    bytes.extend(&data);
    let name = "0000000000000001-0000000000000001.snap";
    std::fs::write(dir.path().join(name), &bytes).unwrap();
    let snap = crate::readers::SnapDir::read(dir.path(), &crate::readers::Local).unwrap();
    let mut set = SnapshotSet { snap: Some(snap), snap_prefix: "snap/", fsm_prefix: "fsm-snap/", ..SnapshotSet::default() };
    let request = SetRequest { depth: Depth::Checksum, only: None };
    let codes =
        |set: &SnapshotSet| verify_set(set, "g", request).findings.iter().map(|finding| finding.code.code).collect::<Vec<_>>();
    assert_eq!(codes(&set), ["fsm-missing"]);
    set.purged = std::iter::once(name.to_owned()).collect();
    assert_eq!(codes(&set), [""; 0]);
    let id = FsmName::parse("0000000000000001.fsm");
    set.payloads = vec![PayloadEntry { name: "0000000000000001.fsm".to_owned(), id, facts: FsmFacts::Absent, opened: None }];
    let verified = verify_set(&set, "g", request);
    assert_eq!(verified.findings, []);
    assert_eq!(verified.payloads, [], "the pair is gone as a whole");
}

#[test]
fn a_header_is_told_apart_from_none() {
    assert_eq!(judged(&facts(intact(b"", true)), false).view.header, Some(FsmHeader::NONE));
    assert_eq!(judged(&facts(intact(b"EKVTHLC1", true)), false).view.header, None);
}

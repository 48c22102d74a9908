//! A ledger of payloads that were read: any bytes, and any lines behind a checksum that is right.
#![no_main]

use ekv_tool::formats::ledger::{Believed, LedgerError, begins, decode, encode};
use ekv_tool::types::{Crc32c, UnixMillis};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut closed = b"{\"ledger\":\"ekv-tool\",\"version\":1}\n".to_vec();
    closed.extend(bytes);
    if !closed.ends_with(b"\n") {
        closed.push(b'\n');
    }
    let entries = closed.iter().filter(|byte| **byte == b'\n').count() - 1;
    let end = format!("{{\"entries\":{entries},\"crc32c\":\"{}\"}}\n", Crc32c::of(&closed));
    closed.extend(end.as_bytes());
    for bytes in [bytes, &closed] {
        match decode(bytes) {
            Ok(entries) => {
                let again = encode(entries.clone());
                let kept = decode(&again).expect("what is written is read");
                assert_eq!(encode(kept.clone()), again);
                let believed = Believed::of(kept, "0.1.0", UnixMillis(1_800_000_000_000), 604_800_000);
                for entry in &entries {
                    let found = believed.find(entry.file(), entry.footer, entry.index, entry.deep);
                    assert!(found.is_none_or(|found| found.file() == entry.file() && (found.deep || !entry.deep)));
                }
            }
            Err(error) => assert_eq!(error == LedgerError::NotALedger, !begins(bytes)),
        }
    }
});

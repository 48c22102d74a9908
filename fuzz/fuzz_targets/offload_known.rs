//! What an earlier run found in a payload, as results keep it: no text panics, and what is read is written and read again as it was.
#![no_main]

use ekv_tool::analysis::judge::offload::KnownContents;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(known) = serde_json::from_slice::<KnownContents>(bytes) {
        let written = serde_json::to_vec(&known).expect("it can be written");
        assert_eq!(serde_json::from_slice::<KnownContents>(&written).expect("what is written is read"), known);
        let _ = (known.findings("x").count(), known.not_examined().count(), known.applied_index(), known.rows());
    }
});

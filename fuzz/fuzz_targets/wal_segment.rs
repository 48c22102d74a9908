//! A log of two segments cut from one input: both servers' readings, every finding, every entry.
#![no_main]

use ekv_tool::analysis::server::log::{read_from, valid_snapshots};
use ekv_tool::analysis::server::log::EffectiveLog;
use ekv_tool::analysis::judge::log::judge_segments;
use ekv_tool::readers::wal::WalScan;
use ekv_tool::types::ServerVersion;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (first, second) = bytes.split_at(bytes.len() / 2 / 8 * 8);
    let names = ["0000000000000000-0000000000000000.wal", "0000000000000001-0000000000000002.wal"];
    let files = names.into_iter().zip([first, second]).map(|(name, bytes)| (name.to_owned(), bytes.to_vec()));
    let scan = WalScan::of_bytes(files);
    let _ = judge_segments(&scan, "wal");
    for engine in ServerVersion::ALL {
        let _ = EffectiveLog::of(&scan, engine);
        let newest = valid_snapshots(&scan, engine).ok().and_then(|valid| valid.snapshots.iter().map(|record| record.id).max());
        if let Ok(content) = read_from(&scan, newest.unwrap_or_default(), engine).result {
            assert_eq!(content.entries.iter(&scan, engine).count() as u64, content.entries.count());
        }
    }
});

//! `MANIFEST.json`, `CHECKSUMS` and whole archives of a dump: no bytes panic, and paths of lines stay inside.
#![no_main]

use ekv_tool::analysis::Coverage;
use ekv_tool::analysis::judge::dump::judge_dump;
use ekv_tool::formats::dump::{DumpManifest, begins_a_dump, checksum_lines, cleaned_local};
use ekv_tool::readers::dump::examine_dump_archive;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = DumpManifest::decode(bytes) {
        assert!(!error.to_string().is_empty());
    }
    for (number, _, line) in checksum_lines(bytes) {
        assert!(number > 0);
        if let Ok(line) = line {
            assert!(!line.path.starts_with(b"/") && !line.path.split(|&byte| byte == b'/').any(|part| part == b".."));
            assert_eq!(cleaned_local(&line.path).as_deref(), Some(line.path.as_slice()));
        }
    }
    begins_a_dump(bytes);
    if let Some(facts) = examine_dump_archive(bytes, &mut |_| true) {
        judge_dump("x", &facts, &mut Coverage::default());
    }
});

//! Any end of a file is decoded or refused.
#![no_main]

use ekv_tool::formats::pebble::sstable::Footer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let size = bytes.len() as u64;
    for file_size in [size, size.saturating_add(1 << 20)] {
        if let Ok(footer) = Footer::decode(bytes, file_size) {
            assert!(footer.metaindex.fits_below(footer.offset) && footer.index.fits_below(footer.offset));
            assert!(footer.offset < file_size);
        }
    }
});

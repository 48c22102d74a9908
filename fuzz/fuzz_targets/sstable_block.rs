//! Any stored block is decompressed or refused, and its output is no longer than its codec can make it.
#![no_main]

use ekv_tool::formats::pebble::sstable::{ChecksumType, Compression, StoredBlock};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(block) = StoredBlock::split(bytes) else { return };
    let _ = block.verify(ChecksumType::Crc32c);
    let _ = block.verify(ChecksumType::XxHash64);
    let mut scratch = Vec::new();
    for codec in [Compression::None, Compression::Snappy, Compression::MinLz, Compression::Zstd] {
        if let Ok(out) = codec.decompress(block.payload, &mut scratch)
            && codec == Compression::Snappy
        {
            assert!(out.len() <= block.payload.len() * 22);
        }
    }
});

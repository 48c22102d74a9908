//! Blocks decompressed as the store's reader does, against the codec alone; and what was compressed comes back.
#![no_main]

use ekv_tool::formats::pebble::sstable::Compression;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // A buffer that held something else before.
    let mut scratch = vec![0xa5; 100];
    let plain = snap::raw::Decoder::new().decompress_vec(bytes);
    match Compression::Snappy.decompress(bytes, &mut scratch) {
        Ok(found) => assert_eq!(Ok(found), plain.as_deref().map_err(|_| ())),
        // What the crate takes and the reader does not can only be a length that no such input has.
        Err(error) => assert!(plain.is_err() || plain.is_ok_and(|whole| whole.len() > bytes.len() * 22), "{error}"),
    }
    let _ = Compression::Zstd.decompress(bytes, &mut scratch);
    let _ = Compression::MinLz.decompress(bytes, &mut scratch);
    let packed = snap::raw::Encoder::new().compress_vec(bytes).unwrap();
    assert_eq!(Compression::Snappy.decompress(&packed, &mut scratch), Ok(bytes));
});

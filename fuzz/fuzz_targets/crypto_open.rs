//! Envelopes and wrapped keys under the keys of the test vectors. Nobody can make a tag without the key: whatever opens is one of
//! the vectors.
#![no_main]

use ekv_tool::crypto::{Keyring, SecretKey, open_raft, open_value, unwrap_dek};
use libfuzzer_sys::fuzz_target;

/// The wrapped key of the vectors: KEK 00..1f, nonce 64..6f, key 20..3f.
const WRAPPED: [u8; 60] = [
    0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x68, 0x3a, 0xfc, 0x45, 0x5d, 0xcc, 0x70, 0xb9, 0x16,
    0x4b, 0x75, 0xc3, 0xf6, 0x48, 0x44, 0xd2, 0x72, 0xf3, 0x34, 0x39, 0xbf, 0x59, 0xc5, 0x45, 0x9f, 0xe8, 0x96, 0x73, 0xc7, 0x9e,
    0x9b, 0x77, 0x14, 0xf2, 0x7e, 0xf5, 0xcc, 0x04, 0x25, 0xf6, 0xd6, 0xf6, 0x09, 0x3d, 0x87, 0xf1, 0x21, 0xad,
];

fuzz_target!(|bytes: &[u8]| {
    let mut kek = [0; 32];
    kek.iter_mut().zip(0..).for_each(|(byte, value)| *byte = value);
    let kek = SecretKey::take(&mut kek).expect("32 bytes");
    let mut keys = Keyring::default();
    keys.add(7, &WRAPPED, &kek).expect("the vector opens");
    assert_eq!(unwrap_dek(&kek, bytes).is_ok(), bytes == WRAPPED);
    match open_raft(&keys, bytes) {
        Ok(opened) => assert_eq!(opened.bytes(), [2, 0, 0, 1, 0x97, 0x74, 0x20, 0xdc, 0]),
        Err(error) => assert!(!error.to_string().is_empty() && !error.name().is_empty()),
    }
    let (row_key, value) = bytes.split_at(bytes.len().min(9));
    if let Ok(opened) = open_value(&keys, row_key, value) {
        assert_eq!(opened.bytes(), b"hi");
    }
});

//! Keys: the family that is found has a prefix of the key as its own.
#![no_main]

use ekv_tool::formats::kv::KeySpace;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|key: &[u8]| {
    let space = KeySpace::of_user_key(key);
    assert!(key.starts_with(space.prefix()), "{}", space.label());
});

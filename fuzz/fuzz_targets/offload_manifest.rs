//! The manifest of an offloaded snapshot: no bytes panic, and what is accepted is written and read again as it was.
#![no_main]

use ekv_tool::formats::offload::{KeyKind, Manifest, normalize_key};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Manifest::decode(bytes) {
        Ok(manifest) => {
            let written = manifest.canonical();
            let again = Manifest::decode(written.as_bytes()).expect("what is written is accepted");
            assert_eq!(again.canonical(), written);
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some(key) = normalize_key(text)
    {
        assert!((key == "/" || !key.ends_with('/')) && !key.split('/').any(|part| part == "."));
        let _ = KeyKind::of(&key);
    }
});

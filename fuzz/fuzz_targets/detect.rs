//! Recognising a file by content and name, and taking an envelope apart.
#![no_main]

use ekv_tool::formats::detect::detect;
use ekv_tool::formats::envelope::Envelope;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &[u8])| {
    let _ = detect(input.0, input.1);
    if let Ok(envelope) = Envelope::decode(input.1) {
        assert_eq!(envelope.ciphertext.len() + 34, input.1.len());
    }
});

//! Sums of parts, joined in every way that the readers join them, against one plain sum; the other sums against their crates.
#![no_main]

use ekv_tool::types::{Crc32c, Crc32cShift};
use libfuzzer_sys::fuzz_target;

/// One bit at a time, from the definition.
fn by_definition(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    !crc
}

fuzz_target!(|input: (Vec<u16>, &[u8])| {
    let (cuts, bytes) = input;
    let whole = Crc32c(by_definition(bytes));
    assert_eq!(Crc32c::of(bytes), whole);
    let (mut extended, mut combined, mut shifted, mut rest) = (Crc32c::of(&[]), Crc32c::of(&[]), Crc32c::of(&[]), bytes);
    for cut in cuts.iter().map(|cut| usize::from(*cut)).chain([usize::MAX]) {
        let (part, later) = rest.split_at(cut.min(rest.len()));
        extended = extended.extend(part);
        combined = combined.combine(Crc32c::of(part), part.len() as u64);
        shifted = Crc32cShift::by_bytes(part.len() as u64).combine(shifted, Crc32c::of(part));
        rest = later;
    }
    assert_eq!((extended, combined, shifted), (whole, whole, whole));
});

//! Group directories whose checksums are right and whose content is hostile, in memory, under every command.
#![no_main]

use ekv_tool_fuzz::memory::{Counted, watch};
use ekv_tool_fuzz::several::each_directory;
use ekv_tool_fuzz::support::hostile::{self, Dice};
use ekv_tool_fuzz::support::oracles;
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static COUNTED: Counted = Counted;

fuzz_target!(|bytes: &[u8]| {
    each_directory(bytes, |asked, built| {
        oracles::hold(&hostile::group(&mut Dice::new(built)), &mut Dice::new(asked), watch);
    });
});

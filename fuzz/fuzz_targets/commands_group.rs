//! Group directories whose checksums are right and whose content is hostile, in memory, under every command.
#![no_main]

use ekv_tool_fuzz::memory::{Counted, watch};
use ekv_tool_fuzz::support::hostile::{self, Dice};
use ekv_tool_fuzz::support::oracles;
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static COUNTED: Counted = Counted;

fuzz_target!(|bytes: &[u8]| {
    // What is asked comes first, so that a change of the directory does not change the question.
    let (asked, built) = bytes.split_at(bytes.len().min(8));
    let directory = hostile::group(&mut Dice::new(built));
    oracles::hold(&directory, &mut Dice::new(asked), watch);
});

//! The same for directories of hashicorp/raft: bbolt, raft-wal and Pebble.
#![no_main]

use ekv_tool_fuzz::memory::{Counted, watch};
use ekv_tool_fuzz::support::hostile::{self, Dice};
use ekv_tool_fuzz::support::oracles;
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static COUNTED: Counted = Counted;

fuzz_target!(|bytes: &[u8]| {
    let (asked, built) = bytes.split_at(bytes.len().min(8));
    let directory = hostile::hashicorp_node(&mut Dice::new(built));
    oracles::hold(&directory, &mut Dice::new(asked), watch);
});

//! Text that someone pastes.
#![no_main]

use ekv_tool::analysis::explain::explain;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = explain(text);
});

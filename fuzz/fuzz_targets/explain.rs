//! Text that someone pastes.
#![no_main]

use ekv_tool::analysis::explain::{Stack, explain};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = explain(text);
    if let Some(stack) = Stack::of(text) {
        let full = text.lines().filter(|line| !line.trim().is_empty()).count();
        assert!(stack.lines.len() + stack.trace + stack.unknown <= full);
        assert!(!stack.causal_first().is_empty());
    }
});

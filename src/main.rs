//! The `ekv-tool` command.
#![forbid(unsafe_code)]

fn main() {}

//! What a start would do, decided from facts alone.

pub mod prepare;
pub mod replay;
mod rule;

pub use rule::{GateDecision, GateNumbers, Rule};

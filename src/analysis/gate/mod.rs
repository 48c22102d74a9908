//! What a start would do, decided from facts alone.

pub mod prepare;
pub mod replay;
mod rule;
mod types;

pub use rule::{GateDecision, GateNumbers, Rule};
pub use types::{
    Abort, AppliedIndex, ChosenSnapshot, Cost, HardStateView, HeaderView, OtherEngine, Outcome, PlanRow, Rename, RepairView,
    RestoreMetrics, RestoreTotal, RuleRow, TokenView,
};

//! What a start would do, decided from facts alone.

mod facts;
mod findings;
mod forecast;
mod outcome;
mod plan;
pub mod prepare;
pub mod replay;
mod rule;
mod types;

pub use facts::{GateFacts, LegacyView, StoreView};
pub use findings::{EncryptionSign, encryption_sign, findings};
pub use forecast::{Step, forecast};
pub use rule::{GateDecision, GateNumbers, Rule};
pub use types::{
    Abort, AppliedIndex, ChosenSnapshot, Cost, Forecast, HardStateView, OtherEngine, Outcome, PlanRow, Rename, RepairView,
    ReplayNotes, RestoreMetrics, RestoreTotal, RuleRow, TokenView,
};

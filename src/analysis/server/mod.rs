//! What a start does, decided from facts alone: the model of the server.

pub mod access;
pub mod apply;
pub mod conditions;
pub mod directory;
mod entries;
mod error;
mod facts;
mod guards;
pub mod legacy;
pub mod log;
pub mod membership;
pub mod offload;
mod outcome;
pub mod peers;
mod plan;
pub mod replay;
mod rule;
pub mod snapshot;
mod start;
pub mod store;
mod types;

pub use crate::types::Rule;
pub use error::ServerError;
pub use facts::{StartFacts, StoreView};
pub use rule::{GateDecision, GateNumbers};
pub use start::{Step, forecast};
pub use types::{
    Abort, AppliedIndex, ChosenSnapshot, Cost, Forecast, HardStateView, OtherEngine, Outcome, PlanRow, Rename, RepairView,
    ReplayNotes, RestoreMetrics, RestoreTotal, RuleRow, TokenView,
};

//! What a start makes of snapshots: which it chooses, and the first thing that would stop it.

mod choose;
mod engine_error;

pub use choose::{Choice, choose};
pub use engine_error::{Forecast, legacy_restore, restore, skip, token_refusal};

//! What a start makes of snapshots: which it chooses, and the first thing that would stop it.

mod choose;
mod newest;
mod payload;

pub use choose::{Choice, choose, renames};
pub use newest::{Newest, newest};
pub use payload::{PayloadForecast, legacy_restore, restore, skip, token_refusal};

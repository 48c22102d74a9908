//! What a start makes of snapshots: which it chooses, the first thing that would stop it, and whether they are intact.

mod choose;
mod engine_error;
mod envelope;
mod newest;
mod payload;
mod set;

pub use choose::{Choice, choose};
pub use engine_error::{Forecast, legacy_restore, restore, skip, token_refusal};
pub use envelope::{VerifiedEnvelope, verify_envelope};
pub use newest::{Newest, newest};
pub use payload::{Check, Checks, Examined, PayloadToken, RestoreErrors, RowCounts, Subject, VerifiedPayload, verify_payload};
pub use set::{SetRequest, VerifiedSet, verify_lone_payload, verify_set};

#[cfg(test)]
mod tests;

//! Whether snapshots are intact: payloads, envelopes, and both as a set.

mod envelope;
mod payload;
mod set;

pub use envelope::{VerifiedEnvelope, verify_envelope};
pub use payload::{Check, Checks, Examined, PayloadToken, RestoreErrors, RowCounts, Subject, VerifiedPayload, verify_payload};
pub use set::{SetRequest, VerifiedSet, verify_lone_payload, verify_set};

#[cfg(test)]
mod tests;

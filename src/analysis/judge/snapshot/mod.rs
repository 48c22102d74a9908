//! Whether snapshots are intact: payloads, envelopes, and both as a set.

mod envelope;
mod payload;
mod remake;
mod set;
mod unrecorded;

pub use envelope::{VerifiedEnvelope, verify_envelope, verify_etcd_envelope};
pub(in crate::analysis::judge) use payload::ahead_of_index;
pub use payload::{Check, Checks, Examined, PayloadToken, RowCounts, Subject, VerifiedPayload, verify_payload};
pub use remake::{EnvelopeState, RemadeEnvelope, remake};
pub use set::{SetRequest, VerifiedSet, verify_lone_payload, verify_set};
pub use unrecorded::Recorded;
pub(in crate::analysis::judge) use unrecorded::{LOST_ENVELOPE, envelope_gone, payload_alone, recorded_and_lost};

#[cfg(test)]
mod tests;

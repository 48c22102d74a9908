//! What is wrong: every finding with its code, and the checks that make them.

mod advice;
mod causes;
pub mod codes;
mod coverage;
pub mod divergence;
pub mod dump;
pub mod envelopes;
pub mod epochs;
pub mod facts;
mod finding;
pub mod group;
pub mod log;
pub mod nodes;
pub mod nonces;
pub mod offload;
pub mod outlook;
pub mod packed;
mod severity;
pub mod snapshot;
pub mod start;
pub mod store;
pub mod unread;

pub use advice::{error_for_only_voter, explained_for_only_voter, for_only_voter};
pub use causes::fold;
pub use coverage::{Coverage, NotExamined};
pub use finding::{Finding, Verdict};
pub use severity::Severity;

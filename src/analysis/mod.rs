//! Decisions about what was read: facts in, outcomes and findings out. No files, no clock.
#![forbid(unsafe_code)]

pub mod apply;
pub mod codes;
pub mod compare;
mod coverage;
mod derive;
pub mod explain;
mod finding;
pub mod gate;
pub mod inspect;
pub mod invariants;
pub mod membership;
pub mod peers;
mod server_error;
pub mod server_texts;
pub mod snapshot;
pub mod store;
pub mod wal;

pub use coverage::{Coverage, NotExamined};
pub use derive::fold;
pub use finding::{Finding, Severity, Verdict};
pub use server_error::ServerError;

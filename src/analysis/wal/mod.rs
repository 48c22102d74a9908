//! Decisions about the Raft log.

mod effective;
mod ends;
mod examine;
mod seams;
pub mod server;
mod walk;

pub use effective::{EffectiveLog, EndKind, LogicalEnd};
pub use examine::examine;

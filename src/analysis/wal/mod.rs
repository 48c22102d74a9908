//! Decisions about the Raft log.

mod ends;
mod examine;
mod seams;
pub mod server;
mod walk;

pub use examine::examine;

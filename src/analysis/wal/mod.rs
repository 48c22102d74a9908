//! Decisions about the Raft log.

pub mod server;
mod walk;

//! Decisions about what was read: facts in, outcomes and findings out. No files, no clock.
//!
//! Two houses: [`server`] says what a start does, [`judge`] says what is wrong. Nodes of other engines have theirs in [`hraft`] and [`etcd`].
#![forbid(unsafe_code)]

pub mod etcd;
pub mod explain;
pub mod facts;
pub mod history;
pub mod hraft;
pub mod inspect;
pub mod judge;
pub mod server;

pub use judge::{Coverage, Finding, NotExamined, Severity, Verdict, fold};
pub use server::ServerError;

//! Directories of members of etcd: what a start does with them, and what is wrong with them.
//!
//! The log is read by the rules of the library that elastickv shares with etcd ([`crate::analysis::server::log`]); what is in it,
//! and what else a start asks, is etcd's own.

mod compare;
pub mod facts;
mod findings;
mod generation;
mod operations;
mod start;
mod view;

pub use compare::{ComparedMember, ComparedMembers, SummedEntries, compare_members};
pub use findings::{Judged, RULES, judge, judge_snapshots};
pub use generation::Generation;
pub use operations::{malformed, operations};
pub use start::{EtcdOutcome, EtcdSnapshot, EtcdStart, StartAt, forecast};
pub use view::{EtcdLogView, EtcdStoreView};

//! Bodies for directories of hashicorp/raft.

pub mod gate;
pub mod modes;
pub mod page;

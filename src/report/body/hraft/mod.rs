//! Bodies for directories of hashicorp/raft.

pub mod archive;
pub mod dump;
pub mod gate;
pub mod modes;
pub mod page;

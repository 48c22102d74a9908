//! What several targets share: prepared directories, faults, and checksums made right again behind a change.

pub mod base;
pub mod fault;
pub mod seal;

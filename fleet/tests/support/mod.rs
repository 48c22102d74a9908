//! What several tests use.

pub mod counted;
pub mod http;
pub mod made;
pub mod program;
pub mod recorded;
pub mod servers;
pub mod stores;
pub mod taken;

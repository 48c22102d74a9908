//! What several tests use.

/// What the reports of the main package are held against their schemas with.
#[path = "../../../tests/support/breaches.rs"]
pub mod breaches;
pub mod clouds;
pub mod counted;
pub mod directories;
pub mod http;
pub mod listener;
pub mod made;
pub mod page;
pub mod program;
pub mod publisher;
pub mod recorded;
pub mod servers;
pub mod stores;
pub mod taken;

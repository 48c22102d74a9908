//! What is wrong: every finding with its code, and the checks that make them.

mod causes;
pub mod codes;
mod coverage;
mod finding;
pub mod group;
pub mod log;
pub mod nodes;
pub mod offload;
pub mod outlook;
pub mod snapshot;
pub mod start;
pub mod store;
pub mod unread;

pub use causes::fold;
pub use coverage::{Coverage, NotExamined};
pub use finding::{Finding, Severity, Verdict};

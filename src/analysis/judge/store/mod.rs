//! What is wrong with the bytes of a store.

mod findings;
pub mod lone;
mod scan;
mod table_check;
mod verify;

pub use findings::{damage_finding as table_finding, store_findings};
pub use scan::{add_scan, not_scanned, scanned};
pub use table_check::{TableContext, table_findings};
pub use verify::{listed, verify};

pub(in crate::analysis) use findings::group_findings;

use crate::analysis::server::store::cover;

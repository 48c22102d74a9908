//! The reports of this program. They are drawn by the library, as those of `ekv-tool` are.

pub mod audit;
pub mod collect;
pub mod plan;
pub mod sql;
pub mod verify;

use ekv_tool::report::{Body, NextStep, Report};

/// A report under the name and version of this program. What its first error means is explained by `ekv-tool`.
pub fn own<B: Body>(report: Report<B>) -> Report<B> {
    let next_step = NextStep::explain_first_error(&report.findings);
    Report { next_step, schema: format!("ekv-fleet/{}/v1", B::NAME), tool_version: env!("CARGO_PKG_VERSION"), ..report }
}

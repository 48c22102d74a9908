//! The reports of this program. They are drawn by the library, as those of `ekv-tool` are.

pub mod audit;
pub mod verify;

use ekv_tool::report::{Body, Report};

/// A report under the name and version of this program.
pub fn own<B: Body>(report: Report<B>) -> Report<B> {
    Report { schema: format!("ekv-fleet/{}/v1", B::NAME), tool_version: env!("CARGO_PKG_VERSION"), ..report }
}

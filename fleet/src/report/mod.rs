//! The reports of this program. They are drawn by the library, as those of `ekv-tool` are.

pub mod audit;
pub mod collect;
pub mod plan;
mod readings;
pub mod sql;
pub mod verify;

use ekv_tool::report::body::failure::FailureBody;
use ekv_tool::report::schema::{ReportSchema, of_program};
use ekv_tool::report::{Body, Report};

pub use readings::Readings;

/// What every report of this program looks like in JSON, by name.
pub fn schemas() -> Vec<ReportSchema> {
    let mut all = vec![
        of_program::<audit::AuditBody>(PROGRAM),
        of_program::<verify::VerifyBody>(PROGRAM),
        of_program::<collect::CollectBody>(PROGRAM),
        of_program::<plan::PlanBody>(PROGRAM),
        of_program::<sql::SqlBody>(PROGRAM),
        of_program::<FailureBody>(PROGRAM),
    ];
    all.sort_by_key(|report| report.name);
    all
}

/// What the `schema` of reports begins with.
const PROGRAM: &str = "ekv-fleet";

/// A report under the name and version of this program. What its first error means is explained by `ekv-tool`.
pub fn own<B: Body>(report: Report<B>) -> Report<B> {
    Report { schema: format!("{PROGRAM}/{}/v1", B::NAME), tool_version: env!("CARGO_PKG_VERSION"), ..report }
}

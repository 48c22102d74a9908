//! What will the nodes below a directory do when they start? `cargo run --example next_start [DIR]`; without a directory it
//! looks at the small real node in fixtures/demo.
#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::path::{Path, PathBuf};

use ekv_tool::Run;
use ekv_tool::ops::{GateOptions, gate_dryrun};

fn main() -> Result<(), ekv_tool::Error> {
    let demo = || Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let dir = std::env::args_os().nth(1).map_or_else(demo, PathBuf::from);

    let report = gate_dryrun(&[dir], &GateOptions::default(), &Run::local().on_threads(2))?;
    for group in &report.body.groups {
        println!("{}: {} ({})", group.dir, group.forecast.outcome.name(), group.forecast.reason);
    }
    for finding in &report.findings {
        println!("{} {}: {}", finding.severity, finding.code.code, finding.message);
    }
    println!("verdict: {}", report.verdict);
    Ok(())
}

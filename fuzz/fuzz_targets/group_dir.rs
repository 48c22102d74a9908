//! A prepared group directory with up to four faults, sums made right again behind some of them: every question that takes a
//! directory is asked, its answer is written in every format, and the directory is as it was afterwards.
#![no_main]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ekv_tool::Run;
use ekv_tool::error::Result;
use ekv_tool::ops::{
    CheckOptions, GateOptions, InspectOptions, VerifyDepth, VerifySnapshotOptions, check, gate_dryrun, inspect, snapshot,
    store_meta, store_verify, verify_snapshot, wal,
};
use ekv_tool::readers::Depth;
use ekv_tool::readers::pebble::StoreCheck;
use ekv_tool::report::{Body, OutputFormat, Report, Style, render};
use ekv_tool::types::ServerVersion;
use ekv_tool_fuzz::fault::Damaged;
use libfuzzer_sys::fuzz_target;

/// The one directory that is filled anew for each input; in memory when the environment names such a place.
fn node() -> &'static Path {
    static NODE: OnceLock<PathBuf> = OnceLock::new();
    NODE.get_or_init(|| tempfile::tempdir().unwrap().keep().join("n1"))
}

/// Writes the files. One whose path leads through another file cannot be there, and is left out.
fn lay_out(files: &[(PathBuf, Vec<u8>)]) -> Vec<&(PathBuf, Vec<u8>)> {
    let node = node();
    let _ = fs::remove_dir_all(node);
    fs::create_dir_all(node).unwrap();
    let written = files.iter().filter(|(path, bytes)| {
        let path = node.join(path);
        fs::create_dir_all(path.parent().unwrap()).and_then(|()| fs::write(path, bytes)).is_ok()
    });
    let written = written.collect();
    for folder in ["wal", "snap", "fsm-snap", "fsm.db"] {
        let _ = fs::create_dir(node.join(folder));
    }
    written
}

fn write<B: Body>(report: Result<Report<B>>) -> Option<Report<B>> {
    let report = report.ok()?;
    for format in OutputFormat::ALL {
        let mut out = Vec::new();
        render(&report, format, Style { verbose: true, ..Style::default() }, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains('\x1b') && !text.contains('\0'), "unescaped output");
    }
    Some(report)
}

fuzz_target!(|damaged: Damaged| {
    let run = Run::local();
    let written = lay_out(&damaged.files);
    let paths = [node().to_owned()];
    let engine = if damaged.main { ServerVersion::Main } else { ServerVersion::Pr934 };
    let gate = GateOptions {
        engine: Some(engine),
        plan: true,
        store_check: Some(StoreCheck::Full),
        ..GateOptions::default()
    };
    let _ = write(gate_dryrun(&paths, &gate, &run));
    let _ = write(check(&paths, &CheckOptions::default(), &run));
    let _ = write(wal::verify(&paths, &run));
    let _ = write(wal::stat(&paths, None, &run));
    let _ = write(store_meta(&paths, &run));
    let _ = write(store_verify(&[node().join("fsm.db")], VerifyDepth::Keys, &run));
    let deep = VerifySnapshotOptions { depth: Depth::Deep, ..VerifySnapshotOptions::default() };
    let _ = write(verify_snapshot(&paths, &deep, &run));
    let _ = write(snapshot::stat(&paths, true, None, &run));
    let _ = write(inspect(node(), InspectOptions::default(), &run));
    for (path, bytes) in written {
        assert_eq!(fs::read(node().join(path)).unwrap(), *bytes, "{}", path.display());
    }
});

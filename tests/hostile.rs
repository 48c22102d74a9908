//! What hostile bytes may cost: one budget of memory for a run, whatever a length in them claims.

use std::path::PathBuf;

use ekv_tool::analysis::{Severity, Verdict};
use ekv_tool::io::NoProgress;
use ekv_tool::ops::{VerifyDepth, store_meta, store_verify};
use ekv_tool::types::share_budget;

use crate::support::store_writer::StoreWriter;
use crate::support::table_writer::{Options, SET};

/// One of so many sharers has 2 MiB.
const MANY: usize = 64;

struct StoreDir {
    _root: tempfile::TempDir,
    path: PathBuf,
}

/// A store whose tables hold one value of each of these lengths.
fn store_of(lens: &[usize], snappy: bool) -> StoreDir {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("fsm.db");
    let mut store = StoreWriter::new(&path).unwrap();
    for (number, len) in lens.iter().enumerate() {
        let options = Options { snappy, ..Options::default() };
        let fill = |table: &mut crate::support::table_writer::TableWriter<_>| {
            table.point(format!("key{number}").as_bytes(), 10 + number as u64, SET, &vec![0; *len])
        };
        store.table(6, options, fill).unwrap();
    }
    store.finish().unwrap();
    StoreDir { _root: root, path }
}

#[test]
fn a_block_above_the_budget_is_unknown_and_no_damage() {
    for snappy in [false, true] {
        let store = store_of(&[3 << 20, 100], snappy);
        let run = || store_verify(std::slice::from_ref(&store.path), VerifyDepth::Rows, 1, &NoProgress).unwrap();
        assert_eq!(run().verdict, Verdict::Clean, "{snappy}: {:?}", run().findings);
        let (report, over) = share_budget(MANY, run);
        assert!(over);
        assert_eq!(report.verdict, Verdict::Unknown, "{snappy}: {:?}", report.findings);
        assert!(report.findings.iter().all(|finding| finding.severity != Severity::Error), "{:?}", report.findings);
        let finding = report.findings.iter().find(|finding| finding.code.code == "store-table-not-read").unwrap();
        assert!(finding.message.contains("larger than the budget of 128.0 MiB; --memory "), "{}", finding.message);
        assert!(report.coverage.not_examined.iter().any(|part| part.why.contains("larger than the budget")));
    }
}

#[test]
fn the_number_of_threads_decides_nothing_about_a_large_block() {
    // A fourth of the budget is too little, all of it is enough.
    let store = store_of(&[40 << 20, 100, 100, 100], false);
    for threads in [1, 4] {
        let report = store_verify(std::slice::from_ref(&store.path), VerifyDepth::Rows, threads, &NoProgress).unwrap();
        assert_eq!((report.verdict, report.findings.len()), (Verdict::Clean, 0), "{threads}: {:?}", report.findings);
    }
}

#[test]
fn logs_above_the_budget_are_unknown() {
    let value = vec![b'v'; 1000];
    for (entries, len) in [(1, 3 << 20), (3000, 1000)] {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("fsm.db");
        let mut store = StoreWriter::new(&path).unwrap();
        let long = vec![b'v'; len];
        for number in 0..entries {
            let key = format!("key{number:08}");
            let value = if entries == 1 { &long } else { &value };
            store.batch(10 + number, &[(SET, key.as_bytes(), value)]);
        }
        store.finish().unwrap();
        let run = || store_meta(std::slice::from_ref(&path), &NoProgress).unwrap();
        assert_ne!(run().verdict, Verdict::Unknown, "{:?}", run().coverage);
        let (report, _) = share_budget(MANY, run);
        assert_eq!(report.verdict, Verdict::Unknown, "{entries}: {:?}", report.findings);
        let left_out = &report.coverage.not_examined;
        assert!(left_out.iter().any(|part| part.needed && part.why.contains("larger than the budget")), "{left_out:?}");
    }
}

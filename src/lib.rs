//! Reads the data directory of an elastickv node, alive or dead, and says what is in it.
//!
//! A node directory holds a Raft log (`wal/`), snapshot envelopes (`snap/`), snapshot payloads (`fsm-snap/`), a
//! Pebble store (`fsm.db/`) and a few small files. This library decodes them without ever writing, locking or
//! creating anything, decides what the server would do with them, and reports it.
//!
//! Layers, lowest first; an arrow never points up:
//!
//! | layer | does |
//! |---|---|
//! | [`types`] | units that must not be mixed |
//! | [`formats`] | bytes in, borrowed views out; pure |
//! | [`crypto`] | what opens an envelope when its key is at hand; pure |
//! | [`io`] | the only layer that touches the file system |
//! | [`readers`] | files and directories as facts with their place |
//! | [`analysis`] | facts in, decisions and findings out; no files |
//! | [`report`] | one typed report, many renderings |
//! | [`ops`] | one question, one function: reads, analyses, reports |
//!
//! The command line lives in the binary. A question from beginning to end:
//!
//! ```
//! use ekv_tool::Run;
//! use ekv_tool::analysis::Verdict;
//! use ekv_tool::ops::{VerifySnapshotOptions, verify_snapshot};
//!
//! # fn main() -> Result<(), ekv_tool::Error> {
//! let run = Run::local().on_threads(2);
//! let report = verify_snapshot(&["fixtures/demo/n1/group-1".into()], &VerifySnapshotOptions::default(), &run)?;
//!
//! assert_eq!(report.verdict, Verdict::Clean);
//! assert_eq!(report.body.snapshots.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! `examples/next_start.rs` is a whole program.

pub mod analysis;
pub mod crypto;
pub mod error;
pub mod formats;
pub mod io;
pub mod ops;
pub mod readers;
pub mod report;
pub mod types;

pub use error::Error;
pub use readers::Run;

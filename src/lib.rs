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
//! | [`io`] | the only layer that touches the file system |
//! | [`readers`] | files and directories as facts with their place |
//! | [`analysis`] | facts in, decisions and findings out; no files |
//! | [`report`] | one typed report, many renderings |
//! | [`ops`] | one question, one function: reads, analyses, reports |
//!
//! The command line lives in the binary.

pub mod analysis;
pub mod error;
pub mod formats;
pub mod io;
pub mod ops;
pub mod readers;
pub mod report;
pub mod types;

pub use error::Error;

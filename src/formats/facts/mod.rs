//! What a file of `ekv-tool facts` holds beside plain fields: the checksum over the document, and sums over the entries and records of a log
//! that two nodes can compare without either log.
//!
//! Source: docs/formats/facts.md, which is the page of this format.

mod closing;
mod compare;
mod logs;
mod records;
mod rows;
mod runs;
mod summer;
mod text;

pub use closing::{Broken, FRONT, SCHEMA, begins, close, open};
pub use compare::{Compared, walk};
pub use logs::{Common, SummedLog, Unknown, Unlike, overlap};
pub use records::{RecordChain, RecordSums, records_in_common};
pub use rows::RowSum;
pub use runs::{LogSums, Merger, Piece, Salt, TermRun, TermRuns};
pub use summer::Summer;

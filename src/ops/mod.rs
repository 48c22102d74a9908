//! One question, one function: joins readers and analysis and returns a typed report. Nothing here prints or ends the
//! process; a command parses its arguments, calls one of these, and hands the report to a renderer.
#![forbid(unsafe_code)]

mod advice;
mod check;
mod compare;
mod dump;
mod encryption;
mod engine;
mod envelopes;
pub mod etcd;
mod facts;
mod gate;
mod group;
mod history;
pub mod hraft;
mod inspect;
mod legacy;
mod offload;
mod offload_plan;
mod overtaken;
mod postmortem;
mod sealed_value;
pub mod snapshot;
mod store;
mod store_diff;
mod store_dump;
mod store_lsm;
mod store_name;
mod store_scan;
mod store_stat;
mod told;
mod verify_snapshot;
pub mod wal;

pub use check::{CheckOptions, check};
pub use compare::{
    CompareOptions, ComparedCopies, TakenGroup, Told, compare, compare_copies, engine_told, is_file, match_copies, of_two_groups,
};
pub use dump::{dumps, verify_dumps};
pub use facts::{FactsOptions, facts};
pub use gate::{GateOptions, gate_dryrun};
pub use history::{HistoryOptions, NamedDir, history};
pub use inspect::{InspectOptions, inspect};
pub use offload_plan::{OffloadPlanOptions, offload_plan};
pub use postmortem::{Postmortem, PostmortemOptions, postmortem};
pub use store::{GetOptions, VerifyDepth, store_get, store_meta, store_verify};
pub use store_diff::store_diff;
pub use store_dump::{StoreDumpOptions, store_dump};
pub use store_lsm::store_lsm;
pub use store_scan::{ScanOptions, store_scan};
pub use store_stat::store_stat;
pub use verify_snapshot::{VerifySnapshotOptions, verify_snapshot};

//! One file per question; plain structs that derive `Serialize` and describe themselves once.

mod cells;
pub mod check;
pub mod compare;
pub mod dump;
pub mod envelopes;
pub mod etcd;
pub mod explain;
pub mod failure;
pub mod gate;
pub mod hraft;
pub mod inspect;
mod offload;
pub mod offload_plan;
pub mod snapshot;
pub mod snapshot_diff;
pub mod snapshot_ls;
pub mod snapshot_rebuild;
pub mod snapshot_stat;
pub mod store_get;
pub mod store_lsm;
pub mod store_meta;
pub mod store_name;
pub mod store_scan;
pub mod store_stat;
pub mod store_verify;
mod usage;
pub mod wal;

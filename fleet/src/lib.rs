//! Offloaded snapshots of elastickv in object stores: listed, judged, and their bytes verified by as many machines as there are.
//!
//! What is wrong with a store is decided by the library of `ekv-tool` alone: this package brings it the objects of a bucket in place
//! of the files of a directory.
//!
//! | module | does |
//! |---|---|
//! | [`store`] | the only part that talks to a store: addresses, listings, objects by ranges, errors in fixed words |
//! | [`shard`] | which payloads are whose |
//! | [`parts`] | what was verified, as Parquet files that are never overwritten |
//! | [`facts`] | files of `ekv-tool facts` |
//! | [`simulate`] | a restart on paper, by which every plan is checked |
//! | [`sql`] | views and queries over what was collected |
//! | [`single`] | one object by its address |
//! | [`audit`], [`verify`], [`collect`], [`plan`] | one question each: reads, asks the library, reports |
//! | `cluster` | a scheduler and executors that answer queries together, with the feature of that name |
//! | [`report`] | the reports of the questions |
#![forbid(unsafe_code)]

pub mod audit;
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod collect;
pub mod error;
pub mod facts;
mod join;
pub mod parts;
pub mod plan;
pub mod progress;
pub mod report;
pub mod shard;
pub mod simulate;
pub mod single;
pub mod sql;
pub mod store;
pub mod verify;

pub use error::Error;

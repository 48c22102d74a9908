//! The tests of ekv-fleet, one program: a module by subject.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs, reason = "tests make and change what they read")]

#[cfg(feature = "cluster")]
mod cluster;
mod collect;
mod day;
mod equality;
mod hostile;
mod manual;
mod plan;
mod planned;
mod schema;
mod servers;
mod shards;
mod single;
mod spread;
mod sql;
mod support;

//! The tests of ekv-fleet, one program: a module by subject.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs, reason = "tests make and change what they read")]

mod collect;
mod day;
mod equality;
mod hostile;
mod plan;
mod planned;
mod schema;
mod servers;
mod shards;
mod spread;
mod sql;
mod support;

//! The tests of ekv-fleet, one program: a module by subject.

mod equality;
mod hostile;
mod servers;
mod shards;
mod support;

//! What several targets share: prepared directories, faults, the memory that is taken; and, with the tests, writers of the formats,
//! hostile directories that are built from the bytes of a fuzzer, the commands that are asked about them, and what their answers are
//! held against.

pub mod base;
pub mod fault;
pub mod memory;
pub mod several;

/// What is shared with the tests.
#[path = "../../tests/support"]
pub mod support {
    pub mod column_writer;
    pub mod commands;
    pub mod hostile;
    pub mod page;
    pub mod keys;
    pub mod log_writer;
    pub mod oracles;
    pub mod raftwal_writer;
    pub mod rebuilt;
    pub mod seal;
    pub mod store_writer;
    pub mod table_writer;
    pub mod wal_writer;
}

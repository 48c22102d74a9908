//! Tools that several tests share.

pub mod golden;
pub mod store_writer;
pub mod table_writer;
pub mod wal_writer;

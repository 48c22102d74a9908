//! Tools that several tests share.

pub mod table_writer;

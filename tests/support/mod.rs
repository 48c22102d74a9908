//! Tools that several tests share.

pub mod archive_writer;
pub mod bombs;
pub mod column_writer;
pub mod commands;
pub mod dump_writer;
pub mod dumped;
pub mod forecast;
pub mod golden;
pub mod group;
pub mod hostile;
pub mod keys;
pub mod log_writer;
pub mod node_dir;
pub mod object;
pub mod offload_writer;
pub mod oracles;
pub mod raft_db;
pub mod raftwal_writer;
pub mod rebuilt;
pub mod recorded;
pub mod seal;
pub mod state_files;
pub mod store_writer;
pub mod table_writer;
pub mod tree;
pub mod wal_writer;

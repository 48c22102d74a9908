#![doc = include_str!("../../../docs/formats/fsm.md")]

pub mod body;
mod file_name;
mod footer;
mod header;

pub use file_name::{FsmName, is_received_spool, is_unfinished};
pub use footer::{FOOTER_LEN, FsmFooter};
pub use header::{FsmHeader, HEADER_PEEK, HeaderError};

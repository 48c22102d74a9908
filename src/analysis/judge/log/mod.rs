//! What is wrong with the bytes of a Raft log.

mod ends;
mod examine;
mod seams;
mod segment;
mod set_aside;

pub use examine::{judge_segments, settle};

//! What is wrong with the bytes of a Raft log.

mod ends;
mod examine;
mod seams;

pub use examine::examine;

//! Files and directories as the node sees them, reduced to facts with their place. No judgement: a gap is a fact here
//! and a finding in [`analysis`](crate::analysis).
#![forbid(unsafe_code)]

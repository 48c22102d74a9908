//! Keys of the stable store.

/// Eight bytes, big-endian.
pub const CURRENT_TERM: &[u8] = b"CurrentTerm";
/// Eight bytes, big-endian.
pub const LAST_VOTE_TERM: &[u8] = b"LastVoteTerm";
/// The candidate as the transport writes it: its address.
pub const LAST_VOTE_CANDIDATE: &[u8] = b"LastVoteCand";

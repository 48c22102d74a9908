//! Lengths that the data claim.

use crate::formats::{DecodeError, DecodeErrorKind, DecodeResult};

/// `claimed` as a length that may be allocated.
pub(super) fn bounded(claimed: u64, limit: u64, what: &'static str) -> DecodeResult<usize> {
    match usize::try_from(claimed) {
        Ok(len) if claimed <= limit => Ok(len),
        _ => Err(DecodeError::new(0, DecodeErrorKind::Limit { what, found: claimed, limit })),
    }
}

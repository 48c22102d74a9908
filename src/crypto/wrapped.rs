//! Data keys as the sidecar keeps them.

use super::{OpenError, SecretKey};
use crate::formats::sidecar::WRAPPED_LEN;

/// Opens a data key that is wrapped under the KEK: nonce, ciphertext, tag, without additional data.
pub fn unwrap_dek(kek: &SecretKey, wrapped: &[u8]) -> Result<SecretKey, OpenError> {
    let Some((nonce, sealed)) = wrapped.split_first_chunk::<12>().filter(|_| wrapped.len() == WRAPPED_LEN) else {
        return Err(OpenError::WrappedLength(wrapped.len()));
    };
    let mut clear = kek.open(nonce, &[], sealed).ok_or(OpenError::Unwrap)?;
    SecretKey::take(&mut clear).ok_or(OpenError::Unwrap)
}

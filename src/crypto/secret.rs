//! The one type that holds key material.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a key: the KEK and every data key are AES-256 keys.
pub const KEY_LEN: usize = 32;

/// A key. It has no `Debug`, `Display`, `Serialize` or `Clone`, gives its bytes to nobody, and overwrites them when it is dropped.
pub struct SecretKey(Zeroizing<[u8; KEY_LEN]>);

impl SecretKey {
    /// Takes over the bytes of a key; what they were taken from is overwritten. `None` for any other length.
    pub fn take(bytes: &mut [u8]) -> Option<Self> {
        let key = <[u8; KEY_LEN]>::try_from(&*bytes).ok().map(|key| Self(Zeroizing::new(key)));
        bytes.zeroize();
        key
    }

    /// Opens what was sealed under this key; `None` when the tag does not fit. `sealed` is ciphertext and tag.
    pub(super) fn open(&self, nonce: &[u8; 12], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let cipher = Aes256Gcm::new_from_slice(self.0.as_slice()).ok()?;
        cipher.decrypt(nonce.into(), Payload { msg: sealed, aad }).ok()
    }
}

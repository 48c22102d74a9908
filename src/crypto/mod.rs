//! What opens an envelope when its key is at hand. Pure: bytes in, bytes out; no files, no clock, no output.
//!
//! | key | opens | additional data |
//! |---|---|---|
//! | KEK, 32 bytes of a file | a wrapped data key: nonce (12), ciphertext (32), tag (16) | none |
//! | data key, from the sidecar | a raft envelope | `52`, version, key id |
//! | data key, from the sidecar | a storage envelope | version, flags, key id, the row's 9-byte header, the row's whole key |
//!
//! The cipher is AES-256-GCM everywhere. A plaintext is handed out only after its tag was found right, so that no changed bit
//! ever becomes a wrong clear text. [`SecretKey`] is the one type that holds key material: it cannot be printed, cloned or
//! serialized, and is overwritten when it is dropped.
#![forbid(unsafe_code)]

mod error;
mod keyring;
mod open;
mod secret;
mod wrapped;

pub use error::OpenError;
pub use keyring::{KeyPurpose, Keyring};
pub use open::{Opened, open_raft, open_value};
pub use secret::{KEY_LEN, SecretKey};
pub use wrapped::unwrap_dek;

#[cfg(test)]
mod tests;

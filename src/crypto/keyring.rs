//! The data keys at hand, by id.

use std::collections::BTreeMap;
use std::fmt;

use super::{OpenError, SecretKey, unwrap_dek};

/// What a data key is meant for. A label only: the cipher does not enforce it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyPurpose {
    /// Values in the store.
    Storage,
    /// Proposals in the log.
    Raft,
}

/// Data keys by id, opened. Retired ones stay, as in the sidecar: old entries and rows need them.
#[derive(Default)]
pub struct Keyring {
    keys: BTreeMap<u32, SecretKey>,
}

/// The ids; never a byte of a key.
impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keyring").field(&self.keys.keys().collect::<Vec<_>>()).finish()
    }
}

impl Keyring {
    /// Opens a wrapped data key and keeps it under `id`.
    pub fn add(&mut self, id: u32, wrapped: &[u8], kek: &SecretKey) -> Result<(), OpenError> {
        self.keys.insert(id, unwrap_dek(kek, wrapped)?);
        Ok(())
    }

    /// The key with this id.
    pub fn get(&self, id: u32) -> Result<&SecretKey, OpenError> {
        self.keys.get(&id).ok_or(OpenError::UnknownKey(id))
    }

    /// The ids at hand, ascending.
    pub fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.keys.keys().copied()
    }

    /// True when no key is at hand.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

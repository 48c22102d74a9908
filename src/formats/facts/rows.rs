//! Sums of rows of a store, which are added up: two stores can be compared up to a commit that both have.

use std::hash::Hasher;

use sha2::{Digest as _, Sha256};

use super::runs::{Salt, short};

/// Makes the sum of one row.
#[derive(Debug, Clone)]
pub struct RowSum(Sha256);

impl RowSum {
    /// Begins one.
    pub fn new(salt: &Salt) -> Self {
        Self(salt.begin(b"row"))
    }
}

impl Hasher for RowSum {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        short(self.0.clone())
    }
}

//! Which payloads are whose. Shards need not know of each other: a payload belongs to the shard that the hash of its key names.

use std::fmt::{self, Display};
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// One of several workers, `I/N` with `I` from 1 to `N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 1 on.
    pub number: u32,
    /// How many there are.
    pub of: u32,
}

impl Shard {
    /// The only one.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// True when the payload with that key is this shard's: the first eight bytes of the SHA-256 of the key, as a big-endian number,
    /// leave `number - 1` when they are divided by `of`.
    pub fn takes(self, key: &str) -> bool {
        let digest = Sha256::digest(key.as_bytes());
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        u64::from_be_bytes(first) % u64::from(self.of.max(1)) + 1 == u64::from(self.number)
    }
}

impl Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "not a shard; write I/N with I from 1 to N, for example 3/50".to_owned();
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let (number, of): (u32, u32) = (number.parse().map_err(|_| wrong())?, of.parse().map_err(|_| wrong())?);
        if (1..=of).contains(&number) { Ok(Self { number, of }) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_payload_belongs_to_one_shard() {
        for of in [1, 2, 3, 50] {
            let mut taken = vec![0; of as usize];
            for key in (0..3000).map(|number| format!("p/v1/payloads/sha256/{number}.fsm")) {
                let owners: Vec<_> = (1..=of).filter(|&number| Shard { number, of }.takes(&key)).collect();
                assert_eq!(owners.len(), 1, "{key}");
                taken[owners[0] as usize - 1] += 1;
            }
            let fair = 3000 / of as usize;
            assert!(taken.iter().all(|&taken| taken > fair / 2 && taken < fair * 2), "{taken:?}");
        }
        // Never another rule: half of a store would be verified by two versions of it.
        assert!(Shard { number: 3, of: 3 }.takes("p/v1/payloads/sha256/x.fsm"));
    }

    #[test]
    fn shards_are_written_as_fractions() {
        assert_eq!("3/50".parse(), Ok(Shard { number: 3, of: 50 }));
        for wrong in ["", "3", "0/3", "4/3", "a/b", "1/0", "-1/2", "1/4294967296"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}

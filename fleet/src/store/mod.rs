//! Stores as they are reached: by address, through one interface, with every answer bounded in time and length.

mod address;
mod connect;
mod fetch;
mod listing;
mod silence;
mod trouble;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;

pub use address::{Address, Scheme};
pub use connect::{Limits, connect};
pub use fetch::Head;
pub(crate) use listing::Pages;
pub use listing::{Listed, MAX_OBJECTS};
pub(crate) use silence::Silence;
pub use trouble::Trouble;

/// How far the clocks of two machines may be apart, in milliseconds.
pub const CLOCKS: u64 = 10 * 60 * 1000;

/// A store, or the part of one below a prefix.
#[derive(Debug, Clone)]
pub struct Store {
    /// How reports name it: `s3://bucket/prefix`.
    pub shown: String,
    /// What keys below it begin with: empty, or the prefix with a slash at its end.
    pub base: String,
    /// How it is reached.
    pub reach: Reach,
    /// How long anything may take.
    pub limits: Limits,
    /// Which server answers, where the environment names one of its own; of Azure the account. One bucket name may stand for a store at
    /// each of several.
    pub endpoint: Option<String>,
    /// How long it has been silent.
    pub(crate) silence: Silence,
    /// Its listing page by page, where that can be had.
    pub(crate) pages: Option<Pages>,
    /// Who answers over the network; `None` of a directory and of a store in this process.
    pub(crate) remote: Option<Scheme>,
}

/// How a store is reached.
#[derive(Debug, Clone)]
pub enum Reach {
    /// It is a directory of this machine, read as `ekv-tool verify-snapshot` reads it.
    Directory(PathBuf),
    /// It answers requests.
    Objects(Arc<dyn ObjectStore>),
}

impl Store {
    /// A store that is at hand already; for tests, and for whoever has a client of its own.
    pub fn of(objects: Arc<dyn ObjectStore>, shown: &str, base: &str) -> Self {
        Self {
            shown: shown.to_owned(),
            base: base.to_owned(),
            reach: Reach::Objects(objects),
            limits: Limits::default(),
            endpoint: None,
            silence: Silence::default(),
            pages: None,
            remote: None,
        }
    }

    /// The object with that key, as reports name it.
    pub fn path_of(&self, key: &str) -> String {
        let below = key.strip_prefix(&self.base).unwrap_or(key);
        PathBuf::from(&self.shown).join(below).display().to_string()
    }
}

impl Limits {
    /// The longest that one request can take, with everything that is tried again.
    pub fn patience(&self) -> Duration {
        self.timeout.saturating_mul(self.max_retries.saturating_add(1)).saturating_add(self.retry_time())
    }
}

//! What was verified, as Parquet files: a shard writes them one after the other and never over another one, so that a run that is killed
//! goes on where it was, and several runs never meet.

#![allow(clippy::disallowed_methods, reason = "results in a directory are this machine's")]

mod place;
mod read;
mod row;
mod write;

use std::path::Path;
use std::sync::Arc;

use ekv_tool::readers::{Local, Territory};
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;

use crate::error::{Error, Result};
use crate::store::{Address, Limits, Scheme, Store};

pub use place::Created;
pub use read::{Demand, KnownPayloads, PartsRead};
pub use row::{Outcome, PartRow, SCHEMA_VERSION, schema};
pub use write::PartWriter;

/// Below this, in the place of the results.
pub const PARTS: &str = "offload-verify/v1/";

/// Where parts are.
#[derive(Debug, Clone)]
pub struct Results {
    store: Store,
    objects: Arc<dyn ObjectStore>,
    address: Address,
}

impl Results {
    /// Results at an address, which lies outside of the store that is read. A directory is made if there is none.
    pub fn at(address: &Address, limits: Limits, read: &Address) -> Result<Self> {
        apart(address, read)?;
        Self::open(address, limits)
    }

    /// The same of results that are there and are only read.
    pub fn beside(address: &Address, limits: Limits, read: &Address) -> Result<Self> {
        apart(address, read)?;
        Self::present(address, limits)
    }

    fn in_directory(address: &Address, store: Store, dir: &Path) -> Result<Self> {
        let failed = |why: String| Error::Store { address: store.shown.clone(), why, hint: "name a directory of your own" };
        let full = std::path::absolute(dir).map_err(|error| failed(error.to_string()))?;
        if let Some((owner, what)) = full.ancestors().find_map(|above| Some((above, Territory::of(above, &Local)?))) {
            return Err(failed(format!(
                "it lies in {}, which is {}; nothing is ever written there",
                owner.display(),
                what.name()
            )));
        }
        std::fs::create_dir_all(&full).map_err(|error| failed(format!("the directory cannot be made: {error}")))?;
        let files = LocalFileSystem::new_with_prefix(&full).map_err(|_| failed("the directory cannot be used".to_owned()))?;
        Ok(Self { objects: Arc::new(files), store, address: address.clone() })
    }

    /// How reports name the place.
    pub fn shown(&self) -> &str {
        &self.store.shown
    }

    /// The key of a part, or of all parts.
    fn key(&self, below: &str) -> String {
        format!("{}{PARTS}{below}", self.store.base)
    }
}

/// Refuses results in the store that is read.
fn apart(address: &Address, read: &Address) -> Result<()> {
    if overlap(address, read) {
        let text = format!("--results {}: lies in the store that is read, or around it; name another place", address.shown);
        return Err(Error::Usage(text));
    }
    Ok(())
}

/// True when one of two places is, or lies in, the other.
fn overlap(a: &Address, b: &Address) -> bool {
    if a.scheme != b.scheme {
        return false;
    }
    if a.scheme == Scheme::Directory {
        let full = |address: &Address| {
            let path = std::path::absolute(&address.directory).unwrap_or_else(|_| address.directory.clone());
            // What is not there yet lies where its parent lies.
            let standing = path.ancestors().find(|above| above.exists()).unwrap_or(&path).to_owned();
            let rest = path.strip_prefix(&standing).unwrap_or(Path::new("")).to_owned();
            std::fs::canonicalize(&standing).unwrap_or(standing).join(rest)
        };
        let (a, b) = (full(a), full(b));
        return a.starts_with(&b) || b.starts_with(&a);
    }
    a.bucket == b.bucket && (a.base.starts_with(&b.base) || b.base.starts_with(&a.base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_lie_outside_of_what_is_read() {
        let of = |text: &str| Address::parse(text).unwrap();
        for (results, store) in
            [("s3://b/p", "s3://b"), ("s3://b", "s3://b/p"), ("s3://b/p/q", "s3://b/p"), ("/tmp/../tmp/a", "/tmp")]
        {
            assert!(overlap(&of(results), &of(store)), "{results} {store}");
        }
        for (results, store) in
            [("s3://b/ekv", "s3://b/p"), ("s3://c", "s3://b"), ("s3://b/pq", "s3://b/p"), ("gs://b", "s3://b"), ("/a", "s3://b")]
        {
            assert!(!overlap(&of(results), &of(store)), "{results} {store}");
        }
    }
}

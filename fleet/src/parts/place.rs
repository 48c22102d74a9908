//! Objects below the place of the results: created under a name that nothing has, listed, and read again.

use bytes::Bytes;
use ekv_tool::readers::{Local, Territory};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStore, PutMode, PutOptions};
use std::path::Path;
use std::sync::Arc;

use super::Results;
use crate::error::{Error, Result};
use crate::store::{Address, Limits, Listed, Reach, Store, Trouble, connect};

/// What came of creating an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is there now.
    New,
    /// Something with this name was there before, and was left as it is.
    Known,
}

impl Results {
    /// The place at an address, for who reads no store. A directory is made if there is none.
    pub fn open(address: &Address, limits: Limits) -> Result<Self> {
        let store = connect(address, limits)?;
        match &store.reach {
            Reach::Objects(objects) => Ok(Self { objects: Arc::clone(objects), store, address: address.clone() }),
            Reach::Directory(dir) => {
                let dir = dir.clone();
                Self::in_directory(address, store, &dir)
            }
        }
    }

    /// The place at an address, which is only read. A directory that is not there is an error.
    pub fn present(address: &Address, limits: Limits) -> Result<Self> {
        let store = connect(address, limits)?;
        let objects = match &store.reach {
            Reach::Objects(objects) => Arc::clone(objects),
            Reach::Directory(dir) => {
                let files = directory(dir).map_err(|why| Error::Store {
                    address: store.shown.clone(),
                    why,
                    hint: "name the place that an earlier run with --results has written to",
                })?;
                Arc::new(files)
            }
        };
        Ok(Self { store, objects, address: address.clone() })
    }

    /// Writes an object under a key below the place, unless there is one.
    pub async fn create(&self, below: &str, bytes: Vec<u8>) -> Result<Created> {
        let failed = |why: String| Error::Store {
            address: self.shown().to_owned(),
            why: format!("{below} cannot be written: {why}"),
            hint: "what was written before stays; run the same command again when it can be",
        };
        let key =
            Key::parse(format!("{}{below}", self.store.base)).map_err(|_| failed("its place has no such key".to_owned()))?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.objects.put_opts(&key, bytes.into(), options).await {
            Ok(_) => Ok(Created::New),
            Err(error) => match Trouble::of(&error) {
                Trouble::Exists | Trouble::Changed => Ok(Created::Known),
                other => Err(failed(other.words())),
            },
        }
    }

    /// What is below a folder of the place. Keys are from the place on, the object from the root of the bucket.
    pub async fn below(&self, folder: &str) -> Result<Vec<(String, Listed)>> {
        let mut listed = Vec::new();
        let at = Store { base: format!("{}{folder}", self.store.base), ..self.store.clone() };
        let listing = at.list(&*self.objects, |object| {
            let key = object.key.strip_prefix(&self.store.base).unwrap_or(&object.key).to_owned();
            listed.push((key, object));
        });
        match listing.await {
            Ok(()) | Err(Trouble::Absent) => {}
            Err(trouble) => {
                let why = format!("{folder} cannot be listed: {}", trouble.words());
                let hint = "check that the results can be read";
                return Err(Error::Store { address: self.shown().to_owned(), why, hint });
            }
        }
        listed.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(listed)
    }

    /// The address of the place, for who reads it another way.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The key of an object below the place, from the root of the bucket.
    pub fn key_of(&self, below: &str) -> String {
        format!("{}{below}", self.store.base)
    }

    /// The bytes of an object of a listing.
    pub async fn fetch(&self, object: &Listed) -> Result<Bytes, String> {
        self.store.range(&*self.objects, object, 0..object.size).await.map_err(|trouble| trouble.words())
    }
}

fn directory(dir: &Path) -> Result<LocalFileSystem, String> {
    let full = std::path::absolute(dir).map_err(|error| error.to_string())?;
    if !full.is_dir() {
        return Err("there is no such directory".to_owned());
    }
    if full.ancestors().any(|above| Territory::of(above, &Local).is_some()) {
        return Err("it lies in a data directory or a store, where no results are kept".to_owned());
    }
    LocalFileSystem::new_with_prefix(&full).map_err(|_| "the directory cannot be used".to_owned())
}

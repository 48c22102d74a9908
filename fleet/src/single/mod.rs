//! One object by its address: a payload, or a manifest. What is wrong with it is a value, and so is what could not be looked at; nothing
//! is an error.

mod manifest;
mod payload;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ekv_tool::Run;
use ekv_tool::analysis::judge::snapshot::Examined;
use ekv_tool::analysis::{Coverage, Finding, Severity, Verdict};
use ekv_tool::io::now;
use ekv_tool::readers::offload::OffloadStore;
use ekv_tool::types::UnixMillis;

pub use manifest::SeenManifest;
pub use payload::SeenPayload;

use crate::error::{Error, Result};
use crate::progress::Unwatched;
use crate::store::{Address, Limits, Listed, Reach, Scheme, Store, connect};

/// Looks at objects, and keeps the connections to their stores.
#[derive(Debug)]
pub struct Single {
    limits: Limits,
    stores: Mutex<HashMap<String, Store>>,
}

/// What is said of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen<T> {
    /// `clean`, `damaged`, `unknown`.
    pub verdict: Verdict,
    /// Codes of the findings, each once, in their order; remarks are left out.
    pub codes: Vec<&'static str>,
    /// What the first error says, or why the verdict is unknown.
    pub why: Option<String>,
    /// What it is; `None` when nothing of it could be had.
    pub object: Option<T>,
}

impl<T> Seen<T> {
    /// Nothing can be said, and why.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unknown, codes: Vec::new(), why: Some(why.into()), object: None }
    }

    fn of(verdict: Verdict, findings: &[Finding], coverage: &Coverage, object: T) -> Self {
        let mut codes = Vec::new();
        for finding in findings.iter().filter(|finding| finding.severity != Severity::Info) {
            if !codes.contains(&finding.code.code) {
                codes.push(finding.code.code);
            }
        }
        let error = || findings.iter().find(|it| it.severity == Severity::Error).map(|it| it.message.clone());
        let missing = || coverage.not_examined.iter().find(|part| part.needed).map(|part| part.why.clone());
        let why = match verdict {
            Verdict::Clean => None,
            Verdict::Damaged => error(),
            Verdict::Unknown => missing(),
        };
        Self { verdict, codes, why, object: Some(object) }
    }

    fn examined<V>(examined: Examined<V>, verdict: impl Fn(&V) -> Verdict, object: impl Fn(V) -> T) -> Self {
        let Examined { view, findings, coverage } = examined;
        Self::of(verdict(&view), &findings, &coverage, object(view))
    }
}

/// Where an object is.
#[derive(Debug)]
enum Place {
    /// A file of this machine.
    File(PathBuf),
    /// An object with that key, from the root of the bucket.
    Object(Store, String),
}

impl Single {
    /// Asks stores within these limits. Credentials are those of the environment.
    pub fn new(limits: Limits) -> Self {
        Self { limits, stores: Mutex::default() }
    }

    /// The place of an object; an address that names none, or that no store stands behind, is an error with its words.
    fn place(&self, url: &str) -> Result<Place> {
        let address = Address::parse(url)?;
        if address.scheme == Scheme::Directory {
            return Ok(Place::File(address.directory));
        }
        let key = address.base.trim_end_matches('/').to_owned();
        if key.is_empty() {
            return Err(Error::Usage("the address names a bucket and no object".to_owned()));
        }
        Ok(Place::Object(self.store(&address)?, key))
    }

    /// The bucket of an address, whole.
    fn store(&self, address: &Address) -> Result<Store> {
        let bucket = address.bucket_of();
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = stores.get(&bucket.shown) {
            return Ok(store.clone());
        }
        let store = connect(&bucket, self.limits)?;
        stores.insert(bucket.shown, store.clone());
        Ok(store)
    }
}

/// An object where a store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its address, as [`Single::verify`] and [`Single::manifest`] take it.
    pub url: String,
    /// `payload` or `manifest`.
    pub kind: &'static str,
    /// Length in bytes.
    pub size: u64,
    /// When it was last written.
    pub modified: Option<UnixMillis>,
}

/// What the kinds are called.
const PAYLOAD: &str = "payload";
const MANIFEST: &str = "manifest";

impl Single {
    /// The payloads and manifests of a store, by address. A store that cannot be listed to its end, and one without any, is an error,
    /// since its list would stand for the whole.
    pub async fn list(&self, url: &str) -> Result<Vec<Found>> {
        let address = Address::parse(url)?;
        let store = connect(&address, self.limits)?;
        let mut found = match &store.reach {
            Reach::Directory(path) => directory(path)?,
            Reach::Objects(objects) => {
                let mut found = Vec::new();
                let listing = store.list(&**objects, |object| {
                    let Some(kind) = kind_of(&object.key) else { return };
                    let Listed { key, size, modified, .. } = object;
                    found.push(Found { url: address.url_of(&key), kind, size, modified });
                });
                listing.await.map_err(|trouble| crate::audit::unreachable(&store, &trouble))?;
                found
            }
        };
        if found.is_empty() {
            // A volume that is not mounted, a prefix that is misspelled.
            let why = "no payload and no manifest was found there".to_owned();
            return Err(Error::Store { address: store.shown, why, hint: "look at the address" });
        }
        found.sort_by(|a, b| a.url.cmp(&b.url));
        Ok(found)
    }
}

fn kind_of(key: &str) -> Option<&'static str> {
    use ekv_tool::formats::offload::KeyKind;
    match KeyKind::of(key) {
        KeyKind::Payload { .. } => Some(PAYLOAD),
        KeyKind::Manifest { .. } => Some(MANIFEST),
        KeyKind::Temporary | KeyKind::Foreign => None,
    }
}

fn directory(path: &Path) -> Result<Vec<Found>> {
    let run = Run::local();
    let read = OffloadStore::read(path, &run)?;
    if let Some((key, why)) = read.unlisted.first() {
        let address = path.join(key).display().to_string();
        return Err(Error::Store { address, why: format!("it cannot be listed: {why}"), hint: "" });
    }
    let shown = |key: &str| read.path_of(key).map(|path| path.display().to_string());
    let manifests = read
        .manifests
        .iter()
        .filter_map(|it| Some(Found { url: shown(&it.key)?, kind: MANIFEST, size: it.size, modified: it.modified }));
    let payloads = read.payloads.iter().filter(|(_, it)| it.listed).filter_map(|(key, _)| {
        let path = read.path_of(key)?;
        let Listed { size, modified, .. } = crate::verify::listed(key, &path, &run);
        Some(Found { url: path.display().to_string(), kind: PAYLOAD, size, modified })
    });
    Ok(manifests.chain(payloads).collect())
}

/// Looks at a file in a thread that may wait.
async fn at_hand<T: Send + 'static>(look: impl FnOnce() -> Seen<T> + Send + 'static) -> Seen<T> {
    let ended = tokio::task::spawn_blocking(look).await;
    ended.unwrap_or_else(|_| Seen::unknown("a fault of the program ended its reading"))
}

fn time() -> UnixMillis {
    now().unwrap_or_default()
}

/// What is not used where nobody watches.
const NOBODY: Unwatched = Unwatched;

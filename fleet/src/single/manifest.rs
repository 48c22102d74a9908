//! A manifest, and the front of the payload that it names.

use std::path::Path;

use ekv_tool::Run;
use ekv_tool::analysis::judge::offload::{OffloadRequest, VerifiedOffload, verify_manifest};
use ekv_tool::formats::offload::KeyKind;
use ekv_tool::ops::{VerifySnapshotOptions, verify_snapshot};
use ekv_tool::readers::Depth;
use ekv_tool::readers::offload::OffloadStore;

use super::{NOBODY, Place, Seen, Single, at_hand, time};
use crate::audit::{GRACE, read_manifest};
use crate::store::{Address, Reach, Store};

/// A manifest that was looked at.
#[derive(Debug, Clone)]
pub struct SeenManifest {
    /// As `offload audit` shows it.
    pub view: VerifiedOffload,
    /// The address of its payload, as [`Single::verify`] takes it.
    pub payload_url: Option<String>,
}

impl Single {
    /// Reads a manifest as `offload audit` does, and judges it by itself.
    pub async fn manifest(&self, url: &str) -> Seen<SeenManifest> {
        match self.place(url) {
            Err(error) => Seen::unknown(error.to_string()),
            Ok(Place::File(path)) => at_hand(move || file(&path)).await,
            Ok(Place::Object(store, key)) => object(url, &store, &key).await,
        }
    }
}

const NO_MANIFEST: &str = "its key is not that of a manifest";

fn file(path: &Path) -> Seen<SeenManifest> {
    if !matches!(KeyKind::of(&path.display().to_string()), KeyKind::Manifest { .. }) {
        return Seen::unknown(NO_MANIFEST);
    }
    let options = VerifySnapshotOptions { depth: Depth::Header, ..VerifySnapshotOptions::default() };
    let report = match verify_snapshot(&[path.to_owned()], &options, &Run::local()) {
        Ok(report) => report,
        Err(error) => return Seen::unknown(error.to_string()),
    };
    let Some(view) = report.body.offloads.into_iter().next() else { return Seen::unknown("nothing of it could be read") };
    // Its own path ends with its key, and what stands before that is the place of the store.
    let root = view.path.strip_suffix(&view.manifest_key).map(str::to_owned);
    let payload_url = root.zip(payload_key(&view)).map(|(root, key)| format!("{root}{key}"));
    Seen::of(view.verdict, &report.findings, &report.coverage, SeenManifest { view, payload_url })
}

fn payload_key(view: &VerifiedOffload) -> Option<String> {
    OffloadStore::key_of(&view.payload.as_ref()?.key)
}

async fn object(url: &str, store: &Store, key: &str) -> Seen<SeenManifest> {
    if !matches!(KeyKind::of(key), KeyKind::Manifest { .. }) {
        return Seen::unknown(NO_MANIFEST);
    }
    let Reach::Objects(objects) = &store.reach else { return Seen::unknown("it is no object") };
    let read = match read_manifest(store, &**objects, key, &NOBODY).await {
        Ok(read) => read,
        Err(why) => return Seen::unknown(why),
    };
    let Some(manifest) = read.manifests.first() else { return Seen::unknown("nothing of it could be read") };
    let request = OffloadRequest {
        depth: Depth::Header,
        newest: false,
        now: time(),
        grace_ms: u64::try_from(GRACE.as_millis()).unwrap_or(u64::MAX),
        since: None,
    };
    let examined = verify_manifest(&read, manifest, &request);
    let address = Address::parse(url).ok();
    Seen::examined(
        examined,
        |view| view.verdict,
        |view| {
            let payload_url = address.as_ref().zip(payload_key(&view)).map(|(address, key)| address.url_of(&key));
            SeenManifest { view, payload_url }
        },
    )
}

//! What the server's own program makes of an offloaded snapshot, of a directory that is to be published, and of a destination, in its order
//! and words.

mod publish;
mod refusal;
mod restoration;

use std::path::Path;

use serde::Serialize;

use crate::formats::offload::{Manifest, Sentinel, normalize_key};
use crate::readers::offload::{ManifestObject, ManifestRead, ObjectRead, PayloadObject, RecordedDigest};
use crate::types::go_quoted;

pub use publish::{
    Choice, Export, ObjectState, PUBLISHER, PublishOptions, against_manifest, against_payload, choose_export, differences,
    judge_export, planned_manifest, published_payload_key,
};
pub use refusal::{Halted, Refusal};
pub use restoration::{RestorePeer, SEGMENT_BYTES, Way, is_removed, parse_peers, restore_into};

/// What the server's program would end with. It begins every error with `restore physical snapshot: `, which is left out here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct RestoreForecast {
    /// Its exit status: 0 the snapshot is restored, 1 or 2 it is refused; absent when that is not known.
    pub status: Option<u8>,
    /// Its error.
    pub error: Option<String>,
}

impl RestoreForecast {
    const UNKNOWN: Self = Self { status: None, error: None };
    const RESTORED: Self = Self { status: Some(0), error: None };

    fn refused(text: impl std::fmt::Display, sentinel: Option<Sentinel>) -> Self {
        let error = match sentinel {
            Some(sentinel) => format!("{text}: {}", sentinel.text()),
            None => text.to_string(),
        };
        Self { status: Some(sentinel.map_or(1, Sentinel::status)), error: Some(error) }
    }

    /// True when the snapshot is known to be refused.
    pub fn is_refused(&self) -> bool {
        self.status.is_some_and(|status| status != 0)
    }

    /// True when the snapshot is known to be restored.
    pub fn is_restored(&self) -> bool {
        self.status == Some(0)
    }
}

/// A restore of the manifest under its own key, with peers and a destination that nothing is wrong with. `payload` is what
/// stands under the key that the manifest names, with its path where that lies in what was looked at; `None` when that key names nothing.
pub fn restore(object: &ManifestObject, payload: Option<(&PayloadObject, Option<&Path>)>) -> RestoreForecast {
    if object.recorded == Some(RecordedDigest::Invalid) {
        return unreadable_metadata("manifest");
    }
    let manifest = match &object.read {
        ManifestRead::Accepted { manifest, .. } => manifest,
        ManifestRead::Refused(refusal) => return RestoreForecast::refused(refusal, refusal.sentinel()),
        ManifestRead::NotRegular => {
            let text = format!("get snapshot manifest: object {} is not a regular file", object.key);
            return RestoreForecast::refused(text, Some(Sentinel::InvalidOptions));
        }
        ManifestRead::Unreadable(_) | ManifestRead::Unsettled => return RestoreForecast::UNKNOWN,
    };
    if !manifest.is_at(&object.key) {
        let text = format!("manifest key mismatch: loaded {}, body says {}", object.key, manifest.manifest_key);
        return RestoreForecast::refused(text, Some(Sentinel::Integrity));
    }
    of_payload(manifest, payload)
}

/// What the server says when it cannot make out the digest that a bucket keeps beside an object.
fn unreadable_metadata(what: &str) -> RestoreForecast {
    RestoreForecast::refused(format!("get snapshot {what}: s3 object sha256 metadata is invalid"), Some(Sentinel::Integrity))
}

fn of_payload(manifest: &Manifest, payload: Option<(&PayloadObject, Option<&Path>)>) -> RestoreForecast {
    let stated = &manifest.payload;
    let key = &stated.key;
    let refused = |text: String, sentinel| RestoreForecast::refused(text, Some(sentinel));
    if normalize_key(key).is_none() {
        let text = format!("get snapshot payload: invalid object key {}", go_quoted(key.as_bytes()));
        return refused(text, Sentinel::InvalidOptions);
    }
    let Some((payload, path)) = payload else { return RestoreForecast::UNKNOWN };
    let facts = match &payload.read {
        // What lies outside of what was named was not looked for.
        ObjectRead::Absent if path.is_none() => return RestoreForecast::UNKNOWN,
        ObjectRead::Absent => return refused(format!("get snapshot payload: object {key}"), Sentinel::NotFound),
        ObjectRead::NotRegular => {
            return refused(format!("get snapshot payload: object {key} is not a regular file"), Sentinel::InvalidOptions);
        }
        ObjectRead::Impossible(why) => {
            let path = path.unwrap_or_else(|| Path::new(key));
            return RestoreForecast::refused(format!("get snapshot payload: stat {}: {why}", path.display()), None);
        }
        ObjectRead::NotAsked | ObjectRead::Unreadable(_) => return RestoreForecast::UNKNOWN,
        ObjectRead::Object(facts) => facts,
    };
    if facts.change.is_some() || facts.unread.is_some() {
        return RestoreForecast::UNKNOWN;
    }
    // It goes by what the store says of the object before it looks at the bytes.
    if payload.recorded == Some(RecordedDigest::Invalid) {
        return unreadable_metadata("payload");
    }
    let other = matches!(payload.recorded, Some(RecordedDigest::Sha256(digest)) if digest != stated.sha256);
    if facts.size != stated.bytes || other {
        return refused(format!("payload head mismatch for {key}"), Sentinel::Integrity);
    }
    match facts.sums {
        None => RestoreForecast::UNKNOWN,
        Some(sums) if sums.sha256 != stated.sha256 => {
            refused(format!("payload {key} sha256 {}, expected {}", sums.sha256, stated.sha256), Sentinel::Integrity)
        }
        Some(_) => RestoreForecast::RESTORED,
    }
}

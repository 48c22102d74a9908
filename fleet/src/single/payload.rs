//! A payload: all of its bytes, held against the digest in its key.

use std::path::Path;

use ekv_tool::Run;
use ekv_tool::analysis::judge::offload::{LonePayload, verify_lone};
use ekv_tool::formats::offload::{KeyKind, payload_digest};
use ekv_tool::io::IoOptions;
use ekv_tool::readers::Depth;
use ekv_tool::readers::offload::read_object;
use ekv_tool::types::UnixMillis;

use super::{Place, Seen, Single, at_hand, time};
use crate::shard::Shard;
use crate::store::{Reach, Store};
use crate::verify::{Again, LANES, PART_EVERY, RANGE, VerifyOptions, Work, read_one};

/// A payload that was looked at.
#[derive(Debug, Clone)]
pub struct SeenPayload {
    /// As `offload verify` shows it.
    pub view: LonePayload,
    /// What named its bytes when they were read; a file has none here.
    pub e_tag: Option<String>,
    /// When it was last written.
    pub modified: Option<UnixMillis>,
}

impl Single {
    /// Reads a payload as `offload verify` does, and judges it by itself.
    pub async fn verify(&self, url: &str, depth: Depth) -> Seen<SeenPayload> {
        match self.place(url) {
            Err(error) => Seen::unknown(error.to_string()),
            Ok(Place::File(path)) => at_hand(move || file(&path, depth)).await,
            Ok(Place::Object(store, key)) => object(&store, &key, depth).await,
        }
    }
}

/// Why there is nothing to hold its bytes against.
const NO_DIGEST: &str = "its key is not that of a payload: there is no digest in it to hold its bytes against";

fn file(path: &Path, depth: Depth) -> Seen<SeenPayload> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some(digest) = payload_digest(&name) else { return Seen::unknown(NO_DIGEST) };
    let run = Run::local();
    let size = run.source.openable_size(path);
    let read = match read_object(path, depth.examine(size), &IoOptions::default(), &run) {
        Ok(read) => read,
        Err(error) => return Seen::unknown(error.to_string()),
    };
    let examined = verify_lone(&path.display().to_string(), digest, &read, depth);
    let modified = run.source.modified_at(path);
    Seen::examined(examined, |view| view.verdict, |view| SeenPayload { view, e_tag: None, modified })
}

async fn object(store: &Store, key: &str, depth: Depth) -> Seen<SeenPayload> {
    let KeyKind::Payload { digest: Some(digest), .. } = KeyKind::of(key) else { return Seen::unknown(NO_DIGEST) };
    let Reach::Objects(objects) = &store.reach else { return Seen::unknown("it is no object") };
    // What it is now, with the ETag that all of its ranges have to have.
    let head = store.head(&**objects, key, None).await;
    let shown = store.path_of(key);
    let Some(object) = head.object else {
        return Seen::examined(
            verify_lone(&shown, digest, &head.read, depth),
            |view| view.verdict,
            |view| SeenPayload { view, e_tag: None, modified: None },
        );
    };
    let (e_tag, modified) = (object.e_tag.clone(), object.modified);
    let options = VerifyOptions {
        shard: Shard::WHOLE,
        deep: depth == Depth::Deep,
        lanes: LANES,
        range: RANGE,
        part_every: PART_EVERY,
        now: time(),
        again: Again::Changed,
    };
    let read = read_one(store, objects, Work { object, digest }, &options).await;
    let examined = verify_lone(&shown, digest, &read, depth);
    Seen::examined(examined, |view| view.verdict, |view| SeenPayload { view, e_tag: e_tag.clone(), modified })
}

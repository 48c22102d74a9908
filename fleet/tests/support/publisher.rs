//! Publishes the snapshot of a node as the server's program does: what `offload plan` says that it would.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ekv_tool::Run;
use ekv_tool::formats::offload::Manifest;
use ekv_tool::ops::{OffloadPlanOptions, offload_plan};
use ekv_tool::types::Sha256Sum;
use object_store::path::Path as Key;
use object_store::{Attribute, Attributes, ObjectStore, PutOptions};

use super::stores::block_on;

/// Puts an object with the digest of `digest`, or else its own, beside it.
pub fn put(objects: &Arc<dyn ObjectStore>, key: &str, bytes: Vec<u8>, digest: Option<&str>) {
    let own = Sha256Sum::of(&bytes).to_string();
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::Metadata("elastickv-sha256".into()), digest.unwrap_or(&own).to_owned().into());
    let options = PutOptions { attributes, ..PutOptions::default() };
    block_on(objects.put_opts(&Key::parse(key).unwrap(), bytes.into(), options)).unwrap();
}

/// What one publish wrote.
pub struct Published {
    /// The key of the manifest.
    pub manifest: String,
    /// The key of the payload.
    pub payload: String,
}

/// Publishes the newest snapshot of the group in `dir`.
pub fn publish(objects: &Arc<dyn ObjectStore>, dir: &Path, group: u64, prefix: &str, cluster: &str) -> Published {
    let options = OffloadPlanOptions {
        group_id: Some(group),
        prefix: Some(prefix.to_owned()),
        source_cluster: Some(cluster.to_owned()),
        ..OffloadPlanOptions::default()
    };
    let report = offload_plan(dir, &options, &Run::local()).unwrap();
    let plan = report.body.plans.into_iter().next().unwrap().publish.unwrap();
    let (snapshot, planned) = (plan.snapshot.unwrap(), plan.manifest.unwrap());
    let mut payload = fs::read(dir.join(&snapshot.payload)).unwrap();
    payload.truncate(payload.len() - 4);
    // What the example says of its time stays.
    let mut manifest = Manifest::decode(include_bytes!("../../examples/manifest.json")).unwrap();
    cluster.clone_into(&mut manifest.source_cluster);
    (manifest.group_id, manifest.snapshot_index, manifest.snapshot_term) = (group, snapshot.index, snapshot.term);
    manifest.conf_state = planned.conf_state;
    manifest.payload.key = snapshot.payload_key.unwrap();
    manifest.payload.bytes = payload.len() as u64;
    manifest.payload.sha256 = snapshot.payload_sha256.unwrap();
    manifest.payload.source_crc32c = planned.source_crc32c;
    manifest.manifest_key.clone_from(&planned.manifest_key);
    // What it should be stands in the refusal of what it is.
    manifest.manifest_sha256 = Sha256Sum([0; 32]);
    let said = Manifest::decode(manifest.canonical().as_bytes()).unwrap_err().to_string();
    let digests = said.split(' ').filter_map(|word| Sha256Sum::parse(word.trim_end_matches(',')));
    manifest.manifest_sha256 = digests.into_iter().find(|digest| *digest != Sha256Sum([0; 32])).unwrap();
    put(objects, &manifest.payload.key, payload, None);
    put(objects, &manifest.manifest_key, manifest.canonical().into_bytes(), None);
    Published { manifest: manifest.manifest_key, payload: manifest.payload.key }
}

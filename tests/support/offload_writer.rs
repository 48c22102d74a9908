//! Writes stores of offloaded snapshots, manifests as text.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// A payload of one row, with the applied index 42.
pub const PAYLOAD: &[u8] = b"EKVTHLC1\x00\x00\x01\x97\x74\x20\xdc\x00EKVPBBL1\x03\x00\x18\xd8\x20\x74\x97\x01\
    \x14\0\0\0\0\0\0\0!redis|str|a\xfe\x68\x8b\xdf\x27\xe7\xff\xfc\x0e\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\x01\0hi\
    \x13\0\0\0\0\0\0\0_meta_applied_index\x08\0\0\0\0\0\0\0\x2a\0\0\0\0\0\0\0";

/// One manifest on its way.
#[derive(Debug, Clone)]
pub struct Publish {
    pub prefix: &'static str,
    pub cluster: &'static str,
    pub group: u64,
    pub index: u64,
    pub term: u64,
    pub created: &'static str,
    pub conf_state: &'static str,
    pub payload: Vec<u8>,
    /// Instead of the length that the payload has.
    pub bytes: Option<u64>,
    /// Instead of the checksum that the payload has.
    pub crc: Option<u32>,
    /// Instead of the key that follows from the digest.
    pub payload_key: Option<String>,
    /// Instead of the key that the manifest is written to.
    pub manifest_key: Option<String>,
    /// The object of the manifest, instead of the one that follows from its fields.
    pub at: Option<&'static str>,
}

impl Default for Publish {
    fn default() -> Self {
        Self {
            prefix: "p/",
            cluster: "demo",
            group: 7,
            index: 42,
            term: 2,
            created: "2026-11-26T11:22:30.5Z",
            conf_state: "\n    \"voters\": [\n      626980046172116160\n    ]\n  ",
            payload: PAYLOAD.to_vec(),
            bytes: None,
            crc: None,
            payload_key: None,
            manifest_key: None,
            at: None,
        }
    }
}

pub fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

impl Publish {
    /// The key of the payload.
    pub fn payload_at(&self) -> String {
        let digest = hex(&self.payload);
        format!("{}v1/payloads/sha256/{}/{digest}.fsm", self.prefix, &digest[..2])
    }

    /// The key of the manifest.
    pub fn manifest_at(&self) -> String {
        let usual = format!("{}v1/groups/{}/snapshots/{:020}-{:020}.json", self.prefix, self.group, self.index, self.term);
        self.at.map_or(usual, str::to_owned)
    }

    /// The manifest as the server writes it.
    pub fn manifest(&self) -> String {
        let Self { cluster, group, index, term, created, conf_state, payload, .. } = self;
        let crc = self.crc.unwrap_or_else(|| crc32c::crc32c(payload));
        let body = format!(
            "{{\n  \"schema_version\": 1,\n  \"created_at\": \"{created}\",\n  \"source_cluster\": \"{cluster}\",\n  \
             \"group_id\": {group},\n  \"snapshot_index\": {index},\n  \"snapshot_term\": {term},\n  \"conf_state\": {{{conf_state}}},\n  \
             \"payload\": {{\n    \"key\": \"{}\",\n    \"bytes\": {},\n    \"sha256\": \"{}\",\n    \"source_crc32c\": {crc}\n  }},\n  \
             \"manifest_key\": \"{}\"",
            self.payload_key.clone().unwrap_or_else(|| self.payload_at()),
            self.bytes.unwrap_or(payload.len() as u64),
            hex(payload),
            self.manifest_key.clone().unwrap_or_else(|| self.manifest_at()),
        );
        let digest = hex(format!("{body}\n}}").as_bytes());
        format!("{body},\n  \"manifest_sha256\": \"{digest}\"\n}}\n")
    }

    /// Writes manifest and payload below `root`; returns their files.
    pub fn write(&self, root: &Path) -> (PathBuf, PathBuf) {
        let payload_key = self.payload_key.clone().unwrap_or_else(|| self.payload_at());
        let (manifest, payload) = (root.join(self.manifest_at()), root.join(payload_key.trim_start_matches('/')));
        for (path, bytes) in [(&manifest, self.manifest().into_bytes()), (&payload, self.payload.clone())] {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        (manifest, payload)
    }
}

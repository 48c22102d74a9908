//! Writes dumps of the offline tools, and archives of them, after docs/formats/dump.md.
#![allow(dead_code, reason = "shared by tests, which use different parts")]

use std::fs;
use std::hash::Hasher as _;
use std::path::Path;

use ekv_tool::types::Sha256Sum;

/// A dump of one file.
pub struct Dump {
    pub cluster: &'static str,
    pub index: u64,
    pub fsm_path: &'static str,
    /// What stands in `adapters`.
    pub adapters: &'static str,
    /// The path of the one file.
    pub file: &'static str,
}

impl Default for Dump {
    fn default() -> Self {
        Self { cluster: "demo", index: 701, fsm_path: "701.fsm", adapters: "\"redis\": {}", file: "redis/db_0/strings/a.bin" }
    }
}

/// Name, type flag and content of an entry.
pub type Entry = (String, u8, Vec<u8>);

impl Dump {
    pub fn manifest(&self) -> String {
        let Self { cluster, index, fsm_path, adapters, .. } = self;
        format!(
            "{{\n  \"format_version\": 1,\n  \"phase\": \"phase0-snapshot-decode\",\n  \"cluster_id\": \"{cluster}\",\n  \
             \"snapshot_index\": {index},\n  \"wall_time_iso\": \"2026-11-26T11:21:04Z\",\n  \"source\": {{\n    \"fsm_path\": \"{fsm_path}\"\n  \
             }},\n  \"adapters\": {{ {adapters} }},\n  \"exclusions\": {{\n    \"include_incomplete_uploads\": false,\n    \
             \"include_orphans\": false,\n    \"preserve_sqs_visibility\": false,\n    \"include_sqs_side_records\": false\n  }},\n  \
             \"checksum_algorithm\": \"sha256\",\n  \"checksum_format\": \"sha256sum\",\n  \"encoded_filename_charset\": \
             \"rfc3986-unreserved-plus-percent\",\n  \"key_segment_max_bytes\": 240,\n  \"s3_meta_suffix\": \".elastickv-meta.json\",\n  \
             \"s3_collision_strategy\": \"leaf-data-suffix\",\n  \"dynamodb_layout\": \"per-item\"\n}}\n"
        )
    }

    /// The entries in the order in which the server's tool packs them, without directories.
    pub fn entries(&self) -> Vec<Entry> {
        let files = [("MANIFEST.json", self.manifest().into_bytes()), (self.file, b"a value".to_vec())];
        let lines: Vec<_> = files.iter().map(|(path, bytes)| format!("{}  {path}\n", Sha256Sum::of(bytes))).collect();
        let lines = lines.concat();
        let all = std::iter::once(("CHECKSUMS", lines.into_bytes())).chain(files);
        all.map(|(path, bytes)| (path.to_owned(), b'0', bytes)).collect()
    }

    /// Writes it as a directory.
    pub fn write(&self, dir: &Path) {
        for (path, _, bytes) in self.entries() {
            let path = dir.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
}

/// A tar of the entries.
pub fn tar_of(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, kind, bytes) in entries {
        let mut header = tar::Header::new_ustar();
        // Names that the crate would not write.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_entry_type(tar::EntryType::new(*kind));
        header.set_cksum();
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

/// A frame of Zstandard that stores the bytes as they are, with their checksum.
pub fn zstd_stored(bytes: &[u8]) -> Vec<u8> {
    // A checksum, no size, a window of 8 MiB.
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x68];
    let mut blocks = bytes.chunks(128 << 10).peekable();
    while let Some(block) = blocks.next() {
        let header = u32::from(blocks.peek().is_none()) | (u32::try_from(block.len()).unwrap() << 3);
        out.extend_from_slice(&header.to_le_bytes()[..3]);
        out.extend_from_slice(block);
    }
    let mut sum = twox_hash::XxHash64::with_seed(0);
    sum.write(bytes);
    out.extend_from_slice(&sum.finish().to_le_bytes()[..4]);
    out
}

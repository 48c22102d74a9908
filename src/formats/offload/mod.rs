#![doc = include_str!("../../../docs/formats/offload.md")]

mod key;
mod manifest;
mod refusal;

pub use key::{
    KeyKind, ManifestName, cleaned_key, cleaned_path, is_spool_file, is_temporary, key_prefix, manifest_key, normalize_key,
    payload_digest, payload_key,
};
pub use manifest::{Manifest, PayloadDescriptor};
pub use refusal::{MAX_MANIFEST_LEN, ManifestRefusal, Sentinel};

/// True when `text` begins like a manifest: JSON with its first field.
pub fn looks_like_manifest(text: &[u8]) -> bool {
    let head = text.get(..text.len().min(4096)).unwrap_or_default();
    let contains = |word: &[u8]| head.windows(word.len()).any(|window| window == word);
    head.trim_ascii_start().starts_with(b"{") && contains(b"\"schema_version\"") && contains(b"\"conf_state\"")
}

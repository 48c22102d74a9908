#![doc = include_str!("../../../docs/formats/dump.md")]

mod checksums;
mod manifest;

pub use checksums::{ChecksumLine, LineFault, MAX_LINE_LEN, checksum_lines, cleaned_local};
pub use manifest::{DumpAdapter, DumpManifest, DumpManifestError, DumpPhase};

use super::tar::{TAR_BLOCK, TarHeader};
use super::zstd::{ZSTD_MAGIC, first_bytes};

/// What a dump is and was made of, at its root.
pub const MANIFEST: &str = "MANIFEST.json";
/// The SHA-256 of every other file, at its root.
pub const CHECKSUMS: &str = "CHECKSUMS";
/// Entries that the server's tool unpacks, at most.
pub const MAX_ENTRIES: u64 = 1_000_000;
/// Bytes of files that it unpacks, at most.
pub const MAX_BYTES: u64 = 1 << 40;

/// Directories at the root of a dump, one an adapter.
pub const ADAPTERS: [&str; 4] = ["dynamodb", "redis", "s3", "sqs"];
/// Bytes at the front in which the first entry is looked for: a block of Zstandard, which has at most 128 KiB.
pub const HEAD: usize = 192 << 10;
/// True for the first bytes of an archive of a dump: a tar, or one in Zstandard, whose first entry is of the root of a dump.
pub fn begins_a_dump(head: &[u8]) -> bool {
    let plain = if head.starts_with(&ZSTD_MAGIC) { first_bytes(head, TAR_BLOCK) } else { Some(head.to_vec()) };
    let header = plain.as_deref().and_then(|plain| plain.first_chunk::<TAR_BLOCK>()).map(TarHeader::decode);
    let Some(Ok(Some(header))) = header else { return false };
    let name = String::from_utf8_lossy(&header.name).into_owned();
    let name = name.strip_prefix("./").unwrap_or(&name);
    let first = name.split('/').next().unwrap_or_default();
    name == MANIFEST || name == CHECKSUMS || ADAPTERS.contains(&first)
}

/// True for a name that such an archive has.
pub fn is_named_as_archive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".tar", ".tar.zst", ".tar.zstd", ".tzst"].iter().any(|end| name.ends_with(end))
}

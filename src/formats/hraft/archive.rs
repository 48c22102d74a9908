//! Recognition of snapshot archives of Consul, Nomad, Vault and OpenBao.

use crate::formats::gzip::{GZIP_MAGIC, Gunzip, almost_gzip};
use crate::formats::layout::{META_JSON, SHA256SUMS, SHA256SUMS_SEALED, STATE_BIN};
use crate::formats::tar::{TAR_BLOCK, TarHeader};

/// Bytes of the tar that are looked at.
const LOOKED_AT: usize = 8 << 10;

/// The members that such an archive may have, in the order in which they are written.
pub const ARCHIVE_MEMBERS: [&str; 4] = [META_JSON, STATE_BIN, SHA256SUMS, SHA256SUMS_SEALED];

/// True when the header of such a member stands in the first blocks of a tar, in gzip or not. One byte of gzip's magic number may be
/// spoiled.
pub fn begins_an_archive(bytes: &[u8]) -> bool {
    if almost_gzip(bytes) && !bytes.starts_with(&GZIP_MAGIC) {
        let looked_at = bytes.get(GZIP_MAGIC.len()..bytes.len().min(LOOKED_AT)).unwrap_or_default();
        return begins_an_archive(&[&GZIP_MAGIC[..], looked_at].concat());
    }
    let mut head = vec![0; LOOKED_AT];
    let len = if bytes.starts_with(&GZIP_MAGIC) {
        let mut gunzip = Gunzip::new(bytes);
        let mut done = 0;
        while let Some(room) = head.get_mut(done..).filter(|room| !room.is_empty()) {
            match gunzip.read(room) {
                Ok(0) | Err(_) => break,
                Ok(read) => done += read,
            }
        }
        done
    } else {
        let len = bytes.len().min(LOOKED_AT);
        match (head.get_mut(..len), bytes.get(..len)) {
            (Some(to), Some(from)) => to.copy_from_slice(from),
            _ => return false,
        }
        len
    };
    let (blocks, _) = head.get(..len).unwrap_or_default().as_chunks::<TAR_BLOCK>();
    blocks.iter().any(|block| match TarHeader::decode(block) {
        Ok(Some(header)) => ARCHIVE_MEMBERS.iter().any(|name| name.as_bytes() == header.name),
        _ => false,
    })
}

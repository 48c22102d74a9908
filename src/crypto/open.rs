//! Opening: raft envelopes, storage envelopes.

use zeroize::Zeroize;

use super::{Keyring, OpenError, SecretKey};
use crate::formats::envelope::{Envelope, HEADER_LEN};
use crate::formats::mvcc::ROW_HEADER_LEN;

/// First byte of the additional data of a raft envelope.
const RAFT_AAD: u8 = b'R';
/// Flag of a plaintext that Snappy compressed.
const COMPRESSED: u8 = 1;
/// Most that a Snappy stream can hold for its own length.
const SNAPPY_RATIO: usize = 32;

/// What an envelope held, overwritten when it is dropped.
pub struct Opened {
    /// The key that opened it.
    pub key_id: u32,
    bytes: Vec<u8>,
}

impl Opened {
    /// The clear text.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// Opens the payload of a proposal above the cutover.
///
/// The additional data do not cover the flags, and no version of the server sets one: an envelope with flags is not opened.
pub fn open_raft(keys: &Keyring, payload: &[u8]) -> Result<Opened, OpenError> {
    let envelope = Envelope::decode(payload).map_err(|error| OpenError::of_decoding(&error))?;
    let key = keys.get(envelope.key_id)?;
    if envelope.flags != 0 {
        return Err(OpenError::Flags(envelope.flags));
    }
    let mut aad = [0; 6];
    aad[0] = RAFT_AAD;
    aad[1] = payload[0];
    aad[2..].copy_from_slice(&envelope.key_id.to_be_bytes());
    let bytes = open(key, &envelope, payload, &aad)?;
    Ok(Opened { key_id: envelope.key_id, bytes })
}

/// Opens the body of a sealed row. `key` is the row's whole key as the store holds it (user key and inverted timestamp), `value`
/// its whole value: the 9-byte header and the envelope.
pub fn open_value(keys: &Keyring, row_key: &[u8], value: &[u8]) -> Result<Opened, OpenError> {
    let Some((header, body)) = value.split_first_chunk::<ROW_HEADER_LEN>() else {
        return Err(OpenError::Short { len: 0, needed: (ROW_HEADER_LEN + HEADER_LEN) as u64 });
    };
    let envelope = Envelope::decode(body).map_err(|error| OpenError::of_decoding(&error))?;
    let key = keys.get(envelope.key_id)?;
    let mut aad = Vec::with_capacity(6 + ROW_HEADER_LEN + row_key.len());
    aad.extend_from_slice(&body[..6]);
    aad.extend_from_slice(header);
    aad.extend_from_slice(row_key);
    let mut bytes = open(key, &envelope, body, &aad)?;
    match envelope.flags {
        0 => {}
        COMPRESSED => {
            let plain = decompress(&bytes);
            bytes.zeroize();
            bytes = plain?;
        }
        flags => {
            bytes.zeroize();
            return Err(OpenError::Flags(flags));
        }
    }
    Ok(Opened { key_id: envelope.key_id, bytes })
}

fn open(key: &SecretKey, envelope: &Envelope<'_>, whole: &[u8], aad: &[u8]) -> Result<Vec<u8>, OpenError> {
    let nonce = envelope.nonce();
    let sealed = whole.get(HEADER_LEN..).unwrap_or_default();
    key.open(&nonce, aad, sealed).ok_or(OpenError::Integrity(envelope.key_id))
}

fn decompress(bytes: &[u8]) -> Result<Vec<u8>, OpenError> {
    match snap::raw::decompress_len(bytes) {
        Ok(len) if len <= bytes.len().saturating_mul(SNAPPY_RATIO) => {}
        _ => return Err(OpenError::Compression),
    }
    snap::raw::Decoder::new().decompress_vec(bytes).map_err(|_| OpenError::Compression)
}

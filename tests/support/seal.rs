//! Makes checksums right again behind a changed byte, so that a search gets past them.
//!
//! Written from the format pages with plain sums, without the decoders that the targets try.

#![allow(clippy::cast_possible_truncation, reason = "numbers are cut to the width of their field")]
#![allow(dead_code, reason = "shared by tests and fuzz targets, which use different parts")]

use std::path::Path;

/// Sums a file again in the way that its name asks for. `intact` is what it was before the byte at `changed` was touched.
pub fn seal(path: &Path, bytes: &mut Vec<u8>, intact: &[u8], changed: usize) {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("wal") => wal(bytes),
        Some("fsm") => fsm(bytes),
        Some("snap") => snap(bytes),
        Some("sst") => table(bytes, intact, changed),
        Some("log") => records(bytes),
        _ if name.starts_with("MANIFEST-") => records(bytes),
        _ => {}
    }
}

/// The sum that Pebble stores instead of a plain one.
pub fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Frames of the Raft log: the running sum of the data of all records, in field 2 of each. Stops at what is no record.
pub fn wal(bytes: &mut Vec<u8>) {
    let mut out = Vec::with_capacity(bytes.len());
    let (mut at, mut crc, mut first) = (0, 0_u32, true);
    while let Some(word) = bytes.get(at..at + 8) {
        let word = u64::from_le_bytes(word.try_into().unwrap());
        let (len, pad) = ((word & 0x00ff_ffff_ffff_ffff) as usize, if word >> 63 == 1 { (word >> 56 & 7) as usize } else { 0 });
        let Some(end) = at.checked_add(8).and_then(|start| start.checked_add(len)).and_then(|end| end.checked_add(pad)) else {
            break;
        };
        let Some(record) = bytes.get(at + 8..at + 8 + len) else { break };
        let Some((kind, stored, data)) = record_fields(record) else { break };
        if end > bytes.len() || len == 0 {
            break;
        }
        if first {
            crc = stored;
        }
        first = false;
        if let Some(data) = data {
            crc = crc32c::crc32c_append(crc, data);
        }
        frame(kind, crc, data, &mut out);
        at = end;
    }
    out.extend_from_slice(&bytes[at..]);
    *bytes = out;
}

/// Appends one record of the Raft log in its frame, as the server writes it.
pub fn frame(kind: u64, crc: u32, data: Option<&[u8]>, out: &mut Vec<u8>) {
    let mut payload = vec![0x08];
    varint(kind, &mut payload);
    payload.push(0x10);
    varint(u64::from(crc), &mut payload);
    if let Some(data) = data {
        payload.push(0x1a);
        varint(data.len() as u64, &mut payload);
        payload.extend_from_slice(data);
    }
    let pad = (8 - payload.len() % 8) % 8;
    let word = payload.len() as u64 | if pad == 0 { 0 } else { (0x80 | pad as u64) << 56 };
    out.extend_from_slice(&word.to_le_bytes());
    out.extend_from_slice(&payload);
    out.resize(out.len() + pad, 0);
}

/// Type, sum and data of a record that is laid out as the server writes it.
fn record_fields(record: &[u8]) -> Option<(u64, u32, Option<&[u8]>)> {
    let mut at = 0;
    if take(record, &mut at)? != 0x08 {
        return None;
    }
    let kind = read_varint(record, &mut at)?;
    if take(record, &mut at)? != 0x10 {
        return None;
    }
    let crc = read_varint(record, &mut at)? as u32;
    if at == record.len() {
        return Some((kind, crc, None));
    }
    if take(record, &mut at)? != 0x1a {
        return None;
    }
    let len = read_varint(record, &mut at)?;
    let data = record.get(at..)?;
    (data.len() as u64 == len).then_some((kind, crc, Some(data)))
}

/// A payload: its last four bytes are the sum of all before them.
pub fn fsm(bytes: &mut [u8]) {
    if let Some((payload, footer)) = bytes.split_last_chunk_mut::<4>() {
        *footer = crc32c::crc32c(payload).to_be_bytes();
    }
}

/// An envelope: field 1 is the sum of field 2.
pub fn snap(bytes: &mut Vec<u8>) {
    let mut at = 0;
    let data = (|| {
        (take(bytes, &mut at)? == 0x08).then_some(())?;
        read_varint(bytes, &mut at)?;
        (take(bytes, &mut at)? == 0x12).then_some(())?;
        let len = usize::try_from(read_varint(bytes, &mut at)?).ok()?;
        bytes.get(at..at.checked_add(len)?)
    })();
    let Some(data) = data else { return };
    let mut out = vec![0x08];
    varint(u64::from(crc32c::crc32c(data)), &mut out);
    out.push(0x12);
    varint(data.len() as u64, &mut out);
    out.extend_from_slice(data);
    *bytes = out;
}

/// Chunks of a log or MANIFEST of the store.
pub fn records(bytes: &mut [u8]) {
    for block in bytes.chunks_mut(32 << 10) {
        let mut at = 0;
        while let Some(header) = block.get(at..at + 7) {
            let len = usize::from(u16::from_le_bytes([header[4], header[5]]));
            let more = match header[6] {
                1..=4 => 0,
                5..=8 => 4,
                9..=12 => 12,
                _ => break,
            };
            let end = at + 7 + more + len;
            let Some(covered) = block.get(at + 6..end) else { break };
            // A closing header carries no sum.
            if len > 0 {
                let sum = masked(covered).to_le_bytes();
                block[at..at + 4].copy_from_slice(&sum);
            }
            at = end;
        }
    }
}

/// The block of a table that holds the byte at `changed`; `intact` is the table before the change, and as long.
pub fn table(bytes: &mut [u8], intact: &[u8], changed: usize) {
    let mut start = 0;
    while bytes.len() == intact.len()
        && let Some(end) = block_end(intact, start)
    {
        if (start..end).contains(&changed) {
            let sum = masked(&bytes[start..end]).to_le_bytes();
            bytes[end..end + 4].copy_from_slice(&sum);
            return;
        }
        start = end + 4;
    }
}

/// End of the summed bytes of the block at `start`, found by its sum.
pub fn block_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut crc = 0;
    (start..bytes.len().saturating_sub(4)).find_map(|at| {
        crc = crc32c::crc32c_append(crc, &bytes[at..=at]);
        let stored = u32::from_le_bytes(bytes[at + 1..at + 5].try_into().unwrap());
        (crc.rotate_right(15).wrapping_add(0xa282_ead8) == stored).then_some(at + 1)
    })
}

fn take(bytes: &[u8], at: &mut usize) -> Option<u8> {
    let byte = *bytes.get(*at)?;
    *at += 1;
    Some(byte)
}

fn read_varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = take(bytes, at)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Appends a base-128 number.
pub fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

//! Payloads of snapshots: the clock header, a body of each format, and the checksum.

use sha2::{Digest as _, Sha256};

use super::{Dice, table};
use crate::support::keys::base64;
use crate::support::table_writer::{Options, SET, TableWriter};

/// A payload with its checksum, which is mostly right.
pub(super) fn file(dice: &mut Dice<'_>) -> Vec<u8> {
    if dice.seldom(48) {
        return dice.bytes(6);
    }
    let mut out = Vec::new();
    match dice.byte() {
        0..=119 => {}
        120..=179 => {
            out.extend(b"EKVTHLC1");
            out.extend(dice.number(1_750_000_000_000).to_be_bytes());
        }
        180..=239 => {
            out.extend(b"EKVTHLC2");
            let more = dice.roll(8);
            out.extend((dice.number(16 + more as u64) as u16).to_be_bytes());
            out.extend(dice.number(1_750_000_000_000).to_be_bytes());
            out.extend(dice.number(0).to_be_bytes());
            out.resize(out.len() + more, 7);
        }
        240..=247 => out.extend(b"EKVTHLC3\0\0\0\0"),
        248.. => out.extend(b"EKVTHLC1\0\0"),
    }
    out.extend(body(dice));
    if dice.seldom(48) {
        out.truncate(dice.roll(out.len() + 1));
    }
    let sum = dice.number(u64::from(crc32c::crc32c(&out))) as u32;
    out.extend(sum.to_be_bytes());
    out
}

/// What stands between the header and the checksum.
pub(super) fn body(dice: &mut Dice<'_>) -> Vec<u8> {
    match dice.byte() {
        0..=127 => native(dice),
        128..=175 => bundle(dice),
        176..=223 => stream(dice),
        224..=239 => Vec::new(),
        240..=251 => dice.bytes(40),
        // The length of nothing that is there.
        252.. => [&b"EKVPBBL1\0\0\0\0\0\0\0\0"[..], &dice.number(1 << 20).to_le_bytes()].concat(),
    }
}

/// Rows as the store keeps them: key with its timestamp, value with its header.
fn rows(dice: &mut Dice<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows: Vec<(Vec<u8>, Vec<u8>)> = (0..dice.roll(4))
        .map(|number| {
            let name = dice.one_of(&["key", "key2", "!redis|str|a", "!txn|lock|k", "_meta_applied_index", "", "!sqs|q"]);
            let time = dice.number(10 + number as u64);
            let key = [name.as_bytes(), &(!time).to_be_bytes()].concat();
            let flags = if dice.seldom(12) { dice.byte() } else { 0 };
            let value = [&[flags][..], &dice.number(0).to_le_bytes(), b"value"].concat();
            (key, if dice.seldom(24) { dice.bytes(10) } else { value })
        })
        .collect();
    if !dice.seldom(16) {
        rows.sort();
        rows.dedup_by(|one, other| one.0 == other.0);
    }
    rows
}

fn native(dice: &mut Dice<'_>) -> Vec<u8> {
    let mut out = b"EKVPBBL1".to_vec();
    out.extend(dice.number(10).to_le_bytes());
    for (key, value) in rows(dice) {
        for part in [key, value] {
            out.extend(dice.number(part.len() as u64).to_le_bytes());
            out.extend(part);
        }
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Table files behind a manifest.
fn bundle(dice: &mut Dice<'_>) -> Vec<u8> {
    let rows = rows(dice);
    let (mut files, mut tables, mut names) = (Vec::new(), Vec::new(), 0);
    for rows in rows.chunks(2) {
        let table = if dice.seldom(12) {
            table::table(dice).bytes
        } else {
            let mut writer = TableWriter::new(Vec::new(), Options::default());
            for (key, value) in rows {
                writer.point(key, 0, SET, value).unwrap();
            }
            writer.finish().unwrap().0
        };
        let name = if dice.seldom(32) { dice.number(names) } else { names };
        let sum = hex(&Sha256::digest(&table));
        let [first, last] = [&rows[0].0, &rows[rows.len() - 1].0].map(|key| base64(key));
        let size = dice.number(table.len() as u64).cast_signed();
        files.push(format!(
            r#"{{"name":"{name:06}.sst","size":{size},"sha256":"{sum}","smallest":"{first}","largest":"{last}"}}"#
        ));
        tables.extend(table);
        names += 1;
    }
    let total = dice.number(tables.len() as u64).cast_signed();
    let mut manifest = format!(
        r#"{{"version":{},"last_commit_ts":{},"min_retained_ts":{},"pending_min_retained_ts":0,"applied_index":{},"entry_count":{},"uncompressed_bytes":{},"total_file_bytes":{total},"files":[{}]}}"#,
        if dice.seldom(32) { dice.number(1) } else { 1 },
        dice.number(10),
        dice.number(0),
        dice.number(5),
        dice.number(rows.len() as u64),
        dice.number(0),
        files.join(",")
    )
    .into_bytes();
    if dice.seldom(24) {
        let at = dice.roll(manifest.len().min(256));
        manifest[at] = dice.byte();
    }
    let mut out = b"EKVSSTI1".to_vec();
    out.extend(dice.number(manifest.len() as u64).to_be_bytes());
    out.extend(Sha256::digest(&manifest));
    out.extend(manifest);
    out.extend(tables);
    out
}

/// Rows of the store in memory.
fn stream(dice: &mut Dice<'_>) -> Vec<u8> {
    let mut rest = Vec::new();
    rest.extend(dice.number(10).to_le_bytes());
    rest.extend(dice.number(0).to_le_bytes());
    for number in 0..dice.roll(4) {
        let key = format!("key{number}");
        rest.extend(dice.number(key.len() as u64).to_le_bytes());
        rest.extend(key.as_bytes());
        let versions = dice.roll(3);
        rest.extend(dice.number(versions as u64).to_le_bytes());
        for version in 0..versions {
            rest.extend(dice.number(1 + version as u64).to_le_bytes());
            rest.push(if dice.seldom(12) { dice.byte() } else { 0 });
            rest.extend(dice.number(0).to_le_bytes());
            rest.extend(dice.number(5).to_le_bytes());
            rest.extend(b"value");
        }
    }
    let mut out = b"EKVMVCC2".to_vec();
    out.extend((if dice.seldom(32) { dice.number(1) } else { 1 } as u32).to_le_bytes());
    out.extend((dice.number(u64::from(ieee(&rest))) as u32).to_le_bytes());
    out.extend(rest);
    out
}

/// CRC-32 with the IEEE polynomial.
fn ieee(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

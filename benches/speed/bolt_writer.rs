//! A file of bbolt with the log of hashicorp/raft, written from front to back: full leaves in the order of their keys, and the
//! branches above them.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

const PAGE: usize = 4096;
const PAGE_HEADER: usize = 16;
const ELEMENT: usize = 16;
const BRANCH: u16 = 1;
const LEAF: u16 = 2;

/// Writes a log with entries 1 to `entries`, the first of them the membership of one server, and the stable keys beside it. Returns
/// the file's length in bytes.
pub fn write(path: &Path, entries: u64, data: &[u8]) -> io::Result<u64> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    // Two meta pages, the freelist, and the directory of buckets come last, when the root is known.
    file.write_all(&[0; 4 * PAGE])?;
    let mut next = 4_u64;
    let mut level: Vec<([u8; 8], u64)> = Vec::new();
    let mut leaf: Vec<([u8; 8], Vec<u8>)> = Vec::new();
    let mut used = PAGE_HEADER;
    for index in 1..=entries {
        let value = if index == 1 { entry(index, 5, &membership()) } else { entry(index, 0, data) };
        let takes = ELEMENT + 8 + value.len();
        if used + takes > PAGE {
            level.push((leaf[0].0, next));
            file.write_all(&leaf_page(next, &leaf))?;
            next += 1;
            leaf.clear();
            used = PAGE_HEADER;
        }
        used += takes;
        leaf.push((index.to_be_bytes(), value));
    }
    level.push((leaf[0].0, next));
    file.write_all(&leaf_page(next, &leaf))?;
    next += 1;
    while level.len() > 1 {
        let mut above = Vec::new();
        for children in level.chunks((PAGE - PAGE_HEADER) / (ELEMENT + 8)) {
            above.push((children[0].0, next));
            file.write_all(&branch_page(next, children))?;
            next += 1;
        }
        level = above;
    }
    let file = file.into_inner()?;
    let mut freelist = page(2, 0x10, 0);
    freelist.resize(PAGE, 0);
    file.write_all_at(&freelist, 2 * PAGE as u64)?;
    file.write_all_at(&directory(level[0].1), 3 * PAGE as u64)?;
    for txid in [2_u64, 3] {
        file.write_all_at(&meta(txid, next), (txid % 2) * PAGE as u64)?;
    }
    Ok(next * PAGE as u64)
}

fn page(id: u64, flags: u16, count: usize) -> Vec<u8> {
    let mut page = Vec::with_capacity(PAGE);
    page.extend_from_slice(&id.to_le_bytes());
    page.extend_from_slice(&flags.to_le_bytes());
    page.extend_from_slice(&u16::try_from(count).unwrap().to_le_bytes());
    page.extend_from_slice(&[0; 4]);
    page
}

/// Elements with their keys and values behind them, as far as `image` goes; flags mark a bucket.
fn leaf_image(id: u64, rows: &[(&[u8], &[u8], u32)]) -> Vec<u8> {
    let mut image = page(id, LEAF, rows.len());
    let mut at = ELEMENT * rows.len();
    for (position, (key, value, flags)) in rows.iter().enumerate() {
        let from_element = u32::try_from(at - ELEMENT * position).unwrap();
        for word in [*flags, from_element, u32::try_from(key.len()).unwrap(), u32::try_from(value.len()).unwrap()] {
            image.extend_from_slice(&word.to_le_bytes());
        }
        at += key.len() + value.len();
    }
    for (key, value, _) in rows {
        image.extend_from_slice(key);
        image.extend_from_slice(value);
    }
    image
}

fn leaf_page(id: u64, leaf: &[([u8; 8], Vec<u8>)]) -> Vec<u8> {
    let rows: Vec<_> = leaf.iter().map(|(key, value)| (&key[..], &value[..], 0)).collect();
    let mut page = leaf_image(id, &rows);
    page.resize(PAGE, 0);
    page
}

fn branch_page(id: u64, children: &[([u8; 8], u64)]) -> Vec<u8> {
    let mut page = page(id, BRANCH, children.len());
    for (position, (_, child)) in children.iter().enumerate() {
        let from_element = ELEMENT * (children.len() - position) + 8 * position;
        page.extend_from_slice(&u32::try_from(from_element).unwrap().to_le_bytes());
        page.extend_from_slice(&8_u32.to_le_bytes());
        page.extend_from_slice(&child.to_le_bytes());
    }
    for (key, _) in children {
        page.extend_from_slice(key);
    }
    page.resize(PAGE, 0);
    page
}

/// The buckets `conf` (inline) and `logs`.
fn directory(root: u64) -> Vec<u8> {
    let term = 2_u64.to_be_bytes();
    let keys: [(&[u8], &[u8], u32); 3] =
        [(b"CurrentTerm", &term, 0), (b"LastVoteCand", b"127.0.0.1:1", 0), (b"LastVoteTerm", &term, 0)];
    let conf = [&[0; 16][..], &leaf_image(0, &keys)].concat();
    let logs = [root.to_le_bytes(), [0; 8]].concat();
    let mut page = leaf_image(3, &[(b"conf", &conf, 1), (b"logs", &logs, 1)]);
    page.resize(PAGE, 0);
    page
}

fn meta(txid: u64, high_water: u64) -> Vec<u8> {
    let mut page = page(txid % 2, 4, 0);
    for word in [0xED0C_DAED_u32, 2, 4096, 0] {
        page.extend_from_slice(&word.to_le_bytes());
    }
    for word in [3, 0, 2, high_water, txid] {
        page.extend_from_slice(&word.to_le_bytes());
    }
    let sum =
        page[16..].iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    page.extend_from_slice(&sum.to_le_bytes());
    page.resize(PAGE, 0);
    page
}

/// As go-msgpack 2 writes it: sorted names, raw strings.
fn entry(index: u64, kind: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x86];
    let name = |bytes: &mut Vec<u8>, name: &str| {
        bytes.push(0xa0 | u8::try_from(name.len()).unwrap());
        bytes.extend_from_slice(name.as_bytes());
    };
    name(&mut bytes, "AppendedAt");
    bytes.extend_from_slice(b"\xaf\x01\x00\x00\x00\x0e\xda\x5a\xab\x14\x0e\x04\x49\x90\xff\xff");
    name(&mut bytes, "Data");
    bytes.push(0xda);
    bytes.extend_from_slice(&u16::try_from(data.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(data);
    name(&mut bytes, "Extensions");
    bytes.push(0xc0);
    name(&mut bytes, "Index");
    bytes.push(0xcf);
    bytes.extend_from_slice(&index.to_be_bytes());
    name(&mut bytes, "Term");
    bytes.push(2);
    name(&mut bytes, "Type");
    bytes.push(kind);
    bytes
}

fn membership() -> Vec<u8> {
    b"\x81\xa7Servers\x91\x83\xa7Address\xab127.0.0.1:1\xa2ID\xa2n1\xa8Suffrage\x00".to_vec()
}

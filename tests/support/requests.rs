//! Proposals of data as the server encodes them, and the rows that they become.
#![allow(dead_code, reason = "shared by tests, which use different parts")]

use ekv_tool::formats::varint;

/// Operation (0 put, 1 delete, 2 delete by prefix), key, value.
pub type Mutation<'a> = (u64, &'a [u8], &'a [u8]);

fn bytes(out: &mut Vec<u8>, tag: u8, value: &[u8]) {
    out.push(tag);
    varint::encode(value.len() as u64, out);
    out.extend_from_slice(value);
}

fn request(txn: Option<u64>, ts: u64, mutations: &[Mutation<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(phase) = txn {
        out.extend([0x08, 1]);
        if phase > 0 {
            out.push(0x10);
            varint::encode(phase, &mut out);
        }
    }
    out.push(0x18);
    varint::encode(ts, &mut out);
    for (op, key, value) in mutations {
        let mut mutation = Vec::new();
        if *op > 0 {
            mutation.push(0x08);
            varint::encode(*op, &mut mutation);
        }
        bytes(&mut mutation, 0x12, key);
        if !value.is_empty() {
            bytes(&mut mutation, 0x1a, value);
        }
        bytes(&mut out, 0x22, &mutation);
    }
    out
}

fn proposal(request: &[u8]) -> Vec<u8> {
    [&[1, 0, 0, 0, 0, 0, 0, 0, 7, 0], request].concat()
}

/// Writes outside of a transaction.
pub fn raw(ts: u64, mutations: &[Mutation<'_>]) -> Vec<u8> {
    proposal(&request(None, ts, mutations))
}

/// A step of a transaction: 0 all in one, 1 prepare, 2 commit, 3 abort.
pub fn txn(phase: u64, start: u64, commit: u64, primary: &[u8], mutations: &[Mutation<'_>]) -> Vec<u8> {
    let mut meta = vec![1];
    meta.extend(9_u64.to_be_bytes());
    meta.extend(commit.to_be_bytes());
    meta.extend((primary.len() as u64).to_be_bytes());
    meta.extend_from_slice(primary);
    let key = [b"!txn|meta|", primary].concat();
    let mut all: Vec<Mutation<'_>> = vec![(0, &key, &meta)];
    all.extend(mutations);
    proposal(&request(Some(phase), start, &all))
}

/// The stored key of a version.
pub fn row_key(user_key: &[u8], ts: u64) -> Vec<u8> {
    [user_key, &(!ts).to_be_bytes()].concat()
}

/// The stored value of a version; `None` deletes.
pub fn row_value(value: Option<&[u8]>) -> Vec<u8> {
    [&[u8::from(value.is_none()), 0, 0, 0, 0, 0, 0, 0, 0], value.unwrap_or_default()].concat()
}

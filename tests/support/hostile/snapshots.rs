//! Envelopes of snapshots, and the payloads that their tokens point at.

use super::{Dice, Directory, Plan, log, payload};
use crate::support::seal::varint;

pub(super) fn envelopes(dice: &mut Dice<'_>, plan: &Plan, dir: &mut Directory) {
    let mut indexes = Vec::new();
    if plan.snapshot > 0 && !dice.seldom(16) {
        indexes.push(plan.snapshot);
    }
    for _ in 0..dice.roll(3) {
        let back = dice.roll(4) as u64;
        let index = dice.number(plan.snapshot.saturating_sub(back));
        indexes.push(index);
    }
    for index in indexes {
        let payload = payload::file(dice);
        let sum = payload.last_chunk::<4>().map_or(0, |sum| u32::from_be_bytes(*sum));
        let sum = if dice.seldom(24) { dice.number(0) as u32 } else { sum };
        let mut data = [&b"EKVT\x01"[..], &dice.number(index).to_be_bytes(), &sum.to_be_bytes()].concat();
        match dice.byte() {
            252 => data.clone_from(&payload),
            253 => data.clear(),
            254 => data = dice.bytes(20),
            255 => data.push(0),
            _ => {}
        }
        let message = message(dice, plan, index, &data);
        let name = format!("{:016x}-{:016x}.snap", dice.number(1), dice.number(index));
        dir.file(format!("snap/{name}"), enveloped(dice, &message));
        if !dice.seldom(12) {
            dir.file(format!("fsm-snap/{index:016x}.fsm"), payload);
        }
    }
    if dice.seldom(12) {
        let index = dice.number(plan.snapshot + 1);
        dir.file(format!("fsm-snap/{index:016x}.fsm"), payload::file(dice));
    }
}

/// A `raftpb.Snapshot`.
pub(super) fn message(dice: &mut Dice<'_>, plan: &Plan, index: u64, data: &[u8]) -> Vec<u8> {
    let mut metadata = Vec::new();
    bytes(1, &log::membership(dice, plan), &mut metadata);
    for (field, value) in [(2_u8, index), (3, 1)] {
        metadata.push(field << 3);
        varint(dice.number(value), &mut metadata);
    }
    let mut out = Vec::new();
    if !data.is_empty() {
        bytes(1, data, &mut out);
    }
    bytes(2, &metadata, &mut out);
    if dice.seldom(32) {
        out.extend([dice.byte() & 0x7f, dice.byte()]);
    }
    out
}

fn enveloped(dice: &mut Dice<'_>, message: &[u8]) -> Vec<u8> {
    let mut out = vec![8];
    varint(dice.number(u64::from(crc32c::crc32c(message))), &mut out);
    bytes(2, message, &mut out);
    if dice.seldom(32) {
        out.truncate(dice.roll(out.len() + 1));
    }
    out
}

fn bytes(field: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(field << 3 | 2);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

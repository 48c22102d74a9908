//! The state files from before the log.

use super::{Dice, Directory, Plan, payload, snapshots};
use crate::support::seal::varint;

pub(super) fn state_files(dice: &mut Dice<'_>, plan: &Plan, dir: &mut Directory) {
    let mut state = Vec::new();
    for (field, value) in [(1_u8, plan.term), (2, 0), (3, plan.commit)] {
        state.push(field << 3);
        varint(dice.number(value), &mut state);
    }
    let metadata = snapshots::message(dice, plan, plan.snapshot, b"");
    let meta = [&b"EKVM\0\0\0\x01"[..], &framed(dice, &state), &framed(dice, &metadata)].concat();
    dir.file("etcd-raft-meta.bin", meta);
    let mut entries = b"EKVW\0\0\0\x01".to_vec();
    for index in plan.snapshot + 1..=plan.last {
        let mut entry = vec![8];
        varint(dice.number(0), &mut entry);
        entry.push(16);
        varint(dice.number(plan.term), &mut entry);
        entry.push(24);
        varint(dice.number(index), &mut entry);
        entries.extend(framed(dice, &entry));
    }
    dir.file("etcd-raft-entries.bin", entries);
    if dice.roll(2) == 0 {
        dir.file("etcd-fsm-snapshot.bin", payload::body(dice));
    }
    if dice.seldom(8) {
        let bytes = dice.bytes(64);
        dir.file("etcd-raft-state.bin", bytes);
    }
}

fn framed(dice: &mut Dice<'_>, message: &[u8]) -> Vec<u8> {
    [&(dice.number(message.len() as u64) as u32).to_be_bytes()[..], message].concat()
}

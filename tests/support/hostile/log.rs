//! Segments of the Raft log.

use super::{Dice, Directory, Plan, id};
use crate::support::log_writer::{LogWriter, conf_change, conf_context, conf_state};
use crate::support::seal::varint;
use crate::support::wal_writer::put;

/// Types of records that a server knows, and around them.
const TYPES: [u64; 10] = [0, 1, 2, 3, 4, 5, 6, 9, (1 << 32) + 2, u64::MAX];

pub(super) fn segments(dice: &mut Dice<'_>, plan: &Plan, dir: &mut Directory) {
    let purged = plan.snapshot > 0 && dice.roll(3) == 0;
    let mut log = if purged {
        LogWriter::purged(dice.number(1), dice.number(plan.snapshot))
    } else {
        let mut log = LogWriter::new();
        if dice.roll(8) == 7 {
            log.snapshot_of(0, 0, &membership(dice, plan));
        }
        log
    };
    let first = if purged { plan.snapshot + 1 } else { 1 };
    for index in first..=plan.last {
        entry(dice, index, plan, &mut log);
        if index == plan.snapshot {
            snapshot(dice, plan, &mut log);
        }
        if index == plan.commit {
            log.state(dice.number(plan.term), dice.number(id(plan.members[0])), dice.number(index));
        }
        strange(dice, index, plan, &mut log);
    }
    if purged || plan.last < plan.snapshot || dice.roll(6) == 5 {
        snapshot(dice, plan, &mut log);
    }
    if !dice.seldom(8) {
        log.state(dice.number(plan.term), dice.number(id(plan.members[0])), dice.number(plan.commit));
    }
    for _ in 0..dice.roll(3) {
        strange(dice, plan.last, plan, &mut log);
    }
    let mut files = log.files();
    if let Some((_, bytes)) = files.last_mut() {
        behind(dice, bytes);
    }
    for (name, bytes) in files {
        let name = if dice.seldom(24) { format!("{:016x}-{:016x}.wal", dice.number(0), dice.number(1)) } else { name };
        dir.file(format!("wal/{name}"), bytes);
    }
    if dice.seldom(8) {
        dir.file("wal/0.tmp", vec![0; 64]);
    }
}

/// A membership, mostly that of the plan.
pub(super) fn membership(dice: &mut Dice<'_>, plan: &Plan) -> Vec<u8> {
    let mut voters = plan.ids();
    let mut learners = Vec::new();
    match dice.byte() {
        250 => voters.push(dice.number(voters[0])),
        251 => learners.push(dice.number(7)),
        252 => learners.push(voters[0]),
        253 => voters.clear(),
        254 => voters.reverse(),
        255 => return dice.bytes(24),
        _ => {}
    }
    let mut state = conf_state(&voters, &learners);
    if dice.seldom(32) {
        // Outgoing voters, next learners, a field that nobody knows.
        for field in [3_u8, 4, 9] {
            state.push(field << 3);
            varint(dice.number(voters.first().copied().unwrap_or(1)), &mut state);
        }
    }
    state
}

fn snapshot(dice: &mut Dice<'_>, plan: &Plan, log: &mut LogWriter) {
    let members = membership(dice, plan);
    log.snapshot_of(dice.number(plan.snapshot), dice.number(1.min(plan.snapshot)), &members);
}

fn entry(dice: &mut Dice<'_>, index: u64, plan: &Plan, log: &mut LogWriter) {
    let term = if index > plan.snapshot { plan.term } else { 1 };
    match dice.byte() {
        0..=119 => {
            log.typed_entry(0, index, term, &put(index, b"key", b"value"));
        }
        120..=159 => {
            log.entry(index, term, "text");
        }
        160..=179 => {
            let context = conf_context(id("n1"), "n1", "n1:7000");
            log.typed_entry(1, index, term, &conf_change(dice.roll(5) as u64, dice.number(id("n1")), &context));
        }
        180..=189 => {
            log.typed_entry(2, index, term, &changes(dice));
        }
        190..=199 => {
            log.entry(index, term, "");
        }
        200..=214 => {
            // An operation that a server knows, then anything.
            let data = [&[1, 0, 0, 0, 0, 0, 0, 0, 7, dice.byte()], dice.bytes(24).as_slice()].concat();
            log.typed_entry(0, index, term, &data);
        }
        215..=224 => {
            let data = dice.bytes(24);
            log.typed_entry(0, index, term, &data);
        }
        225.. => {
            let (kind, data) = (dice.number(0), dice.bytes(16));
            log.typed_entry(kind, dice.number(index), dice.number(term), &data);
        }
    }
}

/// Many changes of the membership in one.
fn changes(dice: &mut Dice<'_>) -> Vec<u8> {
    let mut out = vec![8];
    varint(dice.number(0), &mut out);
    for _ in 0..dice.roll(4) {
        let mut one = vec![8];
        varint(dice.number(0), &mut one);
        one.push(16);
        varint(dice.number(id("n2")), &mut one);
        out.push(18);
        varint(one.len() as u64, &mut out);
        out.extend(one);
    }
    out
}

/// Seldom something that no server writes there.
fn strange(dice: &mut Dice<'_>, index: u64, plan: &Plan, log: &mut LogWriter) {
    match dice.byte() {
        0..=199 => {}
        200..=209 => {
            log.cut();
        }
        210..=219 => {
            log.state(dice.number(plan.term), dice.number(0), dice.number(index));
        }
        220..=227 => snapshot(dice, plan, log),
        228..=235 => {
            let (kind, data) = (dice.one_of(&TYPES), dice.bytes(12));
            log.record(kind, &data);
        }
        236..=239 => log.record(1, &dice.bytes(8)),
        240..=245 => {
            // Written once more, in a later term.
            let back = dice.roll(4) as u64;
            log.entry(index.wrapping_sub(back), dice.number(plan.term + 1), "again");
        }
        246..=250 => log.record(2, b"\xff"),
        251.. => {
            let index = dice.number(index + 1);
            log.entry(index, dice.number(plan.term), "far");
        }
    }
}

/// What stands behind the last record.
fn behind(dice: &mut Dice<'_>, bytes: &mut Vec<u8>) {
    let end = bytes.len() - 512;
    match dice.byte() {
        0..=179 => {}
        180..=189 => bytes.truncate(end),
        190..=199 => bytes.truncate(end - dice.roll(64).min(end)),
        200..=209 => {
            // A word that claims much.
            let word = dice.number(1 << 40) & 0x00ff_ffff_ffff_ffff | (u64::from(dice.byte()) << 56);
            bytes[end..end + 8].copy_from_slice(&word.to_le_bytes());
        }
        210..=219 => {
            let stray = dice.bytes(64);
            let at = end + 8 * dice.roll(40);
            bytes[at..at + stray.len()].copy_from_slice(&stray);
        }
        220..=229 => {
            // The records once more.
            let again = bytes[..end].to_vec();
            bytes.extend(again);
        }
        230..=239 => nested(bytes, end),
        240..=249 => {
            let at = dice.roll(end.min(256));
            bytes[at] ^= 1 << dice.roll(8);
        }
        250.. => bytes[..end].fill(0),
    }
}

/// Records that contain each other, up to the end of the file.
fn nested(bytes: &mut Vec<u8>, end: usize) {
    const STEP: usize = 24;
    bytes.resize(end + 512 + STEP * 20, 0);
    let len = bytes.len();
    for at in (end + 512..len).step_by(STEP) {
        let total = len - at - 8;
        let mut head = (total as u64).to_le_bytes().to_vec();
        head.extend([8, 2, 16, 0, 26]);
        let data = total - 6 - usize::from(total > 6 + 127);
        varint(data as u64, &mut head);
        bytes[at..at + head.len().min(STEP)].copy_from_slice(&head[..head.len().min(STEP)]);
    }
}

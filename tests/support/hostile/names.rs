//! Names and kinds of files that no server leaves, or that only look like its own.

use super::{Dice, Directory};

const NAMES: [&str; 36] = [
    "snap/\u{202e}gnp.snap",
    "fsm-snap/a`b|c\u{200b}.fsm",
    "fsm-snap/<img src=x>.fsm",
    "wal/0-1.wal",
    "wal/ffffffffffffffff-ffffffffffffffff.wal",
    "wal/0000000000000001-0000000000000001.wal",
    "wal/1.tmp",
    "wal/0000000000000000-0000000000000000.wal.broken",
    "snap/ffffffffffffffff-ffffffffffffffff.snap",
    "snap/0000000000000001-0000000000000003.snap.broken",
    "snap/db",
    "fsm-snap/ffffffffffffffff.fsm",
    "fsm-snap/3.fsm",
    "fsm-snap/0000000000000003.FSM",
    "fsm-snap/0000000000000003.fsm.tmp",
    "fsm-snap/elastickv-etcd-snapshot-1",
    "fsm.db/2.log",
    "fsm.db/000002-001.log",
    "fsm.db/18446744073709551615.log",
    "fsm.db/000005.blob",
    "fsm.db/000005.sst.tmp",
    "fsm.db/temporary.000007.dbtmp",
    "fsm.db/CURRENT",
    "fsm.db-restore-backup-1",
    "fsm.db-restore-backup-99999999999999999999",
    "group-007",
    "group-1.old",
    "group-2/wal",
    "encryption/keys.json",
    "raft.db",
    "wal-meta.db",
    "logs.dat",
    "snapshots/1-1-1/meta.json",
    "etcd-raft-peers.bin.tmp",
    "a\nb",
    "\u{1b}[31m\u{2028}",
];

pub(super) fn strange(dice: &mut Dice<'_>, dir: &mut Directory) {
    for _ in 0..if dice.seldom(3) { 1 + dice.roll(2) } else { 0 } {
        let name = if dice.roll(3) == 2 && !dir.things.is_empty() {
            // In the place of something that is there.
            dir.things[dice.roll(dir.things.len())].0.clone()
        } else {
            dice.one_of(&NAMES).to_owned()
        };
        match dice.roll(8) {
            0 => dir.dir(name),
            1 => dir.link(name, "nowhere"),
            2 => dir.link(name, "."),
            3 => {
                let target = dice.one_of(&["loop", "raft-engine", "../raft-engine", "wal", "/"]);
                dir.link(name, target);
            }
            4 => dir.file(name, *b""),
            5 => dir.file(name, *b"EKVPBBL1\0\0\0\0\0\0\0\0\0\0\0\0"),
            _ => {
                let bytes = dice.bytes(32);
                dir.file(name, bytes);
            }
        }
    }
}

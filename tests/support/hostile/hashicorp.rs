//! Directories of hashicorp/raft: `raft.db` of bbolt, a log of raft-wal, or a store of Pebble, and snapshots beside it.

use std::fmt::Write as _;

use ekv_tool::formats::hraft::crc64;

use super::{Dice, Directory};
use crate::support::keys::base64;
use crate::support::raftwal_writer::{self as raftwal, MEMBERS, Segment, bolt};
use crate::support::seal::varint;
use crate::support::store_writer::frame;

pub(super) fn node(dice: &mut Dice<'_>, dir: &mut Directory) {
    let last = 1 + dice.roll(5) as u64;
    match dice.roll(4) {
        0 | 1 => bbolt(dice, last, dir),
        2 => segments(dice, dir),
        _ => pebble(dice, last, dir),
    }
    dir.dir("snapshots");
    for _ in 0..dice.roll(3) {
        snapshot(dice, last, dir);
    }
    if dice.seldom(16) {
        let text: &[&str] = &[
            "[]",
            "[{\"id\":\"n1\",\"address\":\"127.0.0.1:1\",\"non_voter\":false}]",
            "[\"127.0.0.1:1\"]",
            "[{\"id\":\"n1\"",
            "null",
        ];
        dir.file("peers.json", dice.one_of(text).as_bytes());
    }
}

/// An entry in MessagePack, as the library of now encodes it; numbers in full.
fn entry(dice: &mut Dice<'_>, index: u64) -> Vec<u8> {
    let text = |text: &str| [&[0xa0 | text.len() as u8], text.as_bytes()].concat();
    let (kind, data) = match (index, dice.byte()) {
        (1, 0..=239) => (5, MEMBERS.to_vec()),
        (_, 0..=199) => (0, b"command".to_vec()),
        (_, 200..=219) => (1, Vec::new()),
        (_, 220..=239) => (5, MEMBERS.to_vec()),
        (_, _) => (dice.byte(), dice.bytes(24)),
    };
    let mut out = vec![0x80 | if dice.seldom(32) { dice.byte() & 0xf } else { 6 }];
    for (name, value) in [("Index", index), ("Term", 1 + index / 3)] {
        out.extend(text(name));
        out.push(0xcf);
        out.extend(dice.number(value).to_be_bytes());
    }
    out.extend(text("Type"));
    out.extend([0xcc, kind]);
    out.extend(text("Data"));
    out.extend([0xc4, if dice.seldom(48) { dice.byte() } else { data.len() as u8 }]);
    out.extend(data);
    out.extend(text("Extensions"));
    out.push(0xc0);
    out.extend(text("AppendedAt"));
    out.extend([0xd7, 0xff, 0x38, 0x11, 0x26, 0x40, 0x62, 0xc8, 0xb4, 0x14]);
    out
}

/// Rows of the log and of what stands beside it.
struct Rows {
    entries: Vec<(u64, Vec<u8>)>,
    term: u64,
    vote_term: u64,
}

fn rows(dice: &mut Dice<'_>, last: u64) -> Rows {
    let first = if dice.seldom(6) { 1 + dice.roll(3) as u64 } else { 1 };
    let mut entries: Vec<_> = (first..=last).map(|index| (dice.number(index), entry(dice, index))).collect();
    if !dice.seldom(16) {
        entries.sort();
    }
    let term = dice.number(1 + last / 3);
    Rows { entries, term, vote_term: dice.number(term) }
}

fn bbolt(dice: &mut Dice<'_>, last: u64, dir: &mut Directory) {
    let rows = rows(dice, last);
    let keys: Vec<_> = rows.entries.iter().map(|(index, entry)| (index.to_be_bytes(), entry)).collect();
    let logs: Vec<(&[u8], &[u8])> = keys.iter().map(|(key, entry)| (&key[..], entry.as_slice())).collect();
    let (term, vote) = (rows.term.to_be_bytes(), rows.vote_term.to_be_bytes());
    let stable: [(&[u8], &[u8]); 3] = [(b"CurrentTerm", &term), (b"LastVoteCand", b"127.0.0.1:1"), (b"LastVoteTerm", &vote)];
    let stable = &stable[..if dice.seldom(8) { dice.roll(4) } else { 3 }];
    let mut file = match dice.byte() {
        0..=239 => bolt(&[("conf", stable), ("logs", &logs)]),
        240..=247 => bolt(&[("conf", stable)]),
        248.. => bolt(&[("conf", stable), ("logs", &logs), ("more", &[])]),
    };
    for _ in 0..if dice.seldom(3) { 1 + dice.roll(3) } else { 0 } {
        // Pages of the directory have no checksum; those of the two heads are made right again.
        let page = dice.one_of(&[3, 3, 3, 2, 0, 1]);
        let at = page * 4096 + usize::from(u16::from_le_bytes([dice.byte(), dice.byte() & 3]));
        let value = dice.number(u64::from(file[at]).wrapping_add(1)).to_le_bytes();
        let width = dice.one_of(&[1, 2, 4, 8]).min(file.len() - at);
        file[at..at + width].copy_from_slice(&value[..width]);
        if page < 2 {
            let head = page * 4096;
            let sum = file[head + 16..head + 72]
                .iter()
                .fold(0xcbf2_9ce4_8422_2325_u64, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
            file[head + 72..head + 80].copy_from_slice(&sum.to_le_bytes());
        }
    }
    if dice.seldom(24) {
        file.truncate(dice.roll(5) * 4096);
    }
    dir.file("raft.db", file);
}

fn segments(dice: &mut Dice<'_>, dir: &mut Directory) {
    let mut all = Vec::new();
    let mut base = 1;
    for id in 0..1 + dice.roll(3) as u64 {
        let mut segment = Segment::new(dice.number(base), id);
        let count = dice.roll(4) as u64;
        for index in base..base + count {
            segment = match dice.byte() {
                0..=31 => segment.raw(&raftwal::entry(index, 1, 5, MEMBERS, b"")),
                32..=199 => segment.command(1 + index / 3, "command"),
                200..=231 => segment.raw(&raftwal::entry(dice.number(index), dice.number(1), dice.byte(), b"data", b"")),
                232.. => segment.raw(&dice.bytes(24)),
            };
            if dice.roll(2) == 1 {
                segment = segment.commit();
            }
        }
        let segment = if dice.seldom(8) { segment } else { segment.commit() };
        let max = dice.number(base + count.max(1) - 1);
        base += count;
        all.push(if dice.roll(3) > 0 { segment.seal(max) } else { segment });
    }
    for segment in &all {
        let mut bytes = segment.file();
        if dice.seldom(12) {
            let at = dice.roll(bytes.len().min(256));
            bytes[at] = dice.byte();
        }
        if !dice.seldom(24) {
            dir.file(format!("wal/{}", segment.name()), bytes);
        }
    }
    let next = dice.number(9);
    let mut list = raftwal::list(next, &all);
    if dice.seldom(8) {
        // Another number somewhere.
        let from = dice.one_of(&["\"MinIndex\":1", "\"MaxIndex\":0", "\"Codec\":1", "\"SizeLimit\":1024", "\"ID\":0"]);
        let (name, _) = from.split_once(':').unwrap();
        let other = format!("{name}:{}", dice.number(2));
        list = list.replacen(from, &other, 1);
    }
    list.truncate(1500);
    dir.file("wal/wal-meta.db", raftwal::meta_db(&list, dice.number(3)));
}

fn pebble(dice: &mut Dice<'_>, last: u64, dir: &mut Directory) {
    let rows = rows(dice, last);
    let mut batches = Vec::new();
    let mut put = |key: &[u8], value: &[u8]| {
        let mut batch = (10 + batches.len() as u64).to_le_bytes().to_vec();
        batch.extend(1_u32.to_le_bytes());
        batch.push(1);
        for part in [key, value] {
            varint(part.len() as u64, &mut batch);
            batch.extend_from_slice(part);
        }
        batches.push(batch);
    };
    for (index, entry) in &rows.entries {
        put(&[b"l".as_slice(), &index.to_be_bytes()].concat(), entry);
    }
    for (name, value) in [("CurrentTerm", rows.term), ("LastVoteTerm", rows.vote_term)] {
        put(&[b"s", name.as_bytes()].concat(), &value.to_be_bytes());
    }
    put(b"sLastVoteCand", b"127.0.0.1:1");
    if dice.seldom(6) {
        let (key, value) = (dice.bytes(12), dice.bytes(12));
        put(&key, &value);
    }
    dir.file("raft.db/000002.log", frame(&batches, Some(2)));
    let mut edit = vec![1];
    varint(26, &mut edit);
    edit.extend(b"leveldb.BytewiseComparator");
    for (tag, value) in [(2, 2), (3, 20), (4, 9)] {
        edit.push(tag);
        varint(dice.number(value), &mut edit);
    }
    dir.file("raft.db/MANIFEST-000001", frame(&[edit], None));
    for name in ["marker.manifest.000001.MANIFEST-000001", "marker.format-version.000003.016", "LOCK"] {
        dir.file(format!("raft.db/{name}"), *b"");
    }
}

fn snapshot(dice: &mut Dice<'_>, last: u64, dir: &mut Directory) {
    let index = dice.number(last);
    let term = dice.number(1 + last / 3);
    let time = dice.number(1_795_216_369_483);
    let id = format!("{term}-{index}-{time}");
    let state = dice.bytes(24);
    let sum = dice.number(crc64(&state));
    let size = dice.number(state.len() as u64).cast_signed();
    let mut meta = format!("{{\"Version\":{},\"ID\":\"{id}\"", if dice.seldom(16) { dice.number(1) } else { 1 });
    write!(
        meta,
        ",\"Index\":{},\"Term\":{},\"Peers\":\"kasxMjcuMC4wLjE6MQ==\",\"Configuration\":{{\"Servers\":[",
        dice.number(index),
        dice.number(term)
    )
    .unwrap();
    let servers = dice.roll(3);
    for server in 0..servers {
        let comma = if server > 0 { "," } else { "" };
        write!(meta, "{comma}{{\"Suffrage\":{},\"ID\":\"n{}\",\"Address\":\"127.0.0.1:1\"}}", dice.roll(4), 1 + dice.roll(3))
            .unwrap();
    }
    writeln!(meta, "]}},\"ConfigurationIndex\":{},\"Size\":{size},\"CRC\":\"{}\"}}", dice.number(1), base64(&sum.to_be_bytes()))
        .unwrap();
    let mut meta = meta.into_bytes();
    if dice.seldom(12) {
        let at = dice.roll(meta.len().min(256));
        meta[at] = dice.byte();
    }
    let name = if dice.seldom(24) { format!("{id}.tmp") } else { id };
    dir.file(format!("snapshots/{name}/meta.json"), meta);
    if !dice.seldom(24) {
        dir.file(format!("snapshots/{name}/state.bin"), state);
    }
}

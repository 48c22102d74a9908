//! Why nothing need be said about a fault, or nothing can be.

use std::collections::BTreeMap;

use super::fault::Fault;
use super::kind::Kind;
use super::model::{Lost, Model, Says};

/// The head of a segment is shorter than this.
const REUSED: usize = 256;

/// A reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It cannot hurt.
    Harmless(&'static str),
    /// It may hurt, and no byte that is left tells it from an intact directory.
    Undecidable(&'static str),
}

use Class::{Harmless, Undecidable};

/// The bytes of one file and where they belong.
pub struct Place<'g> {
    pub name: &'g str,
    pub bytes: &'g [u8],
    pub kind: Kind,
    pub model: &'g Model,
}

/// The reason that the rules give; `None` if the fault has to be found.
pub fn class_of(place: &Place<'_>, fault: Fault) -> Option<Class> {
    match place.kind {
        Kind::Marker => engine_marker(place, fault),
        Kind::Peers => peers(place, fault),
        Kind::NewestSnap | Kind::OlderSnap => envelope(place, fault),
        Kind::LastSegment => last_segment(place, fault),
        Kind::EarlierSegment => segment_bit(place, fault),
        Kind::Pipeline => {
            Some(Harmless("0.tmp is prepared for the next segment: no start reads it, and its writer begins at its front"))
        }
        Kind::Lock => Some(Harmless("LOCK holds nothing, and a start creates it")),
        Kind::OldManifest => Some(Harmless("the marker names another MANIFEST: nobody reads this one")),
        Kind::Options => options(place, fault),
        Kind::NewestStoreLog => store_log(place, fault),
        Kind::Table => table(place, fault),
        Kind::Manifest | Kind::StoreMarker | Kind::NewestPayload | Kind::OlderPayload => None,
    }
}

fn engine_marker(place: &Place<'_>, fault: Fault) -> Option<Class> {
    let Some(content) = fault.applied(place.bytes) else {
        return Some(Harmless("without a marker a start takes the engine from the other files and writes it again"));
    };
    let text = String::from_utf8_lossy(&content).trim().to_lowercase();
    matches!(text.as_str(), "" | "etcd")
        .then_some(Harmless("the engine's name is read without case and outer white space, and an empty marker is `etcd`"))
}

fn peers(place: &Place<'_>, fault: Fault) -> Option<Class> {
    let Fault::Flip { at, .. } = fault else { return None };
    let number = |at: usize| usize::try_from(u32::from_be_bytes(place.bytes[at..at + 4].try_into().unwrap())).unwrap();
    if (8..16).contains(&at) {
        return Some(Undecidable(
            "the index in the peers file has no checksum; the list itself is that of the snapshot, which a start compares",
        ));
    }
    // Magic, version, index, count; a peer is node id, suffrage, id and address, both with their length.
    let mut from = 20;
    for _ in 0..number(16) {
        let id = from + 13..from + 13 + number(from + 9);
        let address = id.end + 4..id.end + 4 + number(id.end);
        let local = &place.bytes[id.clone()] == place.model.raft_id.as_bytes();
        if address.contains(&at) {
            return Some(Undecidable("an address in the peers file has no checksum and no other copy in the directory"));
        }
        if local && ((from..from + 8).contains(&at) || id.contains(&at)) {
            return Some(Harmless(
                "a start knows its own entry by the node id or the raft id and puts the other one right (`conf-peers-file-mismatch`)",
            ));
        }
        if id.contains(&at) {
            return Some(Undecidable(
                "another member's raft id: the node id in the list is no longer its hash, as when it was chosen by hand (`conf-peers-file-mismatch`)",
            ));
        }
        from = address.end;
    }
    (place.bytes[7] == 3 && at >= from).then_some(Undecidable(
        "the bootstrap list behind the peers has no checksum; it is compared only with the list on a command line",
    ))
}

fn envelope(place: &Place<'_>, fault: Fault) -> Option<Class> {
    match fault {
        // Field 1 is a varint of 32 bits in five bytes.
        Fault::Flip { at: 5, bit: 4..=6 } if place.bytes[0] == 8 && place.bytes[1..5].iter().all(|&byte| byte >= 0x80) => {
            Some(Harmless("bits above the 32nd of a varint that holds 32"))
        }
        Fault::Remove if place.kind == Kind::OlderSnap => {
            Some(Harmless("an older snapshot less, as retention leaves it; the start takes the newest (`snap-orphan`)"))
        }
        // Only the content of the file is synced, not its name. What is left is judged: a start that fails is found.
        Fault::Remove => Some(Harmless(
            "the newest `.snap` is gone, as after a loss of power before its name was synced: the log still reaches the older one that a start takes (`snap-orphan`)",
        )),
        _ => None,
    }
}

fn last_segment(place: &Place<'_>, fault: Fault) -> Option<Class> {
    let segment = place.model.segment(place.name)?;
    let end = place.model.end_of(segment);
    match fault {
        Fault::Flip { at, .. } if at >= end => {
            let entries =
                place.model.records.iter().any(|record| record.segment == segment && matches!(record.says, Says::Entry { .. }));
            if !entries && at < REUSED {
                return Some(Harmless(
                    "a bit in the zeros behind the head of a segment without entries: an older head of a reused file leaves such bytes, and the next record overwrites them (`wal-data-beyond-end`, a remark)",
                ));
            }
            Some(if (end..end + 8).contains(&at) {
                Harmless(
                    "a bit in the zeros right behind the last record: a start takes it for a torn frame and cuts it off (`wal-torn-tail`)",
                )
            } else {
                Harmless(
                    "a bit in the zeros further behind the last record: a start never reads so far and zeroes them again (`wal-data-beyond-end`, a warning where a crash may leave such bytes)",
                )
            })
        }
        Fault::Flip { .. } => segment_bit(place, fault),
        Fault::Cut { len } => log_end(&place.model.lost_behind(len)),
        Fault::Remove => log_end(&place.model.lost_behind(0)),
        // Bytes behind the sector tell that the log went on.
        Fault::Zero { at } => {
            let behind = place.bytes.get(at + super::fault::SECTOR..).unwrap_or_default();
            if behind.iter().any(|&byte| byte != 0) { None } else { log_end(&place.model.lost_behind(at)) }
        }
    }
}

fn log_end(lost: &Lost) -> Option<Class> {
    match lost {
        Lost::Nothing => Some(Harmless("only zeros behind the last record are gone, which a start does not need")),
        Lost::Commits => {
            Some(Harmless("only commits at the end are gone, which the server writes without a sync and learns again"))
        }
        Lost::OneWrite => Some(Undecidable(
            "only the last write of the log is gone: what a crash in the middle of it leaves, before it was confirmed to anybody",
        )),
        Lost::Several => Some(Undecidable(
            "the log ends earlier, and nothing that is left refers to what is gone: it looks like one that ended there",
        )),
        Lost::Applied => Some(Undecidable(
            "the log ends below the store's applied index (`applied-beyond-log`, a warning): in a group of several voters the restore of a received snapshot leaves that too, if the node stopped before it recorded the snapshot",
        )),
        Lost::Known => None,
    }
}

/// Bits of a frame that say nothing.
fn segment_bit(place: &Place<'_>, fault: Fault) -> Option<Class> {
    let Fault::Flip { at, bit } = fault else { return None };
    let segment = place.model.segment(place.name)?;
    let record = place.model.record_at(segment, at)?;
    if at >= record.padding {
        return Some(Harmless("padding of a frame, which nobody reads (`wal-frame-odd`)"));
    }
    if at < record.start + 8 {
        let word = u64::from_le_bytes(place.bytes[record.start..record.start + 8].try_into().unwrap());
        let meaning = |word: u64| (word & 0x00ff_ffff_ffff_ffff, if word >> 63 == 1 { (word >> 56) & 7 } else { 0 });
        let damaged = word ^ (1 << (8 * (at - record.start) + usize::from(bit)));
        if meaning(word) == meaning(damaged) {
            return Some(Harmless(
                "bits of a length word that say nothing: unused, or a flag for padding of no length (`wal-frame-odd`)",
            ));
        }
        let last = place.kind == Kind::LastSegment && record.end == place.model.end_of(segment);
        return (last && meaning(word).0 == meaning(damaged).0).then_some(Harmless(
            "the padding of the last frame: its record is read, zeros follow, and frames need not be aligned (`wal-frame-odd`)",
        ));
    }
    // Type and checksum come first; the checksum is a varint of 32 bits.
    let checksum = record.start + 11;
    if at == checksum - 1 && place.bytes[checksum] == 0 && matches!(bit, 5 | 6) {
        return Some(Harmless("the tag of a checksum that is 0, as an absent one is read (`wal-frame-odd`)"));
    }
    let long = place.bytes[checksum..checksum + 4].iter().all(|&byte| byte >= 0x80);
    (long && at == checksum + 4 && (4..=6).contains(&bit)).then_some(Harmless("bits above the 32nd of a varint that holds 32"))
}

/// Values by section and key.
type Settings = BTreeMap<(Vec<u8>, Vec<u8>), Vec<u8>>;

/// The settings that a start compares, by section and key; `None` for text that it refuses.
fn settings(text: &[u8]) -> Option<Settings> {
    let mut section: &[u8] = b"";
    let mut found = BTreeMap::new();
    for line in text.split(|&byte| byte == b'\n').map(trim) {
        match line {
            [] | [b';' | b'#', ..] => {}
            [b'[', name @ .., b']'] => section = name,
            _ => {
                let equals = line.iter().position(|&byte| byte == b'=')?;
                let (key, value) = (trim(&line[..equals]), trim(&line[equals + 1..]));
                let compared = matches!(
                    (section, key),
                    (b"Options", b"comparer" | b"merger" | b"wal_dir")
                        | (b"WAL Failover", _)
                        | (b"CFOptions \"default\"", b"comparator" | b"merge_operator")
                );
                if compared {
                    found.insert((section.to_vec(), key.to_vec()), value.to_vec());
                }
            }
        }
    }
    Some(found)
}

/// Without white space at the ends; to the server that includes the vertical tab.
fn trim(text: &[u8]) -> &[u8] {
    let black = |byte: &u8| !byte.is_ascii_whitespace() && *byte != 0x0b;
    let end = text.iter().rposition(black).map_or(0, |last| last + 1);
    &text[text.iter().position(black).unwrap_or(end)..end]
}

fn options(place: &Place<'_>, fault: Fault) -> Option<Class> {
    let Some(content) = fault.applied(place.bytes) else {
        return Some(Harmless(
            "a store without OPTIONS opens: MANIFEST and tables repeat the comparer, and a start writes a new file",
        ));
    };
    let (before, after) = (settings(place.bytes)?, settings(&content)?);
    after.iter().all(|(key, value)| before.get(key) == Some(value)).then_some(Harmless(
        "OPTIONS says nothing else about what a start compares (comparer, merger, directories); the rest is for people",
    ))
}

fn store_log(place: &Place<'_>, fault: Fault) -> Option<Class> {
    // Chunks with a log number: checksum, length, type, number. A log below 32 KiB is one block.
    let mut ends = vec![0];
    let mut at = 0;
    while let Some(header) = place.bytes.get(at..at + 11) {
        let len = usize::from(u16::from_le_bytes([header[4], header[5]]));
        if len == 0 {
            break;
        }
        at += 11 + len;
        ends.push(at);
    }
    const CLOSED: Class =
        Harmless("the mark that a store log was closed: every record before it is there, and a start needs no more");
    const ENDS: Class = Undecidable(
        "a store log that ends earlier looks like one that ended there; each batch carries its applied index, so a start applies the raft log from there on or restores the snapshot",
    );
    match fault {
        Fault::Flip { at: flipped, .. } => (flipped >= at).then_some(CLOSED),
        Fault::Cut { len } if len >= at => Some(CLOSED),
        Fault::Cut { .. } => Some(ENDS),
        Fault::Zero { at: sector } if sector >= at => Some(CLOSED),
        // What follows the zeros, if anything, is the rest of the batch that they cut into.
        Fault::Zero { at: sector } => {
            let behind = sector + super::fault::SECTOR;
            let first_lost = ends.iter().rposition(|&end| end <= sector)?;
            let next_begins_behind = ends[first_lost + 1..ends.len() - 1].iter().any(|&end| end >= behind);
            (!next_begins_behind).then_some(ENDS)
        }
        Fault::Remove => None,
    }
}

/// The footer of 53 bytes: checksum kind, two handles as varints, zeros, version, magic.
fn table(place: &Place<'_>, fault: Fault) -> Option<Class> {
    let Fault::Flip { at, .. } = fault else { return None };
    let footer = place.bytes.len() - 53;
    let handles = |bytes: &[u8]| {
        let mut numbers = [0_u128; 4];
        let mut at = footer + 1;
        for number in &mut numbers {
            for shift in (0..).step_by(7) {
                *number |= u128::from(bytes[at] & 0x7f) << shift;
                at += 1;
                if bytes[at - 1] < 0x80 {
                    break;
                }
            }
        }
        numbers
    };
    ((footer + 1..footer + 41).contains(&at) && handles(&fault.applied(place.bytes)?) == handles(place.bytes)).then_some(Harmless(
        "zeros between the handles and the version of a table's footer, which nobody reads or which do not change a number (`table-footer-stray`)",
    ))
}

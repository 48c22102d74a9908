//! Why nothing need be said about a changed bit of `raft.db`, or nothing can be: from the bytes alone.

use super::model::{Byte, Model, Part, u16_at, u32_at};
use crate::faults::Class::{self, Harmless, Undecidable};
use crate::faults::fault::Fault;

/// The reason that the rules give; `None` if the fault has to be found. `covered` is the index of the newest snapshot.
pub fn class_of(model: &Model, fault: Fault, covered: u64) -> Option<Class> {
    match fault {
        Fault::Cut { len: 0 } if covered == 0 => {
            Some(Undecidable("a file of no bytes, and no snapshot: what a node that was killed at its very first start leaves"))
        }
        Fault::Cut { len } => (len >= model.used)
            .then_some(Harmless("behind the high water mark: the file is made longer than the pages in use, and grows again")),
        Fault::Flip { at, bit } => flip(model, at, bit, covered),
        Fault::Zero { .. } | Fault::Remove => None,
    }
}

fn flip(model: &Model, at: usize, bit: u8, covered: u64) -> Option<Class> {
    let mut changed = model.bytes.clone();
    changed[at] ^= 1 << bit;
    match &model.map[at] {
        Byte::Unused => Some(Harmless("in a free page, or between or behind what the pages hold: nothing reads it")),
        Byte::MetaHead => Some(Harmless("in the header of a meta page, which nothing reads")),
        Byte::Meta(false) => Some(Harmless("in the older meta page: the newer one counts (`bolt-meta-invalid`, a remark)")),
        Byte::Meta(true) => Some(Undecidable(
            "in the newer meta page: a crash during its commit leaves one that is not whole, and the older one counts, without the last \
             transaction (`bolt-meta-invalid`, a remark)",
        )),
        Byte::FreelistHead("count") => {
            let head = at & !1;
            (u16_at(&changed, head) < u16_at(&model.bytes, head)).then_some(Harmless(
                "fewer free pages on the list: nobody uses their space again (`bolt-freelist-invalid`, a remark)",
            ))
        }
        Byte::BranchKey { from, len, above, first } => {
            let key = &changed[*from..from + len];
            (key <= first.as_slice() && above.as_ref().is_none_or(|above| key > above.as_slice())).then_some(Harmless(
                "a key in a branch between what comes before it and the first key of its page: every lookup goes the same way",
            ))
        }
        Byte::Element("flags", _) if !(at.is_multiple_of(4) && bit == 0) => {
            Some(Harmless("flags of an element but bit 0, which nothing reads"))
        }
        Byte::Element("vsize", true) => {
            let word = at & !3;
            (u32_at(&changed, word) > u32_at(&model.bytes, word)).then_some(Harmless(
                "a longer last value of a page: what stands behind an entry or the root of a bucket is not read",
            ))
        }
        Byte::BucketSequence => Some(Harmless("the counter of a bucket, which nobody uses")),
        Byte::InlineHead => Some(Harmless("number and overflow of the page in a bucket's value, which nothing reads")),
        Byte::Stable(key, from) => stable(model, key, &changed, *from),
        Byte::Entry(index, part) => entry(model, *index, *part, &changed, at, covered),
        Byte::FreelistHead(_) | Byte::FreelistId | Byte::PageHead | Byte::Element(..) | Byte::Key | Byte::BucketRoot => None,
    }
}

fn stable(model: &Model, key: &[u8], changed: &[u8], from: usize) -> Option<Class> {
    let number = || u64::from_be_bytes(changed[from..from + 8].try_into().unwrap());
    let known = model.terms.iter().next_back().map_or(0, |(_, &term)| term);
    match key {
        b"CurrentTerm" => (number() >= known && number() != 0 && number() != u64::MAX).then_some(Undecidable(
            "the current term has no checksum: one that is not below the terms of log and snapshots may be the node's",
        )),
        b"LastVoteTerm" if number() > model.stable[b"CurrentTerm".as_slice()] => Some(Harmless(
            "a last vote in a term above the current one keeps no vote from being given, and is written over (`hraft-vote-odd`, a warning)",
        )),
        b"LastVoteTerm" => Some(Undecidable("the term of the last vote has no checksum: an earlier one may be the node's")),
        b"LastVoteCand" => Some(Undecidable(
            "the candidate of the last vote has no checksum (`hraft-vote-odd`, a warning, where no member has its address)",
        )),
        _ => None,
    }
}

fn entry(model: &Model, index: u64, part: Part, changed: &[u8], at: usize, covered: u64) -> Option<Class> {
    let last = *model.terms.keys().next_back().unwrap();
    if index <= covered && index != last {
        return Some(Harmless(
            "in an entry that the newest snapshot covers: no start reads it (a warning, where anything tells)",
        ));
    }
    let (kind, data) = model.types[&index];
    match part {
        Part::Data => Some(Undecidable("the payload of an entry has no checksum")),
        Part::Clock => Some(Harmless("the leader's clock in an entry: nothing depends on it")),
        Part::Term => {
            let term = u64::from(changed[at]);
            let near = |index: u64| model.terms.get(&index).copied();
            let from = near(index - 1).unwrap_or(1);
            let to = near(index + 1).unwrap_or(model.stable[b"CurrentTerm".as_slice()]);
            (term < 0x80 && (from..=to).contains(&term)).then_some(Undecidable(
                "the term of an entry has no checksum: one between those of its neighbours may be its own",
            ))
        }
        Part::Type => {
            let other = changed[at];
            (!data && matches!(kind, 0 | 1 | 4) && matches!(other, 0 | 1 | 4)).then_some(Undecidable(
                "the type of an entry has no checksum: a command, a no-op and a barrier without data look alike",
            ))
        }
        Part::Frame => (model.bytes[at] == 0xc0 && changed[at] == 0x80)
            .then_some(Harmless("an empty map in the place of nil: both are read as no bytes")),
    }
}

/// The rules for `meta.json`: where in its text a bit was changed.
pub fn class_of_meta(bytes: &[u8], fault: Fault) -> Option<Class> {
    let text = std::str::from_utf8(bytes).unwrap();
    let (at, bit) = match fault {
        Fault::Flip { at, bit } => (at, bit),
        Fault::Cut { len } => {
            return (len + 1 == bytes.len()).then_some(Harmless("the line break behind the value, which is not read"));
        }
        Fault::Zero { .. } | Fault::Remove => return None,
    };
    if at + 1 == bytes.len() {
        return Some(Harmless("the line break behind the value, which is not read"));
    }
    let changed = bytes[at] ^ (1 << bit);
    let place = |name: &str, open: &str, close: &str| {
        let mut from = 0;
        while let Some(found) = text[from..].find(&format!("\"{name}\":{open}")) {
            let start = from + found + name.len() + 3 + open.len();
            let end = start + text[start..].find(close).unwrap();
            if (start..end).contains(&at) {
                return true;
            }
            from = start;
        }
        false
    };
    let is_name = {
        let before = text[..at].rfind('"');
        let after = text[at..].find('"').map(|end| at + end);
        before.is_some() && after.is_some_and(|end| text[end + 1..].starts_with(':')) && bytes[at].is_ascii_alphabetic()
    };
    if is_name && bytes[at].eq_ignore_ascii_case(&changed) {
        return Some(Harmless("names in meta.json match in any case"));
    }
    let in_name =
        |name: &str| text.match_indices(&format!("\"{name}\":")).any(|(from, _)| (from + 1..from + 1 + name.len()).contains(&at));
    // What is no UTF-8 stands in a text as a replacement character.
    let plain = !matches!(changed, b'"' | b'\\') && changed >= 0x20;
    if place("Size", "", ",") || in_name("Size") && plain {
        // A number still, or the name of nothing.
        let digit = changed.is_ascii_digit() || in_name("Size");
        return digit.then_some(Harmless(
            "the length of state.bin, which the library does not compare: its checksum holds (`hraft-snapshot-meta-odd`, a warning)",
        ));
    }
    if in_name("Suffrage") && plain {
        return Some(Harmless("a suffrage that is missing is 0, which it was (`hraft-snapshot-meta-odd`, a remark)"));
    }
    if in_name("Peers") && plain || place("Peers", "\"", "\"") {
        return Some(Harmless("Peers, which nothing reads while the version is 1"));
    }
    let server = text.find("\"Servers\"").is_some_and(|from| at > from);
    if server && (place("Address", "\"", "\"") || place("ID", "\"", "\"")) {
        return Some(Undecidable("an id or address in the membership of index 1 has no checksum and no other copy"));
    }
    if server && plain && (in_name("Address") || in_name("ID")) {
        return Some(Harmless("a member without its id or address (`hraft-configuration-odd`, a warning)"));
    }
    let padding = text.rfind("=\"}").unwrap();
    let digit =
        |byte: u8| b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".iter().position(|&known| known == byte);
    if at + 1 == padding && digit(changed).map(|digit| digit >> 2) == digit(bytes[at]).map(|digit| digit >> 2) {
        return Some(Harmless("the two bits of the last digit of a checksum in base64 that stand for nothing"));
    }
    if place("ConfigurationIndex", "", ",") && (b'1'..=b'9').contains(&changed) {
        return Some(Undecidable("the index of the membership has no checksum, and the log does not reach back to it"));
    }
    None
}

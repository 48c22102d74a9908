//! Real edits, round trips and damage.

use super::*;

/// The second record of a real MANIFEST: one table flushed to level 0.
pub const FLUSH: &[u8] = b"\x02\x04\x03\x06\x04\x0c\x67\x00\x05\xaf\x05\
    \x1b_meta_applied_index\x01\x0a\0\0\0\0\0\0\
    \x0cgone\0\x0c\0\0\0\0\0\0\
    \x0a\x0c\x06\x05\xfd\xb7\x83\xd8\x06\x01";
/// The first record of that MANIFEST.
pub const SNAPSHOT: &[u8] = b"\x01\x1aleveldb.BytewiseComparator\x03\x02\x04\x00";

#[test]
fn a_real_flush_decodes() {
    assert_eq!(FLUSH.len(), 62);
    let edit = VersionEdit::decode(FLUSH).unwrap();
    assert_eq!(edit.min_unflushed_log, Some(FileNum(4)));
    assert_eq!(edit.next_file, Some(FileNum(6)));
    assert_eq!(edit.last_seq, Some(SeqNum(12)));
    let [table] = edit.new_tables.as_slice() else { panic!("one table") };
    assert_eq!((table.level, table.number, table.size, table.created_at), (0, FileNum(5), 687, 1_795_218_429));
    assert_eq!(table.bounds.smallest.borrowed().to_string(), "_meta_applied_index#10,SET");
    assert_eq!(table.bounds.largest.borrowed().to_string(), "gone#12,DEL");
    assert_eq!((table.smallest_seq, table.largest_seq), (SeqNum(10), SeqNum(12)));
    assert_eq!(table.seq_override(), None);
    assert!(table.bounds.admit(b"gone") && table.bounds.admit(b"_meta_applied_index") && !table.bounds.admit(b"gonf"));
}

#[test]
fn a_real_snapshot_decodes() {
    let edit = VersionEdit::decode(SNAPSHOT).unwrap();
    assert_eq!(edit.comparer.as_deref(), Some(b"leveldb.BytewiseComparator".as_slice()));
    assert_eq!((edit.next_file, edit.last_seq), (Some(FileNum(2)), Some(SeqNum(0))));
}

#[test]
fn every_prefix_is_refused_or_an_earlier_field_boundary() {
    let boundaries: Vec<usize> = (0..=FLUSH.len()).filter(|&len| VersionEdit::decode(&FLUSH[..len]).is_ok()).collect();
    assert_eq!(boundaries, [0, 2, 4, 6, 62]);
}

#[test]
fn no_flipped_bit_panics() {
    for bit in 0..FLUSH.len() * 8 {
        let mut bytes = FLUSH.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let _ = VersionEdit::decode(&bytes);
    }
}

#[test]
fn unknown_essentials_are_refused_and_others_passed_over() {
    assert_eq!(VersionEdit::decode(b"\xc8\x01").unwrap_err().to_string(), "at offset 0: tag: unknown value 200");
    let mut bytes = FLUSH[..FLUSH.len() - 1].to_vec();
    bytes.extend(b"\x09\x02xx\x01");
    assert_eq!(VersionEdit::decode(&bytes).unwrap(), VersionEdit::decode(FLUSH).unwrap());
    let mut bytes = FLUSH[..FLUSH.len() - 1].to_vec();
    bytes.extend(b"\x49\x02xx\x01");
    assert!(VersionEdit::decode(&bytes).is_err());
}

#[test]
fn a_table_of_range_keys_takes_its_bounds_from_them() {
    let mut bytes = vec![104, 6, 9, 100, 0b011];
    let field = |bytes: &mut Vec<u8>, key: &[u8], trailer: u64| {
        bytes.push(u8::try_from(key.len() + 8).unwrap());
        bytes.extend(key);
        bytes.extend(trailer.to_le_bytes());
    };
    field(&mut bytes, b"a", 0x0a01);
    field(&mut bytes, b"b", 0x0b01);
    field(&mut bytes, b"c", 0x0c15);
    field(&mut bytes, b"d", Trailer::new(SeqNum::MAX, KeyKind::RangeKeySet).0);
    bytes.extend([10, 12, 66, 3, 1]);
    let edit = VersionEdit::decode(&bytes).unwrap();
    let table = &edit.new_tables[0];
    assert_eq!(table.bounds.smallest.user_key, b"a");
    assert_eq!(table.bounds.largest.borrowed().to_string(), "d#inf,RANGEKEYSET");
    assert_eq!(table.file(), FileNum(3));
    assert!(!table.bounds.admit(b"d") && table.bounds.admit(b"cz"));
}

#[test]
fn a_claimed_count_does_not_outrun_the_input() {
    let mut bytes = FLUSH[..FLUSH.len() - 1].to_vec();
    bytes.extend(b"\x45\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f");
    assert!(VersionEdit::decode(&bytes).unwrap_err().is_truncation());
}

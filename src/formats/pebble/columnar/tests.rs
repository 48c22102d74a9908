//! The worked examples of the format page, and every prefix and every wrong bit of them.

use super::*;
use crate::formats::pebble::sstable::{BlockHandle, DataEntry, EntryValue, Metaindex, Properties, RangeDel, TableFormat};
use crate::formats::pebble::{KeyKind, SeqNum, Trailer};
use crate::formats::{DecodeErrorKind, DecodeResult};

#[test]
fn the_worked_integers() {
    // Placed at offset 2, so that one byte of padding precedes the values.
    let block = [0xaa, 0xaa, 2, 0, 0x2c, 1, 5, 0, 0x46, 0];
    let (column, end) = UintColumn::decode(&block, 2, 3).unwrap();
    assert_eq!((0..3).map(|row| column.get(&block, row)).collect::<Vec<_>>(), [300, 5, 70]);
    assert_eq!((end, column.rows(), column.get(&block, 3)), (10, 3, 0));
    let block = [0x81, 0xe8, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0xff, 0, 1, 3, 4, 5];
    let (column, end) = UintColumn::decode(&block, 0, 8).unwrap();
    let values: Vec<_> = (0..8).map(|row| column.get(&block, row)).collect();
    assert_eq!(values, [1000, 1002, 1255, 1000, 1001, 1003, 1004, 1005]);
    assert_eq!(end, block.len());
    assert_eq!(UintColumn::decode(&block, 5, 0).unwrap().1, 5, "nothing is stored of no values");
    let (same, end) = UintColumn::decode(&[0x80, 7, 0, 0, 0, 0, 0, 0, 0], 0, 1000).unwrap();
    assert_eq!((same.get(&[], 999), end), (7, 9), "a width of 0");
    let wraps = [0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2];
    assert_eq!(UintColumn::decode(&wraps, 0, 1).unwrap().0.get(&wraps, 0), 1, "modulo 2^64");
    for wrong in [3, 5, 0x88, 0x10] {
        let error = UintColumn::decode(&[wrong; 40], 0, 2).unwrap_err();
        assert_eq!(error.kind, DecodeErrorKind::Unknown { what: "encoding of integers", found: u64::from(wrong) });
    }
    assert!(UintColumn::decode(&[8], 0, usize::MAX).unwrap_err().is_truncation());
}

#[test]
fn truth_values() {
    let (none, end) = BoolColumn::decode(&[1], 0, 0).unwrap();
    assert_eq!((none.get(&[1], 0), end), (false, 1), "the encoding is there for no values too");
    let mut block = vec![0xaa, 0];
    block.resize(8, 0);
    block.extend([0b101, 0, 0, 0, 0, 0, 0, 0x80, 1, 0, 0, 0, 0, 0, 0, 0]);
    block.extend([3, 0, 0, 0, 0, 0, 0, 0]);
    let (column, end) = BoolColumn::decode(&block, 1, 66).unwrap();
    let set: Vec<_> = (0..200).filter(|&row| column.get(&block, row)).collect();
    assert_eq!((set, end, column.rows()), (vec![0, 2, 63, 64], 32, 66));
    assert!(BoolColumn::decode(&block, 1, 129).unwrap_err().is_truncation());
    let error = BoolColumn::decode(&[2], 0, 1).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::Unknown { what: "encoding of truth values", found: 2 });
}

#[test]
fn the_worked_strings() {
    let block = [1, 0, 1, 1, 3, b'x', b'y', b'z'];
    let (column, end) = BytesColumn::decode(&block, 0, 3).unwrap();
    assert_eq!((0..4).map(|row| column.get(&block, row)).collect::<Vec<_>>(), [b"x".as_slice(), b"", b"yz", b""]);
    assert_eq!((end, column.string_at(&block, 2)), (8, 6));
    assert!(BytesColumn::decode(&block[..7], 0, 3).unwrap_err().is_truncation());
    for (at, wrong, why) in [(1, 1, "the first offset"), (3, 0, "an offset behind the one before"), (0, 0x81, "a base")] {
        let mut changed = [0; 20];
        changed[..8].copy_from_slice(&block);
        changed[at] = wrong;
        assert!(BytesColumn::decode(&changed, 0, 3).is_err(), "{why}");
    }
}

#[test]
fn the_worked_strings_with_shared_beginnings() {
    let block = [1, 1, 1, 2, 3, 4, 4, 6, 7, b'a', b'b', b'1', b'2', b'b', b'2', b'c'];
    let (column, end) = PrefixColumn::decode(&block, 0, 4).unwrap();
    let mut keys = Vec::new();
    for row in 0..4 {
        let mut key = Vec::new();
        column.write(&block, row, &mut key);
        keys.push(String::from_utf8(key).unwrap());
    }
    assert_eq!(keys, ["ab1", "ab2", "ab2", "ac"].map(str::to_owned));
    assert_eq!(end, block.len());
}

#[test]
fn strings_that_repeat_within_a_bundle() {
    // Bundles of two: the second begins with a row that is its prefix alone, and repeats it.
    let block = [1, 1, 0, 1, 2, 2, 4, 4, 4, b'k', b'1', b'm', b'n'];
    let (column, _) = PrefixColumn::decode(&block, 0, 4).unwrap();
    let mut key = Vec::new();
    let mut keys = Vec::new();
    for row in 0..4 {
        column.write(&block, row, &mut key);
        keys.push(String::from_utf8(key.clone()).unwrap());
    }
    assert_eq!(keys, ["k1", "k1", "mn", "mn"].map(str::to_owned));
    assert_eq!([0, 1, 2, 3].map(|row| column.begins_bundle(row)), [true, false, true, false]);
    let error = PrefixColumn::decode(&[32, 0], 0, 1).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::Limit { what: "bundle size", found: 32, limit: 31 });
}

/// The data block of the three records of the worked table, in format 7.
fn worked_data() -> Vec<u8> {
    let mut block = vec![0x13, 0, 0, 0, 1, 7, 0, 3, 0, 0, 0];
    for (kind, at) in [(4, 0x2e), (3, 0x5e), (2, 0x5f), (1, 0x66), (3, 0x78), (1, 0x86), (1, 0x87)] {
        block.extend([kind, at, 0, 0, 0]);
    }
    block.extend([4, 1, 0, 0, 0x13, 0x25, 0x29]);
    block.extend(b"_meta_applied_index_meta_applied_termgone");
    block.push(0);
    block.extend([2, 1, 0x0a, 1, 0x0b, 0, 0x0c]);
    block.extend([0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    block.extend([1, 0, 8, 9, 9, 0x2a, 0, 0, 0, 0, 0, 0, 0, b't']);
    block.extend([1, 1, 0]);
    block
}

type Rows = Vec<(Vec<u8>, Trailer, Vec<u8>)>;

fn walk(bytes: &[u8]) -> DecodeResult<Rows> {
    let mut rows = ColumnarData::decode(bytes)?.into_rows();
    let mut all: Rows = Vec::new();
    while rows.next() {
        rows.check(all.last().map(|(key, ..)| key.as_slice()))?;
        let DataEntry { key, value, .. } = rows.entry()?;
        let EntryValue::InPlace(value) = value else { panic!("{value:?}") };
        all.push((key.user_key.to_vec(), key.trailer, value.to_vec()));
    }
    Ok(all)
}

#[test]
fn the_worked_data_block() {
    let block = worked_data();
    assert_eq!(block.len(), 137);
    let set = |seq| Trailer::new(SeqNum(seq), KeyKind::Set);
    let expected = [
        (b"_meta_applied_index".to_vec(), set(10), vec![0x2a, 0, 0, 0, 0, 0, 0, 0]),
        (b"_meta_applied_term".to_vec(), set(11), b"t".to_vec()),
        (b"gone".to_vec(), Trailer::new(SeqNum(12), KeyKind::Delete), vec![]),
    ];
    assert_eq!(walk(&block).unwrap(), expected);
    let decoded = ColumnarData::decode(block.as_slice()).unwrap();
    assert_eq!((decoded.rows(), decoded.max_key_len(), decoded.trailer(2)), (3, 19, expected[2].1));
    assert_eq!(decoded.value(1), b"t");
    let mut rows = decoded.into_rows();
    for (wanted, found) in [("", 0), ("_meta_applied_index", 0), ("_meta_applied_indez", 1), ("f", 2), ("gone", 2)] {
        rows.seek(wanted.as_bytes());
        assert!(rows.next(), "{wanted}");
        assert_eq!(rows.user_key(), expected[found].0, "{wanted}");
    }
    rows.seek(b"gonf");
    assert!(!rows.next());
}

#[test]
fn what_a_data_block_says_of_its_keys_is_checked() {
    let mut block = worked_data();
    block[0] = 18;
    assert!(walk(&block).is_err(), "a key is longer than the longest");
    block[0] = 19;
    block[0x68] = 3;
    assert!(walk(&block).is_err(), "a key is said to be that of the row before");
}

/// The index block of the worked table.
const INDEX: &[u8] = &[
    1, 4, 0, 1, 0, 0, 0, 3, 0x1b, 0, 0, 0, 2, 0x1f, 0, 0, 0, 2, 0x20, 0, 0, 0, 3, 0x22, 0, 0, 0, 1, 0, 1, b'h', 0, 1, 0x77, 0, 0,
];

#[test]
fn the_worked_index_block() {
    assert_eq!(INDEX.len(), 36);
    let index = ColumnarIndex::decode(INDEX).unwrap();
    let entry = index.entry(0);
    assert_eq!((entry.separator.user_key, entry.block), (b"h".as_slice(), BlockHandle { offset: 0, length: 0x77 }));
    assert_eq!((entry.properties, index.rows()), (b"".as_slice(), 1));
    assert_eq!(["", "h", "ha"].map(|key| index.seek(key.as_bytes())), [0, 0, 1]);
}

/// The range deletion [k000300, k000450)#2004 of a table of format 7, and the range key [ra, rz)#26,SET of another.
fn worked_spans(starts: &[u8], kind: u8, value: &[u8]) -> Vec<u8> {
    let mut block = vec![2, 0, 0, 0, 1, 5, 0, 1, 0, 0, 0];
    let mut columns = vec![1, 0, 2, 4];
    columns.extend(starts);
    let starts_at = 36 + columns.len();
    columns.extend([1, 0, 1]);
    let trailers_at = 36 + columns.len();
    columns.push(2);
    columns.resize(columns.len().next_multiple_of(2), 0);
    columns.extend([kind, 0x1a]);
    let suffixes_at = 36 + columns.len();
    columns.push(0);
    let values_at = 36 + columns.len();
    columns.extend([1, 0, u8::try_from(value.len()).unwrap()]);
    columns.extend(value);
    columns.push(0);
    for (kind, at) in [(3, 36), (2, starts_at), (2, trailers_at), (3, suffixes_at), (3, values_at)] {
        block.extend([kind, u8::try_from(at).unwrap(), 0, 0, 0]);
    }
    block.extend(columns);
    block
}

#[test]
fn blocks_of_spans() {
    let block = worked_spans(b"rarz", 21, b"rv");
    let rows: Vec<_> = ColumnarSpans::decode(&block).unwrap().iter().collect();
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!(
        (row.start, row.end, row.suffix, row.value),
        (b"ra".as_slice(), b"rz".as_slice(), b"".as_slice(), b"rv".as_slice())
    );
    assert_eq!(row.range_key().unwrap().seq, SeqNum(26));
    assert!(row.range_del().is_err());
    let block = worked_spans(b"k0k9", 15, b"");
    let row = ColumnarSpans::decode(&block).unwrap().iter().next().unwrap();
    assert_eq!(row.range_del().unwrap(), RangeDel { start: b"k0", end: b"k9", seq: SeqNum(26) });
    assert!(row.range_key().is_err());
    let block = worked_spans(b"k0k9", 15, b"v");
    assert!(ColumnarSpans::decode(&block).unwrap().iter().next().unwrap().range_del().is_err(), "a deletion with a value");
}

#[test]
fn boundaries_lead_to_every_row() {
    let block = worked_spans(b"rarz", 21, b"rv");
    // The two indexes of the boundaries stand behind their encoding.
    let starts = 36 + 8 + 1;
    for (first, last) in [(1, 1), (0, 0), (0, 2)] {
        let mut changed = block.clone();
        changed[starts..starts + 2].copy_from_slice(&[first, last]);
        assert!(ColumnarSpans::decode(&changed).is_err(), "{first} {last}");
    }
}

/// A metaindex of format 7: `rocksdb.properties` alone.
const PAIRS: &[u8] = &[
    1, 2, 0, 1, 0, 0, 0, 3, 17, 0, 0, 0, 3, 38, 0, 0, 0, 1, 0, 18, b'r', b'o', b'c', b'k', b's', b'd', b'b', b'.', b'p', b'r',
    b'o', b'p', b'e', b'r', b't', b'i', b'e', b's', 1, 0, 3, 0xc1, 0x75, 9, 0,
];

#[test]
fn keys_and_values() {
    let metaindex = Metaindex::decode(TableFormat::PebbleV7, PAIRS).unwrap();
    assert_eq!(metaindex.properties, Some(BlockHandle { offset: 15041, length: 9 }));
    assert!(Metaindex::decode(TableFormat::PebbleV5, PAIRS).is_err(), "a row block up to format 5");
    assert_eq!(Properties::decode(TableFormat::PebbleV7, PAIRS).unwrap().count, 1);
    assert!(Properties::decode(TableFormat::PebbleV6, PAIRS).is_err(), "a row block up to format 6");
}

#[test]
fn containers_are_whole() {
    let mut block = INDEX.to_vec();
    block.push(0);
    assert!(ColumnarIndex::decode(&block).is_err(), "a byte behind the padding");
    let refused = |at: usize, byte: u8, why: &str| {
        let mut block = INDEX.to_vec();
        block[at] = byte;
        assert!(ColumnarIndex::decode(&block).is_err(), "{why}");
    };
    refused(0, 2, "another version");
    refused(1, 5, "a column too many");
    refused(1, 3, "a column too few");
    refused(3, 37, "more rows than bytes");
    refused(6, 0x80, "very many rows");
    refused(7, 4, "another type");
    refused(13, 0x1e, "a column that begins inside another");
}

#[test]
fn every_prefix_and_every_wrong_bit_is_refused_or_makes_sense() {
    type Read = fn(&[u8]) -> bool;
    let read: [(&str, Vec<u8>, Read); 4] = [
        ("data", worked_data(), walk_anything),
        ("index", INDEX.to_vec(), |bytes| {
            ColumnarIndex::decode(bytes).is_ok_and(|index| {
                let _ = index.seek(b"h");
                (0..index.rows()).all(|row| index.entry(row).separator.user_key.len() <= bytes.len())
            })
        }),
        ("spans", worked_spans(b"rarz", 21, b"rv"), |bytes| {
            ColumnarSpans::decode(bytes)
                .is_ok_and(|spans| spans.iter().all(|row| row.range_del().is_err() || row.value.is_empty()))
        }),
        ("pairs", PAIRS.to_vec(), |bytes| ColumnarPairs::decode(bytes).is_ok_and(|pairs| pairs.iter().count() <= bytes.len())),
    ];
    for (what, block, read) in read {
        assert!(read(&block), "{what}");
        for len in 0..block.len() {
            assert!(!read(&block[..len]), "{what}, cut to {len} bytes");
        }
        for bit in 0..block.len() * 8 {
            let mut flipped = block.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = read(&flipped);
        }
    }
}

/// Walks a data block that may hold anything, and looks up what it holds.
fn walk_anything(bytes: &[u8]) -> bool {
    let Ok(block) = ColumnarData::decode(bytes) else { return false };
    let mut rows = block.into_rows();
    let mut last = Vec::new();
    let mut count = 0;
    while rows.next() {
        let _ = (rows.check(Some(&last)), rows.entry(), rows.entry_at());
        last = rows.user_key().to_vec();
        count += 1;
    }
    rows.seek(&last);
    count <= bytes.len()
}

#[test]
fn key_schemas() {
    assert!(is_known_schema("DefaultKeySchema(leveldb.BytewiseComparator,16)"));
    for other in ["", "DefaultKeySchema(leveldb.BytewiseComparator,)", "DefaultKeySchema(other,16)", "crdb1"] {
        assert!(!is_known_schema(other), "{other}");
    }
}

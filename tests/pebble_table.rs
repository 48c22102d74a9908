//! Tables: one that a server wrote, and tables made here in every shape, whole and damaged.

use std::collections::BTreeMap;

use ekv_tool::formats::pebble::sstable::{ChecksumType, TableFormat};
use ekv_tool::formats::pebble::version_edit::{KeyBounds, OwnedKey};
use ekv_tool::formats::pebble::{KeyKind, SeqNum, Trailer};
use ekv_tool::io::NoProgress;
use ekv_tool::readers::pebble_table::{
    BlockKind, PointVersion, Table, TableIter, TableProblem, TableProblemKind, TableSurvey, TableView, separate,
};
use proptest::prelude::*;

use crate::support::table_writer::{DEL, MERGE, OBSOLETE, Options, SET, SETWITHDEL, TableWriter};

/// A table that elastickv's store flushed: 302 records in six data blocks, one level of index.
const FLUSHED: &[u8] = include_bytes!("../fixtures/pebble/flushed.sst");

fn open(bytes: &[u8]) -> Result<Table, TableProblem> {
    separate(Table::from_bytes(bytes.to_vec())).unwrap()
}

fn survey(bytes: &[u8]) -> Result<TableSurvey, TableProblem> {
    open(bytes).map(|table| table.survey(&NoProgress).unwrap())
}

/// `user key`, sequence number, kind, value.
type Row = (Vec<u8>, u64, KeyKind, Vec<u8>);

fn rows(table: &Table, view: &TableView, from: Option<&[u8]>) -> Result<Vec<Row>, TableProblem> {
    let mut iter = TableIter::new(table, view.clone(), 0);
    let mut rows = Vec::new();
    if let Some(from) = from {
        separate(iter.seek(from)).unwrap()?;
    }
    while separate(iter.next()).unwrap()? {
        let (key, seq, kind) = (iter.user_key().to_vec(), iter.trailer().seq().0, iter.kind());
        let value = separate(iter.value().map(<[u8]>::to_vec)).unwrap()?;
        rows.push((key, seq, kind, value));
    }
    Ok(rows)
}

#[test]
fn a_table_that_a_server_wrote() {
    let table = open(FLUSHED).unwrap();
    assert_eq!(table.footer().format, TableFormat::PebbleV4);
    assert_eq!((table.properties().entries, table.properties().data_blocks), (302, 6));
    assert_eq!(table.properties().merger, "pebble.concatenate");
    let survey = table.survey(&NoProgress).unwrap();
    assert_eq!(survey.problems, []);
    assert!(survey.complete);
    assert_eq!(survey.gaps, []);
    assert_eq!(survey.bytes_examined, FLUSHED.len() as u64);
    assert_eq!(survey.points, 302);
    let data = survey.blocks[&BlockKind::Data];
    assert_eq!((data.blocks, data.bytes), (6, table.properties().data_size));

    let all = rows(&table, &TableView::default(), None).unwrap();
    assert_eq!(all.len(), 302);
    assert!(all.is_sorted_by(|a, b| a.0 < b.0));
    let bounds = survey.point_bounds.unwrap();
    assert_eq!((&bounds.smallest.user_key, &bounds.largest.user_key), (&all[0].0, &all[301].0));

    let versions = separate(table.versions(&TableView::default(), b"_meta_applied_index")).unwrap().unwrap();
    let [PointVersion { kind: KeyKind::Set, value, .. }] = versions.as_slice() else { panic!("{versions:?}") };
    assert_eq!(value.len(), 8);
    for (key, seq, kind, value) in &all {
        let found = separate(table.versions(&TableView::default(), key)).unwrap().unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].trailer.seq().0, found[0].kind, &found[0].value), (*seq, *kind, value));
    }
    assert_eq!(separate(table.versions(&TableView::default(), b"_meta_applied_indey")).unwrap().unwrap(), []);
}

/// What a damaged table may be: refused, found bad, or changed in a byte that no reader looks at.
fn assert_noticed(bytes: &[u8], what: &str) {
    let Ok(table) = open(bytes) else { return };
    let survey = table.survey(&NoProgress).unwrap();
    let harmless = table.footer().stray_byte.is_some();
    assert!(harmless || !survey.problems.is_empty(), "{what} went unnoticed");
    // Nothing below may panic or hang either.
    let _ = rows(&table, &TableView::default(), None);
    let _ = rows(&table, &TableView::default(), Some(b"!redis|str|key-000100"));
    let _ = table.scan_rows(&TableView::default(), None, &NoProgress).unwrap();
}

#[test]
fn a_wrong_bit_in_any_byte_of_a_real_table_is_noticed() {
    let mut bytes = FLUSHED.to_vec();
    for at in 0..bytes.len() {
        let bit = 1 << (at % 8);
        bytes[at] ^= bit;
        assert_noticed(&bytes, &format!("bit {bit:#04x} at {at}"));
        bytes[at] ^= bit;
    }
}

/// A small table with everything in it: values apart, range deletions, range keys.
fn everything(version: u32) -> Vec<u8> {
    let options = Options { version, block_size: 96, restart_interval: 2, ..Options::default() };
    let mut writer = TableWriter::new(Vec::new(), options);
    writer.point(b"a", 30, SET, b"newest value of a").unwrap();
    writer.point(b"a", 20, SET | OBSOLETE, b"older value of a").unwrap();
    writer.point(b"a", 10, SET | OBSOLETE, b"oldest value of a").unwrap();
    writer.point(b"b", 31, DEL, b"").unwrap();
    writer.point(b"bb", 32, MERGE, b"operand").unwrap();
    writer.point(b"c", 33, SETWITHDEL, b"over a deletion").unwrap();
    for n in 0..12_u64 {
        writer.point(format!("d{n:02}").as_bytes(), 40 + n, SET, &[7; 20]).unwrap();
    }
    writer.range_del(b"e", b"f", 60);
    writer.range_del(b"f", b"g", 61);
    writer.range_key(b"h", b"i", 62, Some(b"v"));
    writer.range_key(b"i", b"j", 63, None);
    writer.finish().unwrap().0
}

#[test]
fn everything_is_counted() {
    for version in 4..=8 {
        count_everything(version);
    }
}

fn count_everything(version: u32) {
    let bytes = everything(version);
    let table = open(&bytes).unwrap();
    assert_eq!(table.footer().format.name(), format!("Pebble,v{version}"));
    assert_eq!(table.footer().attributes, (version >= 7).then(|| table.properties().attributes()));
    assert_eq!(table.properties().index_type, ekv_tool::formats::pebble::sstable::IndexType::TwoLevel);
    let survey = table.survey(&NoProgress).unwrap();
    assert_eq!(survey.problems, []);
    assert_eq!(survey.gaps, []);
    assert_eq!(survey.bytes_examined, bytes.len() as u64);
    assert_eq!((survey.points, survey.point_deletions, survey.obsolete), (18, 1, 2));
    assert_eq!(survey.values_in_value_blocks, 2);
    assert_eq!((survey.range_deletions, survey.range_keys), (2, [1, 0, 1]));
    assert_eq!(survey.seqs, Some((SeqNum(10), SeqNum(63))));
    assert_eq!(survey.point_bounds.unwrap().largest.borrowed().to_string(), "g#inf,RANGEDEL");
    assert_eq!(survey.range_key_bounds.unwrap().largest.borrowed().to_string(), "j#inf,RANGEKEYDEL");
    assert_eq!(survey.blocks[&BlockKind::Index].blocks, table.properties().index_partitions);
    assert_eq!(survey.blocks[&BlockKind::Value].blocks, 1);
    let versions = separate(table.versions(&TableView::default(), b"a")).unwrap().unwrap();
    let values: Vec<_> = versions.iter().map(|version| version.value.as_slice()).collect();
    assert_eq!(values, [b"newest value of a".as_slice(), b"older value of a", b"oldest value of a"]);
}

#[test]
fn every_bit_and_every_prefix_of_a_table_with_everything() {
    for version in [4, 5, 7] {
        damage_everything(&everything(version));
    }
}

fn damage_everything(bytes: &[u8]) {
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_noticed(&flipped, &format!("bit {bit}"));
    }
    for len in 0..bytes.len() {
        assert!(open(&bytes[..len]).is_err(), "a table cut to {len} bytes");
    }
}

#[test]
fn problems_name_their_place() {
    let mut bytes = FLUSHED.to_vec();
    bytes[3300] ^= 1;
    let survey = survey(&bytes).unwrap();
    let [problem] = survey.problems.as_slice() else { panic!("{:?}", survey.problems) };
    assert_eq!((problem.kind, problem.block), (TableProblemKind::Checksum, Some(BlockKind::Data)));
    assert_eq!((problem.offset, problem.length), (3010, 922));
    assert_eq!(problem.expected.as_deref(), Some("eb1e98b1"));
    assert!(!survey.complete);
    assert_eq!(survey.points, 252, "the other blocks are read");

    let cut = open(&FLUSHED[..FLUSHED.len() - 1]).unwrap_err();
    assert_eq!((cut.kind, cut.offset, cut.length), (TableProblemKind::Magic, 6592, 8));
    assert_eq!(open(&FLUSHED[..20]).unwrap_err().kind, TableProblemKind::Cut);
    let mut columnar = FLUSHED.to_vec();
    columnar[6601 - 12] = 5;
    assert_eq!(open(&columnar).unwrap_err().kind, TableProblemKind::Unsupported);
}

#[test]
fn reading_rows_ends_at_the_first_bad_block_and_leaves_out_what_a_server_does_not_read() {
    let good = open(FLUSHED).unwrap().scan_rows(&TableView::default(), None, &NoProgress).unwrap();
    assert_eq!((good.blocks, good.skipped_blocks, good.problem), (6, 0, None));
    let mut bytes = FLUSHED.to_vec();
    bytes[3300] ^= 1;
    let table = open(&bytes).unwrap();
    let bad = table.scan_rows(&TableView::default(), None, &NoProgress).unwrap();
    assert_eq!((bad.blocks, bad.problem.unwrap().offset), (3, 3010));
    // The whole table lies in the range that is left out, but for the last block, which reaches beyond it.
    let left_out = table.scan_rows(&TableView::default(), Some((b"", b"!redis}")), &NoProgress).unwrap();
    assert_eq!((left_out.blocks, left_out.skipped_blocks, left_out.problem), (1, 5, None));
}

fn bounds(smallest: &[u8], largest: &[u8], exclusive: bool) -> KeyBounds {
    let key = |user_key: &[u8], trailer| OwnedKey { user_key: user_key.to_vec(), trailer };
    let last = if exclusive { SeqNum::MAX } else { SeqNum(0) };
    KeyBounds {
        smallest: key(smallest, Trailer::new(SeqNum(1), KeyKind::Set)),
        largest: key(largest, Trailer::new(last, if exclusive { KeyKind::RangeDelete } else { KeyKind::Set })),
    }
}

#[test]
fn a_view_clips_renumbers_and_prefixes() {
    for version in 4..=8 {
        look_through_a_view(&open(&everything(version)).unwrap());
    }
}

fn look_through_a_view(table: &Table) {
    let view = TableView { seq_override: Some(SeqNum(99)), bounds: Some(bounds(b"xd03", b"xf5", true)), prefix: b"x".to_vec() };
    let seen = rows(table, &view, None).unwrap();
    let keys: Vec<_> = seen.iter().map(|row| String::from_utf8_lossy(&row.0).into_owned()).collect();
    assert_eq!(keys, ["xd03", "xd04", "xd05", "xd06", "xd07", "xd08", "xd09", "xd10", "xd11"]);
    assert!(seen.iter().all(|row| row.1 == 99));
    let spans = separate(table.range_dels(&view)).unwrap().unwrap();
    let spans: Vec<_> = spans.iter().map(|span| (span.start.as_slice(), span.end.as_slice(), span.seq.0)).collect();
    assert_eq!(spans, [(b"xe".as_slice(), b"xf".as_slice(), 99), (b"xf", b"xf5", 99)]);
    assert_eq!(separate(table.range_keys(&view)).unwrap().unwrap(), []);
    assert_eq!(separate(table.versions(&view, b"xd03")).unwrap().unwrap().len(), 1);
    assert_eq!(separate(table.versions(&view, b"xd02")).unwrap().unwrap(), [], "outside the bounds");
    assert_eq!(separate(table.versions(&view, b"d03")).unwrap().unwrap(), [], "without the prefix");
    assert_eq!(separate(table.versions(&view, b"y")).unwrap().unwrap(), []);
}

#[test]
fn a_table_with_nothing_but_range_deletions() {
    for version in 1..=8 {
        let mut writer = TableWriter::new(Vec::new(), Options { version, ..Options::default() });
        writer.range_del(b"a", b"z", 12);
        let (bytes, _) = writer.finish().unwrap();
        let table = open(&bytes).unwrap();
        assert_eq!(rows(&table, &TableView::default(), None).unwrap(), []);
        assert_eq!(rows(&table, &TableView::default(), Some(b"m")).unwrap(), []);
        assert!(table.has_range_dels());
        let survey = table.survey(&NoProgress).unwrap();
        assert_eq!((survey.problems, survey.points, survey.range_deletions), (vec![], 0, 1));
        // Tables with columns have no data block where there is no record.
        let blocks = survey.blocks.get(&BlockKind::Data).map_or(0, |tally| tally.blocks);
        assert_eq!((blocks, table.properties().data_blocks), if version < 5 { (1, 1) } else { (0, 0) });
    }
}

#[test]
fn a_columnar_table_of_another_key_schema_is_not_read() {
    let options = Options { version: 6, snappy: false, ..Options::default() };
    let mut writer = TableWriter::new(Vec::new(), options);
    writer.point(b"a", 10, SET, b"v").unwrap();
    let (mut bytes, _) = writer.finish().unwrap();
    let schema = b"DefaultKeySchema(leveldb";
    let at = bytes.windows(schema.len()).position(|window| window == schema).unwrap();
    bytes[at..at + 7].copy_from_slice(b"Another");
    assert_eq!(open(&bytes).unwrap_err().kind, TableProblemKind::Checksum);
    let properties = open_properties(&bytes);
    let checksum = ChecksumType::Crc32c.of(&bytes[properties.clone()]);
    bytes[properties.end..properties.end + 4].copy_from_slice(&checksum.to_le_bytes());
    let problem = open(&bytes).unwrap_err();
    assert_eq!(problem.kind, TableProblemKind::Unsupported);
    assert!(problem.detail.contains("AnotherKeySchema("), "{problem}");
}

/// Where the properties block and its compression byte stand.
fn open_properties(bytes: &[u8]) -> std::ops::Range<usize> {
    let footer = ekv_tool::formats::pebble::sstable::Footer::decode(&bytes[bytes.len() - 57..], bytes.len() as u64).unwrap();
    let block = |handle: ekv_tool::formats::pebble::sstable::BlockHandle| {
        let start = usize::try_from(handle.offset).unwrap();
        start..start + usize::try_from(handle.length).unwrap()
    };
    let metaindex =
        ekv_tool::formats::pebble::sstable::Metaindex::decode(footer.format, &bytes[block(footer.metaindex)]).unwrap();
    let properties = block(metaindex.properties.unwrap());
    properties.start..properties.end + 1
}

fn arbitrary_options() -> impl Strategy<Value = Options> {
    (1..=8_u32, any::<bool>(), any::<bool>(), 40..400_usize, 1..20_usize, any::<bool>()).prop_map(
        |(version, xxhash, snappy, block_size, restart_interval, value_blocks)| Options {
            version,
            checksum: if xxhash { ChecksumType::XxHash64 } else { ChecksumType::Crc32c },
            snappy,
            block_size,
            restart_interval,
            value_blocks,
        },
    )
}

/// Versions by user key, newest first.
type Model = BTreeMap<Vec<u8>, BTreeMap<std::cmp::Reverse<u64>, (u8, Vec<u8>)>>;

fn arbitrary_model() -> impl Strategy<Value = Model> {
    let key = proptest::collection::vec(97..100_u8, 1..6);
    let kind = prop::sample::select(vec![DEL, SET, SET, SET, MERGE, SETWITHDEL]);
    let value = proptest::collection::vec(0..3_u8, 0..40);
    let versions = proptest::collection::btree_map((10..40_u64).prop_map(std::cmp::Reverse), (kind, value), 1..6);
    proptest::collection::btree_map(key, versions, 0..60)
}

fn write(model: &Model, options: Options) -> Vec<u8> {
    let mut writer = TableWriter::new(Vec::new(), options);
    for (key, versions) in model {
        for (seq, (kind, value)) in versions {
            let value = if *kind == DEL { &[][..] } else { value };
            writer.point(key, seq.0, *kind, value).unwrap();
        }
    }
    writer.finish().unwrap().0
}

fn expected(model: &Model) -> Vec<Row> {
    let mut rows = Vec::new();
    for (key, versions) in model {
        for (seq, (kind, value)) in versions {
            let value = if *kind == DEL { Vec::new() } else { value.clone() };
            rows.push((key.clone(), seq.0, KeyKind::from_byte(*kind).unwrap(), value));
        }
    }
    rows
}

proptest! {
    #[test]
    fn what_was_written_is_read(
        model in arbitrary_model(),
        options in arbitrary_options(),
        wanted in proptest::collection::vec(97..100_u8, 0..6),
    ) {
        let bytes = write(&model, options);
        let table = open(&bytes).unwrap();
        let survey = table.survey(&NoProgress).unwrap();
        prop_assert_eq!(&survey.problems, &[]);
        prop_assert_eq!(survey.bytes_examined, bytes.len() as u64);
        prop_assert_eq!(survey.points, table.properties().entries);
        let all = expected(&model);
        prop_assert_eq!(&rows(&table, &TableView::default(), None).unwrap(), &all);
        let from: Vec<_> = all.iter().filter(|row| row.0 >= wanted).cloned().collect();
        prop_assert_eq!(&rows(&table, &TableView::default(), Some(&wanted)).unwrap(), &from);
        let versions: Vec<_> = all.iter().filter(|row| row.0 == wanted).map(|row| (row.1, row.2, row.3.clone())).collect();
        let found = separate(table.versions(&TableView::default(), &wanted)).unwrap().unwrap();
        let found: Vec<_> = found.into_iter().map(|version| (version.trailer.seq().0, version.kind, version.value)).collect();
        prop_assert_eq!(found, versions);
    }

    #[test]
    fn a_virtual_table_is_its_part_of_the_file(
        model in arbitrary_model(),
        options in arbitrary_options(),
        low in proptest::collection::vec(97..100_u8, 0..4),
        high in proptest::collection::vec(97..100_u8, 0..4),
        exclusive in any::<bool>(),
    ) {
        prop_assume!(low <= high);
        let table = open(&write(&model, options)).unwrap();
        let view = TableView { bounds: Some(bounds(&low, &high, exclusive)), ..TableView::default() };
        let within: Vec<_> = expected(&model)
            .into_iter()
            .filter(|row| row.0 >= low && if exclusive { row.0 < high } else { row.0 <= high })
            .collect();
        prop_assert_eq!(rows(&table, &view, None).unwrap(), within.clone());
        prop_assert_eq!(rows(&table, &view, Some(b"")).unwrap(), within);
    }
}

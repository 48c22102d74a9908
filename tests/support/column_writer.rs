//! Writes columnar blocks the way the format page describes them.
#![allow(dead_code, reason = "shared by tests and benchmarks, which use different parts")]

use ekv_tool::formats::Cursor;
use ekv_tool::formats::pebble::sstable::{BlockHandle, RangeKey, RangeKeyChange, RowBlock};

/// A column before it is stored.
pub enum Column {
    Bool(Vec<bool>),
    Uint(Vec<u64>),
    Bytes(Vec<Vec<u8>>),
    /// Rows of a bundle as a power of two, and the sorted strings.
    Prefixed(u8, Vec<Vec<u8>>),
}

/// A block: its own header, the container's, the columns, the padding.
pub fn block(custom_header: &[u8], rows: usize, columns: &[Column]) -> Vec<u8> {
    let mut out = custom_header.to_vec();
    out.push(1);
    out.extend(u16::try_from(columns.len()).expect("few columns").to_le_bytes());
    out.extend(u32::try_from(rows).expect("few rows").to_le_bytes());
    let headers = out.len();
    out.resize(headers + 5 * columns.len(), 0);
    for (index, column) in columns.iter().enumerate() {
        let at = u32::try_from(out.len()).expect("a block below 4 GiB");
        let header = headers + 5 * index;
        out[header] = match column {
            Column::Bool(_) => 1,
            Column::Uint(_) => 2,
            Column::Bytes(_) => 3,
            Column::Prefixed(..) => 4,
        };
        out[header + 1..header + 5].copy_from_slice(&at.to_le_bytes());
        match column {
            Column::Bool(values) => put_bools(&mut out, values),
            Column::Uint(values) => put_uints(&mut out, values, true),
            Column::Bytes(values) => put_bytes(&mut out, values),
            Column::Prefixed(shift, values) => put_prefixed(&mut out, *shift, values),
        }
    }
    out.push(0);
    out
}

fn width_of(largest: u64) -> usize {
    [(0, 0), (0xff, 1), (0xffff, 2), (0xffff_ffff, 4)].iter().find(|(limit, _)| largest <= *limit).map_or(8, |(_, width)| *width)
}

fn put_uints(out: &mut Vec<u8>, values: &[u64], may_delta: bool) {
    let (Some(&smallest), Some(&largest)) = (values.iter().min(), values.iter().max()) else { return };
    let (plain, delta) = (width_of(largest), width_of(largest - smallest));
    let (width, base) = if may_delta && delta < plain { (delta, smallest) } else { (plain, 0) };
    let flag = if base > 0 { 0x80 } else { 0 };
    out.push(u8::try_from(width).expect("small") | flag);
    if base > 0 {
        out.extend(base.to_le_bytes());
    }
    if width > 0 {
        out.resize(out.len().next_multiple_of(width), 0);
    }
    for value in values {
        out.extend(&(value - base).to_le_bytes()[..width]);
    }
}

fn put_bools(out: &mut Vec<u8>, values: &[bool]) {
    if !values.contains(&true) {
        out.push(1);
        return;
    }
    out.push(0);
    out.resize(out.len().next_multiple_of(8), 0);
    let words = |bits: &[bool]| -> Vec<u64> {
        bits.chunks(64).map(|chunk| chunk.iter().enumerate().fold(0, |word, (bit, &set)| word | u64::from(set) << bit)).collect()
    };
    let bits = words(values);
    let summary = words(&bits.iter().map(|&word| word != 0).collect::<Vec<_>>());
    for word in bits.into_iter().chain(summary) {
        out.extend(word.to_le_bytes());
    }
}

/// Offsets, then the strings.
fn put_slices(out: &mut Vec<u8>, first: u64, slices: &[&[u8]]) {
    let mut end = first;
    let mut offsets = vec![first];
    offsets.extend(slices.iter().map(|slice| {
        end += slice.len() as u64;
        end
    }));
    put_uints(out, &offsets, false);
}

fn put_bytes(out: &mut Vec<u8>, values: &[Vec<u8>]) {
    if values.is_empty() {
        return;
    }
    let slices: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    put_slices(out, 0, &slices);
    out.extend(slices.concat());
}

fn shared(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn put_prefixed(out: &mut Vec<u8>, shift: u8, values: &[Vec<u8>]) {
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return };
    out.push(shift);
    let of_block = shared(first, last);
    let mut slices: Vec<&[u8]> = Vec::new();
    for bundle in values.chunks(1 << shift) {
        // Hostile keys are out of order: they may not even have in common what the first and the last have.
        let of_bundle = shared(&bundle[0], &bundle[bundle.len() - 1]).max(of_block);
        slices.push(bundle[0].get(of_block..of_bundle).unwrap_or_default());
        let mut before: Option<&Vec<u8>> = None;
        for value in bundle {
            slices.push(if before == Some(value) { &[] } else { value.get(of_bundle..).unwrap_or_default() });
            before = Some(value);
        }
    }
    put_slices(out, of_block as u64, &slices);
    out.extend_from_slice(&first[..of_block]);
    out.extend(slices.concat());
}

/// Stored key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// The rows of a row block.
pub fn rows_of(row_block: &[u8]) -> Vec<Row> {
    let mut entries = RowBlock::decode(row_block).expect("a block made here").into_entries();
    let mut rows = Vec::new();
    while entries.next().expect("a block made here") {
        rows.push((entries.key().to_vec(), entries.value().to_vec()));
    }
    rows
}

fn split(key: &[u8]) -> (Vec<u8>, u64) {
    let (user_key, trailer) = key.split_at(key.len() - 8);
    (user_key.to_vec(), u64::from_le_bytes(trailer.try_into().expect("eight bytes")))
}

/// A data block with the rows of a row data block of format 4; `more` adds the columns of format 8.
pub fn data(row_block: &[u8], more: bool) -> Vec<u8> {
    let mut keys: Vec<Vec<u8>> = Vec::new();
    let (mut trailers, mut changes, mut values, mut external, mut obsolete) = (vec![], vec![], vec![], vec![], vec![]);
    for (key, value) in rows_of(row_block) {
        let (user_key, trailer) = split(&key);
        obsolete.push(trailer & 0x40 != 0);
        let trailer = trailer & !0x40;
        // Only a SET has a prefix byte in rows; in columns only a value that stands elsewhere has.
        let is_set = trailer & 0xff == 1;
        let apart = is_set && value[0] & 0xc0 != 0;
        external.push(apart);
        values.push(if is_set && !apart { value[1..].to_vec() } else { value });
        changes.push(keys.last() != Some(&user_key));
        keys.push(user_key);
        trailers.push(trailer);
    }
    let longest = u32::try_from(keys.iter().map(Vec::len).max().unwrap_or(0)).expect("short keys");
    let count = keys.len();
    let mut columns = vec![
        Column::Prefixed(4, keys),
        Column::Bytes(vec![Vec::new(); count]),
        Column::Uint(trailers),
        Column::Bool(changes),
        Column::Bytes(values),
        Column::Bool(external),
        Column::Bool(obsolete),
    ];
    if more {
        columns.extend([Column::Uint(vec![0; count]), Column::Uint(vec![3; count]), Column::Bytes(vec![Vec::new(); count])]);
    }
    block(&longest.to_le_bytes(), count, &columns)
}

/// An index block with the rows of a row index block.
pub fn index(row_block: &[u8]) -> Vec<u8> {
    let (mut separators, mut offsets, mut lengths, mut properties) = (vec![], vec![], vec![], vec![]);
    for (key, value) in rows_of(row_block) {
        separators.push(split(&key).0);
        let mut cursor = Cursor::new(&value);
        let handle = BlockHandle::decode(&mut cursor).expect("a handle");
        offsets.push(handle.offset);
        lengths.push(handle.length);
        properties.push(cursor.rest().to_vec());
    }
    let rows = separators.len();
    block(&[], rows, &[Column::Bytes(separators), Column::Uint(offsets), Column::Uint(lengths), Column::Bytes(properties)])
}

/// A block of spans with the rows of a row block of range deletions or range keys.
pub fn spans(row_block: &[u8], range_keys: bool) -> Vec<u8> {
    let mut boundaries: Vec<Vec<u8>> = Vec::new();
    let mut starts: Vec<u64> = Vec::new();
    let (mut trailers, mut suffixes, mut values): (Vec<u64>, Vec<Vec<u8>>, Vec<Vec<u8>>) = (vec![], vec![], vec![]);
    for (key, value) in rows_of(row_block) {
        let (start, trailer) = split(&key);
        let (end, parts) = if range_keys {
            let span = RangeKey::decode(&key, &value).expect("a range key");
            let parts = match &span.change {
                RangeKeyChange::Set(values) => values.iter().map(|(suffix, value)| (suffix.to_vec(), value.to_vec())).collect(),
                RangeKeyChange::Unset(suffixes) => suffixes.iter().map(|suffix| (suffix.to_vec(), Vec::new())).collect(),
                RangeKeyChange::Delete => vec![(Vec::new(), Vec::new())],
            };
            (span.end.to_vec(), parts)
        } else {
            (value, vec![(Vec::new(), Vec::new())])
        };
        // The same range again adds rows; a range that meets the one before shares its boundary.
        let again = boundaries.len() >= 2 && boundaries[boundaries.len() - 2] == start && boundaries.last() == Some(&end);
        if !again {
            if boundaries.last() != Some(&start) {
                boundaries.push(start);
                starts.push(trailers.len() as u64);
            }
            boundaries.push(end);
            starts.push(0);
        }
        for (suffix, value) in parts {
            trailers.push(trailer);
            suffixes.push(suffix);
            values.push(value);
        }
        *starts.last_mut().expect("a boundary") = trailers.len() as u64;
    }
    let count = u32::try_from(boundaries.len()).expect("few boundaries");
    let rows = trailers.len();
    let columns =
        [Column::Bytes(boundaries), Column::Uint(starts), Column::Uint(trailers), Column::Bytes(suffixes), Column::Bytes(values)];
    block(&count.to_le_bytes(), rows, &columns)
}

/// A block of keys and values with the rows of a row block of plain strings.
pub fn pairs(row_block: &[u8]) -> Vec<u8> {
    let (keys, values): (Vec<_>, Vec<_>) = rows_of(row_block).into_iter().unzip();
    block(&[], keys.len(), &[Column::Bytes(keys), Column::Bytes(values)])
}

//! Framing and damage.

use super::*;
use proptest::prelude::*;

/// Frames records the way the writers do.
pub struct Writer {
    pub bytes: Vec<u8>,
    framing: Framing,
    log_number: u32,
    pub synced: u64,
}

impl Writer {
    pub fn new(framing: Framing, log_number: u32) -> Self {
        Self { bytes: Vec::new(), framing, log_number, synced: 0 }
    }

    fn chunk(&mut self, position: u8, payload: &[u8]) {
        let mut covered = vec![
            position
                + match self.framing {
                    Framing::Legacy => 1,
                    Framing::Recyclable => 5,
                    Framing::WalSync => 9,
                },
        ];
        if self.framing != Framing::Legacy {
            covered.extend(self.log_number.to_le_bytes());
        }
        if self.framing == Framing::WalSync {
            covered.extend(self.synced.to_le_bytes());
        }
        covered.extend(payload);
        self.bytes.extend(MaskedCrc32c::of(&covered).0.to_le_bytes());
        self.bytes.extend(u16::try_from(payload.len()).unwrap().to_le_bytes());
        self.bytes.extend(covered);
    }

    pub fn record(&mut self, mut payload: &[u8]) {
        let mut first = true;
        loop {
            let mut room = BLOCK_LEN - self.bytes.len() % BLOCK_LEN;
            if room < self.framing.header_len() {
                self.bytes.resize(self.bytes.len() + room, 0);
                room = BLOCK_LEN;
            }
            let take = payload.len().min(room - self.framing.header_len());
            let (now, later) = payload.split_at(take);
            let last = later.is_empty();
            let position = match (first, last) {
                (true, true) => 0,
                (true, false) => 1,
                (false, false) => 2,
                (false, true) => 3,
            };
            self.chunk(position, now);
            first = false;
            payload = later;
            if last {
                return;
            }
        }
    }

    pub fn trailer(&mut self) {
        self.bytes.extend([0, 0, 0, 0, 0, 0, 5]);
        self.bytes.extend((self.log_number + 1).to_le_bytes());
    }
}

fn read(bytes: &[u8], log_number: u64) -> (Vec<Vec<u8>>, RecordsEnd) {
    let mut records = Records::of_log(bytes, FileNum(log_number));
    let payloads = records.by_ref().map(|record| record.payload.into_owned()).collect();
    (payloads, records.end().unwrap())
}

/// The first log of a fresh store: one batch and the closing trailer.
const LOG: &[u8] = b"\xc0\x69\x29\x90\x2a\x00\x05\x02\x00\x00\x00\x0a\0\0\0\0\0\0\0\x01\0\0\0\x01\x13_meta_applied_index\
                     \x08\x2a\0\0\0\0\0\0\0\0\0\0\0\0\0\x05\x03\0\0\0";

#[test]
fn a_real_log_reads_and_ends_at_its_trailer() {
    let mut records = Records::of_log(LOG, FileNum(2));
    let record = records.next().unwrap();
    assert_eq!((record.offset, record.end, record.payload.len()), (0, 53, 42));
    assert_eq!(records.next(), None);
    assert_eq!(records.end(), Some(RecordsEnd::Clean { at: 53 }));
    assert_eq!(records.intact_chunk_behind_end(), None);
}

#[test]
fn the_same_payload_in_the_other_framings_has_the_documented_checksum() {
    for (framing, expected) in [(Framing::Legacy, [0x53, 0xef, 0x67, 0x5e]), (Framing::WalSync, [0x6d, 0x9c, 0xb2, 0xc8])] {
        let mut writer = Writer::new(framing, 2);
        writer.record(&LOG[11..53]);
        assert_eq!(writer.bytes[..4], expected, "{framing:?}");
    }
}

#[test]
fn a_log_read_under_another_number_is_empty() {
    let end = RecordsEnd::Unclean { at: 0, defect: ChunkDefect::ForeignLog(2) };
    assert_eq!(read(LOG, 3), (vec![], end));
    // The number before it takes the first chunk for its own trailer.
    assert_eq!(read(LOG, 1), (vec![], RecordsEnd::Clean { at: 0 }));
}

#[test]
fn every_prefix_is_a_prefix_of_the_records() {
    for len in 0..LOG.len() {
        let (payloads, end) = read(&LOG[..len], 2);
        assert_eq!(payloads.len(), usize::from(len >= 53), "{len} bytes");
        match len {
            0 | 53 => assert_eq!(end, RecordsEnd::Clean { at: len as u64 }),
            54..60 => assert_eq!(end.defect(), Some(ChunkDefect::TrailingBytes(len as u64 - 53))),
            _ => assert!(matches!(end, RecordsEnd::Unclean { .. }), "{len} bytes: {end:?}"),
        }
    }
}

#[test]
fn every_flipped_bit_of_a_chunk_drops_the_record() {
    for bit in 0..53 * 8 {
        let mut bytes = LOG.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let (payloads, end) = read(&bytes, 2);
        assert_eq!(payloads, Vec::<Vec<u8>>::new(), "bit {bit}");
        // Flipping log number 2 to 3 makes the chunk look like the trailer.
        assert!(matches!(end, RecordsEnd::Unclean { at: 0, .. }) || bit == 7 * 8, "bit {bit}: {end:?}");
    }
}

#[test]
fn a_damaged_log_number_is_told_from_an_earlier_use() {
    let mut bytes = LOG.to_vec();
    bytes[7] = 6;
    assert_eq!(read(&bytes, 2).1, RecordsEnd::Unclean { at: 0, defect: ChunkDefect::DamagedNumber(6) });
    bytes[7] = 3;
    let mut records = Records::of_log(&bytes, FileNum(2));
    assert_eq!(records.by_ref().count(), 0);
    assert_eq!((records.end(), records.false_trailer()), (Some(RecordsEnd::Clean { at: 0 }), Some(0)));
    let mut honest = Records::of_log(LOG, FileNum(2));
    assert_eq!(honest.by_ref().count(), 1);
    assert_eq!(honest.false_trailer(), None);
}

#[test]
fn a_hole_in_the_middle_is_unclean_and_the_chunk_behind_it_is_found() {
    let mut writer = Writer::new(Framing::Recyclable, 7);
    for _ in 0..3 {
        writer.record(&[1; 100]);
    }
    let mut bytes = writer.bytes;
    bytes[111 + 50] ^= 1;
    let mut records = Records::of_log(&bytes, FileNum(7));
    assert_eq!(records.by_ref().count(), 1);
    assert!(matches!(records.end(), Some(RecordsEnd::Unclean { at: 111, defect: ChunkDefect::Checksum { .. } })));
    assert_eq!(records.intact_chunk_behind_end(), Some((222, Framing::Recyclable)));
}

/// Every single bit of the last record of a closed log, of one that was not closed, and of a MANIFEST.
#[test]
fn a_flipped_bit_in_the_last_record_is_no_torn_write() {
    for (framing, closed) in
        [(Framing::Recyclable, true), (Framing::Recyclable, false), (Framing::WalSync, true), (Framing::Legacy, false)]
    {
        let mut writer = Writer::new(framing, if framing == Framing::Legacy { 0 } else { 2 });
        writer.record(&[1; 700]);
        let at = writer.bytes.len();
        writer.record(b"the last record");
        let end = writer.bytes.len();
        if closed {
            writer.trailer();
        }
        let whole = |bytes: &[u8]| {
            let mut records =
                if framing == Framing::Legacy { Records::of_manifest(bytes) } else { Records::of_log(bytes, FileNum(2)) };
            let count = records.by_ref().count();
            let known = records.false_trailer().is_some()
                || matches!(records.end().unwrap().defect(), Some(ChunkDefect::DamagedNumber(_)));
            (count, records.whole_chunk_at_end(), known)
        };
        assert_eq!(whole(&writer.bytes), (2, None, false));
        for bit in at * 8..end * 8 {
            let mut bytes = writer.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let (count, found, known) = whole(&bytes);
            assert!(count == 1 && (found == Some(end as u64) || known), "{framing:?} bit {bit}: {found:?}");
        }
        for len in at..end {
            assert_eq!(whole(&writer.bytes[..len]).1, None, "{framing:?} cut to {len}");
        }
        for bit in end * 8..writer.bytes.len() * 8 {
            let mut bytes = writer.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(whole(&bytes).1, None, "{framing:?} bit {bit} of the trailer");
        }
    }
}

#[test]
fn a_lost_sector_is_a_torn_write() {
    let mut writer = Writer::new(Framing::Recyclable, 2);
    writer.record(&[1; 2000]);
    writer.trailer();
    for sector in 0..3 {
        let mut bytes = writer.bytes.clone();
        bytes[sector * 512..][..512].fill(0);
        let mut records = Records::of_log(&bytes, FileNum(2));
        assert_eq!((records.by_ref().count(), records.whole_chunk_at_end()), (0, None), "{sector}");
    }
}

#[test]
fn what_a_recycled_log_still_holds_of_its_earlier_use_is_no_proof() {
    let mut old = Writer::new(Framing::Recyclable, 4);
    for _ in 0..2000 {
        old.record(&[1; 100]);
    }
    let mut new = Writer::new(Framing::Recyclable, 9);
    new.record(&[2; 55]);
    let mut bytes = old.bytes;
    bytes[..new.bytes.len()].copy_from_slice(&new.bytes);
    let mut records = Records::of_log(&bytes, FileNum(9));
    assert_eq!(records.by_ref().count(), 1);
    assert!(matches!(records.end(), Some(RecordsEnd::Unclean { at: 66, .. })));
    assert_eq!(records.intact_chunk_behind_end(), None);
}

#[test]
fn a_later_synced_offset_proves_corruption() {
    let mut writer = Writer::new(Framing::WalSync, 3);
    writer.record(&vec![1; 30_000]);
    writer.record(&vec![2; 30_000]);
    writer.synced = 40_000;
    let third = writer.bytes.len() as u64;
    writer.record(&vec![3; 30_000]);
    let mut bytes = writer.bytes;
    bytes[100] ^= 1;
    let (payloads, end) = read(&bytes, 3);
    assert_eq!(payloads, Vec::<Vec<u8>>::new());
    assert!(matches!(end, RecordsEnd::Corrupt { at: 0, proof, .. } if proof == third), "{end:?}");
}

#[test]
fn reserved_zeros_end_a_log_and_padding_does_not() {
    let mut bytes = LOG[..53].to_vec();
    bytes.resize(4096, 0);
    assert_eq!(read(&bytes, 2).1, RecordsEnd::Unclean { at: 53, defect: ChunkDefect::Zeroed });

    // Leaves 10 bytes in the first block: no header fits, so they are zeros.
    let mut writer = Writer::new(Framing::Recyclable, 2);
    writer.record(&vec![1; BLOCK_LEN - 11 - 10]);
    writer.record(&[2; 5]);
    let (payloads, end) = read(&writer.bytes, 2);
    assert_eq!(payloads.len(), 2);
    assert_eq!(end, RecordsEnd::Clean { at: writer.bytes.len() as u64 });
}

#[test]
fn chunks_without_a_beginning_are_passed_over() {
    let mut writer = Writer::new(Framing::Legacy, 0);
    writer.chunk(2, b"middle");
    writer.chunk(3, b"last");
    writer.chunk(0, b"full");
    writer.chunk(1, b"fi");
    writer.chunk(0, b"ll");
    let mut records = Records::of_manifest(&writer.bytes);
    let found: Vec<_> = records.by_ref().map(|record| (record.payload.into_owned(), record.misplaced_chunk)).collect();
    assert_eq!(found, [(b"full".to_vec(), false), (b"fill".to_vec(), true)]);
    assert_eq!(records.skipped_chunks(), 2);
}

proptest! {
    #[test]
    fn round_trip(
        lens in proptest::collection::vec(prop_oneof![0_usize..300, 32_700_usize..32_800, 65_000_usize..98_400], 0..6),
        framing in prop_oneof![Just(Framing::Legacy), Just(Framing::Recyclable), Just(Framing::WalSync)],
        closed in any::<bool>(),
    ) {
        let mut writer = Writer::new(framing, 0);
        let expected: Vec<Vec<u8>> = lens.iter().enumerate().map(|(i, &len)| vec![u8::try_from(i).unwrap(); len]).collect();
        for payload in &expected {
            writer.record(payload);
        }
        let end = writer.bytes.len() as u64;
        // The trailer needs as much room as any other header.
        if closed && BLOCK_LEN - writer.bytes.len() % BLOCK_LEN >= RECYCLABLE_HEADER_LEN {
            writer.trailer();
        }
        prop_assert_eq!(read(&writer.bytes, 0), (expected, RecordsEnd::Clean { at: end }));
    }

    #[test]
    fn any_bytes_end(bytes in proptest::collection::vec(prop_oneof![Just(0_u8), 0_u8..13, any::<u8>()], 0..2000)) {
        let mut records = Records::of_log(&bytes, FileNum(0));
        let count = records.by_ref().count();
        prop_assert!(count <= bytes.len());
        prop_assert!(records.end().unwrap().at() <= bytes.len() as u64);
        let _ = records.intact_chunk_behind_end();
    }
}

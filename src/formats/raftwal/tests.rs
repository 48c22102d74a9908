use super::*;
use crate::formats::hraft::{LogType, TimeFamily};

/// Index 2, term 1, a command.
const HELLO: [u8; 25] = *b"\x02\x01\x00\x05hello\x00\x01\x00\x00\x00\x0e\xda\x5a\xab\x14\x0e\x04\x49\x90\xff\xff";

#[test]
fn an_entry_in_the_built_in_codec() {
    let entry = decode_binary_entry(&HELLO).unwrap();
    assert_eq!((entry.index, entry.term, entry.kind), (2, 1, LogType::Command));
    assert_eq!((&*entry.data, entry.data_at, entry.extensions.len()), (&b"hello"[..], 4, 0));
    let at = entry.appended_at.unwrap();
    assert_eq!((at.seconds, at.nanoseconds, at.family), (1_657_320_468, 235_162_000, TimeFamily::Binary));
    for end in 0..HELLO.len() {
        assert!(decode_binary_entry(&HELLO[..end]).is_err(), "cut at {end}");
    }
    let longer = [&HELLO[..], &[0]].concat();
    assert_eq!(decode_binary_entry(&longer).unwrap_err().text, "Time.UnmarshalBinary: invalid length");
    for bit in 0..HELLO.len() * 8 {
        let mut flipped = HELLO;
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Err(error) = decode_binary_entry(&flipped) {
            assert!(error.at <= HELLO.len() as u64);
        }
    }
}

#[test]
fn names_of_segments_are_not_etcds() {
    let name = WalFile { base: 15, id: 3 };
    assert_eq!(name.to_string(), "00000000000000000015-0000000000000003.wal");
    assert_eq!(WalFile::parse(&name.to_string()), Some(name));
    for other in ["0000000000000000-0000000000000000.wal", "00000000000000000015-000000000000000G.wal", "x.wal", ""] {
        assert_eq!(WalFile::parse(other), None, "{other}");
    }
    assert_eq!(WalFile::parse("99999999999999999999-0000000000000000.wal"), None, "it is no index");
}

#[test]
fn headers_and_frames() {
    let mut bytes = b"\x0d\x6b\xeb\x58\0\0\0\0\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0".to_vec();
    assert_eq!(SegmentHeader::decode(&bytes), Ok(SegmentHeader { base: 1, id: 2, codec: 1 }));
    assert_eq!(SegmentHeader::decode(&bytes[..31]), Err(HeaderFault::Short));
    assert_eq!(SegmentHeader::decode(&[0; 32]), Err(HeaderFault::Zero));
    bytes.extend_from_slice(b"\x01\0\0\0\x03\0\0\0abc\0\0\0\0\0\x03\0\0\0\x78\x56\x34\x12");
    let mut frames = Frames::of(&bytes);
    let (entry, commit) = (frames.next().unwrap(), frames.next().unwrap());
    assert_eq!((entry.at, entry.kind, entry.content, entry.odd), (32, FrameKind::Entry, &b"abc"[..], false));
    assert_eq!((commit.at, commit.kind), (48, FrameKind::Commit(0x1234_5678)));
    assert_eq!((frames.next(), frames.end()), (None, Some(FrameEnd::File(56))));
    bytes[32 + 11] = 1;
    assert!(Frames::of(&bytes).next().unwrap().odd, "the padding is not zero");
    bytes[36..40].copy_from_slice(&[0xff; 4]);
    assert_eq!(read_frame(&bytes, 32), Err(FrameEnd::Beyond(32, u32::MAX)));
    assert_eq!(read_frame(&[0; 8], 0), Err(FrameEnd::Zero(0)));
    assert_eq!(read_frame(&[0, 0, 0, 0, 1, 0, 0, 0], 0), Err(FrameEnd::Torn(0)));
    assert_eq!(read_frame(&[9; 8], 0), Err(FrameEnd::Unknown(0, 9)));
    assert_eq!(read_frame(&[1; 8], u64::MAX), Err(FrameEnd::File(u64::MAX)));
}

#[test]
fn the_list_of_segments() {
    let text = br#"{"NextSegmentID":4,"Segments":[{"ID":0,"BaseIndex":1,"MinIndex":3,"MaxIndex":10,"Codec":1,"IndexStart":608,
        "CreateTime":"2022-07-08T22:47:48Z","SealTime":"2022-07-08T22:47:49Z","SizeLimit":600},{"ID":3,"BaseIndex":11,"MinIndex":11,
        "MaxIndex":0,"Codec":1,"IndexStart":0,"CreateTime":"2022-07-08T22:47:48Z","SealTime":"0001-01-01T00:00:00Z","SizeLimit":600}]}"#;
    let state = decode_wal_state(text).unwrap();
    assert_eq!((state.next_id, state.segments.len()), (4, 2));
    let [first, last] = state.segments.as_slice() else { panic!("two") };
    assert_eq!((first.base, first.min, first.max, first.index_start, first.sealed()), (1, 3, 10, 608, true));
    assert_eq!((last.id, last.base, last.sealed()), (3, 11, false));
    assert_eq!(decode_wal_state(b"{}").unwrap(), WalState::default());
    for end in 0..text.len() {
        assert!(decode_wal_state(&text[..end]).is_err(), "cut at {end}");
    }
    for wrong in [
        &br#"{"Segments":[{"ID":-1}]}"#[..],
        br#"{"Segments":[{"SizeLimit":4294967296}]}"#,
        br#"{"Segments":[{"SealTime":"x"}]}"#,
    ] {
        assert!(decode_wal_state(wrong).is_err());
    }
}

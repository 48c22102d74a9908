use sha2::{Digest, Sha256};

use super::*;
use crate::formats::fsm::FsmHeader;
use crate::formats::mvcc::{MetaKey, StoreKey};

/// Everything a walker says, as text.
#[derive(Debug, Default, PartialEq, Eq)]
struct Log(Vec<String>);

impl BodyVisitor for Log {
    fn head(&mut self, head: &BodyHead) {
        self.0.push(format!("{head:?}"));
    }

    fn row(&mut self, row: &Row<'_>) {
        self.0.push(format!("{row:?}"));
        self.0.push(String::new());
    }

    fn value(&mut self, chunk: &[u8]) {
        let last = self.0.last_mut().unwrap();
        last.push_str(&String::from_utf8_lossy(chunk));
    }

    fn row_end(&mut self) {
        self.0.push("end".to_owned());
    }
}

fn walked(bytes: &[u8]) -> (Log, Result<(), BodyError>) {
    let mut log = Log::default();
    let result = walk(bytes, &mut log);
    (log, result)
}

fn field(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u64).to_le_bytes(), bytes].concat()
}

/// The 125-byte payload of the format page's example, footer included.
fn example() -> Vec<u8> {
    let hex = "454b5654484c4331000001977420dc00454b565042424c31030018d82074970114000000000000002172656469737c7374727c61fe688bdf27e7\
               fffc0e00000000000000000000000000000000ff0100686913000000000000005f6d6574615f6170706c6965645f696e6465780800000000000000\
               2a00000000000000";
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn pebble_stream() -> Vec<u8> {
    let long = vec![b'v'; 40];
    [
        &b"EKVPBBL1\x03\0\x18\xd8\x20\x74\x97\x01"[..],
        &field(b"a"),
        &field(&long),
        &field(b""),
        &field(b""),
        &field(b"c"),
        &field(b"x"),
    ]
    .concat()
}

fn mvcc_stream() -> Vec<u8> {
    let version = |ts: u64, tombstone: u8, value: &[u8]| {
        [&ts.to_le_bytes()[..], &[tombstone], &7_u64.to_le_bytes(), &field(value)].concat()
    };
    let body = [
        &9_u64.to_le_bytes()[..],
        &2_u64.to_le_bytes(),
        &field(b"a"),
        &2_u64.to_le_bytes(),
        &version(3, 0, b"twenty bytes of value"),
        &version(4, 1, b""),
        &field(b"b"),
        &0_u64.to_le_bytes(),
    ]
    .concat();
    [&b"EKVMVCC2\x01\0\0\0"[..], &crc32fast::hash(&body).to_le_bytes(), &body].concat()
}

fn sst_ingest(manifest: &str, files: &[u8]) -> Vec<u8> {
    let length = (manifest.len() as u64).to_be_bytes();
    [b"EKVSSTI1", &length[..], &Sha256::digest(manifest.as_bytes()), manifest.as_bytes(), files].concat()
}

fn sst_manifest() -> String {
    let digest = |bytes: &[u8]| sst_ingest::hex(&Sha256::digest(bytes));
    format!(
        r#"{{"version":1,"last_commit_ts":9,"min_retained_ts":1,"pending_min_retained_ts":0,"applied_index":44,"entry_count":3,
        "uncompressed_bytes":10,"total_file_bytes":7,"files":[
        {{"name":"000000.sst","size":3,"sha256":"{}","smallest":"YQ==","largest":"YmI="}},
        {{"name":"000001.sst","size":4,"sha256":"{}","smallest":"YmJi","largest":"Yw=="}}]}}"#,
        digest(b"one"),
        digest(b"four")
    )
}

fn samples() -> [Vec<u8>; 4] {
    let example = example();
    let header = FsmHeader::decode(&example).unwrap();
    let body = example[usize::try_from(header.len).unwrap()..].to_vec();
    [pebble_stream(), mvcc_stream(), sst_ingest(&sst_manifest(), b"onefour"), body]
}

#[test]
fn the_example_holds_one_row_and_the_applied_index() {
    #[derive(Default)]
    struct Applied(Option<u64>, Vec<(u64, String)>);
    impl BodyVisitor for Applied {
        fn row(&mut self, row: &Row<'_>) {
            match StoreKey::of(row.key) {
                StoreKey::Meta(MetaKey::AppliedIndex) => self.0 = crate::formats::mvcc::meta_value(row.value_head),
                StoreKey::Row(key) => self.1.push((row.at, format!("{}", crate::types::Escaped(key.user_key)))),
                other => panic!("{other:?}"),
            }
        }
    }
    let [.., body] = samples();
    let mut visitor = Applied::default();
    assert_eq!(walk(&body, &mut visitor), Ok(()));
    assert_eq!(visitor.0, Some(42));
    assert_eq!(visitor.1, [(16, "!redis|str|a".to_owned())]);
}

#[test]
fn the_published_empty_mvcc_stream_is_accepted() {
    let bytes = b"EKVMVCC2\x01\0\0\0\xac\x61\xbd\x01\x03\0\x18\xd8\x20\x74\x97\x01\0\0\0\0\0\0\0\0";
    assert_eq!(walked(bytes).1, Ok(()));
}

#[test]
fn windows_of_any_size_tell_the_same_story() {
    for sample in samples() {
        let (whole, result) = walked(&sample);
        assert_eq!(result, Ok(()));
        assert!(whole.0.len() > 1 || sample.starts_with(b"EKVSSTI1"));
        for size in [1, 2, 3, 7, 8, 9, 31] {
            let mut log = Log::default();
            let mut walker = BodyWalker::new();
            for window in sample.chunks(size) {
                assert_eq!(walker.push(window, &mut log), Ok(()), "{size}");
            }
            assert_eq!(walker.finish(), Ok(()), "{size}");
            assert_eq!(log, whole, "{size}");
        }
    }
}

#[test]
fn every_prefix_ends_at_a_row_or_is_truncated_inside_the_input() {
    let [stream, mvcc, sst, _] = samples();
    // The only places where an `EKVPBBL1` payload may end.
    let row_ends = [0, 16, 73, 89, stream.len()];
    for (sample, complete) in [(stream, &row_ends[..]), (mvcc, &[0]), (sst, &[0])] {
        for cut in 0..sample.len() {
            let result = walked(&sample[..cut]).1;
            match &result {
                Ok(()) => assert!(complete.contains(&cut), "{cut} of {}", sample.len()),
                Err(error) => {
                    assert!(!complete.contains(&cut), "{cut}: {error}");
                    assert!(error.at <= cut as u64, "{cut}: {error}");
                    let told = matches!(
                        error.kind,
                        BodyErrorKind::PartialMagic { .. }
                            | BodyErrorKind::Truncated { .. }
                            | BodyErrorKind::InnerChecksum { .. }
                            | BodyErrorKind::Sst(SstError::FileTruncated(_))
                    );
                    assert!(told, "{cut}: {error}");
                }
            }
        }
    }
}

#[test]
fn no_flipped_bit_goes_unnoticed_where_there_is_a_checksum() {
    let [_, mvcc, sst, _] = samples();
    for sample in [mvcc, sst] {
        for bit in 0..sample.len() * 8 {
            let mut bytes = sample.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(walked(&bytes).1.is_err(), "bit {bit} of {:?}", BodyFormat::of(&sample));
        }
    }
}

#[test]
fn a_flipped_bit_in_a_stream_without_checksum_shows_as_an_error_or_as_other_rows() {
    let sample = pebble_stream();
    let whole = walked(&sample);
    for bit in 0..sample.len() * 8 {
        let mut bytes = sample.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(walked(&bytes), whole, "bit {bit}");
    }
}

fn kind(bytes: &[u8]) -> BodyErrorKind {
    walked(bytes).1.unwrap_err().kind
}

#[test]
fn limits_are_those_of_the_server() {
    let head = b"EKVPBBL1\0\0\0\0\0\0\0\0";
    let with_key = |len: u64| [&head[..], &len.to_le_bytes()].concat();
    assert!(matches!(kind(&with_key(1_048_585)), BodyErrorKind::KeyTooLarge { found: 1_048_585, limit: 1_048_584 }));
    assert!(matches!(kind(&with_key(1_048_584)), BodyErrorKind::Truncated { what: "key", available: 0, .. }));
    let with_value = |len: u64| [&head[..], &field(b"k"), &len.to_le_bytes()].concat();
    assert!(matches!(kind(&with_value(268_435_500)), BodyErrorKind::ValueTooLarge { limit: 268_435_499, .. }));
    assert!(matches!(kind(&with_value(268_435_499)), BodyErrorKind::Truncated { what: "value", available: 0, .. }));
    let mvcc = |tail: &[u8]| [&b"EKVMVCC2\x01\0\0\0\0\0\0\0"[..], &[0; 16], tail].concat();
    assert!(matches!(kind(&mvcc(&1_048_577_u64.to_le_bytes())), BodyErrorKind::KeyTooLarge { limit: 1_048_576, .. }));
    let versions = [field(b"k"), 1_048_577_u64.to_le_bytes().to_vec()].concat();
    assert!(matches!(kind(&mvcc(&versions)), BodyErrorKind::TooManyVersions { limit: 1_048_576, .. }));
    assert!(matches!(kind(b"EKVMVCC2\x02\0\0\0"), BodyErrorKind::MvccVersion { found: 2 }));
    assert_eq!(kind(b"EKVTHLC1"), BodyErrorKind::UnknownMagic { found: *b"EKVTHLC1" });
    assert_eq!(kind(b"EKVPBB"), BodyErrorKind::PartialMagic { available: 6 });
}

#[test]
fn a_value_cut_behind_its_head_is_cut_inside() {
    let bytes = &pebble_stream()[..60];
    assert_eq!(kind(bytes), BodyErrorKind::Truncated { what: "value", needed: 40, available: 27 });
}

#[test]
fn a_bundle_is_refused_in_the_words_of_the_server() {
    let good = sst_manifest();
    let told = |manifest: &str, files: &[u8]| kind(&sst_ingest(manifest, files)).to_string();
    for (manifest, files, text) in [
        (good.replace(r#""version":1"#, r#""version":2"#), &b"onefour"[..], "unsupported SST ingest snapshot version: 2"),
        (good.replace("000001.sst", "000002.sst"), b"onefour", "invalid SST ingest file name \"000002.sst\""),
        (good.replace(r#""size":4"#, r#""size":0"#), b"onefour", "invalid SST ingest file size for 000001.sst: 0"),
        (good.replace(r#""smallest":"YQ==""#, r#""smallest":"""#), b"onefour", "invalid SST ingest key bounds for 000000.sst"),
        (good.replace("YmJi", "YmI="), b"onefour", "overlapping SST ingest key bounds at 000001.sst"),
        (good.replace(r#""sha256":""#, r#""sha256":"0"#), b"onefour", "invalid SST ingest SHA-256 for 000000.sst"),
        (
            good.replace(r#""total_file_bytes":7"#, r#""total_file_bytes":8"#),
            b"onefour",
            "SST ingest total size mismatch: manifest=8 files=7",
        ),
        (format!("{good} {{}}"), b"onefour", "SST ingest manifest contains trailing JSON"),
        (good.clone(), b"onefouR", "SST ingest file integrity mismatch: 000001.sst"),
        (good.clone(), b"onefou", "receive SST ingest file 000001.sst: EOF"),
        (good.clone(), b"onefour!", "SST ingest snapshot contains trailing bytes"),
        (good.replace("entry_count", "entry_counts"), b"onefour", "json: unknown field \"entry_counts\" at line 1 column 113"),
    ] {
        assert_eq!(told(&manifest, files), text);
    }
    let mut bytes = sst_ingest(&good, b"onefour");
    bytes[20] ^= 1;
    assert_eq!(kind(&bytes).to_string(), "SST ingest manifest SHA-256 mismatch");
    assert_eq!(kind(b"EKVSSTI1\0\x04\0\0\0\0\0\0").to_string(), "invalid SST ingest manifest length: 1125899906842624");
    assert_eq!(kind(b"EKVSSTI1\0\0\0\0\0\0\0\0").to_string(), "invalid SST ingest manifest length: 0");
}

#[test]
fn a_manifest_is_read_as_leniently_as_the_server_reads_it() {
    let manifest =
        sst_manifest().replace("\"version\"", "\"Version\"").replace("\"min_retained_ts\":1", "\"min_retained_ts\":null");
    assert_eq!(walked(&sst_ingest(&format!("{manifest}\n "), b"onefour")).1, Ok(()));
    assert_eq!(walked(&sst_ingest(r#"{"version":1}"#, b"")).1, Ok(()), "a bundle without files");
}

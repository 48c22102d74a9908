//! Every payload of which the library's answer is recorded, and the bytes that its encoders write.

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

const SERVERS: &str = "81a753657276657273";
const OWN: &str = "83a741646472657373ab3132372e302e302e313a31a24944a26e31a8537566667261676500";

#[test]
fn every_field_has_one_number() {
    for (number, name) in entry::FIELDS.iter().enumerate() {
        assert_eq!(entry::number_of(name.as_bytes()), Some(number));
    }
    assert_eq!(entry::number_of(b"index"), None, "the case counts");
}

#[test]
fn entries_of_every_codec() {
    let long = bytes(
        "86aa417070656e6465644174af010000000eda5aab140e044990ffffa444617461c0aa457874656e73696f6e73c0a5496e64657802a45465726d02a45479706501",
    );
    let short = bytes(
        "86aa417070656e6465644174a83811264062c8b414a444617461c0aa457874656e73696f6e73c0a5496e64657802a45465726d02a45479706501",
    );
    let pebble = bytes(
        "86a5496e646578cf0000000000000002a45465726dcf0000000000000002a454797065cc01a444617461c0aa457874656e73696f6e73c0aa417070656e6465644174d7ff3811264062c8b414",
    );
    let mut families = Vec::new();
    for value in [&long, &short, &pebble] {
        let entry = decode_entry(value).unwrap();
        assert_eq!((entry.index, entry.term, entry.kind, entry.data.len(), entry.form.fields), (2, 2, LogType::Noop, 0, 6));
        let at = entry.appended_at.unwrap();
        assert_eq!((at.seconds, at.nanoseconds), (1_657_320_468, 235_162_000));
        families.push(at.family);
    }
    assert_eq!(families, [TimeFamily::Binary, TimeFamily::Compact, TimeFamily::Extension]);
    let large = bytes("82a5496e646578cf000000012a05f200a45465726dce00011170");
    let entry = decode_entry(&large).unwrap();
    assert_eq!((entry.index, entry.term, entry.form.fields), (5_000_000_000, 70_000, 2));
    let array = bytes("96 0a 02 00 a3616263 c0 c0");
    let entry = decode_entry(&array).unwrap();
    assert_eq!((entry.index, entry.term, &*entry.data, entry.data_at), (10, 2, &b"abc"[..], 5));
    assert_eq!(decode_entry(&[0xc0]).unwrap().index, 0, "nil is an entry of zeros");
    let zero = bytes("81aa417070656e6465644174af01000000000000000000000000ffff");
    assert!(decode_entry(&zero).unwrap().appended_at.unwrap().is_zero());
}

#[test]
fn entries_that_the_library_refuses() {
    for (hex, text) in [
        ("ffffff", "msgpack decode error [pos 1]: only encoded map or array can be decoded into a struct"),
        ("c1", "msgpack decode error [pos 1]: only encoded map or array can be decoded into a struct"),
        ("", "EOF"),
        ("81a5496e646578a23130", "cannot decode unsigned integer: unrecognized descriptor byte: a2/string|bytes"),
        ("81a454797065cd0100", "overflow"),
        ("81a454797065ff", "assigning negative signed value"),
        ("81a44461746105", "only encoded map or array can be decoded into a slice (0)"),
        ("81a444617461dbffffffff", "EOF"),
        ("81aa417070656e6465644174a50102030405", "invalid bytes for decoding time"),
        ("81aa417070656e646564417405", "EOF"),
        ("81aa417070656e64656441740505", "invalid stream for decoding time"),
    ] {
        let error = decode_entry(&bytes(hex)).unwrap_err().to_string();
        assert!(error.contains(text), "{hex}: {error}");
    }
}

#[test]
fn configurations_that_the_library_refuses() {
    let deep = format!("82a158{}00", "91".repeat(1100));
    let table = [
        (String::new(), "EOF"),
        ("81".to_owned(), "EOF"),
        ("81a75365".to_owned(), "EOF"),
        (SERVERS.to_owned(), "EOF"),
        (format!("{SERVERS}92"), "EOF"),
        (format!("{SERVERS}ddffffffff"), "EOF"),
        (format!("{SERVERS}dbffffffff"), "bytes/string in stream must decode into slice/array of bytes, not []raft.Server"),
        (
            format!("{SERVERS}a3616263"),
            "[pos 10]: bytes/string in stream must decode into slice/array of bytes, not []raft.Server",
        ),
        ("91ae3132372e302e302e313a37303031".to_owned(), "[pos 2]: bytes/string in stream"),
        (format!("{SERVERS}9105"), "[pos 11]: only encoded map or array can be decoded into a struct"),
        (format!("{SERVERS}05"), "only encoded map or array can be decoded into a slice (0)"),
        ("a568656c6c6f".to_owned(), "[pos 1]: only encoded map or array can be decoded into a struct"),
        ("c4036e3100".to_owned(), "only encoded map or array"),
        ("c1".to_owned(), "only encoded map or array"),
        ("81c0c0".to_owned(), "[pos 2]: runtime error: index out of range [0] with length 0"),
        ("8101c0".to_owned(), "invalid byte descriptor"),
        (format!("{SERVERS}9181a2494405"), "invalid byte descriptor"),
        (
            format!("{SERVERS}9181a85375666672616765a0"),
            "cannot decode signed integer: unrecognized descriptor byte: a0/string|bytes",
        ),
        (
            format!("{SERVERS}9181a85375666672616765cb3ff0000000000000"),
            "cannot decode signed integer: unrecognized descriptor byte: cb/float",
        ),
        (deep, "maximum decoding depth exceeded"),
    ];
    for (hex, text) in &table {
        let error = decode_configuration(&bytes(hex)).unwrap_err();
        assert!(error.to_string().contains(text), "{hex}: {error}");
    }
}

#[test]
fn configurations_that_the_library_accepts() {
    use PayloadNote as Note;
    let read = |hex: &str| decode_configuration(&bytes(hex)).unwrap();
    for empty in
        ["c0", "80", "90", "81a75365727665727390", "81a753657276657273c0", "81a75365727665727380", "81a77365727665727391c0"]
    {
        let (configuration, notes) = read(empty);
        assert!(configuration.servers.is_empty() && notes.contains(&Note::EmptyConfiguration), "{empty}");
    }
    let (own, notes) = read(&format!("{SERVERS}91{OWN}"));
    assert_eq!((own.servers[0].id.as_str(), own.servers[0].address.as_str()), ("n1", "127.0.0.1:1"));
    assert!(notes.is_empty() && own.has_vote("n1") && !own.has_vote("n2"));
    let (array, notes) = read("919193 00 a26e31 ab3132372e302e302e313a31");
    assert_eq!((&array.servers, notes.contains(&Note::UnusualEncoding)), (&own.servers, true));
    let (twice, notes) = read(&format!("{SERVERS}92{OWN}{OWN}"));
    assert_eq!((twice.own_votes("n1"), twice.quorum()), (2, 2));
    assert!(notes.contains(&Note::DuplicateId) && notes.contains(&Note::DuplicateAddress));
    let (map, notes) = read(&format!("{SERVERS}81{OWN}{OWN}"));
    assert_eq!((map.servers.len(), notes.contains(&Note::MapForList)), (2, true));
    // The second list is laid over the first: what it leaves out stays.
    let (laid, notes) = read(&format!("82{0}91{OWN}{0}9181a24944a26e39", &SERVERS[2..]));
    let server = &laid.servers[0];
    assert_eq!((server.id.as_str(), server.address.as_str(), laid.servers.len()), ("n9", "127.0.0.1:1", 1));
    assert!(notes.contains(&Note::RepeatedField));
    let (wrapped, _) = read(&format!("{SERVERS}9181a85375666672616765cfffffffffffffffff"));
    assert_eq!(wrapped.servers[0].suffrage, Suffrage(-1));
    let (missing, notes) = read(&format!("{SERVERS}9181a24944a26e31"));
    assert!(missing.servers[0].suffrage.votes() && notes.contains(&Note::MissingSuffrage) && notes.contains(&Note::EmptyAddress));
    let (small, _) = read(&format!("{SERVERS}9181a24944926e31"));
    assert_eq!(small.servers[0].id, "n1");
    let (_, notes) = read("80deadbeef");
    assert!(notes.contains(&Note::TrailingBytes));
    let allowed = format!("82a158{}00{}90", "91".repeat(1022), &SERVERS[2..]);
    assert!(decode_configuration(&bytes(&allowed)).is_ok());
}

#[test]
fn lists_of_peers() {
    for (hex, text) in [
        ("", "EOF"),
        ("01", "[pos 1]: only encoded map or array can be decoded into a slice (0)"),
        ("9101", "[pos 2]: only encoded map or array can be decoded into a slice (0)"),
        ("a3616263", "bytes/string in stream"),
        ("ddffffffff", "EOF"),
    ] {
        let error = decode_peers(&bytes(hex)).unwrap_err().to_string();
        assert!(error.contains(text), "{hex}: {error}");
    }
    let error = decode_peers(&bytes(&format!("{SERVERS}91{OWN}"))).unwrap_err().to_string();
    assert!(error.contains("[pos 11]: cannot decode unsigned integer: unrecognized descriptor byte: 83/map"), "{error}");
    let read = |hex: &str| decode_peers(&bytes(hex)).unwrap().0.servers;
    for empty in ["c0", "90", "80"] {
        assert!(read(empty).is_empty(), "{empty}");
    }
    assert_eq!(read("91ab3132372e302e302e313a31")[0].id, "127.0.0.1:1");
    assert_eq!(read("91923131")[0].address, "11");
    assert_eq!(read("91c0")[0].address, "");
    assert_eq!(read("81a161a162").iter().map(|server| server.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn peers_files() {
    let read = |text: &str| decode_peers_json(text.as_bytes());
    let new = read(r#"[{"ID":"a","address":"x:1"},{"id":"b","Address":"x:2","non_voter":true,"more":[1]}] and more"#).unwrap();
    assert!(!new.old_form && new.configuration.servers[1].suffrage == Suffrage::NONVOTER);
    assert!(read(r#"["x:1","x:2"]"#).unwrap().old_form);
    for (text, says) in [
        ("null", "need at least one voter"),
        ("[]", "need at least one voter"),
        (r#"[{"id":"a","address":"x","non_voter":true}]"#, "need at least one voter"),
        (r#"[{"id":"a","address":"x"},{"id":"a","address":"y"}]"#, "found duplicate ID"),
        (r#"[{"id":"a","address":"x"},{"id":"b","address":"x"}]"#, "found duplicate address"),
        (r#"[{"address":"x"}]"#, "empty ID"),
        (r#"[{"id":"a"}]"#, "empty address"),
        ("", "EOF"),
        (r#"["x", {"id":"a"}]"#, "cannot unmarshal object"),
        (r#"{"id":"a"}"#, "cannot unmarshal object"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn no_prefix_and_no_flip_ends_the_program() {
    let whole = [
        bytes(
            "86aa417070656e6465644174af010000000eda5aab140e044990ffffa444617461a161aa457874656e73696f6e73c0a5496e64657802a45465726d02a45479706501",
        ),
        bytes(&format!("{SERVERS}92{OWN}{OWN}")),
        bytes("92ab3132372e302e302e313a31a161"),
    ];
    let decode = |bytes: &[u8]| {
        let results = [decode_entry(bytes).is_ok(), decode_configuration(bytes).is_ok(), decode_peers(bytes).is_ok()];
        results.into_iter().filter(|accepted| *accepted).count()
    };
    for bytes in whole {
        assert!(decode(&bytes) > 0);
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]), 0, "a prefix of {end} bytes is accepted");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            decode(&flipped);
        }
    }
    let wide = bytes(&format!("{SERVERS}dd00ffffff{}", "c0".repeat(70_000)));
    assert!(decode_configuration(&wide).is_err(), "more servers than are held");
}

#[test]
fn the_checksum_has_the_check_value_of_its_catalogue_entry() {
    assert_eq!(crc64(b"123456789"), 0x995d_c9bb_df19_39fa);
    assert_eq!(crc64(b""), 0);
    let mut pieces = Crc64::default();
    pieces.update(b"1234");
    pieces.update(b"56789");
    assert_eq!(pieces.finish(), 0x995d_c9bb_df19_39fa);
}

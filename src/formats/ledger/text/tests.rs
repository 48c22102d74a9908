use super::super::Believed;
use super::*;
use crate::types::UnixMillis;

fn entry(ino: u64) -> LedgerEntry {
    LedgerEntry {
        dev: 2049,
        ino,
        size: 186_262,
        mtime_ns: 1_795_225_457_712_345_678,
        ctime_ns: 1_795_225_457_712_345_679,
        footer: 0x6a28_1dac,
        index: Some(701),
        deep: ino.is_multiple_of(2),
        read_at_ms: UnixMillis(1_795_300_000_000 + ino),
        tool: "0.1.0".to_owned(),
    }
}

fn ledger() -> Vec<u8> {
    encode([entry(1), entry(2), entry(3)])
}

#[test]
fn what_is_written_is_read_again() {
    let bytes = ledger();
    let text = String::from_utf8(bytes.clone()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], r#"{"ledger":"ekv-tool","version":1}"#);
    assert_eq!(
        lines[1],
        r#"{"dev":2049,"ino":3,"size":186262,"mtime_ns":1795225457712345678,"ctime_ns":1795225457712345679,"footer":1781013932,"index":701,"deep":false,"read_at_ms":1795300000003,"tool":"0.1.0"}"#
    );
    assert!(lines[4].starts_with(r#"{"entries":3,"crc32c":""#), "{}", lines[4]);
    // The last one read comes first.
    assert_eq!(decode(&bytes).unwrap(), [entry(3), entry(2), entry(1)]);
    assert_eq!(encode(decode(&bytes).unwrap()), bytes);
    assert_eq!(decode(&encode([])).unwrap(), []);
}

#[test]
fn no_part_of_a_ledger_is_one() {
    let bytes = ledger();
    for len in 0..bytes.len() {
        assert!(decode(&bytes[..len]).is_err(), "{len}");
    }
    for more in [&b"\n"[..], b" ", b"x", b"{}\n"] {
        assert!(decode(&[&bytes, more].concat()).is_err());
    }
}

#[test]
fn no_changed_bit_goes_unseen() {
    let bytes = ledger();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            assert!(decode(&changed).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn what_is_not_a_ledger_is_told_from_a_damaged_one() {
    assert_eq!(decode(b""), Err(LedgerError::NotALedger));
    assert_eq!(decode(b"{\"schema\":\"ekv-tool/check/v1\"}\n"), Err(LedgerError::NotALedger));
    assert_eq!(decode(b"{\"ledger\":\"ekv-tool\",\"version\":2}\nwhatever"), Err(LedgerError::OtherVersion(2)));
    let cut = decode(b"{\"ledger\":\"ekv-tool\",\"version\":1}\n").unwrap_err();
    assert_eq!(cut.to_string(), "it is damaged: line 2: the last line with the checksum is missing");
    // A checksum that is right does not make any line an entry.
    let mut text = format!("{}\n{{\"dev\":1}}\n", front());
    let end = end(1, text.as_bytes());
    text.push_str(&end);
    text.push('\n');
    assert_eq!(decode(text.as_bytes()), Err(LedgerError::Damaged { line: 2, what: "it is no entry" }));
}

#[test]
fn of_several_readings_the_last_one_counts_and_of_too_many_the_last_ones() {
    let again = LedgerEntry { read_at_ms: UnixMillis(1_795_400_000_000), ..entry(1) };
    let deep = LedgerEntry { deep: true, ..entry(1) };
    let kept = decode(&encode([again.clone(), entry(1), deep.clone()])).unwrap();
    assert_eq!(kept, [again, deep]);
    let many = (0..MOST_ENTRIES as u64 + 7).map(entry);
    let bytes = encode(many);
    assert!((bytes.len() as u64) < super::super::MOST_BYTES);
    let kept = decode(&bytes).unwrap();
    assert_eq!((kept.len(), kept.last().unwrap().ino), (MOST_ENTRIES, 7));
    assert_eq!(encode([LedgerEntry { tool: "x".repeat(LONGEST_LINE), ..entry(1) }]), encode([]));
}

#[test]
fn only_what_this_program_read_lately_is_believed() {
    let (now, day) = (UnixMillis(1_795_300_000_000 + 86_400_000), 86_400_000);
    let old = LedgerEntry { read_at_ms: UnixMillis(1_795_299_999_999), ..entry(5) };
    let later = LedgerEntry { read_at_ms: UnixMillis(now.0 + 1), ..entry(7) };
    let other = LedgerEntry { tool: "0.2.0".to_owned(), ..entry(9) };
    let believed = Believed::of([entry(1), entry(2), old, later, other], "0.1.0", now, day);
    assert_eq!((believed.len(), believed.is_empty()), (2, false));
    let passed = believed.passed_over;
    assert_eq!((passed.too_old, passed.in_the_future, passed.other_tool), (1, 1, 1));
    let (footer, index) = (0x6a28_1dac, Some(701));
    let find = |ino, deep| believed.find(entry(ino).file(), footer, index, deep).map(|entry| entry.ino);
    // A reading of every row answers both questions, one of the checksum only its own.
    assert_eq!((find(1, false), find(1, true), find(2, false), find(2, true)), (Some(1), None, Some(2), Some(2)));
    assert_eq!((find(5, false), find(7, false), find(9, false)), (None, None, None));
    // Another footer, another index, another time of the inode.
    assert!(believed.find(entry(1).file(), footer ^ 1, index, false).is_none());
    assert!(believed.find(entry(1).file(), footer, None, false).is_none());
    let touched = FileIdentity { ctime_ns: 0, ..entry(1).file() };
    assert!(believed.find(touched, footer, index, false).is_none());
}

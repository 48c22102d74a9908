//! Snapshot archives of Consul, Nomad, Vault and OpenBao: exact findings, what a restore says, every cut and every flip.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use ekv_tool::Run;
use ekv_tool::analysis::hraft::archive::{JudgedArchive, judge_archive};
use ekv_tool::analysis::{Coverage, Severity, Verdict};
use ekv_tool::formats::hraft::sum_lines;
use ekv_tool::formats::tar::TarHeader;
use ekv_tool::ops::hraft::{archives, hashicorp_verify_archives};
use ekv_tool::ops::{InspectOptions, VerifySnapshotOptions, inspect, verify_snapshot};
use ekv_tool::readers::Local;
use ekv_tool::readers::hraft::archive::examine_archive;

use crate::support::archive_writer::{ArchiveWriter, STATE, gzip, header, meta, meta_with_crc, state_crc, sums};

fn judged(bytes: &[u8]) -> JudgedArchive {
    let facts = examine_archive(bytes, &mut |_| true).unwrap();
    judge_archive("a.snap", &facts, &mut Coverage::default())
}

/// Code, severity and offset of each finding.
fn found(judged: &JudgedArchive) -> Vec<(&'static str, Severity, Option<u64>)> {
    judged.findings.iter().map(|finding| (finding.code.code, finding.severity, finding.offset)).collect()
}

const DAMAGED: &str = "hraft-archive-damaged";
const REFUSED: &str = "hraft-archive-refused";
const ODD: &str = "hraft-archive-odd";

#[test]
fn whole_archives_are_clean() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("consul.snap"), ArchiveWriter::consul().gzip()).unwrap();
    fs::write(path("vault.snap"), ArchiveWriter::vault().gzip()).unwrap();
    let paths = archives(&[dir.path().to_owned()], &Local).unwrap();
    assert_eq!(paths, [path("consul.snap"), path("vault.snap")], "a directory of such files stands for them");
    let report = hashicorp_verify_archives(&paths, &Run::local()).unwrap();
    assert_eq!((report.verdict, report.findings.len()), (Verdict::Clean, 0), "{:?}", report.findings);
    assert_eq!(report.headline(), "2 snapshot archives: intact");
    let [consul, vault] = report.body.archives.as_slice() else { panic!("two archives") };
    assert_eq!((consul.index, consul.term, consul.sealed), (Some(7), Some(3), false));
    assert_eq!((consul.id.as_deref(), consul.state_bytes), (Some("3-7-1795216369483"), STATE.len() as u64));
    assert_eq!(consul.servers, ["n1@127.0.0.1:1"]);
    assert_eq!((&consul.consul_error, &vault.consul_error), (&None, &Some(unexpected("SHA256SUMS.sealed"))));
    assert_eq!((vault.sealed, &vault.vault_error), (true, &None));
    assert_eq!(report.coverage.not_examined.len(), 1, "what is sealed is said not to be looked at");
    assert!(!report.coverage.not_examined[0].needed);

    let page = inspect(&path("consul.snap"), InspectOptions::default(), &Run::local()).unwrap();
    let text = serde_json::to_string(&page).unwrap();
    assert!(text.contains("\"hashicorp-archive\"") && page.findings.is_empty(), "{text}");
    assert_eq!(page.next_step.unwrap().to_string(), format!("ekv-tool verify-snapshot {}", path("consul.snap").display()));
}

#[test]
fn what_is_none_is_left_to_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let (own, other) = (dir.path().join("a.snap"), dir.path().join("b.snap"));
    fs::write(&own, ArchiveWriter::consul().gzip()).unwrap();
    fs::write(&other, b"\x08\xee\xcb\xec\x7c").unwrap();
    assert_eq!(archives(std::slice::from_ref(&other), &Local).unwrap(), Vec::<PathBuf>::new());
    assert_eq!(archives(&[dir.path().to_owned()], &Local).unwrap().len(), 2, "among archives it is one that failed");
    let envelope = dir.path().join("0000000000000002-0000000000000007.snap");
    fs::write(&envelope, b"").unwrap();
    assert_eq!(archives(&[dir.path().to_owned()], &Local).unwrap(), Vec::<PathBuf>::new());
    assert!(archives(&[own, other], &Local).unwrap_err().to_string().contains("files of one kind"));
}

#[test]
fn a_spoiled_magic_number_is_damage_and_what_nobody_knows_is_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.snap");
    let sound = ArchiveWriter::consul().gzip();
    for bit in 0..24 {
        let mut bytes = sound.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, bytes).unwrap();
        let paths = archives(std::slice::from_ref(&path), &Local).unwrap();
        assert_eq!(paths, std::slice::from_ref(&path), "bit {bit}");
        let report = hashicorp_verify_archives(&paths, &Run::local()).unwrap();
        assert_eq!(
            (report.verdict, report.findings[0].code.code, report.findings[0].offset),
            (Verdict::Damaged, DAMAGED, Some(0))
        );
        assert!(report.findings[0].message.contains("there is no gzip header"), "{}", report.findings[0].message);
    }
    // Zeros in the place of a backup are not fine; in a server's own directory they are a stray file.
    fs::write(&path, vec![0; sound.len()]).unwrap();
    let ask = |path: &Path| verify_snapshot(&[path.to_owned()], &VerifySnapshotOptions::default(), &Run::local()).unwrap();
    for named in [path.as_path(), dir.path()] {
        let report = ask(named);
        assert_eq!((report.verdict, report.findings[0].code.code), (Verdict::Unknown, "snap-malformed"));
        assert_eq!(report.body.envelopes[0].verdict, Verdict::Unknown);
        assert!(report.coverage.not_examined[0].needed);
    }
    let stray = dir.path().join("snap/a.snap");
    fs::create_dir(dir.path().join("snap")).unwrap();
    fs::rename(&path, &stray).unwrap();
    assert_eq!(ask(&stray).verdict, Verdict::Clean);
}

fn unexpected(name: &str) -> String {
    format!("failed to read snapshot file: unexpected file {name:?} in snapshot")
}

#[test]
fn each_fault_has_its_finding_and_the_products_words() {
    let consul = ArchiveWriter::consul;
    let read = "failed to read snapshot file: ";
    let integrity = "failed to read snapshot file: failed checking integrity of snapshot: ";
    let restore = "Raft error when restoring snapshot: ";
    let error = Severity::Error;
    let whole = consul().gzip();
    let at = whole.len() as u64;
    let short = ArchiveWriter::of(&meta(STATE.len() + 1), STATE);
    let size = format!("failed to write snapshot, size didn't match ({} != {})", STATE.len(), STATE.len() + 1);
    let version = ArchiveWriter::of(&String::from_utf8(meta(STATE.len())).unwrap().replacen('1', "2", 1).into_bytes(), STATE);
    let trailing = ArchiveWriter::of(&[meta(STATE.len()), b"x".to_vec()].concat(), STATE);
    let flip = |bytes: &mut Vec<u8>| bytes[3] ^= 1;
    type Row = (&'static str, Vec<u8>, Vec<(&'static str, Severity, Option<u64>)>, Option<String>);
    let rows: Vec<Row> = vec![
        (
            "state",
            consul().changed("state.bin", flip).gzip(),
            vec![(DAMAGED, error, None)],
            Some(format!("{integrity}hash check failed for \"state.bin\"")),
        ),
        (
            "no state",
            consul().without("state.bin").gzip(),
            vec![(REFUSED, error, None)],
            Some(format!("{integrity}hash check failed for \"state.bin\"")),
        ),
        (
            "no list",
            consul().without("SHA256SUMS").gzip(),
            vec![(REFUSED, error, None)],
            Some(format!("{integrity}file missing for \"meta.json\"")),
        ),
        (
            "a line is missing",
            consul().changed("SHA256SUMS", |text| *text = sums(&[("state.bin", STATE)])).gzip(),
            vec![(REFUSED, error, None)],
            Some(format!("{integrity}file missing for \"meta.json\"")),
        ),
        (
            "a line too many",
            consul().changed("SHA256SUMS", |text| text.extend(sums(&[("other", b"")]))).gzip(),
            vec![(REFUSED, error, None)],
            Some(format!("{integrity}list missing hash for \"other\"")),
        ),
        (
            "no line",
            consul().changed("SHA256SUMS", |text| text.extend_from_slice(b"hello\n")).gzip(),
            vec![(REFUSED, error, None)],
            Some(format!("{integrity}line 3 is not a checksum and a name")),
        ),
        ("another member", consul().with("db.bin", b"").gzip(), vec![(REFUSED, error, None)], Some(unexpected("db.bin"))),
        (
            "an empty member twice",
            consul().with("state.bin", b"").gzip(),
            vec![(ODD, Severity::Info, None), (ODD, Severity::Warning, None)],
            None,
        ),
        (
            "a member twice",
            consul().with("state.bin", b"x").gzip(),
            vec![(REFUSED, error, None), (ODD, Severity::Info, None), (DAMAGED, error, None), (REFUSED, error, None)],
            Some(format!("{integrity}hash check failed for \"state.bin\"")),
        ),
        ("the length", short.gzip(), vec![(REFUSED, error, None)], Some(format!("{restore}{size}"))),
        ("the version", version.gzip(), vec![(REFUSED, error, None)], Some(format!("{restore}unsupported snapshot version 2"))),
        (
            "more than JSON",
            trailing.gzip(),
            vec![(REFUSED, error, None)],
            Some(format!("{read}failed to decode snapshot metadata: invalid character after top-level value")),
        ),
        (
            "no JSON",
            ArchiveWriter::of(b"{", STATE).gzip(),
            vec![(REFUSED, error, None)],
            Some(format!("{read}failed to decode snapshot metadata: unexpected end of JSON input")),
        ),
        (
            "zeros behind the tar",
            gzip(&[consul().tar(), vec![0; 1024]].concat()),
            vec![(REFUSED, error, None)],
            Some("1024 unread uncompressed bytes remain".to_owned()),
        ),
        (
            "bytes behind the stream",
            [whole.as_slice(), &[7; 20]].concat(),
            vec![(REFUSED, error, Some(at))],
            Some("gzip: invalid header".to_owned()),
        ),
        ("no end", gzip(&ArchiveWriter { end_blocks: 0, ..consul() }.tar()), vec![(ODD, Severity::Warning, None)], None),
        (
            "one block of zeros",
            gzip(&ArchiveWriter { end_blocks: 1, ..consul() }.tar()),
            vec![(ODD, Severity::Warning, None)],
            None,
        ),
        (
            "not compressed",
            consul().tar(),
            vec![(REFUSED, Severity::Warning, Some(0))],
            Some("failed to decompress snapshot: gzip: invalid header".to_owned()),
        ),
        (
            "another order",
            ArchiveWriter { members: consul().members.into_iter().rev().collect(), end_blocks: 2 }.gzip(),
            vec![(ODD, Severity::Info, None)],
            None,
        ),
        (
            "two streams",
            [gzip(&consul().tar()[..700]), gzip(&consul().tar()[700..])].concat(),
            vec![(ODD, Severity::Info, None)],
            None,
        ),
    ];
    for (name, bytes, expected, consul) in rows {
        let judged = judged(&bytes);
        let mut said = found(&judged);
        let mut expected = expected;
        said.sort_by_key(|finding| (finding.0, finding.1, finding.2));
        expected.sort_by_key(|finding| (finding.0, finding.1, finding.2));
        assert_eq!(said, expected, "{name}: {:?}", judged.findings);
        assert_eq!(judged.consul, consul, "{name}");
    }
}

#[test]
fn vault_does_not_read_as_far_as_consul() {
    let whole = ArchiveWriter::vault();
    type Row = (&'static str, Vec<u8>, &'static [(&'static str, Severity)], Option<&'static str>);
    let rows: [Row; 4] = [
        ("bytes behind", [whole.gzip(), vec![7; 20]].concat(), &[(ODD, Severity::Warning)], None),
        ("zeros behind the tar", gzip(&[whole.tar(), vec![0; 512]].concat()), &[(ODD, Severity::Warning)], None),
        (
            "a long list",
            whole.clone().changed("SHA256SUMS", |text| text.resize(8192, b'\n')).gzip(),
            &[(REFUSED, Severity::Error)],
            Some(
                "failed to read snapshot file: failed to read snapshot hashes: read max specified bytes (8192) without EOF - possible truncation",
            ),
        ),
        (
            "its own state",
            whole.clone().changed("state.bin", |bytes| bytes[0] ^= 1).gzip(),
            &[(DAMAGED, Severity::Error)],
            Some("failed to read snapshot file: failed checking integrity of snapshot: hash check failed for \"state.bin\""),
        ),
    ];
    for (name, bytes, expected, vault) in rows {
        let judged = judged(&bytes);
        let said: Vec<_> = found(&judged).into_iter().map(|(code, severity, _)| (code, severity)).collect();
        assert!(expected.iter().all(|one| said.contains(one)), "{name}: {:?}", judged.findings);
        assert_eq!(judged.vault.as_deref(), vault, "{name}");
    }
}

#[test]
fn the_checksum_of_a_file_snapshot_is_compared_where_it_is_there() {
    assert_eq!(found(&judged(&ArchiveWriter::of(&meta_with_crc(state_crc()), STATE).gzip())), []);
    let judged = judged(&ArchiveWriter::of(&meta_with_crc(state_crc() ^ 1), STATE).gzip());
    assert_eq!(found(&judged), [(DAMAGED, Severity::Error, None)]);
    assert_eq!(judged.findings[0].found, Some(format!("{:016x}", state_crc())));
}

#[test]
fn claimed_lengths_allocate_nothing_and_long_names_are_bounded() {
    let huge = [&header("state.bin", 1 << 40, b'0')[..], STATE].concat();
    let judged_huge = judged(&gzip(&huge));
    assert_eq!(judged_huge.findings[0].code.code, DAMAGED);
    assert!(judged_huge.findings[0].message.contains(&format!("behind {} of its {} bytes", STATE.len(), 1_u64 << 40)));
    let name = [&header("long", 1 << 40, b'L')[..], STATE].concat();
    assert_eq!(
        judged(&gzip(&name)).consul.unwrap(),
        "failed to read snapshot file: failed reading snapshot: archive/tar: header field too long"
    );
    // A length of 8 GiB and more stands in a header of its own.
    let record = format!("11 size={}\n", STATE.len());
    assert_eq!(record.len(), 11);
    let mut pax = header("PaxHeaders.0/state.bin", record.len() as u64, b'x').to_vec();
    pax.extend_from_slice(record.as_bytes());
    pax.resize(1024, 0);
    let tar = ArchiveWriter::consul().tar();
    let state = 512 + meta(STATE.len()).len().next_multiple_of(512);
    let described = [&tar[..state], &pax, &header("state.bin", 1 << 30, b'0'), &tar[state + 512..]].concat();
    assert_eq!(found(&judged(&gzip(&described))), []);
}

#[test]
fn every_cut_is_found() {
    let whole = ArchiveWriter::consul().gzip();
    for end in 0..whole.len() {
        let judged = judged(&whole[..end]);
        assert!(
            judged.findings.iter().any(|finding| finding.code.code == DAMAGED || finding.code.code == REFUSED),
            "cut at {end}"
        );
        assert!(judged.consul.is_some(), "cut at {end}");
    }
    let tar = ArchiveWriter::consul().tar();
    for end in (0..tar.len()).step_by(7) {
        let judged = judged(&tar[..end]);
        assert!(judged.findings.len() > 1 || end < 512, "cut at {end}: {:?}", judged.findings);
        assert!(!judged.findings.is_empty(), "cut at {end}");
    }
}

/// The rules by which a flipped bit is harmless in gzip: nothing reads the time, level and system in its header, and unused bits
/// behind the last code decompress to nothing.
#[test]
fn every_flip_in_gzip_is_found_or_decompresses_to_the_same() {
    let whole = ArchiveWriter::consul().gzip();
    let tar = ArchiveWriter::consul().tar();
    let mut harmless = 0;
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if !judged(&flipped).findings.is_empty() {
            continue;
        }
        harmless += 1;
        let mut out = Vec::new();
        flate2::read::GzDecoder::new(flipped.as_slice()).read_to_end(&mut out).unwrap_or_default();
        assert!(out == tar || bit / 8 < 10, "bit {bit}");
    }
    // Time, level and system are 48 bits, the flag for text and the three reserved ones four, the rest a few of deflate.
    assert!((52..=60).contains(&harmless), "{harmless}");
}

/// The rules by which a flipped bit is harmless in a tar: the form of a checksum's digits, a letter's case or what separates two
/// words in the list of sums.
#[test]
fn every_flip_in_a_tar_is_found_or_means_the_same() {
    let writer = ArchiveWriter::consul();
    let whole = writer.tar();
    let quiet = found(&judged(&whole));
    let list = whole.windows(10).position(|window| window == b"SHA256SUMS").unwrap();
    let text = &writer.members[2].1;
    let mut harmless = (0, 0);
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if found(&judged(&flipped)) != quiet {
            continue;
        }
        let block = bit / 8 / 512 * 512;
        if (list + 512..list + 512 + text.len()).contains(&(bit / 8)) {
            harmless.0 += 1;
            let lines = |text: &[u8]| {
                sum_lines(text).map(|line| line.entry.map(|(sum, name)| (sum, name.to_owned()))).collect::<Vec<_>>()
            };
            assert_eq!(lines(&flipped[list + 512..list + 512 + text.len()]), lines(text), "bit {bit}");
        } else {
            harmless.1 += 1;
            let decode = |tar: &[u8]| TarHeader::decode(tar[block..block + 512].try_into().unwrap());
            assert!((148..156).contains(&(bit / 8 - block)), "bit {bit}");
            assert_eq!(decode(&flipped), decode(&whole), "bit {bit}");
        }
    }
    assert!(harmless.0 < 80 && harmless.1 < 12, "{harmless:?}");
}

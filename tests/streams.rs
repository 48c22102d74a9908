//! Standard input, pipes of the shell and compressed files.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo/n1/group-2").join(path)
}

const PAYLOAD: &str = "fsm-snap/00000000000000c9.fsm";
const SEGMENT: &str = "wal/0000000000000000-0000000000000000.wal";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    flate2::read::GzEncoder::new(bytes, flate2::Compression::default()).read_to_end(&mut packed).unwrap();
    packed
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn tool(words: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"));
    command.args(words).args(["--format", "json", "--width", "200"]);
    command
}

/// Runs with `bytes` in a pipe.
fn piped(words: &[&str], bytes: &[u8]) -> Output {
    let mut child = tool(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&bytes);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

/// The report without what differs by the way in which the bytes came: paths and times.
fn report(output: &Output) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let mut report: Value =
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    report.as_object_mut().unwrap().remove("run");
    report
}

#[test]
fn a_payload_is_judged_however_it_comes() {
    let bytes = fs::read(fixture(PAYLOAD)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let direct = report(&tool(&["verify-snapshot", "--deep"]).arg(fixture(PAYLOAD)).output().unwrap());
    assert_eq!(direct["verdict"], "clean");
    let kept = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let packed = [kept("00000000000000c9.fsm.gz", &gzip(&bytes)), kept("00000000000000c9.fsm.zst", &zstd(&bytes))];
    let mut came: Vec<_> = packed.iter().map(|path| tool(&["verify-snapshot", "--deep"]).arg(path).output().unwrap()).collect();
    came.extend(
        [bytes.clone(), gzip(&bytes), zstd(&bytes)].iter().map(|bytes| piped(&["verify-snapshot", "--deep", "-"], bytes)),
    );
    came.push(tool(&["verify-snapshot", "--deep", "-"]).stdin(File::open(fixture(PAYLOAD)).unwrap()).output().unwrap());
    for (number, output) in came.iter().enumerate() {
        let said = report(output);
        assert_eq!((output.status.code(), &said["verdict"]), (Some(0), &"clean".into()), "{number}: {said:#}");
        let (own, other) = (&said["payloads"][0], &direct["payloads"][0]);
        for field in ["crc32c", "size_bytes", "rows", "applied_index", "last_commit_ts"] {
            assert_eq!(own[field], other[field], "{number} {field}");
        }
    }
    // The name of what is packed tells its index.
    let packed = report(&came[0]);
    assert_eq!(packed["payloads"][0]["index"], direct["payloads"][0]["index"]);
}

#[test]
fn damage_is_damage_however_it_comes() {
    let mut bytes = fs::read(fixture(PAYLOAD)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    for bytes in [bytes.clone(), gzip(&bytes), zstd(&bytes)] {
        let output = piped(&["verify-snapshot", "-"], &bytes);
        assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(report(&output)["findings"][0]["code"], "fsm-body-crc");
    }
    // Nothing at all came, or not all of what was packed.
    assert_ne!(piped(&["verify-snapshot", "-"], b"").status.code(), Some(0));
    let packed = gzip(&bytes);
    let cut = piped(&["verify-snapshot", "-"], &packed[..packed.len() / 2]);
    let said = String::from_utf8(cut.stderr).unwrap();
    assert!(cut.status.code() == Some(1) && said.contains("is compressed with gzip and does not unpack"), "{said}");
}

#[test]
fn a_file_that_does_not_unpack_is_never_clean() {
    let dir = tempfile::tempdir().unwrap();
    let packed = gzip(&fs::read(fixture(PAYLOAD)).unwrap());
    for len in (0..packed.len()).step_by(packed.len() / 23) {
        let path = dir.path().join("x.fsm.gz");
        fs::write(&path, &packed[..len]).unwrap();
        let output = tool(&["verify-snapshot"]).arg(&path).output().unwrap();
        assert_ne!(output.status.code(), Some(0), "{len}");
    }
}

/// Damage of what a file was packed in is that of the packed file, and one that is not opened is neither fine nor damaged.
#[test]
fn a_packed_file_is_called_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = fs::read(fixture(PAYLOAD)).unwrap();
    for (name, whole, packer) in [("x.fsm.gz", gzip(&bytes), "gzip"), ("x.fsm.zst", zstd(&bytes), "Zstandard")] {
        let path = dir.path().join(name);
        let cut = whole.len() - 20;
        fs::write(&path, &whole[..cut]).unwrap();
        for words in ["verify-snapshot", "inspect"] {
            let output = tool(&[words]).arg(&path).output().unwrap();
            let said = report(&output);
            assert_eq!(output.status.code(), Some(2), "{said:#}");
            let findings = said["findings"].as_array().unwrap();
            assert_eq!((findings.len(), &findings[0]["code"]), (1, &"file-damaged".into()), "{said:#}");
            let message = findings[0]["message"].as_str().unwrap();
            assert!(message.starts_with(&format!("This compressed file ({packer}) is damaged: ")), "{message}");
            assert!(findings[0]["offset"].as_u64().unwrap() <= cut as u64, "{said:#}");
            if words == "inspect" {
                assert_eq!((&said["kind"], &said["confidence"]), (&"compressed".into(), &"content".into()), "{said:#}");
            }
        }
    }
    for (name, head, packer) in [
        ("x.fsm.xz", &b"\xfd7zXZ\0\0\x04"[..], "xz"),
        ("x.fsm.bz2", b"BZh91AY&SY", "bzip2"),
        ("x.fsm", b"\x04\x22\x4d\x18", "lz4"),
    ] {
        let path = dir.path().join(name);
        fs::write(&path, [head, &[7; 300]].concat()).unwrap();
        for words in ["verify-snapshot", "inspect"] {
            let output = tool(&[words]).arg(&path).output().unwrap();
            let said = report(&output);
            assert_eq!((output.status.code(), &said["verdict"]), (Some(3), &"unknown".into()), "{said:#}");
            let why = said["coverage"]["not_examined"][0]["why"].as_str().unwrap();
            assert_eq!(
                why,
                format!("it is compressed with {packer}, which is not opened; decompress it first and name what comes out")
            );
        }
    }
}

/// Logs that were rotated away are compressed.
#[test]
fn lines_of_a_packed_file_are_explained() {
    let dir = tempfile::tempdir().unwrap();
    let line = b"panic: wal: slice bounds out of range\n";
    for (name, bytes) in [("a.log.gz", gzip(line)), ("a.log.zst", zstd(line)), ("a.log", line.to_vec())] {
        let path = dir.path().join(name);
        fs::write(&path, &bytes).unwrap();
        let output = tool(&["explain"]).arg("--file").arg(&path).output().unwrap();
        let plain = tool(&["explain", str::from_utf8(line).unwrap().trim_end()]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let [mut said, mut direct] = [&output, &plain].map(report);
        for one in [&mut said, &mut direct] {
            one.as_object_mut().unwrap().remove("run");
        }
        assert_eq!(said["explanations"], direct["explanations"]);
    }
    let cut = gzip(line);
    let path = dir.path().join("cut.gz");
    fs::write(&path, &cut[..cut.len() - 9]).unwrap();
    let output = tool(&["explain"]).arg("--file").arg(&path).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("is compressed with gzip and does not unpack"), "{said}");
    fs::write(&path, b"\xfd7zXZ\0\0\x04").unwrap();
    let said = String::from_utf8(tool(&["explain"]).arg("--file").arg(&path).output().unwrap().stderr).unwrap();
    assert!(said.contains("is compressed with xz, which is not opened; decompress it first"), "{said}");
}

/// Where nothing can be kept nothing is known of the file.
#[test]
fn a_place_without_room_is_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.fsm.gz");
    fs::write(&path, gzip(&fs::read(fixture(PAYLOAD)).unwrap())).unwrap();
    for words in [["verify-snapshot"], ["inspect"]] {
        let output = tool(&words).arg(&path).env("TMPDIR", dir.path().join("nowhere")).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && said.contains("nowhere") && said.contains("TMPDIR"), "{said}");
    }
    // Nor is what unpacks to far more than it is.
    let bomb = zstd(&vec![0; 200 << 20]);
    assert!(bomb.len() < 64 << 10, "{}", bomb.len());
    let path = dir.path().join("bomb.zst");
    fs::write(&path, bomb).unwrap();
    let output = tool(&["inspect"]).arg(&path).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("unpacks to more than 1032 times its size"), "{said}");
}

/// A word that happens to be hexadecimal is no index.
#[test]
fn only_sixteen_digits_are_an_index() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a.fsm", "cafe.fsm", "db.fsm"] {
        let path = dir.path().join(name);
        fs::copy(fixture(PAYLOAD), &path).unwrap();
        let output = tool(&["verify-snapshot", "--deep"]).arg(&path).output().unwrap();
        let said = report(&output);
        assert_eq!((output.status.code(), &said["payloads"][0]["index"]), (Some(0), &Value::Null), "{said:#}");
    }
}

#[test]
fn a_segment_is_dumped_however_it_comes() {
    let bytes = fs::read(fixture(SEGMENT)).unwrap();
    let direct = report(&tool(&["wal", "dump"]).arg(fixture(SEGMENT)).output().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let renamed = dir.path().join("kept.bin");
    fs::write(&renamed, &bytes).unwrap();
    let mut came = vec![tool(&["wal", "dump"]).arg(&renamed).output().unwrap()];
    came.extend([bytes.clone(), gzip(&bytes), zstd(&bytes)].iter().map(|bytes| piped(&["wal", "dump", "-"], bytes)));
    for output in &came {
        let said = report(output);
        assert_eq!((output.status.code(), &said["verdict"]), (Some(0), &direct["verdict"]), "{said:#}");
        let records = |said: &Value| {
            let mut records = said["records"].as_array().unwrap().clone();
            for record in &mut records {
                record.as_object_mut().unwrap().remove("segment");
            }
            records
        };
        assert!(records(&said) == records(&direct) && records(&direct).len() > 10);
    }
}

#[test]
fn inspect_says_what_comes() {
    for (path, kind) in [(PAYLOAD, "snapshot-payload"), (SEGMENT, "wal-segment"), ("fsm.db/MANIFEST-000001", "store-manifest")] {
        let bytes = fs::read(fixture(path)).unwrap();
        for bytes in [bytes.clone(), gzip(&bytes)] {
            assert_eq!(report(&piped(&["inspect", "-"], &bytes))["kind"], kind, "{path}");
        }
    }
    let rows = piped(&["store", "dump", "-"], &gzip(&fs::read(fixture("fsm.db/MANIFEST-000001")).unwrap()));
    assert_eq!(report(&rows)["kind"], "manifest");
}

#[test]
fn a_pipe_of_the_shell_is_read() {
    if Command::new("bash").arg("-c").arg("true").status().is_err() {
        eprintln!("skipped: there is no bash");
        return;
    }
    let tool = assert_cmd::cargo::cargo_bin("ekv-tool");
    let line = format!("{} verify-snapshot --format json <(cat {})", tool.display(), fixture(PAYLOAD).display());
    let output = Command::new("bash").args(["-c", &line]).output().unwrap();
    assert_eq!((output.status.code(), &report(&output)["verdict"]), (Some(0), &"clean".into()));
}

#[test]
fn nothing_is_kept_in_a_data_directory() {
    let dir = tempfile::tempdir().unwrap();
    let group = dir.path().join("n1/group-1");
    for below in ["wal", "snap", "fsm-snap", "fsm.db", "tmp"] {
        fs::create_dir_all(group.join(below)).unwrap();
    }
    fs::write(group.join("raft-engine"), "etcd\n").unwrap();
    let payload = fs::read(fixture(PAYLOAD)).unwrap();
    let mut child = tool(&["verify-snapshot", "-"]);
    let child = child.env("TMPDIR", group.join("tmp")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&payload)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("where nothing is ever written; set TMPDIR"), "{said}");
    assert_eq!(fs::read_dir(group.join("tmp")).unwrap().count(), 0);
}

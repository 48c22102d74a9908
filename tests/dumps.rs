//! Dumps of the offline tools: directories and archives, what the tools say, every cut and flip.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use ekv_tool::Run;
use ekv_tool::analysis::judge::dump::judge_dump;
use ekv_tool::analysis::{Coverage, Verdict};
use ekv_tool::ops::{dumps, verify_dumps};
use ekv_tool::readers::Local;
use ekv_tool::readers::dump::examine_dump_archive;
use serde_json::{Value, json};

use crate::support::dump_writer::{Dump, Entry, tar_of, zstd_stored};
use crate::support::recorded;

fn report(path: &Path) -> Value {
    let found = dumps(&[path.to_owned()], &Local).unwrap();
    assert_eq!(found.len(), 1, "{} is taken for no dump", path.display());
    serde_json::to_value(verify_dumps(&found, &Run::local()).unwrap()).unwrap()
}

fn codes(report: &Value) -> Vec<String> {
    let all = report["findings"].as_array().unwrap().iter();
    all.map(|it| format!("{} {}", it["severity"].as_str().unwrap(), it["code"].as_str().unwrap())).collect()
}

/// A file of that name with these bytes, and its report.
fn archive(name: &str, bytes: &[u8]) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    report(&path)
}

fn recorded_archive() -> PathBuf {
    recorded::offload().root.join("archive/d.tar.zst")
}

/// Every file of the recorded archive, unpacked by the system's own tar.
fn unpacked() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    tar::Archive::new(plain().as_slice()).unpack(dir.path().join("d")).unwrap();
    dir
}

/// The recorded archive without its compression, by the system's own program.
fn plain() -> Vec<u8> {
    let output = Command::new("zstd").arg("-dc").arg(recorded_archive()).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

#[test]
fn an_archive_that_the_server_packed_is_intact() {
    let found = report(&recorded_archive());
    // Its keys with a time to live are what makes an encoder's self-test fail.
    assert_eq!((found["verdict"].as_str(), codes(&found)), (Some("clean"), vec!["info dump-self-test".to_owned()]), "{found:#}");
    let dump = &found["dumps"][0];
    assert_eq!((dump["container"].as_str(), dump["cluster_id"].as_str()), (Some("tar-zstd"), Some("demo")));
    assert_eq!((dump["snapshot_index"].as_u64(), dump["fsm_path"].as_str()), (Some(701), Some("701.fsm")));
    // Every file but CHECKSUMS itself has a line.
    assert_eq!(dump["files"].as_u64().unwrap(), dump["checksum_lines"].as_u64().unwrap() + 1);
    assert_eq!(dump["tool_error"], Value::Null);
    assert_eq!(dump["adapters"], json!(["dynamodb", "s3", "redis", "sqs"]));
}

#[test]
fn the_same_as_a_directory_and_as_a_bare_tar() {
    if Command::new("zstd").arg("--version").output().is_err() {
        return;
    }
    let dir = unpacked();
    let found = report(&dir.path().join("d"));
    assert_eq!((found["verdict"].as_str(), codes(&found)), (Some("clean"), vec!["info dump-self-test".to_owned()]), "{found:#}");
    let packed = &report(&recorded_archive())["dumps"][0];
    for field in ["files", "directories", "content_bytes", "checksum_lines"] {
        assert_eq!(found["dumps"][0][field], packed[field], "{field}");
    }
    let plain = plain();
    let found = archive("d.tar", &plain);
    assert_eq!((found["verdict"].as_str(), found["dumps"][0]["container"].as_str()), (Some("clean"), Some("tar")));
    // Named otherwise, by its content.
    assert_eq!(archive("d.bin", &plain)["verdict"], "clean");
}

#[test]
fn no_prefix_of_the_recorded_archive_is_clean_and_no_flip_goes_unseen() {
    let bytes = fs::read(recorded_archive()).unwrap();
    let examine = |bytes: &[u8]| {
        let facts = examine_dump_archive(bytes, &mut |_| true).unwrap();
        let mut coverage = Coverage::default();
        judge_dump("x", &facts, &mut coverage).verdict
    };
    assert_eq!(examine(&bytes), Verdict::Clean);
    for cut in (0..64).chain((64..bytes.len()).step_by(331)).chain(bytes.len() - 8..bytes.len()) {
        assert_ne!(examine(&bytes[..cut]), Verdict::Clean, "cut at {cut}");
    }
    for at in (0..64).chain((64..bytes.len()).step_by(577)).chain(bytes.len() - 8..bytes.len()) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        // A larger window, or the lack of a checksum, is another form of the same frame.
        let header = at < 6;
        assert!(header || examine(&flipped) != Verdict::Clean, "byte {at}");
    }
}

#[test]
fn every_prefix_and_flip_of_a_small_archive() {
    let whole = tar_of(&Dump::default().entries());
    let verdict = |bytes: &[u8]| {
        let facts = examine_dump_archive(bytes, &mut |_| true).unwrap();
        let mut coverage = Coverage::default();
        judge_dump("x", &facts, &mut coverage)
    };
    assert_eq!(verdict(&whole).findings, []);
    let ends = whole.len() - 1024;
    for cut in 0..whole.len() {
        // The tools do not miss the blocks of zeros that end a tar when it ends with an entry.
        let end = cut == ends || cut == ends + 512;
        assert_eq!(verdict(&whole[..cut]).verdict == Verdict::Clean, end, "{cut}");
    }
    // Nobody looks at the padding behind a file's content; the checksum of a header may be written in several ways.
    let mut free = vec![false; whole.len()];
    let mut at = 0;
    for (_, _, content) in Dump::default().entries() {
        free[at + 148..at + 156].fill(true);
        let end = at + 512 + content.len();
        at = end.next_multiple_of(512);
        free[end..at].fill(true);
    }
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x04;
        assert!(free[at] || verdict(&flipped).verdict != Verdict::Clean, "byte {at}");
    }
    // In a frame of Zstandard as well.
    let framed = zstd_stored(&whole);
    assert_eq!(verdict(&framed).findings, []);
    for cut in (1..framed.len()).step_by(97) {
        assert_ne!(verdict(&framed[..cut]).verdict, Verdict::Clean, "{cut}");
    }
    let mut wrong = framed.clone();
    let last = wrong.len() - 1;
    wrong[last] ^= 1;
    assert_eq!(verdict(&wrong).findings[0].code.code, "dump-archive-damaged");
}

/// A change of the dump, the codes of its findings, and what the tools say.
type Case = (&'static str, fn(&mut Vec<Entry>), &'static [&'static str], &'static str);

#[test]
fn what_the_tools_say_of_an_archive() {
    let cases: &[Case] = &[
        (
            "a changed file",
            |all| all.last_mut().unwrap().2 = b"xx".to_vec(),
            &["error dump-file-differs"],
            "redis/db_0/strings/a.bin: have ",
        ),
        (
            "a file less",
            |all| drop(all.pop()),
            &["error dump-file-missing"],
            "redis/db_0/strings/a.bin: missing on disk: backup: checksum mismatch",
        ),
        (
            "a file more",
            |all| all.push(("redis/more".to_owned(), b'0', b"x".to_vec())),
            &["error dump-file-unlisted"],
            "redis/more: backup archive: file is not listed in CHECKSUMS",
        ),
        (
            "a path that leads out",
            |all| all.push(("../x".to_owned(), b'0', b"x".to_vec())),
            &["error dump-entry-refused"],
            "\"../x\": backup archive: unsafe path",
        ),
        (
            "a link",
            |all| all.push(("redis/link".to_owned(), b'2', Vec::new())),
            &["error dump-entry-refused"],
            "redis/link type 2: backup archive: non-regular file",
        ),
        (
            "a name twice",
            |all| {
                let again = all.last().unwrap().clone();
                all.push(again);
            },
            &["error dump-entry-refused"],
            "redis/db_0/strings/a.bin: file exists",
        ),
        (
            "a file below a file",
            |all| all.push(("redis/db_0/strings/a.bin/b".to_owned(), b'0', Vec::new())),
            &["error dump-entry-refused", "error dump-file-unlisted"],
            "redis/db_0/strings/a.bin/b: not a directory",
        ),
        (
            "a directory where a file is",
            |all| all.push(("redis/db_0/strings/a.bin".to_owned(), b'5', Vec::new())),
            &["error dump-entry-refused"],
            "redis/db_0/strings/a.bin: not a directory",
        ),
        (
            "two lists of checksums, of which the second is right",
            |all| {
                let mut wrong = all[0].clone();
                wrong.2.iter_mut().take(64).for_each(|digit| *digit = b'0');
                all.insert(0, wrong);
            },
            &["error dump-entry-refused"],
            "CHECKSUMS: file exists",
        ),
        (
            "a user id that is no number",
            |all| {
                let at = all.len() - 1;
                all.insert(at, ("pax".to_owned(), b'x', b"11 uid=abc\n".to_vec()));
            },
            &["error dump-archive-damaged"],
            "archive/tar: invalid tar header",
        ),
        (
            "no manifest",
            |all| drop(all.remove(1)),
            &["error dump-file-missing", "error dump-manifest-refused"],
            "lstat MANIFEST.json: no such file or directory",
        ),
        (
            "no checksums",
            |all| drop(all.remove(0)),
            &["error dump-checksums-refused"],
            "lstat CHECKSUMS: no such file or directory",
        ),
        (
            "empty checksums",
            |all| all[0].2.clear(),
            &["error dump-checksums-refused", "error dump-file-unlisted", "error dump-file-unlisted"],
            "backup: CHECKSUMS contains no checksum rows",
        ),
        (
            "a line that is none",
            |all| all[0].2.extend_from_slice(b"x\n"),
            &["error dump-checksums-refused"],
            "line 3: \"x\": backup: malformed CHECKSUMS line",
        ),
        (
            "a line that leads out",
            |all| {
                let line = format!("{}  ../../etc/shadow\n", "0".repeat(64));
                all[0].2.splice(0..0, line.into_bytes());
            },
            &["error dump-checksums-refused"],
            "line 1: not a local path (absolute / traversal / reserved name): \"../../etc/shadow\": backup: CHECKSUMS path escapes dump root",
        ),
    ];
    for (what, change, expected, text) in cases {
        let mut entries = Dump::default().entries();
        change(&mut entries);
        let found = archive("d.tar", &tar_of(&entries));
        let mut all = codes(&found);
        all.sort();
        assert_eq!(
            (all, found["verdict"].as_str()),
            (expected.iter().map(ToString::to_string).collect(), Some("damaged")),
            "{what}"
        );
        let said = found["dumps"][0]["tool_error"].as_str().unwrap();
        assert!(said.starts_with(text), "{what}: {said}");
    }
}

#[test]
fn a_window_that_does_not_fit_is_no_damage() {
    let path = recorded_archive();
    for (memory, status, verdict) in [("4MiB", 3, "unknown"), ("64MiB", 0, "clean")] {
        let args = ["--format", "json", "--memory", memory, "verify-snapshot", path.to_str().unwrap()];
        let output = Command::new(cargo_bin("ekv-tool")).args(args).output().unwrap();
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((output.status.code(), found["verdict"].as_str()), (Some(status), Some(verdict)), "{found:#}");
    }
}

#[test]
fn a_sparse_file_is_not_known() {
    let mut entries = Dump::default().entries();
    let at = entries.len() - 1;
    entries.insert(at, ("pax".to_owned(), b'x', b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n".to_vec()));
    let found = archive("d.tar", &tar_of(&entries));
    assert_eq!((found["verdict"].as_str(), codes(&found)), (Some("unknown"), vec![]), "{found:#}");
    assert!(found.to_string().contains("kept as a sparse file"), "{found:#}");
}

#[test]
fn entries_in_another_order_are_compared_too() {
    let mut entries = Dump::default().entries();
    entries.reverse();
    for entry in &mut entries {
        entry.0.insert_str(0, "./");
    }
    let found = archive("d.tar", &tar_of(&entries));
    assert_eq!((found["verdict"].as_str(), codes(&found)), (Some("clean"), vec![]), "{found:#}");
}

#[test]
fn traps_are_named() {
    let with = |change: fn(&mut Dump)| {
        let mut dump = Dump::default();
        change(&mut dump);
        let found = archive("d.tar", &tar_of(&dump.entries()));
        (found["verdict"].as_str().unwrap().to_owned(), codes(&found))
    };
    let one = |code: &str| ("clean".to_owned(), vec![code.to_owned()]);
    assert_eq!(with(|dump| dump.fsm_path = "/x/0000000000002710.fsm"), one("warning dump-index-doubtful"));
    assert_eq!(with(|dump| (dump.fsm_path, dump.index) = ("000000000000271a.fsm", 0)), one("warning dump-index-doubtful"));
    assert_eq!(with(|dump| (dump.fsm_path, dump.index) = ("0000000000002710.fsm", 10000)), ("clean".to_owned(), vec![]));
    assert_eq!(with(|dump| dump.cluster = ""), one("info dump-cluster-unnamed"));
    assert_eq!(with(|dump| dump.adapters = "\"s3\": {}"), one("warning dump-adapters-differ"));
    assert_eq!(with(|dump| dump.adapters = "\"redis\": {\"databases\": [0, 3]}"), one("warning dump-adapters-differ"));
    assert_eq!(with(|dump| dump.file = "redis/db_0/strings_ttl.jsonl"), one("info dump-self-test"));
}

#[test]
fn hostile_archives_cost_nothing() {
    // A length of 2^63, and one above what the tools unpack.
    for (size, code) in
        [(u64::MAX / 2 + 1, "dump-archive-damaged"), (u64::MAX / 2, "dump-archive-damaged"), (1 << 41, "dump-archive-damaged")]
    {
        let mut entries = Dump::default().entries();
        entries.truncate(2);
        let mut bytes = tar_of(&entries);
        bytes.truncate(bytes.len() - 1024);
        let mut header = tar::Header::new_gnu();
        header.set_path("redis/x").unwrap();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(size);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&[0; 512]);
        let found = archive("d.tar", &bytes);
        assert!(codes(&found).iter().any(|it| it.ends_with(code)), "{size}: {:?}", codes(&found));
        assert_eq!(found["verdict"], "damaged");
    }
    // A frame that claims a window of more than the run may take, and what is no frame behind its magic number.
    for bytes in [&b"\x28\xb5\x2f\xfd\x00\xff"[..], b"\x28\xb5\x2f\xfd", b"\x28\xb5\x2f\xfd\x04\x68xxxxxxxxxxx", b""] {
        let found = archive("d.tar.zst", bytes);
        assert_ne!(found["verdict"], "clean");
    }
    // A tar of other things is none of our business.
    let other = archive("d.tar", &tar_of(&[("holiday.jpg".to_owned(), b'0', b"x".to_vec())]));
    assert_eq!((other["verdict"].as_str(), codes(&other)), (Some("unknown"), vec![]));
}

#[test]
fn a_directory_with_links_and_other_things() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("d");
    Dump::default().write(&dir);
    assert_eq!(report(&dir)["verdict"], "clean");
    let file = dir.join("redis/db_0/strings/a.bin");
    let elsewhere = root.path().join("a.bin");
    fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    let found = report(&dir);
    let mut all = codes(&found);
    all.sort();
    assert_eq!(all, ["error dump-checksums-refused", "error dump-entry-refused"]);
    let said = found["dumps"][0]["tool_error"].as_str().unwrap();
    assert!(
        said.starts_with("line 2: symlink in path: ") && said.ends_with("backup: CHECKSUMS path traverses symlink"),
        "{said}"
    );
}

#[test]
fn the_command_takes_them_and_inspect_knows_them() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("d");
    Dump::default().write(&dir);
    let packed = root.path().join("d.tar.zst");
    fs::write(&packed, zstd_stored(&tar_of(&Dump::default().entries()))).unwrap();
    let run = |args: &[&str]| {
        let output = Command::new(cargo_bin("ekv-tool")).args(args).current_dir(root.path()).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (status, text) = run(&["verify-snapshot", "d", "d.tar.zst"]);
    assert!(status == 0 && text.starts_with("CLEAN    2 dumps with 6 files: intact"), "{text}");
    for (path, kind) in [("d", "dump"), ("d.tar.zst", "dump-archive")] {
        let (status, text) = run(&["inspect", "--format", "json", path]);
        let page: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, page["kind"].as_str()), (0, Some(kind)), "{page:#}");
        assert_eq!(page["next_step"], format!("ekv-tool verify-snapshot {path}"));
    }
    assert_eq!(run(&["verify-snapshot", "d", "."]).0, 1);
}

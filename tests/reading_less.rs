//! Content that is not read: what a ledger vouches for (`--ledger`), what belongs to another part (`--sample`), what there was no time for
//! (`--max-duration`). Nothing of it may pass for what was read.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use ekv_tool::formats::ledger::{LedgerEntry, decode, encode};
use ekv_tool::types::UnixMillis;
use serde_json::Value;

use crate::support::recorded::{cases, hashi, offload};
use crate::support::tree::copy_tree;

/// Payloads of fixtures/demo.
const PAYLOADS: usize = 4;
const NEWEST: &str = "data/n1/group-1/fsm-snap/00000000000002bd.fsm";

/// A copy of fixtures/demo, with room beside it.
struct Scene {
    root: tempfile::TempDir,
}

/// Until no file counts as one that is being written to.
fn wait() {
    std::thread::sleep(Duration::from_millis(2_200));
}

/// How a run ended.
struct Ended {
    status: i32,
    out: String,
    err: String,
}

impl Ended {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}{}", self.out, self.err))
    }
}

impl Scene {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        copy_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo"), &root.path().join("data"));
        Self { root }
    }

    /// The same, with files that have not changed for a while.
    fn still() -> Self {
        let scene = Self::new();
        wait();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn run(&self, line: &str) -> Ended {
        let mut program = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"));
        let output = program.current_dir(self.root.path()).args(line.split(' ')).args(["--width", "80"]).output().unwrap();
        Ended {
            status: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Verdict and report of `verify-snapshot`.
    fn verify(&self, options: &str) -> Value {
        let line = format!("verify-snapshot --format json{options} data");
        let ended = self.run(&line);
        let report = ended.json();
        let status = match report["verdict"].as_str().unwrap() {
            "clean" => 0,
            "damaged" => 2,
            _ => 3,
        };
        assert_eq!(ended.status, status, "{line}");
        report
    }

    fn entries(&self) -> Vec<LedgerEntry> {
        decode(&fs::read(self.path("ledger")).unwrap()).unwrap()
    }

    fn write_entries(&self, change: impl Fn(LedgerEntry) -> LedgerEntry) {
        fs::write(self.path("ledger"), encode(self.entries().into_iter().map(change))).unwrap();
    }

    /// Changes a byte in the middle of the newest payload and gives it its old times back, as far as that can be done.
    fn rot(&self) {
        let path = self.path(NEWEST);
        let times = fs::metadata(&path).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes[100_000] ^= 1;
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &bytes[100_000..=100_000], 100_000).unwrap();
        file.set_times(fs::FileTimes::new().set_modified(times.modified().unwrap())).unwrap();
    }
}

/// How many payloads of a report were not read because of a ledger.
fn from_ledger(report: &Value) -> usize {
    let payloads = report["snapshots"].as_array().unwrap();
    let vouched = payloads.iter().filter(|view| view.get("from_ledger").is_some()).count();
    // Wherever that is said, it is the same.
    let checks = payloads.iter().filter(|view| view["checks"]["body_crc"] == "from-ledger").count();
    let content = report["content"]["from_ledger"]["files"].as_u64().unwrap_or(0);
    let parts = report["coverage"]["not_examined"].as_array().unwrap();
    let covered = parts.iter().filter(|part| part["why"].as_str().unwrap().starts_with("from the ledger, read on 2")).count();
    assert_eq!((checks, content, covered), (vouched, vouched as u64, vouched), "{report}");
    vouched
}

fn codes(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn what_a_ledger_vouches_for_is_not_read_and_is_said() {
    let scene = Scene::still();
    let first = scene.verify(" --ledger ledger");
    assert_eq!((first["verdict"].as_str(), from_ledger(&first)), (Some("clean"), 0));
    assert_eq!((first["ledger"]["entered"].as_u64(), &first["ledger"]["max_age_ms"]), (Some(PAYLOADS as u64), &Value::Null));
    assert_eq!(scene.entries().len(), PAYLOADS);
    // Without an age nothing is believed.
    assert_eq!(from_ledger(&scene.verify(" --ledger ledger")), 0);
    let then = scene.verify(" --ledger ledger --max-age 7d");
    assert_eq!((then["verdict"].as_str(), from_ledger(&then)), (Some("clean"), PAYLOADS));
    assert_eq!((then["ledger"]["entered"].as_u64(), then["ledger"]["believed"].as_u64()), (Some(0), Some(PAYLOADS as u64)));
    let read = |report: &Value| report["coverage"]["bytes_examined"].as_u64().unwrap();
    assert!(read(&then) * 10 < read(&first), "{} {}", read(&then), read(&first));
    // What stands at both ends of a file is looked at in any case.
    for view in then["snapshots"].as_array().unwrap() {
        assert_eq!(
            (&view["checks"]["token_crc"], &view["checks"]["header"], &view["checks"]["deep"]),
            (&"pass".into(), &"pass".into(), &"not-run".into())
        );
        assert_eq!(view["computed_crc32c"], Value::Null);
    }
    let table = scene.run("verify-snapshot --ledger ledger --max-age 7d data");
    let head: Vec<_> = table.out.lines().take(2).collect();
    assert!(head[0].starts_with("CLEAN    4 payloads and 4 envelopes, all payloads from the ledger (read since"), "{head:?}");
    assert!(head[1].contains(", not now): intact"), "{head:?}");
    assert_eq!(table.out.lines().filter(|line| line.contains("  ledger  ok ")).count(), PAYLOADS, "{}", table.out);
    let one = scene.run("verify-snapshot --ledger ledger --max-age 7d data/n1/group-1").out;
    assert!(one.contains("1 payload and 1 envelope, the payload from the ledger (read on"), "{one}");
    assert!(one.contains("6a281dac, matched the payload on"), "{one}");
    let metrics = scene.run("verify-snapshot --ledger ledger --max-age 7d --format prometheus data").out;
    assert_eq!(metrics.lines().filter(|line| line.starts_with("ekv_tool_snapshot_read_timestamp_seconds{")).count(), PAYLOADS);
}

/// Whether a payload is the one of an index its rows tell, and no entry has them.
#[test]
fn with_a_token_the_ledger_is_not_asked() {
    let scene = Scene::new();
    // Under a name that stands for no index.
    fs::create_dir(scene.path("kept")).unwrap();
    fs::copy(scene.path(NEWEST), scene.path("kept/backup.fsm")).unwrap();
    wait();
    assert_eq!(scene.run("verify-snapshot --ledger ledger kept/backup.fsm").status, 0);
    assert_eq!(scene.entries().len(), 1);
    let of_index_1 = "verify-snapshot --format json --token 454b56540100000000000000016a281dac";
    for ledger in ["", " --ledger ledger --max-age 7d"] {
        let ended = scene.run(&format!("{of_index_1}{ledger} kept/backup.fsm"));
        assert_eq!(ended.status, 2, "{ledger}: {}", ended.out);
        assert!(codes(&ended.json()).contains(&"fsm-ahead-of-index"), "{}", ended.out);
    }
}

#[test]
fn a_ledger_vouches_for_no_more_than_was_read() {
    let scene = Scene::still();
    scene.verify(" --ledger ledger");
    // Rows were not looked at.
    let deep = scene.verify(" --ledger ledger --max-age 7d --deep");
    assert_eq!((from_ledger(&deep), deep["ledger"]["entered"].as_u64()), (0, Some(PAYLOADS as u64)));
    assert_eq!(scene.entries().len(), 2 * PAYLOADS);
    let again = scene.verify(" --ledger ledger --max-age 7d --deep");
    assert_eq!((from_ledger(&again), again["verdict"].as_str()), (PAYLOADS, Some("clean")));
    assert!(again["snapshots"].as_array().unwrap().iter().all(|view| view["checks"]["deep"] == "from-ledger"));
    // A reading of every row is one of the checksum as well.
    scene.write_entries(|entry| LedgerEntry { deep: true, ..entry });
    assert_eq!(from_ledger(&scene.verify(" --ledger ledger --max-age 7d")), PAYLOADS);
    // Another byte, with the size and the time of before.
    scene.rot();
    let damaged = scene.verify(" --ledger ledger --max-age 7d");
    assert_eq!((damaged["verdict"].as_str(), codes(&damaged), from_ledger(&damaged)), (Some("damaged"), vec!["fsm-body-crc"], 3));
    // What is damaged is never entered, neither is a copy of a file that is not.
    wait();
    let damaged = scene.verify(" --ledger ledger --max-age 7d");
    assert_eq!((damaged["verdict"].as_str(), damaged["ledger"]["entered"].as_u64()), (Some("damaged"), Some(0)));
    fs::create_dir(scene.path("copies")).unwrap();
    fs::copy(scene.path("data/n1/group-2/fsm-snap/0000000000000065.fsm"), scene.path("copies/copy.fsm")).unwrap();
    let copy = scene.run("verify-snapshot --format json --ledger new/ledger copies/copy.fsm");
    assert!(copy.status == 1 && copy.err.contains("the directory new cannot be used"), "{}", copy.err);
    let copy = scene.run("verify-snapshot --format json --ledger ledger --max-age 7d copies/copy.fsm").json();
    assert_eq!(
        (copy["verdict"].as_str(), copy["ledger"]["entered"].as_u64()),
        (Some("clean"), Some(0)),
        "it was written just now"
    );
}

#[test]
fn a_payload_of_which_there_is_something_to_say_is_not_entered() {
    let scene = Scene::new();
    // It holds entries up to 201 and says 101: a warning, as long as nobody asks for more.
    let dir = scene.path("lone");
    fs::create_dir(&dir).unwrap();
    fs::copy(scene.path("data/n1/group-2/fsm-snap/00000000000000c9.fsm"), dir.join("0000000000000065.fsm")).unwrap();
    wait();
    let report = scene.run("verify-snapshot --format json --ledger ledger lone/0000000000000065.fsm").json();
    assert_eq!(codes(&report), ["fsm-ahead-of-index"]);
    assert_eq!(report["ledger"]["entered"].as_u64(), Some(0));
}

#[test]
fn entries_that_are_old_or_from_the_future_or_of_another_program_are_passed_over() {
    let scene = Scene::still();
    scene.verify(" --ledger ledger");
    let hours =
        |entry: LedgerEntry, hours: u64| LedgerEntry { read_at_ms: UnixMillis(entry.read_at_ms.0 - hours * 3_600_000), ..entry };
    scene.write_entries(|entry| hours(entry, 48));
    let known = scene.verify(" --ledger ledger --max-age 3d");
    assert_eq!(from_ledger(&known), PAYLOADS);
    let day = known["snapshots"][0]["from_ledger"]["read_at_ms"].as_u64().unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    assert!(u128::from(day) + 47 * 3_600_000 < now);
    let old = scene.verify(" --ledger ledger --max-age 1d");
    assert_eq!((from_ledger(&old), old["ledger"]["too_old"].as_u64(), old["ledger"]["entered"].as_u64()), (0, Some(4), Some(4)));
    scene.write_entries(|entry| LedgerEntry { read_at_ms: UnixMillis(entry.read_at_ms.0 + 3_600_000), ..entry });
    let future = scene.verify(" --ledger ledger --max-age 1d");
    assert_eq!((from_ledger(&future), future["ledger"]["in_the_future"].as_u64()), (0, Some(4)));
    // They do not stay to outlive what is read now.
    assert_eq!(from_ledger(&scene.verify(" --ledger ledger --max-age 1d")), PAYLOADS);
    scene.write_entries(|entry| LedgerEntry { tool: "0.0.1".to_owned(), ..entry });
    let other = scene.verify(" --ledger ledger --max-age 1d");
    assert_eq!((from_ledger(&other), other["ledger"]["other_tool"].as_u64()), (0, Some(4)));
    let table = scene.run("verify-snapshot --ledger ledger --max-age 1d data").out;
    assert!(!table.contains("passed over"), "{table}");
}

#[test]
fn a_damaged_ledger_is_not_believed_and_written_anew() {
    let scene = Scene::still();
    scene.verify(" --ledger ledger");
    let intact = fs::read(scene.path("ledger")).unwrap();
    let halves = [intact[..intact.len() / 2].to_vec(), {
        let mut bytes = intact.clone();
        // A digit of a time.
        let at = intact.windows(13).position(|text| text.starts_with(b"\"read_at_ms\":")).unwrap() + 20;
        bytes[at] ^= 1;
        bytes
    }];
    for damaged in halves {
        fs::write(scene.path("ledger"), damaged).unwrap();
        let report = scene.verify(" --ledger ledger --max-age 7d");
        assert_eq!((report["verdict"].as_str(), from_ledger(&report)), (Some("clean"), 0));
        assert!(report["ledger"]["ignored"].as_str().unwrap().starts_with("it is damaged: line "), "{}", report["ledger"]);
        assert_eq!(scene.entries().len(), PAYLOADS);
    }
    // What nobody has written yet is an empty one.
    fs::write(scene.path("ledger"), "").unwrap();
    assert_eq!(scene.verify(" --ledger ledger --max-age 7d")["ledger"]["ignored"], Value::Null);
}

#[test]
fn a_ledger_lies_outside_of_data_and_is_nobody_elses_file() {
    let scene = Scene::new();
    fs::write(scene.path("other.json"), "{\"mine\":1}\n").unwrap();
    fs::write(scene.path("newer"), "{\"ledger\":\"ekv-tool\",\"version\":2}\nwho knows\n").unwrap();
    fs::write(scene.path("report"), scene.run("check --format json data").out).unwrap();
    symlink("data/n1/group-1/fsm-snap/ledger", scene.path("link")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        scene.path("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let lists = || -> Vec<_> { walk(scene.root.path()).into_iter().collect() };
    let before = lists();
    for (file, words) in [
        ("data/ledger", "which is a raft data directory; nothing is ever written there"),
        ("data/n1/ledger", "which is the directory of a node; nothing is ever written there"),
        ("data/n1/group-1/fsm-snap/ledger", "nothing is ever written there"),
        ("link", "nothing is ever written there"),
        ("other.json", "exists and is not a ledger of ekv-tool; it is left as it is"),
        ("report", "exists and is not a ledger of ekv-tool; it is left as it is"),
        ("newer", "it is a ledger of version 2; this program knows version 1; it is left as it is"),
        ("fifo", "is no regular file"),
        ("data", "is a directory"),
    ] {
        let ended = scene.run(&format!("verify-snapshot --ledger {file} data"));
        assert_eq!(ended.status, 1, "{file}: {}", ended.out);
        let err = ended.err.replace('\n', " ");
        assert!(err.starts_with(&format!("ekv-tool: --ledger {file}: ")) && err.contains(words), "{file}: {err}");
        assert!(!err.contains("--output"), "{err}");
    }
    let both = scene.run("verify-snapshot --ledger one --output one data");
    assert!(both.status == 1 && both.err.contains("is the file of --output as well"), "{}", both.err);
    // That is a report of what went wrong.
    fs::remove_file(scene.path("one")).unwrap();
    // Beside a file that is examined.
    fs::create_dir(scene.path("copies")).unwrap();
    fs::copy(scene.path(NEWEST), scene.path("copies/x.fsm")).unwrap();
    let beside = scene.run("verify-snapshot --ledger copies/ledger copies/x.fsm");
    assert!(beside.status == 1 && beside.err.contains("copies, "), "{}", beside.err);
    fs::remove_dir_all(scene.path("copies")).unwrap();
    assert_eq!(lists(), before);
    // And a report does not take the place of a ledger.
    assert_eq!(scene.run("verify-snapshot --ledger ledger -q data").status, 0);
    let over = scene.run("verify-snapshot --output ledger data");
    assert!(over.status == 1 && over.err.contains("is not an earlier report"), "{}", over.err);
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap()) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(walk(&entry.path()));
        }
        found.push(entry.path());
    }
    found.sort();
    found
}

#[test]
fn runs_that_share_a_ledger_add_to_it() {
    let scene = Scene::still();
    for group in ["group-1", "group-2"] {
        assert_eq!(scene.run(&format!("verify-snapshot -q --ledger ledger data/n1/{group}")).status, 0);
    }
    assert_eq!((scene.entries().len(), from_ledger(&scene.verify(" --ledger ledger --max-age 7d"))), (PAYLOADS, PAYLOADS));
    // A ledger that cannot be written takes nothing away from the report.
    let gone = scene.path("gone");
    fs::create_dir(&gone).unwrap();
    let line = "verify-snapshot --format json --rate 200KB --ledger gone/ledger data";
    let mut program = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"));
    program
        .current_dir(scene.root.path())
        .args(line.split(' '))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let run = program.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(400));
    fs::remove_dir(&gone).unwrap();
    let output = run.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), report["verdict"].as_str()), (Some(0), Some("clean")));
    assert_eq!(report["ledger"]["entered"].as_u64(), Some(0));
    assert!(report["ledger"]["not_written"].as_str().unwrap().contains("gone/ledger"), "{}", report["ledger"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("gone/ledger"));
}

#[test]
fn the_parts_of_a_sample_read_everything_once_and_none_is_clean_by_itself() {
    let scene = Scene::still();
    for seed in [0, 7] {
        let mut read = 0;
        for part in 1..=3 {
            let report = scene.verify(&format!(" --sample {part}/3 --sample-seed {seed}"));
            let content = &report["content"];
            let (now, others) = (content["read"]["files"].as_u64().unwrap(), content["other_sample"]["files"].as_u64().unwrap());
            assert_eq!((now + others, content["sample"]["seed"].as_u64()), (PAYLOADS as u64, Some(seed)));
            assert_eq!(report["verdict"], if others == 0 { "clean" } else { "unknown" });
            let needed = report["coverage"]["not_examined"].as_array().unwrap();
            assert_eq!(needed.iter().filter(|part| part["needed"] == true).count() as u64, others);
            // The same again.
            assert_eq!(scene.verify(&format!(" --sample {part}/3 --sample-seed {seed}"))["content"], *content);
            read += now;
        }
        assert_eq!(read, PAYLOADS as u64);
    }
    let whole = scene.verify(" --sample 1/1");
    assert_eq!((whole["verdict"].as_str(), &whole["content"]), (Some("clean"), &Value::Null));
    // Every night another part: with a ledger the whole is known in the end, and only then.
    let verdicts: Vec<_> = (1..=3)
        .map(|part| scene.verify(&format!(" --ledger ledger --max-age 7d --sample {part}/3"))["verdict"].clone())
        .collect();
    assert!(verdicts[0] == "unknown" && verdicts[2] == "clean", "{verdicts:?}");
    let table = scene.run("verify-snapshot --sample 2/3 data").out;
    assert!(table.starts_with("UNKNOWN  the content of data/n1/"), "{table}");
    assert!(
        table.contains("it is in another part of the sample than --sample\n  2/3") || table.contains("--sample 2/3"),
        "{table}"
    );
    assert!(table.contains("part 2 of 3, seed 0"), "{table}");
}

#[test]
fn when_the_time_is_over_nothing_is_clean_and_what_was_found_is_told() {
    let scene = Scene::still();
    let none = scene.verify(" --max-duration 0s");
    assert_eq!(
        (none["verdict"].as_str(), none["content"]["out_of_time"]["files"].as_u64()),
        (Some("unknown"), Some(PAYLOADS as u64))
    );
    assert_eq!(none["content"]["out_of_time"]["bytes"].as_u64(), Some(264_153));
    assert_eq!(none["content"]["max_duration_ms"].as_u64(), Some(0));
    let enough = scene.verify(" --max-duration 1h");
    assert_eq!((enough["verdict"].as_str(), enough["content"]["read"]["files"].as_u64()), (Some("clean"), Some(PAYLOADS as u64)));
    // Night after night goes on where the last one ended.
    scene.verify(" --ledger ledger");
    let known = scene.verify(" --ledger ledger --max-age 7d --max-duration 0s");
    assert_eq!((known["verdict"].as_str(), from_ledger(&known)), (Some("clean"), PAYLOADS));
    // A footer that is not the token's is seen without the content.
    let path = scene.path(NEWEST);
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let damaged = scene.verify(" --max-duration 0s");
    assert_eq!((damaged["verdict"].as_str(), codes(&damaged)), (Some("damaged"), vec!["fsm-token-crc"]));
    let checked = scene.run("check --format json --max-duration 0s data").json();
    assert!(checked["verdict"] == "damaged" && codes(&checked).contains(&"fsm-token-crc"), "{checked}");
}

#[test]
fn a_large_payload_is_left_in_the_middle() {
    let scene = Scene::new();
    let mut bytes = vec![0; 24 << 20];
    bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
    fs::write(scene.path("0000000000000009.fsm"), bytes).unwrap();
    let line = "verify-snapshot --format json --threads 1 --rate 40MB --max-duration 250ms 0000000000000009.fsm";
    let lines = [line.to_owned(), line.replace("--threads 1", "--threads 2"), line.replace("--threads 1", "--deep")];
    // What was seen until then is told: zeros are no rows, which only those who ask for rows call damage.
    for (line, verdict, severity) in
        lines.iter().zip(["unknown", "unknown", "damaged"]).zip(["warning", "warning", "error"]).map(flat)
    {
        let report = scene.run(line).json();
        assert_eq!(report["verdict"], verdict, "{line}");
        assert_eq!(
            (codes(&report), &report["findings"][0]["severity"]),
            (vec!["fsm-body-malformed"], &severity.into()),
            "{line}"
        );
        assert_eq!(report["content"]["out_of_time"]["files"].as_u64(), Some(1), "{line}");
        let why = report["coverage"]["not_examined"][0].clone();
        assert_eq!(why["what"], "the content of 0000000000000009.fsm (24.0 MiB)", "{line}");
        assert_eq!(why["why"], "the 0.25 s of --max-duration were over", "{line}");
    }
}

fn flat<A, B, C>(((a, b), c): ((A, B), C)) -> (A, B, C) {
    (a, b, c)
}

/// Everything that `check` says, without what tells of the run.
fn checked(dir: &Path, options: &[&str]) -> (i32, Value) {
    let mut program = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"));
    let output = program.args(["check", "--format", "json"]).args(options).arg(dir).output().unwrap();
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn check_says_the_same_with_time_enough_and_never_clean_without() {
    for name in ["random-093", "random-434", "mix-0534", "gate-S10-K17-L17-HS-1", "applied-sst-then-log"] {
        let dir = cases().root.join(name);
        let (status, plain) = checked(&dir, &[]);
        let (enough, report) = checked(&dir, &["--max-duration", "1h"]);
        assert_eq!((enough, &report["verdict"], codes(&report)), (status, &plain["verdict"], codes(&plain)), "{name}");
        assert_eq!(report["content"]["out_of_time"]["files"], 0, "{name}");
        let all = report["content"]["read"]["files"].as_u64().unwrap();
        let (none, report) = checked(&dir, &["--max-duration", "0s", "--fail-on", "warning"]);
        assert_eq!(report["content"]["out_of_time"]["files"].as_u64(), Some(all), "{name}");
        let left_out = |report: &Value, words: &str| {
            let parts = report["coverage"]["not_examined"].as_array().unwrap();
            parts
                .iter()
                .filter(|part| {
                    part["what"].as_str().unwrap().starts_with("the content of ") && part["why"].as_str().unwrap().contains(words)
                })
                .count()
        };
        assert_eq!(left_out(&report, "of --max-duration were over") as u64, all, "{name}");
        if plain["verdict"] == "clean" && all > 0 {
            assert_eq!(report["verdict"], "unknown", "{name}");
            assert!(
                report["warnings"] != plain["warnings"] || none == 3 || plain["warnings"].as_u64() > Some(0),
                "{name}: {none}"
            );
        }
        let mut read = 0;
        for part in ["1/2", "2/2"] {
            let (_, report) = checked(&dir, &["--sample", part]);
            let others = report["content"]["other_sample"]["files"].as_u64().unwrap();
            assert_eq!(left_out(&report, "another part of the sample") as u64, others, "{name}");
            assert!(others == 0 || report["verdict"] != "clean", "{name}");
            read += report["content"]["read"]["files"].as_u64().unwrap();
        }
        assert_eq!(read, all, "{name}");
    }
}

#[test]
fn what_has_no_such_content_refuses_the_options() {
    let hashi = hashi().root.join("h01-single/n1");
    let hashi = hashi.display();
    let store = offload().root.join("local/prod/east");
    let scene = Scene::new();
    for line in [
        format!("verify-snapshot --sample 1/2 {hashi}"),
        format!("verify-snapshot --ledger ledger {hashi}"),
        format!("check --max-duration 1m {hashi}"),
        format!("verify-snapshot --sample 1/2 {}", store.display()),
    ] {
        let ended = scene.run(&line);
        assert!(ended.status == 1 && !ended.err.is_empty(), "{line}: {} {}", ended.out, ended.err);
    }
    for line in [
        "verify-snapshot --max-age 7d data",
        "verify-snapshot --header-only --ledger x data",
        "verify-snapshot --header-only --sample 1/2 data",
        "verify-snapshot --sample 0/2 data",
        "verify-snapshot --sample-seed 1 data",
        "check --fast --sample 1/2 data",
        "check --no-body-crc --max-duration 1s data",
    ] {
        assert_eq!(scene.run(line).status, 1, "{line}");
    }
}

//! A system that gives less than usual: few descriptors, little address space. The answer may be that something could
//! not be read; it is never a crash, and never a verdict on data that was not seen.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::recorded::real;

/// Runs the tool under a limit of the shell (`ulimit`), without core dumps.
fn limited(limit: &str, arguments: &[&str]) -> Output {
    Command::new("sh")
        .args(["-c", &format!("ulimit -c 0; ulimit {limit}; exec \"$0\" \"$@\"")])
        .arg(assert_cmd::cargo::cargo_bin("ekv-tool"))
        .args(arguments)
        .output()
        .unwrap()
}

/// The status, once it is certain that the program came to an end of its own: no signal, no panic, and words for an
/// error.
fn status_of(output: &Output, what: &str) -> i32 {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code().unwrap_or_else(|| panic!("{what}: {:?}: {stderr}", output.status));
    assert!([0, 1, 2, 3, 10, 11].contains(&code), "{what}: {code}: {stderr}");
    assert!(!stderr.contains("panicked"), "{what}: {stderr}");
    if code == 1 {
        assert!(stderr.starts_with("ekv-tool: ") && stderr.trim_end().lines().count() <= 2, "{what}: {stderr}");
    }
    code
}

fn commands(dir: &Path) -> Vec<Vec<String>> {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    vec![
        vec!["gate-dryrun".to_owned(), text(dir)],
        vec!["verify-snapshot".to_owned(), text(dir)],
        vec!["verify-snapshot".to_owned(), "--deep".to_owned(), text(dir)],
        vec!["store".to_owned(), "verify".to_owned(), text(&dir.join("fsm.db"))],
        vec!["wal".to_owned(), "verify".to_owned(), text(dir)],
        vec!["wal".to_owned(), "stat".to_owned(), text(dir)],
        vec!["check".to_owned(), text(dir)],
    ]
}

/// Under a limit each command either says what it says without one, or that it could not tell.
fn same_or_unknown(limits: &[String]) {
    let groups = real().groups();
    let case = groups.iter().find(|case| case.dir.join("fsm.db").is_dir() && case.dir.join("fsm-snap").is_dir()).unwrap();
    for arguments in commands(&case.dir) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let usual = status_of(&limited("-n 256", &arguments), "without a limit");
        for limit in limits {
            let what = format!("ulimit {limit}: {arguments:?}");
            let status = status_of(&limited(limit, &arguments), &what);
            assert!([1, 3, usual].contains(&status), "{what}: {status}, usually {usual}");
        }
    }
}

#[test]
fn few_descriptors_never_give_a_wrong_verdict() {
    // With fewer than 4 the program's libraries cannot be loaded.
    same_or_unknown(&[4, 5, 6, 7, 8, 10, 12, 16].map(|descriptors| format!("-n {descriptors}")));
}

#[test]
fn little_address_space_never_gives_a_wrong_verdict() {
    same_or_unknown(&[32, 48, 64, 128].map(|mebibytes| format!("-v {}", mebibytes * 1024)));
}

/// A payload larger than the address space. Its checksum is wrong, so that seeing it gives 2 and not seeing it 3.
#[test]
fn a_file_larger_than_the_address_space_is_summed_or_called_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0000000000000007.fsm");
    let file = File::create(&path).unwrap();
    file.set_len(200 << 20).unwrap();
    file.write_all_at(b"EKVPBBL1", 0).unwrap();
    let arguments = ["verify-snapshot", path.to_str().unwrap()];
    assert_eq!(status_of(&limited("-n 256", &arguments), "without a limit"), 2);
    let output = limited(&format!("-v {}", 128 << 10), &arguments);
    let status = status_of(&output, "in 128 MiB");
    assert!([2, 3].contains(&status), "{status}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A stack of 64 KiB, and no byte that may be written to a file.
#[test]
fn no_room_for_stack_or_files_kills_no_run() {
    let groups = real().groups();
    let reports = tempfile::tempdir().unwrap();
    let report = reports.path().join("report");
    let dir = groups[0].dir.to_str().unwrap();
    let usual = status_of(&limited("-n 256", &["check", dir]), "without a limit");
    assert_eq!(status_of(&limited("-s 64", &["check", dir]), "ulimit -s 64"), usual);
    let output = limited("-f 0", &["check", dir, "--output", report.to_str().unwrap()]);
    assert_eq!(status_of(&output, "ulimit -f 0"), 1);
    assert_eq!(std::fs::read_dir(reports.path()).unwrap().count(), 0);
}

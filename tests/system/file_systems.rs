//! File systems that read in other ways than a disk's, and files that no reader ends in his lifetime.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::signals::signal;
use super::{Healthy, PATIENCE, finish, name_of, run, skip, tool};

/// More than is read in one piece.
fn payload(dir: &Path) -> PathBuf {
    let path = dir.join("0000000000000007.fsm");
    let mut bytes: Vec<u8> = (0..(40_u32 << 20) / 4).flat_map(u32::to_le_bytes).collect();
    bytes[..8].copy_from_slice(b"EKVPBBL1");
    fs::write(&path, &bytes).unwrap();
    path
}

fn question(path: &Path) -> Vec<String> {
    ["verify-snapshot", path.to_str().unwrap(), "--format", "json"].map(str::to_owned).into()
}

fn sums(text: &str) -> String {
    text.lines().filter(|line| line.contains("crc")).collect()
}

/// Payloads that are read past the page cache, where the file system may not know how: the same answer.
#[test]
fn file_systems_without_direct_reads_give_the_same_answer() {
    let Ok(dir) = tempfile::tempdir_in("/dev/shm") else { return skip("no /dev/shm") };
    let here = tempfile::tempdir().unwrap();
    let told = [dir.path(), here.path()].map(|dir| {
        let ended = run(&question(&payload(dir)));
        (ended.status, sums(&ended.text().replace(dir.to_str().unwrap(), "")))
    });
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0].0, 2);
}

/// An overlay, as containers have it, with the file below and with the file in its upper layer, which is a disk or memory; nothing of it
/// in the page cache.
#[test]
fn an_overlay_gives_the_same_answer() {
    let scene = tempfile::tempdir().unwrap();
    let root = scene.path().canonicalize().unwrap();
    for dir in ["low", "low/empty", "up", "mnt"] {
        fs::create_dir(root.join(dir)).unwrap();
    }
    let path = payload(&root.join("low"));
    let usual = run(&question(&path));
    for (upper, copied) in [("true", false), ("true", true), ("mount -t tmpfs none up -o size=100m", true)] {
        let copy = if copied { "cp low/*.fsm mnt/" } else { "true" };
        let lower = if copied { "low/empty" } else { "low" };
        let script = format!(
            "cd \"$0\" && {upper} && rm -rf up/u up/w && mkdir up/u up/w && \
             mount -t overlay overlay -o lowerdir={lower},upperdir=up/u,workdir=up/w mnt && {copy} && sync mnt/*.fsm && \
             dd if=mnt/0000000000000007.fsm iflag=nocache count=0 2>/dev/null && exec \"$@\" || exit 77"
        );
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &script]).arg(&root).arg(tool().get_program());
        let ended = finish(command.args(question(&root.join("mnt/0000000000000007.fsm"))));
        if ended.status == 77 || ended.stderr.starts_with("unshare") {
            return skip("no right to mount, so no overlay");
        }
        assert_eq!(
            (ended.status, sums(&ended.stdout)),
            (usual.status, sums(&usual.stdout)),
            "{upper} {copied}: {}",
            ended.text()
        );
    }
    assert_eq!(usual.status, 2);
}

/// A file with holes of some TiB in the place of each kind of file: the command ends at once, or when it is interrupted.
#[test]
fn a_file_of_eight_tebibytes_is_let_go_of() {
    let healthy = Healthy::copy();
    let long = healthy.other.with_file_name("long");
    if File::create(&long).unwrap().set_len(8 << 40).is_err() {
        return skip("no files of 8 TiB here");
    }
    let group = healthy.group.to_str().unwrap();
    for (ending, question) in [
        (".fsm", vec!["verify-snapshot", "--deep", group]),
        (".fsm", vec!["check", group]),
        (".snap", vec!["gate-dryrun", group]),
        (".wal", vec!["wal", "verify", group]),
        (".sst", vec!["store", "verify", group]),
        ("MANIFEST", vec!["store", "meta", group]),
        (".log", vec!["store", "scan", group]),
        ("OPTIONS", vec!["check", group]),
        ("etcd-raft-peers.bin", vec!["gate-dryrun", group]),
    ] {
        let named = |path: &PathBuf| name_of(path).ends_with(ending) || name_of(path).starts_with(ending);
        let Some(file) = healthy.files().into_iter().rfind(named) else { continue };
        let aside = healthy.other.with_file_name("aside");
        fs::rename(&file, &aside).unwrap();
        symlink(&long, &file).unwrap();
        for question in [question, vec!["inspect", file.to_str().unwrap()]] {
            let mut child =
                tool().args(&question).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let started = Instant::now();
            let mut interrupted = false;
            let status = loop {
                match child.try_wait().unwrap() {
                    Some(status) => break status,
                    None if started.elapsed().as_millis() > 200 && !interrupted => {
                        signal(&child, "INT");
                        interrupted = true;
                    }
                    None if started.elapsed() > PATIENCE => {
                        child.kill().unwrap();
                        panic!("{question:?} with {ending} is not to be interrupted");
                    }
                    None => std::thread::sleep(Duration::from_millis(5)),
                }
            };
            let inspected = question[0] == "inspect";
            assert!(status.code().is_some_and(|code| code != 0 || inspected), "{question:?} with {ending}: {status}");
        }
        fs::remove_file(&file).unwrap();
        fs::rename(&aside, &file).unwrap();
    }
}

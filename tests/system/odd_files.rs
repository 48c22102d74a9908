//! FIFOs, sockets, devices, loops and strange names in the place of data: no command waits for them, opens what must not
//! be opened, or calls fine what it did not read.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use super::{Ended, Healthy, commands, copy_tree, finish, name_of, run, tool};

/// What stands where a file should be.
const KINDS: [&str; 5] = ["fifo", "socket", "device", "loop", "directory"];

fn put(kind: &str, path: &Path) {
    match kind {
        "fifo" => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
        // The path of a socket must be short.
        "socket" => {
            let short = tempfile::tempdir().unwrap();
            let at = short.path().join("s");
            drop(UnixListener::bind(&at).unwrap());
            fs::rename(&at, path).or_else(|_| symlink(&at, path)).unwrap();
        }
        // Reading it would never end.
        "device" => symlink("/dev/zero", path).unwrap(),
        "loop" => symlink(name_of(path), path).unwrap(),
        "directory" => fs::create_dir(path).unwrap(),
        _ => unreachable!(),
    }
}

/// Commands that cannot be content without the file.
pub(super) fn needs(path: &Path, kind: &str) -> &'static [&'static str] {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("wal") => &["gate-dryrun", "check", "compare", "wal verify", "wal stat", "wal dump"],
        Some("sst" | "log") => &["gate-dryrun", "check", "store meta", "store verify", "store scan"],
        Some("fsm") => &["verify-snapshot"],
        // A start passes over a directory of that name.
        Some("snap") if kind != "directory" => &["verify-snapshot", "check", "compare"],
        _ => match name_of(path) {
            "raft-engine" | "etcd-raft-peers.bin" => &["gate-dryrun", "check"],
            _ => &[],
        },
    }
}

#[test]
fn nothing_hangs_on_what_is_no_file() {
    let healthy = Healthy::copy();
    let mut wrong = Vec::new();
    for (number, file) in healthy.files().into_iter().enumerate() {
        let aside = healthy.other.with_file_name("aside");
        fs::rename(&file, &aside).unwrap();
        // Each file with two kinds, so that every kind comes in the place of every sort of file.
        for kind in [KINDS[number % KINDS.len()], KINDS[(number + 2) % KINDS.len()]] {
            put(kind, &file);
            for command in healthy.commands(&file) {
                let ended = run(&command);
                let name = if command[0] == "wal" || command[0] == "store" { command[..2].join(" ") } else { command[0].clone() };
                if ended.status == 0 && needs(&file, kind).contains(&name.as_str()) {
                    wrong.push(format!("{kind} as {}: {name} is content", name_of(&file)));
                }
            }
            let found = file.symlink_metadata().unwrap().file_type();
            if found.is_dir() {
                fs::remove_dir(&file).unwrap();
            } else {
                fs::remove_file(&file).unwrap();
            }
            assert_eq!((found.is_fifo(), found.is_dir()), (kind == "fifo", kind == "directory"));
        }
        fs::rename(&aside, &file).unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_hangs_on_what_is_no_directory() {
    let healthy = Healthy::copy();
    let aside = healthy.other.with_file_name("aside");
    for (dir, kind) in
        ["wal", "snap", "fsm-snap", "fsm.db"].into_iter().flat_map(|dir| KINDS[..4].iter().map(move |kind| (dir, *kind)))
    {
        let dir = healthy.group.join(dir);
        fs::rename(&dir, &aside).unwrap();
        put(kind, &dir);
        for command in healthy.commands(&dir) {
            let status = run(&command).status;
            assert!(command[0] != "gate-dryrun" || status != 0, "{kind} as {}", name_of(&dir));
        }
        fs::remove_file(&dir).unwrap();
        fs::rename(&aside, &dir).unwrap();
    }
}

/// A directory that leads back to itself, and one so deep that its path is longer than the system takes.
#[test]
fn loops_and_depth_end() {
    let healthy = Healthy::copy();
    let base = healthy.group.parent().unwrap();
    symlink(base, healthy.group.join("group-2")).unwrap();
    symlink("..", healthy.group.join("encryption")).unwrap();
    symlink(".", base.join("group-1")).unwrap();
    let mut deep = base.join("deep");
    fs::create_dir(&deep).unwrap();
    let name = "d".repeat(250);
    for _ in 0..12 {
        deep.push(&name);
        fs::create_dir(&deep).unwrap();
    }
    for command in commands(base, &healthy.other, base).into_iter().chain(healthy.commands(&healthy.group)) {
        run(&command);
    }
    // 18 names of 250 characters are beyond the 4,096 bytes of a path.
    let too_long = format!("{}/{}", deep.display(), [name.as_str(); 6].join("/"));
    let ended = finish(tool().args(["gate-dryrun", &too_long]));
    assert_eq!(ended.status, 1, "{}", ended.text());
    assert!(ended.stderr.contains("File name too long"), "{}", ended.stderr);
}

fn with_path(words: &[&str], path: &Path) -> Ended {
    finish(tool().args(words).arg(path))
}

#[test]
fn names_that_are_not_text_are_shown_escaped() {
    let healthy = Healthy::copy();
    let odd = |name: &[u8]| OsString::from_vec(name.to_vec());
    // A directory of such a name is read like any other.
    let node = healthy.group.with_file_name(odd(b"n\xff\x1b[31m"));
    copy_tree(&healthy.group, &node);
    for words in [["wal", "verify"], ["store", "meta"], ["wal", "stat"]] {
        let ended = with_path(&words, &node);
        assert_eq!(ended.status, 0, "{words:?}: {}", ended.text());
        assert!(!ended.text().contains('\x1b'), "{words:?}: {}", ended.text());
    }
    for words in [["gate-dryrun"], ["check"], ["verify-snapshot"], ["inspect"]] {
        let ended = with_path(&words, &node);
        assert!(!ended.text().contains('\x1b'), "{words:?}: {}", ended.text());
    }
    // Names in the directories that a server would take for its own: what cannot be named cannot be read.
    for (dir, name) in
        [("wal", &b"1-1.wal\xff.wal"[..]), ("snap", b"\xff\xfe.snap"), ("fsm-snap", b"\xff.fsm"), ("fsm.db", b"\xff.sst")]
    {
        fs::write(healthy.group.join(dir).join(odd(name)), b"x").unwrap();
    }
    for command in healthy.commands(&healthy.group) {
        let ended = run(&command);
        let name = if command[0] == "wal" { command[..2].join(" ") } else { command[0].clone() };
        let clean = ended.status == 0;
        assert!(!clean || !["gate-dryrun", "check", "wal verify", "verify-snapshot"].contains(&name.as_str()), "{name}");
    }
}

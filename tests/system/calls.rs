//! The system calls of every reading command, as `strace` sees them: on paths in the data directory there are only calls
//! that read.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use super::{Healthy, finish, skip, tool};

/// Calls that may name something in the data directory.
const READING: &[&str] = &[
    "access",
    "cachestat",
    "close",
    "fadvise64",
    "faccessat",
    "faccessat2",
    "fstat",
    "fstatfs",
    "getdents64",
    "lseek",
    "lstat",
    "newfstatat",
    "pread64",
    "preadv",
    "read",
    "readahead",
    "readlink",
    "readlinkat",
    "readv",
    "stat",
    "statfs",
    "statx",
];

/// Why a call must not be made on the data directory; `None` when it may.
fn objection(name: &str, line: &str) -> Option<&'static str> {
    let flags = |words: &[&str]| words.iter().any(|word| line.contains(word));
    match name {
        "open" | "openat" if flags(&["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"]) => Some("opens for writing"),
        "open" | "openat" => (!line.contains("O_RDONLY")).then_some("opens in an unknown way"),
        "mmap" => flags(&["PROT_WRITE", "PROT_EXEC", "MAP_SHARED"]).then_some("maps for more than reading"),
        // Asking for a lock's holder takes none.
        "fcntl" => {
            (!flags(&["F_GETLK", "F_OFD_GETLK", "F_GETFL", "F_GETFD", "F_SETFD", "F_DUPFD"])).then_some("locks or changes")
        }
        name if READING.contains(&name) => None,
        _ => Some("is no call that only reads"),
    }
}

#[test]
fn only_reading_calls_touch_the_data_directory() {
    if !Command::new("strace").arg("-V").output().is_ok_and(|done| done.status.success()) {
        skip("no strace, so no system call was looked at");
        return;
    }
    let healthy = Healthy::copy();
    let root = healthy.group.parent().unwrap().to_str().unwrap();
    let trace = tempfile::NamedTempFile::new().unwrap();
    let (mut seen, mut wrong): (BTreeMap<String, u64>, _) = (BTreeMap::new(), Vec::new());
    let mut commands = healthy.commands(&healthy.files()[0]);
    let store = healthy.group.join("fsm.db");
    commands.push(["store", "get", store.to_str().unwrap(), "_meta_applied_index"].map(str::to_owned).into());
    commands.extend(healthy.files().iter().map(|file| vec!["inspect".to_owned(), file.to_str().unwrap().to_owned()]));
    for command in &commands {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-y", "-s", "4096", "-o"]).arg(trace.path()).arg(tool().get_program()).args(command);
        let ended = finish(&mut strace);
        assert!([0, 3].contains(&ended.status) || command[0] == "inspect", "{command:?}: {}", ended.text());
        for line in fs::read_to_string(trace.path()).unwrap().lines() {
            // "PID name(arguments) = result"; a resumed call was seen when it began.
            let call = line.split_once(' ').map_or("", |(_, call)| call.trim_start());
            let Some((name, arguments)) = call.split_once('(') else { continue };
            let created = ["O_CREAT", "O_TRUNC", "O_TMPFILE"].iter().any(|flag| arguments.contains(flag));
            // What is printed names the files, and so does the command line.
            let output = name == "write" && !arguments.split('>').next().unwrap_or_default().contains(root);
            if name.starts_with("open") && created {
                wrong.push(format!("{command:?} creates a file: {call}"));
            }
            if name == "execve" || output || !arguments.contains(root) {
                continue;
            }
            *seen.entry(name.to_owned()).or_default() += 1;
            if let Some(why) = objection(name, arguments) {
                wrong.push(format!("{command:?}: {name} {why}: {call}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} calls:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    // Otherwise the trace was not understood.
    assert!(seen.get("openat").is_some_and(|count| *count > 100) && seen.contains_key("mmap"), "{seen:?}");
}

//! Files that belong to somebody else, a file system that cannot be written to, and a directory that goes away.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::odd_files::needs;
use super::{Ended, Healthy, copy_tree, finish, name_of, run, skip, tool};

/// The user and group without rights.
const NOBODY: u32 = 65534;

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Runs a command as somebody who is not above permissions.
fn as_nobody(arguments: &[String]) -> Ended {
    let mut command = tool();
    command.args(arguments);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    finish(&mut command)
}

/// A copy that everybody may read, or `None` where even the program itself is out of a stranger's reach.
fn public_copy() -> Option<Healthy> {
    let healthy = Healthy::copy();
    mode(healthy.group.parent().unwrap(), 0o755);
    let reachable = !is_root() || Command::new(tool().get_program()).arg("--version").uid(NOBODY).gid(NOBODY).output().is_ok();
    if !reachable {
        skip("another user cannot reach the program under test, so nothing is run as one");
    }
    reachable.then_some(healthy)
}

fn name_of_command(command: &[String]) -> String {
    if command[0] == "wal" || command[0] == "store" { command[..2].join(" ") } else { command[0].clone() }
}

/// Every answer is the usual one, or an error or `unknown` that names the file and the reason.
fn check(healthy: &Healthy, file: &Path, usual: &[i32], wrong: &mut Vec<String>) {
    for (command, usual) in healthy.commands(file).into_iter().zip(usual) {
        let ended = as_nobody(&command);
        let (name, text) = (name_of_command(&command), ended.text());
        let told = text.contains(name_of(file)) && text.contains("Permission denied");
        let fine = match ended.status {
            1 | 3 if told => true,
            // Whoever owns the directory is taken for the server, which would be refused as well.
            2 if name == "gate-dryrun" && text.contains(": permission denied") => true,
            status if status == *usual => !needs(file, "unreadable").contains(&name.as_str()),
            _ => false,
        };
        if !fine {
            wrong.push(format!("{} unreadable: {name}: {}\n{text}", name_of(file), ended.status));
        }
    }
}

#[test]
fn what_another_user_may_not_read_is_unknown() {
    let Some(healthy) = public_copy() else { return };
    let mut wrong = Vec::new();
    for file in healthy.files() {
        let usual: Vec<_> = healthy.commands(&file).iter().map(|command| as_nobody(command).status).collect();
        mode(&file, 0);
        check(&healthy, &file, &usual, &mut wrong);
        mode(&file, 0o644);
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn a_directory_that_may_not_be_listed_or_entered_is_unknown() {
    let Some(healthy) = public_copy() else { return };
    let mut wrong = Vec::new();
    for name in ["", "wal", "snap", "fsm-snap", "fsm.db"] {
        let dir = healthy.group.join(name);
        // Neither; only listed, so that no size or kind is known; only entered.
        for bits in [0, 0o444, 0o111] {
            mode(&dir, bits);
            for command in healthy.commands(&dir) {
                let ended = as_nobody(&command);
                let text = ended.text();
                let told = text.contains("Permission denied") && (name.is_empty() || text.contains(name));
                let reads = match name {
                    // The way to the store leads through, without a listing.
                    "" => bits != 0o111 || command[0] != "store",
                    "fsm.db" => ["gate-dryrun", "check", "store"].contains(&command[0].as_str()),
                    "wal" => ["gate-dryrun", "check", "compare", "wal"].contains(&command[0].as_str()),
                    _ => ["gate-dryrun", "check", "compare", "verify-snapshot"].contains(&command[0].as_str()),
                };
                if !match ended.status {
                    0 => !reads,
                    1 | 3 => told || command[0] == "inspect",
                    _ => false,
                } {
                    wrong.push(format!("{name} {bits:o}: {command:?}: {}\n{text}", ended.status));
                }
            }
            mode(&dir, 0o755);
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn a_read_only_file_system_changes_nothing() {
    let healthy = Healthy::copy();
    let root = healthy.group.parent().unwrap();
    let mounted = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && ! touch \"$0/x\" 2>/dev/null";
    let unshare = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script]).arg(root);
        command
    };
    if !unshare(mounted).output().is_ok_and(|done| done.status.success()) {
        skip("no right to mount, so no read-only file system");
        return;
    }
    for command in healthy.commands(&healthy.files()[0]) {
        let usual = run(&command);
        let script = format!("{mounted} && shift 0 && exec \"$@\"");
        let mut child = unshare(&script);
        child.arg(tool().get_program()).args(&command);
        let read_only = finish(&mut child);
        assert_eq!(
            (read_only.status, without_times(&read_only.stdout)),
            (usual.status, without_times(&usual.stdout)),
            "{command:?}"
        );
    }
}

fn without_times(text: &str) -> String {
    text.lines()
        .filter(|line| !["elapsed_ms", "bytes_per_second", "estimate_ms"].iter().any(|word| line.contains(word)))
        .collect()
}

/// The whole directory gets another name while it is read: files that were listed are gone, all at once.
#[test]
fn a_directory_that_goes_away_is_never_damaged() {
    let healthy = Healthy::copy();
    let away = healthy.group.with_file_name("away");
    let mut wrong = Vec::new();
    for round in 0..12 {
        for command in healthy.commands(&healthy.group) {
            let mover = std::thread::spawn({
                let (from, to) = (healthy.group.clone(), away.clone());
                move || {
                    std::thread::sleep(Duration::from_micros(700 * round));
                    fs::rename(from, to).unwrap();
                }
            });
            let ended = run(&command);
            mover.join().unwrap();
            if ![0, 1, 3].contains(&ended.status) {
                wrong.push(format!("{command:?}: {}\n{}", ended.status, ended.text()));
            }
            fs::rename(&away, &healthy.group).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n\n"));
    fs::remove_dir_all(&healthy.group).unwrap();
    for command in healthy.commands(&healthy.group) {
        assert_eq!(run(&command).status, 1, "{command:?}");
    }
    copy_tree(&healthy.other, &healthy.group);
}

/// Several nodes, one of which keeps a part of itself from the reader: the others are answered for, and nothing is clean.
#[test]
fn one_unreadable_directory_among_several_is_left_out_and_named() {
    let Some(healthy) = public_copy() else { return };
    let root = healthy.group.parent().unwrap();
    let second = root.join("n2");
    copy_tree(&healthy.group, &second);
    let dir = second.join("snap");
    mode(&dir, 0);
    for command in ["check", "gate-dryrun", "compare"] {
        let mut words = vec![command.to_owned(), "--format".to_owned(), "json".to_owned()];
        words.extend([&healthy.group, &second].map(|path| path.display().to_string()));
        let ended = as_nobody(&words);
        let text = ended.text();
        assert!(matches!(ended.status, 2 | 3), "{command}: {}\n{text}", ended.status);
        assert!(text.contains("snap: cannot list the directory: Permission denied"), "{command}: {text}");
    }
    mode(&dir, 0o755);
}

/// Entries that were committed may stand in a copy that repair set aside, and nowhere else.
#[test]
fn an_unreadable_copy_that_repair_set_aside_is_unknown() {
    let Some(healthy) = public_copy() else { return };
    let copy = healthy.group.join("wal/0000000000000000-0000000000000000.wal.broken");
    let segment = fs::read_dir(healthy.group.join("wal")).unwrap().map(|entry| entry.unwrap().path());
    let segment = segment.into_iter().find(|path| path.extension().is_some_and(|name| name == "wal")).unwrap();
    fs::copy(segment, &copy).unwrap();
    mode(&copy, 0);
    let dir = healthy.group.display().to_string();
    for command in [&["check"][..], &["wal", "verify"], &["wal", "dump"], &["history", "k"]] {
        let mut words: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        words.push(dir.clone());
        let ended = as_nobody(&words);
        let text = ended.text();
        assert_eq!(ended.status, 3, "{command:?}: {text}");
        assert!(text.contains(".wal.broken") && text.contains("Permission denied"), "{command:?}: {text}");
    }
    mode(&copy, 0o644);
}

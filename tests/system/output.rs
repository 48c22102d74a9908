//! `--output`, the one place where the program writes: never where a server keeps anything, never over what is not an
//! earlier report.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Healthy, finish, skip, tool};

/// What is examined, and a place beside it for reports.
struct Scene {
    data: Healthy,
    outside: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { data: Healthy::copy(), outside: tempfile::tempdir().unwrap() }
    }

    fn root(&self) -> &Path {
        self.data.group.parent().unwrap()
    }

    fn outside(&self, name: &str) -> PathBuf {
        self.outside.path().join(name)
    }

    fn first(&self, dir: &str, ending: &str) -> PathBuf {
        let mut files: Vec<_> = self.data.files();
        files.retain(|file| file.parent().unwrap().ends_with(dir) && file.to_string_lossy().ends_with(ending));
        files.swap_remove(0)
    }

    /// Every command with arguments that it answers.
    fn commands(&self) -> Vec<Vec<String>> {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let (group, other, store) = (text(&self.data.group), text(&self.data.other), text(&self.data.group.join("fsm.db")));
        let (payload, envelope) = (text(&self.first("fsm-snap", ".fsm")), text(&self.first("snap", ".snap")));
        let segment = text(&self.first("wal", ".wal"));
        let lines = [
            format!("verify-snapshot {group}"),
            format!("gate-dryrun {group}"),
            format!("check {group}"),
            format!("facts {group}"),
            format!("compare {group} {other}"),
            format!("history key {group} {other}"),
            format!("inspect {segment}"),
            format!("snapshot ls {group}"),
            format!("snapshot show {envelope}"),
            format!("snapshot stat {payload}"),
            format!("snapshot diff {payload} {payload}"),
            format!("snapshot rebuild {group}"),
            format!("offload plan {group}"),
            format!("report {group}"),
            format!("wal ls {group}"),
            format!("wal stat {group}"),
            format!("wal verify {group}"),
            format!("wal dump {group}"),
            format!("wal show 0@0 {group}"),
            format!("store lsm {store}"),
            format!("store scan {store}"),
            format!("store meta {store}"),
            format!("store get {store} _meta_applied_index"),
            format!("store verify {store}"),
            format!("store stat {store}"),
            format!("store dump {}", text(&self.first("fsm.db", ".log"))),
            format!("store diff {group} {other}"),
            "explain fsm-body-crc".to_owned(),
            "completions bash".to_owned(),
            "man".to_owned(),
            "schema wal-dump".to_owned(),
        ];
        lines.iter().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
    }
}

/// Every path below `root` with what is there.
fn contents(root: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                open.push(path.clone());
            }
            let bytes = fs::symlink_metadata(&path).unwrap().is_file().then(|| fs::read(&path).unwrap());
            found.insert(path, bytes);
        }
    }
    found
}

/// Subcommands as `--help` lists them.
fn listed(parents: &[&str]) -> Vec<String> {
    let help = finish(tool().args(parents).arg("--help")).stdout;
    let block = help.split("\nCommands:\n").nth(1).map_or("", |rest| rest.split("\n\n").next().unwrap());
    let names = block.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.trim().split(' ').next().unwrap().to_owned()).filter(|name| name != "help").collect()
}

#[test]
fn the_list_of_commands_is_complete() {
    let tried: BTreeSet<_> = Scene::new().commands().into_iter().collect();
    for command in listed(&[]) {
        let below = listed(&[&command]);
        let has = |words: &[&str]| tried.iter().any(|line| line.iter().zip(words).filter(|(a, b)| a == b).count() == words.len());
        assert!(below.is_empty() || below.iter().all(|sub| has(&[&command, sub])), "add {command} {below:?} to Scene::commands");
        assert!(has(&[&command]), "add {command} to Scene::commands");
    }
}

/// Runs every command with each target; nothing may change, and the one line of complaint names the flag and the way out.
fn refused(scene: &Scene, targets: &[PathBuf], from: &Path) {
    let before = (contents(scene.root()), contents(scene.outside.path()));
    for target in targets {
        for command in scene.commands() {
            let ended = finish(tool().args(&command).arg("--output").arg(target).current_dir(from));
            let what = format!("{command:?} --output {}: {}", target.display(), ended.text());
            assert_eq!((ended.status, ended.stdout.as_str()), (1, ""), "{what}");
            assert!(ended.stderr.starts_with("ekv-tool: --output ") && ended.stderr.lines().count() == 1, "{what}");
            let steps = ["for example --output", "name another", "name one", "name a file"];
            assert!(steps.iter().any(|step| ended.stderr.contains(step)), "{what}");
        }
    }
    assert!(before == (contents(scene.root()), contents(scene.outside.path())), "something was written");
}

#[test]
fn no_command_writes_into_data() {
    let scene = Scene::new();
    let mut targets = scene.data.files();
    for dir in ["", "fsm.db", "wal", "snap", "fsm-snap"] {
        targets.push(scene.data.group.join(dir).join("a-new-name"));
    }
    targets.push(scene.root().join("a-new-name"));
    targets.push(scene.data.group.join("wal/0000000000000009-0000000000000009.wal"));
    targets.push(scene.data.group.join("no/such/directory/report"));
    targets.push(scene.data.group.join("fsm.db"));
    targets.push(scene.data.group.join("fsm.db/"));
    targets.push(scene.data.group.join("FSM.DB/report"));
    // Any other node's data is as safe as what is examined.
    targets.push(scene.data.other.join("snap/zz.snap"));
    fs::create_dir_all(scene.data.group.join("fsm.db/archive/old")).unwrap();
    targets.push(scene.data.group.join("fsm.db/archive/old/report"));
    refused(&scene, &targets, Path::new("/"));
}

#[test]
fn the_place_that_is_proposed_is_one_that_is_taken() {
    let scene = Scene::new();
    let target = scene.root().join("report");
    let proposed = |place: &Path| {
        let group = &scene.data.group;
        let ended = finish(tool().arg("check").arg(group).arg("--output").arg(&target).env("TMPDIR", place));
        assert_eq!(ended.status, 1, "{}", ended.text());
        ended.stderr.split_once("for example --output ").map(|(_, rest)| PathBuf::from(rest.trim_end()))
    };
    let good = proposed(scene.outside.path()).unwrap();
    assert_eq!(good, scene.outside("report"));
    let ended = finish(tool().arg("check").arg(&scene.data.group).arg("--output").arg(&good));
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    assert!(good.exists());
    // A stray payload makes it look like data, and then it would be refused itself.
    fs::write(scene.outside("0000000000000001.fsm"), "x").unwrap();
    assert!(proposed(scene.outside.path()).is_none_or(|other| !other.starts_with(scene.outside.path())));
    // So would what is examined, be it by another name.
    assert!(proposed(&scene.data.group).is_none_or(|other| !other.starts_with(scene.root())));
}

#[test]
fn no_detour_leads_into_data() {
    let scene = Scene::new();
    let group = &scene.data.group;
    let link = |to: &Path, name: &str| {
        symlink(to, scene.outside(name)).unwrap();
        scene.outside(name)
    };
    let mut targets = vec![
        link(&group.join("etcd-raft-peers.bin"), "to-a-file"),
        link(&group.join("wal/new"), "to-nothing-yet"),
        link(Path::new("to-nothing-yet"), "to-a-link"),
        link(&group.join("fsm.db"), "to-a-directory").join("report"),
        link(Path::new("to-itself"), "to-itself"),
    ];
    targets.push(scene.outside(&format!("../{}/n1/snap/new", scene.root().file_name().unwrap().to_str().unwrap())));
    targets.push(scene.outside("../gone/../x"));
    fs::hard_link(group.join("etcd-raft-peers.bin"), scene.outside("hard")).unwrap();
    targets.push(scene.outside("hard"));
    let lock = scene.outside("hard-and-empty");
    fs::hard_link(group.join("fsm.db/LOCK"), &lock).unwrap();
    targets.push(lock);
    let fifo = group.join("snap/fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    targets.push(fifo);
    refused(&scene, &targets, Path::new("/"));
    // By relative paths.
    let relative: Vec<_> =
        ["report", "./report", "../snap/zz.snap", "../../n2/report", "../../report", ".."].map(PathBuf::from).into();
    refused(&scene, &relative, &group.join("wal"));
}

#[test]
fn only_reports_are_replaced() {
    let scene = Scene::new();
    let targets: Vec<_> = [
        ("notes.txt", "call the vendor\n"),
        ("other.json", "{\"schema\": \"backup/v1\"}\n"),
        ("node.prom", "# HELP node_load1 1m load average.\n"),
        ("script", "#!/bin/sh\nekv-tool check /data\n"),
        ("zeros", "\0\0\0\0"),
        ("cut", "CLEAN    fine\n\0"),
    ]
    .into_iter()
    .map(|(name, content)| {
        fs::write(scene.outside(name), content).unwrap();
        scene.outside(name)
    })
    .collect();
    refused(&scene, &targets, Path::new("/"));
}

#[test]
fn other_trees_of_snapshots_are_recognised() {
    let scene = Scene::new();
    for path in [
        "store/prod/v1/groups/2/snapshots/00000000000000000201-00000000000000000002.json",
        "store/prod/v1/payloads/sha256/d5/x.fsm",
        "bolt/raft.db",
        "bolt/snapshots/2-43-1795229132436/state.bin",
    ] {
        fs::create_dir_all(scene.outside(path).parent().unwrap()).unwrap();
        fs::write(scene.outside(path), "x").unwrap();
    }
    let places = ["store", "store/prod", "store/prod/v1", "store/prod/v1/groups/2/snapshots", "store/prod/v1/payloads/sha256/d5"];
    let places = places.into_iter().chain(["bolt", "bolt/snapshots", "bolt/snapshots/2-43-1795229132436"]);
    let targets: Vec<_> = places.map(|place| scene.outside(place).join("report")).collect();
    refused(&scene, &targets, Path::new("/"));
}

#[test]
fn a_bind_mount_is_seen_through() {
    let scene = Scene::new();
    let empty = scene.data.group.join("backup/of/yesterday");
    fs::create_dir_all(&empty).unwrap();
    fs::create_dir(scene.outside("mount")).unwrap();
    let mounted = |source: &Path, command: &[String]| {
        let mut shell = Command::new("unshare");
        shell.args(["--mount", "sh", "-c", "mount --bind \"$0\" \"$1\" || exit 77; shift; exec \"$@\""]);
        shell.arg(source).arg(scene.outside("mount")).arg(tool().get_program()).args(command);
        finish(shell.arg("--output").arg(scene.outside("mount/report")))
    };
    let before = contents(scene.root());
    for source in [scene.data.group.join("wal"), empty] {
        for command in scene.commands() {
            let ended = mounted(&source, &command);
            if ended.status == 77 || ended.stderr.starts_with("unshare") || ended.stderr.contains("unshare failed") {
                skip("no bind mounts here, so none was tried");
                return;
            }
            assert_eq!(ended.status, 1, "{command:?}: {}", ended.text());
            assert!(ended.stderr.contains("nothing is ever written there"), "{command:?}: {}", ended.text());
        }
    }
    assert!(before == contents(scene.root()), "something was written");
}

#[test]
fn an_earlier_report_of_every_kind_is_replaced() {
    let scene = Scene::new();
    let mut commands = scene.commands();
    commands.extend(["zsh", "fish", "elvish", "powershell"].map(|shell| vec!["completions".to_owned(), shell.to_owned()]));
    commands.push(vec!["explain".to_owned(), "--list".to_owned()]);
    let mut written = 0;
    for command in &commands {
        for format in ["table", "json", "ndjson", "prometheus", "markdown", "html", "nagios", "github", "junit"] {
            for extra in [&["--color", "always"][..], &["-q"], &["-v"]] {
                let run = |target: &Path| {
                    finish(tool().args(command).args(["--format", format]).args(extra).arg("--output").arg(target))
                };
                let target = scene.outside("report");
                let first = run(&target);
                // For a monitor 1 is a warning, and its failures are told otherwise.
                if first.status == 1 && format != "nagios" || first.stderr.contains("--format") {
                    assert!(first.stderr.contains("--format"), "{command:?} {format}: {}", first.text());
                    continue;
                }
                fs::write(scene.outside("link"), "").unwrap();
                fs::remove_file(scene.outside("link")).unwrap();
                symlink(&target, scene.outside("link")).unwrap();
                let second = run(&scene.outside("link"));
                assert_eq!((second.status, second.text()), (first.status, String::new()), "{command:?} {format} {extra:?}");
                assert!(fs::symlink_metadata(scene.outside("link")).unwrap().is_symlink(), "the link was replaced");
                assert!(fs::metadata(&target).unwrap().len() > 0);
                fs::remove_file(scene.outside("link")).unwrap();
                fs::remove_file(&target).unwrap();
                written += 1;
            }
        }
    }
    assert!(written > 200, "{written}");
    assert_eq!(fs::read_dir(scene.outside.path()).unwrap().count(), 0, "temporary files were left behind");
}

#[test]
fn an_empty_file_and_streams_are_written_to() {
    let scene = Scene::new();
    let target = scene.outside("made-by-mktemp");
    fs::write(&target, "").unwrap();
    let ended = finish(tool().args(["explain", "fsm-body-crc", "--output"]).arg(&target));
    assert_eq!((ended.status, ended.text()), (0, String::new()));
    assert!(fs::read_to_string(&target).unwrap().starts_with("fsm-body-crc"));
    let ended = finish(tool().args(["explain", "fsm-body-crc", "--output", "/dev/null"]));
    assert_eq!((ended.status, ended.text()), (0, String::new()));
    // Nobody's earlier unfinished file is taken for ours.
    let fifo = scene.outside("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let reader = std::thread::spawn({
        let fifo = fifo.clone();
        move || fs::read_to_string(fifo).unwrap()
    });
    let ended = finish(tool().args(["explain", "fsm-body-crc", "--output"]).arg(&fifo));
    assert_eq!(ended.status, 0, "{}", ended.text());
    assert!(reader.join().unwrap().starts_with("fsm-body-crc"));
}

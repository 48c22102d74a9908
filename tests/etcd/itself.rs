//! Directories that etcd writes in the test: an installed one, or that of the system's package. Without either the test says so and
//! passes.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{clean, found, has, run};
use crate::support::tree::copy_tree;

/// `etcd` and `etcdctl`.
#[derive(Debug, Clone)]
struct Programs {
    etcd: PathBuf,
    ctl: PathBuf,
}

fn runs(program: &Path, argument: &str) -> bool {
    let status = Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Installed programs, else those of the packages, unpacked once.
fn programs() -> Result<Programs, String> {
    static PROGRAMS: OnceLock<Result<Programs, String>> = OnceLock::new();
    let find = || {
        let installed = Programs { etcd: "etcd".into(), ctl: "etcdctl".into() };
        if runs(&installed.etcd, "--version") && runs(&installed.ctl, "version") {
            return Ok(installed);
        }
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("etcd-of-the-package");
        let unpacked = Programs { etcd: dir.join("usr/bin/etcd"), ctl: dir.join("usr/bin/etcdctl") };
        if !unpacked.etcd.exists() {
            let work = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            let done = |program: &str, args: &[&str]| {
                let output = Command::new(program).current_dir(work.path()).args(args).output();
                output.is_ok_and(|output| output.status.success())
            };
            if !done("apt-get", &["-o", "Acquire::http::Timeout=20", "download", "etcd-server", "etcd-client"]) {
                return Err("no etcd is installed, and `apt-get download etcd-server etcd-client` fails".to_owned());
            }
            for package in fs::read_dir(work.path()).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>() {
                if package.extension().is_some_and(|ending| ending == "deb")
                    && !done("dpkg-deb", &["-x", &package.display().to_string(), "root"])
                {
                    return Err("dpkg-deb does not unpack the packages".to_owned());
                }
            }
            let _ = fs::rename(work.path().join("root"), &dir);
        }
        if runs(&unpacked.etcd, "--version") { Ok(unpacked) } else { Err("etcd of the package does not run here".to_owned()) }
    };
    PROGRAMS.get_or_init(find).clone()
}

/// Ports that are free, most likely for a while.
fn ports(count: usize) -> Vec<u16> {
    let held: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    held.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

/// A member that runs; it is killed at the end.
struct Member {
    process: Child,
    endpoint: String,
    ctl: PathBuf,
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Member {
    fn start(programs: &Programs, dir: &Path, name: &str, ports: (u16, u16), cluster: &str, snapshots: u64) -> Self {
        let client = format!("http://127.0.0.1:{}", ports.0);
        let peer = format!("http://127.0.0.1:{}", ports.1);
        let snapshots = snapshots.to_string();
        let process = Command::new(&programs.etcd)
            .args(["--name", name, "--data-dir"])
            .arg(dir.join(name))
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", cluster, "--snapshot-count", &snapshots])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, endpoint: client, ctl: programs.ctl.clone() }
    }

    /// What etcdctl says; empty when it fails.
    fn ctl(&self, args: &[&str]) -> String {
        let output =
            Command::new(&self.ctl).env("ETCDCTL_API", "3").args(["--endpoints", &self.endpoint]).args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn is_up(&self) -> bool {
        let until = Instant::now() + Duration::from_secs(30);
        while Instant::now() < until {
            if !self.ctl(&["put", "up", "yes"]).is_empty() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        false
    }

    fn status(&self) -> Value {
        let said: Value = serde_json::from_str(&self.ctl(&["endpoint", "status", "-w", "json"])).unwrap();
        said[0]["Status"].clone()
    }
}

/// The programs, or the reason why there are none, said.
fn or_say_so(test: &str) -> Option<Programs> {
    match programs() {
        Ok(programs) => Some(programs),
        Err(why) => {
            eprintln!("{test}: skipped: {why}");
            None
        }
    }
}

#[test]
fn a_member_that_was_killed() {
    let Some(programs) = or_say_so("a_member_that_was_killed") else { return };
    let root = tempfile::tempdir().unwrap();
    let free = ports(2);
    let cluster = format!("n1=http://127.0.0.1:{}", free[1]);
    let member = Member::start(&programs, root.path(), "n1", (free[0], free[1]), &cluster, 10);
    assert!(member.is_up(), "etcd does not start");
    for number in 0..30 {
        member.ctl(&["put", &format!("key{number}"), "value"]);
    }
    member.ctl(&["del", "--prefix", "key1"]);
    member.ctl(&["compact", "5"]);
    let granted = member.ctl(&["lease", "grant", "300"]);
    let lease = granted.split(' ').nth(1).unwrap_or_default().to_owned();
    member.ctl(&["put", "--lease", &lease, "leased", "x"]);
    let status = member.status();
    drop(member);
    clean(root.path(), "n1");
    let (_, report) = run(root.path(), "check n1");
    let seen = &report["members"][0];
    // The store is written at intervals, the log at once.
    assert!(seen["store"]["revision"].as_u64() <= status["header"]["revision"].as_u64());
    assert_eq!(seen["log"]["last_index"], status["raftIndex"]);
    assert_eq!(seen["log"]["hard_state"]["term"], status["raftTerm"]);
    assert!(seen["snapshots"].as_array().unwrap().len() > 1);
    let operations = &seen["log"]["operations"];
    assert_eq!((&operations["delete-range"], &operations["compaction"]), (&json!(1), &json!(1)), "{operations}");
    // It starts from there, as it was said, and leaves nothing that is damaged.
    let start = &seen["starts"][0];
    assert_eq!(start["outcome"], "start");
    let again = Member::start(&programs, root.path(), "n1", (free[0], free[1]), &cluster, 10);
    assert!(again.is_up(), "etcd does not start again");
    assert_eq!(again.ctl(&["get", "key2", "--print-value-only"]).trim(), "value");
    drop(again);
    clean(root.path(), "n1");
    damage(root.path(), &programs, (free[0], free[1]), &cluster);
}

/// What is said of damaged copies, and what etcd makes of them.
fn damage(root: &Path, programs: &Programs, ports: (u16, u16), cluster: &str) {
    let copy = |change: &dyn Fn(&Path)| {
        let to = tempfile::tempdir().unwrap();
        copy_tree(&root.join("n1"), &to.path().join("n1"));
        change(&to.path().join("n1/member"));
        let (_, report) = run(to.path(), "check n1");
        let starts = report["members"][0]["starts"][0]["outcome"] == "start";
        let member = Member::start(programs, to.path(), "n1", ports, cluster, 10);
        let up = if starts { member.is_up() } else { settles(member) };
        assert_eq!(up, starts, "{:?}: {}", found(&report), report["members"][0]["starts"][0]);
        report
    };
    let segment = |member: &Path| {
        let mut names: Vec<_> = fs::read_dir(member.join("wal")).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.retain(|path| path.extension().is_some_and(|ending| ending == "wal"));
        names.sort();
        names.remove(0)
    };
    let change = |path: &Path, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = fs::read(path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    };
    let flipped = copy(&|member| change(&segment(member), &|bytes| bytes[700] ^= 0x10));
    has(&flipped, "error", "wal-crc-mismatch");
    let no_store = copy(&|member| fs::remove_file(member.join("snap/db")).unwrap());
    has(&no_store, "error", "etcd-store-behind");
    let bad_store = copy(&|member| change(&member.join("snap/db"), &|bytes| bytes[..8192].fill(0)));
    has(&bad_store, "error", "bolt-unusable");
    let torn = copy(&|member| {
        change(&segment(member), &|bytes| {
            let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
            bytes.truncate(end - 2);
        });
    });
    assert_eq!(torn["verdict"], "clean", "{:?}", found(&torn));
}

/// True when a member still runs after a while, or answers.
fn settles(mut member: Member) -> bool {
    let until = Instant::now() + Duration::from_secs(20);
    while Instant::now() < until {
        if member.process.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}

#[test]
fn three_members_and_a_change_of_them() {
    let Some(programs) = or_say_so("three_members_and_a_change_of_them") else { return };
    let root = tempfile::tempdir().unwrap();
    let free = ports(6);
    let names = ["n1", "n2", "n3"];
    let cluster: Vec<_> =
        names.iter().enumerate().map(|(at, name)| format!("{name}=http://127.0.0.1:{}", free[at * 2 + 1])).collect();
    let cluster = cluster.join(",");
    let start = |at: usize, name: &str| {
        Member::start(&programs, root.path(), name, (free[at * 2], free[at * 2 + 1]), &cluster, [7, 1000, 1000][at])
    };
    let members: Vec<_> = names.iter().enumerate().map(|(at, name)| start(at, name)).collect();
    assert!(members.iter().all(Member::is_up), "etcd does not start");
    for number in 0..20 {
        members[0].ctl(&["put", &format!("key{number}"), "value"]);
    }
    let cluster_id = members[0].status()["header"]["cluster_id"].clone();
    drop(members);
    for name in names {
        clean(root.path(), name);
    }
    let (status, report) = run(root.path(), "compare n1 n2 n3");
    assert_eq!((status, found(&report)), (0, vec![]));
    let expected = format!("{:x}", cluster_id.as_u64().unwrap());
    assert!(report["members"].as_array().unwrap().iter().all(|member| member["cluster_id"] == json!(expected)));
}

//! The node as a process of its own: the program reads while it writes, and what it leaves when it is killed.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, fcntl_lock};

use super::node::Node;
use super::objections;

/// Set for the process that writes: the group directory.
const GROUP: &str = "EKV_LIVE_GROUP";
/// Runs of the program beside a writing node; a thousand are asked for by hand.
const RUNS: &str = "EKV_LIVE_RUNS";
/// A node whose test is gone ends by itself.
const LIFETIME: Duration = Duration::from_secs(300);

/// The process that writes; a test that does nothing unless it is started as one.
#[test]
fn a_node_that_writes() {
    let Some(group) = std::env::var_os(GROUP).map(PathBuf::from) else { return };
    std::fs::create_dir_all(&group).unwrap();
    let seed = group.parent().unwrap().file_name().unwrap().to_str().unwrap().parse().unwrap();
    let (mut node, steps) = Node::start(seed);
    for step in &steps {
        step.apply(&group);
    }
    // Closing any descriptor of the file would give the lock up.
    let lock = File::options().write(true).open(group.join("fsm.db/LOCK")).unwrap();
    fcntl_lock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
    std::fs::write(group.parent().unwrap().join("ready"), b"").unwrap();
    let started = Instant::now();
    while started.elapsed() < LIFETIME {
        for step in node.next() {
            step.apply(&group);
        }
        std::thread::sleep(Duration::from_millis(3));
    }
}

/// A writing node; ends with the test.
struct Running {
    process: Child,
    group: PathBuf,
}

impl Running {
    fn start(root: &Path, seed: u64) -> Self {
        let group = root.join(seed.to_string()).join("n1");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "live::running::a_node_that_writes"]).env(GROUP, &group);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let running = Self { process, group };
        let started = Instant::now();
        while !running.group.with_file_name("ready").exists() {
            assert!(started.elapsed() < LIFETIME, "the node did not start");
            std::thread::sleep(Duration::from_millis(2));
        }
        running
    }

    /// As `kill -9` does.
    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn commands(group: &Path) -> Vec<Vec<String>> {
    let (group, store) = (group.display(), group.join("fsm.db"));
    let store = store.display();
    let lines = [
        format!("gate-dryrun {group}"),
        format!("check {group}"),
        format!("verify-snapshot --deep {group}"),
        format!("wal verify {group}"),
        format!("store verify --deep {store}"),
        format!("wal stat {group}"),
        format!("store meta {store}"),
        format!("store scan {store}"),
        format!("verify-snapshot --newest {group}"),
        format!("store get {store} _meta_applied_index"),
    ];
    lines.iter().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
}

#[test]
fn a_writing_node_is_never_damaged_and_neither_is_a_killed_one() {
    let runs: usize = std::env::var(RUNS).ok().map_or(120, |runs| runs.parse().unwrap());
    let root = super::crash::place();
    let (mut wrong, mut answers) = (Vec::new(), BTreeMap::new());
    let (mut done, mut kills) = (0, 0);
    while done < runs {
        kills += 1;
        let mut node = Running::start(root.path(), kills);
        // Nodes of different ages.
        std::thread::sleep(Duration::from_millis(37 * kills % 400));
        for command in commands(&node.group).into_iter().cycle().skip(usize::try_from(kills).unwrap() * 7 % 10).take(20) {
            let output = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool")).args(&command).output().unwrap();
            let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            let status = output.status.code().unwrap_or_else(|| panic!("{command:?}: {}: {text}", output.status));
            assert!(!text.contains("panicked"), "{command:?}: {text}");
            *answers
                .entry((command[..command.len().min(2)].join(" ").replace(node.group.to_str().unwrap(), ""), status))
                .or_insert(0) += 1;
            // A start may have to restore; what changed while it was read may be unknown.
            if ![0, 3, 10, 11].contains(&status) {
                wrong.push(format!("{command:?}: {status}\n{text}"));
            }
            done += 1;
        }
        node.kill();
        if let Some(why) = objections(&node.group) {
            wrong.push(format!("killed node {kills}:\n  {why}"));
            // For whoever looks at it.
            std::mem::forget(crate::support::group::GroupCopy::of(&node.group));
        }
        std::fs::remove_dir_all(node.group.parent().unwrap()).unwrap();
        assert!(wrong.len() < 20, "{} wrong in {done} runs:\n{}", wrong.len(), wrong.join("\n"));
    }
    assert!(wrong.is_empty(), "{} wrong in {done} runs, {answers:?}:\n{}", wrong.len(), wrong.join("\n"));
    let unknown: u64 = answers.iter().filter(|((_, status), _)| *status == 3).map(|(_, count)| count).sum();
    let _ = std::io::Write::write_all(
        &mut std::io::stderr(),
        format!("{done} runs beside {kills} nodes that were killed, {unknown} unknown: {answers:?}\n").as_bytes(),
    );
}

//! The recipes of docs/fleet/spread.md: shards as processes, started by what the page says, as far as that needs no cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::directories::{damaged, small_payloads};
use crate::support::http::Server;
use crate::support::page::{Step, steps};
use crate::support::program::{SECRETS, program, run};
use crate::support::recorded::{files, offload, root};
use crate::support::servers::{python_with_yaml, skipped, spark};

const PAGE: &str = "docs/fleet/spread.md";

/// A place with the files of the page and the program on the path.
struct Place {
    dir: tempfile::TempDir,
    path: String,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bin = dir.path().join("bin");
        fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(assert_cmd::cargo::cargo_bin("ekv-fleet"), bin.join("ekv-fleet")).unwrap();
        for step in steps(PAGE) {
            if let Step::File { name, text } = step {
                fs::write(dir.path().join(name), text).unwrap();
            }
        }
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        Self { dir, path }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A program as the page starts it, with what the bucket needs.
    fn command(&self, server: &Server, words: &[String], variables: &[(&str, String)]) -> Command {
        let mut command = Command::new(&words[0]);
        for (name, value) in program(&server.url).get_envs() {
            command.env(name, value.unwrap());
        }
        command.env("PATH", &self.path).env("HOME", self.dir.path()).envs(variables.iter().cloned());
        command.current_dir(self.dir.path()).args(&words[1..]);
        command
    }

    fn run(&self, server: &Server, words: &[String], variables: &[(&str, String)]) -> (i32, String) {
        let ran = self.command(server, words, variables).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(SECRETS.iter().all(|secret| !said.contains(secret)), "{said}");
        (ran.status.code().unwrap_or(-1), said)
    }

    fn shell(&self, server: &Server, text: &str) -> (i32, String) {
        self.run(server, &["bash".to_owned(), "-c".to_owned(), text.to_owned()], &[])
    }

    /// What YAML says.
    fn yaml(&self, python: &Path, name: &str) -> Value {
        let program = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
        let ran = Command::new(python).args(["-c", program]).arg(self.file(name)).output().unwrap();
        serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&ran.stderr)))
    }
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|it| it.success())
}

/// The block of that name, and those that are run in their turn.
fn named(name: Option<&str>) -> Vec<(String, i32, String, Option<String>)> {
    let of = |step: Step| match step {
        Step::Commands { text, status, says, needs, name: own } if own.as_deref() == name => Some((text, status, says, needs)),
        _ => None,
    };
    steps(PAGE).into_iter().filter_map(of).collect()
}

/// Every payload was read by one shard and no other, and the audit of the page relies on all of them.
fn all_of_it(place: &Place, server: &Server, payloads: u64, status: i32) {
    let parts = parts_of(server).len() as u64;
    assert!(parts > 0 && parts <= payloads, "{parts}");
    let args = ["--format", "json", "offload", "verify", "s3://backups/prod", "--results", "s3://backups/ekv"];
    let again = run(&server.url, &args);
    let numbers = (again.report["read"].as_u64(), again.report["recalled"].as_u64());
    assert_eq!(numbers, (Some(0), Some(payloads)), "{}", again.said);
    let [(audit, clean, says, _)] = named(Some("audit")).try_into().unwrap();
    let (ended, said) = place.shell(server, &audit);
    assert_eq!(ended, status, "{said}");
    assert!(status != clean || said.contains(&says), "{said}");
}

fn parts_of(server: &Server) -> Vec<String> {
    server.objects.lock().unwrap().keys().filter(|key| key.starts_with("ekv/")).cloned().collect()
}

fn forget(server: &Server) {
    server.objects.lock().unwrap().retain(|key, _| !key.starts_with("ekv/"));
}

#[test]
fn xargs_and_parallel_read_all_of_it() {
    let (place, server) = (Place::new(), Server::of(&offload().join("local"), |_, _| None));
    let recipes = named(None);
    assert_eq!(recipes.len(), 2);
    for (text, status, says, needs) in recipes {
        if let Some(needs) = needs.filter(|needs| !is_there(needs)) {
            skipped(&format!("what needs {needs}: {text}"));
            continue;
        }
        let (ended, said) = place.shell(&server, &text);
        assert!(ended == status && said.contains(&says), "{text}\n{ended}: {said}");
        all_of_it(&place, &server, 3, 0);
        // What has a part is not read again.
        let parts = parts_of(&server);
        let (ended, said) = place.shell(&server, &text);
        assert_eq!((ended, parts_of(&server)), (status, parts), "{said}");
        forget(&server);
    }
}

/// The statuses that the page names.
#[test]
fn xargs_and_parallel_tell_of_damage() {
    let dir = damaged();
    let (place, server) = (Place::new(), Server::of(dir.path(), |_, _| None));
    for ((text, _, _, needs), status) in named(None).into_iter().zip([123, 1]) {
        if needs.is_some_and(|needs| !is_there(&needs)) {
            continue;
        }
        let (ended, said) = place.shell(&server, &text);
        assert_eq!(ended, status, "{text}\n{said}");
        all_of_it(&place, &server, 3, 2);
        forget(&server);
    }
}

/// Each task is run as Slurm starts it: the script, with its number.
#[test]
fn the_array_of_slurm_reads_all_of_it() {
    let (place, server) = (Place::new(), Server::of(&offload().join("local"), |_, _| None));
    let script = fs::read_to_string(place.file("verify.sbatch")).unwrap();
    let array = script.lines().find_map(|line| line.strip_prefix("#SBATCH --array=1-")).unwrap();
    let tasks: u32 = array.split('%').next().unwrap().parse().unwrap();
    for task in 1..=tasks {
        let words = ["sh", "verify.sbatch"].map(str::to_owned);
        let (ended, said) = place.run(&server, &words, &[("SLURM_ARRAY_TASK_ID", task.to_string())]);
        assert!(ended == 0 && said.contains(&format!("shard {task}/{tasks}")), "{ended}: {said}");
    }
    all_of_it(&place, &server, 3, 0);
}

/// The container of the job is run as a pod starts it: its command and arguments, with its number.
#[test]
fn the_job_of_kubernetes_reads_all_of_it() {
    let (place, server) = (Place::new(), Server::of(&offload().join("local"), |_, _| None));
    let Some(python) = python_with_yaml() else { return };
    let job = place.yaml(&python, "verify.yaml");
    assert_eq!((&job["apiVersion"], &job["kind"]), (&json!("batch/v1"), &json!("Job")));
    let spec = &job["spec"];
    let pods = spec["completions"].as_u64().unwrap();
    // What the fields need of each other.
    assert_eq!((&spec["completionMode"], &spec["template"]["spec"]["restartPolicy"]), (&json!("Indexed"), &json!("Never")));
    assert!(spec["backoffLimitPerIndex"].is_u64() && spec["parallelism"].as_u64() <= Some(pods));
    let container = &spec["template"]["spec"]["containers"][0];
    assert_eq!(spec["podFailurePolicy"]["rules"][0]["onExitCodes"]["containerName"], container["name"]);
    let words: Vec<String> = ["command", "args"]
        .iter()
        .flat_map(|part| container[*part].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()))
        .collect();
    for pod in 0..pods {
        let (ended, said) = place.run(&server, &words, &[("JOB_COMPLETION_INDEX", pod.to_string())]);
        assert!(ended == 0 && said.contains(&format!("shard {}/{pods}", pod + 1)), "{ended}: {said}");
    }
    all_of_it(&place, &server, 3, 0);
}

/// Both scripts, by a Spark of one machine.
#[test]
fn the_scripts_of_spark_read_all_of_it() {
    let Some(python) = spark() else { return };
    let (place, server) = (Place::new(), Server::of(&offload().join("local"), |_, _| None));
    let python = python.to_str().unwrap().to_owned();
    let (ended, said) = place.run(&server, &[python.clone(), "verify.py".to_owned()], &[]);
    assert!(ended == 0 && said.contains("shard 16/16"), "{ended}: {said}");
    all_of_it(&place, &server, 3, 0);
    let main = root().join("target/debug/ekv-tool");
    if !main.exists() {
        return skipped("payloads.py, since ekv-tool is not built");
    }
    std::os::unix::fs::symlink(main, place.file("bin/ekv-tool")).unwrap();
    let dir = damaged();
    let odd = dir.path().join("prod/east/v1/payloads/sha256/00");
    fs::create_dir_all(&odd).unwrap();
    fs::write(odd.join("no digest.fsm"), b"x").unwrap();
    let words = [python, "payloads.py".to_owned(), dir.path().to_str().unwrap().to_owned()];
    let (ended, said) = place.run(&server, &words, &[]);
    let count = |verdict: &str| said.lines().filter(|line| line.starts_with(verdict) && line.ends_with(".fsm")).count();
    assert_eq!((ended, count("clean "), count("damaged "), count("unknown ")), (0, 2, 1, 1), "{said}");
}

/// Two shards at a time, one of them killed in the middle: it is started again, and both have read each payload once.
#[test]
fn a_shard_that_is_killed_is_started_again() {
    const PAYLOADS: usize = 60;
    let dir = tempfile::tempdir().unwrap();
    small_payloads(dir.path(), PAYLOADS);
    let server = Server::of(dir.path(), |request, _| {
        if request.key.ends_with(".fsm") {
            std::thread::sleep(Duration::from_millis(60));
        }
        None
    });
    let out = tempfile::tempdir().unwrap();
    let results = out.path().to_str().unwrap();
    let args = |shard: &'static str| {
        let fixed = ["--format", "json", "offload", "verify", "s3://bucket", "--lanes", "1", "--part-every", "100ms"];
        [&fixed[..], &["--results", results, "--shard", shard]].concat()
    };
    let start = |shard| program(&server.url).args(args(shard)).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut killed, other) = (start("1/2"), start("2/2"));
    let is_part = |name: &str| name.contains("00001-of-00002") && name.ends_with(".parquet");
    let parts = || files(out.path()).iter().filter(|(name, _)| is_part(name)).count();
    let began = Instant::now();
    while parts() < 2 {
        assert!(began.elapsed() < Duration::from_secs(60) && killed.try_wait().unwrap().is_none(), "no part in time");
        std::thread::sleep(Duration::from_millis(5));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let other: Value = serde_json::from_slice(&other.wait_with_output().unwrap().stdout).unwrap();
    let again = run(&server.url, &args("1/2"));
    let numbers = |report: &Value| (report["read"].as_u64().unwrap(), report["recalled"].as_u64().unwrap());
    let (read, recalled) = numbers(&again.report);
    assert!(read > 0 && recalled > 0, "{}", again.said);
    let keys = |report: &Value| -> BTreeSet<String> {
        report["payloads"].as_array().unwrap().iter().map(|it| it["path"].to_string()).collect()
    };
    let (one, two) = (keys(&again.report), keys(&other));
    assert!(one.is_disjoint(&two) && one.len() + two.len() == PAYLOADS, "{} and {}", one.len(), two.len());
    assert_eq!((read + recalled, numbers(&other)), (one.len() as u64, (two.len() as u64, 0)));
    // Together they know all, as one run over everything sees it.
    let whole = run(&server.url, &args("1/1"));
    assert_eq!(numbers(&whole.report), (0, PAYLOADS as u64), "{}", whole.said);
    let judged = |reports: &[&Value]| -> BTreeMap<String, Value> {
        let payloads = reports.iter().flat_map(|report| report["payloads"].as_array().unwrap().clone());
        payloads.map(|it| (it["path"].to_string(), it["computed_sha256"].clone())).collect()
    };
    assert_eq!(judged(&[&whole.report]), judged(&[&again.report, &other]));
}

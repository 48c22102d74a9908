//! Every flipped bit and every length of a `raft.db` of 64 KiB and of a `meta.json`: found, harmless for a reason with a name, or not to be
//! told from an intact file by any byte that is left.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::error::Result;
use ekv_tool::ops::hraft::{
    Backend, EntryRange, hashicorp_check, hashicorp_gate_dryrun, hashicorp_inspect, hashicorp_verify_snapshot,
    hashicorp_wal_dump, hashicorp_wal_ls, hashicorp_wal_stat, hashicorp_wal_verify,
};
use ekv_tool::readers::{Local, Memory};
use ekv_tool::report::body::hraft::page::HashiBody;
use ekv_tool::report::{Body, OutputFormat, Report, RowStream, Style};

use crate::faults::fault::Fault;
use crate::faults::{Fate, Table};
use crate::support::recorded::hashi;

mod model;
mod rules;

use model::{Byte, Model};
use rules::{class_of, class_of_meta};

/// Of the bits that nothing reads, and of the lengths of a `raft.db`, every so many-th is tried.
const REST: usize = 97;

/// A file of a recorded node, of whose faults every `stride`-th is tried in a complete run.
struct Subject {
    node: &'static str,
    file: &'static str,
    label: &'static str,
    stride: usize,
}

const NEWEST: &str = "snapshots/2-62-1795229117822/meta.json";
const OLDER: &str = "snapshots/2-38-1795229117740/meta.json";

const SUBJECTS: [Subject; 4] = [
    Subject { node: "h01-single/n1", file: "raft.db", label: "`raft.db`, no snapshot", stride: 1 },
    Subject { node: "h04-three-snaps/n1", file: "raft.db", label: "`raft.db`, three snapshots", stride: 5 },
    Subject { node: "h04-three-snaps/n1", file: NEWEST, label: "newest `meta.json`", stride: 1 },
    Subject { node: "h04-three-snaps/n1", file: OLDER, label: "older `meta.json`", stride: 1 },
];

/// The commands that judge; the others show what these judge, and are only run to see that they come to an end.
const JUDGING: [&str; 4] = ["gate-dryrun", "check", "wal verify", "verify-snapshot"];
const SHOWING: [&str; 4] = ["inspect", "wal ls", "wal stat", "wal dump"];

/// Verdict and outcome; `None` when the command could not do its work.
type Answer = Option<(Verdict, String)>;

fn of<B: Body>(report: Result<Report<B>>, outcome: impl Fn(&B) -> String) -> Answer {
    report.ok().map(|report| (report.verdict, outcome(&report.body)))
}

fn ask(command: &str, dir: &Path, run: &Run<'_>) -> Answer {
    let dirs: &[PathBuf] = &[dir.to_owned()];
    // As the commands come to these questions.
    let Ok(Backend::Hashicorp(_)) = Backend::of(dirs, &*run.source) else { return None };
    match command {
        "gate-dryrun" => of(hashicorp_gate_dryrun(dirs, None, run), |body| {
            let start = &body.groups[0].start;
            format!(
                "{:?} {:?} {:?} {:?}",
                start.outcome,
                start.abort,
                start.first_state,
                start.snapshot.as_ref().map(|it| &it.id)
            )
        }),
        "check" => of(hashicorp_check(dirs, None, None, run), |_| String::new()),
        "wal verify" => of(hashicorp_wal_verify(dirs, run), |_| String::new()),
        "verify-snapshot" => of(hashicorp_verify_snapshot(dirs, run), |_| String::new()),
        "inspect" => of(hashicorp_inspect(dirs, run), |_| String::new()),
        "wal ls" => of(hashicorp_wal_ls(dirs, run), |_| String::new()),
        "wal stat" => of(hashicorp_wal_stat(dirs, run), |_| String::new()),
        _ => {
            let mut written = std::io::sink();
            let mut rows = RowStream::new(OutputFormat::Ndjson, Style::default(), HashiBody::LIST, &mut written);
            of(hashicorp_wal_dump(dir, EntryRange::default(), run, &mut rows), |_| String::new())
        }
    }
}

/// Files by their label, and the commands that judge.
type FaultTable = Table<&'static str, &'static str>;

/// The index of the newest snapshot.
fn covered(dir: &Path) -> u64 {
    let names = std::fs::read_dir(dir.join("snapshots")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.map(|name| name.split('-').nth(1).unwrap().parse().unwrap()).max().unwrap_or(0)
}

fn run(subject: &Subject, sample: Option<usize>, table: &Mutex<FaultTable>) {
    let dir = hashi().root.join(subject.node);
    let path = dir.join(subject.file);
    let bytes = std::fs::read(&path).unwrap();
    let intact = Memory::of(&Local, &dir, 64 << 20).unwrap();
    let model = (subject.file == "raft.db").then(|| Model::of(bytes.clone()));
    let covered = covered(&dir);
    let all = |run: &Run<'_>, names: &[&'static str]| -> Vec<(&'static str, Answer)> {
        names.iter().map(|name| (*name, ask(name, &dir, run))).collect()
    };
    let before = all(&Run::over(intact.clone()), &JUDGING);
    assert!(before.iter().all(|(_, answer)| answer.as_ref().is_some_and(|it| it.0 == Verdict::Clean)), "{before:?}");
    let step = subject.stride * sample.unwrap_or(1);
    let wanted = |fault: &Fault| matches!(fault, Fault::Flip { .. } | Fault::Cut { .. });
    let rest = std::env::var("EKV_FAULTS_REST").ok().and_then(|rest| rest.parse().ok()).unwrap_or(REST);
    let matters = |fault: &Fault| match (&model, fault) {
        (Some(model), Fault::Flip { at, .. }) => model.map[*at] != Byte::Unused,
        (Some(_), _) => false,
        (None, _) => true,
    };
    let (few, many): (Vec<Fault>, Vec<Fault>) = Fault::all(&bytes).filter(wanted).partition(matters);
    let faults: Vec<Fault> = few.into_iter().step_by(step).chain(many.into_iter().step_by(step * rest)).collect();
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut mine = FaultTable::default();
        while let Some(&fault) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut copy = intact.clone();
            copy.put(&path, fault.applied(&bytes).unwrap()).unwrap();
            let run = Run::over(copy);
            let after = all(&run, &JUDGING);
            if sample.is_some() {
                all(&run, &SHOWING);
            }
            let found: BTreeSet<_> = after
                .iter()
                .filter(|(_, answer)| answer.as_ref().is_none_or(|answer| answer.0 != Verdict::Clean))
                .map(|(name, _)| *name)
                .collect();
            let class = || match &model {
                Some(model) => class_of(model, fault, covered),
                None => class_of_meta(&bytes, fault),
            };
            let fate = if found.is_empty() {
                match class() {
                    Some(class) => Fate::Classed(class),
                    None if after != before => Fate::Forecast,
                    None => Fate::Missed,
                }
            } else {
                Fate::Found(found)
            };
            if matches!(fate, Fate::Missed | Fate::Forecast) {
                let place = match (&model, fault) {
                    (Some(model), Fault::Flip { at, .. }) => format!("{:?}", model.map[at]),
                    _ => String::new(),
                };
                mine.missed.push(format!("{} {} {fault:?} {place}", subject.node, subject.file));
            }
            mine.add(subject.label, fault.kind(), fate);
        }
        table.lock().unwrap().absorb(mine);
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from).min(4) {
            scope.spawn(worker);
        }
    });
}

fn check(sample: Option<usize>) -> FaultTable {
    let table = Mutex::new(FaultTable::default());
    let step = std::env::var("EKV_FAULTS_STEP").ok().and_then(|step| step.parse().ok());
    for subject in &SUBJECTS {
        // Text is short.
        let sample = sample.or(step).map(|sample| if subject.file == "raft.db" { sample } else { sample.div_ceil(50) });
        run(subject, sample, &table);
    }
    let mut all = table.into_inner().unwrap();
    if sample.is_none() {
        all.print(&JUDGING, |name| name, |label| label, |_, _| true);
    }
    all.assert_none_missed();
    all
}

#[test]
fn a_sample_of_single_faults_in_files_of_the_library_is_found_or_explained() {
    let all = check(Some(101));
    let found = all.found();
    assert!(found > 100, "{found} found");
}

#[test]
#[ignore = "some minutes: cargo test --release --test main -- --ignored --nocapture every_single_fault_in_files; EKV_FAULTS_STEP takes every n-th fault, EKV_FAULTS_REST=1 every bit that nothing reads and every length"]
fn every_single_fault_in_files_of_the_library_is_found_or_explained() {
    check(None);
}

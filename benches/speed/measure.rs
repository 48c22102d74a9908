//! Runs processes in changing order and prints what they took.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ekv_tool::types::ByteSize;

/// One thing that is measured.
pub struct Subject {
    name: String,
    command: Command,
}

/// What is measured together: the first subject is what the others are compared with.
pub struct Table {
    /// Stands above the table.
    pub title: String,
    /// What every subject has to go through.
    pub bytes: u64,
    /// Things that are counted besides bytes, and their number.
    pub things: Option<(&'static str, u64)>,
    /// Rows, in the order in which they are printed.
    pub subjects: Vec<Subject>,
}

/// One process, from start to exit.
struct Run {
    seconds: f64,
    peak: Option<u64>,
}

/// A number from the environment.
pub fn setting(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

impl Subject {
    /// A program with its arguments.
    pub fn new(name: impl Into<String>, command: Command) -> Self {
        Self { name: name.into(), command }
    }

    /// A command of this program.
    pub fn ekv(arguments: &[&str], path: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ekv-tool"));
        command.args(arguments).arg(path);
        Self::new(format!("`{}`", arguments.join(" ")), command)
    }

    /// Another program, if it is on the path.
    pub fn peer(program: &str, arguments: &[&str], files: &[impl AsRef<Path>]) -> Option<Self> {
        let found = std::env::split_paths(&std::env::var_os("PATH")?).any(|dir| dir.join(program).is_file());
        if !found {
            println!("({program} is not on the path)");
            return None;
        }
        let mut command = Command::new(program);
        command.args(arguments).args(files.iter().map(AsRef::as_ref));
        Some(Self::new([&[program], arguments].concat().join(" "), command))
    }
}

impl Table {
    /// Runs every subject as often as asked for, each time after `prepare`, and prints the table.
    pub fn run(mut self, prepare: impl Fn() -> io::Result<()>) -> io::Result<()> {
        let rounds = setting("EKV_BENCH_ROUNDS", 5);
        let mut runs: Vec<Vec<Run>> = self.subjects.iter().map(|_| Vec::new()).collect();
        let mut order: Vec<usize> = (0..runs.len()).collect();
        let mut state = 1_u64;
        for _ in 0..rounds {
            // What ran before leaves its mark on caches: nobody always follows the same one.
            for last in (1..order.len()).rev() {
                state = next_noise(state);
                order.swap(last, (state >> 33) as usize % (last + 1));
            }
            for &subject in &order {
                prepare()?;
                runs[subject].push(once(&mut self.subjects[subject].command)?);
            }
        }
        self.print(rounds, &runs);
        Ok(())
    }

    fn print(&self, rounds: u64, runs: &[Vec<Run>]) {
        println!("\n### {}\n\n{}, {rounds} rounds\n", self.title, ByteSize(self.bytes));
        let things = self.things.map_or(String::new(), |(name, _)| format!(" million {name}/s |"));
        println!("| | seconds | GB/s |{things} of the first row's rate | peak resident |");
        println!("|---|---:|---:|{}---:|---:|", if self.things.is_some() { "---:|" } else { "" });
        let base = median(&runs[0]);
        for (subject, runs) in self.subjects.iter().zip(runs) {
            let seconds = median(runs);
            let things = self.things.map_or(String::new(), |(_, count)| format!(" {:.2} |", count as f64 / seconds / 1e6));
            let peak = runs.iter().filter_map(|run| run.peak).max().map_or(String::new(), |peak| ByteSize(peak).to_string());
            let (name, rate) = (&subject.name, self.bytes as f64 / seconds / 1e9);
            println!("| {name} | {seconds:.4} | {rate:.2} |{things} {:.2} | {peak} |", base / seconds);
        }
    }
}

/// Starts a process, waits for it, and watches its memory.
fn once(command: &mut Command) -> io::Result<Run> {
    let start = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peaks = Vec::new();
    loop {
        if child.try_wait()?.is_some() {
            break;
        }
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peaks.extend(line.map(|kib| kib << 10));
        std::thread::sleep(if start.elapsed() < Duration::from_millis(50) {
            Duration::from_micros(200)
        } else {
            Duration::from_millis(2)
        });
    }
    // A process that was over at once was not seen long enough to say anything about its memory.
    let peak = (peaks.len() > 4).then(|| peaks.into_iter().max()).flatten();
    Ok(Run { seconds: start.elapsed().as_secs_f64(), peak })
}

fn median(runs: &[Run]) -> f64 {
    let mut seconds: Vec<f64> = runs.iter().map(|run| run.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The next state of a small generator, which is also its output.
pub const fn next_noise(state: u64) -> u64 {
    state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

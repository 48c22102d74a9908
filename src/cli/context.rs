//! What every command is given: where the report goes and how it looks, progress, threads.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Context as _;
use ekv_tool::analysis::Verdict;
use ekv_tool::io::{EntryKind, Stream, can_redraw, cores, now, terminal_width, wants_colours};
use ekv_tool::readers::content::{ContentPlan, Sample};
use ekv_tool::readers::{Local, Packing, STDIN, Source as _, Streams};
use ekv_tool::report::body::failure::FailureBody;
use ekv_tool::report::{Asked, Body, JsonList, NextStep, OutputFormat, Report, RowStream, ServiceState, Style, Unmet, render};
use ekv_tool::types::{UnixMillis, set_budget};
use ekv_tool::{Error, Run};

use super::args::{ContentArgs, Format, GlobalArgs};
use super::exit::{ExitStatus, is_broken_pipe};
use super::output::OutputLock;
use super::progress::{ProgressBar, Shown};
use super::target::{Target, Written, data_around};

/// The surroundings of one run.
#[derive(Debug)]
pub struct Context {
    /// Report format.
    pub format: Format,
    /// Colours, width, verbosity.
    pub style: Style,
    /// Threads that read and check.
    pub threads: usize,
    /// Shown on standard error while something long is read.
    pub progress: ProgressBar,
    output: Option<Target>,
    gate: OutputLock,
    /// True when something may stand on standard output.
    began: AtomicBool,
    /// True when the `--output` file is known to lie outside of what is examined.
    kept_out: AtomicBool,
    started: Instant,
    /// The time of the run, for who keeps reports; nothing where the machine has none.
    began_at: Option<UnixMillis>,
    /// What is examined, as it was given.
    asked_about: OnceLock<String>,
    /// The command line, for what goes wrong before a command knows what it examines.
    words: Vec<OsString>,
}

/// More threads than this do not make one disk faster.
const MAX_DEFAULT_THREADS: usize = 4;

impl Context {
    /// Looks at the terminal and the environment once, for the whole run.
    pub(super) fn new(args: GlobalArgs, usual: Format, words: Vec<OsString>) -> anyhow::Result<Self> {
        let format = args.format.unwrap_or(usual);
        let GlobalArgs { format: _, output, width, color, progress, threads, rate, memory, quiet, verbose } = args;
        set_budget(memory);
        // Before anything is read: a report that has no place is not worth the work.
        let output = output.as_deref().map(|path| Target::admit(Written::Report, path)).transpose()?;
        let to_terminal = output.is_none() && io::stdout().is_terminal();
        let width = width.map(usize::from).or_else(|| to_terminal.then(terminal_width));
        // A file is read by anything.
        let colours = output.is_none() && wants_colours();
        let cores = cores();
        let redraws = can_redraw();
        let shown = match (progress.resolve(redraws), redraws) {
            (false, _) => Shown::Hidden,
            (true, true) => Shown::Bar,
            (true, false) => Shown::Lines,
        };
        let progress = ProgressBar::new(shown, rate);
        let gate = OutputLock::default();
        progress.stop_on_interrupt(&gate).context("cannot listen for an interrupt")?;
        progress.tell_on_demand().context("cannot listen for SIGUSR1")?;
        Ok(Self {
            format,
            style: Style { width, color: color.resolve(colours), verbose, quiet },
            threads: threads.map_or(cores.min(MAX_DEFAULT_THREADS), usize::from),
            progress,
            output,
            gate,
            began: AtomicBool::new(false),
            kept_out: AtomicBool::new(false),
            started: Instant::now(),
            began_at: now(),
            asked_about: OnceLock::new(),
            words,
        })
    }

    /// What readers and questions are given: the files of this machine, the bar, the threads.
    pub fn run(&self) -> Run<'_> {
        Run::local().on_threads(self.threads).watched_by(&self.progress)
    }

    /// The same for questions about files that may come through standard input (`-`) or a pipe of the shell, or be compressed: each of
    /// them is read to its end first. A compressed file that does not unpack is left as it stands, and judged so.
    pub fn run_on(&self, paths: &[PathBuf]) -> anyhow::Result<Run<'_>> {
        let mut streams = Streams::over(Local, std::env::temp_dir());
        for path in paths {
            if path == Path::new(STDIN) {
                Self::admit_spool()?;
                let stdin = Stream::of_stdin().context("standard input")?;
                streams.take(path, stdin, &self.progress)?;
            } else if let Some(given) = Stream::of_descriptor(path) {
                Self::admit_spool()?;
                streams.take(path, given.with_context(|| path.display().to_string())?, &self.progress)?;
            } else if Local.kind_at(path) == Some(EntryKind::File)
                && Local.open(path).and_then(|file| file.read_at(0, 4)).is_ok_and(|head| Packing::of(&head).is_some())
            {
                Self::admit_spool()?;
                match streams.unpack(path, &self.progress) {
                    Ok(_) | Err(Error::Unsuitable { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        if streams.is_empty() {
            return Ok(self.run());
        }
        Ok(Run::over(streams).on_threads(self.threads).watched_by(&self.progress))
    }

    /// Refuses to keep anything in a data directory.
    fn admit_spool() -> anyhow::Result<()> {
        let dir = std::env::temp_dir();
        if let Some(owner) = data_around(&dir) {
            anyhow::bail!(
                "{}: lies in {owner}, where nothing is ever written; set TMPDIR to a directory outside of it",
                dir.display()
            );
        }
        Ok(())
    }

    /// Writes the report; the exit status follows from its verdict.
    pub fn emit<B: Body>(&self, report: Report<B>) -> anyhow::Result<ExitStatus> {
        let verdict: Verdict = report.verdict;
        self.emit_as(report, verdict.into(), None)
    }

    /// Writes the report and ends with `status`; `unmet` says why, where the verdict does not.
    pub fn emit_as<B: Body>(&self, report: Report<B>, status: ExitStatus, unmet: Option<Unmet>) -> anyhow::Result<ExitStatus> {
        self.progress.finish();
        let (report, status) = self.complete(report, status, unmet);
        self.write(|out| render(&report, OutputFormat::from(self.format), self.style, out))?;
        Ok(status)
    }

    /// The report with what only the run knows, and how the program ends with it.
    fn complete<B: Body>(&self, mut report: Report<B>, status: ExitStatus, unmet: Option<Unmet>) -> (Report<B>, ExitStatus) {
        report.timed(self.started.elapsed());
        let target = self.asked_about.get().cloned().unwrap_or_default();
        let line = NextStep::new(&self.words).to_string();
        report.asked = Asked { target, line, started: self.began_at, unmet };
        let status = match self.format {
            Format::Nagios => ExitStatus::Monitored(ServiceState::of_report(&report)),
            _ => status,
        };
        (report, status)
    }

    /// Writes rows while they are read, then the report; the exit status follows from its verdict.
    pub fn emit_rows<B: Body>(
        &self,
        list: JsonList,
        run: impl FnOnce(&mut RowStream<'_>) -> ekv_tool::error::Result<Report<B>>,
    ) -> anyhow::Result<ExitStatus> {
        if self.format == Format::Html {
            anyhow::bail!(
                "--format html: the rows of this command are written while they are read, and a page begins with its verdict; \
                 --format markdown or ndjson has them"
            );
        }
        let mut ended = None;
        self.write(|out| {
            let mut rows = RowStream::new(self.format.into(), self.style, list, out);
            match run(&mut rows) {
                Ok(report) => {
                    self.progress.finish();
                    let status = report.verdict.into();
                    let (report, status) = self.complete(report, status, None);
                    ended = Some(Ok(status));
                    rows.finish(&report)
                }
                // What happened on the way out is the writer's to judge; a closed pipe is not a failure.
                Err(Error::Output(source)) => Err(source),
                Err(error) => {
                    ended = Some(Err(error));
                    Err(io::Error::other("there is no report"))
                }
            }
        })
        .or_else(|error| if matches!(ended, Some(Err(_))) { Ok(()) } else { Err(error) })?;
        // A reader that closed the pipe has seen what it wanted.
        ended.map_or(Ok(ExitStatus::Clean), |status| Ok(status?))
    }

    /// For programs, what stands on standard error as a report, so that a script never takes the lack of one for a good one,
    /// and an `--output` file of an earlier run never for that of this one. People have read the line already. Says how the program
    /// ends.
    pub(super) fn emit_failure(&self, command: String, message: String, status: ExitStatus) -> ExitStatus {
        let status = if self.format == Format::Nagios { ExitStatus::Monitored(ServiceState::Unknown) } else { status };
        // Not where the data may be: a command that did not get as far as to know what it examines may examine any word of its line.
        let words = |target: &Target| self.words.iter().flat_map(paths_in).filter(|path| !target.is(path)).collect::<Vec<_>>();
        let lies_outside = |target: &Target| self.kept_out.load(Ordering::Relaxed) || target.keep_out_of(&words(target)).is_ok();
        if !self.output.as_ref().is_none_or(lies_outside) {
            return status;
        }
        let half_written = self.output.is_none() && self.began.load(Ordering::Relaxed);
        if matches!(self.format, Format::Table) && self.output.is_none() || half_written && self.format != Format::Ndjson {
            return status;
        }
        let report = FailureBody::report(command, message, ExitStatus::Failure.code());
        // The error that is told is the first one; this one could only be that it cannot be written.
        let _ = self.emit(report);
        status
    }

    /// Runs `write` on standard output or on the file of `--output`. A closed pipe is not a failure; a file appears under
    /// its name only when it is complete.
    pub fn write(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
        match &self.output {
            None => {
                self.began.store(true, Ordering::Relaxed);
                let mut out = self.gate.stdout();
                let written = write(&mut out);
                // Lines before a failure are as good as any.
                match written.and(out.flush()) {
                    Err(error) if is_broken_pipe(&error) => Ok(()),
                    other => other.context("cannot write to standard output"),
                }
            }
            Some(target) => target.write(&self.gate, write),
        }
    }

    /// Runs `write` on a file of its own.
    pub(super) fn write_to(&self, target: &Target, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
        target.write(&self.gate, write)
    }

    /// True when the report is made to be passed on: a text for a channel, or a file.
    pub fn is_kept(&self) -> bool {
        matches!(self.format, Format::Markdown | Format::Html) || self.output.is_some()
    }

    /// True when the report goes to the file at `path`.
    pub(super) fn writes_to(&self, path: &Path) -> bool {
        self.output.as_ref().is_some_and(|target| target.resolved() == path)
    }

    /// Whose content is read, by what the command line says of it.
    pub(super) fn content(&self, args: &ContentArgs) -> ContentPlan {
        let mut plan = ContentPlan::default();
        if let Some(limit) = args.max_duration {
            plan = plan.within(limit, self.started);
        }
        if let Some((part, parts)) = args.sample {
            plan = plan.sampled(Sample { part, parts, seed: args.sample_seed });
        }
        plan
    }

    /// Keeps what is asked about, for who tells the reports of several runs apart. The first one counts.
    pub fn ask_about(&self, paths: &[PathBuf]) {
        let given: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        let _ = self.asked_about.set(given.join(" "));
    }

    /// Refuses an `--output` file that is one of the files that are read.
    pub fn keep_off(&self, read: &[PathBuf]) -> anyhow::Result<()> {
        self.output.as_ref().map_or(Ok(()), |target| target.keep_off(read))
    }

    /// Refuses an `--output` file in what is examined, whether it is recognised as data or not.
    pub fn keep_out_of(&self, examined: &[PathBuf]) -> anyhow::Result<()> {
        self.ask_about(examined);
        if let Some(target) = &self.output {
            target.keep_out_of(examined)?;
            self.kept_out.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// The paths that a word of the command line may name: `NAME=PATH` and `--option=PATH` as well.
fn paths_in(word: &OsString) -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::from(word)];
    if let Some((_, path)) = word.to_str().and_then(|text| text.split_once('=')) {
        paths.push(PathBuf::from(path));
    }
    paths
}

//! Where the report goes: standard output, or a file that appears when it is complete.

use std::fs;
use std::io::{self, BufWriter, IsTerminal as _, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context as _, bail};
use ekv_fleet::store::{Address, Scheme};
use ekv_tool::io::{can_redraw, now, terminal_width, wants_colours};
use ekv_tool::readers::{Local, Territory};
use ekv_tool::report::{Asked, Body, REPORT_SAMPLE, Report, Style, is_earlier_report, render};
use ekv_tool::types::UnixMillis;

use super::args::{Format, GlobalArgs};
use super::bar::Bar;

/// The surroundings of one run.
#[derive(Debug)]
pub struct Output {
    format: Format,
    style: Style,
    file: Option<PathBuf>,
    /// True when the file lies in what is examined.
    refused: AtomicBool,
    started: Instant,
    /// The time of the run, and the first store that was named, for who keeps reports.
    began_at: Option<UnixMillis>,
    target: OnceLock<String>,
    /// Shown while the work goes on.
    pub bar: Bar,
}

impl Output {
    /// Looks at the terminal once. A file that must not be written is refused before anything is read.
    pub fn new(args: &GlobalArgs) -> anyhow::Result<Self> {
        let to_terminal = args.output.is_none() && io::stdout().is_terminal();
        let style = Style {
            width: to_terminal.then(terminal_width),
            color: args.color.resolve(args.output.is_none() && wants_colours()),
            verbose: args.verbose,
            quiet: args.quiet,
        };
        let file = args.output.as_deref().map(admit).transpose()?;
        let bar = Bar::new(args.progress.resolve(can_redraw()));
        let at_interrupt = bar.clone();
        ctrlc::set_handler(move || {
            at_interrupt.finish();
            let _ = writeln!(io::stderr(), "ekv-fleet: interrupted");
            std::process::exit(130);
        })
        .context("cannot listen for an interrupt")?;
        Ok(Self {
            format: args.format,
            style,
            file,
            refused: AtomicBool::new(false),
            started: Instant::now(),
            began_at: now(),
            target: OnceLock::new(),
            bar,
        })
    }

    /// Refuses a report in a directory that is read or written.
    pub fn examine(&self, address: &Address) -> anyhow::Result<()> {
        let _ = self.target.set(address.shown.clone());
        let (Scheme::Directory, Some(file)) = (address.scheme, &self.file) else { return Ok(()) };
        let directory = &address.directory;
        let inside = fs::canonicalize(directory).is_ok_and(|directory| file.starts_with(directory));
        if inside {
            self.refused.store(true, Ordering::Relaxed);
            bail!("--output {}: lies in {}, which is examined; name another place", file.display(), directory.display());
        }
        Ok(())
    }

    /// Writes the report.
    pub fn write<B: Body>(&self, mut report: Report<B>) -> anyhow::Result<()> {
        self.bar.finish();
        report.timed(self.started.elapsed());
        let target = self.target.get().cloned().unwrap_or_default();
        report.asked = Asked { target, started: self.began_at, ..Asked::default() };
        let Some(file) = &self.file else {
            let mut out = BufWriter::new(io::stdout().lock());
            let written = render(&report, self.format.into(), self.style, &mut out).and_then(|()| out.flush());
            return match written {
                // Whoever closed the pipe has seen what it wanted.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                other => other.context("cannot write to standard output"),
            };
        };
        let drawn = replace(file, |out| render(&report, self.format.into(), self.style, out));
        drawn.with_context(|| format!("--output {}: cannot write the report", file.display()))
    }

    /// For programs, a report that there is none, so that a file of an earlier run is never taken for that of this one. People have
    /// read the line on standard error.
    pub fn write_failure<B: Body>(&self, report: Report<B>) -> anyhow::Result<()> {
        let for_people = self.file.is_none() && self.format == Format::Table;
        if for_people || self.refused.load(Ordering::Relaxed) { Ok(()) } else { self.write(report) }
    }
}

/// Makes a file, or another one in the place of an earlier one: it appears when it is complete.
pub fn replace(file: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut name = std::ffi::OsString::from(format!(".ekv-fleet-{}-", std::process::id()));
    name.push(file.file_name().unwrap_or_default());
    let unfinished = file.with_file_name(name);
    let written = fs::File::create_new(&unfinished).and_then(|new| {
        let mut out = BufWriter::new(new);
        write(&mut out)?;
        out.flush()?;
        fs::rename(&unfinished, file)
    });
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// What a file begins and ends with.
fn samples(path: &Path) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut file = fs::File::open(path)?;
    let (mut front, mut end) = (Vec::new(), Vec::new());
    (&mut file).take(REPORT_SAMPLE as u64).read_to_end(&mut front)?;
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(REPORT_SAMPLE as u64)))?;
    file.take(REPORT_SAMPLE as u64).read_to_end(&mut end)?;
    Ok((front, end))
}

/// Resolves the file of `--output`, and refuses it where a server or a store keeps anything, or over what is no earlier report.
pub fn admit(path: &Path) -> anyhow::Result<PathBuf> {
    let shown = path.display();
    let Some(name) = path.file_name() else { bail!("--output {shown}: is not the name of a file; name one") };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let dir = fs::canonicalize(parent).with_context(|| format!("--output {shown}: the directory cannot be used"))?;
    if let Some((owner, what)) = dir.ancestors().find_map(|above| Some((above, Territory::of(above, &Local)?))) {
        bail!("--output {shown}: lies in {}, which is {}; nothing is ever written there", owner.display(), what.name());
    }
    let full = dir.join(name);
    match fs::symlink_metadata(&full) {
        Ok(meta) if meta.is_file() => {
            let (front, end) = samples(&full).with_context(|| format!("--output {shown}"))?;
            if !front.is_empty() && !is_earlier_report(&front, &end) {
                bail!("--output {shown}: exists and is not an earlier report; it is left as it is: name another file");
            }
        }
        Ok(_) => bail!("--output {shown}: something that is no file has this name; name another"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("--output {shown}")),
    }
    Ok(full)
}

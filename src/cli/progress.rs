//! What standard error says while something long is read: a bar on a terminal, a line every few seconds in a log, and a line whenever
//! SIGUSR1 asks for one.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ekv_tool::io::Progress;
use ekv_tool::types::ByteSize;
use indicatif::{ProgressBar as Bar, ProgressDrawTarget, ProgressStyle};
use signal_hook::consts::SIGUSR1;
use signal_hook::iterator::Signals;

use super::exit::ExitStatus;
use super::output::OutputLock;

/// Work below this many bytes is over before a bar could be read.
const SHOW_FROM_BYTES: u64 = 256 << 20;
/// Between two lines in a log.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Of the thread that waits for the signal; it writes one line.
const STACK: usize = 128 << 10;
/// Longest sleep at a time of a run that is slowed down.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);

/// How long work is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Not at all, unless somebody asks.
    Hidden,
    /// As a bar that is drawn again and again.
    Bar,
    /// As lines.
    Lines,
}

/// Until [`ProgressBar::tell_on_demand`] nobody is listening, and SIGUSR1 would end the program.
pub(super) fn survive_asking() {
    // Without it only the first moments are in danger.
    let _ = signal_hook::flag::register(SIGUSR1, Arc::default());
}

/// What is shown, and how fast may be read.
#[derive(Debug)]
pub struct ProgressBar {
    bar: Bar,
    shown: Shown,
    lines: Arc<Lines>,
    interrupted: Arc<AtomicBool>,
    pace: Option<Pace>,
}

impl ProgressBar {
    /// Nothing is shown yet. At most `rate` bytes a second are read, if there is a rate.
    pub(super) fn new(shown: Shown, rate: Option<u64>) -> Self {
        let bar = Bar::with_draw_target(None, ProgressDrawTarget::hidden());
        let template = "{spinner} {bytes} of {total_bytes} [{bar:30}] {binary_bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        let interrupted = Arc::new(AtomicBool::new(false));
        Self { bar, shown, lines: Arc::new(Lines::new()), interrupted, pace: rate.map(Pace::new) }
    }

    /// From now on an interrupt clears the bar and ends the program with the status for it, between two lines of output.
    ///
    /// Nothing else needs to be undone: the program only reads.
    pub(super) fn stop_on_interrupt(&self, gate: &OutputLock) -> Result<(), ctrlc::Error> {
        let bar = self.bar.clone();
        let interrupted = Arc::clone(&self.interrupted);
        let gate = gate.clone();
        ctrlc::set_handler(move || {
            bar.finish_and_clear();
            let _ = writeln!(std::io::stderr(), "ekv-tool: interrupted");
            // Whoever sees this may end the program: all has been said.
            interrupted.store(true, Ordering::Relaxed);
            gate.close();
            std::process::exit(i32::from(ExitStatus::Interrupted.code()));
        })
    }

    /// From now on SIGUSR1 makes a line. Without this it would end the program.
    pub(super) fn tell_on_demand(&self) -> std::io::Result<()> {
        let mut signals = Signals::new([SIGUSR1])?;
        let (bar, lines) = (self.bar.clone(), Arc::clone(&self.lines));
        let thread = std::thread::Builder::new().name("progress".to_owned()).stack_size(STACK);
        thread.spawn(move || {
            for _ in &mut signals {
                lines.tell(&bar);
            }
        })?;
        Ok(())
    }

    /// Takes the bar away before the report is written.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for ProgressBar {
    fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
        if self.shown == Shown::Lines && self.lines.is_due(self.bar.elapsed()) {
            self.lines.tell(&self.bar);
        }
        if let Some(pace) = &self.pace {
            pace.wait(bytes, &self.interrupted);
        }
    }

    fn expect(&self, bytes: u64) {
        let before = self.lines.expected.fetch_add(bytes, Ordering::Relaxed);
        let total = before.saturating_add(bytes);
        self.bar.set_length(total);
        if self.shown == Shown::Bar && before < SHOW_FROM_BYTES && total >= SHOW_FROM_BYTES {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.bar.enable_steady_tick(Duration::from_millis(100));
        }
    }

    fn interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// When a line is due, and what it says beside what the bar knows.
#[derive(Debug)]
struct Lines {
    /// Bytes; none where it is not known how many there are.
    expected: AtomicU64,
    /// Milliseconds from the beginning to the next line.
    next: AtomicU64,
}

impl Lines {
    fn new() -> Self {
        Self { expected: AtomicU64::new(0), next: AtomicU64::new(millis(LINE_EVERY)) }
    }

    /// True once each time that a line is due, whichever thread asks.
    fn is_due(&self, elapsed: Duration) -> bool {
        let now = millis(elapsed);
        let next = self.next.load(Ordering::Relaxed);
        let following = now.saturating_add(millis(LINE_EVERY));
        now >= next && self.next.compare_exchange(next, following, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn tell(&self, bar: &Bar) {
        let line = line(bar.position(), self.expected.load(Ordering::Relaxed), bar.elapsed());
        // The bar must not be asked anything while it is suspended. Who does not listen any more does not want to know.
        bar.suspend(|| drop(writeln!(std::io::stderr(), "ekv-tool: {line}")));
    }
}

/// What is done of what is expected, how fast, and how long the rest takes at that.
fn line(done: u64, expected: u64, elapsed: Duration) -> String {
    let mut line = format!("{} read", ByteSize(done));
    if expected > 0 && done <= expected {
        let percent = u128::from(done) * 100 / u128::from(expected);
        line = format!("{} of {} read ({percent} %)", ByteSize(done), ByteSize(expected));
    }
    let elapsed = millis(elapsed).max(1);
    let rate = u128::from(done) * 1000 / u128::from(elapsed);
    // The writing can only fail for want of memory.
    let _ = write!(line, " in {} s, {}/s", elapsed / 1000, ByteSize(u64::try_from(rate).unwrap_or(u64::MAX)));
    if let (Some(left), true) = (expected.checked_sub(done).filter(|left| *left > 0), rate > 0) {
        let _ = write!(line, ", about {} s left", u128::from(left).div_ceil(rate));
    }
    line
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Spares the disk: who reads waits until what was read is no more than the rate allows. Time in which nothing was read is not made up for.
#[derive(Debug)]
struct Pace {
    /// Bytes a second.
    rate: u64,
    /// When the next byte may be read.
    free: Mutex<Instant>,
}

impl Pace {
    fn new(rate: u64) -> Self {
        Self { rate: rate.max(1), free: Mutex::new(Instant::now()) }
    }

    /// When all of `bytes` are paid for that were read at `now`.
    fn paid(&self, bytes: u64, now: Instant) -> Instant {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.rate);
        let taken = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        *free = (*free).max(now).checked_add(taken).unwrap_or(*free);
        *free
    }

    fn wait(&self, bytes: u64, interrupted: &AtomicBool) {
        let until = self.paid(bytes, Instant::now());
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            if interrupted.load(Ordering::Relaxed) {
                return;
            }
            std::thread::sleep(left.min(LONGEST_SLEEP));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_no_more_than_is_known() {
        let second = Duration::from_secs(1);
        assert_eq!(line(0, 0, Duration::ZERO), "0 B read in 0 s, 0 B/s");
        assert_eq!(line(2 << 20, 0, second), "2.0 MiB read in 1 s, 2.0 MiB/s");
        assert_eq!(line(1 << 30, 4 << 30, second * 2), "1.0 GiB of 4.0 GiB read (25 %) in 2 s, 512.0 MiB/s, about 6 s left");
        // More than was expected: a file grew.
        assert_eq!(line(5 << 20, 4 << 20, second), "5.0 MiB read in 1 s, 5.0 MiB/s");
        assert_eq!(line(4 << 20, 4 << 20, second), "4.0 MiB of 4.0 MiB read (100 %) in 1 s, 4.0 MiB/s");
        assert!(line(u64::MAX, u64::MAX, Duration::ZERO).contains("100 %"));
    }

    #[test]
    fn what_is_read_is_paid_for_in_time() {
        let pace = Pace::new(1000);
        let now = Instant::now() + Duration::from_secs(60);
        assert_eq!(pace.paid(500, now), now + Duration::from_millis(500));
        // Another thread at the same time waits behind it.
        assert_eq!(pace.paid(1000, now), now + Duration::from_millis(1500));
        // A pause is not made up for.
        let later = now + Duration::from_secs(9);
        assert_eq!(pace.paid(1, later), later + Duration::from_millis(1));
        assert!(pace.paid(u64::MAX, later) > later);
    }
}

//! A bar on standard error while something long is read.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ekv_tool::io::Progress;
use indicatif::{ProgressBar as Bar, ProgressDrawTarget, ProgressStyle};

use super::exit::ExitStatus;
use super::output::OutputLock;

/// Work below this many bytes is over before a bar could be read.
const SHOW_FROM_BYTES: u64 = 256 << 20;

/// The bar, hidden where nobody watches.
#[derive(Debug)]
pub struct ProgressBar {
    bar: Bar,
    visible: bool,
    expected: AtomicU64,
    interrupted: Arc<AtomicBool>,
}

impl ProgressBar {
    /// A bar that stays hidden unless `visible`.
    pub(super) fn new(visible: bool) -> Self {
        let bar = Bar::with_draw_target(None, ProgressDrawTarget::hidden());
        let template = "{spinner} {bytes} of {total_bytes} [{bar:30}] {binary_bytes_per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar, visible, expected: AtomicU64::new(0), interrupted: Arc::new(AtomicBool::new(false)) }
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

    /// Takes the bar away before the report is written.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for ProgressBar {
    fn advance(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn expect(&self, bytes: u64) {
        let before = self.expected.fetch_add(bytes, Ordering::Relaxed);
        let total = before.saturating_add(bytes);
        self.bar.set_length(total);
        if self.visible && before < SHOW_FROM_BYTES && total >= SHOW_FROM_BYTES {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.bar.enable_steady_tick(Duration::from_millis(100));
        }
    }

    fn interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

//! A line on standard error while the work goes on.

use std::time::Duration;

use ekv_fleet::progress::{Unit, Watch};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The line, hidden where nobody watches.
#[derive(Debug, Clone)]
pub struct Bar(ProgressBar);

impl Bar {
    /// A line that stays hidden unless `visible`.
    pub fn new(visible: bool) -> Self {
        let target = if visible { ProgressDrawTarget::stderr_with_hz(4) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if visible {
            bar.enable_steady_tick(Duration::from_millis(250));
        }
        Self(bar)
    }

    /// Takes the line away before the report is written.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Watch for Bar {
    fn begin(&self, what: &'static str, unit: Unit, total: Option<u64>) {
        let template = match (unit, total) {
            (Unit::Objects, None) => "{spinner} {msg}: {human_pos}",
            (Unit::Bytes, None) => "{spinner} {msg}: {bytes}, {binary_bytes_per_sec}",
            (Unit::Objects, Some(_)) => "{spinner} {msg}: {human_pos} of {human_len}, {eta} left",
            (Unit::Bytes, Some(_)) => "{spinner} {msg}: {bytes} of {total_bytes}, {binary_bytes_per_sec}, {eta} left",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style);
        }
        self.0.reset();
        self.0.set_message(what);
        if let Some(total) = total {
            self.0.set_length(total);
        }
    }

    fn advance(&self, amount: u64) {
        self.0.inc(amount);
    }
}

//! Arguments that every command has.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ekv_fleet::store::Limits;
use ekv_tool::report::OutputFormat;

/// How the report looks and where it goes.
#[derive(Debug, Clone, Args)]
pub struct GlobalArgs {
    /// How the report is written
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Write the report to a file, never into a store
    #[arg(long, global = true, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Colours
    #[arg(long, global = true, value_enum, default_value_t = When::Auto)]
    pub color: When,
    /// A line on standard error while the work goes on
    #[arg(long, global = true, value_enum, default_value_t = When::Auto)]
    pub progress: When,
    /// Only the verdict and what is wrong
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Long lists in full
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// A format of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// One object
    Json,
    /// One object a line, a summary last
    Ndjson,
    /// For a textfile collector
    Prometheus,
    /// For an incident channel
    Markdown,
}

impl From<Format> for OutputFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Table => Self::Table,
            Format::Json => Self::Json,
            Format::Ndjson => Self::Ndjson,
            Format::Prometheus => Self::Prometheus,
            Format::Markdown => Self::Markdown,
        }
    }
}

/// When something is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl When {
    /// What it comes to where `auto` means `usual`.
    pub const fn resolve(self, usual: bool) -> bool {
        match self {
            Self::Auto => usual,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// How a store is asked.
#[derive(Debug, Clone, Copy, Args)]
pub struct StoreArgs {
    /// The longest that one request may take, its answer included
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    timeout: Duration,
    /// How often a request is made again that the store did not take or answer
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=20))]
    max_retries: u32,
    /// Requests at the same time
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    requests: u16,
}

impl StoreArgs {
    /// As limits of a client.
    pub fn limits(self) -> Limits {
        Limits { timeout: self.timeout, max_retries: self.max_retries, in_flight: usize::from(self.requests) }
    }
}

/// How much memory what is read may take.
#[derive(Debug, Clone, Copy, Args)]
pub struct MemoryArgs {
    /// Memory for what is read; a file that does not fit is named and left out
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = parse_size)]
    memory: u64,
}

impl MemoryArgs {
    /// Sets the budget of the run.
    pub fn set(self) {
        ekv_tool::types::set_budget(self.memory);
    }
}

/// A number of bytes: `512MiB`, `4GiB`, `200MB`, `1000`.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || "not a size; write 512MiB, 4GiB or 200MB".to_owned();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let bytes = match unit {
        "" | "B" => 1,
        "kB" => 1_000,
        "KiB" => 1 << 10,
        "MB" => 1_000_000,
        "MiB" => 1 << 20,
        "GB" => 1_000_000_000,
        "GiB" => 1 << 30,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(bytes).filter(|all| *all > 0).ok_or_else(wrong)
}

/// A duration: `30s`, `5m`, `1h`, `2d`, `250ms`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "not a duration; write 30s, 5m, 24h, 7d or 250ms".to_owned();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let all = number.checked_mul(millis).filter(|all| *all > 0 && *all <= 1000 * 86_400_000);
    all.map(Duration::from_millis).ok_or_else(wrong)
}

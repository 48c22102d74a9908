//! Arguments that several commands share, and the parsers of their values.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use ekv_tool::formats::kv::KeyText;
use ekv_tool::ops::NamedDir;
use ekv_tool::readers::Local;
use ekv_tool::readers::keys::Opener;
use ekv_tool::report::OutputFormat;

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct GlobalArgs {
    /// How the report is written [default: table; for facts json, for report html]
    #[arg(long, value_enum, global = true, help_heading = "Output")]
    pub format: Option<Format>,
    /// Write the report to FILE instead of standard output (replaced in one step)
    #[arg(short, long, value_name = "FILE", global = true, help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Columns of the table [default: the terminal's; lines are not broken where there is none]
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(20..), global = true, help_heading = "Output")]
    pub width: Option<u16>,
    /// Colours in the table
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, global = true, help_heading = "Output")]
    pub color: When,
    /// Progress on standard error during long work: a bar on a terminal, else a line every 5 seconds; SIGUSR1 makes one at any time
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, global = true, help_heading = "Output")]
    pub progress: When,
    /// Threads that read and check [default: one a core, at most 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64), global = true)]
    pub threads: Option<u8>,
    /// Read at most so many bytes a second, to spare the disk of a running server
    #[arg(long, value_name = "SIZE", value_parser = parse_rate, global = true)]
    pub rate: Option<u64>,
    /// Memory for what the data decide the size of, beside mapped files
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "128MiB", global = true)]
    pub memory: u64,
    /// Only the verdict, the findings and what could not be examined
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,
    /// Long lists in full
    #[arg(short, long, global = true, help_heading = "Output")]
    pub verbose: bool,
}

/// How much of the content of large files is read.
#[derive(Debug, Clone, Default, Args)]
pub struct ContentArgs {
    /// Begin to read no more content when the time is over, and leave what is being read; the report says what was not read
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, help_heading = "Reading less")]
    pub max_duration: Option<Duration>,
    /// Read the content of one of N parts only; a hash of its name decides in which a file is, and 1/N to N/N read everything
    #[arg(long, value_name = "PART/N", value_parser = parse_sample, help_heading = "Reading less")]
    pub sample: Option<(u64, u64)>,
    /// Deal the files out to the parts of the sample in another way
    #[arg(long, value_name = "NUMBER", default_value_t = 0, requires = "sample", help_heading = "Reading less")]
    pub sample_seed: u64,
}

impl ContentArgs {
    /// Refuses what leaves content out, for a question that has none of a node of elastickv.
    pub fn refuse(&self) -> Result<(), ekv_tool::Error> {
        if self.max_duration.is_none() && self.sample.is_none() {
            return Ok(());
        }
        let problem = "--max-duration, --sample: go with the directories and payloads of elastickv";
        Err(ekv_tool::Error::Usage(problem.to_owned()))
    }
}

/// The keys of an encrypted node.
#[derive(Debug, Clone, Default, Args)]
pub struct KeyFiles {
    /// The key sidecar (keys.json) of a server with encryption
    #[arg(long, value_name = "FILE", help_heading = "Encryption")]
    pub sidecar: Option<PathBuf>,
    /// The file of the key encryption key, 32 bytes; nothing of it is ever shown
    #[arg(long, value_name = "FILE", requires = "sidecar", help_heading = "Encryption")]
    pub kek: Option<PathBuf>,
}

/// How a start has encryption: with these keys, or without any flag.
#[derive(Debug, Clone, Default, Args)]
pub struct StartKeys {
    #[command(flatten)]
    pub keys: KeyFiles,
    /// The server is started without any encryption flag
    #[arg(long, conflicts_with = "sidecar", help_heading = "Encryption")]
    pub no_encryption: bool,
}

/// Keys that open what a command reads.
#[derive(Debug, Clone, Default, Args)]
pub struct OpenKeys {
    /// Open what is sealed with the keys of this sidecar (keys.json)
    #[arg(long, value_name = "FILE", requires = "kek", help_heading = "Encryption")]
    pub sidecar: Option<PathBuf>,
    /// The file of the key encryption key, 32 bytes; nothing of it is ever shown
    #[arg(long, value_name = "FILE", requires = "sidecar", help_heading = "Encryption")]
    pub kek: Option<PathBuf>,
}

/// Keys that open what a command shows.
#[derive(Debug, Clone, Default, Args)]
pub struct ViewKeys {
    #[command(flatten)]
    pub keys: OpenKeys,
    /// Show opened values in markdown, in pages and in a file of --output too
    #[arg(long, requires = "sidecar", help_heading = "Encryption")]
    pub show_values: bool,
}

impl OpenKeys {
    /// Reads the keys, if there are any; `shows_values`: what they open may be shown.
    pub fn opener(&self, shows_values: bool) -> ekv_tool::error::Result<Option<Opener>> {
        let (Some(sidecar), Some(kek)) = (&self.sidecar, &self.kek) else { return Ok(None) };
        Opener::read(sidecar, kek, shows_values, &Local).map(Some)
    }
}

impl ViewKeys {
    /// Reads the keys, if there are any.
    pub fn opener(&self, is_kept: bool) -> ekv_tool::error::Result<Option<Opener>> {
        self.keys.opener(self.show_values || !is_kept)
    }
}

/// A directory, with a name in front of it unless there is one that is called so.
pub fn named(argument: &Path) -> NamedDir {
    let text = argument.to_str().filter(|_| !argument.exists());
    match text.and_then(|text| text.split_once('=')) {
        Some((name, path)) if !name.is_empty() && !name.contains('/') => {
            NamedDir { name: Some(name.to_owned()), path: PathBuf::from(path) }
        }
        _ => NamedDir { name: None, path: argument.to_owned() },
    }
}

/// `--format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// One object a run
    Json,
    /// One object a line, a summary last
    Ndjson,
    /// For a Prometheus textfile collector
    Prometheus,
    /// For an incident channel
    Markdown,
    /// One page for a browser, a postmortem or paper: no script, nothing from elsewhere
    Html,
    /// One line with performance data for Nagios or Icinga; exit statuses 0 to 3 are a plugin's
    Nagios,
    /// Annotations of GitHub Actions
    Github,
    /// Test cases in XML, for a CI system
    Junit,
}

/// `--color` and `--progress`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum When {
    /// When it goes to a terminal
    #[default]
    Auto,
    /// In any case
    Always,
    /// Never
    Never,
}

impl From<Format> for OutputFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Table => Self::Table,
            Format::Json => Self::Json,
            Format::Ndjson => Self::Ndjson,
            Format::Prometheus => Self::Prometheus,
            Format::Markdown => Self::Markdown,
            Format::Html => Self::Html,
            Format::Nagios => Self::Nagios,
            Format::Github => Self::Github,
            Format::Junit => Self::Junit,
        }
    }
}

impl When {
    /// Decides with what `auto` stands for.
    pub fn resolve(self, auto: bool) -> bool {
        match self {
            Self::Auto => auto,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Parses `64MiB`, `1.5GB`, `4096`: binary units with `i`, decimal ones without.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor: u64 = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "ki" | "kib" => 1 << 10,
        "mi" | "mib" => 1 << 20,
        "gi" | "gib" => 1 << 30,
        "ti" | "tib" => 1 << 40,
        unit => return Err(format!("unknown unit {unit:?}; use B, KiB, MiB, GiB, TiB or kB, MB, GB, TB")),
    };
    if let Ok(whole) = digits.trim().parse::<u64>() {
        return whole.checked_mul(factor).ok_or_else(|| "too large".to_owned());
    }
    match digits.trim().parse::<f64>() {
        Ok(number) if number >= 0.0 && number * (factor as f64) < 1.8e19 =>
        {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked against the range above")]
            Ok((number * (factor as f64)) as u64)
        }
        _ => Err("not a size; write 64MiB, 1.5GB or a number of bytes".to_owned()),
    }
}

/// Parses bytes a second, of which there has to be one.
pub fn parse_rate(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        0 => Err("nothing would ever be read; write 50MB for 50 megabytes a second".to_owned()),
        rate => Ok(rate),
    }
}

/// More parts than this are not needed to read one file at a time.
const MOST_PARTS: u64 = 1 << 20;

/// Parses `3/16`.
pub fn parse_sample(text: &str) -> Result<(u64, u64), String> {
    let wrong = || "not a part; write 3/16 for the third of sixteen parts".to_owned();
    let number = |text: &str| text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let (part, parts) = text.split_once('/').ok_or_else(wrong)?;
    let (part, parts): (u64, u64) = (number(part).ok_or_else(wrong)?, number(parts).ok_or_else(wrong)?);
    if !(1..=parts).contains(&part) || parts > MOST_PARTS {
        return Err(format!("parts are counted from 1, and there are at most {MOST_PARTS}; write 3/16 for the third of sixteen"));
    }
    Ok((part, parts))
}

/// Parses `30s`, `5m`, `1h30m`, `250ms`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "not a duration; write 30s, 5m, 1h30m or 250ms".to_owned();
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let unit_len = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let millis = match &rest[..unit_len] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wrong()),
        };
        rest = &rest[unit_len..];
        let part = number.checked_mul(millis).ok_or_else(wrong)?;
        total = total.checked_add(Duration::from_millis(part)).ok_or_else(wrong)?;
    }
    Ok(total)
}

/// Parses a key: a name, or bytes with escapes.
pub fn parse_key(text: &str) -> Result<KeyText, String> {
    text.parse()
}

/// Parses an index: decimal or `0x` and hex digits.
pub fn parse_index(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| "not an index; write it in decimal or as 0x and hex digits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_size("64MiB"), Ok(64 << 20));
        assert_eq!(parse_size("1.5GB"), Ok(1_500_000_000));
        assert_eq!(parse_size("4096"), Ok(4096));
        assert!(parse_size("64 parsecs").is_err());
        assert!(parse_size("-1").is_err());
        assert!(parse_size("99999999999TiB").is_err());
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        for wrong in ["", "30", "s", "1y", "99999999999999999999d"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn parts_of_a_sample() {
        assert_eq!(parse_sample("3/16"), Ok((3, 16)));
        assert_eq!(parse_sample("1/1"), Ok((1, 1)));
        for wrong in ["", "3", "0/16", "17/16", "+1/2", "1/ 2", "10%", "1/1048577", "1/99999999999999999999", "1/0"] {
            assert!(parse_sample(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn indexes() {
        assert_eq!(parse_index("255"), Ok(255));
        assert_eq!(parse_index("0xff"), Ok(255));
        assert!(parse_index("ff").is_err());
    }
}

//! How the program ends.

use std::io::Write as _;
use std::process::ExitCode;

use ekv_tool::Error;
use ekv_tool::analysis::Verdict;
use ekv_tool::report::ServiceState;

/// Every way in which the program can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// Verdict clean, or every forecast accepted.
    Clean,
    /// The work could not be done.
    Failure,
    /// Verdict damaged, or a start would be refused.
    Damaged,
    /// Verdict unknown.
    Unknown,
    /// The worst group would execute the full restore.
    Execute,
    /// The worst group would fall back to the full restore.
    Fallback,
    /// The user interrupted the work.
    Interrupted,
    /// What a monitor is told, with `--format nagios`.
    Monitored(ServiceState),
}

impl ExitStatus {
    /// The number that scripts see.
    pub const fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Failure => 1,
            Self::Damaged => 2,
            Self::Unknown => 3,
            Self::Execute => 10,
            Self::Fallback => 11,
            Self::Interrupted => 130,
            Self::Monitored(state) => state.code(),
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}

impl From<Verdict> for ExitStatus {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Clean => Self::Clean,
            Verdict::Damaged => Self::Damaged,
            Verdict::Unknown => Self::Unknown,
        }
    }
}

/// Help and version are successes; everything else that clap says is wrong usage.
pub(super) fn of_clap(error: &clap::Error) -> ExitStatus {
    // Not by clap's own rules: they colour every terminal where `CI` is set.
    let text = error.render();
    ekv_tool::io::tell(&text, &text.ansi(), error.use_stderr());
    if error.use_stderr() { ExitStatus::Failure } else { ExitStatus::Clean }
}

/// What clap says about wrong usage, in one line.
pub(super) fn line_of_clap(error: &clap::Error) -> String {
    let text = error.render().to_string();
    // What is missing stands below the first line.
    let lines: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let line = lines.join(" ");
    ekv_tool::types::escape(line.strip_prefix("error: ").unwrap_or(&line)).to_string()
}

/// The one line that says why there is no report; `None` when the user interrupted.
pub(super) fn message_of(error: &anyhow::Error) -> Option<String> {
    if error.chain().any(|cause| matches!(cause.downcast_ref::<Error>(), Some(Error::Interrupted))) {
        return None;
    }
    Some(ekv_tool::error::one_line(error.chain()))
}

/// One line on standard error, unless the user interrupted.
pub(super) fn of_error(error: &anyhow::Error) -> ExitStatus {
    message_of(error).map_or(ExitStatus::Interrupted, |line| failed(&line))
}

/// Tells the one line that says why there is no report.
pub(super) fn failed(line: &str) -> ExitStatus {
    let _ = writeln!(std::io::stderr(), "ekv-tool: {line}");
    ExitStatus::Failure
}

/// True when the reader of our output has gone away.
pub(super) fn is_broken_pipe(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::BrokenPipe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_the_contract() {
        let all = [
            (ExitStatus::Clean, 0),
            (ExitStatus::Failure, 1),
            (ExitStatus::Damaged, 2),
            (ExitStatus::Unknown, 3),
            (ExitStatus::Execute, 10),
            (ExitStatus::Fallback, 11),
            (ExitStatus::Interrupted, 130),
        ];
        for (status, code) in all {
            assert_eq!(status.code(), code);
        }
    }
}

//! The library could not do its work. Damage in the data is never an error: it is a
//! [`Finding`](crate::analysis::Finding).

use std::io;
use std::path::{Path, PathBuf};

use crate::types::escape;

/// An error and its causes as one line; causes that are already part of the message are not repeated. What would not show as itself is
/// escaped.
pub fn one_line<'c>(causes: impl Iterator<Item = &'c (dyn std::error::Error + 'static)>) -> String {
    let mut line = String::new();
    for cause in causes.map(ToString::to_string) {
        if line.is_empty() {
            line = cause;
        } else if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    escape(&line.replace('\n', " ")).into_owned()
}

/// Why the tool could not do its work. Each message names the path and, where there is one, the next step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("{}: cannot {action}: {source}{}", .path.display(), next_step(.source))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was being attempted, as a verb phrase.
        action: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// The disk did not deliver bytes that the file has.
    #[error("{}: cannot read at offset {offset}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Offset of the first byte that was asked for and not delivered.
        offset: u64,
        /// The system's answer.
        source: io::Error,
    },
    /// The path is not something that can be read as asked.
    #[error("{}: {problem}; {hint}", .path.display())]
    Unsuitable {
        /// The path as given.
        path: PathBuf,
        /// What it is instead.
        problem: String,
        /// What to do next.
        hint: String,
    },
    /// The caller asked for something that makes no sense; the text names the flag.
    #[error("{0}")]
    Usage(String),
    /// What was read could not be written out; the text is the system's.
    #[error("cannot write the rows: {0}")]
    Output(#[source] io::Error),
    /// The user interrupted the work.
    #[error("interrupted")]
    Interrupted,
}

/// Result with this layer's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An operating system error with its path.
    pub fn io(path: &Path, action: &'static str, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), action, source }
    }

    /// The error of a read at an offset of a file.
    pub fn read(path: &Path, offset: u64, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), offset, source }
    }

    /// What is wrong, for a place that names the path itself.
    pub fn reason(&self) -> String {
        match self {
            Self::Io { source, .. } => source.to_string(),
            Self::Read { offset, source, .. } => format!("offset {offset}: {source}"),
            Self::Unsuitable { problem, .. } => problem.clone(),
            Self::Usage(_) | Self::Output(_) | Self::Interrupted => self.to_string(),
        }
    }

    /// True when the system did not deliver what stands there, so that nothing can be said of it: it is neither missing nor of another
    /// kind than expected.
    pub fn is_unread(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Io { .. }) && !self.is_not_found()
    }

    /// True when the path did not exist (any more).
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

fn next_step(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound => "; check the path",
        io::ErrorKind::PermissionDenied => "; run as the user that owns the data directory",
        _ => "",
    }
}

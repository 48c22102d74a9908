//! The work could not be done. Damage in a store is never an error.

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller asked for something that makes no sense; the text names the argument.
    #[error("{0}")]
    Usage(String),
    /// A store could not be asked at all.
    #[error("{address}: {why}{}", next_step(.hint))]
    Store {
        /// The store, as reports name it.
        address: String,
        /// Why, in fixed words.
        why: String,
        /// What to do next; empty when nobody knows.
        hint: &'static str,
    },
    /// What was worked out does not hold.
    #[error("{0}; please report this")]
    Fault(String),
    /// A directory could not be read.
    #[error(transparent)]
    Files(#[from] ekv_tool::Error),
}

fn next_step(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("; {text}") }
}

/// Result with this package's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

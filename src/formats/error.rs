//! What is wrong with the bytes, and where.

/// A decoder's refusal: the offset relative to the start of the input it was given, and the reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at offset {at}: {kind}")]
pub struct DecodeError {
    /// Offset of the first byte that does not make sense, relative to the decoder's input.
    pub at: u64,
    /// The reason.
    pub kind: DecodeErrorKind,
}

/// Result of a decoder.
pub type DecodeResult<T> = Result<T, DecodeError>;

/// Reasons to refuse bytes. `what` names the field in the format's own terms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The input ends inside a field.
    #[error("{what}: {needed} bytes needed, {available} left")]
    Truncated {
        /// The field.
        what: &'static str,
        /// Bytes that the field needs.
        needed: u64,
        /// Bytes that are there.
        available: u64,
    },
    /// A magic number or fixed text is not there.
    #[error("{what}: magic not recognised: {}", crate::types::Escaped(.found))]
    BadMagic {
        /// The structure.
        what: &'static str,
        /// The bytes found, at most 16.
        found: Vec<u8>,
    },
    /// A version, type or tag outside the known set.
    #[error("{what}: unknown value {found}")]
    Unknown {
        /// The field.
        what: &'static str,
        /// Its value.
        found: u64,
    },
    /// A length or count above its limit.
    #[error("{what}: {found} exceeds the limit of {limit}")]
    Limit {
        /// The field.
        what: &'static str,
        /// The value claimed.
        found: u64,
        /// The largest value allowed.
        limit: u64,
    },
    /// A base-128 integer that does not end or does not fit.
    #[error("{what}: malformed varint")]
    Varint {
        /// The field.
        what: &'static str,
    },
    /// A value that contradicts the format in another way.
    #[error("{what}: {detail}")]
    Invalid {
        /// The field.
        what: &'static str,
        /// The contradiction.
        detail: String,
    },
}

impl DecodeError {
    /// An error at `at`.
    pub const fn new(at: u64, kind: DecodeErrorKind) -> Self {
        Self { at, kind }
    }

    /// A contradiction in words.
    pub fn invalid(at: u64, what: &'static str, detail: impl Into<String>) -> Self {
        Self::new(at, DecodeErrorKind::Invalid { what, detail: detail.into() })
    }

    /// The same error as seen from an enclosing structure that starts `by` bytes earlier.
    #[must_use]
    pub fn shifted(mut self, by: u64) -> Self {
        self.at = self.at.saturating_add(by);
        self
    }

    /// True when the input simply ended too early.
    pub const fn is_truncation(&self) -> bool {
        matches!(self.kind, DecodeErrorKind::Truncated { .. })
    }
}

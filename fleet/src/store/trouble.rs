//! What goes wrong with a request, in fixed words. Errors of the client hold addresses, bodies and headers of whoever answered, and
//! some servers put credentials into these: none of that is ever shown.

use std::error::Error as _;

use ekv_tool::types::go_quoted;
use object_store::client::{HttpError, HttpErrorKind};
use object_store::{Error, path};

/// Why a request brought nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing has this key.
    Absent,
    /// The object is not the one that was asked for any more.
    Changed,
    /// Something has this key already, or somebody else is writing it.
    Exists,
    /// The store or the way to it failed; in words.
    Failed(String),
    /// Nobody answered; in words.
    Silent(String),
}

impl Trouble {
    /// Of an error of the client.
    pub fn of(error: &Error) -> Self {
        match error {
            Error::NotFound { .. } => Self::Absent,
            Error::Precondition { .. } | Error::NotModified { .. } => Self::Changed,
            Error::AlreadyExists { .. } => Self::Exists,
            Error::PermissionDenied { .. } => Self::Failed("the store refuses access (403)".to_owned()),
            Error::Unauthenticated { .. } => Self::Failed("the store does not accept the credentials (401)".to_owned()),
            Error::InvalidPath { source } => Self::Failed(no_path(source)),
            Error::NotSupported { .. } | Error::NotImplemented { .. } => Self::Failed("the store cannot do that".to_owned()),
            other if is_silence(other) => Self::Silent(general(other)),
            other => Self::Failed(general(other)),
        }
    }

    /// The same in a sentence about an object.
    pub fn words(&self) -> String {
        match self {
            Self::Absent => "the store has no such object (404)".to_owned(),
            Self::Changed => "another object took its key (412)".to_owned(),
            Self::Exists => "the store says that it conflicts with another request (409)".to_owned(),
            Self::Failed(why) | Self::Silent(why) => why.clone(),
        }
    }
}

/// The key over which the client refused an answer: one that is no path, which it neither lists nor asks for.
pub(super) fn odd_key(error: &Error) -> Option<String> {
    match error {
        Error::InvalidPath { source: path::Error::EmptySegment { path } | path::Error::BadSegment { path, .. } } => {
            Some(path.clone())
        }
        _ => None,
    }
}

fn no_path(error: &path::Error) -> String {
    let key = match error {
        path::Error::EmptySegment { path } | path::Error::BadSegment { path, .. } => go_quoted(path.as_bytes()),
        _ => return "it holds a key that cannot be asked for".to_owned(),
    };
    format!("it holds the key {key}, which cannot be asked for")
}

fn general(error: &Error) -> String {
    let said = error.to_string();
    if let Some(status) = status_in(&said) {
        let means = match status {
            401 => "the store does not accept the credentials",
            403 => "the store refuses access",
            300..=399 => "the store redirects to another place; look at its region and endpoint",
            404 => "the store has no such object",
            408 => "the store did not get the request in time",
            409 => "the store says that it conflicts with another request",
            412 => "another object took its key",
            416 => "the store has no such range",
            429 => "the store has too many requests",
            500.. => "the store failed",
            _ => "the store refuses the request",
        };
        return format!("{means} ({status})");
    }
    if said.contains("redirect") {
        return "the store redirects in a circle, or to nowhere".to_owned();
    }
    let mut cause = error.source();
    while let Some(it) = cause {
        if let Some(http) = it.downcast_ref::<HttpError>() {
            return of_http(http).to_owned();
        }
        if let Some(io) = it.downcast_ref::<std::io::Error>() {
            return io.kind().to_string();
        }
        cause = it.source();
    }
    let lower = said.to_lowercase();
    if lower.contains("credential") {
        return "no credentials were found, or they cannot be used".to_owned();
    }
    "the answer of the store is not one to what was asked".to_owned()
}

/// True where no answer began.
fn is_silence(error: &Error) -> bool {
    let mut cause = error.source();
    while let Some(it) = cause {
        if let Some(http) = it.downcast_ref::<HttpError>() {
            return matches!(http.kind(), HttpErrorKind::Connect | HttpErrorKind::Timeout);
        }
        cause = it.source();
    }
    false
}

fn of_http(error: &HttpError) -> &'static str {
    let mut cause = error.source();
    while let Some(it) = cause {
        // No request is made: that is how the client of HTTP names an `http://` that was not allowed.
        if it.to_string() == "URL scheme is not allowed" {
            return "its endpoint begins with http://, which the environment has to allow (AWS_ALLOW_HTTP=true, AZURE_ALLOW_HTTP=true)";
        }
        cause = it.source();
    }
    match error.kind() {
        HttpErrorKind::Connect => "nobody answers at the address of the store",
        HttpErrorKind::Timeout => "the store did not answer in time",
        HttpErrorKind::Interrupted | HttpErrorKind::Request => "the connection to the store broke off",
        HttpErrorKind::Decode => "the answer of the store cannot be read",
        _ => "the answer of the store broke off",
    }
}

/// The status that the client found, in the only form in which it tells it.
fn status_in(said: &str) -> Option<u16> {
    let (_, rest) = said.split_once("Server returned non-2xx status code: ")?;
    rest.get(..3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_server_says_is_repeated() {
        let source = "Server returned non-2xx status code: 429 Too Many Requests: <AWSAccessKeyId>AKIASECRET</AWSAccessKeyId>";
        let error = Error::Generic { store: "S3", source: source.into() };
        assert_eq!(Trouble::of(&error).words(), "the store has too many requests (429)");
        let error = Error::Generic { store: "S3", source: "AKIASECRET".into() };
        assert_eq!(Trouble::of(&error).words(), "the answer of the store is not one to what was asked");
    }
}

//! The program as a user runs it.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Credentials that must not be seen again.
pub const SECRETS: [&str; 3] = ["AKIAFAKEFAKEFAKEFAKE", "fakeSecret/ofNobody+1234567890abcdefghij", "FakeSessionTokenOfNobody"];

/// What a run came to.
pub struct Ran {
    /// Exit status.
    pub status: i32,
    /// The report, where it is JSON.
    pub report: Value,
    /// All that was written.
    pub said: String,
    /// How long it took.
    pub took: Duration,
}

/// The program with fake credentials, against an S3 server.
pub fn program(endpoint: &str) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("ekv-fleet"));
    command
        .env_clear()
        .env("AWS_ACCESS_KEY_ID", SECRETS[0])
        .env("AWS_SECRET_ACCESS_KEY", SECRETS[1])
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ALLOW_HTTP", "true");
    command
}

/// Runs the program against an S3 server. No output of it may hold a secret.
pub fn run(endpoint: &str, args: &[&str]) -> Ran {
    let began = Instant::now();
    let output = program(endpoint).args(args).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    for secret in SECRETS {
        assert!(!said.contains(secret), "{args:?} says a secret: {said}");
    }
    assert!(!said.contains("panicked"), "{args:?}: {said}");
    Ran {
        status: output.status.code().unwrap_or(-1),
        report: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        said,
        took: began.elapsed(),
    }
}

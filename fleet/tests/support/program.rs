//! The program as a user runs it.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Credentials that must not be seen again: of S3, the key of an account of Azure, and that of an account of Google.
pub const SECRETS: [&str; 5] = [
    "AKIAFAKEFAKEFAKEFAKE",
    "fakeSecret/ofNobody+1234567890abcdefghij",
    "FakeSessionTokenOfNobody",
    "RmFrZUtleU9mTm9ib2R5RmFrZUtleU9mTm9ib2R5RmE=",
    "FakePrivateKeyOfNobody",
];

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
    program_in(&s3(endpoint))
}

/// The program with this environment and nothing else.
pub fn program_in(environment: &[(&str, String)]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("ekv-fleet"));
    command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    command
}

/// What the environment says of an S3 server.
pub fn s3(endpoint: &str) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ACCESS_KEY_ID", SECRETS[0].to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRETS[1].to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
    ]
}

/// Runs the program against an S3 server. No output of it may hold a secret.
pub fn run(endpoint: &str, args: &[&str]) -> Ran {
    run_in(&s3(endpoint), args)
}

/// Runs the program with this environment. No output of it may hold a secret.
pub fn run_in(environment: &[(&str, String)], args: &[&str]) -> Ran {
    let began = Instant::now();
    let output = program_in(environment).args(args).output().unwrap();
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

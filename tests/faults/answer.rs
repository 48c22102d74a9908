//! What each command says about a group directory.

use std::path::{Path, PathBuf};

use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::error::Result;
use ekv_tool::ops::{
    CheckOptions, GateOptions, VerifyDepth, VerifySnapshotOptions, check, gate_dryrun, store_verify, verify_snapshot, wal,
};
use ekv_tool::report::{Body, Report};

use super::kind::Kind;

/// A command that judges a group directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Command {
    VerifySnapshot,
    WalVerify,
    StoreVerify,
    GateDryrun,
    Check,
}

impl Command {
    pub const ALL: [Self; 5] = [Self::VerifySnapshot, Self::WalVerify, Self::StoreVerify, Self::GateDryrun, Self::Check];

    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifySnapshot => "verify-snapshot",
            Self::WalVerify => "wal verify",
            Self::StoreVerify => "store verify",
            Self::GateDryrun => "gate-dryrun",
            Self::Check => "check",
        }
    }

    /// Whether the answer can depend on a file of this kind.
    pub fn reads(self, kind: Kind) -> bool {
        match self {
            Self::VerifySnapshot => matches!(kind.folder(), "snap" | "fsm-snap"),
            Self::WalVerify => matches!(kind.folder(), "wal"),
            Self::StoreVerify => matches!(kind.folder(), "fsm.db"),
            Self::GateDryrun | Self::Check => true,
        }
    }

    /// Runs the command as a user does who gives no flags.
    pub fn run(self, dir: &Path) -> Answer {
        let paths: &[PathBuf] = &[dir.to_owned()];
        match self {
            Self::VerifySnapshot => {
                let options = VerifySnapshotOptions::default();
                Answer::of(verify_snapshot(paths, &options, &Run::local()), |_| String::new())
            }
            Self::WalVerify => Answer::of(wal::verify(paths, &Run::local()), |_| String::new()),
            Self::StoreVerify => {
                Answer::of(store_verify(&[dir.join("fsm.db")], VerifyDepth::default(), &Run::local()), |_| String::new())
            }
            Self::GateDryrun => {
                let options = GateOptions::default();
                Answer::of(gate_dryrun(paths, &options, &Run::local()), |body| {
                    let outcome = |outcome: &str, error: Option<&str>| format!("{outcome} {}", error.unwrap_or_default());
                    let group = &body.groups[0];
                    let seen =
                        outcome(group.forecast.outcome.name(), group.forecast.abort.as_ref().map(|abort| abort.error.as_str()));
                    let other = &group.other_engine;
                    format!("{seen}; {}", outcome(other.outcome.name(), other.abort.as_ref().map(|abort| abort.error.as_str())))
                })
            }
            Self::Check => {
                let options = CheckOptions::default();
                Answer::of(check(paths, &options, &Run::local()), |_| String::new())
            }
        }
    }
}

/// What a command says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// `None` when the command could not do its work.
    pub verdict: Option<Verdict>,
    /// Outcome and error of the forecast under both servers.
    pub outcome: String,
    /// Severity and code of every finding.
    pub codes: Vec<String>,
    /// Body and findings as JSON, or the error.
    pub text: String,
}

impl Answer {
    fn of<B: Body>(report: Result<Report<B>>, outcome: impl Fn(&B) -> String) -> Self {
        match report {
            Ok(report) => Self {
                verdict: Some(report.verdict),
                outcome: outcome(&report.body),
                codes: report.findings.iter().map(|finding| format!("{} {}", finding.severity, finding.code.code)).collect(),
                text: serde_json::to_string(&(&report.body, &report.findings)).unwrap(),
            },
            Err(error) => Self { verdict: None, outcome: String::new(), codes: Vec::new(), text: error.to_string() },
        }
    }

    /// Damaged, unknown, or an error of the command.
    pub fn found(&self) -> bool {
        self.verdict != Some(Verdict::Clean)
    }
}

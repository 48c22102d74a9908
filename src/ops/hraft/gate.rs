//! `gate-dryrun`: what the next start of each node would do.

use std::path::PathBuf;

use super::node::{Depth, Node};
use super::page::belong;
use crate::analysis::Coverage;
use crate::analysis::hraft::findings::findings as findings_of;
use crate::error::{Error, Result};
use crate::readers::source::Run;
use crate::report::Report;
use crate::report::body::hraft::gate::{HashiForecast, HashiGateBody};

/// Forecasts the next start of every node directory.
pub fn hashicorp_gate_dryrun(dirs: &[PathBuf], raft_id: Option<&str>, run: &Run<'_>) -> Result<Report<HashiGateBody>> {
    if raft_id.is_some() && dirs.len() > 1 {
        return Err(Error::Usage("--raft-id: several nodes are examined; name one node's directory".to_owned()));
    }
    let mut groups = Vec::new();
    let mut findings = Vec::new();
    let mut coverage = Coverage::default();
    for dir in dirs {
        let node = Node::read(dir, raft_id, Depth::Paths, run)?;
        node.cover(&mut coverage);
        let mut found = findings_of(&node.view());
        node.settle(&mut found, &mut coverage);
        belong(&mut found, &node, dirs.len() > 1);
        findings.extend(found);
        groups.push(HashiForecast {
            dir: node.dir.display(),
            raft_id: node.dir.raft_id.clone(),
            backend: "hashicorp-raft",
            libraries: node.libraries(),
            server_refusal: node.server_refusal(),
            start: node.start,
        });
    }
    Ok(Report::new(HashiGateBody { groups }, findings, coverage))
}

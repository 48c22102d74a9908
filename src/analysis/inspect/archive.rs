//! Snapshot archives of Consul, Nomad, Vault and OpenBao.

use serde_json::json;

use super::{Description, List};
use crate::analysis::hraft::archive::judge_archive;
use crate::readers::hraft::archive::ArchiveFacts;
use crate::readers::subject::Subject;
use crate::types::{ByteSize, Escaped};

pub(super) fn describe(page: &mut Description, subject: &Subject, facts: &ArchiveFacts) {
    page.coverage.bytes_examined += facts.size;
    let judged = judge_archive(&subject.display, facts, &mut page.coverage);
    if let Some(meta) = &judged.meta {
        page.plain("index", meta.index);
        page.plain("term", meta.term);
        page.plain("snapshot", meta.id.clone());
        let servers: Vec<_> =
            meta.configuration.servers.iter().map(|server| format!("{}@{}", server.id, server.address)).collect();
        page.fact("servers", json!(servers), servers.join(", "));
    }
    page.fact("state_bytes", facts.state_size, ByteSize(facts.state_size));
    let sealed = if facts.sealed() { "Vault or OpenBao" } else { "Consul or Nomad" };
    page.fact("written_by", sealed, sealed);
    let says = |answer: Option<&String>| answer.cloned().unwrap_or_else(|| "nothing before the state machine".to_owned());
    let answer = if facts.sealed() { &judged.vault } else { &judged.consul };
    page.fact("restore_error", json!(answer), says(answer.as_ref()));
    let rows = facts
        .members
        .iter()
        .map(|member| vec![Escaped(member.name.as_bytes()).to_string(), member.size.to_string(), member.at.to_string()]);
    page.lists.push(List { name: "members", columns: &["member", ">bytes", ">at byte of the tar"], rows: rows.collect() });
    page.findings.extend(judged.findings);
}

//! `verify-snapshot` of archives of other products.

use serde::Serialize;

use crate::analysis::Verdict;
use crate::analysis::hraft::archive::JudgedArchive;
use crate::readers::hraft::archive::{ArchiveFacts, Wrapping};
use crate::report::{Body, Cell, Lines, Section, Tone};
use crate::types::{ByteSize, Count, Escaped, Sha256Sum};

/// Snapshot archives of Consul, Nomad, Vault and OpenBao.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ArchiveBody {
    /// Always `hashicorp-raft`.
    pub backend: &'static str,
    /// One a file.
    pub archives: Vec<ArchiveView>,
}

/// One archive.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ArchiveView {
    /// The file as the caller named it.
    pub path: String,
    /// Follows from the findings about this file.
    pub verdict: Verdict,
    /// Bytes of the file.
    pub size_bytes: u64,
    /// What the tar is wrapped in.
    pub wrapping: Wrapping,
    /// True when there is a `SHA256SUMS.sealed`, which Vault and OpenBao write.
    pub sealed: bool,
    /// The members, in their order.
    pub members: Vec<MemberView>,
    /// `ID` of `meta.json`; `null` when that cannot be read.
    pub id: Option<String>,
    /// Last log index covered.
    pub index: Option<u64>,
    /// Its term.
    pub term: Option<u64>,
    /// Members of the cluster when the snapshot was taken, `ID@address`.
    pub servers: Vec<String>,
    /// Bytes of `state.bin` that were read.
    pub state_bytes: u64,
    /// SHA-256 over them.
    pub state_sha256: Sha256Sum,
    /// What Consul or Nomad says when it restores the file; `null` when nothing stops it before the state machine.
    pub consul_error: Option<String>,
    /// The same of Vault and OpenBao, with the keys of the cluster that took the snapshot and without force.
    pub vault_error: Option<String>,
}

/// A member.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct MemberView {
    /// Its name.
    pub name: String,
    /// Bytes of content that its header names.
    pub size_bytes: u64,
    /// Offset of its header in the tar.
    pub offset: u64,
}

impl ArchiveView {
    /// The view of one file.
    pub fn new(path: String, facts: &ArchiveFacts, judged: &JudgedArchive) -> Self {
        let members = facts.members.iter().map(|member| MemberView {
            name: member.name.clone(),
            size_bytes: member.size,
            offset: member.at,
        });
        let meta = judged.meta.as_ref();
        let servers = meta.map(|meta| meta.configuration.servers.iter().map(|it| format!("{}@{}", it.id, it.address)).collect());
        Self {
            path,
            verdict: Verdict::of(&judged.findings, &crate::analysis::Coverage::default()),
            size_bytes: facts.size,
            wrapping: facts.wrapping,
            sealed: facts.sealed(),
            members: members.collect(),
            id: meta.map(|meta| meta.id.clone()),
            index: meta.map(|meta| meta.index),
            term: meta.map(|meta| meta.term),
            servers: servers.unwrap_or_default(),
            state_bytes: facts.state_size,
            state_sha256: facts.state_sha,
            consul_error: judged.consul.clone(),
            vault_error: judged.vault.clone(),
        }
    }

    fn rows(&self) -> Vec<(&'static str, Cell)> {
        let bytes = |bytes: u64| format!("{} ({bytes} bytes)", ByteSize(bytes));
        let gzip = if self.wrapping == Wrapping::Gzip { "gzip" } else { "not compressed" };
        let members: Vec<_> = self.members.iter().map(|member| Escaped(member.name.as_bytes()).to_string()).collect();
        let answer = |error: &Option<String>| match error {
            None => Cell::toned("nothing, as far as the state machine", Tone::Good),
            Some(error) => Cell::toned(error, Tone::Bad),
        };
        let mut rows = vec![
            ("file", Cell::new(format!("{}, {gzip}", bytes(self.size_bytes)))),
            ("members", Cell::new(members.join(", "))),
            ("snapshot", Cell::option(self.id.as_ref())),
            ("index", Cell::option(self.index)),
            ("term", Cell::option(self.term)),
            ("servers", Cell::new(self.servers.join(", "))),
            ("state", Cell::new(bytes(self.state_bytes))),
        ];
        // Only the product that wrote it will be asked.
        rows.push(if self.sealed {
            ("Vault, OpenBao say", answer(&self.vault_error))
        } else {
            ("Consul, Nomad say", answer(&self.consul_error))
        });
        rows
    }
}

impl ArchiveBody {
    /// The body over the archives.
    pub const fn new(archives: Vec<ArchiveView>) -> Self {
        Self { backend: "hashicorp-raft", archives }
    }
}

impl Body for ArchiveBody {
    const NAME: &'static str = "verify-snapshot";
    const LINES: &'static [Lines] = &[Lines::of("archives", "archive")];

    fn headline(&self) -> String {
        Count(self.archives.len() as u64, "snapshot archive").to_string()
    }

    fn all_clear(&self) -> &'static str {
        ": intact"
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        for archive in &self.archives {
            if self.archives.len() > 1 {
                sections.push(Section::Note(archive.path.clone()));
            }
            sections.push(Section::facts("", archive.rows()));
        }
        sections
    }
}

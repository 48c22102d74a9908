//! `snapshot ls`: which snapshots there are.

use std::collections::HashMap;

use serde::Serialize;

use super::snapshot::SnapshotBody;
use crate::analysis::judge::snapshot::{VerifiedEnvelope, VerifiedPayload};
use crate::formats::fsm::body::BodyFormat;
use crate::report::{Body, Cell, Lines, Section, Tone};
use crate::types::{ByteSize, Count, Crc32c, LogIndex, NodeId, Term};

/// The snapshots of every directory that was named.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct SnapshotListBody {
    /// Newest last, directory after directory.
    pub snapshots: Vec<ListedSnapshot>,
}

/// An envelope, a payload, or both.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ListedSnapshot {
    /// Last entry that it covers; `null` when neither name nor content tells.
    pub index: Option<LogIndex>,
    /// Term of that entry; only the envelope tells.
    pub term: Option<Term>,
    /// The `.snap` file; `null` for a payload without one.
    pub envelope: Option<String>,
    /// The `.fsm` file; `null` for an envelope without one.
    pub payload: Option<String>,
    /// Length of the payload file in bytes.
    pub size_bytes: Option<u64>,
    /// Format of the store payload.
    pub body_format: Option<BodyFormat>,
    /// Version of the clock header; 0 without one.
    pub header_version: Option<u8>,
    /// Members that vote.
    pub voters: Vec<NodeId>,
    /// Members that do not vote.
    pub learners: Vec<NodeId>,
    /// The checksum that the envelope's token asks for.
    pub token_crc32c: Option<Crc32c>,
    /// The checksum that the payload claims.
    pub footer_crc32c: Option<Crc32c>,
}

impl SnapshotListBody {
    /// Pairs envelopes with payloads.
    pub fn new(found: &SnapshotBody) -> Self {
        // The payloads of each index in a group that no envelope has taken yet, the first on top.
        let mut of_index = HashMap::<_, Vec<usize>>::new();
        for (position, payload) in found.snapshots.iter().enumerate().rev() {
            let Some(index) = payload.index else { continue };
            of_index.entry((group_of(&payload.path), index)).or_default().push(position);
        }
        let mut alone: Vec<_> = found.snapshots.iter().map(Some).collect();
        let mut snapshots = Vec::new();
        for envelope in &found.envelopes {
            let index = envelope.token.map(|token| token.index).or(envelope.index);
            let position = index.and_then(|index| of_index.get_mut(&(group_of(&envelope.path), index))?.pop());
            let payload = position.and_then(|position| alone.get_mut(position)?.take());
            snapshots.push(ListedSnapshot::new(Some(envelope), payload));
        }
        snapshots.extend(alone.into_iter().flatten().map(|payload| ListedSnapshot::new(None, Some(payload))));
        // A stable sort keeps the directories apart, which were read one after another.
        snapshots.sort_by_key(|listed| (listed.directory().to_owned(), listed.index));
        Self { snapshots }
    }
}

/// The group directory around `snap/` and `fsm-snap/`, or the folder of the file.
fn group_of(path: &str) -> &str {
    let dir = path.rsplit_once('/').map_or(".", |(dir, _)| dir);
    ["/snap", "/fsm-snap"].iter().find_map(|folder| dir.strip_suffix(folder)).unwrap_or(match dir {
        "snap" | "fsm-snap" => ".",
        other => other,
    })
}

impl ListedSnapshot {
    fn new(envelope: Option<&VerifiedEnvelope>, payload: Option<&VerifiedPayload>) -> Self {
        let exists = payload.filter(|view| view.size_bytes.is_some());
        Self {
            index: envelope.and_then(|view| view.index).or_else(|| payload?.index),
            term: envelope.and_then(|view| view.term),
            envelope: envelope.map(|view| view.path.clone()),
            payload: exists.map(|view| view.path.clone()),
            size_bytes: exists.and_then(|view| view.size_bytes),
            body_format: exists.and_then(|view| view.body_format),
            header_version: exists.and_then(|view| view.header).map(|header| header.version),
            voters: envelope.map(|view| view.voters.clone()).unwrap_or_default(),
            learners: envelope.map(|view| view.learners.clone()).unwrap_or_default(),
            token_crc32c: envelope.and_then(|view| view.token).map(|token| token.crc32c),
            footer_crc32c: exists.and_then(|view| view.footer_crc32c),
        }
    }

    fn directory(&self) -> &str {
        self.envelope.as_ref().or(self.payload.as_ref()).map_or(".", |path| group_of(path))
    }

    fn row(&self) -> Vec<Cell> {
        let parts = match (&self.envelope, &self.payload) {
            (Some(_), Some(_)) => Cell::new("both"),
            (Some(_), None) => Cell::toned("envelope only", Tone::Caution),
            (None, _) => Cell::toned("payload only", Tone::Caution),
        };
        let members = match (self.voters.len(), self.learners.len()) {
            (0, 0) => Cell::toned("-", Tone::Dim),
            (voters, 0) => Cell::new(voters),
            (voters, learners) => Cell::new(format!("{voters}+{learners}")),
        };
        vec![
            Cell::option(self.index),
            Cell::option(self.term),
            parts,
            Cell::option(self.size_bytes.map(ByteSize)),
            Cell::option(self.body_format),
            Cell::option(self.header_version.map(|version| if version == 0 { "none".to_owned() } else { format!("v{version}") })),
            members,
            Cell::option(self.footer_crc32c),
        ]
    }
}

impl Body for SnapshotListBody {
    const NAME: &'static str = "snapshot-ls";
    const LINES: &'static [Lines] = &[Lines::of("snapshots", "snapshot")];

    fn headline(&self) -> String {
        let bytes = self.snapshots.iter().filter_map(|listed| listed.size_bytes).sum();
        match self.snapshots.len() {
            0 => "no snapshots".to_owned(),
            count => format!("{}, {}", Count::of(count, "snapshot"), ByteSize(bytes)),
        }
    }

    fn sections(&self) -> Vec<Section> {
        let columns = [">index", ">term", "files", ">size", "format", "head", ">members", "footer"];
        let mut directories: Vec<(&str, Vec<Vec<Cell>>)> = Vec::new();
        for listed in &self.snapshots {
            match directories.last_mut() {
                Some((dir, rows)) if *dir == listed.directory() => rows.push(listed.row()),
                _ => directories.push((listed.directory(), vec![listed.row()])),
            }
        }
        directories.into_iter().map(|(dir, rows)| Section::table(dir, &columns, rows)).collect()
    }
}

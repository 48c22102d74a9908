//! `snapshot rebuild`: the `.snap` files that can be made again.

use serde::Serialize;

use crate::analysis::judge::snapshot::{EnvelopeState, RemadeEnvelope};
use crate::report::{Body, Cell, Lines, Section, Tone};
use crate::types::{ByteSize, Count};

/// Bytes of a file in one line of hex.
const BYTES_A_LINE: usize = 32;

/// The `.snap` files of a group, made from the records of its log and its payloads.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct SnapshotRebuildBody {
    /// The group directory.
    pub dir: String,
    /// One a snapshot that the log records and of which envelope or payload is there, oldest first.
    pub snapshots: Vec<RemadeEnvelope>,
    /// Recorded snapshots of which neither is there any more.
    pub retired: u64,
}

impl SnapshotRebuildBody {
    /// Those whose file is not there as it should be.
    fn lost(&self) -> impl Iterator<Item = &RemadeEnvelope> {
        self.snapshots.iter().filter(|one| !matches!(one.state, EnvelopeState::Same | EnvelopeState::Readable))
    }
}

impl Body for SnapshotRebuildBody {
    const NAME: &'static str = "snapshot-rebuild";
    const LINES: &'static [Lines] = &[Lines::of("snapshots", "snapshot")];

    fn headline(&self) -> String {
        let (lost, again) = (self.lost().count(), self.lost().filter(|one| one.bytes.is_some()).count());
        let all = Count::of(self.snapshots.len(), "recorded snapshot");
        match (lost, again) {
            (0, _) => format!("{all}: no .snap file has to be made again"),
            (lost, again) if lost == again => format!("{all}: {} made again", Count::of(lost, ".snap file")),
            (lost, again) => format!("{all}: {again} of {} made again", Count::of(lost, "lost .snap file")),
        }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        if !self.snapshots.is_empty() {
            let rows = self.snapshots.iter().map(row).collect();
            sections.push(Section::table(
                self.dir.clone(),
                &[">index", ">term", ".snap file now", ">made again", "why not"],
                rows,
            ));
        }
        for one in self.lost() {
            let Some(hex) = &one.bytes_hex else { continue };
            let lines = hex.as_bytes().chunks(2 * BYTES_A_LINE).map(|line| String::from_utf8_lossy(line).into_owned());
            sections.push(Section::text(one.path.clone(), lines.collect()));
        }
        if self.lost().any(|one| one.bytes.is_some()) {
            sections.push(Section::Note(
                "Nothing was written. To use a file: copy the whole directory, put the bytes under this name into snap/ of the copy \
                 (--index N --raw writes them to a pipe or to --output), ask gate-dryrun and verify-snapshot about the copy, and \
                 only then do the same to the node, while it is stopped."
                    .to_owned(),
            ));
        }
        sections
    }
}

fn row(one: &RemadeEnvelope) -> Vec<Cell> {
    let (text, tone) = match one.state {
        EnvelopeState::Same => ("as it was written", Tone::Good),
        EnvelopeState::Readable => ("can be read", Tone::Plain),
        EnvelopeState::Different => ("says something else", Tone::Caution),
        EnvelopeState::Unreadable => ("cannot be read", Tone::Bad),
        EnvelopeState::Missing => ("missing", Tone::Bad),
    };
    vec![
        Cell::new(one.index),
        Cell::new(one.term),
        Cell::toned(text, tone),
        Cell::option(one.size_bytes.map(ByteSize)),
        Cell::option(one.problem.as_ref()),
    ]
}

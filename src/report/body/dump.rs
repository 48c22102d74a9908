//! `verify-snapshot` of dumps of the offline tools.

use serde::Serialize;

use super::cells::verdict_cell;
use crate::analysis::Verdict;
use crate::analysis::judge::dump::JudgedDump;
use crate::readers::dump::{Container, DumpFacts};
use crate::report::{Body, Cell, Lines, Section, Tone};
use crate::types::{ByteSize, Count, HlcTimestamp};

/// Dumps of the offline tools, and archives of them.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct DumpBody {
    /// One a path.
    pub dumps: Vec<DumpView>,
}

/// One dump.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct DumpView {
    /// The directory or archive as the caller named it.
    pub path: String,
    /// Of this dump alone.
    pub verdict: Verdict,
    /// How it lies there.
    pub container: Container,
    /// Bytes of the archive, or of the files of the directory.
    pub size_bytes: u64,
    /// Files in it, `MANIFEST.json` and `CHECKSUMS` among them.
    pub files: u64,
    /// Directories in it.
    pub directories: u64,
    /// Bytes of its files.
    pub content_bytes: u64,
    /// Lines of `CHECKSUMS` that name a file.
    pub checksum_lines: u64,
    /// Files with another digest than their line says.
    pub differing: u64,
    /// Files that a line names and that are not there.
    pub missing: u64,
    /// Files that no line names.
    pub unlisted: u64,
    /// `phase` of the manifest; this and the next ones are `null` when the tools refuse it.
    pub phase: Option<&'static str>,
    /// `cluster_id`; `null` as well when it is not named.
    pub cluster_id: Option<String>,
    /// `snapshot_index`, which the decoder may have misread.
    pub snapshot_index: Option<u64>,
    /// `last_commit_ts`.
    pub last_commit_ts: Option<u64>,
    /// `wall_time_iso`.
    pub made_at: Option<String>,
    /// `source.fsm_path`.
    pub fsm_path: Option<String>,
    /// Kinds of data that were asked for.
    pub adapters: Vec<&'static str>,
    /// The first thing that the server's tool would say when it unpacks the archive, or packs the directory; `null` when it would not
    /// complain, or in words that are not known.
    pub tool_error: Option<String>,
}

impl DumpView {
    /// The view of one dump.
    pub fn new(path: String, facts: &DumpFacts, judged: &JudgedDump) -> Self {
        let manifest = judged.manifest.as_ref();
        let number = |number: u64| (number > 0).then_some(number);
        Self {
            path,
            verdict: judged.verdict,
            container: facts.container,
            size_bytes: facts.size,
            files: facts.files,
            directories: facts.directories,
            content_bytes: facts.content_bytes,
            checksum_lines: facts.lines,
            differing: facts.differing.count(),
            missing: facts.missing.count(),
            unlisted: facts.unlisted.count(),
            phase: manifest.map(|it| it.phase.name()),
            cluster_id: manifest.map(|it| it.cluster_id.clone()).filter(|name| !name.is_empty()),
            snapshot_index: manifest.and_then(|it| number(it.snapshot_index)),
            last_commit_ts: manifest.and_then(|it| number(it.last_commit_ts)),
            made_at: manifest.map(|it| it.wall_time.clone()),
            fsm_path: manifest.and_then(|it| it.fsm_path.clone()),
            adapters: manifest.map(|it| it.adapters.iter().map(|adapter| adapter.name).collect()).unwrap_or_default(),
            tool_error: judged.error.clone(),
        }
    }

    fn rows(&self) -> Vec<(&'static str, Cell)> {
        let container = match self.container {
            Container::Directory => "directory",
            Container::Tar => "tar, not compressed",
            Container::TarZstd => "tar in Zstandard",
        };
        let bytes = |bytes: u64| format!("{} ({bytes} bytes)", ByteSize(bytes));
        let tool = match &self.tool_error {
            None if self.verdict == Verdict::Clean => Cell::toned("nothing", Tone::Good),
            None => Cell::toned("not known", Tone::Dim),
            Some(error) => Cell::toned(error, Tone::Bad),
        };
        vec![
            ("dump", Cell::new(format_args!("{}, {container}", bytes(self.size_bytes)))),
            ("verdict", verdict_cell(self.verdict)),
            ("files", Cell::new(format_args!("{} in {}", bytes(self.content_bytes), Count(self.files, "file")))),
            ("in CHECKSUMS", Cell::new(self.checksum_lines)),
            ("cluster", Cell::option(self.cluster_id.as_ref())),
            ("snapshot index", Cell::option(self.snapshot_index)),
            (
                "last commit",
                Cell::option(
                    self.last_commit_ts.map(|ts| HlcTimestamp(ts).millis().to_rfc3339().unwrap_or_else(|| ts.to_string())),
                ),
            ),
            ("made at", Cell::option(self.made_at.as_ref())),
            ("made of", Cell::option(self.fsm_path.as_ref())),
            ("asked for", Cell::new(self.adapters.join(", "))),
            ("server's tool says", tool),
        ]
    }
}

impl Body for DumpBody {
    const NAME: &'static str = "verify-snapshot";
    const LINES: &'static [Lines] = &[Lines::of("dumps", "dump")];

    fn headline(&self) -> String {
        let files: u64 = self.dumps.iter().map(|dump| dump.files).sum();
        format!("{} with {}", Count::of(self.dumps.len(), "dump"), Count(files, "file"))
    }

    fn all_clear(&self) -> &'static str {
        ": intact"
    }

    fn sections(&self) -> Vec<Section> {
        let several = self.dumps.len() > 1;
        let title = |dump: &DumpView| if several { dump.path.clone() } else { String::new() };
        self.dumps.iter().map(|dump| Section::facts(title(dump), dump.rows())).collect()
    }
}

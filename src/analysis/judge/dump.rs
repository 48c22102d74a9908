//! Dumps of the offline tools: what unpacking and verifying one would say, what is wrong with it, and what becomes of it later.

use crate::analysis::judge::codes::dump as codes;
use crate::analysis::{Coverage, Finding, Verdict};
use crate::formats::dump::{CHECKSUMS, DumpManifest, DumpManifestError, LineFault, MANIFEST};
use crate::readers::dump::{BadLine, Container, DumpFacts, EntryFault, Few, LineProblem, RefusedEntry, RootFile};
use crate::types::{Count, go_quoted, in_words};

/// What came of a dump.
#[derive(Debug, Clone)]
pub struct JudgedDump {
    /// `MANIFEST.json`, when the tools take it.
    pub manifest: Option<DumpManifest>,
    /// The first thing that the server's tool would say when it unpacks the archive, or packs the directory; absent when it would not
    /// complain, or in words that are not known.
    pub error: Option<String>,
    /// What is wrong or worth knowing.
    pub findings: Vec<Finding>,
    /// Of this dump alone.
    pub verdict: Verdict,
}

/// Judges the dump at `path`.
pub fn judge_dump(path: &str, facts: &DumpFacts, coverage: &mut Coverage) -> JudgedDump {
    let mut judge = Judge { path, facts, findings: Vec::new(), coverage: Coverage::default() };
    judge.coverage.files += if facts.container == Container::Directory { facts.files } else { 1 };
    judge.coverage.bytes_examined += facts.size;
    if facts.changed {
        judge.coverage.missing(path, "the file changed while it was read; try again when it is written");
    } else if judge.is_no_dump() {
        judge.coverage.missing(path, "nothing in it is of a dump: neither MANIFEST.json nor CHECKSUMS, and no data");
    } else {
        judge.stop();
        judge.entries();
        judge.checksums();
        judge.files();
    }
    let manifest = judge.manifest();
    if let Some(manifest) = manifest.as_ref().filter(|_| !facts.changed) {
        judge.traps(manifest);
        judge.adapters(manifest);
    }
    let error = if facts.changed { None } else { first_error(facts) };
    let Judge { findings, coverage: seen, .. } = judge;
    let verdict = Verdict::of(&findings, &seen);
    coverage.absorb(seen);
    JudgedDump { manifest, error, findings, verdict }
}

struct Judge<'f> {
    path: &'f str,
    facts: &'f DumpFacts,
    findings: Vec<Finding>,
    coverage: Coverage,
}

impl Judge<'_> {
    /// A tar with other things in it.
    fn is_no_dump(&self) -> bool {
        let DumpFacts { manifest, checksums, adapters, stop, .. } = self.facts;
        *manifest == RootFile::Absent && *checksums == RootFile::Absent && adapters.is_empty() && stop.is_none()
    }

    /// A path inside, as findings name it: an archive is one file.
    fn at(&self, below: &str) -> String {
        match self.facts.container {
            Container::Directory => format!("{}/{below}", self.path.trim_end_matches('/')),
            Container::Tar | Container::TarZstd => self.path.to_owned(),
        }
    }

    fn stop(&mut self) {
        if let Some(stop) = self.facts.stop.as_ref().filter(|stop| stop.why.is_limit()) {
            self.coverage.missing(self.path, stop.why.to_string());
        } else if let Some(stop) = &self.facts.stop {
            let inside = stop.inside.as_ref().map(|name| format!(" inside of {}", quoted(name))).unwrap_or_default();
            let message = format!("At {} of the tar{inside}: {}. What follows could not be read.", stop.at, stop.why);
            let finding = Finding::new(&codes::DUMP_ARCHIVE_DAMAGED, message).at(self.path);
            self.findings.push(finding.offset(stop.file_at.unwrap_or(stop.at)));
        }
        let (bytes, zero) = self.facts.behind;
        if bytes > 0 && !zero {
            let message = format!("{bytes} bytes that are not all zero stand behind the end of the tar, where nobody looks.");
            self.findings.push(Finding::new(&codes::DUMP_ODD, message).at(self.path));
        }
    }

    fn entries(&mut self) {
        for entry in &self.facts.refused.kept {
            let finding = Finding::new(&codes::DUMP_ENTRY_REFUSED, format!("The tools refuse it: {}.", entry_text(entry)));
            let finding = finding.at(self.at(&entry.name));
            self.findings.push(match entry.at {
                Some(at) if self.facts.container == Container::Tar => finding.offset(at),
                _ => finding,
            });
        }
        count_rest(&mut self.findings, &self.facts.refused);
    }

    fn checksums(&mut self) {
        let refused = |message: String| Finding::new(&codes::DUMP_CHECKSUMS_REFUSED, message);
        let at = self.at(CHECKSUMS);
        match &self.facts.checksums {
            RootFile::Absent if self.facts.stop.is_some() => {}
            RootFile::Absent => {
                let message = "There is no CHECKSUMS: nothing tells whether a file is the one that was written.";
                self.findings.push(refused(message.to_owned()).at(at));
            }
            RootFile::NotRegular => self.findings.push(refused("CHECKSUMS is no file.".to_owned()).at(at)),
            RootFile::TooLarge(why) => self.coverage.missing(at, why),
            RootFile::Bytes(_) if self.facts.lines == 0 && self.facts.bad_lines.kept.is_empty() => {
                self.findings.push(refused("CHECKSUMS names no file.".to_owned()).at(at));
            }
            RootFile::Bytes(_) => {
                for line in &self.facts.bad_lines.kept {
                    let message = format!("The tools refuse a line: {}.", line_text(line));
                    self.findings.push(refused(message).at(at.clone()));
                }
                count_rest(&mut self.findings, &self.facts.bad_lines);
            }
        }
    }

    fn files(&mut self) {
        for it in &self.facts.differing.kept {
            let message = format!("{} is not the file that was written.", quoted(&it.path));
            let finding = Finding::new(&codes::DUMP_FILE_DIFFERS, message).at(self.at(&it.path));
            self.findings.push(finding.expected(it.stated).found(it.computed));
        }
        count_rest(&mut self.findings, &self.facts.differing);
        for path in &self.facts.missing.kept {
            let message = format!("CHECKSUMS names {}, and it is not there.", quoted(path));
            self.findings.push(Finding::new(&codes::DUMP_FILE_MISSING, message).at(self.at(path)));
        }
        count_rest(&mut self.findings, &self.facts.missing);
        for path in &self.facts.unlisted.kept {
            let message = format!("No line of CHECKSUMS names {}.", quoted(path));
            self.findings.push(Finding::new(&codes::DUMP_FILE_UNLISTED, message).at(self.at(path)));
        }
        count_rest(&mut self.findings, &self.facts.unlisted);
        for (path, why) in &self.facts.unread.kept {
            self.coverage.missing(self.at(path), why);
        }
        if self.facts.unread.more > 0 {
            self.coverage.missing(Count(self.facts.unread.more, "more file").to_string(), "they could not be read");
        }
    }

    fn manifest(&mut self) -> Option<DumpManifest> {
        let at = self.at(MANIFEST);
        let refused = |message: String| Finding::new(&codes::DUMP_MANIFEST_REFUSED, message).at(at.clone());
        match &self.facts.manifest {
            _ if self.facts.changed => None,
            RootFile::Absent => {
                if self.facts.stop.is_none() && !self.is_no_dump() {
                    self.findings.push(refused("There is no MANIFEST.json; no tool takes the dump.".to_owned()));
                }
                None
            }
            RootFile::NotRegular => {
                self.findings.push(refused("MANIFEST.json is no file.".to_owned()));
                None
            }
            RootFile::TooLarge(why) => {
                self.coverage.missing(at, why);
                None
            }
            RootFile::Bytes(text) => match DumpManifest::decode(text) {
                Ok(manifest) => Some(manifest),
                Err(error) => {
                    self.findings.push(refused(format!("The tools refuse it: {error}.")));
                    None
                }
            },
        }
    }

    /// What becomes of a good dump when it is used.
    fn traps(&mut self, manifest: &DumpManifest) {
        let at = self.at(MANIFEST);
        if let Some(doubt) = doubtful_index(manifest) {
            self.findings.push(Finding::new(&codes::DUMP_INDEX_DOUBTFUL, doubt).at(at.clone()));
        }
        if manifest.cluster_id.is_empty() {
            let message = "The dump does not say which cluster it is of.";
            self.findings.push(Finding::new(&codes::DUMP_CLUSTER_UNNAMED, message).at(at));
        }
        if let Some(path) = &self.facts.ttl {
            let message = format!("{} holds keys with a time to live.", quoted(path));
            self.findings.push(Finding::new(&codes::DUMP_SELF_TEST, message).at(self.at(path)));
        }
    }

    /// What the manifest says that there is, against what there is.
    fn adapters(&mut self, manifest: &DumpManifest) {
        if self.facts.stop.is_some() {
            return;
        }
        let differ = |message: String| Finding::new(&codes::DUMP_ADAPTERS_DIFFER, message).at(self.at(MANIFEST));
        let left_out: Vec<_> =
            self.facts.adapters.iter().filter(|name| manifest.adapters.iter().all(|it| it.name != **name)).cloned().collect();
        let mut found = Vec::new();
        if !left_out.is_empty() {
            found.push(differ(format!("It says that {} was left out, and there are files of it.", in_words(&left_out))));
        }
        for adapter in manifest.adapters.iter().filter(|it| !it.databases.is_empty()) {
            let words = |numbers: Vec<u64>| in_words(&numbers.iter().map(ToString::to_string).collect::<Vec<_>>());
            let gone: Vec<_> = adapter.databases.iter().copied().filter(|it| !self.facts.databases.contains(it)).collect();
            let more: Vec<_> = self.facts.databases.iter().copied().filter(|it| !adapter.databases.contains(it)).collect();
            if !gone.is_empty() {
                found.push(differ(format!("It names database {} of {}, of which there is no file.", words(gone), adapter.name)));
            }
            if !more.is_empty() {
                found.push(differ(format!(
                    "There are files of database {} of {}, which it does not name.",
                    words(more),
                    adapter.name
                )));
            }
        }
        self.findings.extend(found);
    }
}

/// The decoder takes the number in a file's name for decimal; a server writes it in hex.
fn doubtful_index(manifest: &DumpManifest) -> Option<String> {
    let path = manifest.fsm_path.as_deref()?;
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.strip_suffix(".fsm")?;
    let index = u64::from_str_radix(stem, 16).ok().filter(|_| stem.len() == 16)?;
    (manifest.snapshot_index != index).then(|| {
        let said = match manifest.snapshot_index {
            0 => "no index".to_owned(),
            said => format!("index {said}"),
        };
        format!("It was made of {}, which a server names so at index {index}, and says {said}.", quoted(name))
    })
}

/// The last finding stands for those that were only counted.
fn count_rest<T>(findings: &mut [Finding], few: &Few<T>) {
    if let Some(last) = findings.last_mut().filter(|_| few.more > 0) {
        last.more = last.more.saturating_add(few.more);
    }
}

fn quoted(text: &str) -> String {
    go_quoted(text.as_bytes())
}

/// The tools' text about an entry.
fn entry_text(entry: &RefusedEntry) -> String {
    let name = quoted(&entry.name);
    match &entry.fault {
        EntryFault::Unsafe => format!("{name}: backup archive: unsafe path"),
        EntryFault::Kind(kind) if entry.at.is_some() => format!("{} type {kind}: backup archive: non-regular file", entry.name),
        EntryFault::Kind(_) => format!("{}: backup archive: non-regular file", entry.name),
        EntryFault::Twice => format!("{}: file exists", entry.name),
        EntryFault::BelowFile => format!("{}: not a directory", entry.name),
        EntryFault::TooMany => format!("too many entries before {name}: backup archive: unpack budget exceeded"),
        EntryFault::TooLarge { size, left } => {
            format!("{name} needs {size} bytes, {left} bytes left: backup archive: unpack budget exceeded")
        }
    }
}

/// The tools' text about a line.
fn line_text(line: &BadLine) -> String {
    let (number, text) = (line.number, &line.text);
    match &line.problem {
        LineProblem::Line(LineFault::Malformed) => format!("line {number}: {}: backup: malformed CHECKSUMS line", quoted(text)),
        LineProblem::Line(LineFault::EmptyPath) => format!("line {number}: empty path field: backup: malformed CHECKSUMS line"),
        LineProblem::Line(LineFault::Traversal) => {
            let path = text.trim_start_matches('\\').get(66..).unwrap_or(text);
            format!(
                "line {number}: not a local path (absolute / traversal / reserved name): {}: backup: CHECKSUMS path escapes dump root",
                quoted(path)
            )
        }
        LineProblem::Line(LineFault::TooLong) => "bufio.Scanner: token too long".to_owned(),
        LineProblem::Missing => format!("{text}: missing on disk: backup: checksum mismatch"),
        LineProblem::Differs { stated, computed } => {
            format!("{text}: have {computed} want {stated}: backup: checksum mismatch")
        }
        LineProblem::Link => format!("line {number}: symlink in path: {text}: backup: CHECKSUMS path traverses symlink"),
    }
}

/// The first thing that the tools say: entries while they are unpacked, then the manifest, the lines in their order, and files without a
/// line. Packing a directory verifies first and meets what is no file at the end.
fn first_error(facts: &DumpFacts) -> Option<String> {
    let unpacked = facts.container != Container::Directory;
    let entry = facts.refused.kept.first().map(entry_text);
    if unpacked {
        if entry.is_some() {
            return entry;
        }
        if let Some(stop) = &facts.stop {
            return stop.why.text().map(str::to_owned);
        }
    }
    for (name, file) in [(MANIFEST, &facts.manifest), (CHECKSUMS, &facts.checksums)] {
        match file {
            RootFile::Absent => return Some(format!("lstat {name}: no such file or directory")),
            RootFile::NotRegular => return Some(format!("{name}: backup archive: non-regular file")),
            RootFile::TooLarge(_) => return None,
            RootFile::Bytes(_) => {}
        }
    }
    if let RootFile::Bytes(text) = &facts.manifest
        && let Err(error @ (DumpManifestError::Invalid(_) | DumpManifestError::Version(_))) = DumpManifest::decode(text)
    {
        return Some(error.to_string());
    }
    if let Some(line) = &facts.first_bad_line {
        return Some(line_text(line));
    }
    if facts.lines == 0 {
        return Some("backup: CHECKSUMS contains no checksum rows".to_owned());
    }
    if facts.unread.count() > 0 {
        return None;
    }
    let unlisted = facts.unlisted.kept.iter().min();
    unlisted.map(|path| format!("{path}: backup archive: file is not listed in CHECKSUMS")).or(entry)
}

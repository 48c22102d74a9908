//! One page on anything: what it is, what it says about itself, and whether it can be read.

mod archive;
mod dir;
mod dump;
mod etcd;
mod file;
mod group;
mod inside;
mod log;
mod offload;
mod snapshot;
mod store;

use serde_json::{Value, json};

pub use group::GroupState;

use super::judge::codes::files as codes;
use super::{Coverage, Finding};
use crate::formats::detect::{Confidence, Detection, FileKind, kind_of_name};
use crate::readers::subject::{Content, Subject};

/// What was found out about one file or directory.
#[derive(Debug, Clone, Default)]
pub struct Description {
    /// Stable name of the kind.
    pub kind: &'static str,
    /// The kind in words.
    pub title: String,
    /// How sure that is; absent for directories.
    pub confidence: Option<&'static str>,
    /// What it was recognised by.
    pub why: String,
    /// Bytes of a file.
    pub size: Option<u64>,
    /// What it says about itself.
    pub facts: Vec<Fact>,
    /// What it consists of.
    pub lists: Vec<List>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What was looked at.
    pub coverage: Coverage,
}

/// One named value.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    /// Its name.
    pub name: &'static str,
    /// For programs.
    pub value: Value,
    /// For people.
    pub text: String,
}

/// Rows of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// Its name.
    pub name: &'static str,
    /// Headings; a leading `>` right-aligns the column.
    pub columns: &'static [&'static str],
    /// Cells in column order.
    pub rows: Vec<Vec<String>>,
}

impl Description {
    fn fact(&mut self, name: &'static str, value: impl Into<Value>, text: impl std::fmt::Display) {
        self.facts.push(Fact { name, value: value.into(), text: text.to_string() });
    }

    /// A fact whose text is its value.
    fn plain(&mut self, name: &'static str, value: impl Into<Value> + std::fmt::Display) {
        let text = value.to_string();
        self.fact(name, value, text);
    }

    fn damaged(&mut self, path: &str, at: u64, message: impl Into<String>) {
        self.findings.push(Finding::new(&codes::FILE_DAMAGED, message).at(path).offset(at));
    }
}

/// Describes what was read. Of a directory with groups, `states` says what was found in each of them.
pub fn describe(subject: &Subject, states: &[GroupState]) -> Description {
    let mut page = match (&subject.content, &subject.detection) {
        (Content::Directory(facts), _) => {
            let mut page = dir::describe(facts, states);
            written(&mut page, subject);
            return page;
        }
        (content, Some(detection)) => {
            let mut page = of_detection(detection, subject);
            match content {
                Content::Bytes(map) => file::describe(&mut page, detection.kind, subject, map.bytes()),
                Content::Payload(facts) => snapshot::describe_payload(&mut page, subject, facts),
                Content::OffloadPayload(read) => offload::payload(&mut page, subject, read),
                Content::Envelope(entry) => snapshot::describe_envelope(&mut page, subject, entry),
                Content::Archive(facts) => archive::describe(&mut page, subject, facts),
                Content::Log(scan) => log::describe(&mut page, subject, scan),
                Content::Table(table) => store::describe_table(&mut page, subject, table),
                Content::Directory(_) => {}
            }
            page
        }
        (_, None) => Description::default(),
    };
    if let Some(why) = subject.unsettled() {
        // What was not seen, or not seen at one time, proves nothing.
        page.findings.clear();
        page.coverage.missing(subject.display.clone(), why);
    }
    page
}

fn written(page: &mut Description, subject: &Subject) {
    if let Some(modified) = subject.modified {
        page.fact("last_written", json!({ "unix_ms": modified.0, "time": modified.to_rfc3339() }), modified);
    }
}

fn of_detection(detection: &Detection, subject: &Subject) -> Description {
    let mut page = Description {
        kind: detection.kind.name(),
        title: detection.kind.title().to_owned(),
        confidence: Some(detection.confidence.name()),
        why: detection.why.to_owned(),
        size: Some(subject.size),
        ..Description::default()
    };
    page.coverage.files = 1;
    written(&mut page, subject);
    match detection.confidence {
        Confidence::None => page.coverage.missing(subject.display.clone(), detection.why),
        Confidence::Content => {
            if let Some((named, _)) = kind_of_name(&subject.name).filter(|(named, _)| contradicts(*named, detection.kind)) {
                let message = format!("The name is that of a {}; the content is a {}.", named.title(), detection.kind.title());
                page.findings.push(Finding::new(&codes::FILE_MISNAMED, message).at(&subject.display));
            }
        }
        Confidence::Name | Confidence::NameOnly => {}
    }
    page
}

/// True when a name promises something else than the content is.
fn contradicts(named: FileKind, found: FileKind) -> bool {
    // Consul's archives are called .snap as well.
    let archive = matches!(named, FileKind::SnapshotEnvelope | FileKind::DumpArchive) && found == FileKind::HashicorpArchive;
    // An archive is compressed, and one that cannot be unpacked may have been one.
    let packed = named == FileKind::DumpArchive && found == FileKind::Compressed;
    named != found && !archive && !packed && !matches!(named, FileKind::Unfinished | FileKind::WalReserve | FileKind::Kek)
}

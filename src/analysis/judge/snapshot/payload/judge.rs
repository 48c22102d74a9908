//! One check after the other, each with the findings that it leads to.

use super::footer::FooterDamage;
use super::{Check, Checks, RowCounts, Subject, VerifiedPayload};
use crate::analysis::judge::codes::snapshot as codes;
use crate::analysis::server::snapshot::{PayloadForecast, restore, skip};
use crate::analysis::{Coverage, Finding, Severity};
use crate::formats::foreign::packed_by;
use crate::formats::fsm::FOOTER_LEN;
use crate::formats::fsm::body::{BodyErrorKind, BodyFormat};
use crate::formats::layout;
use crate::formats::snap::SnapshotToken;
use crate::readers::content::LeftOut;
use crate::readers::{BodyFacts, Depth, FileChange, FsmFacts, FsmFile};
use crate::types::{Crc32c, LogIndex, ServerVersion};

/// Collects what the checks of one payload say.
pub(super) struct Judge<'s, 'f> {
    pub(super) subject: &'s Subject<'f>,
    pub(super) findings: Vec<Finding>,
    pub(super) coverage: Coverage,
}

impl Judge<'_, '_> {
    pub(super) fn find(&mut self, finding: Finding) {
        self.findings.push(finding.at(self.subject.path.clone()));
    }

    /// Says what stands there instead of a file.
    pub(super) fn kind(&mut self) {
        let path = &self.subject.path;
        match self.subject.facts {
            FsmFacts::File(_) => {}
            FsmFacts::Absent if self.subject.token.is_some() => {
                let message = "The token names this payload, and there is no such file.";
                self.find(Finding::new(&codes::FSM_MISSING, message).expected(self.subject.name).found("no such file"));
            }
            FsmFacts::Absent => self.coverage.missing(path, "it vanished while the directory was read"),
            FsmFacts::Directory => {
                let message = "A directory stands where the payload should be; a start that uses it ends with `is a directory`.";
                self.find(Finding::new(&codes::FSM_NOT_A_FILE, message).expected("a file").found("a directory"));
            }
            FsmFacts::Special(what) => {
                let message = format!("The payload {what}; it was not opened.");
                self.find(Finding::new(&codes::FSM_NOT_A_FILE, message).expected("a file").found(what));
            }
            FsmFacts::Unreadable(why) => self.coverage.missing(path, format!("it cannot be read: {why}")),
        }
    }

    pub(super) fn file(&mut self, file: &FsmFile, view: &mut VerifiedPayload) {
        self.coverage.add_file(file.bytes_read);
        view.size_bytes = Some(file.size);
        let (Some(footer), Some(payload)) = (file.footer, &file.payload) else {
            let message = format!("The file has {} bytes; the footer alone needs four.", file.size);
            self.find(
                Finding::new(&codes::FSM_TOO_SMALL, message).range(0, file.size).expected("4 bytes or more").found(file.size),
            );
            view.checks = Checks { size: Check::Fail, header: Check::NotRun, body_crc: Check::NotRun, ..view.checks };
            return;
        };
        view.checks.size = Check::Pass;
        view.payload_bytes = Some(payload.len);
        view.footer_crc32c = Some(footer.0);
        view.computed_crc32c = file.computed;
        view.header = payload.header.ok();
        view.body_format = payload.format;
        view.applied_index = payload.body.as_deref().and_then(BodyFacts::applied_index);
        if let (Some(left_out), None) = (file.left_out, file.change) {
            self.left_out(file, footer.0, left_out, view);
            return;
        }
        // What was seen of a file that changed meanwhile proves nothing.
        if self.unsettled(file) {
            view.checks = Checks { header: Check::Unknown, body_crc: Check::Unknown, ..view.checks };
            return;
        }
        self.token(file, footer.0, view);
        self.header(file, view);
        self.checksum(file, footer.0, view);
        self.body(file, view);
    }

    /// Only what stands at both ends of the file was read, and a part of its content before the time was over.
    fn left_out(&mut self, file: &FsmFile, footer: Crc32c, left_out: LeftOut, view: &mut VerifiedPayload) {
        self.token(file, footer, view);
        self.header(file, view);
        let what = LeftOut::what(&self.subject.path, file.size);
        let check = match left_out {
            LeftOut::Ledger(reading) => {
                view.from_ledger = Some(reading);
                self.coverage.skipped(what, left_out.to_string());
                Check::FromLedger
            }
            LeftOut::Sample(_) | LeftOut::Time(_) => {
                self.coverage.missing(what, left_out.to_string());
                Check::Unknown
            }
        };
        view.checks.body_crc = check;
        let deep = self.subject.depth >= Depth::Deep;
        if deep {
            view.checks.deep = check;
        }
        if let Some(payload) = &file.payload
            && let Some(body) = payload.body.as_deref()
        {
            self.restorable(body, payload.header.map_or(0, |header| header.len), deep);
            view.checks.deep = if deep && body.result.is_err() { Check::Fail } else { view.checks.deep };
        }
    }

    fn unsettled(&mut self, file: &FsmFile) -> bool {
        let path = self.subject.path.clone();
        if let Some(why) = &file.unread {
            self.coverage.missing(path, format!("it could not be read to its end: {why}"));
            return true;
        }
        let change = match file.change {
            None => return false,
            Some(FileChange::Shrunk { at }) => format!("it was cut to {at} bytes while it was read"),
            Some(FileChange::Grown) => "it grew while it was read".to_owned(),
            Some(FileChange::Modified) => "it was written to while it was read".to_owned(),
            Some(FileChange::Replaced) => "another file took its name while it was read".to_owned(),
            Some(FileChange::Vanished) => "it was removed while it was read".to_owned(),
        };
        self.coverage.missing(path, change);
        true
    }

    fn token(&mut self, file: &FsmFile, footer: Crc32c, view: &mut VerifiedPayload) {
        let Some(token) = &self.subject.token else { return };
        view.checks.token_crc = if token.crc32c == footer { Check::Pass } else { Check::Fail };
        let saved = file.computed.and_then(|computed| FooterDamage::of(token.crc32c, footer, computed));
        if let Some(damage) = saved {
            let message = format!(
                "{} The content has the checksum that {} names, so that it is whole: only the footer is lost.",
                damage.words(),
                token.source
            );
            let advice = format!(
                "Keep the file as it is and repair a copy: {}. Its last four bytes must be {}, and the copy must verify.",
                damage.repair(),
                token.crc32c.0.to_be_bytes().map(|byte| format!("{byte:02x}")).join(" ")
            );
            let at = file.size - FOOTER_LEN as u64;
            let finding = Finding::new(&codes::FSM_TOKEN_CRC, message).range(at, FOOTER_LEN as u64).advice(advice);
            self.find(finding.expected(token.crc32c).found(footer));
        } else if token.crc32c != footer {
            let message = match file.computed {
                Some(computed) if computed == footer => {
                    format!("The payload is whole, but {} means another one: its checksum differs.", token.source)
                }
                _ => format!("{} promises another checksum than the file's footer.", token.source),
            };
            let at = file.size - FOOTER_LEN as u64;
            self.find(
                Finding::new(&codes::FSM_TOKEN_CRC, message).range(at, FOOTER_LEN as u64).expected(token.crc32c).found(footer),
            );
        }
    }

    fn header(&mut self, file: &FsmFile, view: &mut VerifiedPayload) {
        let Some(payload) = &file.payload else { return };
        view.checks.header = match payload.header {
            Ok(_) => Check::Pass,
            Err(error) => {
                let message = format!("The clock header cannot be read: {error}.");
                self.find(Finding::new(&codes::FSM_HEADER_INVALID, message).offset(error.at()));
                Check::Fail
            }
        };
    }

    fn checksum(&mut self, file: &FsmFile, footer: Crc32c, view: &mut VerifiedPayload) {
        view.checks.body_crc = match file.computed {
            Some(computed) if computed == footer => Check::Pass,
            Some(computed) => {
                let message = match packed(file) {
                    Some(words) => words,
                    None => "The payload does not have the checksum that its footer claims.".to_owned(),
                };
                let len = file.size - FOOTER_LEN as u64;
                self.find(Finding::new(&codes::FSM_BODY_CRC, message).range(0, len).expected(footer).found(computed));
                Check::Fail
            }
            None => {
                self.coverage.skipped(format!("payload of {}", self.subject.path), "only size, footer and header were asked for");
                Check::NotRun
            }
        };
    }

    fn body(&mut self, file: &FsmFile, view: &mut VerifiedPayload) {
        let Some(payload) = &file.payload else { return };
        let deep = self.subject.depth >= Depth::Deep;
        let before = self.errors();
        let start = payload.header.map_or(0, |header| header.len);
        match &payload.body {
            None if deep && payload.header.is_err() => {
                self.coverage
                    .missing(format!("rows of {}", self.subject.path), "where they start is not known without the header");
                view.checks.deep = Check::Unknown;
                return;
            }
            None => {
                self.unknown_format(payload.format, start);
                if self.subject.depth == Depth::Checksum && payload.header.is_ok() {
                    self.coverage.skipped(format!("rows of {}", self.subject.path), "only --deep walks payloads above 64 MiB");
                }
                return;
            }
            Some(body) => {
                // That a damaged payload cannot be restored is no news; where it stops is told to those who ask for the rows.
                if deep || view.checks.body_crc != Check::Fail {
                    self.restorable(body, start, deep);
                }
                match (deep, view.checks.body_crc) {
                    (true, Check::Fail) => {
                        self.place_damage(body, start);
                        self.opened(start);
                    }
                    (true, _) => self.rows(body, start),
                    (false, Check::Fail) => {}
                    (false, _) => self.tables(body, start, Severity::Warning),
                }
                self.ahead(body, view.index.filter(|_| payload.header.is_ok()));
                if body.is_complete() {
                    for (space, rows) in &body.rows.spaces {
                        view.spaces.entry(space.label()).or_default().absorb(rows);
                    }
                    view.usage.clone_from(&body.usage);
                    view.rows = Some(RowCounts {
                        rows: body.rows.rows,
                        versions: body.rows.versions,
                        tombstones: body.rows.tombstones,
                        sealed: body.rows.sealed,
                        opened: self.subject.opened.map(|rows| rows.opened),
                        key_bytes: body.rows.key_bytes,
                        value_bytes: body.rows.value_bytes,
                    });
                }
            }
        }
        if deep {
            let seen = payload.body.as_deref().is_some_and(BodyFacts::is_complete)
                && self.subject.opened.is_none_or(|rows| rows.too_large + rows.unknown_key == 0);
            view.checks.deep = match self.errors() > before {
                true => Check::Fail,
                false if seen => Check::Pass,
                false => Check::Unknown,
            };
        }
    }

    fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error).count()
    }

    /// Without a walk, the magic alone already tells whether a restore could begin.
    fn unknown_format(&mut self, format: Option<BodyFormat>, start: u64) {
        let found = match format {
            Some(BodyFormat::Unknown(magic)) => crate::types::Escaped(&magic).to_string(),
            Some(BodyFormat::Partial) => "less than a magic".to_owned(),
            _ => return,
        };
        let message = match packed_as(format) {
            // The checksum, where it was computed, has said it already.
            Some(_) if self.findings.iter().any(|finding| finding.code == &codes::FSM_BODY_CRC) => return,
            Some(words) => words,
            None => "The store payload starts with no magic that a server knows: a restore from it would be refused.".to_owned(),
        };
        let finding = Finding::new(&codes::FSM_BODY_MALFORMED, message).offset(start).found(found);
        self.find(finding.severity(Severity::Warning));
    }

    /// An error when the rows were asked for. Otherwise the question was whether the file is as it was written, and a payload
    /// that was written wrong is a warning.
    fn restorable(&mut self, body: &BodyFacts, start: u64, deep: bool) {
        let Err(error) = &body.result else { return };
        let message = format!("A restore would stop here: {}.", error.kind);
        let mut finding = Finding::new(&codes::FSM_BODY_MALFORMED, message).offset(start + error.at);
        if let BodyErrorKind::InnerChecksum { stored, computed } = error.kind {
            finding = finding.expected(format_args!("{stored:08x}")).found(format_args!("{computed:08x}"));
        }
        self.find(if deep { finding } else { finding.severity(Severity::Warning) });
    }

    fn ahead(&mut self, body: &BodyFacts, filed_under: Option<LogIndex>) {
        let (Some(applied), Some(index)) = (body.applied_index(), filed_under) else { return };
        if let Some(finding) = ahead_of_index(applied, index) {
            // Without a token, only the file's name says what it should hold, and files are renamed.
            let vouched = self.subject.token.as_ref().is_some_and(|token| token.index.is_some());
            let certain = vouched || self.subject.depth >= Depth::Deep;
            self.find(if certain { finding } else { finding.severity(Severity::Warning) });
        }
    }

    /// What a server would say, held against the token, or against the file's own footer when there is no token.
    pub(super) fn forecast(&self, view: &mut VerifiedPayload) {
        let crc32c = self.subject.token.as_ref().map(|token| token.crc32c).or(view.footer_crc32c).unwrap_or_default();
        let token = SnapshotToken { index: view.index.unwrap_or_default(), crc32c };
        let path = layout::in_payloads(self.subject.name);
        let error = |forecast: PayloadForecast| forecast.error().cloned();
        view.engine_error = error(skip(self.subject.facts, token, &path));
        view.restore_error = ServerVersion::ALL
            .into_iter()
            .map(|version| (version, error(restore(self.subject.facts, token, version, &path))))
            .collect();
    }
}

/// What is said of a payload that holds more than the index that it is filed under.
pub(in crate::analysis::judge) fn ahead_of_index(applied: LogIndex, index: LogIndex) -> Option<Finding> {
    if applied <= index {
        return None;
    }
    let message = format!(
        "The payload is filed under index {index} and holds the effects of entries up to {applied}: a node that restores from it \
         applies {} again.",
        count(applied.0 - index.0, "entry"),
    );
    let found = format!("_meta_applied_index {applied}");
    Some(Finding::new(&codes::FSM_AHEAD_OF_INDEX, message).expected(format_args!("at most {index}")).found(found))
}

/// What is said about a payload that somebody compressed.
fn packed(file: &FsmFile) -> Option<String> {
    packed_as(file.payload.as_ref()?.format)
}

fn packed_as(format: Option<BodyFormat>) -> Option<String> {
    let Some(BodyFormat::Unknown(magic)) = format else { return None };
    let packer = packed_by(&magic)?;
    Some(format!(
        "The file begins like {packer} data, not like a payload: somebody compressed it. Unpack a copy of it and verify that one."
    ))
}

/// `1 row`, `3 rows`, `2 entries`.
pub(super) fn count(number: u64, what: &str) -> String {
    match (number, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {what}s"),
    }
}

//! What the rows of a payload show: order, headers, tables of a bundle, and what of it opens.

use std::fmt::Write as _;

use super::judge::{Judge, count};
use crate::analysis::judge::codes::snapshot as codes;
use crate::analysis::judge::envelopes::{Closed, open_failed};
use crate::analysis::{Finding, Severity};
use crate::formats::fsm::body::BodyHead;
use crate::formats::kv::Shown;
use crate::readers::{BodyFacts, Oddity, UnreadTable};

impl Judge<'_, '_> {
    pub(super) fn rows(&mut self, body: &BodyFacts, start: u64) {
        let rows = &body.rows;
        if let Some((at, ())) = rows.unordered.first {
            let message =
                format!("{} do not follow the key before them; the first one is here.", count(rows.unordered.count, "row"));
            self.find(Finding::new(&codes::FSM_ROW_ORDER, message).offset(start + at));
        }
        self.odd(&rows.short_keys, start, |len| format!("a key of {len} bytes has no room for its timestamp"));
        self.odd(&rows.bad_headers, start, ToString::to_string);
        self.odd(&rows.bad_meta, start, |(key, len)| format!("{key} has {len} bytes instead of 8"));
        if self.subject.opened.is_none()
            && let Some((at, error)) = &rows.bad_envelopes.first
        {
            let mut finding = open_failed("The row here", self.subject.path.clone(), Some(start + at), None, error);
            if rows.bad_envelopes.count > 1 {
                let _ = write!(finding.message, " {} are like this.", count(rows.bad_envelopes.count, "row"));
            }
            self.findings.push(finding);
        }
        self.odd(&rows.bad_registry, start, |len| format!("a writer registry row has {len} bytes instead of 12"));
        if let Some(front) = body.last_commit_ts()
            && rows.max_commit_ts > front
        {
            let message = format!(
                "The newest row was committed at {}, after the payload's own last commit at {front}.",
                rows.max_commit_ts
            );
            let finding = Finding::new(&codes::FSM_CLOCK_BEHIND, message).expected(rows.max_commit_ts.0).found(front.0);
            // In a bundle the number stands inside the manifest.
            self.find(match &body.head {
                Some(BodyHead::PebbleStream { .. }) => finding.offset(start + 8),
                Some(BodyHead::MvccStream { .. }) => finding.offset(start + 16),
                _ => finding,
            });
        }
        self.tables(body, start, Severity::Error);
        self.opened(start);
    }

    /// Tables of a bundle are as its manifest says when this is asked; what is wrong with one was written so.
    pub(super) fn tables(&mut self, body: &BodyFacts, start: u64, severity: Severity) {
        if let Some(UnreadTable { name, at, problem }) = &body.unread_table {
            let place = start.saturating_add(*at).saturating_add(problem.offset);
            if problem.kind.is_damage() {
                let message =
                    format!("The rows of the table {name} cannot be read, although it is as its manifest says: {problem}.");
                self.find(Finding::new(&codes::FSM_BODY_MALFORMED, message).offset(place).severity(severity));
            } else {
                self.coverage.missing(format!("rows of the table {name} in {}", self.subject.path), problem.to_string());
            }
        } else if let Some(BodyHead::SstIngest(manifest)) = &body.head
            && body.is_complete()
            && manifest.entry_count != body.rows.rows
        {
            let message = "The tables hold another number of rows than the manifest says.";
            let finding = Finding::new(&codes::FSM_BODY_MALFORMED, message).offset(start).severity(Severity::Warning);
            self.find(finding.expected(manifest.entry_count).found(body.rows.rows));
        }
    }

    /// What the keys made of the sealed rows.
    pub(super) fn opened(&mut self, start: u64) {
        let path = &self.subject.path;
        let Some(rows) = self.subject.opened else { return };
        let mut closed = Closed::default();
        for row in &rows.first_closed {
            let what = format!("Row {}", Shown(&row.key));
            closed.add(&what, path.clone(), Some(start + row.at), row.envelope.as_ref(), &row.error);
        }
        closed.add_unnamed(rows.closed.saturating_sub(rows.first_closed.len() as u64));
        if rows.too_large > 0 {
            let what = format!("{} of {path}", count(rows.too_large, "sealed value"));
            self.coverage.missing(what, "opened they take more memory than --memory grants");
        }
        if rows.unknown_key > 0 {
            let what = format!("{} of {path}", count(rows.unknown_key, "sealed value"));
            self.coverage.missing(what, "their keys are not in this sidecar");
        }
        let path = path.clone();
        self.findings.extend(closed.finish(&path, &mut self.coverage));
    }

    /// Rows of a payload whose checksum does not match are not judged one by one; they only tell where the damage shows first.
    pub(super) fn place_damage(&mut self, body: &BodyFacts, start: u64) {
        let rows = &body.rows;
        let places = [
            rows.unordered.first.map(|(at, ())| at),
            rows.short_keys.first.map(|(at, _)| at),
            rows.bad_headers.first.map(|(at, _)| at),
            rows.bad_meta.first.map(|(at, _)| at),
            rows.bad_registry.first.map(|(at, _)| at),
            body.result.as_ref().err().map(|error| error.at),
        ];
        let hint = match places.into_iter().flatten().min() {
            Some(first) => format!(" The first row that shows it is at offset {}.", start + first),
            None => " Every row can be read: the damage lies inside keys or values, or in the footer itself.".to_owned(),
        };
        if let Some(finding) = self.findings.iter_mut().find(|finding| finding.code == &codes::FSM_BODY_CRC) {
            finding.message.push_str(&hint);
        }
    }

    fn odd<T>(&mut self, oddity: &Oddity<T>, start: u64, words: impl Fn(&T) -> String) {
        let Some((at, first)) = &oddity.first else { return };
        let more = if oddity.count > 1 { format!(" ({} like this)", count(oddity.count, "row")) } else { String::new() };
        let message = format!("At this row, {}{more}.", words(first));
        self.find(Finding::new(&codes::FSM_ROW_INVALID, message).offset(start + at));
    }
}

//! What is noticed about a store, in words.

use std::collections::HashSet;

use crate::analysis::judge::codes::store as codes;
use crate::analysis::{Finding, Severity};
use crate::formats::mvcc::MetaKey;
use crate::formats::pebble::{ChunkDefect, FileNum, RecordsEnd};
use crate::readers::pebble::{
    FormatMarker, GroupStoreFacts, KeyState, ManifestFact, OptionsResult, StoreFacts, StoreFileKind, StorePresence, TableDamage,
    TableTrouble, Writer,
};
use crate::types::{ServerVersion, count_work};

/// What stands beside the store.
pub(in crate::analysis) fn group_findings(group: &GroupStoreFacts, engine: ServerVersion) -> Vec<Finding> {
    let mut found = Vec::new();
    let absent = group.store.presence == StorePresence::Absent;
    match group.restore_backups.as_slice() {
        [] => {}
        [only] if absent => {
            let message = if engine.traits().promotes_restore_backup {
                format!("there is no {}; the start renames {only} to it and opens that", group.store.name)
            } else {
                format!("there is no {}; this server ignores {only} and creates an empty store", group.store.name)
            };
            found.push(Finding::new(&codes::STORE_RESTORE_BACKUP, message).at(only.clone()));
        }
        several if absent => {
            let message = format!("there is no {} and {} backups could take its place", group.store.name, several.len());
            let severity = if engine.traits().promotes_restore_backup { Severity::Error } else { Severity::Warning };
            found.push(Finding::new(&codes::STORE_RESTORE_BACKUP, message).at(several.join(", ")).severity(severity));
        }
        leftovers => {
            for name in leftovers {
                let message = if engine.traits().removes_work_areas {
                    "left by a restore; the start removes it once the store has opened".to_owned()
                } else {
                    "left by a restore of a newer server; this one never removes it".to_owned()
                };
                found.push(Finding::new(&codes::STORE_RESTORE_BACKUP, message).at(name.clone()).severity(Severity::Info));
            }
        }
    }
    for name in &group.snapshot_artifacts {
        let message = if engine.traits().removes_work_areas {
            "work area of an interrupted snapshot; the start removes it"
        } else {
            "work area of a newer server's snapshot; this one never removes it"
        };
        found.push(Finding::new(&codes::STORE_SNAPSHOT_ARTIFACT, message).at(name.clone()));
    }
    found
}

/// What is noticed about one store directory.
pub fn store_findings(facts: &StoreFacts) -> Vec<Finding> {
    let mut found = Vec::new();
    let name = &facts.name;
    let path = |file: &str| format!("{name}/{file}");
    match facts.presence {
        StorePresence::Absent => {
            found.push(
                Finding::new(&codes::STORE_ABSENT, "there is no store; a start creates an empty one").at(format!("{name}/")),
            );
            return found;
        }
        StorePresence::NotADirectory => {
            found.push(
                Finding::new(&codes::STORE_REFUSED, "the store's name is taken by something that is no directory")
                    .at(name.clone()),
            );
            return found;
        }
        StorePresence::Nowhere => {
            let message = "the store's name is a link to nothing: the server finds no store and cannot make one";
            found.push(Finding::new(&codes::STORE_REFUSED, message).at(name.clone()));
            return found;
        }
        StorePresence::Directory => {}
    }
    if facts.writer == Writer::Alive {
        found.push(Finding::new(&codes::STORE_IN_USE, "a running process holds the store's lock").at(path("LOCK")));
    }
    for marker in &facts.listing.malformed_markers {
        found.push(Finding::new(&codes::STORE_MARKER, "begins like a marker and is none").at(path(marker)));
    }
    for marker in &facts.listing.tied_markers {
        let message = format!("two markers {marker} with one iteration say different things: which counts is a matter of chance");
        found.push(Finding::new(&codes::STORE_MARKER, message).at(format!("{name}/")));
    }
    not_files(facts, &mut found);
    format_findings(facts, &mut found);
    manifest_findings(facts, &mut found);
    for wrong in &facts.wrong_tables {
        let finding = match wrong.found {
            None => Finding::new(&codes::STORE_TABLE_MISSING, format!("a live table of level {} is not there", wrong.level))
                .expected(format!("{} bytes", wrong.expected)),
            Some(size) => {
                Finding::new(&codes::STORE_TABLE_SIZE, format!("a live table of level {} has another size", wrong.level))
                    .expected(format!("{} bytes", wrong.expected))
                    .found(format!("{size} bytes"))
            }
        };
        found.push(finding.at(path(&wrong.number.table_name())));
    }
    if let Some(options) = &facts.options
        && let OptionsResult::Refused { at, text } = &options.result
    {
        let message = format!("the server refuses a line of its newest options file: {text}");
        found.push(Finding::new(&codes::STORE_OPTIONS, message).at(path(&options.name)).offset(*at));
    }
    log_findings(facts, &mut found);
    for meta in &facts.meta {
        match &meta.state {
            KeyState::Unreadable(damage) => {
                found.push(damage_finding(facts, damage, &format!("the lookup of {} needs it", meta.key.name())));
            }
            KeyState::Value(value) if value.value.len() < 8 => {
                let message =
                    format!("the value of {} has {} bytes; the server treats it as missing", meta.key.name(), value.value.len());
                let severity = if meta.key == MetaKey::AppliedIndex { Severity::Warning } else { Severity::Info };
                found.push(Finding::new(&codes::STORE_META_SHORT, message).at(format!("{name}/")).severity(severity));
            }
            _ => {}
        }
    }
    if let Some(blocks) = &facts.blocks {
        // A lookup may have met the same place.
        let place = |finding: &Finding| (finding.path.clone(), finding.offset);
        let mut known: HashSet<_> = found.iter().map(place).collect();
        let last_missing =
            blocks.damage.iter().rposition(|damage| damage.level.is_none() && damage.trouble == TableTrouble::Missing);
        for (position, damage) in blocks.damage.iter().enumerate() {
            count_work(1);
            let mut finding = damage_finding(facts, damage, "every block was read");
            if last_missing == Some(position) {
                finding = finding.and_more(blocks.missing_left_out);
            }
            if known.insert(place(&finding)) {
                found.push(finding);
            }
        }
    }
    dedup_damage(&mut found);
    doubt_while_moving(facts, &mut found);
    found
}

/// What stands where the server reads a file.
fn not_files(facts: &StoreFacts, found: &mut Vec<Finding>) {
    let name = &facts.name;
    let mut refused = |file: &str, message: &str| {
        found.push(Finding::new(&codes::STORE_REFUSED, message).at(format!("{name}/{file}")));
    };
    if facts.listing.lock.as_ref().is_some_and(|lock| lock.kind == StoreFileKind::Dangling) {
        refused("LOCK", "the lock is a link into a directory that is not there, so that the server cannot make it");
    }
    for log in &facts.listing.absent_logs {
        let message = "the server looks for a log under this name, because another name means the same or it is a link to nothing, \
                       and ends when it finds none";
        refused(log, message);
    }
    if let ManifestFact::IsDirectory(file) = &facts.manifest {
        refused(file, "a directory stands where the server reads the MANIFEST");
    }
    if let Some(file) = &facts.log_directory {
        refused(file, "a directory stands where the server reads a log");
    }
    if let Some(options) = &facts.options
        && let OptionsResult::NotAFile(text) = &options.result
    {
        refused(&options.name, &format!("the server cannot read its newest options file: {text}"));
    }
}

/// What looks like damage in a store that changed during every attempt to read it may be the reader's own doing.
pub(super) fn doubt_while_moving(facts: &StoreFacts, found: &mut [Finding]) {
    if facts.is_moving() {
        for finding in found.iter_mut().filter(|finding| finding.severity == Severity::Error) {
            finding.weigh(Severity::Warning);
            finding.message = format!("Seen while the store was changing: {}", finding.message);
        }
    }
}

fn dedup_damage(found: &mut Vec<Finding>) {
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|finding| {
        finding.code != &codes::STORE_TABLE_DAMAGE || seen.insert((finding.path.clone(), finding.offset, finding.length))
    });
}

/// One damaged place of a table; `why_read` says who came across it.
pub fn damage_finding(facts: &StoreFacts, damage: &TableDamage, why_read: &str) -> Finding {
    let file = format!("{}/{}", facts.name, damage.table.table_name());
    let level = damage.level.map_or_else(|| "a table added by the logs".to_owned(), |level| format!("a table of level {level}"));
    match &damage.trouble {
        TableTrouble::Bytes(problem) if damage.is_damage() => {
            let mut finding = Finding::new(&codes::STORE_TABLE_DAMAGE, format!("{level}: {problem} ({why_read})"))
                .at(file)
                .range(problem.offset, problem.length);
            finding.expected.clone_from(&problem.expected);
            finding.found.clone_from(&problem.found);
            finding
        }
        TableTrouble::Missing => Finding::new(&codes::STORE_TABLE_MISSING, format!("{level}: not there ({why_read})")).at(file),
        other => {
            let problem = match other {
                TableTrouble::Bytes(problem) => problem.to_string(),
                TableTrouble::System(problem) => problem.clone(),
                TableTrouble::Missing => String::new(),
            };
            Finding::new(&codes::STORE_TABLE_NOT_READ, format!("{level}: {problem} ({why_read})")).at(file)
        }
    }
}

fn format_findings(facts: &StoreFacts, found: &mut Vec<Finding>) {
    let name = &facts.name;
    let at = format!("{name}/");
    match &facts.format {
        FormatMarker::Version(13..=24) => {}
        FormatMarker::Version(version) => {
            let finding = Finding::new(
                &codes::STORE_FORMAT,
                format!("format major version {version} is one that no server of today opens"),
            );
            found.push(finding.at(at).expected("13 to 24").found(version));
        }
        FormatMarker::Malformed(value) => {
            found
                .push(Finding::new(&codes::STORE_FORMAT, format!("the format marker says {value:?}, which is no number")).at(at));
        }
        FormatMarker::Missing if facts.has_content() => {
            let message = "the format marker is missing although the store holds something: the server takes this for a creation that \
                           was interrupted and refuses it";
            let finding = Finding::new(&codes::STORE_FORMAT, message).at(at);
            found.push(match format_marker_to_put_back(facts) {
                Some(marker) => finding.expected(&marker).advice(format!(
                    "Keep a copy. The store's own OPTIONS file says which version it has: the marker can be put back as an empty file \
                     {name}/{marker}."
                )),
                None => finding,
            });
        }
        FormatMarker::Missing => {}
    }
}

/// The name of the marker that leads to the MANIFEST that fits. Any iteration does when there is no other marker.
fn marker_to_put_back(facts: &StoreFacts) -> Option<String> {
    let iteration = facts.listing.markers.get("manifest").map_or(1, |marker| marker.iteration.saturating_add(1));
    facts.fitting_manifest.as_ref().map(|manifest| format!("marker.manifest.{iteration:06}.{manifest}"))
}

/// The name of the marker for the version that the store's OPTIONS say.
fn format_marker_to_put_back(facts: &StoreFacts) -> Option<String> {
    let OptionsResult::Parsed(options) = &facts.options.as_ref()?.result else { return None };
    let version: u64 = options.format_major_version.as_ref()?.parse().ok()?;
    Some(format!("marker.format-version.{:06}.{version:03}", 1))
}

fn manifest_findings(facts: &StoreFacts, found: &mut Vec<Finding>) {
    let name = &facts.name;
    match &facts.manifest {
        ManifestFact::NoMarker => {
            let lost = facts.listing.tables.len();
            if lost > 0 || !facts.listing.manifests.is_empty() {
                let message = format!(
                    "no marker names the MANIFEST: the server takes the store for a new one, replays the logs that are there and removes \
                     the {lost} table files as left over"
                );
                let finding = Finding::new(&codes::STORE_MANIFEST_MARKER, message).at(format!("{name}/"));
                // The first creation, or the removal of a store in a restore, was interrupted: there is nothing to lose.
                let empty = lost == 0 && facts.listing.logs.is_empty() && facts.listing.blobs.is_empty();
                found.push(match marker_to_put_back(facts) {
                    _ if empty => {
                        finding.severity(Severity::Info).advice("Nothing needs to be done: the start makes a new store.")
                    }
                    Some(marker) => finding.expected(&marker).advice(format!(
                        "Keep a copy of the directory before any start. Of the MANIFESTs that are there, this marker names the newest \
                         that decodes and whose tables are all there: an empty file {name}/{marker}."
                    )),
                    None => finding.advice(
                        "Keep a copy of the directory before any start. No MANIFEST that is there decodes with all of its tables present, \
                         so that no marker can be put back.",
                    ),
                });
            }
        }
        ManifestFact::MalformedMarker(value) => {
            let message = format!("the marker says the MANIFEST is {value:?}, which is no file name");
            let finding = Finding::new(&codes::STORE_MARKER, message).at(format!("{name}/"));
            found.push(match marker_to_put_back(facts) {
                Some(marker) => finding.expected(marker),
                None => finding,
            });
        }
        ManifestFact::FileMissing(file) => {
            let finding = Finding::new(&codes::STORE_MANIFEST_MISSING, "the marker names it and it is not there")
                .at(format!("{name}/{file}"));
            found.push(match &facts.fitting_manifest {
                Some(other) => finding.advice(format!(
                    "Put the file back from a copy of this node. {other} decodes and its tables are all there, but it may be an older \
                     state of the store: a start that opens it silently goes back to it."
                )),
                None => finding,
            });
        }
        ManifestFact::Unreadable { .. } | ManifestFact::IsDirectory(_) => {}
        ManifestFact::Read(manifest) => {
            let at = format!("{name}/{}", manifest.name);
            if let Some(failure) = &manifest.failure {
                let message = format!("an edit with a good checksum does not fit: {}", failure.text);
                found.push(Finding::new(&codes::STORE_MANIFEST_EDIT, message).at(at).offset(failure.offset));
                return;
            }
            let end = manifest.end.at();
            let defect = manifest.end.defect().map_or_else(String::new, |defect| defect.to_string());
            if manifest.version.is_malformed() {
                let message = if defect.is_empty() {
                    "it holds no edit".to_owned()
                } else {
                    format!("its first record is unreadable ({defect})")
                };
                found.push(Finding::new(&codes::STORE_MANIFEST_MALFORMED, message).at(at).offset(end));
                return;
            }
            for problem in manifest.version.inconsistencies() {
                found.push(Finding::new(&codes::STORE_MANIFEST_EDIT, problem.problem).at(at.clone()));
            }
            if facts.writer == Writer::Alive {
                return;
            }
            if manifest.end.defect().is_none() {
                if let Some(table) = abandoned_table(facts) {
                    let message = format!(
                        "it names no table although {} is there and no log holds its data: its last records are gone, and the server \
                         silently uses the older state of the store",
                        table.table_name()
                    );
                    let finding = Finding::new(&codes::STORE_MANIFEST_TAIL, message).at(at).offset(end);
                    found.push(finding.severity(Severity::Error));
                }
                return;
            }
            for table in facts.hidden_tables() {
                let message = format!(
                    "holds sequence numbers up to {}, and what is left of the MANIFEST accounts for numbers below {}: the server would \
                     not see the newer records, and give their numbers away again",
                    table.largest_seq, facts.next_seq
                );
                found.push(
                    Finding::new(&codes::STORE_SEQUENCE_HIDDEN, message).at(format!("{name}/{}", table.file().table_name())),
                );
            }
            let length = manifest.size.saturating_sub(end);
            if let Some(hidden) = manifest.hidden_chunk {
                let message = format!(
                    "unreadable in the middle ({defect}), with an intact record behind it at {hidden}: the server silently uses the older \
                     state of the store that ends here"
                );
                found.push(Finding::new(&codes::STORE_MANIFEST_HOLE, message).at(at).range(end, length));
            } else if manifest.whole_chunk.is_some() {
                let message = format!(
                    "the last record is all there and damaged ({defect}): the server silently uses the older state of the store that ends                      here"
                );
                found.push(Finding::new(&codes::STORE_MANIFEST_HOLE, message).at(at).range(end, length));
            } else {
                let (severity, message) = torn_manifest(facts, &defect);
                found.push(Finding::new(&codes::STORE_MANIFEST_TAIL, message).at(at).range(end, length).severity(severity));
            }
        }
    }
}

/// Whether the unreadable last record of a MANIFEST may be what a crash left, or must have taken data with it.
fn torn_manifest(facts: &StoreFacts, defect: &str) -> (Severity, String) {
    match orphaned_table(facts) {
        Some(number) => {
            let severity = if newest_live(facts).is_none() { Severity::Error } else { Severity::Warning };
            let message = format!(
                "the last record is unreadable ({defect}); {} is newer than every table that is left and no log holds its data: the \
                 server silently uses the older state of the store",
                number.table_name()
            );
            (severity, message)
        }
        _ => {
            (Severity::Info, format!("the last record is unreadable ({defect}), as a crash may leave it; the server ends there"))
        }
    }
}

fn newest_live(facts: &StoreFacts) -> Option<FileNum> {
    facts.version().and_then(|version| version.tables().map(crate::formats::pebble::NewTable::file).max())
}

/// A table that is newer than all that are named, and whose data no log holds. A crash while a table is being added leaves the table and
/// the log that it was made from.
fn orphaned_table(facts: &StoreFacts) -> Option<FileNum> {
    let newest_live = newest_live(facts);
    let log_has_data = facts.logs.iter().any(|log| log.batches > 0);
    let orphan = facts.unreferenced_tables.iter().copied().filter(|&number| Some(number) > newest_live).max();
    orphan.filter(|_| !log_has_data)
}

/// The orphaned table of a MANIFEST that names none at all. A store that ever had a table always has one: its own records are
/// replaced, never deleted.
fn abandoned_table(facts: &StoreFacts) -> Option<FileNum> {
    orphaned_table(facts).filter(|_| newest_live(facts).is_none())
}

fn log_findings(facts: &StoreFacts, found: &mut Vec<Finding>) {
    let name = &facts.name;
    let refusal = facts.log_refusal().map(|(log, _)| log.name.clone());
    for log in &facts.logs {
        let at = format!("{name}/{}", log.name);
        if let Some(failure) = &log.failure {
            let message = format!("a record with a good checksum is no batch: {}", failure.text);
            found.push(Finding::new(&codes::STORE_LOG_BATCH, message).at(at).offset(failure.offset));
            continue;
        }
        let end = log.end.at();
        let length = log.size.saturating_sub(end);
        let live = facts.writer == Writer::Alive;
        // Without the MANIFEST nobody knows what it accounted for.
        let accounted = facts.manifest_facts().is_some_and(|manifest| manifest.failure.is_none());
        if let (Some(gap), true) = (log.gap, accounted && !live) {
            let message = format!(
                "the record begins with sequence number {}, and {} to {} are in no log: what they wrote is lost without a word from the \
                 server",
                gap.found,
                gap.expected,
                gap.found.0.saturating_sub(1)
            );
            let finding = Finding::new(&codes::STORE_SEQUENCE_GAP, message).at(at.clone()).offset(gap.offset);
            found.push(finding.expected(format!("at most {}", gap.expected)).found(gap.found));
        }
        if let (Some(ChunkDefect::ForeignLog(other)), false) = (log.end.defect(), live)
            && facts.still_counts(other)
        {
            let message = format!(
                "holds records of log {other}, which is not there and should still count: the server takes them for the remains of \
                 an earlier use of the file and drops them"
            );
            found.push(Finding::new(&codes::STORE_LOG_FOREIGN, message).at(at).range(end, length));
            continue;
        }
        let Some(defect) = log.end.defect() else {
            // An orderly end with a record behind it: a damaged number made a record look like the trailer.
            if let (Some(hidden), false) = (log.hidden_chunk, live) {
                let message = format!(
                    "the record at {hidden} carries a damaged log number and passes for the end of a closed log: the server silently \
                     drops it and everything behind it"
                );
                found.push(Finding::new(&codes::STORE_LOG_HOLE, message).at(at).range(end, length));
            }
            continue;
        };
        if let RecordsEnd::Corrupt { proof, .. } = log.end {
            let message = format!("unreadable ({defect}) where a chunk at {proof} says that it had been synced");
            found.push(Finding::new(&codes::STORE_LOG_CORRUPT, message).at(at).range(end, length));
        } else if refusal.as_deref() == Some(log.name.as_str()) {
            let message = format!("an older log ends in something unreadable ({defect}); only the newest may");
            found.push(Finding::new(&codes::STORE_LOG_CORRUPT, message).at(at).range(end, length));
        } else if let (Some(hidden), false) = (log.hidden_chunk, live) {
            let message = if hidden == end {
                format!("{defect}: the server silently drops it and everything behind it")
            } else {
                format!(
                    "unreadable in the middle ({defect}), with an intact record behind it at {hidden}: the server silently drops \
                     everything from here on"
                )
            };
            found.push(Finding::new(&codes::STORE_LOG_HOLE, message).at(at).range(end, length));
        } else if let (Some(whole), false) = (log.whole_chunk, live) {
            let closed = if whole < log.size { ", and the log was closed behind it" } else { "" };
            let message = format!("the last record is all there{closed}, and damaged ({defect}): the server silently drops it");
            found.push(Finding::new(&codes::STORE_LOG_HOLE, message).at(at).range(end, whole.saturating_sub(end)));
        } else if !live {
            // Zeros and the remains of an earlier use are the ordinary end of a log that was not closed.
            if !matches!(defect, ChunkDefect::Zeroed | ChunkDefect::ForeignLog(_)) {
                let message = format!("the newest log ends in something unreadable ({defect}), as a crash may leave it");
                found.push(Finding::new(&codes::STORE_LOG_TAIL, message).at(at).range(end, length));
            }
        }
    }
    if facts.lost_every_log() {
        let message = "there is no log although the store has been opened before: what was not yet in a table is lost";
        found.push(Finding::new(&codes::STORE_LOG_MISSING, message).at(format!("{name}/")));
    }
}

//! In which order opening a store fails, and with which words.

use super::{StoreOpen, compaction};
use crate::analysis::server::conditions::{self, Condition};
use crate::analysis::{Coverage, ServerError};
use crate::formats::pebble::FileNum;
use crate::readers::pebble::{
    FormatMarker, KeyState, ManifestFact, OptionsResult, StoreFacts, StoreFileKind, StorePresence, TableDamage, TableTrouble,
};
use crate::readers::pebble_table::{BlockKind, TableProblem, TableProblemKind};
use crate::types::{ServerVersion, go_quoted};

/// Format major versions that a server opens.
const OLDEST_FORMAT: u64 = 13;
const NEWEST_FORMAT: u64 = 24;

/// The error under which a refusal by the store's library is known.
const PEBBLE: &str = "pebble";

/// How opening ends, for one engine.
pub(super) fn open(facts: &StoreFacts, engine: ServerVersion, coverage: &mut Coverage) -> StoreOpen {
    if facts.presence == StorePresence::Absent {
        return StoreOpen::Opens;
    }
    match opens(facts, coverage) {
        StoreOpen::Opens => {}
        ended => return ended,
    }
    // From here on the store is open. Damage that anybody reads now ends the process: the lookups of the start, the work
    // that begins in the background, and the walk over all records of the newer engine.
    let lookups = facts.meta.iter().filter_map(|meta| match &meta.state {
        KeyState::Unreadable(damage) => Some(damage),
        _ => None,
    });
    let blocks = facts.blocks.iter();
    let opened = blocks.clone().flat_map(|blocks| &blocks.damage).filter(|damage| kept_from_statistics(damage));
    let compacted = blocks.clone().flat_map(|blocks| &blocks.damage).filter(|damage| compaction::reads(facts, damage));
    let scanned = blocks.filter(|_| engine.traits().reads_rows_on_open).flat_map(|blocks| &blocks.met_by_scan);
    let mut doubtful = None;
    for damage in lookups.chain(opened).chain(compacted).chain(scanned) {
        if is_decisive(damage) {
            return StoreOpen::Refused(ServerError::of(&conditions::STORE_TABLE, fatal_text(facts, damage)).named(PEBBLE));
        }
        doubtful.get_or_insert_with(|| damage.to_string());
    }
    if let Some(what) = doubtful {
        coverage.missing(format!("{}/", facts.name), what.clone());
        return StoreOpen::Unknown(what);
    }
    StoreOpen::Opens
}

/// How far opening the store comes by its names, MANIFEST and logs alone, which is the same for whoever uses the library.
pub(in crate::analysis) fn opens(facts: &StoreFacts, coverage: &mut Coverage) -> StoreOpen {
    if let Some(name) = facts.listing.tied_markers.first() {
        let what = format!("two markers {name} have the same iteration; which counts depends on the file system");
        coverage.missing(format!("{}/", facts.name), what.clone());
        return StoreOpen::Unknown(what);
    }
    if let Some(error) = open_refusal(facts) {
        return StoreOpen::Refused(error);
    }
    if let Some(what) = doubtful_table(facts) {
        coverage.missing(format!("{}/", facts.name), what.clone());
        return StoreOpen::Unknown(what);
    }
    if let Some(what) = unread(facts) {
        return StoreOpen::Unknown(what);
    }
    StoreOpen::Opens
}

/// True for damage that the library notices for certain. A block with a good checksum that is not built as it should be may
/// pass: what looks at it, and how closely, differs from block to block and between versions.
fn is_decisive(damage: &TableDamage) -> bool {
    match &damage.trouble {
        TableTrouble::Bytes(problem) => {
            let kept_its_checksum = matches!(
                problem.kind,
                TableProblemKind::Structure | TableProblemKind::Order | TableProblemKind::Value | TableProblemKind::Handle
            );
            damage.is_damage() && !(kept_its_checksum && problem.block.is_some())
        }
        TableTrouble::Missing => true,
        TableTrouble::System(_) => false,
    }
}

/// True for damage to what is read when a table is opened: footer, metaindex, properties. Statistics of all tables are
/// collected right after the start, which opens each of them and reads its range deletions.
fn kept_from_statistics(damage: &TableDamage) -> bool {
    match &damage.trouble {
        TableTrouble::Bytes(problem) => {
            matches!(problem.block, None | Some(BlockKind::Metaindex | BlockKind::Properties | BlockKind::RangeDel))
        }
        TableTrouble::Missing => true,
        TableTrouble::System(_) => false,
    }
}

/// Why the library refuses to open the store, in its words and in the order of its checks; `None` if it opens.
pub fn open_refusal(facts: &StoreFacts) -> Option<ServerError> {
    let (condition, text) = refusal(facts)?;
    Some(ServerError::of(condition, text).named(PEBBLE))
}

fn refusal(facts: &StoreFacts) -> Option<(&'static Condition, String)> {
    let name = &facts.name;
    match facts.presence {
        StorePresence::Absent => return None,
        StorePresence::NotADirectory => {
            return Some((
                &conditions::NOT_A_DIRECTORY,
                format!("error opening database at {name:?}: mkdir {name}: not a directory"),
            ));
        }
        StorePresence::Nowhere => {
            return Some((&conditions::FILE_EXISTS, format!("error opening database at {name:?}: mkdir {name}: file exists")));
        }
        StorePresence::Directory => {}
    }
    if facts.listing.lock.as_ref().is_some_and(|lock| lock.kind == StoreFileKind::Dangling) {
        return Some((&conditions::NO_SUCH_FILE, format!("open {name}/LOCK: no such file or directory")));
    }
    if facts.listing.lock.as_ref().is_some_and(|lock| matches!(lock.kind, StoreFileKind::Directory | StoreFileKind::Special)) {
        return Some((&conditions::IS_A_DIRECTORY, format!("open {name}/LOCK: is a directory")));
    }
    if let Some(marker) = facts.listing.malformed_markers.first() {
        // Of the name only what has not been understood yet is shown.
        let rest = marker.strip_prefix("marker.").unwrap_or(marker);
        let shown = rest.split_once('.').map_or(rest, |(_, behind)| behind);
        return Some((&conditions::STORE_MARKER, format!("invalid marker filename: {}", go_quoted(shown.as_bytes()))));
    }
    match &facts.format {
        FormatMarker::Malformed(value) => {
            let why = if value.bytes().all(|byte| byte.is_ascii_digit()) { "value out of range" } else { "invalid syntax" };
            let shown = go_quoted(value.as_bytes());
            return Some((
                &conditions::STORE_FORMAT,
                format!("parsing format major version: strconv.ParseUint: parsing {shown}: {why}"),
            ));
        }
        FormatMarker::Version(0) => {
            return Some((&conditions::STORE_FORMAT, "pebble: default format major version should not persisted".to_owned()));
        }
        FormatMarker::Version(version) if *version > NEWEST_FORMAT => {
            return Some((
                &conditions::STORE_FORMAT,
                format!("pebble: database {name:?} written in unknown format major version {version}"),
            ));
        }
        FormatMarker::Version(version) if *version < OLDEST_FORMAT => {
            let text =
                format!("pebble: database {name:?} written in format major version {version} which is no longer supported");
            return Some((&conditions::STORE_FORMAT, text));
        }
        FormatMarker::Version(_) => {}
        FormatMarker::Missing if facts.listing.has_current => {
            let text = format!("pebble: database {name:?} written in format major version 1 which is no longer supported");
            return Some((&conditions::STORE_FORMAT, text));
        }
        FormatMarker::Missing => {}
    }
    let not_pristine = || {
        Some((&conditions::STORE_NOT_PRISTINE, format!("dirname={name:?}: pebble: database already exists and is not pristine")))
    };
    let must_be_pristine = facts.format == FormatMarker::Missing;
    match &facts.manifest {
        ManifestFact::NoMarker | ManifestFact::Unreadable { .. } => {}
        ManifestFact::IsDirectory(file) => {
            return Some((
                &conditions::STORE_MANIFEST,
                format!("pebble: error when loading manifest file {file:?}: read {name}/{file}: is a directory"),
            ));
        }
        ManifestFact::MalformedMarker(value) => {
            return Some((
                &conditions::STORE_MARKER,
                format!("pebble: database {name:?}: pebble: MANIFEST name {value:?} is malformed"),
            ));
        }
        ManifestFact::FileMissing(file) => {
            return Some((
                &conditions::STORE_MANIFEST,
                format!(
                    "pebble: could not open manifest file {file:?} for DB {name:?}: open {name}/{file}: no such file or directory"
                ),
            ));
        }
        ManifestFact::Read(manifest) => {
            if let Some(failure) = &manifest.failure {
                return Some((&conditions::STORE_MANIFEST, failure.text.clone()));
            }
            if manifest.version.is_malformed() {
                return Some((
                    &conditions::STORE_MANIFEST,
                    format!("pebble: malformed manifest file {:?} for DB {name:?}", manifest.name),
                ));
            }
            // Tables of level 0 are not held against themselves.
            if let Some(found) = manifest.version.inconsistencies().iter().find(|found| found.level > 0) {
                return Some((&conditions::STORE_INCONSISTENT, format!("pebble: {}", found.problem)));
            }
            if must_be_pristine && manifest.version.table_count() > 0 {
                return not_pristine();
            }
        }
    }
    if let Some(log) = facts.listing.duplicate_logs.first() {
        return Some((&conditions::STORE_LOG, format!("wal: duplicate logIndex for {log} in {name}")));
    }
    if let Some(log) = facts.listing.absent_logs.first() {
        return Some((&conditions::STORE_LOG, format!("stat {name}/{log}: no such file or directory")));
    }
    if let Some(wrong) = facts.wrong_tables.first() {
        let (level, number) = (wrong.level, wrong.number);
        return Some((
            &conditions::STORE_OBJECT_SIZE,
            match wrong.found {
                None => format!(
                    "L{level}: {number}: file {number} (type sstable) unknown to the objstorage provider: file does not exist"
                ),
                Some(size) => format!(
                    "L{level}: {number}: object size mismatch ({name}/{}): {size} (disk) != {} (MANIFEST)",
                    number.table_name(),
                    wrong.expected
                ),
            },
        ));
    }
    if let Some(options) = &facts.options
        && let OptionsResult::Refused { text, .. } | OptionsResult::NotAFile(text) = &options.result
    {
        return Some((&conditions::STORE_OPTIONS, text.clone()));
    }
    if must_be_pristine && facts.logs.iter().any(|log| log.batches > 0) {
        return Some((&conditions::STORE_NOT_PRISTINE, "pebble: database already exists and is not pristine".to_owned()));
    }
    if let Some((log, text)) = facts.log_refusal() {
        let condition = if log.failure.is_some() { &conditions::STORE_BATCH } else { &conditions::STORE_LOG };
        return Some((condition, text));
    }
    if let Some(log) = &facts.log_directory {
        return Some((&conditions::STORE_LOG, format!("pebble: error when replaying WAL: read {name}/{log}: is a directory")));
    }
    facts.ingest_refusal().map(|text| (&conditions::STORE_OBJECT_SIZE, text))
}

/// A table of level 0 that contradicts itself: opening the store does not look, and what follows depends on the contradiction.
fn doubtful_table(facts: &StoreFacts) -> Option<String> {
    let found = facts.version()?.inconsistencies().into_iter().find(|found| found.level == 0)?;
    Some(format!("L0: {}", found.problem))
}

/// What was needed to decide and could not be read.
fn unread(facts: &StoreFacts) -> Option<String> {
    let told = |file: &str, problem: &str| Some(format!("{}/{file} cannot be read: {problem}", facts.name));
    if let ManifestFact::Unreadable { name, problem } = &facts.manifest {
        return told(name, problem);
    }
    if let Some(options) = &facts.options
        && let OptionsResult::Unreadable(problem) = &options.result
    {
        return told(&options.name, problem);
    }
    if let Some((number, problem)) = facts.unreadable_logs.first() {
        return told(&format!("{number}.log"), problem);
    }
    None
}

/// What the process logs before it ends.
fn fatal_text(facts: &StoreFacts, damage: &TableDamage) -> String {
    let bounds = bounds_of(facts, damage.table);
    let path = format!("{}/{}", facts.name, damage.table.table_name());
    let detail = match &damage.trouble {
        TableTrouble::Bytes(problem) => library_words(problem, damage.table),
        TableTrouble::Missing => "no such file or directory".to_owned(),
        TableTrouble::System(problem) => problem.clone(),
    };
    format!("pebble: on-disk corruption: {path}; bounds: {bounds}; details: {detail}")
}

fn bounds_of(facts: &StoreFacts, file: FileNum) -> String {
    let table = facts.version().and_then(|version| version.tables().find(|table| table.file() == file));
    table.map_or_else(
        || "[]".to_owned(),
        |table| {
            format!(
                "[{}, {}]",
                crate::types::Escaped(&table.bounds.smallest.user_key),
                crate::types::Escaped(&table.bounds.largest.user_key)
            )
        },
    )
}

/// How the library describes a damaged table, as far as the kind of damage determines it.
fn library_words(problem: &TableProblem, file: FileNum) -> String {
    match (problem.kind, &problem.expected, &problem.found) {
        (TableProblemKind::Magic, ..) => format!("pebble/table: invalid table {file} (bad magic number)"),
        (TableProblemKind::Checksum, Some(stored), Some(computed)) => format!(
            "pebble: file {file}: block {}/{}: crc32c checksum mismatch {} != {}",
            problem.offset,
            problem.length.saturating_sub(5),
            without_zeros(stored),
            without_zeros(computed)
        ),
        _ => format!("pebble/table: invalid table {file}: {problem}"),
    }
}

/// Hexadecimal as Go's `%x` prints it.
fn without_zeros(hex: &str) -> &str {
    match hex.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    }
}

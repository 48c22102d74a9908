//! `offload verify`: are the bytes of the payloads those that their keys promise?

mod directory;
mod objects;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ekv_tool::analysis::judge::offload::{KnownContents, LonePayload, verify_lone};
use ekv_tool::analysis::judge::snapshot::Examined;
use ekv_tool::analysis::{Coverage, Finding};
use ekv_tool::formats::offload::KeyKind;
use ekv_tool::readers::Depth;
use ekv_tool::readers::offload::ObjectRead;
use ekv_tool::report::Report;
use ekv_tool::types::{Sha256Sum, UnixMillis};
use object_store::ObjectStore;

pub(crate) use directory::listed;

use crate::error::Result;
use crate::parts::{Demand, Outcome, PartRow, PartWriter, Results};
use crate::progress::{Unit, Watch};
use crate::report::verify::VerifyBody;
use crate::report::{Readings, own};
use crate::shard::Shard;
use crate::store::{Listed, Reach, Store};

/// What the caller wants.
#[derive(Debug, Clone, Copy)]
pub struct VerifyOptions {
    /// Which payloads.
    pub shard: Shard,
    /// Every row too, not only those of small payloads.
    pub deep: bool,
    /// Ranges in flight.
    pub lanes: usize,
    /// Bytes of a range.
    pub range: u64,
    /// A part is written this long after the one before: what a killed run has to do again.
    pub part_every: Duration,
    /// The time of the run.
    pub now: UnixMillis,
    /// What earlier runs have read is read again.
    pub again: Again,
}

/// What of the payloads that earlier runs have read is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Again {
    /// What has changed since.
    #[default]
    Changed,
    /// And what was read longer ago than this.
    OlderThan(Duration),
    /// Everything.
    Everything,
}

/// Ranges in flight.
pub const LANES: usize = 8;
/// Bytes of a range.
pub const RANGE: u64 = 4 << 20;

/// A part is written when it has so many rows,
const ROWS: usize = 1024;
/// or stands for so many bytes,
const BYTES: u64 = 4 << 30;
/// or this long after the one before.
pub const PART_EVERY: Duration = Duration::from_secs(30);

impl VerifyOptions {
    fn demand(&self) -> Demand {
        let max_age = match self.again {
            Again::OlderThan(age) => Some(age),
            Again::Changed | Again::Everything => None,
        };
        Demand { deep: self.deep, now: self.now, max_age }
    }

    const fn depth(&self) -> Depth {
        if self.deep { Depth::Deep } else { Depth::Checksum }
    }
}

/// A payload that has to be read.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) object: Listed,
    /// The digest in its key.
    pub(crate) digest: Sha256Sum,
}

/// A payload that was read.
#[derive(Debug)]
pub(crate) struct Done {
    number: usize,
    read: ObjectRead,
}

/// Reads one payload of a store that answers requests.
pub(crate) async fn read_one(store: &Store, reached: &Arc<dyn ObjectStore>, work: Work, options: &VerifyOptions) -> ObjectRead {
    let answer = objects::read(store, Arc::clone(reached), vec![work], options).recv().await;
    answer.map_or_else(|| ObjectRead::Unreadable("its reading ended early".to_owned()), |done| done.read)
}

/// Reads the payloads of a shard that no part knows, judges each by itself, and writes parts.
pub async fn verify(store: &Store, results: &Results, options: &VerifyOptions, watch: &dyn Watch) -> Result<Report<VerifyBody>> {
    let mut coverage = Coverage::default();
    watch.begin("listing", Unit::Objects, None);
    let (listed, base) = match &store.reach {
        Reach::Directory(path) => directory::list(path, &mut coverage)?,
        Reach::Objects(objects) => (objects::list(store, &**objects, watch, &mut coverage).await?, store.base.clone()),
    };
    if listed.is_empty() {
        // A volume that is not mounted, a prefix that is misspelled.
        coverage.missing(store.shown.clone(), "no payload was found there");
    }
    let store = &Store { base, ..store.clone() };
    let mine: Vec<_> = listed.into_iter().filter(|object| options.shard.takes(&object.key)).collect();
    let parts = results.read(store, options.shard).await?;
    coverage.absorb(parts.coverage);
    let demand = options.demand();
    let mut run = Judged::new(store, options, coverage);
    let mut work = Vec::new();
    for object in mine {
        let KeyKind::Payload { digest: Some(digest), .. } = KeyKind::of(&object.key) else {
            run.coverage
                .skipped(store.path_of(&object.key), "its key is no digest, so that there is nothing to hold its bytes against");
            continue;
        };
        match parts.known.get(&object, &demand).filter(|_| options.again != Again::Everything) {
            Some(row) => run.recall(&object, digest, row),
            None => work.push(Work { object, digest }),
        }
    }
    let bytes: u64 = work.iter().map(|work| work.object.size).fold(0, u64::saturating_add);
    watch.begin("payloads", Unit::Bytes, Some(bytes));
    let mut writer = PartWriter::new(results, options.shard, parts.of_shard);
    let mut answers = match &store.reach {
        Reach::Directory(path) => directory::read(path.clone(), work.clone(), options.depth()),
        Reach::Objects(objects) => objects::read(store, objects.clone(), work.clone(), options),
    };
    let (mut since, mut held, mut written) = (Instant::now(), 0_u64, Ok(()));
    loop {
        let patience = options.part_every.saturating_sub(since.elapsed()).max(Duration::from_millis(1));
        match tokio::time::timeout(patience, answers.recv()).await {
            Ok(None) => break,
            Ok(Some(Done { number, read })) => {
                let Some(work) = work.get(number) else { continue };
                watch.advance(work.object.size);
                held = held.saturating_add(work.object.size);
                writer.push(run.judge(work, &read));
            }
            // A large payload takes long, and what was read before it is to be kept.
            Err(_) => {}
        }
        if writer.held() >= ROWS || held >= BYTES || since.elapsed() >= options.part_every {
            written = writer.flush().await;
            (since, held) = (Instant::now(), 0);
            if written.is_err() {
                // To read on would be for nothing; what was found so far is told.
                break;
            }
        }
    }
    drop(answers);
    if let Err(error) = if written.is_ok() { writer.flush().await } else { written } {
        run.coverage.missing("a part of the results", error.to_string());
    }
    Ok(run.finish(writer.written, results.shown(), work.len()))
}

/// What a run has judged.
struct Judged<'r> {
    store: &'r Store,
    options: &'r VerifyOptions,
    began: Instant,
    payloads: BTreeMap<String, LonePayload>,
    findings: Vec<Finding>,
    coverage: Coverage,
    recalled: usize,
    readings: Readings,
    read: usize,
}

impl<'r> Judged<'r> {
    fn new(store: &'r Store, options: &'r VerifyOptions, coverage: Coverage) -> Self {
        Self {
            store,
            options,
            began: Instant::now(),
            payloads: BTreeMap::new(),
            findings: Vec::new(),
            coverage,
            recalled: 0,
            readings: Readings::default(),
            read: 0,
        }
    }

    /// A payload that was read now.
    fn judge(&mut self, work: &Work, read: &ObjectRead) -> PartRow {
        let Work { object, digest } = work;
        let shown = self.store.path_of(&object.key);
        let depth = self.options.depth();
        let Examined { view, findings, coverage } = verify_lone(&shown, *digest, read, depth);
        let facts = match read {
            ObjectRead::Object(facts) if facts.change.is_none() && facts.unread.is_none() => Some(facts),
            _ => None,
        };
        let sums = facts.and_then(|facts| facts.sums);
        let whole = sums.is_some_and(|sums| sums.sha256 == *digest && !sums.has_footer);
        let why = coverage.not_examined.iter().find(|part| part.needed).map(|part| part.why.clone());
        let row = PartRow {
            store: self.store.shown.clone(),
            endpoint: self.store.endpoint.clone(),
            key: object.key.clone(),
            e_tag: object.e_tag.clone(),
            size: object.size,
            modified_ms: object.modified.map(|it| it.0),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            deep: self.options.deep,
            outcome: if sums.is_some() { Outcome::Summed } else { Outcome::Unread },
            why: why.filter(|_| sums.is_none()),
            sums,
            contents: facts.filter(|_| whole).map(|facts| KnownContents::of(&shown, facts, depth)),
            verdict: view.verdict.name().to_owned(),
            judged_ms: self.options.now.0.saturating_add(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)),
            shard: self.options.shard.to_string(),
        };
        self.add(object, view, findings, coverage);
        self.read += 1;
        row
    }

    /// A payload that an earlier run has read: what its part holds is judged again, by the same code.
    fn recall(&mut self, object: &Listed, digest: Sha256Sum, row: &PartRow) {
        let shown = self.store.path_of(&object.key);
        let Some(facts) = crate::join::facts_of(row) else { return };
        let read = ObjectRead::Object(Box::new(facts));
        let Examined { mut view, mut findings, mut coverage } = verify_lone(&shown, digest, &read, Depth::Header);
        // The part has what is in it, and not its front.
        (view.header, view.body_format) = (None, None);
        if let Some(contents) = &row.contents {
            (view.applied_index, view.rows) = (contents.applied_index(), contents.rows());
            findings.extend(contents.findings(&shown));
            coverage.not_examined.extend(contents.not_examined());
        }
        view.verdict = ekv_tool::analysis::Verdict::of(&findings, &coverage);
        self.add(object, view, findings, coverage);
        self.recalled += 1;
        self.readings.take(UnixMillis(row.judged_ms), self.options.now);
    }

    fn add(&mut self, object: &Listed, view: LonePayload, findings: Vec<Finding>, mut coverage: Coverage) {
        // It is said once for the whole run.
        coverage.not_examined.retain(|part| part.what != "the manifests");
        self.payloads.insert(object.key.clone(), view);
        self.findings.extend(findings);
        self.coverage.absorb(coverage);
    }

    fn finish(mut self, parts: u32, results: &str, asked: usize) -> Report<VerifyBody> {
        if self.read < asked {
            let left = asked - self.read;
            self.coverage.missing(format!("{left} payloads"), "their reading ended early; run the same command again");
        }
        self.coverage.skipped("the manifests", "only payloads were asked for; `ekv-fleet offload audit --results` joins both");
        let body = VerifyBody {
            shard: self.options.shard.to_string(),
            results: results.to_owned(),
            read: self.read,
            recalled: self.recalled,
            readings: self.readings,
            parts_written: parts,
            payloads: self.payloads.into_values().collect(),
        };
        own(Report::new(body, self.findings, self.coverage))
    }
}

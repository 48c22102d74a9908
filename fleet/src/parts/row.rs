//! The schema of a part. docs/fleet.md describes it; a column is added, never renamed.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use ekv_tool::analysis::judge::offload::KnownContents;
use ekv_tool::readers::offload::Sums;
use ekv_tool::types::{Crc32c, Sha256Sum};

/// The version of the schema, in the metadata `ekv-fleet.schema` of every part.
pub const SCHEMA_VERSION: &str = "ekv-fleet/offload-verify/v1";

/// What came of one payload.
#[derive(Debug, Clone, PartialEq)]
pub struct PartRow {
    /// The store, as the run named it.
    pub store: String,
    /// Which server answered, where the environment named one of its own; of Azure the account.
    pub endpoint: Option<String>,
    /// The key of the payload.
    pub key: String,
    /// What named its bytes when they were read.
    pub e_tag: Option<String>,
    /// Its length in bytes.
    pub size: u64,
    /// When it was last written, in Unix milliseconds.
    pub modified_ms: Option<u64>,
    /// The version of this program.
    pub tool_version: String,
    /// Every row was looked at, not only those of small payloads.
    pub deep: bool,
    /// How the reading ended.
    pub outcome: Outcome,
    /// Why it did not end well.
    pub why: Option<String>,
    /// The digests, of a payload that was read whole.
    pub sums: Option<Sums>,
    /// What is in it, where the digest is that of its name.
    pub contents: Option<KnownContents>,
    /// Of this payload alone: `clean`, `damaged`, `unknown`.
    pub verdict: String,
    /// When it was judged, in Unix milliseconds.
    pub judged_ms: u64,
    /// The shard that judged it, `3/50`.
    pub shard: String,
}

/// How the reading of a payload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All bytes came, of one version of the object.
    Summed,
    /// They did not; the next run tries again.
    Unread,
}

impl Outcome {
    /// The word in a part.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Summed => "summed",
            Self::Unread => "unread",
        }
    }
}

/// The columns.
pub fn schema() -> Schema {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    let number = |name: &str, nullable| Field::new(name, DataType::UInt64, nullable);
    Schema::new(vec![
        text("store", false),
        text("endpoint", true),
        text("key", false),
        text("e_tag", true),
        number("size", false),
        number("modified_ms", true),
        text("tool_version", false),
        Field::new("deep", DataType::Boolean, false),
        text("outcome", false),
        text("why", true),
        text("sha256", true),
        text("crc32c", true),
        Field::new("has_footer", DataType::Boolean, true),
        number("applied_index", true),
        number("rows", true),
        text("verdict", false),
        text("contents", true),
        number("judged_ms", false),
        text("shard", false),
    ])
    .with_metadata([("ekv-fleet.schema".to_owned(), SCHEMA_VERSION.to_owned())].into())
}

/// Rows as columns.
pub(super) fn batch(rows: &[PartRow]) -> Result<RecordBatch, ArrowError> {
    fn text<'r>(rows: &'r [PartRow], of: impl Fn(&'r PartRow) -> &'r str) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    }
    fn maybe(rows: &[PartRow], of: impl Fn(&PartRow) -> Option<String>) -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<StringArray>())
    }
    fn number(rows: &[PartRow], of: impl Fn(&PartRow) -> Option<u64>) -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<UInt64Array>())
    }
    let contents = |row: &PartRow| row.contents.as_ref().and_then(|contents| serde_json::to_string(contents).ok());
    RecordBatch::try_new(
        Arc::new(schema()),
        vec![
            text(rows, |row| &row.store),
            maybe(rows, |row| row.endpoint.clone()),
            text(rows, |row| &row.key),
            maybe(rows, |row| row.e_tag.clone()),
            number(rows, |row| Some(row.size)),
            number(rows, |row| row.modified_ms),
            text(rows, |row| &row.tool_version),
            Arc::new(rows.iter().map(|row| Some(row.deep)).collect::<BooleanArray>()),
            text(rows, |row| row.outcome.name()),
            maybe(rows, |row| row.why.clone()),
            maybe(rows, |row| row.sums.map(|sums| sums.sha256.to_string())),
            maybe(rows, |row| row.sums.map(|sums| sums.crc32c.to_string())),
            Arc::new(rows.iter().map(|row| row.sums.map(|sums| sums.has_footer)).collect::<BooleanArray>()),
            number(rows, |row| row.contents.as_ref()?.applied_index().map(|index| index.0)),
            number(rows, |row| row.contents.as_ref()?.rows().map(|rows| rows.rows)),
            text(rows, |row| &row.verdict),
            maybe(rows, contents),
            number(rows, |row| Some(row.judged_ms)),
            text(rows, |row| &row.shard),
        ],
    )
}

/// Columns as rows. `None` for a batch that lacks a column, or in which a row contradicts itself.
pub(super) fn rows(batch: &RecordBatch) -> Option<Vec<PartRow>> {
    let strings = |name: &str| batch.column_by_name(name)?.as_any().downcast_ref::<StringArray>();
    let numbers = |name: &str| batch.column_by_name(name)?.as_any().downcast_ref::<UInt64Array>();
    let truths = |name: &str| batch.column_by_name(name)?.as_any().downcast_ref::<BooleanArray>();
    let (store, endpoint, key, e_tag) = (strings("store")?, strings("endpoint")?, strings("key")?, strings("e_tag")?);
    let (size, modified, judged) = (numbers("size")?, numbers("modified_ms")?, numbers("judged_ms")?);
    let (tool, outcome, why, verdict) = (strings("tool_version")?, strings("outcome")?, strings("why")?, strings("verdict")?);
    let (sha256, crc32c, contents, shard) = (strings("sha256")?, strings("crc32c")?, strings("contents")?, strings("shard")?);
    let (deep, footer) = (truths("deep")?, truths("has_footer")?);
    let maybe = |column: &StringArray, at: usize| (!column.is_null(at)).then(|| column.value(at).to_owned());
    (0..batch.num_rows())
        .map(|at| {
            let sums = if sha256.is_null(at) || crc32c.is_null(at) || footer.is_null(at) {
                None
            } else {
                Some(Sums {
                    sha256: Sha256Sum::parse(sha256.value(at))?,
                    crc32c: Crc32c(u32::from_str_radix(crc32c.value(at), 16).ok()?),
                    has_footer: footer.value(at),
                })
            };
            Some(PartRow {
                store: store.value(at).to_owned(),
                endpoint: maybe(endpoint, at),
                key: key.value(at).to_owned(),
                e_tag: maybe(e_tag, at),
                size: size.value(at),
                modified_ms: (!modified.is_null(at)).then(|| modified.value(at)),
                tool_version: tool.value(at).to_owned(),
                deep: deep.value(at),
                outcome: if outcome.value(at) == Outcome::Summed.name() { Outcome::Summed } else { Outcome::Unread },
                why: maybe(why, at),
                sums,
                contents: match maybe(contents, at) {
                    Some(text) => Some(serde_json::from_str(&text).ok()?),
                    None => None,
                },
                verdict: verdict.value(at).to_owned(),
                judged_ms: judged.value(at),
                shard: shard.value(at).to_owned(),
            })
        })
        .collect()
}

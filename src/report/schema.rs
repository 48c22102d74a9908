//! JSON Schema of every report, made from the types that are written.

use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::body::check::{CheckBody, CheckListBody};
use super::body::compare::CompareBody;
use super::body::dump::DumpBody as ToolDumpBody;
use super::body::etcd::EtcdBody;
use super::body::explain::ExplainBody;
use super::body::facts::FactsBody;
use super::body::failure::FailureBody;
use super::body::gate::GateBody;
use super::body::history::HistoryBody;
use super::body::hraft::archive::ArchiveBody;
use super::body::hraft::dump::EntryLine;
use super::body::hraft::gate::HashiGateBody;
use super::body::hraft::page::{self, HashiBody};
use super::body::inspect::InspectBody;
use super::body::offload_plan::OffloadPlanBody;
use super::body::postmortem::PostmortemBody;
use super::body::snapshot::SnapshotBody;
use super::body::snapshot_diff::SnapshotDiffBody;
use super::body::snapshot_ls::SnapshotListBody;
use super::body::snapshot_rebuild::SnapshotRebuildBody;
use super::body::snapshot_stat::SnapshotStatBody;
use super::body::store_diff::StoreDiffBody;
use super::body::store_dump::{EditRow, FileRow, StoreDumpBody};
use super::body::store_get::StoreGetBody;
use super::body::store_lsm::StoreLsmBody;
use super::body::store_meta::StoreMetaBody;
use super::body::store_scan::{RawRow, StoreRow, StoreScanBody};
use super::body::store_stat::StoreStatBody;
use super::body::store_verify::StoreVerifyBody;
use super::body::wal::{DumpBody, LsBody, RecordRow, ShowBody, StatBody, VerifyBody};
use super::{Body, JsonList, Lines, Report};

/// The shape of one report.
#[derive(Debug, Clone)]
pub struct ReportSchema {
    /// A name of its own: the command's, with `hashicorp-` in front for directories of hashicorp/raft.
    pub name: &'static str,
    /// What the report says, in one line.
    pub about: String,
    /// Its JSON Schema, draft 2020-12.
    pub schema: Schema,
    /// Its lines in ndjson.
    pub lines: &'static [Lines],
}

/// The reports of all commands.
pub fn all() -> Vec<ReportSchema> {
    let mut all = vec![
        of::<CheckBody>(),
        of::<CheckListBody>(),
        of::<CompareBody>(),
        ReportSchema { name: "dumps", ..titled("ekv-tool/verify-snapshot/v1 of dumps", of::<ToolDumpBody>()) },
        of::<ExplainBody>(),
        of::<FactsBody>(),
        of::<FailureBody>(),
        of::<GateBody>(),
        of::<HistoryBody>(),
        of::<InspectBody>(),
        of::<OffloadPlanBody>(),
        of::<PostmortemBody>(),
        of::<SnapshotBody>(),
        of::<SnapshotDiffBody>(),
        of::<SnapshotListBody>(),
        of::<SnapshotRebuildBody>(),
        of::<SnapshotStatBody>(),
        of_rows::<StoreDumpBody>(
            StoreDumpBody::LIST,
            |generator| json!({ "anyOf": [generator.subschema_for::<FileRow<'_>>(), generator.subschema_for::<EditRow>()] }),
        ),
        of::<StoreDiffBody>(),
        of::<StoreGetBody>(),
        of::<StoreLsmBody>(),
        of::<StoreMetaBody>(),
        of_rows::<StoreScanBody>(
            StoreScanBody::LIST,
            |generator| json!({ "anyOf": [generator.subschema_for::<StoreRow<'_>>(), generator.subschema_for::<RawRow<'_>>()] }),
        ),
        of::<StoreStatBody>(),
        of::<StoreVerifyBody>(),
        of_rows::<DumpBody>(DumpBody::LIST, |generator| generator.subschema_for::<RecordRow<'_>>().into()),
        of::<LsBody>(),
        of::<ShowBody>(),
        of::<StatBody>(),
        of::<VerifyBody>(),
        of_hashicorp::<ArchiveBody>("hashicorp-archives", "ekv-tool/verify-snapshot/v1"),
        of_etcd(),
        of_hashicorp::<HashiGateBody>("hashicorp-gate-dryrun", "ekv-tool/gate-dryrun/v1"),
        of_hashicorp::<HashiBody<page::Check>>("hashicorp-nodes", "ekv-tool/<command>/v1"),
        called(
            "hashicorp-wal-dump",
            "ekv-tool/wal-dump/v1",
            of_rows::<HashiBody<page::WalDump>>(HashiBody::LIST, |generator| generator.subschema_for::<EntryLine<'_>>().into()),
        ),
    ];
    all.sort_by_key(|report| report.name);
    all
}

/// A report of another program that is made of the parts of this one: its `schema` begins with the name of that program.
pub fn of_program<B: Body + JsonSchema>(program: &str) -> ReportSchema {
    let name = format!("{program}/{}/v1", B::NAME);
    let mut report = titled(&name, of::<B>());
    if let Some(field) = report.schema.pointer_mut("/properties/schema") {
        *field = json!({ "type": "string", "const": name, "description": "The report, and the version of its form." });
    }
    report
}

fn of<B: Body + JsonSchema>() -> ReportSchema {
    made::<B>(None)
}

/// The reports about directories of etcd, whose `schema` is that of the command.
fn of_etcd() -> ReportSchema {
    let title = "ekv-tool/<command>/v1 of etcd";
    ReportSchema { name: "etcd-members", ..titled(title, of::<EtcdBody<page::Check>>()) }
}

/// A report about directories of hashicorp/raft, which has the same `schema` as the one about others.
fn of_hashicorp<B: Body + JsonSchema>(name: &'static str, field: &str) -> ReportSchema {
    called(name, field, of::<B>())
}

/// The same under a name of its own.
fn called(name: &'static str, field: &str, report: ReportSchema) -> ReportSchema {
    ReportSchema { name, ..titled(&format!("{field} of hashicorp/raft"), report) }
}

/// The same with another title.
fn titled(title: &str, mut report: ReportSchema) -> ReportSchema {
    report.schema.insert("title".to_owned(), title.into());
    report
}

/// A report in front of which rows stand.
fn of_rows<B: Body + JsonSchema>(list: JsonList, row: fn(&mut SchemaGenerator) -> Value) -> ReportSchema {
    made::<B>(Some((list, row)))
}

/// The list of a report's rows, and what makes the schema of one.
type Rows = (JsonList, fn(&mut SchemaGenerator) -> Value);

fn made<B: Body + JsonSchema>(rows: Option<Rows>) -> ReportSchema {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let about = B::json_schema(&mut generator);
    let about = about.get("description").and_then(Value::as_str).unwrap_or_default();
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let row = rows.map(|(list, row)| (list.name(), row(&mut generator)));
    let mut schema = generator.into_root_schema_for::<Report<B>>();
    schema.insert("title".to_owned(), format!("ekv-tool/{}/v1", B::NAME).into());
    schema.insert("description".to_owned(), about.into());
    if let Some((name, row)) = row {
        let list = json!({ "type": "array", "description": "The rows, in the order in which they were read.", "items": row });
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert(name.to_owned(), list);
        }
        if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
            required.push(name.into());
        }
    }
    if B::CLOSED {
        let sum = json!({ "type": "string", "pattern": "^[0-9a-f]{64}$",
            "description": "SHA-256 of all bytes of the report before the comma in front of this member, which is the last." });
        if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
            properties.insert("sha256".to_owned(), sum);
        }
        if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
            required.push("sha256".into());
        }
    }
    let mut value = schema.to_value();
    for_readers(&mut value);
    ReportSchema { name: B::NAME, about: unlinked(about), schema: Schema::try_from(value).unwrap_or_default(), lines: B::LINES }
}

/// Descriptions are those of the Rust items; links between items lead nowhere in a schema.
fn for_readers(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "description" => *text = unlinked(text),
                    _ => for_readers(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(for_readers),
        _ => {}
    }
}

/// The text without the targets of its links, on one line.
fn unlinked(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        plain.push_str(before);
        let link = after.split_once(']').filter(|(name, _)| name.starts_with('`') && name.ends_with('`'));
        match link {
            Some((name, behind)) => {
                plain.push_str(name);
                rest = behind.strip_prefix('(').and_then(|target| target.split_once(')')).map_or(behind, |(_, behind)| behind);
            }
            None => {
                plain.push('[');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::unlinked;

    #[test]
    fn links_lose_their_targets() {
        assert_eq!(unlinked("A [`Finding`](crate::analysis::Finding) or\na [`Row`]."), "A `Finding` or a `Row`.");
        assert_eq!(unlinked("a list [1, 2]"), "a list [1, 2]");
    }
}

//! DataFusion over the tables and views. It reads and never writes.

use std::sync::Arc;

use datafusion::arrow::array::{Array as _, ArrayRef, RecordBatch, StructArray};
use datafusion::common::ScalarValue;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::SessionContext;
use ekv_tool::analysis::Coverage;
use ekv_tool::report::Report;
use serde_json::{Map, Value};

use super::functions::functions;
use super::objects::Objects;
use super::places::in_a_plan;
use super::workers::Workers;
use super::{VIEWS, bases, meant};
use crate::error::{Error, Result};
use crate::parts::Results;
use crate::progress::Watch;
use crate::report::own;
use crate::report::sql::{SqlBody, SqlColumn};
use crate::store::Limits;

/// Answers a query, or `@NAME` of one that is ready. `watch` sees what this process reads of payloads for it.
pub async fn ask(
    results: &Results,
    asked: &str,
    limits: Limits,
    workers: &Workers,
    watch: Arc<dyn Watch>,
) -> Result<Report<SqlBody>> {
    let query = meant(asked).map_err(Error::Usage)?;
    let context = context(results, limits, workers, watch).await?;
    let refused = |error: DataFusionError| Error::Usage(format!("the query cannot be answered: {}", one_line(&error)));
    let plan = context.state().create_logical_plan(query).await.map_err(refused)?;
    let only_queries = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    only_queries
        .verify_plan(&plan)
        .map_err(|_| Error::Usage("only queries are answered; nothing is written or set".to_owned()))?;
    if let Some(why) = workers.refuses(&plan) {
        return Err(Error::Usage(why.to_owned()));
    }
    let answer = context.execute_logical_plan(plan).await.map_err(refused)?;
    let fields = answer.schema().fields().clone();
    let batches = workers.collect(answer, limits).await?;
    let mut columns: Vec<SqlColumn> = Vec::new();
    for field in &fields {
        let taken = columns.iter().filter(|column| column.name == *field.name()).count();
        let name = if taken == 0 { field.name().clone() } else { format!("{}_{}", field.name(), columns.len() + 1) };
        columns.push(SqlColumn { name, kind: field.data_type().to_string() });
    }
    let mut rows = Vec::new();
    for batch in &batches {
        rows_of(batch, &columns, &mut rows).map_err(refused)?;
    }
    let body = SqlBody { results: results.shown().to_owned(), query: query.to_owned(), columns, rows };
    Ok(own(Report::new(body, Vec::new(), Coverage::default())))
}

/// The tables, the views and the functions. A table of which there are no parts is empty.
async fn context(results: &Results, limits: Limits, workers: &Workers, watch: Arc<dyn Watch>) -> Result<SessionContext> {
    let fault = |error: DataFusionError| Error::Fault(format!("the tables cannot be set up: {}", one_line(&error)));
    let (context, spread) = workers.session(limits).await.map_err(fault)?;
    for function in functions(limits, watch) {
        context.register_udf(ScalarUDF::clone(&function));
    }
    context.register_udtf("ekv_objects", Arc::new(Objects::new(limits, spread)));
    for base in bases() {
        let place = in_a_plan(results.address(), &results.key_of(&base.place)).map_err(fault)?;
        let url = ListingTableUrl::parse(place.as_str()).map_err(fault)?;
        let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
        // The schema is that of this version: a column that a part does not have is null.
        let config = ListingTableConfig::new(url).with_listing_options(options).with_schema(Arc::new(base.schema));
        context.register_table(base.name.as_str(), Arc::new(ListingTable::try_new(config).map_err(fault)?)).map_err(fault)?;
    }
    let views: Vec<_> = VIEWS.lines().filter(|line| !line.starts_with("--")).collect();
    for view in views.join("\n").split(';').map(str::trim).filter(|view| !view.is_empty()) {
        // A cluster has nothing to do with it.
        let plan = context.state().create_logical_plan(view).await.map_err(fault)?;
        context.execute_logical_plan(plan).await.map_err(fault)?;
    }
    Ok(context)
}

fn rows_of(batch: &RecordBatch, columns: &[SqlColumn], rows: &mut Vec<Map<String, Value>>) -> Result<(), DataFusionError> {
    for at in 0..batch.num_rows() {
        let mut row = Map::new();
        for (column, values) in columns.iter().zip(batch.columns()) {
            row.insert(column.name.clone(), value(&ScalarValue::try_from_array(values, at)?));
        }
        rows.push(row);
    }
    Ok(())
}

fn value(scalar: &ScalarValue) -> Value {
    match scalar {
        ScalarValue::Boolean(Some(truth)) => Value::from(*truth),
        ScalarValue::Int8(Some(number)) => Value::from(*number),
        ScalarValue::Int16(Some(number)) => Value::from(*number),
        ScalarValue::Int32(Some(number)) => Value::from(*number),
        ScalarValue::Int64(Some(number)) => Value::from(*number),
        ScalarValue::UInt8(Some(number)) => Value::from(*number),
        ScalarValue::UInt16(Some(number)) => Value::from(*number),
        ScalarValue::UInt32(Some(number)) => Value::from(*number),
        ScalarValue::UInt64(Some(number)) => Value::from(*number),
        ScalarValue::Float32(Some(number)) => Value::from(*number),
        ScalarValue::Float64(Some(number)) => Value::from(*number),
        ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => {
            Value::from(text.as_str())
        }
        other if other.is_null() => Value::Null,
        ScalarValue::Struct(row) => object(row),
        ScalarValue::List(row) => list(&row.value(0)),
        ScalarValue::LargeList(row) => list(&row.value(0)),
        other => Value::from(other.to_string()),
    }
}

/// What has several fields.
fn object(row: &StructArray) -> Value {
    let fields = row.fields().iter().zip(row.columns());
    let of = |values| ScalarValue::try_from_array(values, 0).map_or(Value::Null, |scalar| value(&scalar));
    Value::Object(fields.map(|(field, values)| (field.name().clone(), of(values))).collect())
}

fn list(values: &ArrayRef) -> Value {
    let of = |at| ScalarValue::try_from_array(values, at).map_or(Value::Null, |scalar| value(&scalar));
    Value::Array((0..values.len()).map(of).collect())
}

pub(super) fn one_line(error: &DataFusionError) -> String {
    error.strip_backtrace().split_whitespace().collect::<Vec<_>>().join(" ")
}

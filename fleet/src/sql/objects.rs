//! `ekv_objects('URL')`: the payloads and manifests of a store, one row each.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, StringArray, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::functions::wait;
use crate::single::{Found, Single};
use crate::store::Limits;

/// The function.
#[derive(Debug)]
pub struct Objects {
    limits: Limits,
    /// Into how many partitions the rows are dealt.
    spread: usize,
}

impl Objects {
    /// Asks stores within these limits, and deals the objects into so many partitions.
    pub fn new(limits: Limits, spread: usize) -> Self {
        Self { limits, spread }
    }
}

impl TableFunctionImpl for Objects {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let [Expr::Literal(ScalarValue::Utf8(Some(url)) | ScalarValue::Utf8View(Some(url)), _)] = args.exprs() else {
            return Err(DataFusionError::Plan("ekv_objects takes one address, as a text: ekv_objects('s3://b/p')".to_owned()));
        };
        let (single, url) = (Single::new(self.limits), url.clone());
        let found = wait(async move { single.list(&url).await })?;
        // Its words are those for people, and hold no secret.
        let found = found.map_err(|error| DataFusionError::Plan(error.to_string()))?;
        let several = found.len().clamp(1, self.spread.max(1));
        let hands = (0..several).map(|hand| batch(&found.iter().skip(hand).step_by(several).collect::<Vec<_>>()));
        Ok(Arc::new(ObjectsTable::of(hands.collect::<Result<_>>()?)?))
    }
}

/// A store that was listed. The rows stand in the plan: whoever answers the query gets them with it, and lists nothing.
#[derive(Debug)]
pub struct ObjectsTable {
    partitions: Vec<RecordBatch>,
    rows: MemTable,
}

impl ObjectsTable {
    /// Of its partitions, which have the columns of [`Self::columns`].
    pub fn of(partitions: Vec<RecordBatch>) -> Result<Self> {
        let rows = MemTable::try_new(Self::columns(), partitions.iter().map(|batch| vec![batch.clone()]).collect())?;
        Ok(Self { partitions, rows })
    }

    /// Its partitions.
    pub fn partitions(&self) -> &[RecordBatch] {
        &self.partitions
    }

    /// Its columns.
    pub fn columns() -> SchemaRef {
        let field = |name, kind| Field::new(name, kind, true);
        Arc::new(Schema::new(vec![
            field("url", DataType::Utf8),
            field("kind", DataType::Utf8),
            field("size", DataType::UInt64),
            field("modified_ms", DataType::UInt64),
        ]))
    }
}

#[async_trait]
impl TableProvider for ObjectsTable {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.rows.scan(session, projection, filters, limit).await
    }
}

fn batch(found: &[&Found]) -> Result<RecordBatch> {
    let columns: [ArrayRef; 4] = [
        Arc::new(found.iter().map(|it| Some(it.url.as_str())).collect::<StringArray>()),
        Arc::new(found.iter().map(|it| Some(it.kind)).collect::<StringArray>()),
        Arc::new(found.iter().map(|it| Some(it.size)).collect::<UInt64Array>()),
        Arc::new(found.iter().map(|it| it.modified.map(|time| time.0)).collect::<UInt64Array>()),
    ];
    Ok(RecordBatch::try_new(ObjectsTable::columns(), columns.into())?)
}

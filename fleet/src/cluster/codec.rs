//! Plans on their way to a scheduler: beside what Ballista writes into them, the list of a store.

use std::sync::Arc;

use ballista_core::serde::BallistaLogicalExtensionCodec;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::file_format::FileFormatFactory;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Extension, LogicalPlan, ScalarUDF};
use datafusion_proto::logical_plan::LogicalExtensionCodec;

use crate::sql::objects::ObjectsTable;

/// What the list of a store begins with; Arrow's format for streams follows, a batch a partition.
const MARK: &[u8] = b"ekv_objects\0";

/// Writes and reads plans.
#[derive(Debug, Default)]
pub struct Codec(BallistaLogicalExtensionCodec);

impl LogicalExtensionCodec for Codec {
    fn try_decode(&self, bytes: &[u8], inputs: &[LogicalPlan], context: &TaskContext) -> Result<Extension> {
        self.0.try_decode(bytes, inputs, context)
    }

    fn try_encode(&self, node: &Extension, bytes: &mut Vec<u8>) -> Result<()> {
        self.0.try_encode(node, bytes)
    }

    fn try_decode_table_provider(
        &self,
        bytes: &[u8],
        name: &TableReference,
        schema: SchemaRef,
        context: &TaskContext,
    ) -> Result<Arc<dyn TableProvider>> {
        let Some(stream) = bytes.strip_prefix(MARK) else {
            return self.0.try_decode_table_provider(bytes, name, schema, context);
        };
        let reader = StreamReader::try_new(stream, None)?;
        if reader.schema() != ObjectsTable::columns() {
            return Err(DataFusionError::Plan("the list of a store is that of another version of ekv-fleet".to_owned()));
        }
        Ok(Arc::new(ObjectsTable::of(reader.collect::<Result<_, _>>()?)?))
    }

    fn try_encode_table_provider(&self, name: &TableReference, node: Arc<dyn TableProvider>, bytes: &mut Vec<u8>) -> Result<()> {
        let any: &dyn std::any::Any = &*node;
        let Some(objects) = any.downcast_ref::<ObjectsTable>() else {
            return self.0.try_encode_table_provider(name, node, bytes);
        };
        bytes.extend_from_slice(MARK);
        let mut writer = StreamWriter::try_new(bytes, &ObjectsTable::columns())?;
        for batch in objects.partitions() {
            writer.write(batch)?;
        }
        Ok(writer.finish()?)
    }

    fn try_decode_file_format(&self, bytes: &[u8], context: &TaskContext) -> Result<Arc<dyn FileFormatFactory>> {
        self.0.try_decode_file_format(bytes, context)
    }

    fn try_encode_file_format(&self, bytes: &mut Vec<u8>, node: Arc<dyn FileFormatFactory>) -> Result<()> {
        self.0.try_encode_file_format(bytes, node)
    }

    fn try_decode_udf(&self, name: &str, bytes: &[u8]) -> Result<Arc<ScalarUDF>> {
        self.0.try_decode_udf(name, bytes)
    }

    fn try_encode_udf(&self, node: &ScalarUDF, bytes: &mut Vec<u8>) -> Result<()> {
        self.0.try_encode_udf(node, bytes)
    }
}

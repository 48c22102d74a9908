//! Tables as Parquet: columns that are described once, rows in their order.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

/// A table. docs/fleet/collect.md describes it; a column is added, never renamed.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its name, which is that of its folder and of its schema.
    pub name: &'static str,
    /// Its columns, in order.
    pub columns: &'static [Column],
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Whether a row may have none.
    pub nullable: bool,
}

/// What values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// An unsigned number of 64 bits.
    Number,
    /// True or false.
    Truth,
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Of a column of text.
    Text(String),
    /// Of a column of numbers.
    Number(u64),
    /// Of a column of truths.
    Truth(bool),
    /// None.
    Null,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(number as u64)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Truth(truth)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A column that every row has.
pub const fn always(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: false }
}

/// A column that a row may lack.
pub const fn maybe(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: true }
}

impl Table {
    /// The version of its schema, in the metadata `ekv-fleet.schema` of every part.
    pub fn version(&self) -> String {
        format!("ekv-fleet/{}/v1", self.name)
    }

    /// Where its parts are, below the results.
    pub fn place(&self) -> String {
        format!("{}/v1/", self.name)
    }

    /// Its columns.
    pub fn schema(&self) -> Schema {
        let field = |column: &Column| {
            let kind = match column.kind {
                Kind::Text => DataType::Utf8,
                Kind::Number => DataType::UInt64,
                Kind::Truth => DataType::Boolean,
            };
            Field::new(column.name, kind, column.nullable)
        };
        let fields: Vec<_> = self.columns.iter().map(field).collect();
        Schema::new(fields).with_metadata([("ekv-fleet.schema".to_owned(), self.version())].into())
    }

    /// Rows as the bytes of a part. The same rows always make the same bytes.
    ///
    /// # Errors
    ///
    /// When a row does not fit the columns.
    pub fn encode(&self, rows: &[Vec<Value>]) -> Result<Vec<u8>, ParquetError> {
        let schema = Arc::new(self.schema());
        let mut columns = Vec::new();
        for (at, column) in self.columns.iter().enumerate() {
            columns.push(array(column.kind, rows.iter().map(|row| row.get(at).unwrap_or(&Value::Null))));
        }
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, schema, Some(properties))?;
        writer.write(&batch)?;
        writer.close()?;
        Ok(bytes)
    }
}

/// A value of another kind than the column's counts as none, which a column that every row has refuses.
fn array<'v>(kind: Kind, values: impl Iterator<Item = &'v Value>) -> ArrayRef {
    match kind {
        Kind::Text => Arc::new(
            values.map(|value| if let Value::Text(text) = value { Some(text.as_str()) } else { None }).collect::<StringArray>(),
        ),
        Kind::Number => Arc::new(
            values.map(|value| if let Value::Number(number) = value { Some(*number) } else { None }).collect::<UInt64Array>(),
        ),
        Kind::Truth => Arc::new(
            values.map(|value| if let Value::Truth(truth) = value { Some(*truth) } else { None }).collect::<BooleanArray>(),
        ),
    }
}

//! Writing parts: each under a name that nothing has.

use std::sync::Arc;

use ekv_tool::types::Sha256Sum;
use object_store::path::Path as Key;
use object_store::{PutMode, PutOptions};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::Results;
use super::row::{PartRow, batch, schema};
use crate::error::{Error, Result};
use crate::shard::Shard;
use crate::store::Trouble;

/// Names that are tried before something is wrong: others may write for the same shard.
const NAMES: u32 = 1000;

/// Writes the parts of one shard.
#[derive(Debug)]
pub struct PartWriter<'r> {
    results: &'r Results,
    shard: Shard,
    next: u32,
    held: Vec<PartRow>,
    /// Parts that were written.
    pub written: u32,
}

impl<'r> PartWriter<'r> {
    /// Parts of `shard`, of which there are `present` already.
    pub fn new(results: &'r Results, shard: Shard, present: usize) -> Self {
        Self { results, shard, next: u32::try_from(present).unwrap_or(0), held: Vec::new(), written: 0 }
    }

    /// Holds a row for the next part.
    pub fn push(&mut self, row: PartRow) {
        self.held.push(row);
    }

    /// Rows that are not written yet.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Writes a part of what is held. A part is never written over: where its name is taken, the next one is.
    pub async fn flush(&mut self) -> Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let failed = |why: String| Error::Store {
            address: self.results.shown().to_owned(),
            why: format!("a part of the results cannot be written: {why}"),
            hint: "what was written before stays; run the same command again when it can be",
        };
        let bytes = encode(&self.held).map_err(|_| failed("its rows make no Parquet".to_owned()))?;
        for _ in 0..NAMES {
            let name = format!("shard-{:05}-of-{:05}/{}", self.shard.number, self.shard.of, name(self.next, &bytes));
            self.next = self.next.saturating_add(1);
            let key = Key::parse(self.results.key(&name)).map_err(|_| failed("its place has no such key".to_owned()))?;
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            match self.results.objects.put_opts(&key, bytes.clone().into(), options).await {
                Ok(_) => {
                    self.held.clear();
                    self.written += 1;
                    return Ok(());
                }
                Err(error) => match Trouble::of(&error) {
                    Trouble::Exists | Trouble::Changed => {}
                    other => return Err(failed(other.words())),
                },
            }
        }
        Err(failed("every name for it is taken".to_owned()))
    }
}

/// The name of a part: its number, and the first half of its SHA-256, so that a damaged one is known before anything decodes it.
pub(super) fn name(number: u32, bytes: &[u8]) -> String {
    let digest = Sha256Sum::of(bytes).to_string();
    format!("{number:08}-{}.parquet", &digest[..32])
}

/// A part as bytes.
pub(super) fn encode(rows: &[PartRow]) -> Result<Vec<u8>, parquet::errors::ParquetError> {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, Arc::new(schema()), Some(properties))?;
    writer.write(&batch(rows)?)?;
    writer.close()?;
    Ok(bytes)
}

//! One sorted table of a store, read block by block.
//!
//! A [`Table`] opens a file, reads its footer, metaindex and properties, and from then on only the blocks on the way to
//! what is asked for. Every block's checksum is verified before anything in it is believed. What is wrong with the bytes
//! comes back as a [`TableProblem`] with its place; [`Error`] stands for what kept them from being read.

mod block;
mod index;
mod iter;
mod lookup;
mod open_scan;
mod problem;
mod source;
mod spans;
mod survey;
mod view;

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::formats::pebble::columnar::is_known_schema;
use crate::formats::pebble::sstable::footer::MAX_FOOTER_LEN;
use crate::formats::pebble::sstable::{Footer, Metaindex, Properties, TableFormat};
use crate::formats::pebble::version::COMPARER;
use crate::io::{FileStamp, OpenFile, Progress};
use crate::readers::source as files;

pub use iter::TableIter;
pub use lookup::PointVersion;
pub use open_scan::OpenScan;
pub use problem::{BlockKind, TableFailure, TableProblem, TableProblemKind, TableResult, separate};
pub use spans::{OwnedRangeDel, OwnedRangeKey};
pub use survey::{BlockTally, BoundsSeen, TableDepth, TableSurvey};
pub use view::TableView;

use problem::BlockKind as Kind;
use source::{BlockReader, Source};

/// An open table whose footer, metaindex and properties make sense.
///
/// The file may be unlinked while it is open: a finished table never changes, and an open one stays readable.
#[derive(Debug)]
pub struct Table {
    source: Source,
    size: u64,
    stamp: Option<FileStamp>,
    footer: Footer,
    metaindex: Metaindex,
    properties: Properties,
}

impl Table {
    /// Opens the table at `path`.
    pub fn open(path: &Path, source: &dyn files::Source) -> TableResult<Self> {
        Self::of_file(source.open(path)?)
    }

    /// The table in a file that is open.
    pub fn of_file(file: OpenFile) -> TableResult<Self> {
        let stamp = file.stamp();
        Self::from_source(Source::File { file: Arc::new(file), start: 0, len: stamp.size }, stamp.size, Some(stamp))
    }

    /// The table of `len` bytes that begins at `start` of an open file, which holds other things as well.
    pub fn part_of(file: &Arc<OpenFile>, start: u64, len: u64) -> TableResult<Self> {
        let (file, stamp) = (Arc::clone(file), file.stamp());
        Self::from_source(Source::File { file, start, len }, len, Some(stamp))
    }

    /// A table that is already in memory.
    pub fn from_bytes(bytes: Vec<u8>) -> TableResult<Self> {
        let size = bytes.len() as u64;
        Self::from_source(Source::Memory(bytes), size, None)
    }

    fn from_source(source: Source, size: u64, stamp: Option<FileStamp>) -> TableResult<Self> {
        let mut tail = [0; MAX_FOOTER_LEN];
        let tail_at = size.saturating_sub(tail.len() as u64);
        let read = source.fill(tail_at, &mut tail)?;
        let footer = Footer::decode(&tail[..read], size).map_err(|error| TableProblem::in_footer(tail_at, size, &error))?;
        let mut table = Self { source, size, stamp, footer, metaindex: Metaindex::default(), properties: Properties::default() };
        table.metaindex = table.read_metaindex()?;
        table.properties = table.read_properties()?;
        if !footer.format.has_row_blocks() && !is_known_schema(&table.properties.key_schema) {
            let schema = &table.properties.key_schema;
            let detail =
                format!("format {}: columnar, by the key schema {schema:?}, which this program does not know", footer.format);
            return Err(TableProblem::unsupported(detail, footer.offset, size - footer.offset).into());
        }
        Ok(table)
    }

    fn read_metaindex(&self) -> TableResult<Metaindex> {
        let handle = self.footer.metaindex;
        let mut reader = BlockReader::new(self, 0);
        let block = reader.read(Kind::Metaindex, handle)?;
        let metaindex = Metaindex::decode(self.footer.format, block)
            .map_err(|error| TableProblem::in_block(Kind::Metaindex, handle, &error))?;
        if let (Some(old), None) = (metaindex.range_del_v1, metaindex.range_del) {
            let detail = "range deletions in a form that no supported store writes";
            return Err(TableProblem::unsupported(detail, old.offset, old.len_with_trailer()).into());
        }
        Ok(metaindex)
    }

    fn read_properties(&self) -> TableResult<Properties> {
        let Some(handle) = self.metaindex.properties else {
            return if self.footer.format == TableFormat::LevelDb {
                Ok(Properties::default())
            } else {
                let detail = "does not name the properties, which every table has";
                Err(TableProblem::of_block(TableProblemKind::Structure, Kind::Metaindex, self.footer.metaindex, detail).into())
            };
        };
        let mut reader = BlockReader::new(self, 0);
        let block = reader.read(Kind::Properties, handle)?;
        let properties = Properties::decode(self.footer.format, block)
            .map_err(|error| TableProblem::in_block(Kind::Properties, handle, &error))?;
        if !properties.comparer.is_empty() && properties.comparer != COMPARER {
            let detail = format!("its keys are in the order of {:?}, which this program does not know", properties.comparer);
            return Err(TableProblem::unsupported(detail, handle.offset, handle.len_with_trailer()).into());
        }
        Ok(properties)
    }

    /// Bytes of the file.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// What the file looked like when it was opened; `None` for a table in memory.
    pub const fn stamp(&self) -> Option<FileStamp> {
        self.stamp
    }

    /// True if the file that is open no longer has the size, inode or modification time that it had.
    ///
    /// A finished table never changes; one that does is being overwritten by something else.
    pub fn changed(&self) -> bool {
        matches!(&self.source, Source::File { file, .. } if file.changed())
    }

    /// Format, checksum type and the two handles.
    pub const fn footer(&self) -> &Footer {
        &self.footer
    }

    /// The blocks beside data and index.
    pub const fn metaindex(&self) -> &Metaindex {
        &self.metaindex
    }

    /// What the table says about itself.
    pub const fn properties(&self) -> &Properties {
        &self.properties
    }

    fn two_levels(&self) -> bool {
        self.properties.index_type == crate::formats::pebble::sstable::IndexType::TwoLevel
    }
}

/// A table that is borrowed, or shared with others that read it.
#[derive(Debug, Clone)]
pub enum TableRef<'t> {
    /// Belongs to the caller.
    Borrowed(&'t Table),
    /// Lives as long as anybody needs it.
    Shared(Arc<Table>),
}

impl Deref for TableRef<'_> {
    type Target = Table;

    fn deref(&self) -> &Table {
        match self {
            Self::Borrowed(table) => table,
            Self::Shared(table) => table,
        }
    }
}

impl<'t> From<&'t Table> for TableRef<'t> {
    fn from(table: &'t Table) -> Self {
        Self::Borrowed(table)
    }
}

impl From<Arc<Table>> for TableRef<'_> {
    fn from(table: Arc<Table>) -> Self {
        Self::Shared(table)
    }
}

/// Fails with [`Error::Interrupted`] when the user wants to stop.
fn check_interrupt(progress: &dyn Progress) -> Result<()> {
    if progress.interrupted() { Err(Error::Interrupted) } else { Ok(()) }
}

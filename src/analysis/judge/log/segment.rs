//! The segment that findings are about.

use crate::analysis::Finding;
use crate::readers::wal::SegmentScan;
use crate::types::ServerVersion;

/// A segment as one server reads it, for whoever finds something in it.
#[derive(Clone, Copy)]
pub(super) struct JudgedSegment<'a> {
    pub path: &'a str,
    pub segment: &'a SegmentScan,
    pub engine: ServerVersion,
    /// Whether it is the last segment, the only one that the server repairs.
    pub last: bool,
}

impl JudgedSegment<'_> {
    /// True for a copy that repair kept: no start reads it.
    pub(super) fn is_set_aside(&self) -> bool {
        self.segment.is_set_aside()
    }

    pub(super) fn finding(&self, code: &'static crate::analysis::judge::codes::CodeInfo, message: impl Into<String>) -> Finding {
        Finding::new(code, message).at(self.path)
    }
}

/// The name of a segment in reports.
pub(super) fn path_of(prefix: &str, segment: &SegmentScan) -> String {
    if prefix.is_empty() { segment.file.file_name.clone() } else { format!("{prefix}/{}", segment.file.file_name) }
}

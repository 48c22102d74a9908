//! Archives of dumps of the offline tools.

use serde_json::json;

use super::Description;
use crate::analysis::Severity;
use crate::analysis::judge::dump::judge_dump;
use crate::readers::dump::examine_dump_archive;
use crate::types::ByteSize;

/// Archives up to this size are read whole.
const WHOLE: usize = 64 << 20;

pub(super) fn archive(page: &mut Description, path: &str, bytes: &[u8]) {
    if bytes.len() > WHOLE {
        page.coverage.skipped("what is in the archive", "it is large; verify-snapshot reads it");
        return;
    }
    let Some(facts) = examine_dump_archive(bytes, &mut |_| true) else { return };
    // The page counts the file itself.
    let before = (page.coverage.files, page.coverage.bytes_examined);
    let judged = judge_dump(path, &facts, &mut page.coverage);
    (page.coverage.files, page.coverage.bytes_examined) = before;
    page.plain("files", facts.files);
    page.fact("content_bytes", facts.content_bytes, ByteSize(facts.content_bytes));
    if let Some(manifest) = &judged.manifest {
        page.plain("phase", manifest.phase.name());
        page.plain("cluster", manifest.cluster_id.clone());
        page.plain("snapshot_index", manifest.snapshot_index);
        page.plain("made_at", manifest.wall_time.clone());
    }
    let wrong = judged.findings.iter().any(|finding| finding.severity == Severity::Error);
    let nothing = if wrong { "not known" } else { "nothing" };
    let says = judged.error.clone().unwrap_or_else(|| nothing.to_owned());
    page.fact("tool_error", json!(judged.error), says);
    page.findings.extend(judged.findings);
}

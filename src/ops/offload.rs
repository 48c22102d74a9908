//! Offloaded snapshots: what is read of a store for `verify-snapshot`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::verify_snapshot::VerifySnapshotOptions;
use crate::analysis::judge::offload::{
    LonePayload, OffloadRequest, OffloadStoreView, VerifiedOffload, VerifiedStore, payloads_wanted, verify_lone, verify_store,
};
use crate::analysis::judge::snapshot::Examined;
use crate::analysis::{Coverage, Finding};
use crate::error::{Error, Result};
use crate::formats::offload::payload_digest;
use crate::io::{EntryKind, IoOptions, now};
use crate::readers::locate::StorePlace;
use crate::readers::offload::{OffloadStore, read_object};
use crate::readers::source::Run;
use crate::readers::source::Source;

/// How long a publish may take before its payload without a manifest is garbage.
const GRACE: Duration = Duration::from_secs(24 * 3600);

/// What was found in the stores of a run.
#[derive(Debug, Default)]
pub(super) struct Verified {
    pub offloads: Vec<VerifiedOffload>,
    pub stores: Vec<OffloadStoreView>,
    pub payloads: Vec<LonePayload>,
    pub findings: Vec<Finding>,
    pub coverage: Coverage,
}

impl Verified {
    /// Reads and judges what stands at `path`.
    pub fn add(
        &mut self,
        path: &Path,
        place: &StorePlace,
        options: &VerifySnapshotOptions,
        io: IoOptions,
        run: &Run<'_>,
    ) -> Result<()> {
        let mut store = match place {
            StorePlace::Payloads => return self.lone(path, options, io, run),
            StorePlace::Store => OffloadStore::read(path, run)?,
            StorePlace::Manifest { root, below } => OffloadStore::of_manifest(root, below, run)?,
        };
        store.read_payloads(&payloads_wanted(&store, options.newest), options.depth, io, run)?;
        let grace = options.grace.unwrap_or(GRACE);
        let request = OffloadRequest {
            depth: options.depth,
            newest: options.newest,
            now: now().unwrap_or_default(),
            grace_ms: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
            since: None,
        };
        let VerifiedStore { offloads, store, findings, coverage } = verify_store(store, &request);
        self.offloads.extend(offloads);
        self.stores.extend(store);
        self.findings.extend(findings);
        self.coverage.absorb(coverage);
        Ok(())
    }

    /// Payloads by themselves: one, or a folder of them.
    fn lone(&mut self, path: &Path, options: &VerifySnapshotOptions, io: IoOptions, run: &Run<'_>) -> Result<()> {
        let files: Vec<PathBuf> = if run.source.kind_at(path) == Some(EntryKind::Directory) {
            let entries = run.source.list(path)?;
            let others = entries.iter().filter(|entry| payload_digest(&entry.name).is_none()).count();
            if others > 0 {
                let what = format!("{others} other entries of {}", path.display());
                self.coverage.skipped(what, "their names are no digests; name the directory of the store");
            }
            entries.iter().filter(|entry| payload_digest(&entry.name).is_some()).map(|entry| path.join(&entry.name)).collect()
        } else {
            vec![path.to_owned()]
        };
        for file in files {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let Some(digest) = payload_digest(&name) else { continue };
            let size = run.source.openable_size(&file);
            let read = read_object(&file, options.depth.examine(size), &io, run)?;
            let Examined { view, findings, coverage } = verify_lone(&file.display().to_string(), digest, &read, options.depth);
            self.payloads.push(view);
            self.findings.extend(findings);
            self.coverage.also_left_out(coverage.not_examined);
            (self.coverage.files, self.coverage.bytes_examined) =
                (self.coverage.files + coverage.files, self.coverage.bytes_examined + coverage.bytes_examined);
        }
        Ok(())
    }
}

/// A path as the file system takes it: `file://` is taken off, another store's address is refused.
pub(super) fn local_path(path: &Path, source: &dyn Source) -> Result<PathBuf> {
    let Some(text) = path.to_str() else { return Ok(path.to_owned()) };
    if let Some(rest) = text.strip_prefix("file://") {
        let rest = rest.strip_prefix("localhost").filter(|rest| rest.starts_with('/')).unwrap_or(rest);
        if !rest.starts_with('/') {
            return Err(Error::Usage(format!("{text}: file:// is followed by a path that begins with a slash")));
        }
        return percent_decoded(rest)
            .map(PathBuf::from)
            .ok_or_else(|| Error::Usage(format!("{text}: % is not followed by two hex digits of a text")));
    }
    let scheme = text.split_once("://").map(|(scheme, _)| scheme).filter(|_| source.kind_at(path).is_none());
    match scheme {
        Some("s3" | "gs" | "az" | "http" | "https") => {
            Err(Error::Usage(format!("{text}: only directories are read; mount the bucket or copy it, and name the directory")))
        }
        _ => Ok(path.to_owned()),
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
            bytes.push(u8::try_from(digit()? * 16 + digit()?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::Local;

    #[test]
    fn addresses_become_paths() {
        let local = |text: &str| local_path(Path::new(text), &Local).map(|path| path.display().to_string()).map_err(|_| ());
        assert_eq!(local("/a/b"), Ok("/a/b".to_owned()));
        assert_eq!(local("file:///a%20b/%25"), Ok("/a b/%".to_owned()));
        assert_eq!(local("file://localhost/a"), Ok("/a".to_owned()));
        for wrong in ["file://a", "file:///%", "file:///%zz", "file:///%ff", "s3://bucket/prefix"] {
            assert_eq!(local(wrong), Err(()), "{wrong}");
        }
    }
}

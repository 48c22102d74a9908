//! Payloads of a store that is a directory.

use std::path::{Path, PathBuf};

use ekv_tool::Run;
use ekv_tool::analysis::Coverage;
use ekv_tool::io::IoOptions;
use ekv_tool::readers::Depth;
use ekv_tool::readers::offload::{ObjectRead, OffloadStore, read_object};
use ekv_tool::types::FileIdentity;
use tokio::sync::mpsc;

use super::{Done, Work};
use crate::error::Result;
use crate::store::Listed;

/// The payloads below a directory, and what it stands for in the keys of its store: manifests, which are decoded on the way, say that.
pub(super) fn list(path: &Path, coverage: &mut Coverage) -> Result<(Vec<Listed>, String)> {
    let run = Run::local();
    let store = OffloadStore::read(path, &run)?;
    for (key, why) in &store.unlisted {
        coverage.missing(path.join(key).display().to_string(), why.clone());
    }
    let payloads = store.payloads.iter().filter(|(_, payload)| payload.listed);
    let listed = payloads.filter_map(|(key, _)| Some(listed(key, &store.path_of(key)?, &run))).collect();
    Ok((listed, store.base))
}

/// A file as a listing would name it.
pub(crate) fn listed(key: &str, path: &Path, run: &Run<'_>) -> Listed {
    Listed {
        key: key.to_owned(),
        size: run.source.stamp_at(path).map_or(0, |stamp| stamp.size),
        modified: run.source.modified_at(path),
        e_tag: run.source.open(path).ok().and_then(|file| file.identity()).map(|file| e_tag(&file)),
    }
}

/// What names the bytes of a file as long as nobody writes it: no file system has a better one. The time of the last change of the inode
/// is the one that no program can set.
fn e_tag(file: &FileIdentity) -> String {
    let FileIdentity { dev, ino, size, mtime_ns, ctime_ns } = file;
    format!("\"{dev:x}-{ino:x}-{size:x}-{mtime_ns}-{ctime_ns}\"")
}

/// Reads the payloads one after the other, as `ekv-tool verify-snapshot` does.
pub(super) fn read(root: PathBuf, work: Vec<Work>, depth: Depth) -> mpsc::Receiver<Done> {
    let (done, answers) = mpsc::channel(16);
    tokio::task::spawn_blocking(move || {
        let run = Run::local();
        let Ok(store) = OffloadStore::read(&root, &run) else { return };
        for (number, work) in work.iter().enumerate() {
            let path = store.path_of(&work.object.key).unwrap_or_else(|| root.join(&work.object.key));
            let before = work.object.e_tag.as_deref();
            let read = read_object(&path, depth.examine(work.object.size), &IoOptions::default(), &run);
            let read = match read {
                // The row goes by what the file was when it was listed.
                Ok(ObjectRead::Object(_)) if listed(&work.object.key, &path, &run).e_tag.as_deref() != before => {
                    ObjectRead::Unreadable("it changed since it was listed".to_owned())
                }
                Ok(read) => read,
                Err(error) => ObjectRead::Unreadable(error.reason()),
            };
            if done.blocking_send(Done { number, read }).is_err() {
                return;
            }
        }
    });
    answers
}

//! The recorded stores of the main package, unpacked once a run.

use std::fs;
use std::io::{Cursor, Read as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use liblzma::read::XzDecoder;

/// The directory of the main package.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// `fixtures/offload.tar.xz`: a store, what crashes of a publish leave, manifests that the server refuses or not.
pub fn offload() -> &'static Path {
    static OFFLOAD: OnceLock<tempfile::TempDir> = OnceLock::new();
    OFFLOAD.get_or_init(|| unpacked("offload.tar.xz", &[])).path()
}

/// Those of `fixtures/real.tar.xz` with several nodes: directories of clusters that ran, `SET/NODE`.
pub fn real() -> &'static Path {
    static REAL: OnceLock<tempfile::TempDir> = OnceLock::new();
    let sets = ["lag-M", "membership-M", "membership-M-H1-after", "sticky-P", "three-M"];
    REAL.get_or_init(|| unpacked("real.tar.xz", &sets)).path()
}

/// The directories of `sets`, or all when none is named.
fn unpacked(name: &str, sets: &[&str]) -> tempfile::TempDir {
    let packed = fs::read(root().join("fixtures").join(name)).unwrap();
    let mut tar = Vec::new();
    XzDecoder::new(Cursor::new(packed)).read_to_end(&mut tar).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for entry in tar::Archive::new(Cursor::new(tar)).entries().unwrap() {
        let mut entry = entry.unwrap();
        let set = entry.path().unwrap().iter().next().map(|set| set.to_string_lossy().into_owned()).unwrap_or_default();
        if sets.is_empty() || sets.contains(&set.as_str()) {
            entry.unpack_in(dir.path()).unwrap();
        }
    }
    dir
}

/// Every file below a directory, by its path below it.
pub fn files(dir: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(at) = waiting.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                found.push((path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned(), path));
            }
        }
    }
    found.sort();
    found
}

/// A copy of a directory.
pub fn copy(from: &Path, to: &Path) {
    for (name, path) in files(from) {
        let target = to.join(name);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(path, target).unwrap();
    }
}

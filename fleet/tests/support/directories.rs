//! Stores that are directories, as a test wants them.

use std::fs;
use std::path::Path;

use ekv_tool::types::Sha256Sum;

use super::recorded::{copy, offload};

/// A payload of the recorded store.
pub const PAYLOAD: &str = "prod/east/v1/payloads/sha256/af/afb01ff4599dce111b8dbdc61876743eb86786d2dcdf80384a0312b897f8271a.fsm";

/// The recorded store with one payload damaged.
pub fn damaged() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy(&offload().join("local"), dir.path());
    let at = dir.path().join(PAYLOAD);
    let mut bytes = fs::read(&at).unwrap();
    bytes[100] ^= 1;
    fs::write(at, bytes).unwrap();
    dir
}

/// Writes so many small payloads below `prefix`.
pub fn small_payloads(prefix: &Path, count: usize) {
    for number in 0..count {
        let bytes = format!("EKVPBBL1{number:08}");
        let digest = Sha256Sum::of(bytes.as_bytes()).to_string();
        let at = prefix.join(format!("v1/payloads/sha256/{}", &digest[..2]));
        fs::create_dir_all(&at).unwrap();
        fs::write(at.join(format!("{digest}.fsm")), bytes).unwrap();
    }
}

//! Recorded data directories, unpacked once for all tests and all runs.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use liblzma::read::XzDecoder;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// An archive of data directories with what is known about each.
pub struct Recorded {
    /// Where the archive is unpacked; shared between tests, so nothing may be written below it.
    pub root: PathBuf,
    /// What the server did, by the name of the directory below [`Recorded::root`].
    pub expected: BTreeMap<String, Value>,
}

/// One group directory of an archive.
#[derive(Clone)]
pub struct Case<'r> {
    /// Name of the directory in the archive.
    pub name: &'r str,
    /// The group directory, relative to the named one.
    pub group: &'r str,
    /// The group directory itself.
    pub dir: PathBuf,
    /// What is known about this group.
    pub expected: &'r Value,
}

/// Prepared and damaged directories of one node with small segments.
pub fn cases() -> &'static Recorded {
    static CASES: OnceLock<Recorded> = OnceLock::new();
    CASES.get_or_init(|| Recorded::open("cases"))
}

/// Nodes and clusters as the server left them.
pub fn real() -> &'static Recorded {
    static REAL: OnceLock<Recorded> = OnceLock::new();
    REAL.get_or_init(|| Recorded::open("real"))
}

/// A store of offloaded snapshots, what crashes of a publish leave, and manifests that the server refuses or not.
pub fn offload() -> &'static Recorded {
    static OFFLOAD: OnceLock<Recorded> = OnceLock::new();
    OFFLOAD.get_or_init(|| Recorded::open("offload"))
}

/// Directories of new kinds: membership changes, a lone voter's end of the log, kills at the n-th system call, links, state
/// files, stores of many shapes.
pub fn fresh() -> &'static Recorded {
    static FRESH: OnceLock<Recorded> = OnceLock::new();
    FRESH.get_or_init(|| Recorded::open("fresh"))
}

/// Encrypted nodes with sidecar and key, started with and without them.
pub fn fresh_enc() -> &'static Recorded {
    static FRESH: OnceLock<Recorded> = OnceLock::new();
    FRESH.get_or_init(|| Recorded::open("fresh-enc"))
}

/// Nodes of hashicorp/raft, healthy and damaged.
pub fn hashi() -> &'static Recorded {
    static HASHI: OnceLock<Recorded> = OnceLock::new();
    HASHI.get_or_init(|| Recorded::open("hashi"))
}

/// Members of etcd 3.4.23: one with requests of every kind, and a cluster of three.
pub fn etcd() -> &'static Recorded {
    static ETCD: OnceLock<Recorded> = OnceLock::new();
    ETCD.get_or_init(|| Recorded::open("etcd"))
}

impl Recorded {
    fn open(name: &str) -> Self {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let archive = fs::read(fixtures.join(format!("{name}.tar.xz"))).unwrap();
        let record = fs::read(fixtures.join(format!("{name}.json"))).unwrap();
        let key: String = Sha256::digest(&archive)[..8].iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{key}"));
        if !root.exists() {
            let unfinished = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap().keep();
            unpack(&archive, &unfinished);
            // Another process may have been faster; its result is as good.
            if fs::rename(&unfinished, &root).is_err() {
                fs::remove_dir_all(&unfinished).unwrap();
            }
        }
        Self { root, expected: serde_json::from_slice(&record).unwrap() }
    }

    /// Every group directory whose outcome is recorded, in the order of the names.
    pub fn groups(&self) -> Vec<Case<'_>> {
        let mut all = Vec::new();
        for (name, expected) in &self.expected {
            match expected.get("groups").and_then(Value::as_object) {
                Some(groups) => all.extend(groups.iter().map(|(group, expected)| self.case(name, group, expected))),
                None => all.push(self.case(name, "n1", expected)),
            }
        }
        all
    }

    fn case<'r>(&'r self, name: &'r str, group: &'r str, expected: &'r Value) -> Case<'r> {
        Case { name, group, dir: self.root.join(name).join(group), expected }
    }

    /// Runs `check` on every group directory and fails once, with every disagreement.
    pub fn for_each_group(&self, mut check: impl FnMut(&Case<'_>) -> Result<(), String>) {
        let groups = self.groups();
        assert!(groups.len() > 10, "the archive is nearly empty");
        let wrong: Vec<_> = groups
            .iter()
            .filter_map(|case| check(case).err().map(|why| format!("{} {}: {why}", case.name, case.group)))
            .collect();
        assert!(wrong.is_empty(), "{} of {} disagree:\n{}", wrong.len(), groups.len(), wrong[..wrong.len().min(20)].join("\n"));
    }
}

/// Unpacks regular files and directories. Blocks of zeros become holes: most of a real log segment is preallocated.
fn unpack(archive: &[u8], to: &Path) {
    let mut tar = tar::Archive::new(BufReader::with_capacity(1 << 20, XzDecoder::new(archive)));
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = to.join(entry.path().unwrap());
        assert!(path.starts_with(to) && !path.components().any(|part| part.as_os_str() == ".."), "{}", path.display());
        if entry.header().entry_type().is_dir() {
            fs::create_dir_all(&path).unwrap();
            continue;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if entry.header().entry_type().is_symlink() {
            let target = entry.link_name().unwrap().unwrap();
            assert!(target.is_relative(), "{}", path.display());
            std::os::unix::fs::symlink(target, &path).unwrap();
            continue;
        }
        if entry.header().entry_type().is_hard_link() {
            let other = entry.link_name().unwrap().unwrap();
            assert!(other.components().all(|part| matches!(part, std::path::Component::Normal(_))), "{}", path.display());
            fs::hard_link(to.join(other), &path).unwrap();
            continue;
        }
        assert!(entry.header().entry_type().is_file(), "{}", path.display());
        write_sparse(&mut entry, &path);
    }
}

fn write_sparse(from: &mut impl Read, path: &Path) {
    const BLOCK: usize = 64 << 10;
    static ZEROS: [u8; BLOCK] = [0; BLOCK];
    let mut file = File::create(path).unwrap();
    let mut block = vec![0; BLOCK];
    let mut len = 0_u64;
    loop {
        let mut filled = 0;
        while filled < BLOCK {
            match from.read(&mut block[filled..]).unwrap() {
                0 => break,
                read => filled += read,
            }
        }
        if block[..filled] == ZEROS[..filled] {
            file.seek(SeekFrom::Current(i64::try_from(filled).unwrap())).unwrap();
        } else {
            file.write_all(&block[..filled]).unwrap();
        }
        len += filled as u64;
        if filled < BLOCK {
            break;
        }
    }
    file.set_len(len).unwrap();
}

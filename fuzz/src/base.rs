//! Small group directories of the fixtures, in memory.

use std::io::Read;
use std::path::PathBuf;
use std::sync::OnceLock;

use liblzma::read::XzDecoder;

/// A directory larger than this is left out: it would only slow the search down.
const MAX_BYTES: usize = 24 << 10;

/// One group directory.
#[derive(Debug, Clone, Default)]
pub struct Base {
    /// Name of the prepared directory.
    pub name: String,
    /// Path below the group directory, and content.
    pub files: Vec<(PathBuf, Vec<u8>)>,
}

impl Base {
    fn size(&self) -> usize {
        self.files.iter().map(|(_, bytes)| bytes.len()).sum()
    }
}

/// Every prepared directory of the fixtures that is small and has files, in the order of the archive.
pub fn bases() -> &'static [Base] {
    static BASES: OnceLock<Vec<Base>> = OnceLock::new();
    BASES.get_or_init(|| {
        let archive = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/cases.tar.xz");
        let mut tar = tar::Archive::new(XzDecoder::new(std::fs::File::open(archive).unwrap()));
        let mut all: Vec<Base> = Vec::new();
        for entry in tar.entries().unwrap() {
            let mut entry = entry.unwrap();
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let path = entry.path().unwrap().into_owned();
            let mut parts = path.components().filter(|part| !matches!(part, std::path::Component::CurDir));
            let name = parts.next().unwrap().as_os_str().to_str().unwrap().to_owned();
            // The node's directory is the group's.
            let file: PathBuf = parts.skip(1).collect();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            match all.last_mut() {
                Some(base) if base.name == name => base.files.push((file, bytes)),
                _ => all.push(Base { name, files: vec![(file, bytes)] }),
            }
        }
        all.retain(|base| base.size() <= MAX_BYTES);
        assert!(all.len() > 100, "the archive is nearly empty");
        all
    })
}

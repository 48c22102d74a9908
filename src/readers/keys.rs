//! The key sidecar and the KEK file, read as a server with encryption reads them.
//!
//! Key material goes from the file into [`SecretKey`] and nowhere else. Before the first byte of it is read, core dumps are
//! switched off. What is wrong with a file is told by its mode and size, never by its content.

use std::fmt;
use std::path::{Path, PathBuf};

use super::source::Source;
use crate::crypto::{KEY_LEN, Keyring, OpenError, Opened, SecretKey, open_raft, open_value};
use crate::error::Error;
use crate::formats::sidecar::{Sidecar, SidecarError};
use crate::io::keep_out_of_core_dumps;
use crate::types::LogIndex;

/// Larger than any sidecar.
const SIDECAR_LIMIT: u64 = 16 << 20;

/// What stands at the sidecar's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SidecarFile {
    /// Nothing: a server that was not given keys yet starts without.
    Absent,
    /// A sidecar that the server accepts.
    Read(Sidecar),
    /// One that it refuses.
    Refused(SidecarError),
    /// It could not be read; the reason.
    Unreadable(String),
}

/// Why the server refuses a KEK file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KekProblem {
    /// Group or others have rights on it.
    Insecure {
        /// The path as given.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// Not 32 bytes.
    Size {
        /// The path as given.
        path: String,
        /// Its size.
        len: u64,
    },
    /// Not a regular file, or not there.
    Unusable {
        /// The path as given.
        path: String,
        /// What it is, or what the system said.
        why: String,
    },
}

impl KekProblem {
    /// The server's own name, or the text that it is known by.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Insecure { .. } => "ErrInsecureKEKFile",
            Self::Size { .. } | Self::Unusable { .. } => "kek: file",
        }
    }
}

/// The server's text.
impl fmt::Display for KekProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Insecure { path, mode } => {
                write!(f, "kek: file is group/world-accessible: path={path:?} mode={mode:#o}")
            }
            Self::Size { path, len } => write!(f, "kek: file {path:?} is {len} bytes, want exactly {KEY_LEN}"),
            Self::Unusable { path, why } => write!(f, "kek: file {path:?}: {why}"),
        }
    }
}

/// The key encryption key.
pub enum Kek {
    /// None was given.
    NotGiven,
    /// The server would not take the file.
    Refused(KekProblem),
    /// At hand.
    Key(SecretKey),
}

/// Says which case it is; never a byte of a key.
impl fmt::Debug for Kek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGiven => f.write_str("NotGiven"),
            Self::Refused(problem) => f.debug_tuple("Refused").field(problem).finish(),
            Self::Key(_) => f.write_str("Key(..)"),
        }
    }
}

/// Sidecar and KEK of one node, and what the one opens in the other.
#[derive(Debug)]
pub struct Keys {
    /// The sidecar's path as given.
    pub path: PathBuf,
    /// What stands there.
    pub sidecar: SidecarFile,
    /// The key encryption key.
    pub kek: Kek,
    /// Data keys that opened, retired ones too.
    pub ring: Keyring,
    /// Wrapped keys that did not open under the KEK, by ascending id.
    pub closed: Vec<(u32, OpenError)>,
}

impl Keys {
    /// Reads both files. Nothing that is wrong with them is an error here: it decides what a start does.
    pub fn read(sidecar: &Path, kek: Option<&Path>, source: &dyn Source) -> Self {
        let file = read_sidecar(sidecar, source);
        let kek = kek.map_or(Kek::NotGiven, |kek| read_kek(kek, source));
        let mut keys = Self { path: sidecar.to_owned(), sidecar: file, kek, ring: Keyring::default(), closed: Vec::new() };
        if let (SidecarFile::Read(sidecar), Kek::Key(kek)) = (&keys.sidecar, &keys.kek) {
            for (id, key) in sidecar.keys_by_id() {
                if let Err(error) = keys.ring.add(id, &key.wrapped, kek) {
                    keys.closed.push((id, error));
                }
            }
        }
        keys
    }

    /// The sidecar, if it is one that the server accepts.
    pub const fn accepted(&self) -> Option<&Sidecar> {
        match &self.sidecar {
            SidecarFile::Read(sidecar) => Some(sidecar),
            _ => None,
        }
    }

    /// The raft envelope cutover: that of the sidecar, or 0 where there is none yet. `None` for a sidecar that the server refuses
    /// or that cannot be read.
    pub const fn cutover(&self) -> Option<LogIndex> {
        match &self.sidecar {
            SidecarFile::Read(sidecar) => Some(sidecar.raft_envelope_cutover_index),
            SidecarFile::Absent => Some(LogIndex(0)),
            SidecarFile::Refused(_) | SidecarFile::Unreadable(_) => None,
        }
    }

    /// True when there is a KEK that the server takes.
    pub const fn has_kek(&self) -> bool {
        matches!(self.kek, Kek::Key(_))
    }

    /// True when the KEK opens every key of an accepted sidecar.
    pub fn opens(&self) -> bool {
        self.has_kek() && self.accepted().is_some() && self.closed.is_empty()
    }

    /// The path as texts name it.
    pub fn display(&self) -> String {
        self.path.display().to_string()
    }
}

/// Keys for looking into what is sealed. Unlike a start, which is forecast whatever is wrong with its keys, this needs them.
#[derive(Debug)]
pub struct Opener {
    keys: Keys,
    /// Whether clear text is shown; else only what it is.
    pub shows_values: bool,
}

impl Opener {
    /// Reads both files. `Err`: they do not open each other.
    pub fn read(sidecar: &Path, kek: &Path, shows_values: bool, source: &dyn Source) -> Result<Self, Error> {
        let keys = Keys::read(sidecar, Some(kek), source);
        let unsuitable = |path: &Path, problem: String| Error::Unsuitable {
            path: path.to_owned(),
            problem,
            hint: "--sidecar takes the server's keys.json, --kek the file of --kekFile".to_owned(),
        };
        let wrong = match (&keys.sidecar, &keys.kek) {
            (SidecarFile::Absent, _) => Some((sidecar, "is not there".to_owned())),
            (SidecarFile::Refused(error), _) => Some((sidecar, format!("is no key sidecar that a server takes: {error}"))),
            (SidecarFile::Unreadable(why), _) => Some((sidecar, format!("cannot be read: {why}"))),
            (_, Kek::Refused(problem)) => Some((kek, format!("is no key that a server takes: {problem}"))),
            (SidecarFile::Read(_), Kek::NotGiven) => Some((kek, "holds no key".to_owned())),
            (SidecarFile::Read(_), Kek::Key(_)) => {
                let first = keys.closed.first();
                first.map(|(id, error)| (kek, format!("does not open key {id} of {}: {error}", sidecar.display())))
            }
        };
        match wrong {
            Some((path, problem)) => Err(unsuitable(path, problem)),
            None => Ok(Self { keys, shows_values }),
        }
    }

    /// The keys themselves.
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The raft envelope cutover, 0 for none.
    pub fn cutover(&self) -> LogIndex {
        self.keys.cutover().unwrap_or_default()
    }

    /// Opens the payload of a sealed proposal.
    pub fn entry(&self, payload: &[u8]) -> Result<Opened, OpenError> {
        open_raft(&self.keys.ring, payload)
    }

    /// Opens the value of a sealed row; key and value as stored.
    pub fn row(&self, key: &[u8], value: &[u8]) -> Result<Opened, OpenError> {
        open_value(&self.keys.ring, key, value)
    }
}

/// True for what may be a KEK, also with a line break behind it.
pub fn looks_like_key(bytes: &[u8]) -> bool {
    (KEY_LEN..=KEY_LEN + 2).contains(&bytes.len()) && bytes.first() != Some(&b'{')
}

fn read_sidecar(path: &Path, source: &dyn Source) -> SidecarFile {
    match source.read_small(path, SIDECAR_LIMIT) {
        // What a parser says of its first bytes would be bytes of a key.
        Ok(file) if looks_like_key(&file.bytes) => {
            SidecarFile::Unreadable("it is as long as a key and no JSON; --kek takes that file".to_owned())
        }
        Ok(file) => match Sidecar::parse(&file.bytes) {
            Ok(sidecar) => SidecarFile::Read(sidecar),
            Err(error) => SidecarFile::Refused(error),
        },
        Err(error) if error.is_not_found() => SidecarFile::Absent,
        Err(error) => SidecarFile::Unreadable(error.reason()),
    }
}

/// The checks of the server in their order: a regular file, no rights for others, exactly 32 bytes.
fn read_kek(path: &Path, source: &dyn Source) -> Kek {
    keep_out_of_core_dumps();
    let shown = path.display().to_string();
    let unusable = |error: &Error| KekProblem::Unusable { path: shown.clone(), why: error.reason() };
    let file = match source.open(path) {
        Ok(opened) => opened,
        Err(error) => return Kek::Refused(unusable(&error)),
    };
    let (access, len) = match file.access().and_then(|access| Ok((access, file.now()?.size))) {
        Ok(found) => found,
        Err(error) => return Kek::Refused(unusable(&error)),
    };
    if access.mode & 0o077 != 0 {
        return Kek::Refused(KekProblem::Insecure { path: shown, mode: access.mode });
    }
    if len != KEY_LEN as u64 {
        return Kek::Refused(KekProblem::Size { path: shown, len });
    }
    let mut bytes = [0; KEY_LEN];
    match file.fill_at(0, &mut bytes) {
        Ok(KEY_LEN) => SecretKey::take(&mut bytes).map_or(Kek::NotGiven, Kek::Key),
        Ok(_) => Kek::Refused(KekProblem::Unusable { path: shown, why: "failed to fill whole buffer".to_owned() }),
        Err(error) => Kek::Refused(unusable(&error)),
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "these tests make what they read")]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::readers::Local;

    fn kek_file(bytes: &[u8], mode: u32) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kek.bin");
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (dir, path)
    }

    #[test]
    fn a_kek_file_is_32_bytes_that_nobody_else_can_read() {
        let problem = |bytes: &[u8], mode| match read_kek(&kek_file(bytes, mode).1, &Local) {
            Kek::Refused(problem) => Some((problem.name(), problem.to_string())),
            _ => None,
        };
        assert!(problem(&[7; 32], 0o600).is_none());
        assert!(problem(&[7; 32], 0o400).is_none());
        for mode in [0o640, 0o604, 0o660, 0o777] {
            assert_eq!(problem(&[7; 32], mode).unwrap().0, "ErrInsecureKEKFile");
        }
        for len in [0, 31, 33, 64] {
            let (_, text) = problem(&vec![7; len], 0o600).unwrap();
            assert!(text.ends_with(&format!("is {len} bytes, want exactly 32")), "{text}");
        }
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(read_kek(dir.path(), &Local), Kek::Refused(KekProblem::Unusable { .. })));
        assert!(matches!(read_kek(&dir.path().join("none"), &Local), Kek::Refused(KekProblem::Unusable { .. })));
    }

    #[test]
    fn what_is_printed_holds_no_key() {
        let keys =
            Keys::read(Path::new("/nowhere/keys.json"), Some(&kek_file(b"0123456789abcdef0123456789abcdef", 0o600).1), &Local);
        let printed = format!("{keys:?}");
        assert!(!printed.contains("0123456789") && !printed.contains("48, 49, 50"), "{printed}");
        assert_eq!(keys.sidecar, SidecarFile::Absent);
    }
}

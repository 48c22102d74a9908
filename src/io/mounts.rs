//! Other paths of one directory: what a bind mount shows a second time.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where the system lists what is mounted in the view of this process (proc(5), `mountinfo`).
const MOUNTS: &str = "/proc/self/mountinfo";

/// One line of the list.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    /// Device number as the list spells it.
    device: String,
    /// The directory of the file system that is shown.
    root: PathBuf,
    /// Where it is shown.
    point: PathBuf,
}

/// Other paths under which the directory at the canonical path `dir` can be reached. Each is checked to be the same
/// directory. Empty where the system has no list of mounts.
pub fn other_paths(dir: &Path) -> Vec<PathBuf> {
    let Ok(list) = fs::read(MOUNTS) else { return Vec::new() };
    let Some(id) = directory_id(dir) else { return Vec::new() };
    let mut paths = candidates(&parse(&list), dir);
    paths.retain(|path| directory_id(path) == Some(id));
    paths
}

/// What makes a directory the same one under every path: device and inode.
pub fn directory_id(dir: &Path) -> Option<(u64, u64)> {
    let meta = fs::metadata(dir).ok()?;
    meta.is_dir().then(|| (meta.dev(), meta.ino()))
}

fn candidates(mounts: &[Mount], dir: &Path) -> Vec<PathBuf> {
    // The deepest mount shows the path; of several at one place the last one.
    let Some(own) = mounts.iter().filter(|mount| dir.starts_with(&mount.point)).max_by_key(|m| m.point.as_os_str().len()) else {
        return Vec::new();
    };
    let Ok(below) = dir.strip_prefix(&own.point) else { return Vec::new() };
    let inside = own.root.join(below);
    let same_system = mounts.iter().filter(|mount| mount.device == own.device);
    let paths = same_system.filter_map(|mount| Some(mount.point.join(inside.strip_prefix(&mount.root).ok()?)));
    paths.filter(|path| path.components().ne(dir.components())).collect()
}

fn parse(list: &[u8]) -> Vec<Mount> {
    let line = |line: &[u8]| {
        let mut fields = line.split(|&byte| byte == b' ').skip(2);
        let device = String::from_utf8(fields.next()?.to_vec()).ok()?;
        Some(Mount { device, root: unescaped(fields.next()?).into(), point: unescaped(fields.next()?).into() })
    };
    list.split(|&byte| byte == b'\n').filter_map(line).collect()
}

/// Blanks and backslashes stand in the list as a backslash and three octal digits.
fn unescaped(field: &[u8]) -> OsString {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| byte == b'\\').and_then(|digits| str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(escaped) => {
                bytes.push(escaped);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &[u8] = b"22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
        40 22 8:17 / /srv/my\\040data rw - ext4 /dev/sdb1 rw\n\
        41 22 8:17 /n1/fsm.db /mnt/store rw shared:7 - ext4 /dev/sdb1 rw\n\
        42 22 0:30 / /proc rw - proc proc rw\n\
        broken line\n";

    fn paths(dir: &str) -> Vec<PathBuf> {
        candidates(&parse(LIST), Path::new(dir))
    }

    #[test]
    fn a_bind_mount_is_found_from_both_sides() {
        assert_eq!(paths("/mnt/store/archive"), [PathBuf::from("/srv/my data/n1/fsm.db/archive")]);
        assert_eq!(paths("/srv/my data/n1/fsm.db"), [PathBuf::from("/mnt/store/")]);
        assert_eq!(paths("/srv/my data/n1"), [] as [PathBuf; 0]);
        assert_eq!(paths("/etc"), [] as [PathBuf; 0]);
    }

    #[test]
    fn no_list_panics() {
        for end in 0..LIST.len() {
            candidates(&parse(&LIST[..end]), Path::new("/mnt/store"));
        }
        assert_eq!(unescaped(b"a\\0"), "a\\0");
        assert_eq!(unescaped(b"a\\134b"), "a\\b");
    }
}

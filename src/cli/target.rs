//! Where `--output` and `--ledger` may write: nowhere where a server keeps anything, and over nothing that is not an earlier file of the
//! same kind.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail};
use ekv_tool::formats::ledger;
use ekv_tool::io::{directory_id, other_paths, parent_of};
use ekv_tool::readers::{Local, Territory};
use ekv_tool::report::{NextStep, REPORT_SAMPLE, is_earlier_report};
use rustix::fs::{Access, Mode, OFlags, RenameFlags};

use super::output::OutputLock;

/// Links that are followed before they are taken for a circle, as the system counts.
const MAX_LINKS: usize = 40;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// A report, with `--output`.
    Report,
    /// What was read, with `--ledger`.
    Ledger,
}

impl Written {
    const fn option(self) -> &'static str {
        match self {
            Self::Report => "--output",
            Self::Ledger => "--ledger",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Report => "the report",
            Self::Ledger => "the ledger",
        }
    }

    /// What a file has to be to be replaced.
    const fn earlier(self) -> &'static str {
        match self {
            Self::Report => "an earlier report of ekv-tool",
            Self::Ledger => "a ledger of ekv-tool",
        }
    }
}

/// A file that may be written.
#[derive(Debug)]
pub(super) struct Target {
    what: Written,
    /// As the user wrote it.
    shown: PathBuf,
    /// The directory that gets the file, resolved.
    dir: PathBuf,
    /// The file's name in it.
    name: OsString,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Nothing has that name.
    New,
    /// An earlier report, or a file that holds nothing.
    Replaceable,
    /// A device or a FIFO: written to as it stands, because it cannot be replaced.
    Stream,
}

impl Target {
    /// Resolves `path` and refuses it where writing could harm data.
    pub(super) fn admit(what: Written, path: &Path) -> anyhow::Result<Self> {
        let refused = || format!("{} {}", what.option(), path.display());
        let (dir, name) = resolve(path).with_context(refused)?;
        let full = dir.join(&name);
        if let Some((owner, kind)) = owner_of(&dir) {
            let (owner, kind) = (owner.display(), kind.name());
            bail!(
                "{}: lies in {owner}, which is {kind}; nothing is ever written there: {}",
                refused(),
                elsewhere(what, &name, &[])
            );
        }
        let kind = match fs::symlink_metadata(&full) {
            Ok(meta) if meta.is_file() => {
                if !is_replaceable(what, &full, &meta) {
                    bail!(
                        "{}: exists and is not {}; it is left as it is: name another file, or remove it first",
                        refused(),
                        what.earlier()
                    );
                }
                Kind::Replaceable
            }
            Ok(meta) if meta.is_dir() => bail!("{}: is a directory; name a file in it", refused()),
            Ok(meta) if meta.file_type().is_block_device() => {
                bail!("{}: is a disk; nothing is ever written there: {}", refused(), elsewhere(what, &name, &[]))
            }
            Ok(_) if what == Written::Ledger => {
                bail!("{}: is no regular file; name one, or one that is not there yet", refused())
            }
            Ok(_) => Kind::Stream,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Kind::New,
            Err(error) => return Err(error).with_context(refused),
        };
        Ok(Self { what, shown: path.to_owned(), dir, name, kind })
    }

    /// The file, links resolved.
    pub(super) fn resolved(&self) -> PathBuf {
        self.dir.join(&self.name)
    }

    /// True for the path as it was given.
    pub(super) fn is(&self, path: &Path) -> bool {
        self.shown == path
    }

    /// Refuses a target at or below one of `examined`, or beside one that is a file: that is data, recognised or not.
    pub(super) fn keep_out_of(&self, examined: &[PathBuf]) -> anyhow::Result<()> {
        if let Some(directory) = examined_above(&self.dir, examined) {
            let (option, shown, elsewhere) =
                (self.what.option(), self.shown.display(), elsewhere(self.what, &self.name, examined));
            bail!(
                "{option} {shown}: lies in {}, which is examined; nothing is ever written there: {elsewhere}",
                directory.display()
            );
        }
        Ok(())
    }

    /// Refuses a target that is one of `read`: files that are no data of a server may have a report beside them.
    pub(super) fn keep_off(&self, read: &[PathBuf]) -> anyhow::Result<()> {
        let id = |path: &Path| fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
        let own = id(&self.dir.join(&self.name));
        if let Some(file) = read.iter().find(|file| own.is_some() && id(file) == own) {
            bail!("{} {}: is {}, which is read; name another file", self.what.option(), self.shown.display(), file.display());
        }
        Ok(())
    }

    /// Writes to a temporary neighbour, then renames it, so that a collector never sees half a report. What was admitted is
    /// looked at once more, in the directory that is then held open: nobody can put another one in its place.
    pub(super) fn write(&self, gate: &OutputLock, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
        let failed = || format!("{} {}: cannot write {}", self.what.option(), self.shown.display(), self.what.name());
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let held = rustix::fs::open(&self.dir, flags, Mode::empty()).with_context(failed)?;
        let now = Self::admit(self.what, &self.shown)?;
        let meta = File::from(held.try_clone().with_context(failed)?).metadata().with_context(failed)?;
        if now.dir != self.dir || directory_id(&self.dir) != Some((meta.dev(), meta.ino())) {
            bail!("{} {}: the directory changed meanwhile; try again", self.what.option(), self.shown.display());
        }
        if now.kind == Kind::Stream {
            let mut out = BufWriter::new(File::options().write(true).open(&self.shown).with_context(failed)?);
            return write(&mut out).and_then(|()| out.flush()).with_context(failed);
        }
        now.replace(&held, gate, write).with_context(failed)
    }

    fn replace(&self, held: &OwnedFd, gate: &OutputLock, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let (temporary, file) = create_beside(held)?;
        gate.begin(&self.dir.join(&temporary));
        let mut out = BufWriter::new(file);
        let written = write(&mut out).and_then(|()| out.flush());
        let finished = gate.finish();
        let named = written.and_then(|()| Ok(self.name_it(held, &temporary)?));
        drop(finished);
        if named.is_err() {
            let _ = rustix::fs::unlinkat(held, &temporary, rustix::fs::AtFlags::empty());
        }
        named
    }

    /// Gives the finished file its name. A name that was free has to be free still.
    fn name_it(&self, held: &OwnedFd, temporary: &OsString) -> rustix::io::Result<()> {
        if self.kind == Kind::New {
            match rustix::fs::renameat_with(held, temporary, held, &self.name, RenameFlags::NOREPLACE) {
                // Not every file system knows how to.
                Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {}
                other => return other,
            }
        }
        rustix::fs::renameat(held, temporary, held, &self.name)
    }
}

/// What to do about a refusal: a place that would be taken, if one is at hand.
fn elsewhere(what: Written, name: &OsString, examined: &[PathBuf]) -> String {
    let dirs = [std::env::temp_dir(), "/tmp".into(), "/var/tmp".into()].into_iter();
    let dirs = dirs.chain(std::env::home_dir()).chain(std::env::current_dir().ok());
    // What is examined is not known yet when the target itself is refused: everything that was named may be.
    let named = || std::env::args_os().skip(1).map(PathBuf::from).filter(|path| path.exists());
    let examined: Vec<_> = if examined.is_empty() { named().collect() } else { examined.to_owned() };
    propose(what, dirs, name, &examined)
}

fn propose(what: Written, mut dirs: impl Iterator<Item = PathBuf>, name: &OsString, examined: &[PathBuf]) -> String {
    match dirs.find_map(|dir| would_take(what, &dir, name, examined)) {
        Some(target) => {
            let command = NextStep::new([what.option().into(), target.into_os_string()]).to_string();
            format!("write it to another place, for example {}", command.trim_start_matches("ekv-tool "))
        }
        None => "name another place, in a directory of your own".to_owned(),
    }
}

/// The path of a file of that name in `dir`, if it can be written there and nothing forbids it.
fn would_take(what: Written, dir: &Path, name: &OsString, examined: &[PathBuf]) -> Option<PathBuf> {
    let resolved = fs::canonicalize(dir).ok().filter(|dir| dir.is_dir())?;
    rustix::fs::access(&resolved, Access::WRITE_OK | Access::EXEC_OK).ok()?;
    let full = resolved.join(name);
    let is_free = match fs::symlink_metadata(&full) {
        Ok(meta) => meta.is_file() && is_replaceable(what, &full, &meta),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    let allowed = is_free && owner_of(&resolved).is_none() && examined_above(&resolved, examined).is_none();
    allowed.then(|| dir.join(name))
}

/// The directory of what is examined that `dir` is or lies in.
fn examined_above(dir: &Path, examined: &[PathBuf]) -> Option<PathBuf> {
    let above: Vec<_> = every_path(dir).iter().flat_map(|path| path.ancestors()).filter_map(directory_id).collect();
    examined.iter().find_map(|path| {
        let path = fs::canonicalize(path).ok()?;
        let directory = if path.is_dir() { path.as_path() } else { path.parent().unwrap_or(&path) };
        directory_id(directory).is_some_and(|id| above.contains(&id)).then(|| directory.to_owned())
    })
}

/// Creates a file of a name that was free.
fn create_beside(held: &OwnedFd) -> io::Result<(OsString, File)> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut attempt = 0_u32;
    loop {
        let name = OsString::from(format!(".ekv-tool-{}-{attempt}.tmp", std::process::id()));
        match rustix::fs::openat(held, &name, flags, Mode::from_raw_mode(0o666)) {
            Ok(file) => return Ok((name, File::from(file))),
            Err(rustix::io::Errno::EXIST) if attempt < 1000 => attempt += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// The directory and the name that `path` leads to, links followed; the name itself need not exist.
fn resolve(path: &Path) -> anyhow::Result<(PathBuf, OsString)> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let ends_in_name = path.components().next_back().is_some_and(|last| matches!(last, Component::Normal(_)));
        let Some(name) = path.file_name().filter(|_| ends_in_name && !ends_in_slash(&path)) else {
            bail!("is not the name of a file; name one");
        };
        let parent = parent_of(&path).unwrap_or(Path::new("."));
        let dir = fs::canonicalize(parent)
            .with_context(|| format!("the directory {} cannot be used; create it, or name another", parent.display()))?;
        let full = dir.join(name);
        match fs::read_link(&full) {
            // What the system keeps under such names need not be a path; a descriptor is written to as it stands.
            Ok(link) if dir.starts_with("/proc") && !link.is_absolute() => return Ok((dir, name.to_owned())),
            Ok(link) => path = dir.join(link),
            Err(_) => return Ok((dir, name.to_owned())),
        }
    }
    bail!("is a link that leads back to itself; name a file")
}

fn ends_in_slash(path: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    matches!(path.as_os_str().as_bytes(), [.., b'/'] | [.., b'/', b'.'])
}

/// `dir`, and every other path of it and of the directories above it.
fn every_path(dir: &Path) -> Vec<PathBuf> {
    let mut paths = vec![dir.to_owned()];
    paths.extend(dir.ancestors().flat_map(other_paths));
    paths
}

/// The directory of a server that `dir` is or lies in, by any of its paths.
/// The data directory in which a directory lies, with what it is; nothing for any other directory.
pub(super) fn data_around(dir: &Path) -> Option<String> {
    let dir = fs::canonicalize(dir).ok()?;
    owner_of(&dir).map(|(owner, what)| format!("{}, which is {}", owner.display(), what.name()))
}

fn owner_of(dir: &Path) -> Option<(PathBuf, Territory)> {
    let paths = every_path(dir);
    let mut above = paths.iter().flat_map(|path| path.ancestors());
    above.find_map(|dir| Some((dir.to_owned(), Territory::of(dir, &Local)?)))
}

/// True for a file whose loss is none. A further name of it would keep the content, but then it is more than a report.
fn is_replaceable(what: Written, path: &Path, meta: &fs::Metadata) -> bool {
    if meta.len() == 0 {
        return meta.nlink() == 1;
    }
    let sample = || -> io::Result<(Vec<u8>, Vec<u8>)> {
        let (file, _) = ekv_tool::io::open_regular(path).map_err(|error| io::Error::other(error.to_string()))?;
        let mut file = file;
        let mut front = Vec::new();
        (&mut file).take(REPORT_SAMPLE as u64).read_to_end(&mut front)?;
        file.seek(SeekFrom::Start(meta.len().saturating_sub(REPORT_SAMPLE as u64)))?;
        let mut end = Vec::new();
        file.take(REPORT_SAMPLE as u64).read_to_end(&mut end)?;
        Ok((front, end))
    };
    sample().is_ok_and(|(front, end)| match what {
        Written::Report => is_earlier_report(&front, &end),
        Written::Ledger => ledger::begins(&front),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_proposed_would_be_taken() {
        let root = tempfile::tempdir().unwrap();
        let name = OsString::from("a report");
        let places = ["data/snap", "examined", "full", "fine"].map(|place| root.path().join(place));
        for place in &places {
            fs::create_dir_all(place).unwrap();
        }
        let [data, examined, full, fine] = &places;
        fs::write(data.join("0000000000000001-0000000000000001.snap"), "x").unwrap();
        fs::write(examined.join("a file"), "x").unwrap();
        fs::write(full.join(&name), "not a report").unwrap();
        let among = |dirs: &[&PathBuf]| {
            propose(Written::Report, dirs.iter().map(|dir| (*dir).clone()), &name, &[examined.join("a file")])
        };
        let proposed = among(&[data, examined, full, &root.path().join("gone"), fine]);
        let target = fine.join(&name);
        assert_eq!(proposed, format!("write it to another place, for example --output '{}'", target.display()));
        assert!(Target::admit(Written::Report, &target).is_ok());
        for refused in [data, examined, full] {
            assert_eq!(among(&[refused]), "name another place, in a directory of your own");
        }
        assert!(
            Target::admit(Written::Report, &data.join(&name)).is_err()
                && Target::admit(Written::Report, &full.join(&name)).is_err()
        );
    }
}

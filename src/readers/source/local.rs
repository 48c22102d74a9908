//! The file system of this machine.

use std::io;
use std::path::{Path, PathBuf};

use super::Source;
use crate::error::Result;
use crate::io::{self as files, DirEntry, LockState, OpenFile, Standing};

/// The file system of this machine: files are mapped, and read past the page cache where that is better.
#[derive(Debug, Clone, Copy, Default)]
pub struct Local;

impl Source for Local {
    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        files::list_dir(dir, &|_| true)
    }

    fn list_sized(&self, dir: &Path, sized: &dyn Fn(&str) -> bool) -> Result<Vec<DirEntry>> {
        files::list_dir(dir, sized)
    }

    fn list_names(&self, dir: &Path) -> Result<Vec<(String, bool)>> {
        files::list_names(dir)
    }

    fn look(&self, path: &Path) -> io::Result<Standing> {
        files::look(path)
    }

    fn link_target(&self, path: &Path) -> Option<PathBuf> {
        files::link_target(path)
    }

    fn real_path(&self, path: &Path) -> Option<PathBuf> {
        files::real_path(path)
    }

    fn open(&self, path: &Path) -> Result<OpenFile> {
        OpenFile::open(path)
    }

    fn free_space(&self, dir: &Path) -> Option<u64> {
        files::free_space(dir)
    }

    fn lock_state(&self, path: &Path) -> Result<LockState> {
        files::lock_state(path)
    }
}

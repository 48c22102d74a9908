//! What is done to a prepared directory, read from the bytes of a fuzzer.

use std::path::{Path, PathBuf};

use libfuzzer_sys::arbitrary::{self, Arbitrary, Result, Unstructured};

use crate::base::{Base, bases};
use crate::support::seal::seal;

/// One change. Places count modulo what is there.
#[derive(Debug, Clone, Arbitrary)]
pub enum Fault {
    /// One bit of a file.
    Flip { file: u8, at: u32 },
    /// Bytes of a file are replaced.
    Write { file: u8, at: u32, bytes: [u8; 4] },
    /// A byte is changed and the sums over it are made right again.
    Sealed { file: u8, at: u32, byte: u8 },
    /// Bytes are replaced in a way that keeps numbers small, and the sums are made right again.
    SealedAdd { file: u8, at: u32, by: i8 },
    /// A sector becomes zeros.
    Zero { file: u8, sector: u16 },
    /// The file ends earlier.
    Cut { file: u8, len: u32 },
    /// The file goes on.
    Extend { file: u8, byte: u8, len: u16 },
    /// A piece is taken out.
    Squeeze { file: u8, at: u32, len: u8 },
    /// The file is gone.
    Remove { file: u8 },
    /// The file has another's content.
    Overwrite { file: u8, with: u8 },
    /// A byte of its name is another.
    Rename { file: u8, at: u8, byte: u8 },
    /// The file of another prepared directory is added or takes the place of its namesake.
    Graft { base: u16, file: u8 },
}

/// A prepared directory and what was done to it.
#[derive(Debug, Clone, Default)]
pub struct Damaged {
    /// Path below the group directory, and content.
    pub files: Vec<(PathBuf, Vec<u8>)>,
    /// Which server version is asked about first.
    pub main: bool,
}

impl<'a> Arbitrary<'a> for Damaged {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        let bases = bases();
        let base = &bases[usize::from(input.arbitrary::<u16>()?) % bases.len()];
        let mut damaged = Self { files: base.files.clone(), main: input.arbitrary()? };
        for _ in 0..input.int_in_range(0..=4)? {
            let fault = input.arbitrary()?;
            damaged.apply(&fault, base);
        }
        Ok(damaged)
    }
}

impl Damaged {
    fn apply(&mut self, fault: &Fault, base: &Base) {
        use Fault::{Cut, Extend, Flip, Graft, Overwrite, Remove, Rename, Sealed, SealedAdd, Squeeze, Write, Zero};
        match *fault {
            Flip { file, at } => self.change(file, |bytes| {
                let bit = at as usize % (bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
            }),
            Write { file, at, bytes: new } => self.change(file, |bytes| {
                let at = at as usize % bytes.len();
                let end = bytes.len().min(at + new.len());
                bytes[at..end].copy_from_slice(&new[..end - at]);
            }),
            Sealed { file, at, byte } => self.sealed(file, at, base, |_| byte),
            SealedAdd { file, at, by } => self.sealed(file, at, base, |old| old.wrapping_add_signed(by)),
            Zero { file, sector } => self.change(file, |bytes| {
                let at = usize::from(sector) * 512 % bytes.len();
                let end = bytes.len().min(at + 512);
                bytes[at..end].fill(0);
            }),
            Cut { file, len } => self.change(file, |bytes| bytes.truncate(len as usize % bytes.len())),
            Extend { file, byte, len } => {
                self.change(file, |bytes| bytes.resize(bytes.len() + usize::from(len) % 1024, byte));
            }
            Squeeze { file, at, len } => self.change(file, |bytes| {
                let at = at as usize % bytes.len();
                let end = bytes.len().min(at + usize::from(len));
                bytes.drain(at..end);
            }),
            Remove { file } => {
                if let Some(at) = self.at(file) {
                    self.files.remove(at);
                }
            }
            Overwrite { file, with } => {
                if let (Some(to), Some(from)) = (self.at(file), self.at(with)) {
                    self.files[to].1 = self.files[from].1.clone();
                }
            }
            Rename { file, at, byte } => {
                if let Some(to) = self.at(file) {
                    let renamed = renamed(&self.files[to].0, at, byte);
                    if self.files.iter().all(|(path, _)| *path != renamed) {
                        self.files[to].0 = renamed;
                    }
                }
            }
            Graft { base, file } => {
                let other = &bases()[usize::from(base) % bases().len()];
                let (path, bytes) = &other.files[usize::from(file) % other.files.len()];
                self.files.retain(|(held, _)| held != path);
                self.files.push((path.clone(), bytes.clone()));
            }
        }
    }

    fn at(&self, file: u8) -> Option<usize> {
        usize::from(file).checked_rem(self.files.len())
    }

    fn change(&mut self, file: u8, change: impl FnOnce(&mut Vec<u8>)) {
        if let Some(at) = self.at(file)
            && !self.files[at].1.is_empty()
        {
            change(&mut self.files[at].1);
        }
    }

    fn sealed(&mut self, file: u8, at: u32, base: &Base, change: impl FnOnce(u8) -> u8) {
        let Some(index) = self.at(file) else { return };
        let (path, bytes) = &mut self.files[index];
        if bytes.is_empty() {
            return;
        }
        let intact = base.files.iter().find(|(held, _)| held == path).map_or_else(|| bytes.clone(), |(_, bytes)| bytes.clone());
        let at = at as usize % bytes.len();
        bytes[at] = change(bytes[at]);
        seal(path, bytes, &intact, at);
    }
}

/// The path with another byte in its file name; a byte that no name can hold leaves it as it is.
fn renamed(path: &Path, at: u8, byte: u8) -> PathBuf {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return path.to_owned() };
    let mut name = name.as_bytes().to_vec();
    let at = usize::from(at) % name.len();
    if byte.is_ascii_graphic() && byte != b'/' {
        name[at] = byte;
    }
    match String::from_utf8(name).unwrap().as_str() {
        "." | ".." => path.to_owned(),
        name => path.with_file_name(name),
    }
}

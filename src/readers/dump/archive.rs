//! An archive of a dump, read once from front to back. No length that it claims decides what is allocated.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::ledger::{Ledger, most_lines};
use super::names::Names;
use super::{Container, DumpFacts, EntryFault, RefusedEntry, RootFile};
use crate::error::Result;
use crate::formats::dump::{CHECKSUMS, MANIFEST, MAX_BYTES, MAX_ENTRIES, cleaned_local};
use crate::formats::tar::{TAR_BLOCK, TarFault, TarHeader, padding, pax_records};
use crate::formats::unpack::PIECE;
use crate::formats::zstd::{Unzstd, ZSTD_MAGIC, ZstdFault};
use crate::readers::source::Run;
use crate::readers::unpacked::{Unpacked, in_one_pass};
use crate::types::{ByteSize, Sha256Sum};

/// Bytes of `MANIFEST.json` that are held: far more than any has.
const MANIFEST_LIMIT: u64 = 1 << 20;
/// Longest content of a header that describes the next one; Go takes no more.
const SPECIAL_LIMIT: u64 = 1 << 20;
/// Bytes behind the end that are looked at; nobody reads any of them.
const BEHIND_LIMIT: u64 = 64 << 20;

/// Why reading ended before the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpStop {
    /// Offset in the tar.
    pub at: u64,
    /// Offset in the file, for one that is compressed.
    pub file_at: Option<u64>,
    /// The entry that was being read.
    pub inside: Option<String>,
    /// Why.
    pub why: DumpStopReason,
}

/// Why reading ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DumpStopReason {
    /// The compression does not go on.
    Zstd(ZstdFault),
    /// The tar ends.
    Ends,
    /// A block is no header.
    Tar(TarFault),
    /// One block of zeros and then something else.
    LoneZeroBlock,
    /// A header that describes the next one is malformed.
    Special,
    /// A header that describes the next one is longer than anybody reads.
    SpecialTooLong,
    /// An entry is larger than the tools unpack: what follows it was not looked at.
    TooLarge,
}

impl DumpStopReason {
    /// True where it says nothing of the bytes.
    pub const fn is_limit(&self) -> bool {
        matches!(self, Self::Zstd(fault) if fault.is_limit())
    }

    /// What the tools say; `None` for words of a library that are not known.
    pub const fn text(&self) -> Option<&'static str> {
        match self {
            Self::Zstd(ZstdFault::Ends) | Self::Ends => Some("unexpected EOF"),
            Self::Zstd(_) | Self::TooLarge => None,
            Self::Tar(_) | Self::LoneZeroBlock | Self::Special => Some("archive/tar: invalid tar header"),
            Self::SpecialTooLong => Some("archive/tar: header field too long"),
        }
    }
}

impl std::fmt::Display for DumpStopReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Zstd(fault) => fault.fmt(f),
            Self::Ends => f.write_str("the tar ends"),
            Self::Tar(fault) => fault.fmt(f),
            Self::LoneZeroBlock => f.write_str("one block of zeros stands where two should end the tar"),
            Self::Special => f.write_str("the tar header that describes the next one is malformed"),
            Self::SpecialTooLong => f.write_str("the tar header that describes the next one is too long"),
            Self::TooLarge => f.write_str("an entry is larger than the tools unpack"),
        }
    }
}

/// Reads an archive.
pub fn read_dump_archive(path: &Path, run: &Run<'_>) -> Result<DumpFacts> {
    let (mut facts, changed) = in_one_pass(path, run, examine_dump_archive)?;
    facts.changed = changed;
    Ok(facts)
}

/// Reads an archive from its bytes. `tick` is told how far it is, and says whether to go on; `None` when it did not.
pub fn examine_dump_archive(bytes: &[u8], tick: &mut dyn FnMut(u64) -> bool) -> Option<DumpFacts> {
    let zstd = bytes.starts_with(&ZSTD_MAGIC);
    let container = if zstd { Container::TarZstd } else { Container::Tar };
    let stream = if zstd { Unpacked::Packed(Box::new(Unzstd::new(bytes))) } else { Unpacked::Plain(bytes, 0) };
    let mut walk = Walk {
        stream,
        at: 0,
        tick,
        piece: vec![0; PIECE],
        facts: DumpFacts::new(container, bytes.len() as u64),
        ledger: Ledger::default(),
        names: Names::default(),
        inside: None,
    };
    match walk.archive() {
        Ok(()) => {}
        Err(Halt::Stop(why)) => {
            let file_at = zstd.then(|| walk.stream.offset());
            walk.facts.stop = Some(DumpStop { at: walk.at, file_at, inside: walk.inside.take(), why });
        }
        Err(Halt::Asked) => return None,
    }
    let Walk { mut facts, ledger, names, .. } = walk;
    if names.dropped {
        let why = "there are more than are held, so that one that comes twice is not noticed; --memory holds more";
        facts.unread.push(|| ("the names of the members".to_owned(), why.to_owned()));
    }
    // Behind the place where reading ended there may be anything.
    ledger.finish(facts.stop.is_none(), &mut facts);
    Some(facts)
}

enum Halt {
    Stop(DumpStopReason),
    Asked,
}

type Step<T> = std::result::Result<T, Halt>;

struct Walk<'a, 't> {
    stream: Unpacked<'a, Unzstd<'a>>,
    /// Offset in the tar.
    at: u64,
    tick: &'t mut dyn FnMut(u64) -> bool,
    piece: Vec<u8>,
    facts: DumpFacts,
    ledger: Ledger,
    names: Names,
    inside: Option<String>,
}

impl Walk<'_, '_> {
    /// Reads a block as far as there is one.
    fn block(&mut self) -> Step<([u8; TAR_BLOCK], usize)> {
        self.stream.block(&mut self.at).map_err(|fault| Halt::Stop(DumpStopReason::Zstd(fault)))
    }

    /// Reads `len` bytes and hands them on. Returns how many there were.
    fn pass(&mut self, len: u64, mut each: impl FnMut(&[u8])) -> Step<u64> {
        let mut left = len;
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let out = self.piece.get_mut(..room).unwrap_or_default();
            let read = self.stream.read(out).map_err(|fault| Halt::Stop(DumpStopReason::Zstd(fault)))?;
            if read == 0 {
                break;
            }
            each(self.piece.get(..read).unwrap_or_default());
            left -= read as u64;
            self.at += read as u64;
            if !(self.tick)(self.stream.offset()) {
                return Err(Halt::Asked);
            }
        }
        Ok(len - left)
    }

    /// The same where fewer bytes are the end of the tar.
    fn all(&mut self, len: u64, each: impl FnMut(&[u8])) -> Step<()> {
        if self.pass(len, each)? < len { Err(Halt::Stop(DumpStopReason::Ends)) } else { Ok(()) }
    }

    fn archive(&mut self) -> Step<()> {
        let (mut name, mut size, mut sparse) = (None, None, false);
        loop {
            let at = self.at;
            let (block, len) = self.block()?;
            match len {
                0 => return Ok(()),
                TAR_BLOCK => {}
                _ => return Err(Halt::Stop(DumpStopReason::Ends)),
            }
            let header = TarHeader::decode(&block).map_err(|fault| Halt::Stop(DumpStopReason::Tar(fault)))?;
            let Some(header) = header else { return self.end() };
            match header.kind {
                b'x' | b'L' | b'K' => {
                    let bytes = self.special(header.size)?;
                    let malformed = Halt::Stop(DumpStopReason::Special);
                    match header.kind {
                        b'x' => {
                            let records = pax_records(&bytes).ok_or(malformed)?;
                            (name, size, sparse) = (records.name, records.size, records.sparse);
                        }
                        b'L' => name = Some(bytes.split(|&byte| byte == 0).next().unwrap_or_default().to_vec()),
                        _ => {}
                    }
                }
                kind => {
                    let size = if (b'1'..=b'6').contains(&kind) { 0 } else { size.take().unwrap_or(header.size) };
                    if i64::try_from(size).is_err() {
                        return Err(Halt::Stop(DumpStopReason::Tar(TarFault::Size)));
                    }
                    let name = name.take().unwrap_or(header.name);
                    // The form of a directory from before there was a flag for one.
                    let kind = if kind == 0 && name.ends_with(b"/") { b'5' } else { kind };
                    self.entry(&name, kind, at, size, std::mem::take(&mut sparse))?;
                }
            }
        }
    }

    /// The content of a header that describes the next one.
    fn special(&mut self, size: u64) -> Step<Vec<u8>> {
        if size > SPECIAL_LIMIT {
            return Err(Halt::Stop(DumpStopReason::SpecialTooLong));
        }
        let mut bytes = Vec::new();
        self.all(size, |piece| bytes.extend_from_slice(piece))?;
        self.all(padding(size), |_| {})?;
        Ok(bytes)
    }

    fn refuse(&mut self, name: &[u8], at: u64, fault: EntryFault) {
        let name = String::from_utf8_lossy(name).into_owned();
        self.facts.refused.push(|| RefusedEntry { name, at: Some(at), fault });
    }

    fn entry(&mut self, name: &[u8], kind: u8, at: u64, size: u64, sparse: bool) -> Step<()> {
        if self.facts.files + self.facts.directories == MAX_ENTRIES {
            self.refuse(name, at, EntryFault::TooMany);
        }
        let below = name.strip_prefix(b"./").unwrap_or(name);
        let path = if below.is_empty() { Some(b".".to_vec()) } else { cleaned_local(below) };
        let file = matches!(kind, b'0' | 0);
        match &path {
            None => self.refuse(name, at, EntryFault::Unsafe),
            Some(path) if !file && kind != b'5' || file && path == b"." => {
                self.refuse(name, at, EntryFault::Kind(char::from(if kind == 0 { b'0' } else { kind }).to_string()));
            }
            Some(path) => {
                let taken = if file { self.names.file(path) } else { self.names.directory(path) };
                if let Err(fault) = taken {
                    self.refuse(name, at, fault);
                }
            }
        }
        if !file {
            self.facts.directories += u64::from(kind == b'5');
            self.all(size, |_| {})?;
            return self.all(padding(size), |_| {});
        }
        self.facts.files += 1;
        let left = MAX_BYTES.saturating_sub(self.facts.content_bytes);
        if size > left {
            self.refuse(name, at, EntryFault::TooLarge { size, left });
            return Err(Halt::Stop(DumpStopReason::TooLarge));
        }
        self.inside = Some(String::from_utf8_lossy(name).into_owned());
        if let (true, Some(path)) = (sparse, &path) {
            let read = self.pass(size, |_| {})?;
            self.facts.content_bytes += read;
            if read < size {
                return Err(Halt::Stop(DumpStopReason::Ends));
            }
            let why = "it is kept as a sparse file, which the tools unpack and this program does not; unpack it and verify the directory";
            self.ledger.unread(path, why.to_owned(), &mut self.facts);
        } else {
            self.content(path.as_deref(), size)?;
        }
        self.all(padding(size), |_| {})?;
        self.inside = None;
        Ok(())
    }

    /// The content of a file.
    fn content(&mut self, path: Option<&[u8]>, size: u64) -> Step<()> {
        let limit = match path {
            Some(path) if path == MANIFEST.as_bytes() => MANIFEST_LIMIT,
            Some(path) if path == CHECKSUMS.as_bytes() => most_lines(),
            _ => 0,
        };
        let (mut sum, mut held) = (Sha256::new(), Vec::new());
        let read = self.pass(size, |piece| {
            sum.update(piece);
            // What is there decides, not what the header says.
            if limit > 0 && (held.len() as u64) <= limit {
                held.extend_from_slice(piece);
            }
        })?;
        self.facts.content_bytes += read;
        if read < size {
            return Err(Halt::Stop(DumpStopReason::Ends));
        }
        let Some(path) = path else { return Ok(()) };
        if limit > 0 {
            let root = if held.len() as u64 > limit {
                RootFile::TooLarge(format!("it has more than the {} that are held", ByteSize(limit)))
            } else {
                RootFile::Bytes(held)
            };
            if path == MANIFEST.as_bytes() {
                self.facts.manifest = root;
            } else {
                if let RootFile::Bytes(text) = &root {
                    self.ledger.checksums(text, &mut self.facts);
                }
                self.facts.checksums = match root {
                    RootFile::Bytes(_) => RootFile::Bytes(Vec::new()),
                    other => other,
                };
            }
        }
        self.facts.note_path(&String::from_utf8_lossy(path));
        self.ledger.file(path, Sha256Sum(sum.finalize().into()), &mut self.facts);
        Ok(())
    }

    /// Behind the first block of zeros.
    fn end(&mut self) -> Step<()> {
        let (block, len) = self.block()?;
        match len {
            0 => return Ok(()),
            TAR_BLOCK if block.iter().all(|&byte| byte == 0) => {}
            TAR_BLOCK => return Err(Halt::Stop(DumpStopReason::LoneZeroBlock)),
            _ => return Err(Halt::Stop(DumpStopReason::Ends)),
        }
        let mut zero = true;
        let read = self.pass(BEHIND_LIMIT, |piece| zero = zero && piece.iter().all(|&byte| byte == 0))?;
        self.facts.behind = (read, zero);
        Ok(())
    }
}

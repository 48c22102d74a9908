//! A snapshot archive of Consul, Nomad, Vault or OpenBao: a tar, as a rule in gzip, read once from front to back. Nothing is held
//! but the small members; no length that the archive claims decides what is allocated.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::error::Result;
use crate::formats::gzip::{GZIP_MAGIC, Gunzip, GzipFault, almost_gzip};
use crate::formats::hraft::{Crc64, begins_an_archive};
use crate::formats::layout::{META_JSON, SHA256SUMS, SHA256SUMS_SEALED, STATE_BIN};
use crate::formats::tar::{TAR_BLOCK, TarFault, TarHeader, padding, pax_records};
use crate::formats::unpack::PIECE;
use crate::readers::source::{Run, Source};
use crate::readers::unpacked::{Unpacked, in_one_pass};
use crate::types::Sha256Sum;

/// Bytes of `meta.json` that are held: far more than any has.
const META_LIMIT: u64 = 1 << 20;
/// Bytes of `SHA256SUMS` that are held.
const SUMS_LIMIT: u64 = 64 << 10;
/// Longest content of a header that describes the next one; Go takes no more.
const SPECIAL_LIMIT: u64 = 1 << 20;
/// Members that are listed; the rest is counted.
const LISTED: usize = 64;
/// Bytes at the front in which a member's header is looked for.
const RECOGNISED_IN: usize = 8 << 10;

/// What the tar is wrapped in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Wrapping {
    /// gzip.
    Gzip,
    /// Nothing: the tar as it is.
    None,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveMember {
    /// Its name.
    pub name: String,
    /// The tar's type flag.
    pub kind: u8,
    /// Offset of its header in the tar.
    pub at: u64,
    /// Bytes of content, as the header says.
    pub size: u64,
    /// Bytes of content that were there.
    pub read: u64,
    /// True when its padding is not zero.
    pub odd_padding: bool,
}

/// Why reading ended before the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveStop {
    /// Offset in the tar.
    pub at: u64,
    /// Where.
    pub place: StopPlace,
    /// Why.
    pub why: StopReason,
}

/// Where reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopPlace {
    /// In a header, or in the padding before it.
    Header,
    /// In the content of the last member that is listed.
    Content,
    /// Behind the archive's end.
    Behind,
}

/// Why reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The compression does not go on.
    Gzip(GzipFault),
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
    /// A member is kept as a sparse file, which no writer of these archives does.
    Sparse,
}

impl StopReason {
    /// What Go's reader says.
    pub const fn go_text(&self) -> &'static str {
        match self {
            Self::Gzip(fault) => fault.go_text(),
            Self::Ends => "unexpected EOF",
            // Of a sparse file it says so where no map of the holes stands at the front of the content.
            Self::Tar(_) | Self::LoneZeroBlock | Self::Special | Self::Sparse => "archive/tar: invalid tar header",
            Self::SpecialTooLong => "archive/tar: header field too long",
        }
    }
}

/// Content of a small member, of all members of its name one behind another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SmallMember {
    /// Its bytes, up to a limit.
    pub bytes: Vec<u8>,
    /// True when there are more.
    pub cut: bool,
}

/// An archive, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveFacts {
    /// Bytes of the file.
    pub size: u64,
    /// What it is wrapped in.
    pub wrapping: Wrapping,
    /// gzip streams one behind another.
    pub streams: u64,
    /// Its members in their order.
    pub members: Vec<ArchiveMember>,
    /// Members that are not listed.
    pub more_members: u64,
    /// Why reading ended before the end.
    pub stop: Option<ArchiveStop>,
    /// Blocks of zeros at the archive's end: two, as a rule.
    pub end_blocks: u64,
    /// Bytes behind the archive's end, inside the compression; and whether all of them are zero.
    pub behind: (u64, bool),
    /// `meta.json`.
    pub meta: SmallMember,
    /// SHA-256 over it.
    pub meta_sha: Sha256Sum,
    /// `SHA256SUMS`.
    pub sums: SmallMember,
    /// Bytes of `state.bin`.
    pub state_size: u64,
    /// SHA-256 over it.
    pub state_sha: Sha256Sum,
    /// CRC-64/XZ over it.
    pub state_crc: u64,
    /// True when the file is another one now than it was when it was opened.
    pub changed: bool,
}

impl ArchiveFacts {
    /// The members of a name.
    pub fn named<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f ArchiveMember> {
        self.members.iter().filter(move |member| member.name == name)
    }

    /// True when Vault or OpenBao wrote it.
    pub fn sealed(&self) -> bool {
        self.named(SHA256SUMS_SEALED).next().is_some()
    }
}

/// True for a file that is one, or that is in gzip: nothing of a node is.
pub fn is_archive_at(path: &Path, source: &dyn Source) -> bool {
    let Ok(file) = source.open(path) else { return false };
    let Ok(head) = file.read_at(0, RECOGNISED_IN) else { return false };
    // One whose beginning does not unpack is still called what these are called.
    begins_an_archive(&head) || (head.starts_with(&GZIP_MAGIC) && source.name_of(path).ends_with(".snap"))
}

/// Reads an archive.
pub fn read_archive(path: &Path, run: &Run<'_>) -> Result<ArchiveFacts> {
    let (mut facts, changed) = in_one_pass(path, run, examine_archive)?;
    facts.changed = changed;
    Ok(facts)
}

/// Reads an archive from its bytes. `tick` is told how far it is, and says whether to go on; `None` when it did not.
pub fn examine_archive(bytes: &[u8], tick: &mut dyn FnMut(u64) -> bool) -> Option<ArchiveFacts> {
    let gzip = almost_gzip(bytes);
    let stream = if gzip { Unpacked::Packed(Box::new(Gunzip::new(bytes))) } else { Unpacked::Plain(bytes, 0) };
    let mut walk = Walk { stream, at: 0, tick, piece: vec![0; PIECE], found: Found::default() };
    let stop = match walk.archive() {
        Ok(()) => None,
        Err(Halt::Stop(place, why)) => Some(ArchiveStop { at: walk.at, place, why }),
        Err(Halt::Asked) => return None,
    };
    let streams = match &walk.stream {
        Unpacked::Packed(gunzip) => gunzip.streams(),
        Unpacked::Plain(..) => 0,
    };
    let Found { members, more_members, end_blocks, behind, meta, meta_sum, sums, state_size, state_sum, state_crc, .. } =
        walk.found;
    Some(ArchiveFacts {
        size: bytes.len() as u64,
        wrapping: if gzip { Wrapping::Gzip } else { Wrapping::None },
        streams,
        members,
        more_members,
        stop,
        end_blocks,
        behind,
        meta,
        meta_sha: Sha256Sum(meta_sum.finalize().into()),
        sums,
        state_size,
        state_sha: Sha256Sum(state_sum.finalize().into()),
        state_crc: state_crc.finish(),
        changed: false,
    })
}

#[derive(Default)]
struct Found {
    members: Vec<ArchiveMember>,
    more_members: u64,
    end_blocks: u64,
    behind: (u64, bool),
    meta: SmallMember,
    meta_sum: Sha256,
    sums: SmallMember,
    state_size: u64,
    state_sum: Sha256,
    state_crc: Crc64,
}

enum Halt {
    Stop(StopPlace, StopReason),
    Asked,
}

/// Where the content of a member goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goal {
    Meta,
    State,
    Sums,
    Nowhere,
}

struct Walk<'a, 't> {
    stream: Unpacked<'a, Gunzip<'a>>,
    /// Offset in the tar.
    at: u64,
    tick: &'t mut dyn FnMut(u64) -> bool,
    piece: Vec<u8>,
    found: Found,
}

impl Walk<'_, '_> {
    /// Reads a block as far as there is one.
    fn block(&mut self, place: StopPlace) -> std::result::Result<([u8; TAR_BLOCK], usize), Halt> {
        self.stream.block(&mut self.at).map_err(|fault| Halt::Stop(place, StopReason::Gzip(fault)))
    }

    /// Reads `len` bytes and hands them on. Returns how many there were and whether all of them are zero.
    fn pass(
        &mut self,
        len: u64,
        place: StopPlace,
        mut each: impl FnMut(&mut Found, &[u8]),
    ) -> std::result::Result<(u64, bool), (u64, Halt)> {
        let (mut left, mut zero) = (len, true);
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let read = match self.stream.read(self.piece.get_mut(..room).unwrap_or_default()) {
                Ok(0) => break,
                Ok(read) => read,
                Err(fault) => return Err((len - left, Halt::Stop(place, StopReason::Gzip(fault)))),
            };
            let bytes = self.piece.get(..read).unwrap_or_default();
            zero = zero && bytes.iter().all(|&byte| byte == 0);
            each(&mut self.found, bytes);
            left -= read as u64;
            self.at += read as u64;
            if !(self.tick)(self.stream.offset()) {
                return Err((len - left, Halt::Asked));
            }
        }
        Ok((len - left, zero))
    }

    fn archive(&mut self) -> std::result::Result<(), Halt> {
        let (mut name, mut size) = (None, None);
        loop {
            let at = self.at;
            let (block, len) = self.block(StopPlace::Header)?;
            match len {
                0 => return Ok(()),
                TAR_BLOCK => {}
                _ => return Err(Halt::Stop(StopPlace::Header, StopReason::Ends)),
            }
            let header = TarHeader::decode(&block).map_err(|fault| Halt::Stop(StopPlace::Header, StopReason::Tar(fault)))?;
            let Some(header) = header else { return self.end() };
            match header.kind {
                b'x' | b'L' | b'K' => {
                    let bytes = self.special(header.size)?;
                    let malformed = Halt::Stop(StopPlace::Header, StopReason::Special);
                    match header.kind {
                        b'x' => {
                            let records = pax_records(&bytes).ok_or(malformed)?;
                            if records.sparse {
                                return Err(Halt::Stop(StopPlace::Header, StopReason::Sparse));
                            }
                            (name, size) = (records.name, records.size);
                        }
                        b'L' => name = Some(bytes.split(|&byte| byte == 0).next().unwrap_or_default().to_vec()),
                        _ => {}
                    }
                }
                _ => {
                    let size = if (b'1'..=b'6').contains(&header.kind) { 0 } else { size.take().unwrap_or(header.size) };
                    let name = name.take().unwrap_or(header.name);
                    self.member(String::from_utf8_lossy(&name).into_owned(), header.kind, at, size)?;
                }
            }
        }
    }

    /// The content of a header that describes the next one.
    fn special(&mut self, size: u64) -> std::result::Result<Vec<u8>, Halt> {
        if size > SPECIAL_LIMIT {
            return Err(Halt::Stop(StopPlace::Header, StopReason::SpecialTooLong));
        }
        let mut bytes = Vec::new();
        let (read, _) =
            self.pass(size, StopPlace::Header, |_, piece| bytes.extend_from_slice(piece)).map_err(|(_, halt)| halt)?;
        self.skip_padding(size)?;
        if read < size { Err(Halt::Stop(StopPlace::Header, StopReason::Ends)) } else { Ok(bytes) }
    }

    fn skip_padding(&mut self, size: u64) -> std::result::Result<bool, Halt> {
        let (read, zero) = self.pass(padding(size), StopPlace::Header, |_, _| {}).map_err(|(_, halt)| halt)?;
        if read < padding(size) { Err(Halt::Stop(StopPlace::Header, StopReason::Ends)) } else { Ok(zero) }
    }

    fn member(&mut self, name: String, kind: u8, at: u64, size: u64) -> std::result::Result<(), Halt> {
        let goal = match name.as_str() {
            META_JSON => Goal::Meta,
            STATE_BIN => Goal::State,
            SHA256SUMS => Goal::Sums,
            _ => Goal::Nowhere,
        };
        let listed = self.found.members.len() < LISTED;
        if listed {
            self.found.members.push(ArchiveMember { name, kind, at, size, read: 0, odd_padding: false });
        } else {
            self.found.more_members += 1;
        }
        let passed = self.pass(size, StopPlace::Content, |found, bytes| found.take(goal, bytes));
        let (read, halt) = match passed {
            Ok((read, _)) if read < size => (read, Some(Halt::Stop(StopPlace::Content, StopReason::Ends))),
            Ok((read, _)) => (read, None),
            Err((read, halt)) => (read, Some(halt)),
        };
        if let Some(member) = self.found.members.last_mut().filter(|_| listed) {
            member.read = read;
        }
        if let Some(halt) = halt {
            return Err(halt);
        }
        let zero = self.skip_padding(size)?;
        if let Some(member) = self.found.members.last_mut().filter(|_| listed) {
            member.odd_padding = !zero;
        }
        Ok(())
    }

    /// Behind the first block of zeros.
    fn end(&mut self) -> std::result::Result<(), Halt> {
        self.found.end_blocks = 1;
        let (block, len) = self.block(StopPlace::Header)?;
        match len {
            0 => return Ok(()),
            TAR_BLOCK if block.iter().all(|&byte| byte == 0) => self.found.end_blocks = 2,
            TAR_BLOCK => return Err(Halt::Stop(StopPlace::Header, StopReason::LoneZeroBlock)),
            _ => return Err(Halt::Stop(StopPlace::Header, StopReason::Ends)),
        }
        let (read, zero) = match self.pass(u64::MAX, StopPlace::Behind, |_, _| {}) {
            Ok(passed) => passed,
            Err((read, halt)) => {
                self.found.behind = (read, false);
                return Err(halt);
            }
        };
        self.found.behind = (read, zero);
        Ok(())
    }
}

impl Found {
    fn take(&mut self, goal: Goal, bytes: &[u8]) {
        match goal {
            Goal::Meta => {
                self.meta_sum.update(bytes);
                self.meta.take(bytes, META_LIMIT);
            }
            Goal::State => {
                self.state_sum.update(bytes);
                self.state_crc.update(bytes);
                self.state_size += bytes.len() as u64;
            }
            Goal::Sums => self.sums.take(bytes, SUMS_LIMIT),
            Goal::Nowhere => {}
        }
    }
}

impl SmallMember {
    fn take(&mut self, bytes: &[u8], limit: u64) {
        let room = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend_from_slice(bytes.get(..room).unwrap_or_default());
        self.cut |= room < bytes.len();
    }
}

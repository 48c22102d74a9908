//! Snapshot archives of Consul, Nomad, Vault and OpenBao: what is wrong with one, and what a restore says.
//!
//! The texts are those of the archive readers of Consul and Nomad (`snapshot/`, `helper/snapshot/`), of hashicorp/raft-snapshot, which
//! Vault and OpenBao use, and of hashicorp/raft's restore of a user's snapshot.

use std::fmt::Write as _;

use crate::analysis::judge::codes::hashicorp as codes;
use crate::analysis::{Coverage, Finding, Severity};
use crate::formats::gzip::GzipFaultKind;
use crate::formats::hraft::{ARCHIVE_MEMBERS, JsonError, SnapshotMeta, SnapshotMetaNotes, decode_snapshot_meta, sum_lines};
use crate::formats::layout::{META_JSON, SHA256SUMS, SHA256SUMS_SEALED, STATE_BIN};
use crate::readers::hraft::archive::{ArchiveFacts, ArchiveMember, ArchiveStop, StopPlace, StopReason, Wrapping};
use crate::types::{Count, Escaped, Sha256Sum};

/// Bytes of a small member that raft-snapshot reads.
const SMALL_LIMIT: u64 = 8192;

/// Whose reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Consul and Nomad.
    Consul,
    /// Vault and OpenBao.
    Vault,
}

/// An archive, judged.
#[derive(Debug, Clone, Default)]
pub struct JudgedArchive {
    /// `meta.json`, where it decodes.
    pub meta: Option<SnapshotMeta>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What Consul or Nomad says when it restores it; `None` when nothing stops it before the state machine.
    pub consul: Option<String>,
    /// The same of Vault and OpenBao, with the keys of the cluster that took it.
    pub vault: Option<String>,
}

type Meta = Result<(SnapshotMeta, SnapshotMetaNotes), JsonError>;

/// What the list of checksums says.
struct Listed<'f> {
    /// Why the products refuse it, the first reason.
    refusal: Option<String>,
    /// Sums that differ: name, stored, computed.
    wrong: Vec<(&'f str, String, Sha256Sum)>,
    /// Lines that are none, by number and offset, and lines of names that no list has.
    odd: Vec<(u64, u64, Option<String>)>,
    /// Members without a line.
    missing: Vec<&'static str>,
}

fn listed(facts: &ArchiveFacts) -> Listed<'static> {
    let mut listed = Listed { refusal: None, wrong: Vec::new(), odd: Vec::new(), missing: Vec::new() };
    let mut seen = [false; 2];
    let sums = [(META_JSON, facts.meta_sha), (STATE_BIN, facts.state_sha)];
    for (number, line) in sum_lines(&facts.sums.bytes).enumerate() {
        let number = number as u64 + 1;
        let Some((sum, name)) = line.entry else {
            listed.refusal.get_or_insert_with(|| format!("line {number} is not a checksum and a name"));
            listed.odd.push((number, line.at, None));
            continue;
        };
        let Some(at) = sums.iter().position(|(known, _)| *known == name) else {
            listed.refusal.get_or_insert_with(|| format!("list missing hash for {name:?}"));
            listed.odd.push((number, line.at, Some(Escaped(name.as_bytes()).to_string())));
            continue;
        };
        let Some(((known, computed), seen)) = sums.get(at).zip(seen.get_mut(at)) else { continue };
        *seen = true;
        if sum != computed.0 {
            listed.refusal.get_or_insert_with(|| format!("hash check failed for {name:?}"));
            let mut stored = String::with_capacity(2 * sum.len());
            for byte in &sum {
                let _ = write!(stored, "{byte:02x}");
            }
            listed.wrong.push((known, stored, *computed));
        }
    }
    for ((name, _), _) in sums.iter().zip(seen).filter(|(_, seen)| !seen) {
        listed.refusal.get_or_insert_with(|| format!("file missing for {name:?}"));
        listed.missing.push(name);
    }
    listed
}

/// Judges an archive at `path`.
pub fn judge_archive(path: &str, facts: &ArchiveFacts, coverage: &mut Coverage) -> JudgedArchive {
    let has_meta = facts.named(META_JSON).next().is_some();
    let meta = has_meta.then(|| decode_snapshot_meta(&facts.meta.bytes));
    let listed = listed(facts);
    let mut judge = Judge { path, facts, found: Vec::new() };
    judge.stop();
    judge.wrapping();
    judge.members();
    judge.sums(&listed);
    if facts.meta.cut {
        coverage.missing(format!("{META_JSON} in {path}"), "it is longer than a MiB");
    } else if let Some(meta) = &meta {
        judge.meta(meta);
    }
    if facts.sums.cut {
        coverage.missing(format!("{SHA256SUMS} in {path}"), "it is longer than 64 KiB");
    }
    if facts.sealed() {
        coverage.skipped(format!("{SHA256SUMS_SEALED} in {path}"), "only the cluster's own keys open it");
    }
    let mut findings = judge.found;
    // What is broken comes before what somebody says of it.
    findings.sort_by_key(|finding| finding.code.code == codes::ARCHIVE_REFUSED.code);
    let answer = |product| answer(product, facts, meta.as_ref(), listed.refusal.as_deref());
    let (consul, vault) = (answer(Product::Consul), answer(Product::Vault));
    JudgedArchive { meta: meta.and_then(Result::ok).map(|(meta, _)| meta), findings, consul, vault }
}

struct Judge<'f> {
    path: &'f str,
    facts: &'f ArchiveFacts,
    found: Vec<Finding>,
}

impl Judge<'_> {
    fn add(&mut self, finding: Finding) {
        self.found.push(finding.at(self.path));
    }

    /// Offsets in a tar are offsets in the file only when nothing is wrapped around it.
    fn in_tar(&mut self, finding: Finding, at: u64) {
        self.add(if self.facts.wrapping == Wrapping::None { finding.offset(at) } else { finding });
    }

    /// Why reading ended.
    fn stop(&mut self) {
        let Some(ArchiveStop { at, place, why }) = &self.facts.stop else { return };
        let last = self.facts.members.last();
        let place = match (place, last) {
            (StopPlace::Content, Some(member)) => {
                format!("in {}, behind {} of its {} bytes", Escaped(member.name.as_bytes()), member.read, member.size)
            }
            (StopPlace::Header, Some(member)) => format!("behind member {}", Escaped(member.name.as_bytes())),
            (StopPlace::Header | StopPlace::Content, None) => "before its first member".to_owned(),
            (StopPlace::Behind, _) => "behind its end".to_owned(),
        };
        let gzip = |fault| {
            Finding::new(
                &codes::ARCHIVE_DAMAGED,
                format!("The archive cannot be read on {place}, byte {at} of the tar: {fault}."),
            )
        };
        match why {
            StopReason::Gzip(fault) => match fault.kind {
                GzipFaultKind::Trailing { .. } => {
                    let message = format!("Behind the archive {fault}. {}", self.who_refuses());
                    let finding = Finding::new(self.refused(), message);
                    self.add(finding.offset(fault.at));
                }
                GzipFaultKind::Checksum { stored, computed } => {
                    let finding = gzip(*fault).expected(format_args!("{stored:08x}")).found(format_args!("{computed:08x}"));
                    self.add(finding.offset(fault.at));
                }
                _ => self.add(gzip(*fault).offset(fault.at)),
            },
            other => {
                let what = match other {
                    StopReason::Ends => "it ends".to_owned(),
                    StopReason::Tar(fault) => fault.to_string(),
                    StopReason::LoneZeroBlock => "a block of zeros, and then no second one".to_owned(),
                    StopReason::Special => "a header that describes the next member is malformed".to_owned(),
                    _ => "a header that describes the next member is longer than a MiB".to_owned(),
                };
                let message = format!("The tar cannot be read on {place}, at byte {at}: {what}.");
                self.in_tar(Finding::new(&codes::ARCHIVE_DAMAGED, message), *at);
            }
        }
    }

    /// The code for what only Consul and Nomad mind.
    fn refused(&self) -> &'static crate::analysis::judge::codes::CodeInfo {
        if self.facts.sealed() { &codes::ARCHIVE_ODD } else { &codes::ARCHIVE_REFUSED }
    }

    fn who_refuses(&self) -> &'static str {
        if self.facts.sealed() {
            "Vault and OpenBao do not look there."
        } else {
            "Consul and Nomad refuse that, Vault and OpenBao do not look there."
        }
    }

    /// What is around and behind the members.
    fn wrapping(&mut self) {
        let facts = self.facts;
        if facts.wrapping == Wrapping::None {
            let message = "It is a tar without gzip around it. What it holds can be checked; every restore refuses it as it is.";
            let finding = Finding::new(&codes::ARCHIVE_REFUSED, message).severity(Severity::Warning);
            self.add(finding.advice("Compress it with gzip before it is restored.").offset(0));
        }
        let (behind, zero) = facts.behind;
        if behind > 0 {
            let what = if zero { " of zero" } else { "" };
            let message = format!("{}{what} stand behind the tar's end. {}", Count(behind, "byte"), self.who_refuses());
            self.add(Finding::new(self.refused(), message));
        }
        if facts.stop.is_none() && facts.end_blocks < 2 {
            let message = "The tar has no two blocks of zeros at its end. A restore does not mind; no product writes it so.";
            self.add(Finding::new(&codes::ARCHIVE_ODD, message));
        }
        if facts.streams > 1 {
            let message = format!("{} gzip streams one behind another: read as one; no product writes it so.", facts.streams);
            self.add(Finding::new(&codes::ARCHIVE_ODD, message).severity(Severity::Info));
        }
    }

    /// Which members there are.
    fn members(&mut self) {
        let facts = self.facts;
        let known = |member: &ArchiveMember| ARCHIVE_MEMBERS.iter().position(|name| *name == member.name);
        for member in &facts.members {
            let name = Escaped(member.name.as_bytes());
            if known(member).is_none() {
                let message = format!("Member {name} belongs to no such archive: a restore refuses the archive because of it.");
                self.in_tar(Finding::new(&codes::ARCHIVE_REFUSED, message), member.at);
            } else if !matches!(member.kind, b'0' | 0 | b'7') {
                let message = format!("Member {name} is no ordinary file (type {:?}).", char::from(member.kind));
                self.in_tar(Finding::new(&codes::ARCHIVE_REFUSED, message), member.at);
            }
            if member.odd_padding {
                let message = format!("The padding behind member {name} is not zero. Nobody reads it.");
                self.in_tar(Finding::new(&codes::ARCHIVE_ODD, message), member.at);
            }
        }
        if facts.more_members > 0 {
            let message = format!("{} behind the first {}.", Count(facts.more_members, "more member"), facts.members.len());
            self.add(Finding::new(&codes::ARCHIVE_REFUSED, message));
        }
        for name in ARCHIVE_MEMBERS {
            let mut all = facts.named(name);
            let first = all.next();
            let further: Vec<_> = all.collect();
            match first {
                // What was not reached may be there.
                None if name != SHA256SUMS_SEALED && facts.stop.as_ref().is_none_or(|stop| stop.place == StopPlace::Behind) => {
                    let message = format!("Member {name} is missing.");
                    self.add(Finding::new(&codes::ARCHIVE_REFUSED, message));
                }
                _ => {}
            }
            if let Some(second) = further.first() {
                let harmless = further.iter().all(|member| member.read == 0);
                let effect =
                    if harmless { "Only the first has content." } else { "A restore reads them one behind another as one." };
                let code = if harmless { &codes::ARCHIVE_ODD } else { &codes::ARCHIVE_REFUSED };
                let message = format!("Member {name} is there {} times. {effect}", further.len() + 1);
                self.in_tar(Finding::new(code, message), second.at);
            }
        }
        let order: Vec<_> = facts.members.iter().filter_map(known).collect();
        if !order.is_sorted() {
            let names: Vec<_> = facts.members.iter().map(|member| member.name.as_str()).collect();
            let message = format!("The members stand in another order than the products write: {}.", names.join(", "));
            self.add(Finding::new(&codes::ARCHIVE_ODD, message).severity(Severity::Info));
        }
        if facts.sealed() {
            for name in [META_JSON, SHA256SUMS, SHA256SUMS_SEALED] {
                if let Some(member) = facts.named(name).find(|member| member.size >= SMALL_LIMIT) {
                    let message =
                        format!("Member {name} has {} bytes; Vault and OpenBao read fewer than {SMALL_LIMIT}.", member.size);
                    self.in_tar(Finding::new(&codes::ARCHIVE_REFUSED, message), member.at);
                }
            }
        }
    }

    /// The members against their checksums.
    fn sums(&mut self, listed: &Listed<'_>) {
        let whole = |name| {
            let broken = self.facts.stop.as_ref().filter(|stop| stop.place == StopPlace::Content);
            self.facts.named(name).next().is_some()
                && broken.is_none_or(|_| self.facts.members.last().is_none_or(|it| it.name != name))
        };
        if !whole(SHA256SUMS) || self.facts.sums.cut {
            return;
        }
        for (name, stored, computed) in &listed.wrong {
            if whole(name) {
                let message = format!("Member {name} does not have the SHA-256 that {SHA256SUMS} names for it.");
                self.add(Finding::new(&codes::ARCHIVE_DAMAGED, message).expected(stored).found(computed));
            }
        }
        for (number, at, name) in &listed.odd {
            let message = match name {
                None => format!("Line {number} of {SHA256SUMS} (byte {at}) is not a checksum and a name."),
                Some(name) => format!("Line {number} of {SHA256SUMS} (byte {at}) is about {name}, of which no checksum is made."),
            };
            self.add(Finding::new(&codes::ARCHIVE_REFUSED, message));
        }
        for name in &listed.missing {
            let message = format!("{SHA256SUMS} has no line for {name}.");
            self.add(Finding::new(&codes::ARCHIVE_REFUSED, message));
        }
    }

    /// What `meta.json` says, against `state.bin`.
    fn meta(&mut self, meta: &Meta) {
        let facts = self.facts;
        let cut = |name| facts.named(name).any(|member| member.read < member.size);
        if cut(META_JSON) {
            return;
        }
        let (meta, notes) = match meta {
            Ok(decoded) => decoded,
            Err(error) => {
                let message = format!("{META_JSON} does not decode, at its byte {}: {}.", error.at, whole_text(error));
                return self.add(Finding::new(&codes::ARCHIVE_REFUSED, message));
            }
        };
        if notes.trailing {
            let message = format!("{META_JSON} goes on behind its JSON: the whole member has to be one value here.");
            self.add(Finding::new(&codes::ARCHIVE_REFUSED, message));
        }
        if notes.repeated_keys > 0 {
            let message = format!(
                "{} of {META_JSON} stand more than once; the last one counts.",
                Count(u64::from(notes.repeated_keys), "key")
            );
            self.add(Finding::new(&codes::SNAPSHOT_META_ODD, message));
        }
        if !matches!(meta.version, 0 | 1) {
            let message = format!("{META_JSON} says version {}: hashicorp/raft restores 0 and 1.", meta.version);
            self.add(Finding::new(&codes::ARCHIVE_REFUSED, message));
        }
        if facts.named(STATE_BIN).next().is_none() || cut(STATE_BIN) {
            return;
        }
        if u64::try_from(meta.size) != Ok(facts.state_size) {
            let message = format!(
                "{META_JSON} says that {STATE_BIN} has {} bytes: a restore writes all of it, and then gives up.",
                meta.size
            );
            self.add(Finding::new(&codes::ARCHIVE_REFUSED, message).expected(meta.size).found(facts.state_size));
        }
        if let Some(crc) = &meta.crc
            && crc.as_slice() != facts.state_crc.to_be_bytes()
        {
            let stored = crc.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
            let message = format!("{STATE_BIN} does not have the CRC-64 that {META_JSON} names for it.");
            self.add(
                Finding::new(&codes::ARCHIVE_DAMAGED, message).expected(stored).found(format_args!("{:016x}", facts.state_crc)),
            );
        }
    }
}

/// The member is decoded as a whole, and not as a stream that may go on: its end is called otherwise.
fn whole_text(error: &JsonError) -> &str {
    match error.text.as_str() {
        "EOF" | "unexpected EOF" => "unexpected end of JSON input",
        text => text,
    }
}

/// What a product says, step by step as its reader goes.
fn answer(product: Product, facts: &ArchiveFacts, meta: Option<&Meta>, sums: Option<&str>) -> Option<String> {
    if facts.wrapping == Wrapping::None {
        return Some("failed to decompress snapshot: gzip: invalid header".to_owned());
    }
    if let Some(refusal) = read_refusal(product, facts, meta, sums) {
        return Some(format!("failed to read snapshot file: {refusal}"));
    }
    if product == Product::Consul {
        // What is behind the tar is read to the end.
        match (&facts.stop, facts.behind.0) {
            (Some(stop), _) => return Some(stop.why.go_text().to_owned()),
            (None, 0) => {}
            (None, behind) => return Some(format!("{behind} unread uncompressed bytes remain")),
        }
    }
    let default = SnapshotMeta::default();
    let meta = meta.and_then(|meta| meta.as_ref().ok()).map_or(&default, |(meta, _)| meta);
    let refusal = if !matches!(meta.version, 0 | 1) {
        format!("unsupported snapshot version {}", meta.version)
    } else if u64::try_from(meta.size) != Ok(facts.state_size) {
        format!("failed to write snapshot, size didn't match ({} != {})", facts.state_size, meta.size)
    } else {
        return None;
    };
    Some(format!("Raft error when restoring snapshot: {refusal}"))
}

fn read_refusal(product: Product, facts: &ArchiveFacts, meta: Option<&Meta>, sums: Option<&str>) -> Option<String> {
    let too_long = |member: &ArchiveMember| product == Product::Vault && member.read >= SMALL_LIMIT;
    let limit = format!("read max specified bytes ({SMALL_LIMIT}) without EOF - possible truncation");
    for (number, member) in facts.members.iter().enumerate() {
        let last = number + 1 == facts.members.len();
        let stop = facts.stop.as_ref().filter(|stop| last && stop.place == StopPlace::Content && member.read < member.size);
        let stopped = stop.map(|stop| stop.why.go_text());
        match member.name.as_str() {
            META_JSON if too_long(member) => return Some(format!("failed to read snapshot metadata: {limit}")),
            META_JSON => match (stopped, meta) {
                (Some(text), _) => return Some(format!("failed to read snapshot metadata: {text}")),
                (None, Some(Err(error))) => return Some(format!("failed to decode snapshot metadata: {}", whole_text(error))),
                (None, Some(Ok((_, notes)))) if notes.trailing => {
                    return Some("failed to decode snapshot metadata: invalid character after top-level value".to_owned());
                }
                _ => {}
            },
            STATE_BIN => {
                if let Some(text) = stopped {
                    return Some(format!("failed to read or write snapshot data: {text}"));
                }
            }
            SHA256SUMS | SHA256SUMS_SEALED if member.name == SHA256SUMS || product == Product::Vault => {
                let text = if too_long(member) { Some(limit.as_str()) } else { stopped };
                if let Some(text) = text {
                    return Some(format!("failed to read snapshot hashes: {text}"));
                }
            }
            name => return Some(format!("unexpected file {name:?} in snapshot")),
        }
    }
    if let Some(stop) = facts.stop.as_ref().filter(|stop| stop.place != StopPlace::Behind) {
        return Some(format!("failed reading snapshot: {}", stop.why.go_text()));
    }
    if product == Product::Vault && !facts.sealed() {
        return Some("failed to open the sealed hashes: there is no SHA256SUMS.sealed".to_owned());
    }
    sums.map(|refusal| format!("failed checking integrity of snapshot: {refusal}"))
}

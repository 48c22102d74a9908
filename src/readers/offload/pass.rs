//! One pass over an object, from its first byte to its last, wherever the bytes come from.

use sha2::Digest as _;

use super::facts::{ObjectFacts, Sums};
use crate::formats::fsm::body::{BodyError, BodyFormat, BodyWalker, MAGIC_LEN};
use crate::formats::fsm::{FOOTER_LEN, FsmHeader, HEADER_PEEK};
use crate::io::FileChange;
use crate::readers::fsm_body::RowCollector;
use crate::readers::{Examine, PayloadFacts};
use crate::types::{Crc32c, Sha256Sum};

/// Bytes at the front of an object that tell its clock header and its format.
pub const OBJECT_HEAD_LEN: usize = HEADER_PEEK + MAGIC_LEN;

/// Bytes that are summed twice before the next ones are touched, so that the second time finds them in the cache.
pub(super) const BLOCK: usize = 64 << 10;

/// An object on its way through the sums, in memory that does not grow with it. Windows come in order and without a gap; one that does
/// not leaves the object without sums.
#[derive(Debug)]
pub struct ObjectPass {
    facts: ObjectFacts,
    sums: Option<SumPass>,
    walk: Option<Walking>,
    /// Bytes that came.
    done: u64,
}

impl ObjectPass {
    /// Of an object of `size` bytes that begins with `head`: its first [`OBJECT_HEAD_LEN`] bytes, or all of a shorter one.
    pub fn new(size: u64, head: &[u8], wanted: Examine) -> Self {
        let head = &head[..head.len().min(OBJECT_HEAD_LEN)];
        let header = FsmHeader::decode(&head[..head.len().min(HEADER_PEEK)]);
        let start = header.ok().map(|header| usize::try_from(header.len).unwrap_or(usize::MAX).min(head.len()));
        let format = start.map(|start| BodyFormat::of(&head[start..head.len().min(start + MAGIC_LEN)]));
        let payload = PayloadFacts { len: size, header, format, body: None, last_commit: None };
        let reads = wanted.crc || wanted.walk;
        let walk = start.filter(|_| wanted.walk).map(|start| Walking {
            walker: BodyWalker::new(),
            rows: RowCollector::default(),
            result: Ok(()),
            start: start as u64,
        });
        let bytes_read = if reads { size } else { head.len() as u64 };
        let facts = ObjectFacts { size, sums: None, payload, change: None, unread: None, bytes_read };
        Self { facts, sums: reads.then(|| SumPass::new(size)), walk, done: 0 }
    }

    /// Takes the bytes from offset `at` on.
    pub fn add(&mut self, at: u64, window: &[u8]) {
        if at != self.done {
            return;
        }
        self.done = at.saturating_add(window.len() as u64);
        if let Some(sums) = &mut self.sums {
            sums.add(at, window);
        }
        if let Some(walk) = &mut self.walk
            && walk.result.is_ok()
        {
            let skipped = usize::try_from(walk.start.saturating_sub(at)).unwrap_or(usize::MAX).min(window.len());
            walk.result = walk.walker.push(&window[skipped..], &mut walk.rows);
        }
    }

    /// What is known when everything was handed over. Of an object whose bytes did not all come there are no sums.
    pub fn finish(mut self) -> ObjectFacts {
        if self.done == self.facts.size
            && let Some(sums) = self.sums
        {
            self.facts.sums = Some(sums.finish());
            self.facts.payload.body = self.walk.map(|walk| {
                let result = walk.result.and_then(|()| walk.walker.finish());
                Box::new(walk.rows.finish(result))
            });
        }
        self.facts
    }

    /// What is known of an object that changed meanwhile. Whatever was summed is kept where all of it came.
    pub fn changed(self, change: FileChange) -> ObjectFacts {
        ObjectFacts { change: Some(change), ..self.finish() }
    }

    /// What is known of an object that could not be read to its end; `why` in the words of whoever did not deliver it.
    pub fn unread(self, why: String) -> ObjectFacts {
        ObjectFacts { unread: Some(why), ..self.facts }
    }
}

/// A walk over the rows.
#[derive(Debug)]
struct Walking {
    walker: BodyWalker,
    rows: RowCollector,
    result: Result<(), BodyError>,
    /// Where the store payload begins.
    start: u64,
}

/// Digests on their way.
#[derive(Debug)]
struct SumPass {
    sha256: sha2::Sha256,
    /// Of the bytes before the footer, if there is one.
    front: Crc32c,
    /// Where that would begin.
    footer_at: u64,
    footer: Vec<u8>,
}

impl SumPass {
    fn new(size: u64) -> Self {
        let footer_at = size.saturating_sub(FOOTER_LEN as u64);
        Self { sha256: sha2::Sha256::new(), front: Crc32c::default(), footer_at, footer: Vec::with_capacity(FOOTER_LEN) }
    }

    fn add(&mut self, at: u64, window: &[u8]) {
        let before = usize::try_from(self.footer_at.saturating_sub(at)).unwrap_or(usize::MAX).min(window.len());
        let (front, last) = window.split_at(before);
        for block in front.chunks(BLOCK) {
            self.front = self.front.extend(block);
            self.sha256.update(block);
        }
        self.sha256.update(last);
        self.footer.extend_from_slice(last);
    }

    fn finish(self) -> Sums {
        Sums {
            sha256: Sha256Sum(self.sha256.finalize().into()),
            crc32c: self.front.extend(&self.footer),
            has_footer: self.footer == self.front.0.to_be_bytes(),
        }
    }
}

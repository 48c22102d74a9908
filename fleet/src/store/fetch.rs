//! Objects, whole or by ranges. One answer is of one version of an object; several are held together by its ETag.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use ekv_tool::formats::offload::{MAX_MANIFEST_LEN, ManifestRefusal};
use ekv_tool::readers::Examine;
use ekv_tool::readers::offload::{ManifestRead, OBJECT_HEAD_LEN, ObjectPass, ObjectRead, RecordedDigest};
use futures_util::StreamExt as _;
use object_store::path::Path as Key;
use object_store::{Attribute, Attributes, GetOptions, GetRange, GetResult, ObjectStore};

use super::{Listed, Store, Trouble};

/// The metadata in which the publisher keeps the digest of an object.
const DIGEST: &str = "elastickv-sha256";

/// No answer, or not all of one.
const IN_TIME: &str = "the store did not answer in time";
/// An answer that is not what the listing said.
const OTHER_LENGTH: &str =
    "the answer has another length than the listing says: it was written anew meanwhile, or something on the way has changed it";

/// The front of a payload.
#[derive(Debug)]
pub struct Head {
    /// What it is.
    pub read: ObjectRead,
    /// The digest that the store keeps beside it.
    pub recorded: Option<RecordedDigest>,
    /// The object as the answer names it; `None` when there was none.
    pub object: Option<Listed>,
}

impl Store {
    /// What a manifest holds. Everything that can be wrong with it is a fact.
    pub async fn manifest(&self, objects: &dyn ObjectStore, listed: &Listed) -> (ManifestRead, Option<RecordedDigest>) {
        if listed.size > MAX_MANIFEST_LEN {
            return (ManifestRead::Refused(ManifestRefusal::TooLarge), None);
        }
        let answer = match self.get(objects, &listed.key, GetOptions::default()).await {
            Ok(answer) => answer,
            Err(Trouble::Absent) => {
                let why = "the store listed it and does not have it (404): it was removed since, or the listing is wrong";
                return (ManifestRead::Unreadable(why.to_owned()), None);
            }
            Err(trouble) => return (ManifestRead::Unreadable(trouble.words()), None),
        };
        let recorded = recorded(&answer.attributes);
        let size = answer.meta.size;
        if size != listed.size {
            return (ManifestRead::Unreadable(OTHER_LENGTH.to_owned()), recorded);
        }
        match self.body(answer, size).await {
            Ok(bytes) => (ManifestRead::of(&bytes), recorded),
            Err(trouble) => (ManifestRead::Unreadable(trouble.words()), recorded),
        }
    }

    /// The front of a payload, which tells its length, its clock header and its format. `listed` is what a listing said of it.
    pub async fn head(&self, objects: &dyn ObjectStore, key: &str, listed: Option<u64>) -> Head {
        let nothing = |trouble: Trouble| {
            let read = match trouble {
                Trouble::Absent => ObjectRead::Absent,
                other => ObjectRead::Unreadable(other.words()),
            };
            Head { read, recorded: None, object: None }
        };
        let of = |answer: &GetResult, front: &[u8]| {
            let facts = ObjectPass::new(answer.meta.size, front, Examine::default()).finish();
            let read = ObjectRead::Object(Box::new(facts));
            Head { read, recorded: recorded(&answer.attributes), object: Some(answer.meta.clone().into()) }
        };
        // No range of an object without bytes can be asked for.
        if listed.is_none_or(|size| size == 0) {
            let options = GetOptions { head: true, ..GetOptions::default() };
            match self.get(objects, key, options).await {
                Ok(answer) if answer.meta.size == 0 => return of(&answer, &[]),
                Ok(_) => {}
                Err(trouble) => return nothing(trouble),
            }
        }
        let range = 0..OBJECT_HEAD_LEN as u64;
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let answer = match self.get(objects, key, options).await {
            Ok(answer) => answer,
            Err(trouble) => return nothing(trouble),
        };
        if listed.is_some_and(|listed| listed != answer.meta.size) {
            return nothing(Trouble::Failed(OTHER_LENGTH.to_owned()));
        }
        let (mut whole, len) = (of(&answer, &[]), answer.meta.size.min(OBJECT_HEAD_LEN as u64));
        let meta = answer.meta.clone();
        match self.body(answer, len).await {
            Ok(front) => {
                let facts = ObjectPass::new(meta.size, &front, Examine::default()).finish();
                whole.read = ObjectRead::Object(Box::new(facts));
                whole
            }
            Err(trouble) => Head { read: ObjectRead::Unreadable(trouble.words()), ..whole },
        }
    }

    /// `Ok` when something has that key now.
    pub async fn stands(&self, objects: &dyn ObjectStore, key: &str) -> Result<(), Trouble> {
        self.get(objects, key, GetOptions { head: true, ..GetOptions::default() }).await.map(drop)
    }

    /// What has that key now, as a listing would name it.
    pub async fn stat(&self, objects: &dyn ObjectStore, key: &str) -> Result<Listed, Trouble> {
        let answer = self.get(objects, key, GetOptions { head: true, ..GetOptions::default() }).await?;
        Ok(answer.meta.into())
    }

    /// The bytes of `range` of an object, if it is still the one that `e_tag` names.
    pub async fn range(&self, objects: &dyn ObjectStore, object: &Listed, range: Range<u64>) -> Result<Bytes, Trouble> {
        Ok(joined(self.pieces(objects, object, range).await?))
    }

    /// The same as it came, in pieces that follow each other: nothing is copied to bring them together.
    pub async fn pieces(&self, objects: &dyn ObjectStore, object: &Listed, range: Range<u64>) -> Result<Vec<Bytes>, Trouble> {
        let len = range.end.saturating_sub(range.start);
        let options =
            GetOptions { if_match: object.e_tag.clone(), range: Some(GetRange::Bounded(range.clone())), ..GetOptions::default() };
        let answer = self.get(objects, &object.key, options).await?;
        // A store that does not know If-Match answers all the same.
        let now = Listed::from(answer.meta.clone());
        let same = match (&now.e_tag, &object.e_tag) {
            (Some(now), Some(then)) => now == then,
            _ => now.modified == object.modified,
        };
        if !same || now.size != object.size || answer.range != range {
            return Err(Trouble::Changed);
        }
        self.body_pieces(answer, len).await
    }

    async fn get(&self, objects: &dyn ObjectStore, key: &str, options: GetOptions) -> Result<GetResult, Trouble> {
        let key = Key::parse(key).map_err(|error| Trouble::of(&error.into()))?;
        self.silence.trouble()?;
        let answer = match tokio::time::timeout(self.limits.patience(), objects.get_opts(&key, options)).await {
            Ok(answer) => answer.map_err(|error| Trouble::of(&error)),
            Err(_) => Err(Trouble::Silent(IN_TIME.to_owned())),
        };
        self.silence.heard(answer)
    }

    /// The body of an answer, which has to be `len` bytes long.
    async fn body(&self, answer: GetResult, len: u64) -> Result<Bytes, Trouble> {
        Ok(joined(self.body_pieces(answer, len).await?))
    }

    async fn body_pieces(&self, answer: GetResult, len: u64) -> Result<Vec<Bytes>, Trouble> {
        let mut stream = answer.into_stream();
        let mut pieces = Pieces::default();
        // To the very end: an answer that breaks off behind its last byte is not one to trust.
        let fill = async {
            while let Some(piece) = stream.next().await {
                let piece = piece.map_err(|error| Trouble::of(&error))?;
                pieces.push(piece);
                if pieces.len > len {
                    return Err(Trouble::Failed("the store sends more bytes than it says".to_owned()));
                }
            }
            Ok(())
        };
        match tokio::time::timeout(self.limits.patience(), fill).await {
            Ok(filled) => filled?,
            Err(_) => return self.silence.heard(Err(Trouble::Silent(IN_TIME.to_owned()))),
        }
        if pieces.len != len {
            return Err(Trouble::Failed("the store sends fewer bytes than it says".to_owned()));
        }
        Ok(pieces.finish())
    }
}

/// Shorter pieces are brought together, so that a store that sends few bytes at a time does not fill the memory with handles.
const SHORT: usize = 16 << 10;

/// A body as it comes in.
#[derive(Debug, Default)]
struct Pieces {
    whole: Vec<Bytes>,
    /// Short pieces behind the last whole one.
    short: BytesMut,
    /// All bytes so far.
    len: u64,
}

impl Pieces {
    fn push(&mut self, piece: Bytes) {
        self.len = self.len.saturating_add(piece.len() as u64);
        if piece.len() < SHORT {
            self.short.extend_from_slice(&piece);
            if self.short.len() >= SHORT {
                self.flush();
            }
        } else {
            self.flush();
            self.whole.push(piece);
        }
    }

    fn flush(&mut self) {
        if !self.short.is_empty() {
            self.whole.push(self.short.split().freeze());
        }
    }

    fn finish(mut self) -> Vec<Bytes> {
        self.flush();
        self.whole
    }
}

/// All pieces as one.
fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    if pieces.len() < 2 {
        return pieces.pop().unwrap_or_default();
    }
    let mut whole = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
    for piece in &pieces {
        whole.extend_from_slice(piece);
    }
    whole.freeze()
}

/// The digest that the publisher kept beside an object, if the store shows it.
fn recorded(attributes: &Attributes) -> Option<RecordedDigest> {
    let of_digest = |key: &Attribute| matches!(key, Attribute::Metadata(name) if name.eq_ignore_ascii_case(DIGEST));
    let (_, value) = attributes.iter().find(|(key, _)| of_digest(key))?;
    RecordedDigest::of(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_keep_every_byte_and_few_handles() {
        let sent: Vec<u8> = (0..200_000_u32).map(|number| (number % 251) as u8).collect();
        for sizes in [vec![1], vec![SHORT - 1], vec![SHORT], vec![5, 40_000, 7, SHORT, SHORT - 1], vec![200_000]] {
            let mut pieces = Pieces::default();
            let (mut at, mut sizes) = (0, sizes.iter().cycle());
            while at < sent.len() {
                let end = sent.len().min(at + sizes.next().unwrap());
                pieces.push(Bytes::copy_from_slice(&sent[at..end]));
                at = end;
            }
            assert_eq!(pieces.len, sent.len() as u64);
            let pieces = pieces.finish();
            assert!(pieces.len() <= 2 * sent.len() / SHORT + 2, "{} pieces", pieces.len());
            assert_eq!(joined(pieces), sent);
        }
        assert_eq!(joined(Pieces::default().finish()), Bytes::new());
    }
}

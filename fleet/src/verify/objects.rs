//! Payloads of a store that answers requests: ranges of one object after the other, several in flight, summed in order by a thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use ekv_tool::analysis::Coverage;
use ekv_tool::formats::offload::KeyKind;
use ekv_tool::io::FileChange;
use ekv_tool::readers::Examine;
use ekv_tool::readers::offload::{OBJECT_HEAD_LEN, ObjectPass, ObjectRead};
use futures_util::{StreamExt as _, stream};
use object_store::ObjectStore;
use tokio::sync::mpsc;

use super::{Done, VerifyOptions, Work};
use crate::audit::unreachable;
use crate::error::Result;
use crate::progress::Watch;
use crate::store::{Listed, Store, Trouble};

/// Pieces that wait to be summed, beside those in flight.
const WAITING: usize = 2;

/// The payloads that a store lists.
pub(super) async fn list(
    store: &Store,
    objects: &dyn ObjectStore,
    watch: &dyn Watch,
    coverage: &mut Coverage,
) -> Result<Vec<Listed>> {
    let mut payloads = Vec::new();
    let listing = store.list(objects, |object| {
        watch.advance(1);
        if matches!(KeyKind::of(&object.key), KeyKind::Payload { .. }) {
            payloads.push(object);
        }
    });
    if let Err(trouble) = listing.await {
        if payloads.is_empty() {
            return Err(unreachable(store, &trouble));
        }
        coverage.missing(store.shown.clone(), format!("the listing broke off: {}", trouble.words()));
    }
    Ok(payloads)
}

/// A range of a payload, as it came.
#[derive(Debug)]
struct Piece {
    number: usize,
    at: u64,
    bytes: Result<Vec<Bytes>, Trouble>,
    last: bool,
}

/// What of one payload is asked for.
#[derive(Debug, Clone)]
struct Ask {
    number: usize,
    object: Listed,
    at: u64,
    len: u64,
    last: bool,
    /// Set when the payload is lost already, so that the rest of it need not be fetched.
    lost: Arc<AtomicBool>,
}

/// Reads the payloads in their order; each comes when its last byte is summed.
pub(super) fn read(
    store: &Store,
    objects: Arc<dyn ObjectStore>,
    work: Vec<Work>,
    options: &VerifyOptions,
) -> mpsc::Receiver<Done> {
    let (pieces, mut waiting) = mpsc::channel::<Piece>(WAITING);
    let (done, answers) = mpsc::channel(16);
    let (range, lanes, depth) = (options.range.max(1 << 16), options.lanes.max(1), options.depth());
    let sizes: Vec<_> = work.iter().map(|work| work.object.size).collect();
    let store = store.clone();
    tokio::spawn(async move {
        let asks = work.into_iter().enumerate().flat_map(move |(number, work)| ranges(number, work.object, range));
        let answered = asks.map(|ask| {
            let (store, objects) = (store.clone(), Arc::clone(&objects));
            async move {
                let Ask { number, at, last, .. } = ask;
                // A task of its own: what goes wrong in it stays there, and other cores take part.
                let bytes = tokio::spawn(async move { fetch(&store, &*objects, &ask).await }).await;
                let bytes = bytes.unwrap_or_else(|_| Err(Trouble::Failed("the answer of the store cannot be read".to_owned())));
                Piece { number, at, bytes, last }
            }
        });
        let mut answered = stream::iter(answered).buffered(lanes);
        while let Some(piece) = answered.next().await {
            if pieces.send(piece).await.is_err() {
                return;
            }
        }
    });
    tokio::task::spawn_blocking(move || {
        let mut open: Option<Summing> = None;
        while let Some(piece) = waiting.blocking_recv() {
            let Piece { number, at, bytes, last } = piece;
            let size = sizes.get(number).copied().unwrap_or_default();
            let summing = open.get_or_insert_with(Summing::default);
            summing.take(size, at, bytes, depth.examine(size));
            if last {
                let read = open.take().unwrap_or_default().finish();
                if done.blocking_send(Done { number, read }).is_err() {
                    return;
                }
            }
        }
    });
    answers
}

/// The ranges of an object, up to one that is lost; one without bytes for an empty object.
fn ranges(number: usize, object: Listed, range: u64) -> impl Iterator<Item = Ask> {
    let lost = Arc::new(AtomicBool::new(false));
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let at: u64 = next?;
        let len = range.min(object.size.saturating_sub(at));
        let last = object.size - at <= range || lost.load(Ordering::Relaxed);
        next = if last { None } else { Some(at + range) };
        Some(Ask { number, object: object.clone(), at, len, last, lost: Arc::clone(&lost) })
    })
}

async fn fetch(store: &Store, objects: &dyn ObjectStore, ask: &Ask) -> Result<Vec<Bytes>, Trouble> {
    if ask.lost.load(Ordering::Relaxed) {
        return Err(Trouble::Changed);
    }
    let bytes = if ask.len == 0 {
        match store.head(objects, &ask.object.key, Some(0)).await.read {
            ObjectRead::Object(facts) if facts.size == 0 => Ok(Vec::new()),
            ObjectRead::Object(_) => Err(Trouble::Changed),
            ObjectRead::Absent => Err(Trouble::Absent),
            ObjectRead::Unreadable(why) => Err(Trouble::Failed(why)),
            _ => Err(Trouble::Failed("it is no object".to_owned())),
        }
    } else {
        store.pieces(objects, &ask.object, ask.at..ask.at.saturating_add(ask.len)).await
    };
    if bytes.is_err() {
        ask.lost.store(true, Ordering::Relaxed);
    }
    bytes
}

/// What an object begins with, as much as tells what it is.
fn front(pieces: &[Bytes]) -> Vec<u8> {
    pieces.iter().flat_map(|piece| piece.iter().copied()).take(OBJECT_HEAD_LEN).collect()
}

/// A payload on its way through the sums.
#[derive(Debug, Default)]
struct Summing {
    pass: Option<ObjectPass>,
    trouble: Option<Trouble>,
}

impl Summing {
    fn take(&mut self, size: u64, mut at: u64, pieces: Result<Vec<Bytes>, Trouble>, wanted: Examine) {
        match pieces {
            Ok(pieces) if self.trouble.is_none() => {
                let pass = self.pass.get_or_insert_with(|| ObjectPass::new(size, &front(&pieces), wanted));
                for piece in pieces {
                    pass.add(at, &piece);
                    at = at.saturating_add(piece.len() as u64);
                }
            }
            Ok(_) => {}
            // The first one says why; those behind it only follow.
            Err(trouble) => drop(self.trouble.get_or_insert(trouble)),
        }
    }

    fn finish(self) -> ObjectRead {
        let pass = || ObjectPass::new(0, &[], Examine::default());
        match (self.pass, self.trouble) {
            (None, Some(Trouble::Absent)) => ObjectRead::Absent,
            (None, Some(Trouble::Failed(why))) => ObjectRead::Unreadable(why),
            (Some(pass), Some(Trouble::Absent)) => ObjectRead::Object(Box::new(pass.changed(FileChange::Vanished))),
            (found, Some(Trouble::Changed)) => {
                ObjectRead::Object(Box::new(found.unwrap_or_else(pass).changed(FileChange::Replaced)))
            }
            (Some(pass), Some(other)) => ObjectRead::Object(Box::new(pass.unread(other.words()))),
            (None, Some(other)) => ObjectRead::Unreadable(other.words()),
            (Some(pass), None) => ObjectRead::Object(Box::new(pass.finish())),
            (None, None) => ObjectRead::Unreadable("nothing of it came".to_owned()),
        }
    }
}

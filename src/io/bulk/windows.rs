//! The bytes of a range in order, read ahead by other threads.

use std::ops::{ControlFlow, Range};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use super::buffer::AlignedBuffer;
use super::lane::{Lane, Loaded};
use super::{BulkFile, Cells, IoOptions, ReadOutcome, Served};
use crate::error::{Error, Result};
use crate::io::{MapFault, MappedFile, Progress};

/// Threads that read ahead. One alone waits for the disk and for the processor in turn.
const READERS: usize = 2;
/// Buffers that a reading thread fills in turn.
const BUFFERS: usize = 2;

impl BulkFile<'_> {
    /// Hands the part of `range` that the file had when it was opened to `visit`, in order and without a gap: an offset
    /// in the file and the bytes from there on. Windows are of 4 MiB and end at multiples of that; only the first and
    /// the last are shorter. Reading goes on while `visit` works, in memory below 64 MiB whatever the size.
    ///
    /// When the outcome reports that the file shrank, what was handed over last may have been zeros. `visit` may end
    /// the reading early; [`ReadOutcome::bytes`] counts what it was given.
    pub fn for_each_window(
        &self,
        range: Range<u64>,
        options: &IoOptions,
        progress: &dyn Progress,
        visit: &mut dyn FnMut(u64, &[u8]) -> ControlFlow<()>,
    ) -> Result<ReadOutcome> {
        let range = self.clamp(&range);
        progress.expect(range.end - range.start);
        let windows = Cells { range: range.clone(), size: self.geometry.window };
        let mut visitor = Visitor { file: self, progress, visit, bytes: 0 };
        let alone = options.threads == 1 || windows.count() < 2 || range.end - range.start <= self.geometry.small;
        let served = if alone {
            self.read_alone(&windows, options, &mut visitor)?
        } else {
            self.read_ahead(&windows, options, &mut visitor)?
        };
        let bytes = visitor.bytes;
        // A disk that failed is an error. Otherwise bytes were missing, whatever the file's length is by now.
        match self.map_at_hand().map(MappedFile::fault).transpose()?.flatten() {
            Some(MapFault::Shrunk { len: end } | MapFault::Unreadable { at: end }) => self.note_end(end),
            None => {}
        }
        Ok(ReadOutcome { bytes, served, change: self.change()? })
    }

    fn read_alone(&self, windows: &Cells, options: &IoOptions, visitor: &mut Visitor<'_>) -> Result<Served> {
        let mut lane = Lane::new(self, options.strategy, &windows.range);
        let mut buffer = AlignedBuffer::default();
        for window in windows.iter() {
            let loaded = lane.load(&window, &mut buffer)?;
            if visitor.visit(&window, &buffer, &loaded)?.is_break() {
                break;
            }
        }
        Ok(lane.served)
    }

    /// Window n is brought by reader n modulo [`READERS`], each a few windows ahead of the visitor.
    fn read_ahead(&self, windows: &Cells, options: &IoOptions, visitor: &mut Visitor<'_>) -> Result<Served> {
        thread::scope(|scope| {
            let mut readers = Vec::new();
            for first in 0..READERS as u64 {
                let (full_sender, full) = sync_channel(1);
                let (empty, empty_receiver) = channel();
                for _ in 0..BUFFERS {
                    let _ = empty.send(AlignedBuffer::default());
                }
                let reader = Reader { lane: Lane::new(self, options.strategy, &windows.range), first, full: full_sender };
                let started = thread::Builder::new().spawn_scoped(scope, move || reader.run(windows, &empty_receiver));
                match started {
                    Ok(thread) => readers.push((full, empty, thread)),
                    // A system that has no more threads to give is no reason to give up.
                    Err(_) => {
                        readers.clear();
                        return self.read_alone(windows, options, visitor);
                    }
                }
            }
            let result = follow(windows, &readers, visitor);
            let mut served = Served::default();
            for (full, empty, thread) in readers {
                // A reader that waits for either end notices and returns.
                drop((full, empty));
                served.add(thread.join().unwrap_or_default());
            }
            result.map(|()| served)
        })
    }
}

/// What a reader sends: a window in its buffer, or the buffer idle and the window in the mapping.
type Filled = Result<(AlignedBuffer, Loaded)>;
type Ends<'scope> = (Receiver<Filled>, Sender<AlignedBuffer>, thread::ScopedJoinHandle<'scope, Served>);

fn follow(windows: &Cells, readers: &[Ends<'_>], visitor: &mut Visitor<'_>) -> Result<()> {
    for (window, (full, empty, _)) in windows.iter().zip(readers.iter().cycle()) {
        // A reader ends early only after an error, which it has sent.
        let Ok(filled) = full.recv() else { break };
        let (buffer, loaded) = filled?;
        if visitor.visit(&window, &buffer, &loaded)?.is_break() {
            break;
        }
        let _ = empty.send(buffer);
    }
    Ok(())
}

struct Reader<'f> {
    lane: Lane<'f>,
    first: u64,
    full: SyncSender<Filled>,
}

impl Reader<'_> {
    fn run(mut self, windows: &Cells, empty: &Receiver<AlignedBuffer>) -> Served {
        for number in (self.first..windows.count()).step_by(READERS) {
            let Ok(mut buffer) = empty.recv() else { break };
            let loaded = self.lane.load(&windows.get(number), &mut buffer);
            let last = loaded.is_err();
            if self.full.send(loaded.map(|loaded| (buffer, loaded))).is_err() || last {
                break;
            }
        }
        self.lane.served
    }
}

/// The caller's side: sees windows one after another, in the caller's thread.
struct Visitor<'v> {
    file: &'v BulkFile<'v>,
    progress: &'v dyn Progress,
    visit: &'v mut dyn FnMut(u64, &[u8]) -> ControlFlow<()>,
    bytes: u64,
}

impl Visitor<'_> {
    /// Shows one window; breaks when the caller has seen enough or the file ended within it.
    fn visit(&mut self, window: &Range<u64>, buffer: &AlignedBuffer, loaded: &Loaded) -> Result<ControlFlow<()>> {
        if self.progress.interrupted() {
            return Err(Error::Interrupted);
        }
        let (bytes, map) = match loaded {
            Loaded::Buffer(part) => (buffer.get(part.clone()), None),
            Loaded::Mapped => {
                let map = self.file.map_at_hand().filter(|map| !map.faulted());
                (map.and_then(|map| map.slice(window)).unwrap_or_default(), map)
            }
        };
        if bytes.is_empty() {
            return Ok(ControlFlow::Break(()));
        }
        self.bytes += bytes.len() as u64;
        let flow = (self.visit)(window.start, bytes);
        self.progress.advance(bytes.len() as u64);
        if let Some(map) = map {
            map.release(window.clone());
        }
        let ended = (bytes.len() as u64) < window.end - window.start || map.is_some_and(|map| map.faulted());
        Ok(if ended { ControlFlow::Break(()) } else { flow })
    }
}

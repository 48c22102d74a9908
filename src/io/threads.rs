//! Work that several threads do together.

use std::sync::OnceLock;
use std::thread;

/// Processors that this process may use, at least one. The system is asked once: it reads several files to answer.
pub fn cores() -> usize {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
}

/// Runs `work` in this thread and, at the same time, in up to `threads - 1` others; returns when all have ended. They
/// divide the work among themselves, usually by counting.
///
/// A system that has no more threads to give is no reason to stop: fewer do the same work.
pub fn side_by_side(threads: usize, work: impl Fn() + Sync) {
    thread::scope(|scope| {
        for _ in 1..threads {
            if thread::Builder::new().spawn_scoped(scope, &work).is_err() {
                break;
            }
        }
        work();
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn every_piece_is_done_once() {
        for threads in [0, 1, 5] {
            let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
            side_by_side(threads, || {
                while next.fetch_add(1, Ordering::Relaxed) < 100 {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
            assert_eq!(done.into_inner(), 100);
        }
    }
}

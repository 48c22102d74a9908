//! Where a report goes: whole lines on standard output, or a file that appears when it is complete.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

/// Bytes that are collected before lines are written.
const BATCH: usize = 1 << 16;
/// A reader that takes longer than this to take what is being written gets half a line when the user interrupts.
const PATIENCE: Duration = Duration::from_millis(500);

/// Held by whoever writes. An interrupt takes it and keeps it, so that the program ends between two writes.
#[derive(Debug, Clone, Default)]
pub(super) struct OutputLock(Arc<Mutex<Unfinished>>);

/// A file that has not got its name yet.
#[derive(Debug, Default)]
struct Unfinished(Option<PathBuf>);

impl OutputLock {
    fn pass(&self) -> MutexGuard<'_, Unfinished> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nothing is being written and lets nothing be written from now on; removes a file that will not be
    /// finished.
    pub(super) fn close(&self) {
        let step = Duration::from_millis(5);
        for _ in 0..PATIENCE.as_millis() / step.as_millis() {
            let unfinished = match self.0.try_lock() {
                Ok(unfinished) => unfinished,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    std::thread::sleep(step);
                    continue;
                }
            };
            if let Some(path) = &unfinished.0 {
                let _ = fs::remove_file(path);
            }
            std::mem::forget(unfinished);
            return;
        }
    }

    /// Standard output, in whole lines.
    pub(super) fn stdout(&self) -> WholeLines<'_, io::StdoutLock<'static>> {
        WholeLines { gate: self, out: io::stdout().lock(), held: Vec::new() }
    }

    /// From now on an interrupt removes the file at `path`.
    pub(super) fn begin(&self, path: &Path) {
        self.pass().0 = Some(path.to_owned());
    }

    /// The file is written; an interrupt waits while what is returned lives, and then leaves the file alone.
    pub(super) fn finish(&self) -> impl Drop + '_ {
        let mut unfinished = self.pass();
        unfinished.0 = None;
        unfinished
    }
}

/// Passes lines on whole, many at a time, so that whoever reads them never sees half of one.
#[derive(Debug)]
pub(super) struct WholeLines<'g, W: Write> {
    gate: &'g OutputLock,
    out: W,
    held: Vec<u8>,
}

impl<W: Write> WholeLines<'_, W> {
    fn pass_on(&mut self, len: usize) -> io::Result<()> {
        let _passing = self.gate.pass();
        let result = self.out.write_all(&self.held[..len]).and_then(|()| self.out.flush());
        // What could not be written has no reader any more.
        self.held.drain(..len);
        result
    }
}

impl<W: Write> Write for WholeLines<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= BATCH
            && let Some(end) = self.held.iter().rposition(|&byte| byte == b'\n')
        {
            self.pass_on(end + 1)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on(self.held.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_passed_on_whole() {
        let gate = OutputLock::default();
        let mut lines = WholeLines { gate: &gate, out: Vec::new(), held: Vec::new() };
        let line = [[b'x'; 99].as_slice(), b"\n"].concat();
        for _ in 0..3000 {
            lines.write_all(&line[..50]).unwrap();
            assert!(lines.out.is_empty() || lines.out.ends_with(b"\n"));
            lines.write_all(&line[50..]).unwrap();
        }
        assert!(lines.out.len() >= 3 * BATCH && lines.held.len() < BATCH);
        lines.flush().unwrap();
        assert_eq!(lines.out, line.repeat(3000));
    }

    #[test]
    fn an_interrupt_leaves_no_unfinished_file() {
        let gate = OutputLock::default();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report");
        let (begun, has_begun) = std::sync::mpsc::channel();
        let writer = gate.clone();
        // This thread never gets past the closed gate.
        std::thread::spawn(move || {
            super::super::target::Target::admit(super::super::target::Written::Report, &path).unwrap().write(&writer, |out| {
                begun.send(()).unwrap();
                out.write_all(b"x")
            })
        });
        has_begun.recv().unwrap();
        gate.close();
        assert!(fs::read_dir(dir.path()).unwrap().all(|entry| entry.unwrap().file_name() == "report"));
        assert!(gate.0.try_lock().is_err());
    }
}

//! Survives a mapped file that shrinks.
//!
//! Touching a page that the file no longer has (or that the disk cannot deliver) raises SIGBUS, which ends a process by
//! default. A private mapping does not prevent that, and asking for the size first leaves a race. So a handler puts
//! zero pages over the rest of the mapping, remembers where it happened, and lets the reader go on; a fault anywhere
//! else is handed to whoever would have got it without us.
//!
//! A signal that another process sends is none of this: the handler lets it pass and stays.
//!
//! A handler may interrupt anything, so it uses atomics and system calls only: no lock, no allocation.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering, fence};
use std::sync::{Mutex, Once, PoisonError};

/// Value of [`Slot::fault`] while nothing has happened.
const NO_FAULT: usize = usize::MAX;
/// Slots in one link of the chain.
const SLOTS: usize = 32;

/// One guarded address range, `start..start + len`; unused while `len` is 0.
struct Slot {
    /// Odd while the other fields are being changed: the handler then looks away.
    version: AtomicUsize,
    start: AtomicUsize,
    len: AtomicUsize,
    /// Lowest offset at which a page was missing.
    fault: AtomicUsize,
}

/// Slots are never freed, only reused, so that the handler can walk them at any time.
struct Link {
    slots: [Slot; SLOTS],
    next: AtomicPtr<Link>,
}

impl Link {
    const fn new() -> Self {
        Self {
            slots: [const {
                Slot {
                    version: AtomicUsize::new(0),
                    start: AtomicUsize::new(0),
                    len: AtomicUsize::new(0),
                    fault: AtomicUsize::new(NO_FAULT),
                }
            }; SLOTS],
            next: AtomicPtr::new(ptr::null_mut()),
        }
    }

    fn next(&self) -> Option<&'static Self> {
        // SAFETY: a link is published once it is whole, and lives for ever.
        unsafe { self.next.load(Ordering::Acquire).as_ref() }
    }
}

static FIRST: Link = Link::new();
/// The last link, where a free slot is looked for first.
static NEWEST: AtomicPtr<Link> = AtomicPtr::new(ptr::null_mut());
/// Held while slots are taken and given back; the handler never takes it.
static CHANGES: Mutex<()> = Mutex::new(());

impl Slot {
    fn set(&self, start: usize, len: usize) {
        self.version.fetch_add(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        self.start.store(start, Ordering::SeqCst);
        self.len.store(len, Ordering::SeqCst);
        self.fault.store(NO_FAULT, Ordering::SeqCst);
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    /// Start and length, or `None` when they are being changed. A range that a fault can lie in is not being changed:
    /// its mapping is alive.
    fn get(&self) -> Option<(usize, usize)> {
        let before = self.version.load(Ordering::SeqCst);
        let range = (self.start.load(Ordering::SeqCst), self.len.load(Ordering::SeqCst));
        let after = self.version.load(Ordering::SeqCst);
        (before == after && before.is_multiple_of(2)).then_some(range)
    }
}

/// Keeps one mapping's address range guarded. It is dropped before the range is unmapped.
pub(super) struct GuardedRange(&'static Slot);

impl GuardedRange {
    /// Guards `len` (at least 1) bytes from address `start` on, which is where a page begins.
    pub(super) fn new(start: usize, len: usize) -> Self {
        install();
        let _changes = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: a link is published once it is whole, and lives for ever.
        let mut link = unsafe { NEWEST.load(Ordering::Acquire).as_ref() }.unwrap_or(&FIRST);
        loop {
            if let Some(slot) = link.slots.iter().find(|slot| slot.len.load(Ordering::SeqCst) == 0) {
                slot.set(start, len);
                return Self(slot);
            }
            link = link.next().unwrap_or_else(|| {
                let new: &'static Link = Box::leak(Box::new(Link::new()));
                link.next.store(ptr::from_ref(new).cast_mut(), Ordering::Release);
                NEWEST.store(ptr::from_ref(new).cast_mut(), Ordering::Release);
                new
            });
        }
    }

    /// Offset of the lowest page that was missing when it was touched.
    pub(super) fn fault(&self) -> Option<usize> {
        Some(self.0.fault.load(Ordering::SeqCst)).filter(|&offset| offset != NO_FAULT)
    }
}

impl Drop for GuardedRange {
    fn drop(&mut self) {
        let _changes = CHANGES.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.set(0, 0);
        // There is room again, wherever it is.
        NEWEST.store(ptr::null_mut(), Ordering::Release);
    }
}

impl std::fmt::Debug for GuardedRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GuardedRange").field("fault", &self.fault()).finish_non_exhaustive()
    }
}

/// Who handled SIGBUS before us. Written once, before our handler is there to read it.
struct Previous(UnsafeCell<MaybeUninit<libc::sigaction>>);
// SAFETY: see above; afterwards it is only read.
unsafe impl Sync for Previous {}
static PREVIOUS: Previous = Previous(UnsafeCell::new(MaybeUninit::uninit()));
/// From now on, writing beyond the size that files may have (`ulimit -f`) is an error of the write and no longer the end of
/// the process.
pub fn ignore_file_size_signal() {
    // SAFETY: a plain call; to ignore a signal needs no handler.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

static INSTALL: Once = Once::new();
/// Size of a page; 0 until the handler is installed.
static PAGE: AtomicUsize = AtomicUsize::new(0);

fn install() {
    // SAFETY: plain calls with valid pointers. `PREVIOUS` is filled by a first call that changes nothing, so that the
    // handler never sees it empty; the handler itself obeys the rules of signal handlers.
    INSTALL.call_once(|| unsafe {
        PAGE.store(super::page_size(), Ordering::SeqCst);
        libc::sigaction(libc::SIGBUS, ptr::null(), PREVIOUS.0.get().cast());
        let mut action: libc::sigaction = std::mem::zeroed();
        let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = on_sigbus;
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut());
    });
}

extern "C" fn on_sigbus(_signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the system hands a valid `siginfo_t` to an SA_SIGINFO handler, and `errno` belongs to this thread. The
    // interrupted code may be about to read `errno`, so it is put back.
    unsafe {
        // Sent by a process and not by a page: nothing repeats when we return, and the guard has to stay.
        if (*info).si_code <= 0 {
            return;
        }
        let address = (*info).si_addr() as usize;
        let errno = errno_location();
        let saved = *errno;
        if !patch(address) {
            // Not ours: the fault repeats when we return, under the previous handler.
            libc::sigaction(libc::SIGBUS, PREVIOUS.0.get().cast(), ptr::null_mut());
        }
        *errno = saved;
    }
}

/// Puts zero pages from the page of `address` to the end of the guarded range that it lies in.
fn patch(address: usize) -> bool {
    let mut link = Some(&FIRST);
    while let Some(here) = link {
        for slot in &here.slots {
            let Some((start, len)) = slot.get() else { continue };
            if address < start || address - start >= len {
                continue;
            }
            let page = PAGE.load(Ordering::SeqCst);
            let from = address & !(page - 1);
            // Before the zeros become readable: whoever reads one finds the flag set.
            slot.fault.fetch_min(from - start, Ordering::SeqCst);
            // SAFETY: the pages belong to a read-only mapping that is alive, because the access that faulted borrows
            // it; the new pages are read-only too. `mmap` is a bare system call here.
            let mapped = unsafe {
                libc::mmap(
                    from as *mut libc::c_void,
                    start + len - from,
                    libc::PROT_READ,
                    libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_FIXED,
                    -1,
                    0,
                )
            };
            return mapped != libc::MAP_FAILED;
        }
        link = here.next();
    }
    false
}

#[cfg(any(target_os = "linux", target_os = "emscripten"))]
unsafe fn errno_location() -> *mut libc::c_int {
    // SAFETY: always valid for the calling thread.
    unsafe { libc::__errno_location() }
}

#[cfg(any(target_os = "macos", target_os = "ios", target_os = "freebsd"))]
unsafe fn errno_location() -> *mut libc::c_int {
    // SAFETY: always valid for the calling thread.
    unsafe { libc::__error() }
}

//! Does a window lie in the page cache?

use std::ops::Range;

use super::BulkFile;

/// What is known of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "other systems are not asked"))]
pub(super) enum Residency {
    /// All of it lies in the page cache.
    Cached,
    /// Some of it does not.
    Absent,
    /// Some of it does not, and some was written just now: reading it past the page cache would make the system write
    /// it back first.
    BeingWritten,
}

/// Asks about a range that is not empty; `None` where the system does not say.
#[cfg(target_os = "linux")]
pub(super) fn residency(file: &BulkFile<'_>, range: &Range<u64>) -> Option<Residency> {
    if let Some(pages) = crate::io::map::cached_pages(file.file().local()?, range) {
        return Some(match pages {
            pages if pages.all => Residency::Cached,
            pages if pages.unwritten => Residency::BeingWritten,
            _ => Residency::Absent,
        });
    }
    probe(file, range)
}

/// Asks about a range that is not empty; `None` where the system does not say.
#[cfg(not(target_os = "linux"))]
pub(super) fn residency(_file: &BulkFile<'_>, _range: &Range<u64>) -> Option<Residency> {
    None
}

/// Reads single bytes that may not be waited for: they come only from the page cache. A sample, but being wrong costs
/// nothing except time.
#[cfg(target_os = "linux")]
fn probe(file: &BulkFile<'_>, range: &Range<u64>) -> Option<Residency> {
    use rustix::io::{Errno, ReadWriteFlags, preadv2};
    use std::io::IoSliceMut;

    /// Distance between two bytes that are asked for.
    const STEP: usize = 128 << 10;

    let descriptor = file.reopened.probe.get_or_init(|| {
        let file = file.reopen(0)?;
        // Otherwise a byte that is not there makes the system read ahead from it.
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Random).ok()?;
        Some(file)
    });
    let descriptor = descriptor.as_ref()?;
    for offset in range.clone().step_by(STEP).chain([range.end - 1]) {
        let mut byte = [0];
        match preadv2(descriptor, &mut [IoSliceMut::new(&mut byte)], offset, ReadWriteFlags::NOWAIT) {
            Ok(1) => {}
            Ok(_) | Err(Errno::AGAIN) => return Some(Residency::Absent),
            Err(_) => return None,
        }
    }
    Some(Residency::Cached)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_asking_agree_about_a_file_just_written() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![1; 3 << 20]).unwrap();
        let bulk = BulkFile::open(file.path()).unwrap();
        assert_eq!(residency(&bulk, &(0..3 << 20)), Some(Residency::Cached));
        assert!(matches!(probe(&bulk, &(100..(3 << 20) - 7)), Some(Residency::Cached) | None));
    }
}

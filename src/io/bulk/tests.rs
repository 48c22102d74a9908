#![expect(clippy::cast_possible_truncation, reason = "the files of these tests fit in memory")]

use std::io::Write as _;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::time::SystemTime;

use proptest::prelude::*;

use super::*;
// Not the one of the prelude above.
use super::Strategy;
use crate::error::Error;
use crate::io::{NoProgress, Progress};
use crate::types::Crc32c;

/// Sizes so small that a short file has every border; a unit is not a power of two of windows.
const SMALL: Geometry = Geometry { unit: 3 * 4096, window: 4096, small: 0 };
const STRATEGIES: [Strategy; 4] = [Strategy::Auto, Strategy::Mmap, Strategy::Pread, Strategy::Direct];

fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
    .take(len)
    .collect()
}

fn file_of(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn small(path: &Path) -> BulkFile<'static> {
    BulkFile { geometry: SMALL, ..BulkFile::open(path).unwrap() }
}

fn options(strategy: Strategy, threads: usize) -> IoOptions {
    IoOptions { threads, strategy }
}

/// Everything that the windows of a range hold, in one piece.
fn gathered(file: &BulkFile<'_>, range: Range<u64>, options: &IoOptions) -> (Vec<u8>, ReadOutcome) {
    let mut bytes = Vec::new();
    let outcome = file
        .for_each_window(range.clone(), options, &NoProgress, &mut |offset, window| {
            assert_eq!(offset, range.start + bytes.len() as u64);
            assert!(window.len() as u64 <= file.geometry.window);
            bytes.extend_from_slice(window);
            ControlFlow::Continue(())
        })
        .unwrap();
    (bytes, outcome)
}

fn assert_reads(file: &BulkFile<'_>, bytes: &[u8], range: Range<u64>, options: &IoOptions) {
    let wanted = &bytes[range.start as usize..range.end as usize];
    let sum = file.checksum(range.clone(), options, &NoProgress).unwrap();
    assert_eq!(sum.crc, Crc32c::of(wanted), "{range:?} {options:?}");
    assert_eq!((sum.read.bytes, sum.read.change), (wanted.len() as u64, None));
    let served = sum.read.served;
    assert_eq!(served.mapped + served.direct + served.buffered, wanted.len() as u64);
    let (gathered, read) = gathered(file, range.clone(), options);
    assert!(gathered == wanted, "{range:?} {options:?}");
    assert_eq!((read.bytes, read.change), (wanted.len() as u64, None));
}

/// Calls a function once, when the first bytes are done.
struct Meddler<F>(std::sync::Mutex<Option<F>>);

impl<F: FnOnce()> Meddler<F> {
    fn new(meddle: F) -> Self {
        Self(std::sync::Mutex::new(Some(meddle)))
    }
}

impl<F: FnOnce() + Send> Progress for Meddler<F> {
    fn advance(&self, _bytes: u64) {
        let meddle = self.0.lock().unwrap().take();
        if let Some(meddle) = meddle {
            meddle();
        }
    }
    fn expect(&self, _bytes: u64) {}
    fn interrupted(&self) -> bool {
        false
    }
}

#[test]
fn every_length_around_a_border_gives_the_serial_checksum() {
    let bytes = noise(8 * 4096 + 1);
    for border in (0..=8).map(|windows| windows * 4096_usize) {
        for len in border.saturating_sub(2)..(border + 3).min(bytes.len()) {
            let file = file_of(&bytes[..len]);
            let bulk = small(file.path());
            for strategy in STRATEGIES {
                for threads in [1, 3] {
                    assert_reads(&bulk, &bytes, 0..len as u64, &options(strategy, threads));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_part_gives_the_serial_checksum(
        len in 0_u64..100_000,
        ends in any::<(u64, u64)>(),
        strategy in proptest::sample::select(&STRATEGIES[..]),
        threads in 0_usize..5,
    ) {
        let bytes = noise(len as usize);
        let file = file_of(&bytes);
        let (a, b) = (ends.0 % (len + 1), ends.1 % (len + 1));
        assert_reads(&small(file.path()), &bytes, a.min(b)..a.max(b), &options(strategy, threads));
        let map = MappedFile::open(file.path()).unwrap();
        assert_reads(&BulkFile::over(&map), &bytes, a.min(b)..a.max(b), &options(strategy, threads));
    }

    #[test]
    fn cells_cover_a_range_without_gap_or_overlap(start in 0_u64..1000, len in 0_u64..1000, size in 1_u64..100) {
        let cells = Cells { range: start..start + len, size };
        let mut at = start;
        for cell in cells.iter() {
            prop_assert_eq!(cell.start, at);
            prop_assert!(cell.end > cell.start && cell.end - cell.start <= size);
            prop_assert!(cell.end.is_multiple_of(size) || cell.end == start + len);
            at = cell.end;
        }
        prop_assert_eq!(at, start + len);
    }
}

#[test]
fn the_usual_sizes_and_a_sparse_file_with_an_unaligned_tail() {
    let bytes = noise(100_000);
    let file = file_of(&[]);
    let len = (37 << 20) + 4321;
    file.as_file().set_len(len).unwrap();
    file.as_file().write_all_at(&bytes, (16 << 20) - 50_000).unwrap();
    let mut whole = vec![0; len as usize];
    whole[(16 << 20) - 50_000..][..100_000].copy_from_slice(&bytes);
    let bulk = BulkFile::open(file.path()).unwrap();
    for strategy in STRATEGIES {
        assert_reads(&bulk, &whole, 0..len, &options(strategy, 0));
        assert_reads(&bulk, &whole, (4 << 20) + 17..len - 4, &options(strategy, 2));
    }
}

#[test]
fn what_lies_behind_the_end_is_not_part_of_the_range() {
    let file = file_of(&noise(5000));
    let sum = checksum_range(file.path(), 4000..u64::MAX, &IoOptions::default(), &NoProgress).unwrap();
    assert_eq!((sum.crc, sum.read.bytes), (Crc32c::of(&noise(5000)[4000..]), 1000));
    let sum = checksum_range(file.path(), 6000..7000, &IoOptions::default(), &NoProgress).unwrap();
    assert_eq!((sum.crc, sum.read.bytes), (Crc32c(0), 0));
}

#[test]
fn a_small_file_is_read_without_questions() {
    let file = file_of(&noise(4096));
    let sum = checksum_range(file.path(), 0..4096, &IoOptions::default(), &NoProgress).unwrap();
    assert_eq!(sum.read.served, Served { buffered: 4096, ..Served::default() });
    assert_eq!(sum.read.served.cached_share(), None);
}

/// A file system that lives in memory, where there is one.
#[cfg(target_os = "linux")]
#[test]
fn a_file_system_in_memory_is_read_with_every_strategy() {
    let Ok(mut file) = tempfile::NamedTempFile::new_in("/dev/shm") else { return };
    let bytes = noise((5 << 20) + 99);
    file.write_all(&bytes).unwrap();
    for strategy in STRATEGIES {
        let bulk = BulkFile::open(file.path()).unwrap();
        assert_reads(&bulk, &bytes, 3..bytes.len() as u64, &options(strategy, 2));
    }
}

/// What a file system without it answers to reading past the page cache: ordinary reads take over for good.
#[test]
fn direct_reads_that_are_refused_become_ordinary_ones() {
    let bytes = noise(50_000);
    let file = file_of(&bytes);
    let bulk = small(file.path());
    bulk.direct_refused.store(true, Ordering::Relaxed);
    assert_reads(&bulk, &bytes, 0..50_000, &options(Strategy::Direct, 2));
    let served = bulk.checksum(0..50_000, &options(Strategy::Direct, 2), &NoProgress).unwrap().read.served;
    assert_eq!(served, Served { buffered: 50_000, ..Served::default() });
}

#[test]
fn a_file_that_shrinks_while_it_is_summed_says_where_it_ended() {
    let bytes = noise(300_000);
    for strategy in STRATEGIES {
        let file = file_of(&bytes);
        let bulk = small(file.path());
        let cut = Meddler::new(|| file.as_file().set_len(100_007).unwrap());
        let sum = bulk.checksum(0..300_000, &options(strategy, 1), &cut).unwrap();
        assert_eq!(sum.read.change, Some(FileChange::Shrunk { at: 100_007 }), "{strategy:?}");
        assert_eq!((sum.read.bytes, sum.crc), (100_007, Crc32c::of(&bytes[..100_007])), "{strategy:?}");
    }
}

#[test]
fn a_file_that_shrinks_under_several_threads_says_so() {
    let bytes = noise(300_000);
    for strategy in STRATEGIES {
        let file = file_of(&bytes);
        let bulk = small(file.path());
        let cut = Meddler::new(|| file.as_file().set_len(7).unwrap());
        let sum = bulk.checksum(0..300_000, &options(strategy, 4), &cut).unwrap();
        assert!(matches!(sum.read.change, Some(FileChange::Shrunk { at: 7.. })), "{strategy:?} {sum:?}");
        assert_eq!(sum.crc, Crc32c::of(&bytes[..sum.read.bytes as usize]), "{strategy:?}");
    }
}

#[test]
fn a_file_that_shrinks_while_it_is_walked_says_so() {
    let bytes = noise(300_000);
    for strategy in STRATEGIES {
        for threads in [1, 2] {
            let file = file_of(&bytes);
            let bulk = small(file.path());
            let mut seen = 0;
            let outcome = bulk
                .for_each_window(0..300_000, &options(strategy, threads), &NoProgress, &mut |_, window| {
                    if seen == 0 {
                        file.as_file().set_len(9).unwrap();
                    }
                    seen += window.len() as u64;
                    ControlFlow::Continue(())
                })
                .unwrap();
            assert!(matches!(outcome.change, Some(FileChange::Shrunk { at: 9.. })), "{strategy:?} {outcome:?}");
            assert_eq!(outcome.bytes, seen);
            assert!(seen < 300_000);
        }
    }
}

#[test]
fn other_changes_are_told_apart() {
    let bytes = noise(60_000);
    type Meddling = fn(&tempfile::NamedTempFile);
    let cases: [(Meddling, FileChange); 4] = [
        (|file| file.as_file().write_all_at(b"more", 60_000).unwrap(), FileChange::Grown),
        (|file| file.as_file().set_modified(SystemTime::UNIX_EPOCH).unwrap(), FileChange::Modified),
        (|file| std::fs::rename(file_of(b"new").into_temp_path().keep().unwrap(), file.path()).unwrap(), FileChange::Replaced),
        (|file| std::fs::remove_file(file.path()).unwrap(), FileChange::Vanished),
    ];
    for (meddle, change) in cases {
        for strategy in STRATEGIES {
            let file = file_of(&bytes);
            let bulk = small(file.path());
            let sum = bulk.checksum(0..60_000, &options(strategy, 2), &Meddler::new(|| meddle(&file))).unwrap();
            assert_eq!((sum.read.change, sum.crc, sum.read.bytes), (Some(change), Crc32c::of(&bytes), 60_000));
        }
    }
}

#[test]
fn a_file_that_shrank_and_grew_again_under_a_mapping_is_not_called_whole() {
    let bytes = noise(300_000);
    let file = file_of(&bytes);
    let map = MappedFile::open(file.path()).unwrap();
    file.as_file().set_len(0).unwrap();
    assert_eq!(map.bytes()[100_000], 0);
    file.as_file().write_all_at(&bytes, 0).unwrap();
    let sum = BulkFile::over(&map).checksum(0..300_000, &options(Strategy::Mmap, 1), &NoProgress).unwrap();
    // The zeros under the mapping are not the file's: they were read again.
    assert_eq!((sum.crc, sum.read.served.mapped), (Crc32c::of(&bytes), 0));
}

#[test]
fn the_visitor_may_have_seen_enough() {
    let file = file_of(&noise(100_000));
    let bulk = small(file.path());
    for strategy in STRATEGIES {
        let mut windows = 0;
        let outcome = bulk
            .for_each_window(0..100_000, &options(strategy, 2), &NoProgress, &mut |_, _| {
                windows += 1;
                if windows == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
        assert_eq!((windows, outcome.bytes, outcome.change), (3, 3 * 4096, None));
    }
}

#[test]
fn an_interrupt_ends_the_work() {
    struct Interrupted;
    impl Progress for Interrupted {
        fn advance(&self, _bytes: u64) {}
        fn expect(&self, _bytes: u64) {}
        fn interrupted(&self) -> bool {
            true
        }
    }
    let file = file_of(&noise(100_000));
    let bulk = small(file.path());
    for threads in [1, 3] {
        let options = options(Strategy::Auto, threads);
        assert!(matches!(bulk.checksum(0..100_000, &options, &Interrupted), Err(Error::Interrupted)));
        let visited = bulk.for_each_window(0..100_000, &options, &Interrupted, &mut |_, _| ControlFlow::Continue(()));
        assert!(matches!(visited, Err(Error::Interrupted)));
    }
}

#[test]
fn progress_is_told_every_byte_once() {
    #[derive(Default)]
    struct Counter(AtomicU64, AtomicU64);
    impl Progress for Counter {
        fn advance(&self, bytes: u64) {
            self.0.fetch_add(bytes, Ordering::Relaxed);
        }
        fn expect(&self, bytes: u64) {
            self.1.fetch_add(bytes, Ordering::Relaxed);
        }
        fn interrupted(&self) -> bool {
            false
        }
    }
    let file = file_of(&noise(100_000));
    let counter = Counter::default();
    small(file.path()).checksum(5..99_999, &options(Strategy::Auto, 3), &counter).unwrap();
    assert_eq!((counter.0.into_inner(), counter.1.into_inner()), (99_994, 99_994));
}

/// A read that fails is an error with the file's name, never a short file. A directory stands in for a broken disk: it
/// opens, and reading it fails.
#[test]
fn a_failing_read_is_an_error_that_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = File::open(dir.path()).unwrap();
    let stamp = FileStamp { size: 100_000, ..FileStamp::of(&file.metadata().unwrap()) };
    let bulk = BulkFile { geometry: SMALL, ..BulkFile::of(OpenFile::of_local(file, dir.path(), stamp)) };
    for strategy in STRATEGIES {
        for threads in [1, 3] {
            let options = options(strategy, threads);
            let error = bulk.checksum(0..100_000, &options, &NoProgress).unwrap_err();
            assert!(error.to_string().starts_with(&format!("{}: cannot read at offset ", dir.path().display())), "{error}");
            let visited = bulk.for_each_window(0..100_000, &options, &NoProgress, &mut |_, _| ControlFlow::Continue(()));
            assert!(matches!(visited, Err(Error::Read { .. })));
        }
    }
}

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

use super::*;

fn file_of(len: usize) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&vec![0xa5; len]).unwrap();
    file
}

fn cut(file: &tempfile::NamedTempFile, len: u64) {
    OpenOptions::new().write(true).open(file.path()).unwrap().set_len(len).unwrap();
}

/// How many bytes are still what was written.
fn written(map: &MappedFile) -> usize {
    map.bytes().iter().map(|&byte| usize::from(byte == 0xa5)).sum()
}

#[test]
fn a_whole_file_is_mapped() {
    let file = file_of(3 << 20);
    let map = MappedFile::open(file.path()).unwrap();
    assert_eq!(map.bytes().len(), 3 << 20);
    assert!(map.bytes().iter().all(|&byte| byte == 0xa5));
    assert!(!map.faulted() && !map.changed());
    assert_eq!(map.fault().unwrap(), None);
}

#[test]
fn an_empty_file_has_no_bytes() {
    let map = MappedFile::open(file_of(0).path()).unwrap();
    assert!(map.bytes().is_empty() && !map.faulted());
    map.release_before(u64::MAX);
    map.prefetch(0..u64::MAX);
    assert!(map.populate(0..u64::MAX));
}

#[test]
fn a_file_cut_while_it_is_read_reads_as_zeros_and_says_so() {
    let file = file_of(8 << 20);
    let map = MappedFile::open(file.path()).unwrap();
    assert_eq!(map.bytes()[5 << 20], 0xa5);
    cut(&file, (1 << 20) + 100);
    let kept = written(&map);
    assert_eq!(kept, (1 << 20) + 100);
    assert!(map.faulted() && map.changed());
    assert_eq!(map.fault().unwrap(), Some(MapFault::Shrunk { len: (1 << 20) + 100 }));
    // Reading, releasing and reading again survives as well, and so does a second cut below the first.
    map.release_before(8 << 20);
    cut(&file, 0);
    assert!(map.bytes().iter().all(|&byte| byte == 0));
}

#[test]
fn a_file_cut_and_grown_again_is_still_a_fault() {
    let file = file_of(1 << 20);
    let map = MappedFile::open(file.path()).unwrap();
    cut(&file, 0);
    assert_eq!(map.bytes()[1 << 19], 0);
    cut(&file, 2 << 20);
    assert_eq!(map.fault().unwrap(), Some(MapFault::Unreadable { at: 1 << 19 }));
}

#[test]
fn one_fault_leaves_other_mappings_alone() {
    let files: Vec<_> = (0..SLOTS_AND_MORE).map(|_| file_of(64 << 10)).collect();
    let maps: Vec<_> = files.iter().map(|file| MappedFile::open(file.path()).unwrap()).collect();
    cut(&files[SLOTS_AND_MORE - 1], 0);
    let sums: Vec<usize> = maps.iter().map(written).collect();
    assert!(sums[..SLOTS_AND_MORE - 1].iter().all(|&sum| sum == 64 << 10));
    assert_eq!(sums[SLOTS_AND_MORE - 1], 0);
    assert_eq!(maps.iter().filter(|map| map.faulted()).count(), 1);
}

/// More mappings than one link of slots holds.
const SLOTS_AND_MORE: usize = 70;

#[test]
fn many_threads_may_meet_the_same_end() {
    let file = file_of(4 << 20);
    let map = MappedFile::open(file.path()).unwrap();
    cut(&file, 1 << 20);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(written(&map), 1 << 20));
        }
    });
    assert!(map.faulted());
}

#[test]
fn populate_tells_a_cut_file_without_a_fault() {
    let file = file_of(4 << 20);
    let map = MappedFile::open(file.path()).unwrap();
    assert!(map.populate(0..4 << 20));
    cut(&file, 1 << 20);
    assert!(map.populate(0..1 << 20));
    if cfg!(target_os = "linux") {
        assert!(!map.populate(1 << 20..4 << 20));
    }
    assert!(!map.faulted());
}

#[test]
fn released_bytes_can_be_read_again() {
    let file = file_of((5 << 20) + 17);
    let map = MappedFile::open(file.path()).unwrap();
    for offset in (0..=map.bytes().len()).step_by(100_000) {
        assert_eq!(map.bytes()[offset], 0xa5);
        map.release_before(offset as u64);
    }
    map.release_before(u64::MAX);
    assert!(map.bytes().iter().all(|&byte| byte == 0xa5));
    assert!(!map.faulted());
}

/// What the process does about a fault that is not ours must not change. Such a fault ends the process, so a second run
/// of this very test program has it.
#[test]
fn a_fault_in_foreign_memory_still_ends_the_process() {
    const SWITCH: &str = "EKV_TOOL_TEST_FOREIGN_FAULT";
    let file = file_of(1 << 20);
    if std::env::var_os(SWITCH).is_some() {
        let _guarded = MappedFile::open(file.path()).unwrap();
        let foreign = map_file(file.as_file(), 1 << 20).unwrap();
        cut(&file, 0);
        assert_eq!(foreign[1 << 19], 0, "reached only when the fault was survived");
        return;
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "io::map::tests::a_fault_in_foreign_memory_still_ends_the_process"])
        .env(SWITCH, "1")
        .output()
        .unwrap()
        .status;
    assert_eq!(status.signal(), Some(libc::SIGBUS));
}

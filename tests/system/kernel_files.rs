//! Files that the kernel makes, sizes that no disk has, and directories with more names than anybody expects.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::formats::pebble::sstable::Compression;
use ekv_tool::ops::{CompareOptions, VerifyDepth, compare, store_verify};

use super::odd_files::needs;
use super::{Healthy, commands, name_of, run, skip};
use crate::support::log_writer::LogWriter;
use crate::support::node_dir::{NodeDir, ids};
use crate::support::seal::{block_end, masked};
use crate::support::store_writer::StoreWriter;
use crate::support::table_writer::{Options, SET};

/// No command waits for a file of the kernel, and none that needs one is content with it.
#[test]
fn files_of_the_kernel_are_no_data() {
    let healthy = Healthy::copy();
    let mut wrong = Vec::new();
    for file in healthy.files() {
        let aside = healthy.other.with_file_name("aside");
        fs::rename(&file, &aside).unwrap();
        // One that has to be waited for, one that says that it is empty, one that cannot be read at its beginning.
        for target in ["/proc/kmsg", "/proc/self/status", "/proc/self/mem"] {
            if fs::symlink_metadata(target).is_err() {
                continue;
            }
            symlink(target, &file).unwrap();
            for command in healthy.commands(&file) {
                let status = run(&command).status;
                let name = if command[0] == "wal" || command[0] == "store" { command[..2].join(" ") } else { command[0].clone() };
                let marks = ["LOCK", "marker"].iter().any(|mark| name_of(&file).starts_with(mark));
                let inspected = name == "inspect" && !marks;
                if status == 0 && (inspected || needs(&file, "kernel").contains(&name.as_str())) {
                    wrong.push(format!("{target} as {}: {name} is content", name_of(&file)));
                }
            }
            fs::remove_file(&file).unwrap();
        }
        fs::rename(&aside, &file).unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn nothing_is_found_in(dirs: &[&str]) {
    for dir in dirs.iter().map(Path::new).filter(|dir| dir.is_dir()) {
        for command in commands(dir, dir, dir) {
            assert_ne!(run(&command).status, 0, "{command:?}");
        }
    }
}

#[test]
fn directories_of_the_kernel_hold_no_group() {
    nothing_is_found_in(&["/proc/sys/kernel", "/proc/self/fd", "/sys/kernel/mm"]);
}

#[test]
#[ignore = "lists everything in /proc and /sys"]
fn the_kernels_file_systems_hold_no_group() {
    nothing_is_found_in(&["/proc", "/sys", "/proc/self", "/dev"]);
}

/// Files as long as a file can be, under each name.
#[test]
fn files_of_the_largest_size_are_not_read() {
    let healthy = Healthy::copy();
    // Other file systems have no files of that size.
    let Ok(dir) = tempfile::tempdir_in("/dev/shm") else { return skip("no /dev/shm") };
    let long = dir.path().join("long");
    if File::create(&long).unwrap().set_len(i64::MAX.cast_unsigned()).is_err() {
        return skip("no files of 2^63 - 1 bytes in /dev/shm");
    }
    let mut wrong = Vec::new();
    for file in healthy.files() {
        let aside = healthy.other.with_file_name("aside");
        fs::rename(&file, &aside).unwrap();
        symlink(&long, &file).unwrap();
        for command in healthy.commands(&file) {
            let started = Instant::now();
            let status = run(&command).status;
            let name = if command[0] == "wal" || command[0] == "store" { command[..2].join(" ") } else { command[0].clone() };
            if status == 0 && (name == "inspect" || needs(&file, "long").contains(&name.as_str())) {
                wrong.push(format!("{}: {name} is content", name_of(&file)));
            }
            if started.elapsed().as_secs() > 20 {
                wrong.push(format!("{}: {name} takes {:?}", name_of(&file), started.elapsed()));
            }
        }
        fs::remove_file(&file).unwrap();
        fs::rename(&aside, &file).unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Names beside the data in each directory of a group.
fn among_many_names(count: usize) {
    let healthy = Healthy::copy();
    for dir in ["wal", "snap", "fsm-snap", "fsm.db"] {
        for number in 0..count {
            File::create(healthy.group.join(dir).join(format!("stray{number}"))).unwrap();
        }
    }
    for command in healthy.commands(&healthy.group) {
        let started = Instant::now();
        let status = run(&command).status;
        eprintln!("{count} names: {} {}: {status} after {:?}", command[0], command[1], started.elapsed());
        assert!([0, 2, 3].contains(&status), "{command:?}");
    }
}

#[test]
fn many_names_are_passed_over() {
    among_many_names(500);
}

#[test]
#[ignore = "makes 800,000 files"]
fn very_many_names_are_passed_over() {
    among_many_names(200_000);
}

#[test]
fn fifty_nodes_are_compared() {
    let root = tempfile::tempdir().unwrap();
    let names: Vec<String> = (1..=50).map(|number| format!("n{number}")).collect();
    let members: Vec<&str> = names.iter().map(String::as_str).collect();
    let voters = ids(&members);
    let mut log = LogWriter::new();
    log.snapshot(0, 0, &voters).state(1, 0, 0).entries(1, 200, 1).state(1, 0, 200);
    let nodes: Vec<_> = members.iter().map(|name| NodeDir::below(root.path(), name, &log).peers(0, &members)).collect();
    let paths: Vec<PathBuf> = nodes.iter().map(|node| node.path().to_owned()).collect();
    let started = Instant::now();
    let report = compare(&paths, &CompareOptions::default(), &Run::local().on_threads(2)).unwrap();
    eprintln!("50 nodes in {:?}", started.elapsed());
    assert_eq!(report.body.groups.len(), 1);
    assert!(report.findings.iter().all(|finding| finding.code.code != "cross-log-mismatch"), "{:?}", report.findings);
}

/// Blocks of MinLZ that claim more than they hold.
#[test]
fn a_minlz_block_is_believed_only_what_it_can_hold() {
    for claim in [8 << 20, (8 << 20) + 1, 1 << 31, 1 << 40, u64::MAX] {
        let mut payload = vec![0];
        ekv_tool::formats::varint::encode(claim, &mut payload);
        payload.extend([0x03, 0xff, 0xff]);
        let mut scratch = Vec::new();
        assert!(Compression::MinLz.decompress(&payload, &mut scratch).is_err(), "{claim}");
        assert!(scratch.capacity() <= 16 << 20, "{claim}: {}", scratch.capacity());

        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("fsm.db");
        let mut store = StoreWriter::new(&path).unwrap();
        let options = Options { snappy: false, ..Options::default() };
        let number = store.table(6, options, |table| table.point(b"key", 10, SET, &[7; 64])).unwrap();
        store.finish().unwrap();
        let table = path.join(format!("{number:06}.sst"));
        let mut bytes = fs::read(&table).unwrap();
        // The first block, under a right checksum.
        let end = block_end(&bytes, 0).unwrap();
        bytes[..payload.len()].copy_from_slice(&payload);
        bytes[end - 1] = 8;
        let sum = masked(&bytes[..end]).to_le_bytes();
        bytes[end..end + 4].copy_from_slice(&sum);
        fs::write(&table, bytes).unwrap();
        let report = store_verify(&[path], VerifyDepth::Rows, &Run::local()).unwrap();
        assert_ne!(report.verdict, Verdict::Clean, "{claim}");
    }
}

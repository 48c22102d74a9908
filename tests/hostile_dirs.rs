//! Hostile directories from random bytes, in memory, under every command: what the fuzz targets `commands_*` search for, tried on a
//! sample. `EKV_HOSTILE_DIRS=1000000` tries more, from `EKV_HOSTILE_FIRST` on; `EKV_HOSTILE_WRITE=DIR` lays them out.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::report::OutputFormat;

use crate::support::bombs::Dice as Seed;
use crate::support::commands::{Command, Place, ask};
use crate::support::hostile::{self, Dice, Directory, Thing};
use crate::support::oracles::hold;
use crate::support::raftwal_writer;

/// Directories of each kind.
const COUNT: u64 = 1500;

fn from_environment(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().map_or(usual, |number| number.parse().unwrap())
}

/// The bytes of a seed: as many zeros as others in the long run, since behind zeros everything is usual.
fn bytes_of(seed: u64) -> Vec<u8> {
    let mut dice = Seed::new(seed);
    let rarely = 1 + dice.roll(8);
    let len = 16 + dice.roll(400);
    (0..len).map(|at| if at < 8 || dice.roll(rarely) == 0 { u8::try_from(dice.roll(256)).unwrap() } else { 0 }).collect()
}

/// Lays a directory out on the disk, to be looked at.
fn write(directory: &Directory, at: &Path) {
    for (name, thing) in &directory.things {
        let path = at.join(name);
        let _ = fs::create_dir_all(path.parent().unwrap());
        let _ = match thing {
            Thing::File(bytes) => fs::write(&path, bytes),
            Thing::Directory => fs::create_dir_all(&path),
            Thing::Link(target) => symlink(target, &path),
        };
    }
}

/// Tells what did not hold, each kind of complaint once, with the first seed that shows it.
fn try_seeds(build: fn(&mut Dice<'_>) -> Directory) {
    let (first, count) = (from_environment("EKV_HOSTILE_FIRST", 0), from_environment("EKV_HOSTILE_DIRS", COUNT));
    let mut wrong = BTreeMap::<String, (u64, u64, String)>::new();
    for seed in first..first + count {
        let bytes = bytes_of(seed);
        let (asked, built) = bytes.split_at(8);
        if let Ok(to) = std::env::var("EKV_HOSTILE_WRITE") {
            write(&build(&mut Dice::new(built)), &Path::new(&to).join(seed.to_string()));
        }
        let tried = catch_unwind(AssertUnwindSafe(|| {
            hold(&build(&mut Dice::new(built)), &mut Dice::new(asked), |work| work());
        }));
        if let Err(panic) = tried {
            let said = panic.downcast_ref::<String>().cloned();
            let said = said.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned())).unwrap_or_default();
            let kind = said.chars().filter(|c| !c.is_ascii_digit()).take(90).collect();
            wrong.entry(kind).or_insert((seed, 0, said)).1 += 1;
        }
    }
    let told: Vec<_> = wrong
        .values()
        .map(|(seed, times, said)| format!("seed {seed}, {times} times: {}", said.chars().take(600).collect::<String>()))
        .collect();
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.values().map(|(_, times, _)| times).sum::<u64>(), told.join("\n\n"));
}

#[test]
fn group_directories_keep_to_the_rules() {
    try_seeds(hostile::group);
}

#[test]
fn directories_of_hashicorp_keep_to_the_rules() {
    try_seeds(hostile::hashicorp_node);
}

/// One digit of the list, which has no checksum of its own, claims entries for centuries of reading.
#[test]
fn a_list_of_segments_that_claims_every_index_is_soon_read() {
    let segments = raftwal_writer::segments();
    let claims = |sealed: bool, max: u64| {
        let mut segments = segments.clone();
        if sealed {
            segments[0].max = max;
        } else {
            segments[1].max = max;
            segments[1].index_start = 0;
        }
        segments
    };
    for (sealed, max) in [(true, u64::MAX), (true, 1 << 40), (false, u64::MAX), (false, 1 << 63)] {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("n1");
        raftwal_writer::write(&dir, &claims(sealed, max));
        let place = Place { file: dir.join("wal/wal-meta.db"), other: PathBuf::new(), dir };
        for command in Command::ALL {
            let answer = ask(command, &place, &[OutputFormat::Json], &Run::local());
            if matches!(command, Command::Check | Command::WalVerify) {
                assert_eq!(answer.unwrap().verdict, Verdict::Damaged, "{sealed} {max}: {command:?}");
            }
        }
    }
}

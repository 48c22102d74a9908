//! A disk that does not deliver one page of one file. Every command that meets the page says so, with the file, the offset
//! and the system's words; none takes the data for damaged, and none that needed the page calls it fine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{Ended, Healthy, finish, name_of, run, skip, tool};

const PAGE: u64 = 4096;

/// The library that makes a page unreadable, or `None` where there is no C compiler.
fn library() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let compile = || {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/bad_page.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libbad_page.so");
        // Another process may be using the one that is there.
        let unfinished = library.with_extension(std::process::id().to_string());
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&unfinished).arg(source).arg("-ldl");
        match command.output() {
            Ok(done) => {
                assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
                fs::rename(&unfinished, &library).unwrap();
                Some(library)
            }
            Err(_) => {
                skip("no C compiler (cc), so no disk with an unreadable page");
                None
            }
        }
    };
    LIBRARY.get_or_init(compile).as_deref()
}

/// One page of a file that cannot be read.
struct BadPage<'p> {
    file: &'p Path,
    at: u64,
    /// The file can be mapped, and touching the page in the mapping is a fault.
    mapped: bool,
}

/// Runs a command, and returns with it the offsets of the reads that were refused.
fn run_with(library: &Path, bad: &BadPage<'_>, arguments: &[String]) -> (Ended, BTreeSet<u64>) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = tool();
    command.args(arguments).env("LD_PRELOAD", library);
    command.env("EKV_BAD_FILE", bad.file).env("EKV_BAD_AT", bad.at.to_string());
    command.env("EKV_BAD_LOG", log.path()).env("EKV_BAD_MAP", if bad.mapped { "fault" } else { "refuse" });
    let ended = finish(&mut command);
    let refused = fs::read_to_string(log.path()).unwrap();
    (ended, refused.lines().map(|line| line.parse().unwrap()).collect())
}

#[test]
fn an_unreadable_page_is_named_and_decides_nothing() {
    let Some(library) = library() else { return };
    let healthy = Healthy::copy();
    let commands = healthy.commands(&healthy.group);
    let usual: BTreeMap<_, i32> = commands.into_iter().map(|command| (command.clone(), run(&command).status)).collect();
    let (mut met, mut wrong) = (BTreeMap::new(), Vec::new());
    for file in healthy.files().iter().filter(|file| file.metadata().unwrap().len() > 0) {
        let name = name_of(file);
        let last = (file.metadata().unwrap().len() - 1) / PAGE * PAGE;
        // The first page, one in the middle, and the last; both ways of reading.
        let places = BTreeSet::from([0, last / 2 / PAGE * PAGE, last]);
        for (at, mapped) in places.into_iter().flat_map(|at| [(at, true), (at, false)]) {
            let bad = BadPage { file, at, mapped };
            for command in healthy.commands(file) {
                let (ended, refused) = run_with(library, &bad, &command);
                let (status, text) = (ended.status, ended.text());
                let what = || format!("{name} at {at} (mapped: {mapped}): {command:?}: {status}\n{text}");
                if !refused.is_empty() {
                    // A start that does not come to a file is forecast without it.
                    let fine = [1, 3].contains(&status) || (command[0] == "gate-dryrun" && status == usual[&command]);
                    let words = |at: &u64| format!("offset {at}: Input/output error (os error 5)");
                    if !fine || !text.contains(name) || !refused.iter().any(|at| text.contains(&words(at))) {
                        wrong.push(what());
                    }
                    *met.entry(command[0].clone()).or_insert(0) += 1;
                } else if usual.get(&command).is_some_and(|&usual| usual != status) {
                    wrong.push(what());
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n\n"));
    // Otherwise the library has not done its work.
    assert!(met.len() >= 7 && met.values().sum::<u32>() > 150, "{met:?}");
}

/// A payload that is read in windows by several threads. Its checksum is wrong, so that seeing all of it gives 2.
#[test]
fn an_unreadable_page_in_a_large_payload_is_unknown() {
    let Some(library) = library() else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap().join("0000000000000007.fsm");
    let mut bytes: Vec<u8> = (0..(40_u32 << 20) / 4).flat_map(u32::to_le_bytes).collect();
    bytes[..8].copy_from_slice(b"EKVPBBL1");
    fs::write(&path, bytes).unwrap();
    let arguments = ["verify-snapshot", path.to_str().unwrap(), "--format", "json"].map(str::to_owned);
    assert_eq!(run(&arguments).status, 2);
    for at in [0, 17 << 20, (40 << 20) - PAGE] {
        for mapped in [true, false] {
            let (ended, _) = run_with(library, &BadPage { file: &path, at, mapped }, &arguments);
            let text = ended.text();
            assert!(ended.status == 3 && text.contains(&format!("offset {at}: Input/output error")), "{at} {mapped}: {text}");
        }
    }
}

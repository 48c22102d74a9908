//! Codes about dumps of the offline tools, from dumps that are written for them.

use std::fs;
use std::path::Path;

use super::{Files, Provocation};
use crate::support::dump_writer::{Dump, tar_of};

const fn dump(code: &'static str, severity: &'static str, path: &'static str, build: fn(&Path)) -> Provocation {
    Provocation { code, severity, command: "verify-snapshot", files: Files::Built(build), target: "d", path, offset: None }
}

const fn archive(code: &'static str, severity: &'static str, offset: Option<u64>, build: fn(&Path)) -> Provocation {
    let files = Files::Built(build);
    Provocation { code, severity, command: "verify-snapshot", files, target: "d.tar", path: "d.tar", offset }
}

fn write(root: &Path, change: impl FnOnce(&mut Dump)) {
    let mut dump = Dump::default();
    change(&mut dump);
    dump.write(&root.join("d"));
}

const FILE: &str = "d/redis/db_0/strings/a.bin";

pub const ALL: &[Provocation] = &[
    dump("dump-manifest-refused", "error", "d/MANIFEST.json", |root| {
        write(root, |_| {});
        fs::write(root.join("d/MANIFEST.json"), b"{}").unwrap();
    }),
    dump("dump-checksums-refused", "error", "d/CHECKSUMS", |root| {
        write(root, |_| {});
        fs::write(root.join("d/CHECKSUMS"), b"x\n").unwrap();
    }),
    dump("dump-file-differs", "error", FILE, |root| {
        write(root, |_| {});
        fs::write(root.join(FILE), b"another").unwrap();
    }),
    dump("dump-file-missing", "error", FILE, |root| {
        write(root, |_| {});
        fs::remove_file(root.join(FILE)).unwrap();
    }),
    dump("dump-file-unlisted", "error", "d/redis/more", |root| {
        write(root, |_| {});
        fs::write(root.join("d/redis/more"), b"x").unwrap();
    }),
    dump("dump-entry-refused", "error", "d/redis/link", |root| {
        write(root, |_| {});
        std::os::unix::fs::symlink("db_0", root.join("d/redis/link")).unwrap();
    }),
    dump("dump-adapters-differ", "warning", "d/MANIFEST.json", |root| write(root, |dump| dump.adapters = "\"s3\": {}")),
    dump("dump-index-doubtful", "warning", "d/MANIFEST.json", |root| {
        write(root, |dump| dump.fsm_path = "0000000000000701.fsm");
    }),
    dump("dump-cluster-unnamed", "info", "d/MANIFEST.json", |root| write(root, |dump| dump.cluster = "")),
    dump("dump-self-test", "info", "d/redis/db_0/strings_ttl.jsonl", |root| {
        write(root, |dump| dump.file = "redis/db_0/strings_ttl.jsonl");
    }),
    archive("dump-archive-damaged", "error", Some(1000), |root| {
        let tar = tar_of(&Dump::default().entries());
        fs::write(root.join("d.tar"), &tar[..1000]).unwrap();
    }),
    archive("dump-odd", "info", None, |root| {
        let mut tar = tar_of(&Dump::default().entries());
        tar.extend_from_slice(b"more");
        fs::write(root.join("d.tar"), tar).unwrap();
    }),
];

//! Holds the `use crate::` lines of each layer against the table in docs/architecture.md.

use std::fs;
use std::path::{Path, PathBuf};

/// Layer, and the other layers that it may name.
const ALLOWED: &[(&str, &[&str])] = &[
    ("types", &[]),
    ("formats", &["types"]),
    ("crypto", &["formats", "types"]),
    ("io", &["types", "error"]),
    ("readers", &["io", "crypto", "formats", "types", "error"]),
    ("analysis", &["readers", "crypto", "formats", "types"]),
    ("report", &["analysis", "readers", "formats", "types"]),
    ("ops", &["report", "analysis", "readers", "crypto", "formats", "io", "types", "error"]),
];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && path.file_name().is_some_and(|name| name != "tests.rs")
        {
            // A file of tests may make directories to read.
            found.push(path);
        }
    }
}

/// The layers named after `crate::` in code (not in comments), tests left out.
fn layers_named(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut named = Vec::new();
    for line in code.lines().map(str::trim_start).filter(|line| !line.starts_with("//")) {
        for part in line.split("crate::").skip(1) {
            // `use crate::{a, b}` names several.
            let list = part.strip_prefix('{').map_or(part, |list| list.split('}').next().unwrap_or(list));
            let several = part.starts_with('{');
            for name in list.split(',').take(if several { usize::MAX } else { 1 }) {
                named.push(name.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect());
            }
        }
    }
    named
}

#[test]
fn no_layer_uses_one_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (layer, allowed) in ALLOWED {
        let mut files = Vec::new();
        sources(&root.join(layer), &mut files);
        assert!(!files.is_empty(), "layer {layer} has no files");
        for file in files {
            for name in layers_named(&fs::read_to_string(&file).unwrap()) {
                let known = ALLOWED.iter().any(|(other, _)| *other == name) || name == "error" || name == "Error";
                let name_of_layer = if name == "Error" { "error" } else { name.as_str() };
                if known && name != *layer && !allowed.contains(&name_of_layer) {
                    wrong.push(format!("{}: {layer} uses {name}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_layers_touch_no_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for layer in ["types", "formats", "crypto", "analysis", "report"] {
        let mut files = Vec::new();
        sources(&root.join(layer), &mut files);
        for file in files {
            let source = fs::read_to_string(&file).unwrap();
            let code = source.split("#[cfg(test)]\nmod tests").next().unwrap();
            for forbidden in ["std::fs", "std::env", "std::net", "std::process", "Instant::now", "SystemTime"] {
                assert!(!code.contains(forbidden), "{} names {forbidden}", file.display());
            }
        }
    }
}

/// A version is described by its traits. Texts that only one version says name it in `conditions`.
#[test]
fn no_code_compares_server_versions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let table = root.join("types/server_version.rs");
    let texts = root.join("analysis/server/conditions");
    for file in files.iter().filter(|file| **file != table && !file.starts_with(&texts)) {
        let source = fs::read_to_string(file).unwrap();
        let code = source.split("#[cfg(test)]").next().unwrap();
        for version in ["ServerVersion::Pr934", "ServerVersion::Main"] {
            assert!(!code.contains(version), "{} names {version} instead of a trait", file.display());
        }
    }
}

/// Names that only `formats::layout` spells. What people read (conditions, codes, help) has them inside of sentences, or as words of
/// its own, and is not code that finds a file.
#[test]
fn every_name_of_a_file_has_one_home() {
    const NAMES: &[&str] = &[
        "fsm-snap",
        "fsm.db",
        "etcd-raft-peers.bin",
        "raft-engine",
        "etcd-raft-state.bin",
        "etcd-raft-meta.bin",
        "etcd-raft-entries.bin",
        "etcd-fsm-snapshot.bin",
        "raft.db",
        "logs.dat",
        "stable.dat",
        "meta.json",
        "state.bin",
        "keys.json",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let is_prose = |path: &Path| {
        let path = path.strip_prefix(&root).unwrap().to_str().unwrap();
        path == "formats/layout.rs"
            // `inspect` has names of kinds, two of which are spelled like directories.
            || ["analysis/server/conditions", "analysis/judge/codes", "ops/inspect.rs", "report/body/snapshot_ls.rs", "analysis/inspect/dir.rs"]
                .iter()
                .any(|prose| path.starts_with(prose))
    };
    let mut wrong = Vec::new();
    for path in files.iter().filter(|path| !is_prose(path)) {
        let source = fs::read_to_string(path).unwrap();
        let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            wrong.extend(
                NAMES
                    .iter()
                    .filter(|name| line.contains(&format!("\"{name}\"")))
                    .map(|name| format!("{}:{}: {name}", path.display(), number + 1)),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

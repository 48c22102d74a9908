//! Holds the `use crate::` lines of each layer against the table in docs/architecture.md.

use std::collections::BTreeMap;
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

/// A file without the module of its tests, which stands at its end.
fn without_tests(source: &str) -> &str {
    const BEGINNINGS: [&str; 3] = ["#[cfg(test)]\nmod tests", "#[cfg(test)]\npub(crate) mod tests", "#[cfg(test)]\n#[allow"];
    let end = BEGINNINGS.iter().filter_map(|begin| source.find(begin)).min();
    &source[..end.unwrap_or(source.len())]
}

/// The layers named after `crate::` in code (not in comments), tests left out.
fn layers_named(source: &str) -> Vec<String> {
    let code = without_tests(source);
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
            let code = without_tests(&source);
            for forbidden in ["std::fs", "std::env", "std::net", "std::process", "Instant::now", "SystemTime"] {
                assert!(!code.contains(forbidden), "{} names {forbidden}", file.display());
            }
        }
    }
}

/// What reads the file system of this machine, whatever it is given to read.
const LOCAL_ONLY: &[&str] = &[
    "list_dir",
    "list_names",
    "look",
    "link_target",
    "real_path",
    "open_regular",
    "lock_state",
    "directory_id",
    "other_paths",
    "checksum_range",
];

/// Everything comes from the run's source: a directory may lie in memory, or under an overlay.
#[test]
fn readers_and_questions_touch_files_only_through_the_source() {
    const FORBIDDEN: &[&str] = &[
        "std::fs",
        "File::open(",
        "&Local",
        "Run::local(",
        "FileStamp::at(",
        "FileStamp::of(",
        ".exists()",
        ".try_exists()",
        ".is_file()",
        ".is_dir()",
        ".is_symlink()",
        ".metadata()",
        ".read_dir()",
        ".read_link()",
        ".canonicalize()",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root.join("readers"), &mut files);
    sources(&root.join("ops"), &mut files);
    files.retain(|file| !file.starts_with(root.join("readers/source")));
    let mut wrong = Vec::new();
    for file in files {
        let source = fs::read_to_string(&file).unwrap();
        let code = without_tests(&source);
        wrong.extend(FORBIDDEN.iter().filter(|call| code.contains(*call)).map(|call| format!("{}: {call}", file.display())));
        // What is taken from `io` by its name.
        for taken in code.split("crate::io::").skip(1) {
            let taken = taken.split(';').next().unwrap_or_default();
            let names = taken.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let names = if taken.starts_with('{') { names.collect::<Vec<_>>() } else { names.take(1).collect() };
            wrong.extend(names.iter().filter(|name| LOCAL_ONLY.contains(name)).map(|name| format!("{}: {name}", file.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
        let code = without_tests(&source);
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
        let code = without_tests(&source);
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

/// Siblings that may name each other, the folder they stand in first, each with its reason. No other two modules of one folder may,
/// neither directly nor through what lies in them.
const CIRCLES: &[(&str, [&str; 2], &str)] = &[
    (
        "analysis",
        ["judge", "server"],
        "the judge asks what a start does; what a start makes of a store carries findings about it",
    ),
    ("formats::pebble", ["columnar", "sstable"], "two layouts of the blocks of one table format, which hold the same rows"),
    ("ops", ["offload", "verify_snapshot"], "one command, in two files, with one set of options"),
    ("readers", ["pebble", "pebble_scan"], "a full look at a store ends with the walk that an open makes"),
    ("readers", ["pebble", "pebble_survey"], "a full look at a store is a survey of its tables"),
    ("report", ["render", "stream"], "a stream ends with a report, and the tables of a report are drawn from the same rows"),
    ("report", ["stream", "view"], "a section has typed rows, and a row has toned cells"),
    ("report::body", ["offload", "snapshot"], "one body in two files"),
];

/// Every module of the library with the code in it, tests left out. A folder's `mod.rs` is the folder.
fn modules() -> BTreeMap<Vec<String>, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut all = BTreeMap::new();
    for file in files {
        let below = file.strip_prefix(&root).unwrap().with_extension("");
        let mut path: Vec<String> = below.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        if path.last().is_some_and(|name| ["mod", "lib", "main"].contains(&name.as_str())) {
            path.pop();
        }
        if path.iter().any(|name| name == "tests") {
            continue;
        }
        let source = fs::read_to_string(&file).unwrap();
        let code = without_tests(&source);
        let code: Vec<_> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        // `lib.rs` and `main.rs` both stand for the root.
        all.entry(path).or_insert_with(String::new).push_str(&code.join("\n"));
    }
    all
}

/// The paths that a list of imports or a path in code spells out: `a::{b, c::{d, e}}` is three of them.
fn spelled(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![path.split("::").map(|part| part.trim().to_owned()).collect()];
    };
    let lead: Vec<String> = tree[..open].trim_end_matches("::").split("::").map(|part| part.trim().to_owned()).collect();
    let inside = tree[open + 1..].rsplit_once('}').map_or("", |(inside, _)| inside);
    let (mut depth, mut from, mut found) = (0, 0, Vec::new());
    for (at, c) in inside.char_indices().chain([(inside.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !inside[from..at].trim().is_empty() {
                    found.extend(spelled(&inside[from..at]).into_iter().map(|rest| [lead.clone(), rest].concat()));
                }
                from = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// What a module imports, and whether it passes that on.
type Imports = Vec<(bool, Vec<String>)>;

/// The imports of a module, and the paths in its code that begin with `crate`, `super` or the name of a neighbour.
fn paths_in(code: &str) -> (Imports, Vec<Vec<String>>) {
    let (mut imports, mut rest): (Imports, String) = Default::default();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let text = line.trim_start();
        let public = text.starts_with("pub");
        let import = if public { text.split_once(' ').map_or("", |(_, rest)| rest.trim_start()) } else { text };
        let import = import.rsplit_once(") ").map_or(import, |(_, rest)| rest);
        match import.strip_prefix("use ") {
            Some(tree) => {
                let mut tree = tree.to_owned();
                while !tree.contains(';') {
                    let Some(more) = lines.next() else { break };
                    tree.push_str(more);
                }
                let tree = tree.split(';').next().unwrap_or_default().to_owned();
                imports.extend(spelled(&tree).into_iter().map(|path| (public, path)));
            }
            None => {
                rest.push_str(line);
                rest.push('\n');
            }
        }
    }
    let is_path = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = rest.split(|c: char| !is_path(c)).filter(|word| word.contains("::") && !word.starts_with(':'));
    (imports, words.map(|word| word.split("::").map(str::to_owned).collect()).collect())
}

/// The module that a path in `here` leads to, as far as its parts are modules.
fn leads_to(
    modules: &BTreeMap<Vec<String>, String>,
    exports: &BTreeMap<(Vec<String>, String), Vec<String>>,
    here: &[String],
    path: &[String],
) -> Option<Vec<String>> {
    let first = path.first()?.as_str();
    let mut rest = path;
    let mut at = match first {
        "crate" | "ekv_tool" => {
            rest = &path[1..];
            Vec::new()
        }
        "self" => {
            rest = &path[1..];
            here.to_vec()
        }
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            rest = &path[ups..];
            here.get(..here.len().checked_sub(ups)?)?.to_vec()
        }
        _ => {
            modules.get(&[here, &[first.to_owned()]].concat())?;
            here.to_vec()
        }
    };
    while let Some(part) = rest.first() {
        let deeper = [at.as_slice(), std::slice::from_ref(part)].concat();
        if !modules.contains_key(&deeper) {
            break;
        }
        at = deeper;
        rest = &rest[1..];
    }
    match rest.first().and_then(|name| exports.get(&(at.clone(), name.clone()))) {
        Some(home) => Some(home.clone()),
        None => Some(at),
    }
}

#[test]
fn no_two_siblings_name_each_other() {
    let modules = modules();
    let parsed: BTreeMap<_, _> = modules.iter().map(|(path, code)| (path, paths_in(code))).collect();
    // A name that a folder passes on is at home where it was made. Passed on twice, it takes two rounds to find that.
    let mut exports = BTreeMap::new();
    for _ in 0..3 {
        for (here, (imports, _)) in &parsed {
            for (_, path) in imports.iter().filter(|(public, _)| *public) {
                let home = leads_to(&modules, &exports, here, path).filter(|home| home != *here);
                if let (Some(home), Some(name)) = (home, path.last()) {
                    exports.insert(((*here).clone(), name.clone()), home);
                }
            }
        }
    }
    // From one child of a folder to another, with an example.
    let mut arrows: BTreeMap<(Vec<String>, String, String), String> = BTreeMap::new();
    for (here, (imports, words)) in &parsed {
        for path in imports.iter().map(|(_, path)| path).chain(words) {
            let Some(there) = leads_to(&modules, &exports, here, path) else { continue };
            let shared = here.iter().zip(&there).take_while(|(a, b)| a == b).count();
            if let (Some(from), Some(to)) = (here.get(shared), there.get(shared)) {
                let key = (here[..shared].to_vec(), from.clone(), to.clone());
                arrows.entry(key).or_insert_with(|| format!("{} names {}", here.join("::"), there.join("::")));
            }
        }
    }
    let mut circles = BTreeMap::new();
    for ((folder, one, other), example) in &arrows {
        if let Some(back) = arrows.get(&(folder.clone(), other.clone(), one.clone())).filter(|_| one < other) {
            circles.insert((folder.join("::"), [one.as_str(), other.as_str()]), format!("{example}, {back}"));
        }
    }
    assert!(arrows.len() > 500, "only {} arrows were found", arrows.len());
    for (folder, pair, why) in CIRCLES {
        assert!(pair[0] < pair[1] && !why.is_empty());
        assert!(circles.remove(&((*folder).to_owned(), *pair)).is_some(), "{folder}: {pair:?} is no circle any more");
    }
    assert!(circles.is_empty(), "{circles:#?}");
}

//! Whole outputs of commands, held in files.

use std::path::{Path, PathBuf};
use std::process::Output;

/// Compares `actual` with `tests/golden/<name>`. With `EKV_GOLDEN=overwrite` in the environment the file is written instead;
/// read the difference before it is committed.
pub fn golden(name: &str, actual: &str) {
    held_file(&format!("tests/golden/{name}"), actual);
}

/// The same for a file anywhere in the repository.
pub fn held_file(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("EKV_GOLDEN").is_some_and(|value| value == "overwrite") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, actual).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run with EKV_GOLDEN=overwrite", path.display()));
    assert!(expected == actual, "{} differs\n--- expected\n{expected}\n--- actual\n{actual}", path.display());
}

/// Exit status, standard output and standard error in one text.
pub fn transcript(output: &Output) -> String {
    let status = output.status.code().map_or_else(|| "signal".to_owned(), |code| code.to_string());
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    // The time of the run is another one each time.
    if text.contains("ekv_tool_run_timestamp_seconds") {
        text = text.split_inclusive('\n').filter(|line| !line.contains("ekv_tool_run_timestamp_seconds")).collect();
    }
    if !output.stderr.is_empty() {
        text.push_str("--- stderr\n");
        text.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    text + "--- exit status " + &status + "\n"
}

/// The held files of one ending below a folder, sorted.
pub fn held_below(folder: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|is| is == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

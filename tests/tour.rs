//! docs/tour.md, as a newcomer follows it: every command as it stands there, in its order, with what it prints.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::tree::copy_tree;

/// Width of the reader's terminal.
const COLUMNS: usize = 80;

/// A checkout with the small real node, a home, and the program where `cargo install` puts it.
struct Newcomer {
    place: tempfile::TempDir,
    /// Where the shell is.
    dir: PathBuf,
}

impl Newcomer {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        copy_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo"), &path("checkout/fixtures/demo"));
        for dir in ["home", "bin", "built"] {
            fs::create_dir(path(dir)).unwrap();
        }
        symlink(assert_cmd::cargo::cargo_bin("ekv-tool"), path("built/ekv-tool")).unwrap();
        // It was compiled already. A pipe is no terminal: it has no width of its own.
        let wrapper = format!("#!/bin/sh\nexec \"{}\" --width {COLUMNS} \"$@\"\n", path("built/ekv-tool").display());
        let install = format!(
            "#!/bin/sh\n[ \"$*\" = 'install --locked --path .' ] || exit 1\nprintf '%s' '{wrapper}' > '{0}' && chmod +x '{0}'\n",
            path("bin/ekv-tool").display()
        );
        fs::write(path("bin/cargo"), install).unwrap();
        fs::set_permissions(path("bin/cargo"), fs::Permissions::from_mode(0o755)).unwrap();
        let dir = path("checkout");
        Self { place, dir }
    }

    /// Runs one line and gives what it prints and its exit status.
    fn run(&mut self, line: &str) -> (String, i32) {
        let place = self.place.path();
        let path = format!("{}:{}", place.join("bin").display(), std::env::var("PATH").unwrap());
        let script = format!("{line}\nstatus=$?\npwd > '{}'\nexit $status\n", place.join("where").display());
        let output = Command::new("bash")
            .args(["-c", &script])
            .current_dir(&self.dir)
            .env("HOME", place.join("home"))
            .env("PATH", path)
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        assert!(output.stderr.is_empty(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        self.dir = PathBuf::from(fs::read_to_string(place.join("where")).unwrap().trim_end());
        (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
    }
}

/// The page as it should be: every command of it run, with the output that it has now.
fn fresh(text: &str, newcomer: &mut Newcomer) -> String {
    let (mut page, mut status) = (String::new(), 0);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        writeln!(page, "{line}").unwrap();
        if let Some(note) = line.strip_prefix("<!-- status ") {
            status = note.trim_end_matches(" -->").parse().unwrap();
        }
        if !["```console", "```sh"].contains(&line) {
            continue;
        }
        let shown = line == "```console";
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        let asked: Vec<_> = block.iter().filter_map(|line| if shown { line.strip_prefix("$ ") } else { Some(line) }).collect();
        for (number, command) in asked.iter().enumerate() {
            let (says, ended) = newcomer.run(command);
            // What stands above a block is how the last command of it ends.
            let wanted = if number + 1 == asked.len() { status } else { 0 };
            assert_eq!(ended, wanted, "{command}: {says}");
            writeln!(page, "{}{command}", if shown { "$ " } else { "" }).unwrap();
            page.push_str(&says);
        }
        page.push_str("```\n");
        status = 0;
    }
    page
}

#[test]
fn the_tour_prints_what_its_page_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tour.md");
    let text = fs::read_to_string(&path).unwrap();
    let mut newcomer = Newcomer::new();
    // The last commands clean up: what they remove is looked at before.
    let (tour, rest) = text.split_once("## Mend it").unwrap();
    let mut page = fresh(tour, &mut newcomer);
    let report = fs::read_to_string(newcomer.place.path().join("home/tour/page.html")).unwrap();
    for code in ["snap-payload-short", "wal-crc-mismatch", "start-refused"] {
        assert!(report.contains(code), "{code}");
    }
    page.push_str("## Mend it");
    page.push_str(&fresh(rest, &mut newcomer));
    if std::env::var_os("EKV_GOLDEN").is_some_and(|value| value == "overwrite") {
        fs::write(&path, &page).unwrap();
    } else {
        let said = "docs/tour.md shows other output than the program; run with EKV_GOLDEN=overwrite and read the difference";
        assert!(page == text, "{said}");
    }
    assert!(!newcomer.place.path().join("home/tour").exists());
    assert!(page.lines().filter(|line| line.starts_with("$ ")).count() > 12, "the page has lost its commands");
}

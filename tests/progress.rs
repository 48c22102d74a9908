//! What a run says of itself while it works, and that it can be slowed down.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

fn tool() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ekv-tool"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")).env_remove("NO_COLOR");
    command
}

#[test]
fn a_signal_makes_a_line_and_nothing_else() {
    for progress in ["never", "auto", "always"] {
        let mut asked = tool();
        asked.args(["verify-snapshot", "-", "--progress", progress]);
        let mut run = asked.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut input, mut said) = (run.stdin.take().unwrap(), BufReader::new(run.stderr.take().unwrap()));
        // More than a pipe holds: the run has taken most of it once this is written.
        input.write_all(&vec![b'x'; 3 << 20]).unwrap();
        let sent = Command::new("sh").args(["-c", &format!("kill -USR1 {}", run.id())]).status().unwrap();
        assert!(sent.success());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        assert!(line.starts_with("ekv-tool: ") && line.contains(" MiB read in ") && line.ends_with("/s\n"), "{line:?}");
        drop(input);
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        let status = run.wait_with_output().unwrap();
        assert_eq!((status.status.code(), rest.as_str()), (Some(2), ""), "{}", String::from_utf8_lossy(&status.stdout));
    }
}

#[test]
fn a_rate_changes_nothing_but_the_time() {
    let at = |more: &[&str]| tool().args(["verify-snapshot", "--deep", "demo"]).args(more).output().unwrap();
    let (plain, slow) = (at(&[]), at(&["--rate", "100MB"]));
    assert_eq!((plain.status.code(), &plain.stdout), (Some(0), &slow.stdout));
    let none = at(&["--rate", "0"]);
    assert_eq!(none.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&none.stderr).contains("nothing would ever be read"), "{none:?}");
}

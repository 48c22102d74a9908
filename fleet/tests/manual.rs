//! Manual pages: written where nothing else is, and drawn without a warning.

use std::fs;
use std::process::Command;

use crate::support::program::run;

const NOBODY: &str = "http://127.0.0.1:1";

#[test]
fn pages_are_written_replaced_and_drawn() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().to_str().unwrap();
    for _ in 0..2 {
        let ran = run(NOBODY, &["man", "--all", place]);
        assert!(ran.status == 0 && ran.said.is_empty(), "{}", ran.said);
    }
    let mut pages: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    assert!(pages.len() >= 9 && pages[0].ends_with("ekv-fleet-collect.1"), "{pages:?}");
    let one = run(NOBODY, &["man", "offload", "audit"]);
    assert_eq!(one.said, fs::read_to_string(dir.path().join("ekv-fleet-offload-audit.1")).unwrap());
    assert_eq!(run(NOBODY, &["man", "nothing"]).status, 1);
    for page in &pages {
        // groff says on standard error what it does not understand.
        let Ok(drawn) = Command::new("groff").args(["-man", "-ww", "-Tutf8", "-P-cbou"]).arg(page).output() else {
            break;
        };
        assert_eq!(String::from_utf8_lossy(&drawn.stderr), "", "{}", page.display());
        let text = String::from_utf8(drawn.stdout).unwrap();
        assert!(text.contains("EXIT STATUS") && text.contains("SEE ALSO"), "{text}");
        if page.ends_with("ekv-fleet-plan.1") {
            assert!(text.contains("ekv-fleet --format json plan facts --down n7\n"), "{text}");
        }
    }
    // All or nothing, and nothing of anybody else.
    fs::write(&pages[0], "somebody's own").unwrap();
    fs::remove_file(&pages[1]).unwrap();
    let refused = run(NOBODY, &["man", "--all", place]);
    assert!(refused.status == 1 && refused.said.contains("is not an earlier report"), "{}", refused.said);
    assert!(!pages[1].exists());
}

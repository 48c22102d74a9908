//! Names that would be markup, end a quote, turn the direction of the text, or are no text at all.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use crate::support::page::Page;
use crate::support::tree::copy_tree;

const NAMES: [&[u8]; 6] = [
    b"<script>alert(1)<",
    b"a\" onload=\"x' &amp; &lt;",
    "\u{202e}fsm\u{2066}\u{200b}".as_bytes(),
    b"\xff\xfe bytes \x1b[31m\x07",
    b"`<i>` ``x` ]]> -->",
    b"</style></title></code><p>",
];

#[test]
fn names_are_text() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo/n1/group-2");
    for name in NAMES {
        let root = tempfile::tempdir().unwrap();
        let node = root.path().join(OsStr::from_bytes(name));
        copy_tree(&demo, &node.join("group-2"));
        // Something to find, and a file that nobody knows.
        std::fs::write(node.join("group-2/wal").join(OsStr::from_bytes(name).to_string_lossy().replace('/', "_")), b"x").unwrap();
        let payload = node.join("group-2/fsm-snap/00000000000000c9.fsm");
        let mut bytes = std::fs::read(&payload).unwrap();
        bytes[40] ^= 1;
        std::fs::write(&payload, bytes).unwrap();
        for command in [&["check"][..], &["gate-dryrun"], &["wal", "stat"], &["store", "stat"], &["report"], &["explain"]] {
            let mut program = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"));
            let output = program.current_dir(root.path()).args(command).arg("--format").arg("html").arg("--");
            let output = output.arg(OsStr::from_bytes(name)).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            let page = Page::read(&text);
            let tags = ["script", "i", "link", "img", "a"];
            assert!(page.0.iter().all(|element| !tags.contains(&element.tag.as_str())), "{command:?} {text}");
            assert!(page.0.iter().all(|element| element.attributes.keys().all(|name| !name.starts_with("on"))), "{text}");
            assert_eq!((page.all("style").count(), page.all("title").next().unwrap().around.len()), (1, 2), "{command:?}");
            let hidden = |c: char| c != '\n' && ekv_tool::types::is_deceptive(c);
            assert!(!text.contains(hidden), "{command:?} {text:?}");
            if command == ["explain"] {
                continue;
            }
            // The name is there all the same.
            let shown = ekv_tool::types::escape(&OsStr::from_bytes(name).to_string_lossy()).into_owned();
            let plain = |text: &str| text.replace('`', "");
            assert!(page.0.iter().any(|element| plain(&element.text).contains(&plain(&shown))), "{command:?}: {shown} in {text}");
        }
    }
}

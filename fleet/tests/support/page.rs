//! Pages of the documentation whose commands are run. A comment before a block says what is done with it:
//!
//! - `<!-- status N; says TEXT -->` before `sh`: it is run, ends with that status and says that; `; needs PROGRAM` when it cannot always be
//!   run, `; of NAME` when it is not run in its turn but by that name
//! - `<!-- file NAME -->` before any block: it is a file
//! - `<!-- event NAME -->`: something happens

use std::fs;

use super::recorded::root;

/// What a page says.
#[derive(Debug)]
pub enum Step {
    /// Something happens.
    Event(String),
    /// Commands, how they end, what they say, what they need beside the programs, and their name.
    Commands { text: String, status: i32, says: String, needs: Option<String>, name: Option<String> },
    /// A file.
    File { name: String, text: String },
}

/// The steps of a page, in their order. Every block of commands has to say how it ends.
pub fn steps(page: &str) -> Vec<Step> {
    let page = fs::read_to_string(root().join(page)).unwrap();
    let mut steps = Vec::new();
    let mut rest = page.as_str();
    while let Some((before, behind)) = rest.split_once("<!-- ") {
        assert!(!before.contains("```sh"), "a block of the page says nothing of how it ends: {before}");
        let (note, behind) = behind.split_once(" -->").unwrap();
        rest = behind;
        let mut block = || {
            let (head, behind) = rest.strip_prefix("\n```").unwrap().split_once('\n').unwrap();
            let (text, behind) = behind.split_once("```").unwrap();
            rest = behind;
            (head, text.to_owned())
        };
        if let Some(event) = note.strip_prefix("event ") {
            steps.push(Step::Event(event.to_owned()));
        } else if let Some(name) = note.strip_prefix("file ") {
            steps.push(Step::File { name: name.to_owned(), text: block().1 });
        } else if let Some(status) = note.strip_prefix("status ") {
            let (head, text) = block();
            assert_eq!(head, "sh", "{note}");
            let mut parts = status.split("; ");
            let status = parts.next().unwrap().parse().unwrap();
            let says = parts.next().unwrap().strip_prefix("says ").unwrap().to_owned();
            let (mut needs, mut name) = (None, None);
            for part in parts {
                match part.split_once(' ').unwrap() {
                    ("needs", program) => needs = Some(program.to_owned()),
                    ("of", it) => name = Some(it.to_owned()),
                    _ => panic!("{note}"),
                }
            }
            steps.push(Step::Commands { text, status, says, needs, name });
        } else {
            panic!("a comment that no test knows: {note}");
        }
    }
    assert!(!rest.contains("```sh"), "{rest}");
    steps
}

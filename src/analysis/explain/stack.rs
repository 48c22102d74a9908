//! Several lines of a log: each on its own, in order, with the one from which the others come.

use super::{Answer, explain};
use crate::analysis::judge::codes::CodeInfo;
use crate::analysis::server::conditions::{Condition, is_remark};

/// What a line was recognised as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// A finding code of this tool.
    Code(&'static CodeInfo),
    /// A condition of the server: the one that decides, if the line has several.
    Server(&'static Condition),
}

impl Known {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Code(info) => info.code,
            Self::Server(condition) => condition.name,
        }
    }

    /// True for a line that says what went on, and not what went wrong.
    fn is_remark(self) -> bool {
        matches!(self, Self::Server(condition) if is_remark(condition))
    }
}

/// A line that was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLine {
    /// Its number, from 1, blank lines counted.
    pub number: usize,
    /// The line as it stands, times and node names included, without blanks around it.
    pub text: String,
    /// What it is.
    pub known: Known,
}

/// Several lines, at least one of them recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// Those that were recognised, in their order.
    pub lines: Vec<KnownLine>,
    /// Lines with text that say nothing known: frames of a trace, headers of goroutines, other messages.
    pub unknown: usize,
}

impl Stack {
    /// Reads `text` line by line. `None` when it has one line, when no line says anything known by itself, and when the lines
    /// together are one message that was broken on its way: then the whole says something that no line says.
    pub fn of(text: &str) -> Option<Self> {
        let full = || text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        full().nth(1)?;
        let mut stack = Self { lines: Vec::new(), unknown: 0 };
        for (number, line) in full() {
            let known = match explain(line) {
                Answer::Code(info) => Known::Code(info),
                Answer::Server(conditions) => Known::Server(conditions.first()?),
                Answer::Unknown(_) => {
                    stack.unknown += 1;
                    continue;
                }
            };
            stack.lines.push(KnownLine { number: number + 1, text: line.trim().to_owned(), known });
        }
        let says = |known: Known| stack.lines.iter().any(|line| line.known == known);
        let whole_says_it_too = match explain(text) {
            Answer::Code(info) => says(Known::Code(info)),
            Answer::Server(conditions) => conditions.first().is_some_and(|first| says(Known::Server(first))),
            Answer::Unknown(_) => true,
        };
        (!stack.lines.is_empty() && whole_says_it_too).then_some(stack)
    }

    /// What was recognised, each once: first that of the first line that tells of something wrong, from which what follows
    /// comes; then the others in their order.
    pub fn causal_first(&self) -> Vec<Known> {
        let first = self.lines.iter().find(|line| !line.known.is_remark());
        let mut order: Vec<Known> = Vec::new();
        for line in first.into_iter().chain(&self.lines) {
            if !order.contains(&line.known) {
                order.push(line.known);
            }
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
Nov 26 03:12:07 n2 elastickv[811]: INFO restoreSnapshotState skipped fsm_applied=60 snapshot_index=41

Nov 26 03:12:08 n2 elastickv[811]: ERROR open wal: walpb: crc mismatch: expected: db1adccb computed: 6be0cbdc
Nov 26 03:12:08 n2 elastickv[811]: panic: unexpected EOF
goroutine 1 [running]:
main.main()
";

    #[test]
    fn each_line_on_its_own_and_the_causal_one_first() {
        let stack = Stack::of(LOG).unwrap();
        let seen: Vec<_> = stack.lines.iter().map(|line| (line.number, line.known.name())).collect();
        assert_eq!(seen, [(1, "restoreSnapshotState skipped"), (3, "walpb: crc mismatch"), (4, "unexpected EOF")]);
        assert!(stack.lines[1].text.starts_with("Nov 26 03:12:08 n2 "), "the time and the node stay");
        assert_eq!(stack.unknown, 2);
        let names: Vec<_> = stack.causal_first().into_iter().map(Known::name).collect();
        assert_eq!(names, ["walpb: crc mismatch", "restoreSnapshotState skipped", "unexpected EOF"]);
    }

    #[test]
    fn a_message_that_was_broken_is_no_stack() {
        assert_eq!(Stack::of("panic: fsm snap\nshot: file CRC32C mis\nmatch (file corrupt)"), None);
        assert_eq!(Stack::of("walpb: crc mismatch"), None, "one line");
        assert_eq!(Stack::of("the ge\nof of things"), None, "nothing known");
    }
}

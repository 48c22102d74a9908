//! Several lines of a log: each on its own, in order, with the one from which the others come.

use super::stamp::Stamp;
use super::{Answer, recognise};
use crate::analysis::judge::codes::CodeInfo;
use crate::analysis::server::conditions::{Condition, is_ending, is_remark};

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

    /// True for a line that says that the process ended, and not why.
    fn is_ending(self) -> bool {
        matches!(self, Self::Server(condition) if is_ending(condition))
    }

    /// One line on what it is.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Code(info) => info.title,
            Self::Server(condition) => condition.title,
        }
    }
}

/// A line that was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownLine {
    /// Its number, from 1, blank lines counted.
    pub number: usize,
    /// The line as it stands, times and node names included, without blanks around it.
    pub text: String,
    /// When and where it was written, as far as it says that.
    pub stamp: Stamp,
    /// What it is.
    pub known: Known,
}

/// Several lines, at least one of them recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    /// Those that were recognised, in their order.
    pub lines: Vec<KnownLine>,
    /// Lines of traces: calls, their places, and headers of goroutines behind the first.
    pub trace: usize,
    /// Other lines with text that say nothing known.
    pub unknown: usize,
}

impl Stack {
    /// Reads `text` line by line. `None` when it has one line, when no line says anything known by itself, and when the lines
    /// together are one message that was broken on its way: then the whole says something that no line says.
    pub fn of(text: &str) -> Option<Self> {
        let full = || text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        full().nth(1)?;
        let mut stack = Self { lines: Vec::new(), trace: 0, unknown: 0 };
        let (mut traced, mut in_trace) = (false, false);
        for (number, line) in full() {
            let (stamp, said) = Stamp::of(line);
            if said.is_empty() {
                continue;
            }
            if is_header(said) {
                in_trace = true;
                // A dump has thousands of them, and each says the same.
                if traced {
                    stack.trace += 1;
                    continue;
                }
                traced = true;
            } else if in_trace && is_frame(said) {
                stack.trace += 1;
                continue;
            } else {
                in_trace = false;
            }
            let known = match recognise(said) {
                Some(Answer::Code(info)) => Known::Code(info),
                Some(Answer::Server(conditions)) => Known::Server(conditions.first()?),
                Some(Answer::Unknown(_)) | None => {
                    stack.unknown += 1;
                    continue;
                }
            };
            stack.lines.push(KnownLine { number: number + 1, text: line.trim().to_owned(), stamp, known });
        }
        let says = |known: Known| stack.lines.iter().any(|line| line.known == known);
        let whole_says_it_too = match recognise(text) {
            Some(Answer::Code(info)) => says(Known::Code(info)),
            Some(Answer::Server(conditions)) => conditions.first().is_some_and(|first| says(Known::Server(first))),
            Some(Answer::Unknown(_)) | None => true,
        };
        (!stack.lines.is_empty() && whole_says_it_too).then_some(stack)
    }

    /// What was recognised, each once: first that of the first line that tells of something wrong, from which what follows
    /// comes; then the others in their order. A line that only says that the process ended comes first if no other tells why.
    pub fn causal_first(&self) -> Vec<Known> {
        let wrong = || self.lines.iter().filter(|line| !line.known.is_remark());
        let first = wrong().find(|line| !line.known.is_ending()).or_else(|| wrong().next());
        let mut order: Vec<Known> = Vec::new();
        for line in first.into_iter().chain(&self.lines) {
            if !order.contains(&line.known) {
                order.push(line.known);
            }
        }
        order
    }
}

/// `goroutine 1 [running]:`
fn is_header(line: &str) -> bool {
    let number = line.strip_prefix("goroutine ").and_then(|rest| rest.split_once(" [")).map(|(number, _)| number);
    number.is_some_and(|number| number.split(' ').next().is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_digit())))
        && line.ends_with("]:")
}

/// A call in a trace, `main.run(0x1, {0x2, 0x3})`, or its place, `/src/main.go:12 +0x1d`.
fn is_frame(line: &str) -> bool {
    let place = |line: &str| {
        let (_, number) = line.split_once(".go:")?;
        number.bytes().next().filter(u8::is_ascii_digit)
    };
    let call = || {
        let name = line.split_once('(').map_or("", |(name, _)| name);
        // `db.(*DB).Get(...)` has its first bracket behind a dot.
        !name.is_empty()
            && !name.contains([' ', ':', '='])
            && line.ends_with([')', '}'])
            && (name.contains('.') || name == "panic")
    };
    let elided = || line.starts_with("...") && line.ends_with("elided...");
    line.starts_with("created by ") || line.starts_with("exit status ") || place(line).is_some() || call() || elided()
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
        let known =
            [(1, "restoreSnapshotState skipped"), (3, "walpb: crc mismatch"), (4, "unexpected EOF"), (5, "goroutine trace")];
        assert_eq!(seen, known);
        assert!(stack.lines[1].text.starts_with("Nov 26 03:12:08 n2 "), "the time and the node stay");
        assert_eq!(stack.lines[1].stamp.node.as_deref(), Some("n2"));
        assert_eq!(stack.lines[1].stamp.time.as_deref(), Some("Nov 26 03:12:08"));
        assert_eq!((stack.trace, stack.unknown), (1, 0));
        let names: Vec<_> = stack.causal_first().into_iter().map(Known::name).collect();
        assert_eq!(names, ["walpb: crc mismatch", "restoreSnapshotState skipped", "unexpected EOF", "goroutine trace"]);
    }

    /// As the Go runtime prints it, with a second goroutine and lines of the service manager behind it.
    const PANIC: &str = "\
n1-1  | 2026/11/26 03:12:07 replaying
n1-1  | panic: runtime error: invalid memory address or nil pointer dereference [recovered, repanicked]
n1-1  | [signal SIGSEGV: segmentation violation code=0x1 addr=0x8 pc=0xb49d39]
n1-1  |
n1-1  | goroutine 17 [running, locked to thread]:
n1-1  | panic({0x76b6c0?, 0xa62f40?})
n1-1  | \t/usr/local/go/src/runtime/panic.go:787 +0x132
n1-1  | github.com/cockroachdb/pebble/v2.(*DB).Get(...)
n1-1  | \t/go/pkg/mod/github.com/cockroachdb/pebble/v2/db.go:512
n1-1  | created by main.run in goroutine 1
n1-1  | \t/src/main.go:88 +0x5f
n1-1  |
n1-1  | goroutine 1 [chan receive, 3 minutes]:
n1-1  | main.main()
n1-1  | \t/src/main.go:12 +0x1d
n1-1  | exit status 2
systemd[1]: elastickv.service: Main process exited, code=exited, status=2/INVALIDARGUMENT
";

    #[test]
    fn a_panic_with_its_goroutines() {
        let stack = Stack::of(PANIC).unwrap();
        let seen: Vec<_> = stack.lines.iter().map(|line| (line.number, line.known.name())).collect();
        let known = [(2, "nil pointer dereference"), (3, "SIGSEGV: segmentation violation"), (5, "goroutine trace")];
        assert_eq!(seen, known);
        assert!(stack.lines.iter().all(|line| line.stamp.node.as_deref() == Some("n1-1")));
        // Two goroutines with their calls; the first line and the service manager's say nothing known.
        assert_eq!((stack.trace, stack.unknown), (10, 2));
        assert_eq!(stack.causal_first().first().map(|known| known.name()), Some("nil pointer dereference"));
    }

    #[test]
    fn what_only_says_that_it_ended_is_first_when_nothing_says_why() {
        let first = |text: &str| Stack::of(text).unwrap().causal_first()[0].name();
        assert_eq!(first("panic: something of its own\n\ngoroutine 1 [running]:\nmain.main()\n"), "panic");
        assert_eq!(first("fatal error: sweep increased allocation count\ngoroutine 1 [running]:\n"), "fatal error");
        assert_eq!(first("panic: it stops here\nwrite n1/wal/0.tmp: no space left on device\n"), "no space left on device");
        assert_eq!(first("a1 became follower at term 3\nsignal: killed\n"), "process ended by a signal");
    }

    #[test]
    fn a_message_that_was_broken_is_no_stack() {
        assert_eq!(Stack::of("panic: fsm snap\nshot: file CRC32C mis\nmatch (file corrupt)"), None);
        assert_eq!(Stack::of("walpb: crc mismatch"), None, "one line");
        assert_eq!(Stack::of("the ge\nof of things"), None, "nothing known");
    }
}

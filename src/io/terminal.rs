//! What the terminal can show, and what the environment says about it.

use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};

/// Columns of a terminal that does not say how many it has.
const DEFAULT_WIDTH: usize = 80;
/// Nothing is readable in fewer.
const MIN_WIDTH: usize = 20;

/// Columns of the terminal on standard output: what `COLUMNS` says, else what the terminal says; at least 20.
pub fn terminal_width() -> usize {
    let asked = std::env::var("COLUMNS").ok().and_then(|text| text.trim().parse().ok()).filter(|&columns| columns > 0);
    let told = || rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col));
    asked.or_else(told).filter(|&columns| columns > 0).unwrap_or(DEFAULT_WIDTH).max(MIN_WIDTH)
}

/// True when standard output gets colours where nobody asked for any or for none: on a terminal that has them, or where
/// `CLICOLOR_FORCE` wants them, but never against `NO_COLOR`.
pub fn wants_colours() -> bool {
    colours(|name| std::env::var_os(name), io::stdout().is_terminal())
}

/// Writes what the reader of the command line says, on standard error when it is a complaint: `coloured` where a report would be,
/// else `plain`. A text that cannot be written is lost: nothing can be done then.
pub fn tell(plain: &dyn Display, coloured: &dyn Display, is_complaint: bool) {
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let is_terminal = if is_complaint { err.is_terminal() } else { out.is_terminal() };
    let text = if colours(|name| std::env::var_os(name), is_terminal) { coloured } else { plain };
    let _ = if is_complaint { write!(err, "{text}") } else { write!(out, "{text}") };
}

/// True when standard error is a terminal on which a line can be drawn again.
pub fn can_redraw() -> bool {
    io::stderr().is_terminal() && is_capable(std::env::var_os("TERM").as_deref())
}

/// The rules of <https://no-color.org> and <https://bixense.com/clicolors>.
fn colours(variable: impl Fn(&str) -> Option<OsString>, to_terminal: bool) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let is_on = |name: &str| set(name).map(|value| value != "0");
    if set("NO_COLOR").is_some() {
        return false;
    }
    is_on("CLICOLOR_FORCE") == Some(true)
        || to_terminal && is_on("CLICOLOR") != Some(false) && is_capable(variable("TERM").as_deref())
}

/// False for a terminal that takes lines of text and nothing else.
fn is_capable(kind: Option<&OsStr>) -> bool {
    kind.is_some_and(|kind| kind != "dumb" && !kind.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_have_them_and_for_who_wants_them() {
        let asked = |set: &[(&str, &str)], to_terminal| {
            let value = |name: &str| set.iter().find(|(is, _)| *is == name).map(|(_, value)| OsString::from(value));
            colours(value, to_terminal)
        };
        let xterm = ("TERM", "xterm");
        for (set, on_a_terminal, in_a_pipe) in [
            (&[xterm][..], true, false),
            (&[("TERM", "dumb")], false, false),
            (&[], false, false),
            (&[xterm, ("NO_COLOR", "1")], false, false),
            (&[xterm, ("NO_COLOR", "")], true, false),
            (&[xterm, ("CLICOLOR", "0")], false, false),
            (&[xterm, ("CLICOLOR_FORCE", "0")], true, false),
            (&[("TERM", "dumb"), ("CLICOLOR_FORCE", "1")], true, true),
            (&[xterm, ("CLICOLOR", "0"), ("CLICOLOR_FORCE", "1")], true, true),
            (&[xterm, ("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], false, false),
        ] {
            assert_eq!(asked(set, true), on_a_terminal, "{set:?} on a terminal");
            assert_eq!(asked(set, false), in_a_pipe, "{set:?} in a pipe");
        }
    }
}

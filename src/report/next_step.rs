//! The command that comes next.

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display};

use serde::{Serialize, Serializer};

use crate::analysis::judge::codes::CodeInfo;
use crate::analysis::judge::codes::compare::{CROSS_COMMITTED_DIVERGENCE, CROSS_COMMITTED_LOST, CROSS_GROUP_MISMATCH};
use crate::analysis::judge::codes::gate::START_REFUSED;
use crate::analysis::server::conditions::Condition;
use crate::analysis::{Finding, Severity};
use crate::types::is_deceptive;

/// The error that comes first in words: what concerns a whole group before what concerns one node, and what others may follow from before
/// its effects.
pub fn leading_error(findings: &[Finding]) -> Option<&Finding> {
    let grave = [&CROSS_GROUP_MISMATCH, &CROSS_COMMITTED_DIVERGENCE, &CROSS_COMMITTED_LOST];
    let rank = |finding: &&Finding| {
        let at = grave.iter().position(|code| code.code == finding.code.code).unwrap_or(grave.len());
        // That a start is refused is the effect of what is named as well.
        let effect = finding.derived_from.is_some() || finding.code.code == START_REFUSED.code;
        (at, effect)
    };
    findings.iter().filter(|finding| finding.severity == Severity::Error).min_by_key(rank)
}

/// A command of this program, to be run as it stands in the directory in which the report was made.
///
/// It is kept as arguments and quoted for a POSIX shell when it is shown, so that no path can break it. What is no command is
/// no next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextStep {
    args: Vec<OsString>,
}

impl NextStep {
    /// `ekv-tool` with these arguments.
    pub fn new<A: Into<OsString>>(args: impl IntoIterator<Item = A>) -> Self {
        Self { args: args.into_iter().map(Into::into).collect() }
    }

    /// What a finding means.
    pub fn explain(code: &'static CodeInfo) -> Self {
        Self::new(["explain", code.code])
    }

    /// What an error of the server means.
    pub fn explain_error(condition: &'static Condition) -> Self {
        Self::new(["explain", condition.name])
    }

    /// A command on one path; a path that looks like an option is written as what it is.
    #[must_use]
    pub fn on(mut self, path: impl AsRef<OsStr>) -> Self {
        let path = path.as_ref();
        if path.as_encoded_bytes().first() == Some(&b'-') {
            let mut named = OsString::from("./");
            named.push(path);
            self.args.push(named);
        } else {
            self.args.push(path.to_owned());
        }
        self
    }

    /// The arguments behind the program's name.
    pub fn args(&self) -> &[OsString] {
        &self.args
    }
}

/// As a shell takes it.
impl Display for NextStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ekv-tool")?;
        self.args.iter().try_for_each(|arg| {
            f.write_str(" ")?;
            quote(arg, f)
        })
    }
}

crate::types::text_schema!(NextStep, "A command that works as it stands, quoted for a POSIX shell.");

impl Serialize for NextStep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Words as a POSIX shell takes them.
pub fn shell_words<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    struct Word<'w>(&'w str);
    impl Display for Word<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            quote(OsStr::new(self.0), f)
        }
    }
    words.into_iter().map(|word| Word(word).to_string()).collect::<Vec<_>>().join(" ")
}

/// One word of a POSIX shell; bytes that are no printable text, or text that does not show as itself, in the form that bash, zsh
/// and ksh share.
fn quote(word: &OsStr, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(byte);
    match word.to_str() {
        Some(text) if !text.is_empty() && text.bytes().all(|byte| plain(&byte)) => f.write_str(text),
        Some(text) if !text.chars().any(is_deceptive) => write!(f, "'{}'", text.replace('\'', r"'\''")),
        _ => {
            f.write_str("$'")?;
            word.as_encoded_bytes().iter().try_for_each(|byte| match byte {
                b'\'' | b'\\' => write!(f, "\\{}", char::from(*byte)),
                0x20..=0x7e => write!(f, "{}", char::from(*byte)),
                // Always three digits, so that a digit may follow.
                _ => write!(f, "\\{byte:03o}"),
            })?;
            f.write_str("'")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt as _;

    fn shown(path: impl AsRef<OsStr>) -> String {
        NextStep::new(["check"]).on(path).to_string()
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(shown("n1/group-1"), "ekv-tool check n1/group-1");
        assert_eq!(shown("my dir"), "ekv-tool check 'my dir'");
        assert_eq!(shown("can't"), r"ekv-tool check 'can'\''t'");
        assert_eq!(shown("a$(rm)b"), "ekv-tool check 'a$(rm)b'");
        assert_eq!(shown("ä"), "ekv-tool check 'ä'");
        assert_eq!(shown(""), "ekv-tool check ''");
        assert_eq!(shown("-n1"), "ekv-tool check ./-n1");
        assert_eq!(shown("a\n1"), r"ekv-tool check $'a\0121'");
        assert_eq!(shown("a\u{202e}b"), r"ekv-tool check $'a\342\200\256b'");
        assert_eq!(shown(OsString::from_vec(vec![b'a', 0xff, b'\''])), r"ekv-tool check $'a\377\''");
    }

    #[test]
    fn a_shell_reads_back_what_was_meant() {
        for name in
            ["my dir", "can't", "a\"b", "$HOME", "`x`", "a\\b", "*", "!x", "~", "#a", "ä ö", "tab\there", "a\u{202e}\u{200b}b"]
        {
            let step = NextStep::new(["x"]).on(name).to_string().replacen("ekv-tool x", "printf %s", 1);
            let out = std::process::Command::new("bash").args(["-c", &step]).output().unwrap();
            assert_eq!(String::from_utf8(out.stdout).unwrap(), name, "{step}");
        }
    }
}

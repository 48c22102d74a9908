//! Completion in a shell: the script of `completions` asks this program for every word, so that names of what lies on this machine
//! can be offered too.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter as _};
use clap_complete::env::{CompleteEnv, Shells};
use ekv_tool::analysis::judge::codes;
use ekv_tool::analysis::judge::group::CHECKS;
use ekv_tool::readers::{Local, discover_paths};
use ekv_tool::report::schema;

use super::definition;

/// The variable by which a script asks.
const VARIABLE: &str = "COMPLETE";
const PROGRAM: &str = "ekv-tool";
/// Names that are offered at most: nobody reads more.
const OFFERED: usize = 200;

/// A shell that completes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bash, from 4.0
    Bash,
    /// Elvish
    Elvish,
    /// Fish
    Fish,
    /// PowerShell
    #[value(name = "powershell")]
    Pwsh,
    /// Zsh
    Zsh,
}

impl Shell {
    const fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Elvish => "elvish",
            Self::Fish => "fish",
            Self::Pwsh => "powershell",
            Self::Zsh => "zsh",
        }
    }
}

/// What is printed for a shell to read.
pub(super) fn script(shell: Shell) -> anyhow::Result<Vec<u8>> {
    let mut script = format!("# Completion of {PROGRAM}: it asks the program itself, which has to be in PATH.\n").into_bytes();
    if shell == Shell::Zsh {
        // Its first line says to the shell what the file is.
        script.clear();
    }
    let shells = Shells::builtins();
    let completer = shells.completer(shell.name()).context("the shell is not known")?;
    completer.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script)?;
    if shell == Shell::Bash {
        script = quoting(script)?;
    }
    if shell == Shell::Zsh {
        // From a folder of functions the file itself is run for the first word, and has to answer.
        let name = "_clap_dynamic_completer_ekv_tool";
        script.extend_from_slice(format!("if [[ \"${{funcstack[1]}}\" == _ekv-tool ]]; then {name} \"$@\"; fi\n").as_bytes());
    }
    Ok(script)
}

/// Bash puts an offered word into the line as it stands: a file that is called `a b` would be two words, and `$(x)` a command. The
/// words are quoted before they are offered.
fn quoting(script: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    const END: &str = "\n}\nif [[";
    const QUOTED: &str = r#"
    local at
    for at in "${!COMPREPLY[@]}"; do
        [[ "${COMPREPLY[at]}" =~ ^[a-zA-Z0-9_./:=@%+,~-]*$ ]] || printf -v "COMPREPLY[$at]" '%q' "${COMPREPLY[at]}"
    done"#;
    let text = String::from_utf8(script).context("the script is no text")?;
    let (function, rest) = text.split_once(END).context("the script of bash has another form")?;
    Ok(format!("{function}{QUOTED}{END}{rest}").into_bytes())
}

/// Answers a script's question and says so; every other run is a usual one.
pub(super) fn answered(argv: &[OsString]) -> bool {
    if std::env::var_os(VARIABLE).is_none_or(|shell| shell.is_empty()) {
        return false;
    }
    let here = std::env::current_dir().ok();
    // Who presses a key wants no error: nothing is offered then.
    CompleteEnv::with_factory(definition).bin(PROGRAM).try_complete(argv.iter().cloned(), here.as_deref()).unwrap_or(true)
}

/// Directories, behind a name and `=` as well.
pub(super) fn named_dirs(typed: &OsStr) -> Vec<CompletionCandidate> {
    let Some((name, path)) = typed.to_str().and_then(|text| text.split_once('=')) else {
        return PathCompleter::any().complete(typed);
    };
    let behind = PathCompleter::any().complete(OsStr::new(path));
    behind.into_iter().map(|candidate| candidate.add_prefix(format!("{name}="))).collect()
}

/// Codes of findings.
pub(super) fn codes(typed: &OsStr) -> Vec<CompletionCandidate> {
    let all = codes::all();
    offered(typed, all.iter().map(|code| (code.code.to_owned(), code.title)))
}

/// The checks of `check`.
pub(super) fn checks(typed: &OsStr) -> Vec<CompletionCandidate> {
    offered(typed, CHECKS.iter().map(|check| (check.code.code.to_owned(), check.code.title)))
}

/// Reports that have a schema.
pub(super) fn reports(typed: &OsStr) -> Vec<CompletionCandidate> {
    let all = schema::all();
    offered(typed, all.iter().map(|report| (report.name.to_owned(), report.about.as_str())))
}

/// Commands that have a manual page.
pub(super) fn commands(typed: &OsStr) -> Vec<CompletionCandidate> {
    let mut names = Vec::new();
    let mut open = vec![definition()];
    while let Some(command) = open.pop() {
        for below in command.get_subcommands() {
            names.push((below.get_name().to_owned(), ""));
            open.push(below.clone());
        }
    }
    offered(typed, names.into_iter())
}

/// Nodes below the directories of the line.
pub(super) fn raft_ids(typed: &OsStr) -> Vec<CompletionCandidate> {
    let found = discover_paths(&dirs_of_the_line(), &Local).map(|found| found.groups).unwrap_or_default();
    let ids: BTreeSet<String> = found.into_iter().map(|group| group.raft_id).collect();
    offered(typed, ids.into_iter().map(|id| (id, "")))
}

/// Segments of the logs in the directories of the line.
pub(super) fn segments(typed: &OsStr) -> Vec<CompletionCandidate> {
    let mut names = BTreeSet::new();
    for dir in dirs_of_the_line() {
        let groups = names_in(&dir).into_iter().filter(|name| name.starts_with("group-")).map(|name| dir.join(name).join("wal"));
        for folder in [dir.clone(), dir.join("wal")].into_iter().chain(groups) {
            names.extend(names_in(&folder).into_iter().filter(|name| name.ends_with(".wal") || name.ends_with(".wal.broken")));
        }
    }
    offered(typed, names.into_iter().map(|name| (name, "")))
}

/// Those that begin as what is typed.
fn offered<'t>(typed: &OsStr, all: impl Iterator<Item = (String, &'t str)>) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let fitting = all.filter(|(name, _)| name.starts_with(&*typed)).take(OFFERED);
    let candidate =
        |(name, help): (String, &str)| CompletionCandidate::new(name).help((!help.is_empty()).then(|| help.to_owned().into()));
    fitting.map(candidate).collect()
}

fn names_in(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// What is named before and behind the word that is typed, as far as it is a directory. The script passes the whole line.
fn dirs_of_the_line() -> Vec<PathBuf> {
    let words = std::env::args_os().skip_while(|word| word != "--").skip(2);
    words.map(PathBuf::from).filter(|path| path.is_dir()).collect()
}

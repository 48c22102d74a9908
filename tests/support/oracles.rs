//! What the answers of the commands are held against: the memory that they took, each other, and themselves in another format and
//! with another number of threads. Which of these is tried is one of the choices of an input, so that many inputs are tried.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::readers::Memory;
use ekv_tool::report::OutputFormat;
use ekv_tool::report::schema::{self, ReportSchema};

use super::commands::{Answer, Command, Place, ask};
use super::hostile::{Dice, Directory};
use super::rebuilt::rebuilt;

/// Does some work, and holds the memory that it takes to what it may take.
pub type Watch = fn(&mut dyn FnMut());

/// One member's directory, or that of a lone node.
const DIR: &str = "/raft/n1";
/// The same files as another member's.
const OTHER: &str = "/raft/n2";

/// Lays out a directory in memory, asks, and holds what is said against what should be. Panics where it does not hold.
pub fn hold(directory: &Directory, dice: &mut Dice<'_>, watch: Watch) {
    let files: Vec<PathBuf> = directory.files().collect();
    let file = if files.is_empty() { PathBuf::new() } else { files[dice.roll(files.len())].clone() };
    let place = Place { dir: DIR.into(), file: Path::new(DIR).join(file), other: OTHER.into() };
    let choice = dice.roll(8);
    let mut memory = Memory::new();
    directory.lay_out(&place.dir, &mut memory);
    if choice == 7 {
        directory.lay_out(&place.other, &mut memory);
    }
    let run = Run::over(memory);
    let any = dice.one_of(&Command::ALL);
    let asked = |command, formats: &[OutputFormat], run: &Run<'_>| {
        let mut answer = None;
        watch(&mut || answer = ask(command, &place, formats, run));
        answer
    };
    match choice {
        0 | 1 => {
            // Each tells its verdict, which is looked for where it is made.
            let other = dice.one_of(&[
                OutputFormat::Table,
                OutputFormat::Markdown,
                OutputFormat::Html,
                OutputFormat::Prometheus,
                OutputFormat::Nagios,
                OutputFormat::Github,
                OutputFormat::Junit,
            ]);
            asked(any, &[other], &run);
        }
        2 | 3 => agree(dice.one_of(&Command::NO_WORSE_THAN_CHECK), &run, asked),
        4 => {
            let formats = [OutputFormat::Json];
            let two = asked(any, &formats, &run.clone().on_threads(2));
            assert_eq!(asked(any, &formats, &run), two, "{any:?} with one thread and with two");
        }
        5 | 6 => {
            static SCHEMAS: OnceLock<Vec<ReportSchema>> = OnceLock::new();
            let schemas = SCHEMAS.get_or_init(schema::all);
            if let Some(answer) = asked(any, &[OutputFormat::Json, OutputFormat::Ndjson], &run) {
                rebuilt(schemas, &answer.texts[0], &answer.texts[1]);
            }
        }
        _ => {
            asked(Command::Compare, &[OutputFormat::Json], &run);
            asked(Command::StoreDiff, &[OutputFormat::Json], &run);
        }
    }
}

/// `check` is never better than another command.
fn agree(other: Command, run: &Run<'_>, asked: impl Fn(Command, &[OutputFormat], &Run<'_>) -> Option<Answer>) {
    let (Some(own), Some(answer)) = (asked(Command::Check, &[], run), asked(other, &[], run)) else { return };
    let rank = |answer: &Answer| match answer.verdict {
        Verdict::Clean => 0,
        Verdict::Unknown => 1,
        Verdict::Damaged => 2,
    };
    // Who asks for a snapshot or a log that is not there is told so; nobody else needs one.
    let absent = matches!(other, Command::VerifySnapshot(_) | Command::WalVerify)
        && answer.verdict == Verdict::Unknown
        && answer.codes.is_empty();
    // What belongs to another backend is not looked at, and said so.
    let foreign = own.verdict == Verdict::Unknown && own.codes.contains(&"start-refused");
    assert!(
        rank(&answer) <= rank(&own) || absent || foreign,
        "check says {:?} {:?}, {other:?} says {:?} {:?}",
        own.verdict,
        own.codes,
        answer.verdict,
        answer.codes
    );
}

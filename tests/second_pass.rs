//! What is read twice may have changed in between: the answer is then unknown, in every command.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::io::Progress;
use ekv_tool::ops::{self, InspectOptions};
use ekv_tool::readers::Local;
use ekv_tool::readers::pebble_table::{Table, TableFailure, TableIter, TableView};
use ekv_tool::readers::wal::WalScan;
use ekv_tool::report::stream::{JsonList, RowStream};
use ekv_tool::report::{OutputFormat, Style};

use crate::support::log_writer::LogWriter;
use crate::support::node_dir::NodeDir;
use crate::support::table_writer::{Options, SET, TableWriter};

/// What happens to the segment.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Harm {
    /// It is cut in the middle of its records.
    Cut,
    /// It is cut and filled up with zeros to the length that it had.
    Regrown,
    /// A byte of a record in the middle is another one.
    Overwritten,
    /// One byte of a record's data is another one.
    OtherData,
    /// One byte is another one that no checksum covers: the type of a record.
    OtherType,
    /// Only the zeros behind the records are cut off, as a server does it itself.
    Trimmed,
}

impl Harm {
    fn do_to(self, segment: &Path) {
        let mut bytes = fs::read(segment).unwrap();
        let records = bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1;
        let file = File::options().write(true).open(segment).unwrap();
        match self {
            Self::Cut => file.set_len(8192).unwrap(),
            Self::Trimmed => file.set_len(records.next_multiple_of(8) as u64).unwrap(),
            Self::Regrown => {
                file.set_len(8192).unwrap();
                file.set_len(bytes.len() as u64).unwrap();
            }
            Self::OtherData | Self::OtherType => {
                // The frame of an entry behind the middle: length word, type, checksum, data.
                let entry = |at: usize| bytes[at..].starts_with(&[0x08, 0x02, 0x10]) && at.is_multiple_of(8);
                let at = (records / 2..records).find(|&at| entry(at)).unwrap();
                let (place, byte) = if self == Self::OtherType { (at + 1, 9) } else { (at + 60, b'y') };
                assert_ne!(bytes[place], byte);
                file.write_all_at(&[byte], place as u64).unwrap();
            }
            Self::Overwritten => {
                // Behind everything that a reader of rows has passed when it writes the first of them.
                let middle = records / 2;
                bytes[middle..middle + 4096].fill(0xff);
                file.write_all_at(&bytes[middle..middle + 4096], middle as u64).unwrap();
            }
        }
    }
}

/// Does harm once, right after the last byte of the segment was read the first time.
struct AfterFirstPass {
    segment: PathBuf,
    len: u64,
    harm: Harm,
    done: AtomicBool,
}

impl AfterFirstPass {
    fn new(dir: &NodeDir, harm: Harm) -> Self {
        let segment = segment_of(dir.path());
        Self { len: fs::metadata(&segment).unwrap().len(), segment, harm, done: AtomicBool::new(false) }
    }
}

impl Progress for AfterFirstPass {
    fn advance(&self, bytes: u64) {
        // A segment this small is told of at once, when all of it was decoded.
        if bytes == self.len && !self.done.swap(true, Ordering::SeqCst) {
            self.harm.do_to(&self.segment);
        }
    }

    fn expect(&self, _bytes: u64) {}

    fn interrupted(&self) -> bool {
        false
    }
}

fn segment_of(group: &Path) -> PathBuf {
    let mut files: Vec<_> = fs::read_dir(group.join("wal")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1);
    files.swap_remove(0)
}

fn node() -> NodeDir {
    node_of(400)
}

fn node_of(entries: u64) -> NodeDir {
    let mut log = LogWriter::new();
    log.state(1, 0, 0);
    for index in 1..=entries {
        log.entry(index, 1, &"x".repeat(100));
    }
    log.state(1, 0, entries);
    NodeDir::new(&log).peers(0, &["n1"])
}

/// Does harm when the first bytes are written out.
struct AfterFirstWrite<'a> {
    segment: &'a Path,
    harm: Option<Harm>,
    out: Vec<u8>,
}

impl Write for AfterFirstWrite<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(harm) = self.harm.take() {
            harm.do_to(self.segment);
        }
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_dump_of_a_log_that_changes_is_unknown() {
    use ekv_tool::ops::wal::{DumpFilter, dump};
    for (harm, verdict) in [
        (None, Verdict::Clean),
        (Some(Harm::Trimmed), Verdict::Clean),
        (Some(Harm::Cut), Verdict::Unknown),
        (Some(Harm::Regrown), Verdict::Unknown),
        (Some(Harm::Overwritten), Verdict::Unknown),
        (Some(Harm::OtherData), Verdict::Unknown),
        (Some(Harm::OtherType), Verdict::Unknown),
    ] {
        let later = DumpFilter { offset: Some(16), ..DumpFilter::default() };
        for filter in [DumpFilter::default(), DumpFilter { from: Some(300), ..DumpFilter::default() }, later] {
            // More rows than are collected before the first of them are written.
            let node = node_of(20_000);
            let segment = segment_of(node.path());
            let mut out = AfterFirstWrite { segment: &segment, harm, out: Vec::new() };
            let mut rows = RowStream::new(OutputFormat::Table, Style::default(), JsonList::Indented("records"), &mut out);
            let report = dump(&[node.path().to_owned()], &filter, None, &Run::local(), &mut rows).unwrap();
            assert_eq!(report.verdict, verdict, "{harm:?}: {:?}", report.coverage);
            assert_eq!(report.findings.iter().filter(|f| f.severity == ekv_tool::analysis::Severity::Error).count(), 0);
        }
    }
}

#[test]
fn an_offset_where_no_record_begins_is_refused() {
    use ekv_tool::ops::wal::{DumpFilter, dump};
    let node = node();
    let run = |offset| {
        let filter = DumpFilter { offset: Some(offset), ..DumpFilter::default() };
        let mut out = Vec::new();
        let mut rows = RowStream::new(OutputFormat::Table, Style::default(), JsonList::Indented("records"), &mut out);
        let report = dump(&[node.path().to_owned()], &filter, None, &Run::local(), &mut rows);
        report.map(|report| (report.verdict, report.body.records_read)).map_err(|error| (error.to_string(), out))
    };
    let (verdict, all) = run(0).unwrap();
    assert_eq!(verdict, Verdict::Clean);
    assert_eq!(run(16).unwrap(), (Verdict::Clean, all - 1));
    for wrong in [1, 8, 1 << 40, u64::MAX] {
        let (message, written) = run(wrong).unwrap_err();
        assert!(message.starts_with(&format!("--offset {wrong}: no record begins there")) && written.is_empty(), "{message}");
    }
}

#[test]
fn no_command_is_content_with_a_log_that_changed_after_its_first_pass() {
    type Command = (&'static str, fn(&Path, &Run<'_>) -> Verdict);
    let commands: [Command; 8] = [
        ("wal stat", |dir, run| ops::wal::stat(&[dir.to_owned()], None, run).unwrap().verdict),
        ("wal ls", |dir, run| ops::wal::ls(&[dir.to_owned()], run).unwrap().verdict),
        ("wal verify", |dir, run| ops::wal::verify(&[dir.to_owned()], run).unwrap().verdict),
        ("wal show", |dir, run| {
            let place = ops::wal::RecordRef::Index(ekv_tool::types::LogIndex(5));
            ops::wal::show(dir, &place, None, run).unwrap().verdict
        }),
        ("gate-dryrun", |dir, run| {
            ops::gate_dryrun(&[dir.to_owned()], &ops::GateOptions { plan: true, ..Default::default() }, run).unwrap().verdict
        }),
        ("check", |dir, run| ops::check(&[dir.to_owned()], &ops::CheckOptions::default(), run).unwrap().verdict),
        ("inspect", |dir, run| ops::inspect(dir, InspectOptions::default(), run).unwrap().verdict),
        ("inspect wal", |dir, run| ops::inspect(&segment_of(dir), InspectOptions::default(), run).unwrap().verdict),
    ];
    for (name, command) in commands {
        for harm in [Harm::Cut, Harm::Trimmed] {
            let node = node();
            let before = command(node.path(), &Run::local());
            assert_eq!(before, Verdict::Clean, "{name}");
            let hook = AfterFirstPass::new(&node, harm);
            let verdict = command(node.path(), &Run::local().watched_by(&hook));
            assert!(hook.done.load(Ordering::SeqCst), "{name}: the segment was not read");
            match harm {
                // A command that reads everything again sees what is there now.
                Harm::Cut => {
                    let at_rest = command(node.path(), &Run::local());
                    let again = ["gate-dryrun", "check"].contains(&name) && verdict == at_rest;
                    assert!(verdict == Verdict::Unknown || again, "{name}: {verdict}");
                }
                _ => assert_eq!(verdict, Verdict::Clean, "{name}: zeros behind the records are not needed"),
            }
        }
    }
}

#[test]
fn entries_that_are_not_found_again_are_noticed() {
    for (harm, noticed) in [
        (Harm::Cut, true),
        (Harm::Regrown, true),
        (Harm::Overwritten, true),
        (Harm::OtherData, true),
        (Harm::OtherType, true),
        (Harm::Trimmed, false),
    ] {
        let node = node();
        let scan = WalScan::read(&node.path().join("wal"), &Run::local()).unwrap();
        assert_eq!(scan.disturbed().map(|(_, why)| why), None);
        harm.do_to(&segment_of(node.path()));
        let log = ekv_tool::analysis::server::log::EffectiveLog::of(&scan, ekv_tool::types::ServerVersion::NEWEST);
        let seen = log.entries.iter(&scan, ekv_tool::types::ServerVersion::NEWEST).count();
        assert_eq!(seen < 400, noticed, "{harm:?}: {seen}");
        assert_eq!(scan.disturbed().is_some(), noticed, "{harm:?}");
    }
}

#[test]
fn a_table_that_changes_under_the_reader_is_not_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("000004.sst");
    let mut writer = TableWriter::new(Vec::new(), Options::default());
    for row in 0..20_000_u32 {
        writer.point(format!("key{row:08}").as_bytes(), u64::from(row) + 1, SET, b"some value that takes its room").unwrap();
    }
    let (bytes, _) = writer.finish().unwrap();
    fs::write(&path, &bytes).unwrap();
    let walk = |table: &Table| {
        let mut iter = TableIter::new(table, TableView::default(), 0);
        loop {
            match iter.next() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(failure) => return Some(failure),
            }
        }
    };
    let table = Table::open(&path, &Local).unwrap();
    assert!(walk(&table).is_none());
    let overwritten = [&bytes[..4096], &[0; 64], &bytes[4160..]].concat();
    for harmed in [overwritten, bytes[..bytes.len() / 2].to_vec()] {
        let table = Table::open(&path, &Local).unwrap();
        // Clocks of file systems are coarse.
        std::thread::sleep(std::time::Duration::from_millis(20));
        // In place, as no server does it.
        fs::write(&path, &harmed).unwrap();
        let failure = walk(&table).unwrap();
        assert!(
            matches!(&failure, TableFailure::Error(error) if error.to_string().contains("changed while it was read")),
            "{failure:?}"
        );
        // At rest it is what it is.
        let damaged = Table::open(&path, &Local).and_then(|table| walk(&table).map_or(Ok(()), Err));
        assert!(matches!(damaged, Err(TableFailure::Problem(_))));
        fs::write(&path, &bytes).unwrap();
    }
}

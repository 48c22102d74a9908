//! A small store with one byte changed, or one file cut, at every place: nothing panics, nothing hangs, and no value is
//! reported that the damage may have changed without a word about the damage.

use std::fs;
use std::path::{Path, PathBuf};

use ekv_tool::Run;
use ekv_tool::analysis::Severity;
use ekv_tool::analysis::server::store::{AppliedIndexState, StoreOpen, StoreVerdict, open_verdict};
use ekv_tool::readers::pebble::{StoreCheck, examine};
use ekv_tool::types::ServerVersion;

use crate::support::recorded::cases;

/// Log with applied index 19, table with 15, both MANIFESTs, OPTIONS.
const CASE: &str = "applied-overwrites";
const APPLIED: AppliedIndexState = AppliedIndexState::Present(19);

struct Copy {
    dir: tempfile::TempDir,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Copy {
    fn new() -> Self {
        Self::of(CASE)
    }

    fn of(case: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("fsm.db");
        fs::create_dir(&store).unwrap();
        let mut files = Vec::new();
        for entry in fs::read_dir(cases().root.join(case).join("n1/fsm.db")).unwrap() {
            let entry = entry.unwrap();
            let to = store.join(entry.file_name());
            fs::copy(entry.path(), &to).unwrap();
            let bytes = fs::read(&to).unwrap();
            files.push((to, bytes));
        }
        files.sort();
        Self { dir, files }
    }

    fn verdicts(&self, check: StoreCheck) -> [StoreVerdict; 2] {
        let facts = examine(self.dir.path(), check, &Run::local()).unwrap();
        ServerVersion::ALL.map(|engine| open_verdict(&facts, engine))
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// Everything said about damage: findings that are more than context, and tails that a crash may have left.
fn spoke_up(verdict: &StoreVerdict) -> bool {
    let tail = |code: &str| matches!(code, "store-log-tail" | "store-manifest-tail");
    verdict.findings.iter().any(|finding| finding.severity != Severity::Info || tail(finding.code.code))
        || verdict.coverage.not_examined.iter().any(|part| part.needed)
}

/// What is wrong with a verdict about a damaged store.
fn objection(verdict: &StoreVerdict) -> Option<String> {
    match &verdict.open {
        StoreOpen::Opens if verdict.applied_index != APPLIED && !spoke_up(verdict) => {
            Some(format!("{:?} without a word", verdict.applied_index))
        }
        StoreOpen::Refused(_) | StoreOpen::Unknown(_) if !spoke_up(verdict) => Some("refused without a word".to_owned()),
        StoreOpen::NotChecked => Some("not checked".to_owned()),
        _ => None,
    }
}

#[test]
fn the_store_itself_is_fine() {
    for verdict in Copy::new().verdicts(StoreCheck::Full) {
        assert_eq!((&verdict.open, verdict.applied_index), (&StoreOpen::Opens, APPLIED));
        assert_eq!(verdict.findings, []);
        assert!(verdict.applied_source.unwrap().starts_with("fsm.db/000012.log at "));
    }
}

#[test]
fn every_byte_changed() {
    let copy = Copy::new();
    let mut wrong = Vec::new();
    for (path, bytes) in &copy.files {
        let live_table = name(path) == "000014.sst";
        let mut damaged = bytes.clone();
        // Text has no structure that another place would not have.
        let step = if name(path).starts_with("OPTIONS") { 7 } else { 1 };
        for at in (0..bytes.len()).step_by(step) {
            damaged[at] ^= 1 << (at % 8);
            fs::write(path, &damaged).unwrap();
            let what = format!("{} byte {at}", name(path));
            // The meta check alone must hold too; it reads less.
            let check = if at % 4 == 0 { StoreCheck::Meta } else { StoreCheck::Full };
            let verdicts = copy.verdicts(check);
            for verdict in &verdicts {
                wrong.extend(objection(verdict).map(|why| format!("{what}: {why}")));
            }
            // Blocks are covered by checksums to the last byte; the footer's padding is not.
            if live_table && check == StoreCheck::Full && at + 53 < bytes.len() {
                let [older, newer] = &verdicts;
                assert!(older.findings.iter().any(|finding| finding.severity == Severity::Error), "{what} went unnoticed");
                assert!(matches!(newer.open, StoreOpen::Refused(_)), "{what}: the newer server reads every block");
            }
            damaged[at] = bytes[at];
        }
        fs::write(path, bytes).unwrap();
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_file_cut_and_gone() {
    let copy = Copy::new();
    let mut wrong = Vec::new();
    for (path, bytes) in &copy.files {
        for len in (0..bytes.len()).step_by(7) {
            // An empty log is what a start leaves before the first write.
            if len == 0 && name(path) == "000012.log" {
                continue;
            }
            fs::write(path, &bytes[..len]).unwrap();
            for verdict in copy.verdicts(StoreCheck::Meta) {
                wrong.extend(objection(&verdict).map(|why| format!("{} cut to {len}: {why}", name(path))));
            }
        }
        fs::remove_file(path).unwrap();
        for verdict in copy.verdicts(StoreCheck::Meta) {
            wrong.extend(objection(&verdict).map(|why| format!("{} gone: {why}", name(path))));
        }
        fs::write(path, bytes).unwrap();
    }
    assert_eq!(wrong, Vec::<String>::new());
}

fn errors(verdict: &StoreVerdict) -> Vec<&'static str> {
    let errors = verdict.findings.iter().filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| finding.code.code).collect()
}

/// The only record of a log that was closed: complete, so that no crash explains a checksum that is wrong.
#[test]
fn a_flipped_bit_in_the_last_record_of_a_closed_log_is_damage() {
    let copy = Copy::new();
    let (path, bytes) = copy.files.iter().find(|(path, _)| name(path) == "000012.log").unwrap();
    assert_eq!(bytes.len(), 53 + 11);
    for bit in 0..53 * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(path, &damaged).unwrap();
        for verdict in copy.verdicts(StoreCheck::Meta) {
            assert_eq!(errors(&verdict), ["store-log-hole"], "bit {bit}");
        }
    }
    for len in 0..53 {
        fs::write(path, &bytes[..len]).unwrap();
        for verdict in copy.verdicts(StoreCheck::Meta) {
            assert_eq!(errors(&verdict), Vec::<&str>::new(), "a crash may cut it at {len}");
        }
    }
}

/// What names the only table is gone, and the log that the table was made from is gone too.
#[test]
fn a_manifest_cut_between_its_records_is_damage() {
    let copy = Copy::of("mix-0153");
    let (path, bytes) = copy.files.iter().find(|(path, _)| name(path) == "MANIFEST-000006").unwrap();
    fs::write(path, &bytes[..39]).unwrap();
    for verdict in copy.verdicts(StoreCheck::Meta) {
        assert_eq!((&verdict.open, errors(&verdict)), (&StoreOpen::Opens, vec!["store-manifest-tail"]));
    }
}

#[test]
fn a_name_of_any_kind_in_the_place_of_the_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("fsm.db"), b"").unwrap();
    let facts = examine(dir.path(), StoreCheck::Full, &Run::local()).unwrap();
    for engine in ServerVersion::ALL {
        assert!(matches!(open_verdict(&facts, engine).open, StoreOpen::Refused(_)));
    }
}

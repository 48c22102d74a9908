use super::*;
use crate::readers::pebble::{FormatMarker, ManifestFact, StoreCheck};

fn group(store: StoreFacts) -> GroupStoreFacts {
    GroupStoreFacts { store, check: StoreCheck::Meta, ..GroupStoreFacts::default() }
}

fn absent() -> StoreFacts {
    StoreFacts { name: "fsm.db".to_owned(), stable: true, ..StoreFacts::default() }
}

fn text(verdict: &StoreVerdict) -> &str {
    match &verdict.open {
        StoreOpen::Refused(error) => &error.text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_absent_store_is_created_empty() {
    for engine in ServerVersion::ALL {
        let verdict = open_verdict(&group(absent()), engine);
        assert_eq!((verdict.open, verdict.applied_index), (StoreOpen::Opens, AppliedIndexState::Missing));
        assert_eq!(verdict.findings[0].code.code, "store-absent");
    }
}

#[test]
fn only_the_newer_engine_takes_the_backup() {
    let mut facts = group(absent());
    facts.restore_backups = vec!["fsm.db-restore-backup-1".to_owned()];
    facts.snapshot_artifacts = vec!["fsm.db-sst-ingest-2".to_owned()];
    facts.backup = Some(StoreFacts {
        name: "fsm.db-restore-backup-1".to_owned(),
        presence: StorePresence::Directory,
        format: FormatMarker::Version(16),
        manifest: ManifestFact::FileMissing("MANIFEST-000001".to_owned()),
        stable: true,
        ..StoreFacts::default()
    });
    let main = open_verdict(&facts, ServerVersion::Main);
    assert_eq!(main.would_rename, [("fsm.db-restore-backup-1".to_owned(), "fsm.db".to_owned())]);
    assert_eq!(main.would_delete, ["fsm.db-sst-ingest-2"]);
    assert!(text(&main).contains("could not open manifest file \"MANIFEST-000001\""), "{main:?}");
    let older = open_verdict(&facts, ServerVersion::Pr934);
    assert_eq!((older.open, older.would_rename.len(), older.would_delete.len()), (StoreOpen::Opens, 0, 0));
}

#[test]
fn several_backups_are_refused_before_anything_is_removed() {
    let mut facts = group(absent());
    facts.restore_backups = vec!["fsm.db-restore-backup-1".to_owned(), "fsm.db-restore-backup-2".to_owned()];
    facts.snapshot_artifacts = vec!["fsm.db-sst-ingest-2".to_owned()];
    let main = open_verdict(&facts, ServerVersion::Main);
    assert_eq!(text(&main), "cannot recover Pebble store with 2 restore backups");
    assert_eq!((main.would_delete.len(), main.applied_index), (0, AppliedIndexState::Unreadable));
}

#[test]
fn a_backup_beside_a_store_goes_once_the_store_has_opened() {
    let mut facts = group(StoreFacts { presence: StorePresence::Directory, format: FormatMarker::Version(16), ..absent() });
    facts.restore_backups = vec!["fsm.db-restore-backup-1".to_owned()];
    assert_eq!(open_verdict(&facts, ServerVersion::Main).would_delete, ["fsm.db-restore-backup-1"]);
    facts.store.format = FormatMarker::Version(25);
    let refused = open_verdict(&facts, ServerVersion::Main);
    assert_eq!(refused.would_delete, Vec::<String>::new());
    assert_eq!(text(&refused), "pebble: database \"fsm.db\" written in unknown format major version 25");
}

#[test]
fn what_was_not_asked_for_is_not_read() {
    let mut facts = group(absent());
    facts.check = StoreCheck::None;
    let verdict = open_verdict(&facts, ServerVersion::Main);
    assert_eq!((verdict.open, verdict.applied_index), (StoreOpen::NotChecked, AppliedIndexState::NotRead));
    assert_eq!(verdict.coverage.not_examined.len(), 1);
}

#[test]
fn a_store_that_changed_while_it_was_read_is_unknown() {
    let facts =
        group(StoreFacts { presence: StorePresence::Directory, format: FormatMarker::Version(16), stable: false, ..absent() });
    assert!(open_verdict(&facts, ServerVersion::Pr934).coverage.not_examined.iter().any(|part| part.needed));
}

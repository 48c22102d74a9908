//! `store diff`, and what `compare` says of the same stores: each difference is explained, one's own, or a divergence.

use std::fs;
use std::path::Path;

use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::analysis::judge::divergence::{DifferenceKind, Judged, Reason};
use ekv_tool::analysis::server::Outcome;
use ekv_tool::formats::mvcc::{Encryption, RowHeader};
use ekv_tool::ops::{CompareOptions, GateOptions, compare, gate_dryrun, store_diff};
use ekv_tool::report::body::compare_stores::StoreAgreement;
use ekv_tool::report::body::store_diff::StoreDiffBody;
use ekv_tool::report::{OutputFormat, Report, Style, render};
use ekv_tool::types::HlcTimestamp;

use crate::support::diverging::{LAST, Node, commit_of, key, value, written};
use crate::support::recorded::real;

fn diff(a: &Path, b: &Path) -> Report<StoreDiffBody> {
    store_diff([a, b], 20, None, &Run::local()).unwrap()
}

fn of_two(a: Node, b: Node) -> Report<StoreDiffBody> {
    let root = tempfile::tempdir().unwrap();
    let (a, b) = (a.write(root.path()), b.write(root.path()));
    diff(&a, &b)
}

fn codes(report: &Report<StoreDiffBody>) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.code.code).collect()
}

/// What is said of everything that differs, the stores' own numbers apart.
fn judged(report: &Report<StoreDiffBody>) -> Vec<(DifferenceKind, Reason, Option<u64>)> {
    let rows = report.body.differences.iter().filter(|row| row.reason != Reason::OwnNumber);
    rows.map(|row| (row.kind, row.reason, row.entry_index.map(|index| index.0))).collect()
}

#[test]
fn stores_that_have_applied_the_same_are_the_same() {
    let report = of_two(Node::new("n1", LAST), Node::new("n2", LAST));
    assert_eq!((report.verdict, codes(&report)), (Verdict::Clean, vec![]));
    assert!(report.body.identical_rows && report.body.complete && report.body.differences.is_empty());
    assert_eq!(report.headline(), "the same 10 rows in both");
}

#[test]
fn what_only_one_has_applied_is_explained_by_its_entry() {
    let report = of_two(Node::new("n1", LAST), Node::new("n2", LAST - 2));
    assert_eq!((report.verdict, codes(&report)), (Verdict::Clean, vec![]));
    let expected = [LAST - 1, LAST].map(|index| (DifferenceKind::OnlyFirst, Reason::Entry, Some(index)));
    assert_eq!(judged(&report), expected);
    assert_eq!(report.body.differences[0].entry_term, Some(2));
    assert!(!report.body.identical_rows);
}

#[test]
fn a_row_that_one_node_lost_is_named_with_the_entry_that_wrote_it() {
    let report = of_two(Node::new("n1", LAST), Node::new("n2", LAST).without(5));
    assert_eq!((report.verdict, codes(&report)), (Verdict::Damaged, vec!["nodes-stores-diverge"]));
    assert_eq!(judged(&report), [(DifferenceKind::OnlyFirst, Reason::NoEntry, Some(5))]);
    let finding = &report.findings[0];
    assert!(finding.path.as_ref().unwrap().ends_with("n2/fsm.db"), "{finding:?}");
    assert_eq!(finding.expected.as_deref(), Some("what entry 5 of term 2 wrote"));
    assert!(
        finding.message.contains("The first: redis:k5, committed ") && finding.message.contains("both have applied 9"),
        "{}",
        finding.message
    );
    let row = &report.body.differences[0];
    assert_eq!((row.first_as_written, row.second_len), (Some(true), None));
    assert_eq!(row.first_value.as_deref(), Some("value of 5"));
    // It stays one when the other is behind, as long as it has applied that entry.
    let report = of_two(Node::new("n1", LAST), Node::new("n2", LAST - 2).without(5));
    assert_eq!(codes(&report), ["nodes-stores-diverge"]);
    assert_eq!(report.body.differences.iter().filter(|row| row.judged == Judged::Diverged).count(), 1);
    // And when it is the one ahead that lacks it.
    let report = of_two(Node::new("n1", LAST).without(5), Node::new("n2", LAST - 2));
    assert!(report.findings[0].path.as_ref().unwrap().ends_with("n1/fsm.db"), "{:?}", report.findings);
}

#[test]
fn another_value_is_held_against_what_the_entry_wrote() {
    let (user_key, _) = written(4);
    let changed = Node::new("n2", LAST).without(4).row(key(&user_key, commit_of(4)), value(b"other"));
    let report = of_two(Node::new("n1", LAST), changed);
    assert_eq!(judged(&report), [(DifferenceKind::OtherValue, Reason::NoEntry, Some(4))]);
    let row = &report.body.differences[0];
    assert_eq!((row.first_as_written, row.second_as_written), (Some(true), Some(false)));
    assert!(report.findings[0].path.as_ref().unwrap().ends_with("n2/fsm.db"));
    assert!(report.findings[0].message.contains("Entry 4 of term 2 wrote what "), "{}", report.findings[0].message);
}

#[test]
fn what_the_entry_of_a_row_did_not_write_is_not_explained_by_it() {
    let (user_key, _) = written(LAST);
    let other = |row: Vec<u8>| Node::new("n1", LAST).without(LAST).row(key(&user_key, commit_of(LAST)), row);
    let tombstone = RowHeader { tombstone: true, encryption: Encryption::Clear, expire_at: HlcTimestamp(0) }.encode().to_vec();
    for changed in [value(b"value of 8"), value(b""), tombstone] {
        // The other one has not applied the entry, or not all of those before it either.
        for applied in [LAST - 1, LAST - 3] {
            for turned in [false, true] {
                let pair = (other(changed.clone()), Node::new("n2", applied));
                let report = if turned { of_two(pair.1, pair.0) } else { of_two(pair.0, pair.1) };
                assert_eq!((report.verdict, codes(&report)), (Verdict::Damaged, vec!["store-not-as-written"]));
                let kind = if turned { DifferenceKind::OnlySecond } else { DifferenceKind::OnlyFirst };
                let wrong: Vec<_> = judged(&report).into_iter().filter(|(_, reason, _)| *reason != Reason::Entry).collect();
                assert_eq!(wrong, [(kind, Reason::NotAsWritten, Some(LAST))]);
                assert_eq!(
                    report.body.reasons.iter().find(|count| count.reason == Reason::Entry).map_or(0, |count| count.rows),
                    LAST - 1 - applied
                );
                let finding = &report.findings[0];
                assert!(finding.path.as_ref().unwrap().ends_with("n1/fsm.db"), "{finding:?}");
                assert_eq!(finding.expected.as_deref(), Some("what entry 9 of term 2 wrote"));
                assert!(finding.message.contains("Entry 9 of term 2 wrote something else."), "{}", finding.message);
            }
        }
    }
    // The one that is behind has the version too, with what an older entry may have written.
    let behind = Node::new("n2", LAST - 1).row(key(&user_key, commit_of(LAST)), value(b"older"));
    let report = of_two(other(value(b"changed")), behind);
    assert_eq!(judged(&report), [(DifferenceKind::OtherValue, Reason::NotAsWritten, Some(LAST))]);
    assert!(report.findings[0].path.as_ref().unwrap().ends_with("n1/fsm.db"), "{:?}", report.findings);
    let behind = Node::new("n2", LAST - 1).row(key(&user_key, commit_of(LAST)), value(b"older"));
    let report = of_two(Node::new("n1", LAST), behind);
    assert_eq!(judged(&report), [(DifferenceKind::OtherValue, Reason::Entry, Some(LAST))]);
}

#[test]
fn a_row_that_no_entry_wrote_should_not_be_there() {
    let report = of_two(Node::new("n1", LAST), Node::new("n2", LAST).row(key(b"alien", commit_of(3)), value(b"x")));
    assert_eq!(judged(&report), [(DifferenceKind::OnlySecond, Reason::NoEntry, None)]);
    assert!(report.findings[0].path.as_ref().unwrap().ends_with("n2/fsm.db"));
    // Of one that only the node ahead has, all entries in between have to be known.
    let ahead = Node::new("n1", LAST).row(key(b"alien", commit_of(LAST)), value(b"x"));
    assert_eq!(codes(&of_two(ahead, Node::new("n2", LAST - 2))), ["nodes-stores-diverge"]);
}

#[test]
fn what_each_node_may_have_of_its_own_is_no_divergence() {
    let (user_key, _) = written(6);
    let older = |node: Node| node.row(key(&user_key, commit_of(3) + 1), value(b"before"));
    let retained = |node: Node, at: u64| node.row(b"_meta_min_retained_ts".to_vec(), at.to_le_bytes().to_vec());
    // One has removed a version of which a newer one is older than what it retains.
    let report = of_two(older(Node::new("n1", LAST)), retained(Node::new("n2", LAST), commit_of(7)));
    assert_eq!((report.verdict, judged(&report)), (Verdict::Clean, vec![(DifferenceKind::OnlyFirst, Reason::Retention, None)]));
    // It must keep the newest of those.
    let report = of_two(older(Node::new("n1", LAST)), retained(Node::new("n2", LAST), commit_of(5)));
    assert_eq!(judged(&report), [(DifferenceKind::OnlyFirst, Reason::NoEntry, None)]);
    // Chunks and the first catalog are written outside of the log.
    let chunk = key(&[b"!s3|chunkblob|".as_slice(), &[b'a'; 64]].concat(), commit_of(3));
    let route = key(b"!dist|meta|version", 1);
    let own = Node::new("n2", LAST).row(chunk, value(b"chunk")).row(route, value(b"12345678"));
    let report = of_two(Node::new("n1", LAST), own);
    let expected = [Reason::OwnCatalog, Reason::OwnChunk].map(|reason| (DifferenceKind::OnlySecond, reason, None));
    assert_eq!((report.verdict, judged(&report)), (Verdict::Clean, expected.to_vec()));
}

/// A later catalog is written by entries: that none did is known only of logs that begin with the group.
#[test]
fn a_later_catalog_whose_entries_are_gone_is_not_known() {
    let later = |node: Node| node.row(key(b"!dist|meta|version", commit_of(3)), value(b"\x01\0\0\0\0\0\0\0\x02"));
    let report = of_two(Node::new("n1", LAST), later(Node::new("n2", LAST)));
    assert_eq!((report.verdict, judged(&report)), (Verdict::Clean, vec![(DifferenceKind::OnlySecond, Reason::OwnCatalog, None)]));
    let report = of_two(Node::new("n1", LAST).from(6), later(Node::new("n2", LAST).from(6)));
    assert_eq!((report.verdict, codes(&report)), (Verdict::Unknown, vec![]));
    assert_eq!(judged(&report), [(DifferenceKind::OnlySecond, Reason::CatalogGone, None)]);
    let why = "rows of a later shard catalog, and the logs begin behind what may have written them";
    assert!(report.coverage.not_examined.iter().any(|part| part.needed && part.why == why), "{:?}", report.coverage);
    // The first one needs no entry.
    let first = Node::new("n2", LAST).from(6).row(key(b"!dist|meta|version", 1), value(b"\x01\0\0\0\0\0\0\0\x01"));
    let report = of_two(Node::new("n1", LAST).from(6), first);
    assert_eq!((report.verdict, judged(&report)), (Verdict::Clean, vec![(DifferenceKind::OnlySecond, Reason::OwnCatalog, None)]));
}

/// Stores of two clusters: said as `compare` says it.
#[test]
fn stores_of_two_clusters_are_not_of_one_group() {
    let root = tempfile::tempdir().unwrap();
    let one = Node::new("n1", LAST).write(&root.path().join("a"));
    let other = Node::new("n1", LAST).of_others().write(&root.path().join("b"));
    for paths in [[one.clone(), other.clone()], [one.join("fsm.db"), other.join("fsm.db")]] {
        let report = diff(&paths[0], &paths[1]);
        assert_eq!((report.verdict, codes(&report)), (Verdict::Damaged, vec!["cross-group-mismatch"]), "{:?}", report.findings);
        assert!(report.body.sides.is_empty() && !report.body.complete && !report.body.identical_rows);
        assert_eq!(report.headline(), "the directories are not of one group (1 error); no row was compared");
    }
    let compared = compare(&[one, other], &CompareOptions::default(), &Run::local()).unwrap();
    assert!(compared.findings.iter().any(|finding| finding.code.code == "cross-group-mismatch"));
}

#[test]
fn what_the_logs_do_not_tell_is_not_known() {
    // Both logs begin behind what is missing.
    let report = of_two(Node::new("n1", LAST).from(LAST), Node::new("n2", 5).from(LAST));
    assert_eq!((report.verdict, codes(&report)), (Verdict::Clean, vec![]));
    let reasons: Vec<_> = judged(&report).into_iter().map(|(_, reason, entry)| (reason, entry)).collect();
    assert_eq!(
        reasons,
        [(Reason::NewerCommit, None), (Reason::NewerCommit, None), (Reason::NewerCommit, None), (Reason::Entry, Some(9))]
    );
    // A row that is not newer than everything that the other has may have been written by one of them.
    let old = Node::new("n1", LAST).from(LAST).row(key(b"old", commit_of(3)), value(b"x"));
    let report = of_two(old, Node::new("n2", 5).from(LAST));
    assert_eq!((report.verdict, codes(&report)), (Verdict::Unknown, vec![]));
    assert!(
        report.coverage.not_examined.iter().any(|part| part.needed && part.why.contains("6 among them")),
        "{:?}",
        report.coverage
    );
    // And one that the node behind has, and the other not, was not: the other has applied everything that it has.
    let report = of_two(Node::new("n1", LAST).from(LAST).without(4), Node::new("n2", 5).from(LAST));
    assert_eq!(codes(&report), ["nodes-stores-diverge"]);
    // Without an applied index nothing is known.
    let silent = Node::new("n2", LAST).without(4).row(b"_meta_applied_index".to_vec(), vec![1]);
    assert_eq!(of_two(Node::new("n1", LAST), silent).verdict, Verdict::Unknown);
}

#[test]
fn a_store_that_cannot_be_read_through_never_differs_where_it_was_not_read() {
    let root = tempfile::tempdir().unwrap();
    let from = real().root.join("lag-M");
    for node in ["n1", "n3"] {
        crate::support::tree::copy_tree(&from.join(node), &root.path().join(node));
    }
    let (a, b) = (root.path().join("n1"), root.path().join("n3"));
    let report = diff(&a, &b);
    assert_eq!((report.verdict, codes(&report)), (Verdict::Clean, vec![]));
    let tables = fs::read_dir(b.join("fsm.db")).unwrap().map(|entry| entry.unwrap().path());
    let table = tables
        .filter(|path| path.extension().is_some_and(|name| name == "sst"))
        .max_by_key(|path| fs::metadata(path).unwrap().len());
    let table = table.unwrap();
    let mut bytes = fs::read(&table).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&table, bytes).unwrap();
    for (one, other) in [(&a, &b), (&b, &a)] {
        let report = diff(one, other);
        assert_eq!(report.verdict, Verdict::Damaged);
        assert!(!codes(&report).contains(&"nodes-stores-diverge"), "{:?}", report.findings);
        assert!(!report.body.complete && !report.body.identical_rows && report.body.same > 0);
        assert!(report.coverage.not_examined.iter().any(|part| part.needed), "{:?}", report.coverage);
    }
}

#[test]
fn compare_names_the_node_that_stands_alone() {
    let root = tempfile::tempdir().unwrap();
    let nodes = [Node::new("n1", LAST), Node::new("n2", LAST), Node::new("n3", LAST).without(5)];
    let dirs = nodes.map(|node| node.write(root.path()));
    let report = compare(&dirs, &CompareOptions::default(), &Run::local()).unwrap();
    let found: Vec<_> = report.findings.iter().filter(|finding| finding.code.code == "nodes-stores-diverge").collect();
    let [finding] = found.as_slice() else { panic!("{:?}", report.findings) };
    assert!(finding.path.as_ref().unwrap().ends_with("n3/fsm.db"), "{finding:?}");
    assert!(finding.message.contains("Entry 5 of term 2 writes it"), "{}", finding.message);
    assert!(finding.message.ends_with(" n1 and n2 hold the same rows."), "{}", finding.message);
    let agreements: Vec<_> = report.body.groups[0].stores.iter().map(|row| row.agreement).collect();
    assert_eq!(agreements, [StoreAgreement::Reference, StoreAgreement::Same, StoreAgreement::Diverged]);
    let classes = &report.body.groups[0].store_classes;
    assert_eq!(classes.iter().map(|class| (class.space.as_str(), class.same)).collect::<Vec<_>>(), [("redis-string", false)]);
    // Left out when that is asked for, and said.
    let fast = CompareOptions { fast: true, ..CompareOptions::default() };
    let report = compare(&dirs, &fast, &Run::local()).unwrap();
    assert!(report.findings.iter().all(|finding| finding.code.code != "nodes-stores-diverge"));
    assert!(report.coverage.not_examined.iter().any(|part| part.what == "the rows of the stores"));
}

/// A node that does not come up is in no order, whatever its log says, and a contradiction of the stores leaves none at all.
#[test]
fn compare_never_puts_a_node_in_order_that_gate_dryrun_refuses() {
    let root = tempfile::tempdir().unwrap();
    let from = real().root.join("lag-M");
    let nodes = ["n1", "n2", "n3"].map(|node| {
        crate::support::tree::copy_tree(&from.join(node), &root.path().join(node));
        root.path().join(node)
    });
    let ask = |options: &CompareOptions| compare(&nodes, options, &Run::local()).unwrap();
    let whole = ask(&CompareOptions::default());
    assert_eq!(whole.verdict, Verdict::Clean, "{:?}", whole.findings);
    assert_eq!(whole.body.groups[0].comparison.restart_order.len(), 3);
    let store = nodes[2].join("fsm.db");
    let tables = fs::read_dir(store).unwrap().map(|entry| entry.unwrap().path());
    let table = tables.filter(|path| path.extension().is_some_and(|name| name == "sst")).min().unwrap();
    let mut bytes = fs::read(&table).unwrap();
    bytes[60] ^= 0xff;
    fs::write(&table, bytes).unwrap();
    let gate = gate_dryrun(&nodes[2..], &GateOptions::default(), &Run::local()).unwrap();
    assert_eq!((gate.verdict, gate.body.groups[0].forecast.outcome), (Verdict::Damaged, Outcome::Abort));
    let report = ask(&CompareOptions::default());
    assert_eq!(report.verdict, Verdict::Damaged);
    let comparison = &report.body.groups[0].comparison;
    assert_eq!(comparison.nodes[2].start.as_deref(), Some("refused"));
    assert!(!comparison.restart_order.contains(&"n3".to_owned()), "{:?}", comparison.restart_order);
    for code in ["store-table-damage", "start-refused"] {
        assert!(report.findings.iter().any(|finding| finding.code.code == code), "{code}: {:?}", report.findings);
    }
}

#[test]
fn nothing_is_restarted_while_stores_contradict_each_other() {
    let root = tempfile::tempdir().unwrap();
    let nodes = [Node::new("n1", LAST), Node::new("n2", LAST), Node::new("n3", LAST).without(5)];
    let dirs = nodes.map(|node| node.write(root.path()));
    let report = compare(&dirs, &CompareOptions::default(), &Run::local()).unwrap();
    let comparison = &report.body.groups[0].comparison;
    assert_eq!(comparison.hold, Some("nodes-stores-diverge"));
    assert!(comparison.restart.is_empty() && comparison.restart_order.is_empty());
    let mut page = Vec::new();
    render(&report, OutputFormat::Table, Style::default(), &mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("Restart nothing") && !page.contains("Restart one at a time"), "{page}");
}

#[test]
fn real_clusters_hold_the_same_rows() {
    let all = [
        ("three-M", vec!["n1", "n2", "n3"]),
        ("lag-M", vec!["n1", "n2", "n3"]),
        ("sticky-P", vec!["n1", "n2", "n3"]),
        ("membership-M", vec!["n1", "n3", "n4"]),
    ];
    for (name, nodes) in all {
        for one in &nodes {
            for other in &nodes {
                let [a, b] = [one, other].map(|node| real().root.join(name).join(node));
                let report = diff(&a, &b);
                assert_eq!((report.verdict, codes(&report)), (Verdict::Clean, vec![]), "{name} {one} {other}");
            }
        }
    }
    // Two moments of one node: everything in between is explained by its log.
    let [early, late] = ["live-M-1/n1", "live-M-3/n1"].map(|name| real().root.join(name));
    let report = diff(&early, &late);
    assert_eq!(codes(&report), Vec::<&str>::new());
    assert!(report.body.reasons.iter().all(|count| count.judged != Judged::Diverged), "{:?}", report.body.reasons);
}

#[test]
fn a_page_fits_80_columns() {
    let report = of_two(Node::new("n1", LAST), Node::new("n2", LAST - 2).without(5));
    let style = Style { width: Some(80), ..Style::default() };
    let mut page = Vec::new();
    render(&report, OutputFormat::Table, style, &mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    for line in page.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(page.contains("5 of term 2; the first has what it wrote"), "{page}");
}

//! Plans of restarts: in agreement with `compare`, and never against a quorum.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ekv_fleet::facts::FactsRead;
use ekv_fleet::plan::{PlanOptions, facts_at, plan};
use ekv_fleet::progress::Unwatched;
use ekv_tool::Run;
use ekv_tool::analysis::judge::codes::files::FILE_DAMAGED;
use ekv_tool::analysis::{Finding, NotExamined};
use ekv_tool::ops::{CompareOptions, compare};
use serde_json::Value;

use crate::support::made::{self, MadeCopy, MadeGroup, Told, taken};
use crate::support::program::{Ran, run};
use crate::support::taken::clusters;

pub fn options() -> PlanOptions {
    PlanOptions { max_batch: 10, per_group: 1, ..PlanOptions::default() }
}

fn planned(files: impl IntoIterator<Item = (String, Vec<u8>)>, options: &PlanOptions) -> Value {
    let mut all = FactsRead::default();
    for (name, bytes) in files {
        all.take(format!("{name}.facts"), || Ok(bytes));
    }
    serde_json::to_value(plan(all, options, &Unwatched).unwrap()).unwrap()
}

/// The names of each batch.
fn batches(report: &Value) -> Vec<Vec<String>> {
    let names = |batch: &Value| -> Vec<String> {
        batch["nodes"].as_array().unwrap().iter().map(|node| node["node"].as_str().unwrap().to_owned()).collect()
    };
    report["batches"].as_array().unwrap().iter().map(names).collect()
}

/// What is left, with the first reason and its code.
fn left(report: &Value) -> Vec<(String, String, Option<String>)> {
    let row = |left: &Value| {
        let reason = &left["reasons"][0];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        (text(&left["node"]).unwrap(), text(&reason["why"]).unwrap(), text(&reason["code"]))
    };
    report["left"].as_array().unwrap().iter().map(row).collect()
}

#[test]
fn a_plan_of_one_group_is_the_order_of_compare() {
    let mut orders = 0;
    for (name, files) in clusters() {
        let compared = compare(files, &CompareOptions::default(), &Run::local()).unwrap();
        let report = plan(facts_at(files, &Unwatched).unwrap(), &options(), &Unwatched).unwrap();
        // What nobody knows of a member a plan has to know.
        if report.body.absent.is_empty() {
            assert_eq!(report.verdict, compared.verdict, "{name}: {:?}", report.coverage.not_examined);
        }
        let report = serde_json::to_value(report).unwrap();
        let planned: Vec<_> = batches(&report).concat();
        for group in &compared.body.groups {
            let order = &group.comparison.restart_order;
            let of_group: Vec<_> = planned.iter().filter(|node| order.contains(node)).collect();
            if group.comparison.hold.is_some() {
                assert!(of_group.is_empty(), "{name}: {planned:?}");
            }
            let last = |name: &str| {
                let row = group.comparison.nodes.iter().find(|row| row.raft_id == name).unwrap();
                (row.role == "voter", row.last_term, row.last_index)
            };
            for pair in of_group.windows(2) {
                assert!(last(pair[0]) <= last(pair[1]), "{name}: {planned:?} against {order:?}");
            }
            // The same rule orders both.
            let kept: Vec<_> = order.iter().filter(|node| planned.contains(node)).collect();
            assert_eq!(of_group, kept, "{name}");
            orders += of_group.len();
        }
        let steps: BTreeSet<_> = compared
            .body
            .groups
            .iter()
            .flat_map(|group| &group.comparison.restart)
            .filter(|step| step.objection.is_some())
            .map(|step| step.node.clone())
            .collect();
        assert!(planned.iter().all(|node| !steps.contains(node)), "{name}");
        let codes = |report: &Value| -> BTreeSet<String> {
            report["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(codes(&report), codes(&serde_json::to_value(&compared).unwrap()), "{name}");
    }
    assert!(orders > 10, "{orders}");
}

#[test]
fn one_member_at_a_time_and_the_leader_last() {
    let groups = [MadeGroup::of(1, &["n1", "n2", "n3"]), MadeGroup::of(2, &["n4", "n5", "n6"])];
    let report = planned(made::fleet(&groups, |_, _| {}), &options());
    assert_eq!(report["verdict"], "clean", "{report:#}");
    assert_eq!(batches(&report), [["n2", "n5"], ["n3", "n6"], ["n1", "n4"]]);
    assert_eq!(report["batches"][2]["nodes"][0]["leads"], serde_json::json!([1]));
    assert_eq!((&report["read_bytes"], &report["estimate_ms"]), (&(6_u64 << 20).into(), &30.into()));
    let one = planned(made::fleet(&groups, |_, _| {}), &PlanOptions { max_batch: 1, restore_rate: Some(1 << 20), ..options() });
    assert_eq!((batches(&one).len(), &one["estimate_ms"]), (6, &6000.into()));
    // Five voters can spare two, if the caller wants that.
    let five = [MadeGroup::of(1, &["n1", "n2", "n3", "n4", "n5"])];
    assert_eq!(batches(&planned(made::fleet(&five, |_, _| {}), &options())).len(), 5);
    let two = planned(made::fleet(&five, |_, _| {}), &PlanOptions { per_group: 3, ..options() });
    assert!(batches(&two).iter().all(|batch| batch.len() <= 2), "{two:#}");
}

/// A change of one node's copies.
type Change = fn(&mut MadeCopy);

#[test]
fn who_must_not_be_restarted_is_named_with_the_reason() {
    let refuse: Change = |(copy, _)| {
        copy.start.outcome = "refused";
        copy.start.reason = Some("no space".to_owned());
    };
    let unknown: Change = |(copy, _)| {
        copy.start.outcome = "unknown";
        copy.start.reason = Some("encryption is in use".to_owned());
    };
    let harm: Change = |(copy, _)| copy.start.harm = vec![FILE_DAMAGED.code];
    let damaged: Change = |(copy, _)| copy.findings.push(Finding::new(&FILE_DAMAGED, "x"));
    let unread: Change = |(copy, _)| {
        copy.not_examined.push(NotExamined::new("the log", "no permission", true));
    };
    let cut: Change = |(copy, _)| copy.log_is_cut = true;
    let cases: [(&str, Change, &str, Option<&str>, &str); 6] = [
        ("refused", refuse, "refused", Some("start-refused"), "clean"),
        ("unknown", unknown, "unforetold", None, "unknown"),
        ("harm", harm, "harmful", Some(FILE_DAMAGED.code), "clean"),
        ("damaged", damaged, "damaged", Some(FILE_DAMAGED.code), "damaged"),
        ("unread", unread, "not-examined", None, "unknown"),
        ("cut", cut, "not-examined", None, "unknown"),
    ];
    for (name, change, why, code, verdict) in cases {
        // Seven voters: one that is away does not stop the others.
        let groups = [MadeGroup::of(1, &["n1", "n2", "n3", "n4", "n5"]), MadeGroup::of(2, &["n5", "n6", "n7"])];
        let report = planned(
            made::fleet(&groups, |node, copy| {
                if node == "n3" {
                    change(copy);
                }
            }),
            &options(),
        );
        assert_eq!(report["verdict"], verdict, "{name}: {report:#}");
        let wanted = ("n3".to_owned(), why.to_owned(), code.map(str::to_owned));
        assert_eq!(left(&report), [wanted], "{name}");
        assert_eq!(batches(&report).concat().len(), 6, "{name}");
        // Of three voters none can be spared then.
        let three = [MadeGroup::of(1, &["n1", "n2", "n3"]), MadeGroup::of(2, &["n5", "n6", "n7"])];
        let report = planned(
            made::fleet(&three, |node, copy| {
                if node == "n3" {
                    change(copy);
                }
            }),
            &options(),
        );
        assert_eq!(batches(&report).concat(), ["n6", "n7", "n5"], "{name}");
        let needed: Vec<_> = left(&report).into_iter().filter(|(_, why, _)| why == "needed").map(|(node, ..)| node).collect();
        assert_eq!(needed, ["n1", "n2"], "{name}: {report:#}");
    }
}

#[test]
fn members_without_facts_count_as_down() {
    let mut files =
        made::fleet(&[MadeGroup::of(1, &["n1", "n2", "n3", "n4", "n5"]), MadeGroup::of(2, &["n3", "n6", "n7"])], |_, _| {});
    files.remove("n3");
    let report = planned(files.clone(), &options());
    assert_eq!((&report["verdict"], batches(&report).concat().len()), (&"unknown".into(), 4), "{report:#}");
    assert_eq!(report["absent"], serde_json::json!([{"node": "n3", "groups": [1, 2]}]));
    assert_eq!(
        left(&report).iter().map(|(node, why, _)| (node.as_str(), why.as_str())).collect::<Vec<_>>(),
        [("n6", "needed"), ("n7", "needed")]
    );
    // One more is down: the group of five can spare nobody.
    let report = planned(files.clone(), &PlanOptions { down: vec!["n5".to_owned()], ..options() });
    assert_eq!(batches(&report).concat().len(), 0, "{report:#}");
    assert!(left(&report).contains(&("n5".to_owned(), "down".to_owned(), None)));
    let mut all = FactsRead::default();
    for (name, bytes) in files {
        all.take(name, || Ok(bytes));
    }
    let error = plan(all, &PlanOptions { down: vec!["n9".to_owned()], ..options() }, &Unwatched).unwrap_err();
    assert_eq!(error.to_string(), "--down n9: no node of that name is in the facts");
}

#[test]
fn what_a_node_was_long_ago_it_need_not_be_now() {
    let group = MadeGroup::of(1, &["n1", "n2", "n3"]);
    let now = ekv_tool::io::now().unwrap().0;
    let sums = group.sums();
    let taken = |days: u64| {
        ["n1", "n2", "n3"].map(|name| {
            let ago = if name == "n3" { days * 86_400_000 } else { 0 };
            (name.to_owned(), made::facts(now - ago, &[group.copy(name, &sums)]))
        })
    };
    let within = |days: u64| PlanOptions { max_age: Some(std::time::Duration::from_secs(days * 86_400)), ..options() };
    let report = planned(taken(30), &within(1));
    assert_eq!((&report["verdict"], batches(&report).len()), (&"unknown".into(), 0), "{report:#}");
    let why: Vec<_> = left(&report).into_iter().map(|(node, why, _)| (node, why)).collect();
    let expected = [("n1", "needed"), ("n2", "needed"), ("n3", "not-examined")];
    assert_eq!(why, expected.map(|(node, why)| (node.to_owned(), why.to_owned())));
    assert!(report["coverage"].to_string().contains("was taken 30 d ago"), "{report:#}");
    let report = planned(taken(30), &within(31));
    assert_eq!((&report["verdict"], batches(&report).concat().len()), (&"clean".into(), 3), "{report:#}");
}

#[test]
fn both_halves_of_a_change_of_members_keep_a_majority() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let mut group = MadeGroup::of(1, &["n1", "n2", "n3"]);
    (group.leaving, group.learners) = (names(&["n3", "n4", "n5"]), names(&["n6", "n7"]));
    let report = planned(made::fleet(std::slice::from_ref(&group), |_, _| {}), &PlanOptions { per_group: 9, ..options() });
    // Learners keep nobody from anything; n3 votes in both halves.
    let first: BTreeSet<_> = batches(&report)[0].iter().cloned().collect();
    assert!(first.contains("n6") && first.contains("n7"), "{report:#}");
    assert_eq!(batches(&report).concat().len(), 7);
    for batch in batches(&report) {
        let in_half = |half: &[&str]| batch.iter().filter(|node| half.contains(&node.as_str())).count();
        assert!(in_half(&["n1", "n2", "n3"]) <= 1 && in_half(&["n3", "n4", "n5"]) <= 1, "{batch:?}");
    }
}

#[test]
fn copies_that_contradict_each_other_hold_their_nodes() {
    let groups = [MadeGroup::of(1, &["n1", "n2", "n3"]), MadeGroup::of(2, &["n3", "n4", "n5"])];
    let other = MadeGroup { number: 9, ..groups[0].clone() }.sums();
    let report = planned(
        made::fleet(&groups, |node, (copy, _)| {
            if node == "n2" && copy.group_id == Some(1) {
                copy.log.as_mut().unwrap().entries.sums[5] = other.sums[5];
            }
        }),
        &options(),
    );
    assert_eq!(report["verdict"], "damaged", "{report:#}");
    let code = report["findings"][0]["code"].as_str().unwrap().to_owned();
    let held: Vec<_> = left(&report).into_iter().map(|(node, why, of)| (node, why, of.unwrap_or_default())).collect();
    let wanted = |node: &str| (node.to_owned(), "group-in-question".to_owned(), code.clone());
    assert_eq!(held, [wanted("n1"), wanted("n2"), wanted("n3")]);
    // They run on, and are counted by the other group.
    assert_eq!(batches(&report).concat(), ["n4", "n5"]);
}

#[test]
fn the_newest_facts_of_a_node_count() {
    let group = MadeGroup::of(1, &["n1", "n2", "n3"]);
    let mut files = made::fleet(std::slice::from_ref(&group), |_, _| {});
    let mut old = group.copy("n2", &group.sums());
    (old.0.start.outcome, old.0.start.reason) = ("refused", Some("then".to_owned()));
    files.insert("n2-old".to_owned(), made::facts(taken() - 5000, &[old.clone()]));
    let report = planned(files.clone(), &options());
    assert_eq!((&report["verdict"], batches(&report).concat().len(), &report["nodes"]), (&"clean".into(), 3, &3.into()));
    assert!(report["coverage"]["not_examined"].to_string().contains("newer facts of the same node"), "{report:#}");
    files.insert("n2-new".to_owned(), made::facts(taken() + 5000, &[old]));
    let report = planned(files, &options());
    assert_eq!(left(&report)[1].1, "refused", "{report:#}");
}

#[test]
fn a_forecast_counts_where_the_comparison_has_looked_at_less() {
    let group = MadeGroup::of(1, &["n1", "n2", "n3"]);
    let of_n2 = group.copy("n2", &group.sums());
    for (outcome, why, verdict) in [("abort", "refused", "damaged"), ("unknown", "unforetold", "unknown")] {
        let mut files = made::fleet(std::slice::from_ref(&group), |_, _| {});
        files.insert("n2".to_owned(), made::facts_forecasting(taken(), std::slice::from_ref(&of_n2), Some(outcome)));
        let report = planned(files, &options());
        assert_eq!(report["verdict"], verdict, "{report:#}");
        assert!(left(&report).iter().any(|left| (left.0.as_str(), left.1.as_str()) == ("n2", why)), "{report:#}");
        assert!(!batches(&report).concat().contains(&"n2".to_owned()), "{report:#}");
    }
}

#[test]
fn facts_of_one_group_do_not_hide_those_of_another_and_none_are_of_tomorrow() {
    let groups = [MadeGroup::of(1, &["n1", "n2", "n3"]), MadeGroup::of(2, &["n1", "n2", "n3"])];
    let mut files = made::fleet(&groups, |_, _| {});
    let alone = groups[1].copy("n1", &groups[1].sums());
    files.insert("n1-later".to_owned(), made::facts(taken() + 5000, std::slice::from_ref(&alone)));
    let report = planned(files, &options());
    assert_eq!(report["verdict"], "unknown", "{report:#}");
    assert!(left(&report).iter().any(|left| (left.0.as_str(), left.1.as_str()) == ("n1", "not-examined")), "{report:#}");
    let mut files = made::fleet(&groups[..1], |_, _| {});
    let late = groups[0].copy("n1", &groups[0].sums());
    files.insert("n1-late".to_owned(), made::facts(4_000_000_000_000, std::slice::from_ref(&late)));
    assert_eq!(planned(files, &options())["verdict"], "unknown");
}

/// Files below a directory, collected, and planned from there.
fn planned_from_results(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> (Ran, Ran) {
    let dir = tempfile::tempdir().unwrap();
    let (facts, results) = (dir.path().join("facts"), dir.path().join("results"));
    std::fs::create_dir(&facts).unwrap();
    for (name, bytes) in files {
        std::fs::write(facts.join(format!("{name}.facts")), bytes).unwrap();
    }
    let (facts, results) = (facts.to_str().unwrap(), results.to_str().unwrap());
    let none = "http://127.0.0.1:1";
    let collected = run(none, &["--format", "json", "collect", facts, "--results", results]);
    (collected, run(none, &["--format", "json", "plan", "--results", results]))
}

#[test]
fn groups_that_were_looked_at_one_by_one_are_judged_each_by_its_newest_facts() {
    let groups = [MadeGroup::of(1, &["n1", "n2", "n3"]), MadeGroup::of(2, &["n1", "n2", "n3"])];
    let mut files = BTreeMap::new();
    for (at, group) in groups.iter().enumerate() {
        for node in ["n1", "n2", "n3"] {
            let mut copy = group.copy(node, &group.sums());
            if (node, group.number) == ("n2", 1) {
                (copy.0.start.outcome, copy.0.start.reason) = ("refused", Some("then".to_owned()));
            }
            files.insert(format!("{node}-{at}"), made::of_single_groups(taken() + 1000 * at as u64, &[copy]));
        }
    }
    let report = planned(files.clone(), &options());
    assert_eq!((&report["nodes"], &report["groups"]), (&3.into(), &2.into()), "{report:#}");
    assert!(left(&report).contains(&("n2".to_owned(), "refused".to_owned(), Some("start-refused".to_owned()))), "{report:#}");
    let (collected, from_results) = planned_from_results(files.clone());
    assert!(collected.said.contains("\"collection\": \"new\""), "{}", collected.said);
    for part in ["nodes", "groups", "batches", "left", "absent", "verdict"] {
        assert_eq!(from_results.report[part], report[part], "{part}: {}", from_results.said);
    }
    // What was looked at again is judged anew, and the other group stays as it was.
    let again = groups[0].copy("n2", &groups[0].sums());
    files.insert("n2-again".to_owned(), made::of_single_groups(taken() + 5000, &[again]));
    let report = planned(files.clone(), &options());
    assert_eq!((&report["verdict"], batches(&report).concat().len(), &report["groups"]), (&"clean".into(), 3, &2.into()));
    assert_eq!((&report["read_bytes"], &report["estimate_ms"]), (&(6_u64 << 20).into(), &60.into()), "both groups of each node");
    let (_, from_results) = planned_from_results(files);
    assert_eq!((from_results.status, &from_results.report["batches"]), (0, &report["batches"]), "{}", from_results.said);
}

#[test]
fn a_node_with_a_copy_that_nobody_has_looked_at_is_left() {
    let groups = [MadeGroup::of(1, &["n1", "n2", "n3"]), MadeGroup::of(2, &["n1", "n4", "n5", "n6", "n7"])];
    let mut files = made::fleet(&groups, |_, _| {});
    files.insert("n1".to_owned(), made::of_single_groups(taken(), &[groups[0].copy("n1", &groups[0].sums())]));
    let report = planned(files, &options());
    assert_eq!(report["verdict"], "unknown", "{report:#}");
    assert!(left(&report).contains(&("n1".to_owned(), "not-examined".to_owned(), None)), "{report:#}");
    assert_eq!(batches(&report).concat().len(), 4, "those of group 2 that can be spared: {report:#}");
}

#[test]
fn a_group_that_newer_facts_of_the_whole_node_lack_is_gone() {
    let groups = [MadeGroup::of(1, &["n1", "n2", "n3"]), MadeGroup::of(2, &["n1", "n2", "n3"])];
    let mut files = made::fleet(&groups, |_, _| {});
    let first = groups[0].copy("n1", &groups[0].sums());
    files.insert("n1-later".to_owned(), made::of_all_groups(taken() + 5000, std::slice::from_ref(&first)));
    for report in [planned(files.clone(), &options()), planned_from_results(files).1.report] {
        assert_eq!(report["verdict"], "unknown", "{report:#}");
        assert!(left(&report).iter().any(|left| (left.0.as_str(), left.1.as_str()) == ("n1", "not-examined")), "{report:#}");
        assert!(report["coverage"].to_string().contains("later of all groups of it"), "{report:#}");
    }
    // Of a node that is no member any more nothing is missing.
    let mut files = made::fleet(&groups[..1], |_, _| {});
    let others = MadeGroup::of(2, &["n4", "n5", "n6"]);
    files.extend(made::fleet(std::slice::from_ref(&others), |_, _| {}));
    let once = groups[1].copy("n1", &others.sums());
    files.insert("n1-once".to_owned(), made::of_single_groups(taken() - 5000, &[once]));
    files.insert("n1".to_owned(), made::of_all_groups(taken(), &[first]));
    let report = planned(files, &options());
    assert_eq!((&report["verdict"], batches(&report).concat().len()), (&"clean".into(), 6), "{report:#}");
    assert!(report["coverage"].to_string().contains("it is no member of it"), "{report:#}");
}

#[test]
fn facts_of_two_clusters_are_not_planned() {
    let one = [MadeGroup::of(1, &["n1", "n2", "n3"]), MadeGroup::of(2, &["n2", "n3", "n4"])];
    for members in [["n1", "n2", "n3"], ["n1", "n7", "n8"]] {
        let other = MadeGroup { cluster: "other ", ..MadeGroup::of(1, &members) };
        let mut files = made::fleet(&one, |_, _| {});
        for node in members {
            let copy = other.copy(node, &other.sums());
            files.insert(format!("other-{node}"), made::of_all_groups(taken() + 5000, &[copy]));
        }
        let report = planned(files.clone(), &options());
        assert_eq!((&report["verdict"], batches(&report).len()), (&"damaged".into(), 0), "{report:#}");
        let found = report["findings"].as_array().unwrap();
        let of_code = found.iter().filter(|finding| finding["code"] == "cross-group-mismatch");
        let messages: Vec<_> = of_code.map(|finding| finding["message"].as_str().unwrap()).collect();
        assert!(messages.iter().all(|message| message.contains("a place of its own")), "{messages:?}");
        assert!(messages.iter().any(|message| message.contains("n1.facts: /var/lib")), "{messages:?}");
        let held = ("n1".to_owned(), "group-in-question".to_owned(), Some("cross-group-mismatch".to_owned()));
        assert!(left(&report).contains(&held), "{report:#}");
        // One place takes the first of them, and goes on planning for it.
        let (collected, from_results) = planned_from_results(files);
        assert_eq!((collected.status, &collected.report["verdict"]), (2, &"damaged".into()), "{}", collected.said);
        assert!(
            collected.said.contains("was not collected") && collected.said.contains("a place of its own"),
            "{}",
            collected.said
        );
        let refused = if members[1] == "n2" { 3 } else { 1 };
        assert_eq!(collected.report["refused"], refused, "{}", collected.said);
        if refused == 3 {
            assert_eq!((from_results.status, &from_results.report["nodes"]), (0, &4.into()), "{}", from_results.said);
        } else {
            // Others than n1 have names of their own: they contradict the group of that number.
            assert_eq!(from_results.report["verdict"], "damaged", "{}", from_results.said);
        }
    }
    // Sums with another salt are other sums, and tell nothing.
    let salted = MadeGroup { cluster: "other ", ..MadeGroup::of(1, &["n1", "n2", "n3"]) };
    let mut files = made::fleet(&one, |_, _| {});
    let told = Told { salt: Some("0123456789abcdef"), single_groups: Some(true), ..Told::default() };
    files.insert("salted".to_owned(), made::facts_telling(taken() - 5000, &[salted.copy("n1", &salted.sums())], &told));
    assert_eq!(planned(files.clone(), &options())["verdict"], "clean");
    assert_eq!(planned_from_results(files).0.status, 0);
    // A node that went on is the same node.
    let group = MadeGroup::of(1, &["n1", "n2", "n3"]);
    let mut files = made::fleet(std::slice::from_ref(&group), |_, _| {});
    let later = MadeGroup { entries: 40, ..group.clone() };
    for node in ["n1", "n2", "n3"] {
        files.insert(format!("{node}-later"), made::of_all_groups(taken() + 5000, &[later.copy(node, &later.sums())]));
    }
    assert_eq!(planned(files.clone(), &options())["verdict"], "clean");
    let (collected, from_results) = planned_from_results(files);
    assert_eq!((collected.status, from_results.status), (0, 0), "{}{}", collected.said, from_results.said);
}

#[test]
fn a_plan_that_leaves_nodes_does_not_end_like_one_that_leaves_none() {
    let dir = tempfile::tempdir().unwrap();
    let facts = written(dir.path(), &[MadeGroup::of(1, &["n1", "n2", "n3"]), MadeGroup::of(2, &["n4"])]);
    let facts = facts.to_str().unwrap();
    let none = "http://127.0.0.1:1";
    let ran = run(none, &["--format", "json", "plan", facts]);
    assert_eq!((ran.status, &ran.report["verdict"]), (2, &"clean".into()), "{}", ran.said);
    assert_eq!(left(&ran.report).len(), 1, "{}", ran.said);
    assert_eq!(run(none, &["plan", facts, "--accept-left"]).status, 0);
    // Who says that a node is down knows that it is left.
    let ran = run(none, &["plan", facts, "--down", "n4"]);
    assert_eq!(ran.status, 0, "{}", ran.said);
    assert!(ran.said.contains("1 node must not be restarted"), "{}", ran.said);
    std::fs::write(dir.path().join("facts/n4.facts"), "{}").unwrap();
    assert_eq!(run(none, &["plan", facts, "--accept-left"]).status, 3);
}

fn written(dir: &Path, groups: &[MadeGroup]) -> PathBuf {
    let place = dir.join("facts");
    std::fs::create_dir_all(&place).unwrap();
    for (name, bytes) in made::fleet(groups, |_, _| {}) {
        std::fs::write(place.join(format!("{name}.facts")), bytes).unwrap();
    }
    place
}

#[test]
fn the_program_plans_files_and_what_was_collected_alike() {
    let dir = tempfile::tempdir().unwrap();
    let facts = written(dir.path(), &[MadeGroup::of(1, &["n1", "n2", "n3"]), MadeGroup::of(2, &["n2", "n3", "n4"])]);
    let (facts, results) = (facts.to_str().unwrap(), dir.path().join("results"));
    let results = results.to_str().unwrap();
    let none = "http://127.0.0.1:1";
    let missing = run(none, &["plan", "--results", results]);
    assert!(missing.status == 1 && missing.said.contains("there is no such directory"), "{}", missing.said);
    assert!(!Path::new(results).exists());
    assert_eq!(run(none, &["collect", facts, "--results", results]).status, 0);
    let (direct, collected) =
        (run(none, &["--format", "json", "plan", facts]), run(none, &["--format", "json", "plan", "--results", results]));
    assert_eq!((direct.status, collected.status), (0, 0), "{}{}", direct.said, collected.said);
    for part in ["batches", "left", "absent", "verdict", "findings"] {
        assert_eq!(direct.report[part], collected.report[part], "{part}");
    }
    let shown = run(none, &["plan", facts]);
    assert!(shown.said.starts_with("CLEAN    4 nodes in 4 batches: every group keeps its quorum\n"), "{}", shown.said);
    assert!(shown.said.contains("group 1: the rows of the stores: n1 has facts that were made with --fast"), "{}", shown.said);
    assert!(shown.said.contains("; and alike in 1 more group\n"), "{}", shown.said);
    for format in ["ndjson", "markdown", "prometheus"] {
        assert_eq!(run(none, &["--format", format, "plan", facts]).status, 0, "{format}");
    }
    // A report never goes beside what is read, or in the place of it.
    for taken in [format!("{facts}/n1.facts"), format!("{facts}/plan.json")] {
        let refused = run(none, &["--output", &taken, "plan", facts]);
        assert!(refused.status == 1 && refused.said.contains("which is examined"), "{}", refused.said);
    }
    let refused = run(none, &["--output", &format!("{results}/plan.json"), "plan", "--results", results]);
    assert_eq!(refused.status, 1, "{}", refused.said);
}

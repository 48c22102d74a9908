//! The numbers of a picture are those of the JSON report.

use std::path::Path;

use serde_json::Value;

use super::{json, page};
use crate::support::page::{Element, Page};
use crate::support::recorded::{cases, real};

/// The pictures of one kind.
fn pictures<'p>(page: &'p Page, kind: &'p str) -> Vec<&'p Element> {
    page.with("data-picture").filter(|picture| picture.get("data-picture") == kind).collect()
}

/// First and last index of the bars of one kind.
fn bars(page: &Page, picture: &Element, kind: &str) -> Vec<(u64, u64)> {
    let bars = page.within(picture).filter(|bar| bar.get("data-kind") == kind);
    bars.map(|bar| (bar.number("data-first"), bar.number("data-last"))).collect()
}

fn marks(page: &Page, around: &Element, name: &str) -> Vec<u64> {
    let marks = page.within(around).filter(|mark| mark.get("data-mark") == name);
    marks.map(|mark| mark.number("data-index")).collect()
}

/// The numbers of a list's elements.
fn numbers<const N: usize>(list: &Value, members: [&str; N]) -> Vec<[u64; N]> {
    list.as_array().unwrap().iter().map(|each| members.map(|member| each[member].as_u64().unwrap())).collect()
}

fn one(value: &Value) -> Vec<u64> {
    value.as_u64().into_iter().collect()
}

#[test]
fn of_logs() {
    for (dir, node) in [
        (cases().root.join("mix-0019"), "n1"),
        (cases().root.join("log-overwrite-below-commit"), "n1"),
        (cases().root.join("wal-last-cut90"), "n1"),
        (cases().root.join("log-gap"), "n1"),
        (real().root.join("three-M"), "n1"),
    ] {
        let args = ["wal", "stat", node];
        let (page, report) = (Page::read(&page(&dir, &args)), json(&dir, &args));
        let log = &report["log"];
        let drawn = pictures(&page, "log");
        let picture = drawn[0];
        let pairs = |list: &Value| numbers(list, ["first_index", "last_index"]).iter().map(|&[a, b]| (a, b)).collect::<Vec<_>>();
        assert_eq!(bars(&page, picture, "segment"), pairs(&log["segment_ranges"]), "{dir:?}");
        assert_eq!(bars(&page, picture, "term"), pairs(&log["terms"]), "{dir:?}");
        let gaps: Vec<_> = numbers(&log["gaps"], ["after", "before"]).iter().map(|[a, b]| (a + 1, b - 1)).collect();
        assert_eq!(bars(&page, picture, "hole"), gaps, "{dir:?}");
        let mut snapshots: Vec<_> = numbers(&log["snapshots"], ["index"]).iter().map(|[index]| *index).collect();
        snapshots.sort_unstable();
        assert_eq!(marks(&page, picture, "snapshot"), snapshots, "{dir:?}");
        assert_eq!(marks(&page, picture, "commit"), one(&log["hard_state"]["commit"]), "{dir:?}");
        assert_eq!(marks(&page, picture, "last"), one(&log["last_index"]), "{dir:?}");
        // Segments hold every entry once.
        let entries: u64 = pairs(&log["segment_ranges"]).iter().map(|(first, last)| last - first + 1).sum();
        assert_eq!(entries, log["entries"].as_u64().unwrap(), "{dir:?}");
    }
}

/// The name of a lane, and its marks by name with where the JSON has them.
type ExpectedLane<'e> = (&'e str, Vec<(&'e str, Vec<u64>)>);

fn lanes(page: &Page, expected: &[ExpectedLane<'_>]) {
    let lanes: Vec<_> = page.with("data-lane").collect();
    assert_eq!(lanes.len(), expected.len());
    for (lane, (name, marked)) in lanes.iter().zip(expected) {
        assert_eq!(lane.get("data-lane"), *name);
        for (mark, at) in marked {
            assert_eq!(marks(page, lane, mark), *at, "{mark} of {name}");
            for index in at {
                assert!(lane.text.contains(&index.to_string()), "{index} is not written: {}", lane.text);
            }
        }
    }
}

#[test]
fn of_checks_forecasts_and_comparisons() {
    let root = &real().root;
    for dir in [root.join("three-M"), root.join("lag-M"), Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo")] {
        let args = ["check", "--fast", "."];
        let (checked, report) = (Page::read(&page(&dir, &args)), json(&dir, &args));
        let of = |group: &Value| {
            let state = &group["state"];
            vec![
                ("snapshot", one(&state["snapshot_index"])),
                ("applied", one(&state["applied_index"])),
                ("commit", one(&state["commit"])),
                ("last", one(&state["last_index"])),
            ]
        };
        let groups = report["groups"].as_array().unwrap();
        lanes(&checked, &groups.iter().map(|group| (group["dir"].as_str().unwrap(), of(group))).collect::<Vec<_>>());

        let args = ["gate-dryrun", "."];
        let (foretold, report) = (Page::read(&page(&dir, &args)), json(&dir, &args));
        let of = |group: &Value| {
            vec![
                ("snapshot", one(&group["snapshot"]["index"])),
                ("applied", one(&group["applied_index"]["value"])),
                ("threshold", one(&group["threshold"])),
                ("commit", one(&group["hard_state"]["commit"])),
                ("last", one(&group["last_index"])),
            ]
        };
        let groups = report["groups"].as_array().unwrap();
        lanes(&foretold, &groups.iter().map(|group| (group["dir"].as_str().unwrap(), of(group))).collect::<Vec<_>>());
        let paths = pictures(&foretold, "path");
        assert_eq!(paths.len(), groups.len());
        for (path, group) in paths.iter().zip(groups) {
            let said =
                |step: &str| foretold.within(path).find(|each| each.get("data-step") == step).map(|each| each.get("data-said"));
            let outcome = group["outcome"].as_str().unwrap().to_uppercase();
            assert!(said("start").unwrap().starts_with(&outcome), "{path:?}");
            assert_eq!(said("snapshot").map(str::to_owned), group["snapshot"]["index"].as_u64().map(|index| index.to_string()));
            if let (Some(applied), Some(threshold)) = (group["applied_index"]["value"].as_u64(), group["threshold"].as_u64()) {
                let sign = if applied >= threshold { ">=" } else { "<" };
                assert_eq!(said("gate").unwrap(), format!("applied {applied} {sign} threshold {threshold}"));
            }
            assert_eq!(
                said("applied after start").map(str::to_owned),
                group["effective_applied"].as_u64().map(|at| at.to_string())
            );
        }
    }
    for dir in [root.join("three-M"), root.join("lag-M"), root.join("membership-M")] {
        let args = ["compare", "--fast", "."];
        let (compared, report) = (Page::read(&page(&dir, &args)), json(&dir, &args));
        let nodes = report["groups"].as_array().unwrap().iter().flat_map(|group| group["nodes"].as_array().unwrap());
        let of = |node: &Value| {
            vec![
                ("snapshot", one(&node["snapshot_index"])),
                ("applied", one(&node["applied_index"])),
                ("commit", one(&node["commit"])),
                ("last", one(&node["last_index"])),
            ]
        };
        let expected: Vec<_> = nodes.clone().map(|node| (node["raft_id"].as_str().unwrap(), of(node))).collect();
        lanes(&compared, &expected);
        let only: Vec<_> =
            nodes.filter_map(|node| Some((node["only_here"][0].as_u64()?, node["only_here"][1].as_u64()?))).collect();
        let drawn = compared.with("data-part").filter(|part| part.get("data-part") == "only");
        assert_eq!(drawn.map(|part| (part.number("data-first"), part.number("data-last"))).collect::<Vec<_>>(), only);
    }
}

#[test]
fn of_stores() {
    let root = real().root.join("membership-M-H1-after");
    let args = ["store", "lsm", "."];
    let (levels, report) = (Page::read(&page(&root, &args)), json(&root, &args));
    let drawn: Vec<_> = levels
        .with("data-level")
        .map(|level| ["level", "tables", "bytes"].map(|name| level.number(&format!("data-{name}"))))
        .collect();
    let stores = report["stores"].as_array().unwrap();
    let all = || stores.iter().flat_map(|store| store["levels"].as_array().unwrap());
    let used = all().filter(|level| !level["tables"].as_array().unwrap().is_empty());
    let expected: Vec<_> = used
        .map(|level| {
            [level["level"].as_u64().unwrap(), level["tables"].as_array().unwrap().len() as u64, level["bytes"].as_u64().unwrap()]
        })
        .collect();
    assert!(!expected.is_empty());
    assert_eq!(drawn, expected);
    let tables: Vec<_> = levels.with("data-table").map(|table| [table.number("data-table"), table.number("data-size")]).collect();
    assert_eq!(tables, all().flat_map(|level| numbers(&level["tables"], ["number", "size"])).collect::<Vec<_>>());

    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let args = ["store", "stat", "n1/group-2"];
    let (space, report) = (Page::read(&page(&demo, &args)), json(&demo, &args));
    let classes = report["stores"][0]["usage"]["classes"].as_array().unwrap();
    let bytes = |class: &Value, states: &[&str]| states.iter().map(|state| class[*state]["bytes"].as_u64().unwrap()).sum::<u64>();
    let parts: [(&str, &[&str]); 4] =
        [("live", &["live"]), ("old", &["old"]), ("dead", &["deleted", "expired"]), ("closed", &["sealed", "malformed"])];
    let drawn: Vec<_> = space.with("data-space").collect();
    assert_eq!(drawn.len(), classes.len());
    for (bar, class) in drawn.iter().zip(classes) {
        assert_eq!(bar.get("data-space"), class["space"].as_str().unwrap());
        for (name, states) in parts {
            let part = space.within(bar).find(|part| part.get("data-state") == name);
            assert_eq!(part.map_or(0, |part| part.number("data-bytes")), bytes(class, states), "{name} of {class}");
        }
        assert_eq!(bar.number("data-bytes"), parts.iter().map(|(_, states)| bytes(class, states)).sum::<u64>());
    }
}

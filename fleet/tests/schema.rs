//! Reports as they are written, held against the schemas that are published.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::support::breaches::breaches;
use crate::support::directories::PAYLOAD;
use crate::support::http::{Fault, Server};
use crate::support::program::run;
use crate::support::recorded::{offload, root};
use crate::support::taken::facts_of;

const NOBODY: &str = "http://127.0.0.1:9";

fn schemas() -> BTreeMap<&'static str, Value> {
    ekv_fleet::report::schemas().into_iter().map(|report| (report.name, report.schema.to_value())).collect()
}

/// With `EKV_GOLDEN=overwrite` the files are written instead.
#[test]
fn the_published_schemas_are_current() {
    let dir = root().join("docs/fleet/schema");
    let schemas = schemas();
    for (name, schema) in &schemas {
        let (file, text) = (dir.join(format!("{name}.json")), serde_json::to_string_pretty(schema).unwrap() + "\n");
        assert!(!text.contains("crate::"), "{name}: a path of the source is in a description");
        if std::env::var_os("EKV_GOLDEN").is_some_and(|value| value == "overwrite") {
            fs::create_dir_all(&dir).unwrap();
            fs::write(&file, text).unwrap();
            continue;
        }
        let held = fs::read_to_string(&file).unwrap_or_default();
        assert!(held == text, "{} differs; run with EKV_GOLDEN=overwrite", file.display());
        let ran = run("http://127.0.0.1:9", &["schema", name]);
        assert!(ran.status == 0 && ran.report == *schema, "{name}: {}", ran.said);
    }
    let there: BTreeSet<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there, schemas.keys().map(|name| format!("{name}.json")).collect(), "a schema belongs to no report");
    let ran = run("http://127.0.0.1:9", &["schema"]);
    assert!(schemas.keys().all(|name| ran.said.contains(name)), "{}", ran.said);
    assert_eq!(run("http://127.0.0.1:9", &["schema", "nothing"]).status, 1);
}

#[test]
fn every_report_fits_its_schema() {
    let schemas = schemas();
    let out = tempfile::tempdir().unwrap();
    let mut seen = BTreeSet::new();
    let mut hold = |url: &str, args: &[&str]| {
        let ran = run(url, args);
        let field = ran.report["schema"].as_str().unwrap_or_else(|| panic!("{args:?}: {}", ran.said)).to_owned();
        let name = field.split('/').nth(1).unwrap();
        let (schema, mut found) = (&schemas[name], Vec::new());
        breaches(schema, schema, &ran.report, name, &mut found);
        assert!(found.is_empty(), "{args:?}: {}", found.join("\n"));
        assert_eq!(schema["properties"]["schema"]["const"].as_str(), Some(field.as_str()));
        seen.insert(name.to_owned());
    };
    // Of nodes: collected, collected again, planned, and what is not there.
    let taken = out.path().join("nodes");
    fs::create_dir_all(&taken).unwrap();
    fs::write(taken.join("n1.facts"), facts_of(&root().join("fixtures/demo/n1"))).unwrap();
    fs::write(taken.join("broken.facts"), "{}").unwrap();
    let (taken, tables) = (taken.display().to_string(), out.path().join("tables").display().to_string());
    for _ in 0..2 {
        hold(NOBODY, &["--format", "json", "collect", &taken, "--results", &tables]);
    }
    hold(NOBODY, &["--format", "json", "plan", &taken]);
    hold(NOBODY, &["--format", "json", "plan", "--results", &tables, "--restore-rate", "200MB"]);
    hold(NOBODY, &["--format", "json", "plan", "/nonexistent/place"]);
    if cfg!(feature = "sql") {
        hold(NOBODY, &["--format", "json", "sql", "@behind", "--results", &tables]);
    }
    let mut held = |server: &Server, results: &str, args: &[&str]| {
        let args = [&["--format", "json", "offload"], args, &["s3://bucket", "--max-retries", "0"]].concat();
        let args = if results.is_empty() { args } else { [args, vec!["--results", results]].concat() };
        hold(&server.url, &args);
    };
    let faults = [None, Some(Fault::Other), Some(Fault::Status(403)), Some(Fault::Status(404))];
    for (number, fault) in faults.into_iter().enumerate() {
        let server = Server::of(&offload().join("local"), move |request, _| fault.clone().filter(|_| request.key == PAYLOAD));
        let results = out.path().join(number.to_string());
        let results = results.to_str().unwrap();
        held(&server, "", &["audit"]);
        // The second time nothing is read.
        for _ in 0..2 {
            held(&server, results, &["verify"]);
        }
        held(&server, results, &["audit", "--max-age", "30d"]);
        held(&server, results, &["audit", "--deep"]);
    }
    let nobody = Server::of(&offload().join("local"), |_, _| Some(Fault::Status(500)));
    held(&nobody, "", &["audit"]);
    // The engine of `sql` is not always built in.
    let others: Vec<_> = seen.iter().filter(|name| *name != "sql").map(String::as_str).collect();
    assert_eq!(others, ["collect", "failure", "offload-audit", "offload-verify", "plan"]);
}

//! Pages: what stands on them is what the JSON report says, nothing on them runs or is fetched, and no name is markup.

mod browser;
mod contrast;
mod hostile_names;
mod pictures;
mod report;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::golden::golden;
use crate::support::page::Page;
use crate::support::recorded::real;
use crate::support::tree::copy_tree;

fn run_in(dir: &Path, args: &[&str]) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin("ekv-tool")).current_dir(dir).args(args).output().unwrap()
}

/// The page that a command writes.
fn page(dir: &Path, args: &[&str]) -> String {
    let output = run_in(dir, &[args, &["--format", "html"]].concat());
    String::from_utf8(output.stdout).unwrap()
}

/// What it says to programs.
fn json(dir: &Path, args: &[&str]) -> Value {
    let output = run_in(dir, &[args, &["--format", "json"]].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {output:?}"))
}

/// A copy of the demo, and one of which a payload is damaged.
fn good_and_bad() -> tempfile::TempDir {
    let copied = tempfile::tempdir().unwrap();
    for node in ["good", "bad"] {
        copy_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo"), &copied.path().join(node));
    }
    let payload = copied.path().join("bad/n1/group-1/fsm-snap/00000000000002bd.fsm");
    let mut bytes = std::fs::read(&payload).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&payload, bytes).unwrap();
    copied
}

/// A page without its style, its policy, and the time of the run.
fn without_style_and_time(page: &str) -> String {
    let cut = |text: &str, from: &str, to: &str| match text.split_once(from) {
        Some((before, rest)) => format!("{before}{from}{}", &rest[rest.find(to).unwrap()..]),
        None => text.to_owned(),
    };
    let page = cut(page, "<style>", "</style>");
    let page = cut(&page, "sha256-", "&#39;");
    cut(&page, "<time datetime=\"", "</time>")
}

#[test]
fn pages_of_the_demo() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    golden("html/check.html", &without_style_and_time(&page(&fixtures, &["check", "demo"])));
    golden("html/report.html", &without_style_and_time(&page(&fixtures, &["report", "demo/n1/group-2"])));
    let bad = good_and_bad();
    golden("html/gate-damaged.html", &without_style_and_time(&page(bad.path(), &["gate-dryrun", "bad/n1/group-1"])));
}

#[test]
fn every_finding_and_every_gap_is_on_the_page() {
    let bad = good_and_bad();
    let three = real().root.join("three-M");
    for (dir, args) in [
        (bad.path(), &["check", "bad"][..]),
        (bad.path(), &["check", "--fast", "good"]),
        (bad.path(), &["gate-dryrun", "bad"]),
        (bad.path(), &["verify-snapshot", "--deep", "bad"]),
        (bad.path(), &["report", "bad", "good"]),
        (bad.path(), &["check", "nowhere"]),
        (&three, &["compare", "n1", "n2"]),
    ] {
        let (written, report) = (page(dir, args), json(dir, args));
        let page = Page::read(&written);
        let text = |element: &crate::support::page::Element| element.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let articles: Vec<_> = page.all("article").collect();
        let findings = report["findings"].as_array().unwrap();
        assert_eq!(articles.len(), findings.len(), "{args:?}");
        for (article, finding) in articles.iter().zip(findings) {
            assert_eq!(article.get("data-code"), finding["code"], "{args:?}");
            assert_eq!(article.get("data-severity"), finding["severity"], "{args:?}");
            let said = text(article);
            for member in ["message", "path", "expected", "found"] {
                let member = finding[member].as_str().unwrap_or_default().replace('`', "");
                let member = member.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(said.contains(&member), "{args:?}: {member} is missing in {said}");
            }
            match finding["derived_from"].as_str() {
                Some(cause) => assert!(said.contains(&format!("It follows from {cause}.")), "{said}"),
                None => assert!(said.contains(&finding["advice"].as_str().unwrap().replace('`', "")), "{said}"),
            }
        }
        let verdict = report["verdict"].as_str().unwrap();
        let first = page.with("class").find(|element| element.get("class").starts_with("verdict ")).unwrap();
        assert_eq!((first.get("class"), first.text.as_str()), (&*format!("verdict {verdict}"), &*verdict.to_uppercase()));
        let gaps: Vec<_> = page.all("li").map(text).collect();
        let not_examined = report["coverage"]["not_examined"].as_array().unwrap();
        assert_eq!(gaps.len(), not_examined.len(), "{args:?}");
        for gap in not_examined {
            let (what, why) = (gap["what"].as_str().unwrap(), gap["why"].as_str().unwrap());
            let said = gaps.iter().find(|said| said.contains(&what.replace('`', "")) && said.contains(&why.replace('`', "")));
            assert_eq!(said.map(|said| said.starts_with("needed: ")), gap["needed"].as_bool(), "{args:?} {what}");
        }
        match report["next_step"].as_str() {
            Some(next) => assert!(page.all("code").any(|code| code.text == next), "{args:?}"),
            None => assert!(!written.contains("Next:"), "{args:?}"),
        }
        let line = page.all("code").next().unwrap();
        assert!(line.text.starts_with(&format!("ekv-tool {} ", args[0])), "{args:?}: {}", line.text);
        assert!(page.all("time").all(|time| time.get("datetime") == time.text && time.text.ends_with('Z')));
    }
}

#[test]
fn what_is_asked_for_beside_the_verdict_is_on_the_page() {
    let bad = good_and_bad();
    let page = page(bad.path(), &["gate-dryrun", "good"]);
    assert!(page.contains("<header class=\"clean unmet\">"), "{page}");
    assert!(page.contains("<p class=\"unmet\">the outcome is not accepted (--accept)</p>"), "{page}");
}

#[test]
fn a_list_that_is_written_while_it_is_read_is_no_page() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for args in [&["wal", "dump", "demo"][..], &["store", "scan", "demo/n1/group-2"]] {
        let output = run_in(&fixtures, &[args, &["--format", "html"]].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("--format html") && error.contains("--format markdown or ndjson"), "{error}");
        let page = String::from_utf8(output.stdout).unwrap();
        assert!(Page::read(&page).all("h1").all(|title| title.text.starts_with("UNKNOWN")), "{page}");
    }
}

#[test]
fn a_page_is_known_for_an_earlier_report_and_replaced() {
    let bad = good_and_bad();
    for _ in 0..2 {
        let output = run_in(bad.path(), &["report", "good", "-o", "page.html"]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{output:?}");
    }
    assert!(std::fs::read_to_string(bad.path().join("page.html")).unwrap().ends_with("</html>\n"));
    std::fs::write(bad.path().join("page.html"), "<!DOCTYPE html>\n<html><p>mine").unwrap();
    assert_eq!(run_in(bad.path(), &["report", "good", "-o", "page.html"]).status.code(), Some(1));
}

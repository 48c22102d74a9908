//! What a browser makes of a page. Skipped, and said so, where there is no chromium.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::{good_and_bad, json, page, run_in};
use crate::support::page::Page;

fn chromium(profile: &Path, args: &[&str], page: &Path) -> Output {
    let mut browser = Command::new("chromium");
    browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr"]);
    browser.arg(format!("--user-data-dir={}", profile.display())).args(args).arg(format!("file://{}", page.display()));
    browser.stdin(Stdio::null()).output().unwrap()
}

fn is_there() -> bool {
    let there = Command::new("chromium").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("skipped: there is no chromium");
    }
    there
}

/// What the page tells the console: refused by its policy, failed to load, or an error of any kind.
fn console(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned).collect()
}

#[test]
fn a_browser_shows_all_of_it_and_complains_of_nothing() {
    if !is_there() {
        return;
    }
    let data = good_and_bad();
    let profile = tempfile::tempdir().unwrap();
    let hostile = "bad <script>document.title='x'<";
    fs::rename(data.path().join("bad"), data.path().join(hostile)).unwrap();
    let args = ["report", hostile, "good"];
    let (written, report) = (page(data.path(), &args), json(data.path(), &args));
    let file = data.path().join("page.html");
    fs::write(&file, &written).unwrap();
    let output = chromium(profile.path(), &["--dump-dom"], &file);
    assert_eq!(console(&output), Vec::<String>::new());
    let dom = Page::read(&String::from_utf8_lossy(&output.stdout));
    let own = Page::read(&written);
    assert!(dom.all("title").next().unwrap().text.starts_with("DAMAGED: report"));
    // Every element and every number is there, and nothing else.
    let elements = |page: &Page| {
        let all = page.0.iter().map(|element| (element.tag.clone(), element.attributes.clone()));
        all.filter(|(tag, _)| tag != "html").collect::<Vec<_>>()
    };
    assert_eq!(elements(&dom), elements(&own));
    for (shown, finding) in dom.all("article").zip(report["findings"].as_array().unwrap()) {
        let words = |text: &str| text.replace('`', "").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.text.contains(finding["code"].as_str().unwrap()), "{finding}");
        assert!(words(&shown.text).contains(&words(finding["message"].as_str().unwrap())), "{finding}");
    }
    // The policy holds: what does not belong to the page neither runs nor shows, and this test would see it.
    let added = "<script>document.title='ran'</script><p style=\"color: red\">x</p></body>";
    fs::write(&file, written.replace("</body>", added)).unwrap();
    let output = chromium(profile.path(), &["--dump-dom"], &file);
    assert!(String::from_utf8_lossy(&output.stdout).contains("<title>DAMAGED: report"));
    assert!(console(&output).len() >= 2, "{:?}", console(&output));
}

#[test]
fn a_page_is_painted_on_screens_and_paper() {
    if !is_there() {
        return;
    }
    let data = good_and_bad();
    let profile = tempfile::tempdir().unwrap();
    let file = data.path().join("page.html");
    assert_eq!(run_in(data.path(), &["report", "bad", "-o", "page.html"]).status.code(), Some(2));
    let picture = data.path().join("page.png");
    let mut sizes = Vec::new();
    for size in [&["--window-size=1280,2000"][..], &["--window-size=600,2000", "--blink-settings=preferredColorScheme=0"]] {
        let shot = format!("--screenshot={}", picture.display());
        let output = chromium(profile.path(), &[size, &[&shot]].concat(), &file);
        assert_eq!(console(&output), Vec::<String>::new());
        sizes.push(fs::metadata(&picture).unwrap().len());
    }
    assert!(sizes.iter().all(|size| *size > 20_000), "{sizes:?}");
    let paper = data.path().join("page.pdf");
    let output = chromium(profile.path(), &["--no-pdf-header-footer", &format!("--print-to-pdf={}", paper.display())], &file);
    assert!(fs::read(&paper).is_ok_and(|bytes| bytes.starts_with(b"%PDF") && bytes.len() > 20_000), "{output:?}");
}

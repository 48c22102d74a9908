//! Tells a report of this program from anybody else's file.

/// Bytes of a file's front and of its end that [`is_earlier_report`] needs.
pub const REPORT_SAMPLE: usize = 1 << 16;

/// True when a file that begins with `front` and ends with `end` is a report that this program wrote, in any format. At most
/// [`REPORT_SAMPLE`] bytes of each are looked at; of a short file both are the whole.
pub fn is_earlier_report(front: &[u8], end: &[u8]) -> bool {
    let front = front.get(..REPORT_SAMPLE).unwrap_or(front);
    let end = end.get(end.len().saturating_sub(REPORT_SAMPLE)..).unwrap_or(end);
    // No format of ours has a zero byte, and nearly every file of a server does.
    if front.contains(&0) || end.contains(&0) {
        return false;
    }
    let (front, end) = (String::from_utf8_lossy(front), String::from_utf8_lossy(end));
    let text = front.trim_start();
    if text.starts_with('{') {
        // A report, or the schema of one.
        let marks = [
            "\"schema\":\"ekv-tool/",
            "\"schema\": \"ekv-tool/",
            "\"title\": \"ekv-tool/",
            "\"schema\":\"ekv-fleet/",
            "\"schema\": \"ekv-fleet/",
        ];
        let names_schema = |part: &str| marks.iter().any(|mark| part.contains(mark));
        return names_schema(text) || names_schema(&end);
    }
    is_metrics(text) || is_page(text) || is_for_monitors(text, &end) || is_for_people(text, &end) || is_generated(text)
}

/// The line for a monitor, test cases, annotations.
fn is_for_monitors(text: &str, end: &str) -> bool {
    let states = ["EKV OK - ", "EKV WARNING - ", "EKV CRITICAL - ", "EKV UNKNOWN - "];
    let verdicts = ["%3A clean::", "%3A damaged::", "%3A unknown::"];
    let last = end.lines().next_back().unwrap_or_default();
    states.iter().any(|state| text.starts_with(state))
        || text.starts_with("<?xml") && text.contains("<testsuite name=\"ekv-tool ")
        || last.starts_with("::") && verdicts.iter().any(|verdict| last.contains(verdict))
}

/// A page for a browser.
fn is_page(text: &str) -> bool {
    text.starts_with("<!DOCTYPE html>\n") && text.contains("<meta name=\"generator\" content=\"ekv-tool ")
}

fn is_metrics(text: &str) -> bool {
    text.starts_with("# HELP ekv_tool_")
}

/// Tables and markdown. They begin with the verdict, or end with it or with what was examined where a list is written
/// while it is read; what judges nothing ends with a command of this program.
fn is_for_people(text: &str, end: &str) -> bool {
    let has_verdict = |line: &str| {
        let plain = match line.strip_prefix("\u{1b}[") {
            Some(coloured) => coloured.split_once('m').map_or("", |(_, text)| text),
            None => line,
        };
        let begins = |word: &&str| plain.starts_with(&format!("{word:<8}")) || plain.starts_with(&format!("**{word}** "));
        ["CLEAN", "DAMAGED", "UNKNOWN"].iter().any(begins)
    };
    let is_examined = |line: &str| {
        let rest = line.strip_prefix("Examined ").and_then(|rest| rest.split_once(' '));
        rest.is_some_and(|(count, rest)| count.parse::<u64>().is_ok() && rest.starts_with("file"))
    };
    let is_next = |line: &str| line.starts_with("Next: ekv-tool ") || line.starts_with("Next: `ekv-tool ");
    let shows_more = |line: &str| line.contains("shows more") && line.contains("ekv-tool ");
    let first = text.lines().next().unwrap_or_default();
    has_verdict(first)
        || first.ends_with(" codes and errors have an explanation.")
        || end.lines().any(|line| has_verdict(line) || is_examined(line) || is_next(line) || shows_more(line))
}

/// Scripts of completion and manual pages.
fn is_generated(text: &str) -> bool {
    [
        ".TH ekv-tool",
        ".TH ekv-fleet",
        "#compdef ekv-tool",
        "_ekv-tool()",
        "_ekv__tool()",
        "_clap_complete_ekv_tool()",
        "--command ekv-tool",
        "-CommandName ekv-tool",
        "__fish_ekv_tool",
        "arg-completer[ekv-tool]",
        "'ekv-tool'",
    ]
    .iter()
    .any(|mark| text.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_ours(text: &str) -> bool {
        is_earlier_report(text.as_bytes(), text.as_bytes())
    }

    #[test]
    fn reports_are_told_from_other_files() {
        for ours in [
            "{\n  \"schema\": \"ekv-tool/check/v1\",",
            "{\"type\":\"summary\",\"schema\":\"ekv-tool/check/v1\"}\n",
            "{\n  \"schema\": \"ekv-fleet/offload-audit/v1\",",
            "# HELP ekv_tool_verdict 1 for\n",
            "CLEAN    all is well\n",
            "\u{1b}[31mDAMAGED \u{1b}[0m a file\n",
            "**UNKNOWN** it changed\n",
            "EKV OK - a node | errors=0;;;0\n",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites><testsuite name=\"ekv-tool check\" tests=\"1\"",
            "<!DOCTYPE html>\n<html lang=\"en\">\n<meta name=\"generator\" content=\"ekv-tool 0.1.0\">",
            "::warning title=x::y\n::notice title=check%3A clean::all is well\n",
            "    offset  type\n\nExamined 2 files, 122.1 MiB.\n",
            "fsm-body-crc: x\n\nNext: ekv-tool explain x\n",
        ] {
            assert!(is_ours(ours), "{ours}");
        }
        for other in [
            "",
            "etcd\n",
            "{\"version\": 1}",
            "CLEANING\n",
            "# HELP node_load1 1m\n",
            "Examined by a doctor\n",
            "Next: lunch\n",
            "EKVOK - \n",
            "<?xml version=\"1.0\"?><testsuite name=\"other\">",
            "<!DOCTYPE html>\n<html><meta name=\"generator\" content=\"WordPress\">",
            "::error title=lint::x\n",
            "CLEAN    \0",
            "#!/bin/sh\nekv-tool check /data\n",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }

    #[test]
    fn only_samples_are_looked_at() {
        let mut long = vec![b'x'; 3 * REPORT_SAMPLE];
        long.extend_from_slice(b"\nExamined 2 files, 1 B.\n");
        assert!(is_earlier_report(&long, &long));
        long.extend_from_slice(&vec![b'x'; 2 * REPORT_SAMPLE]);
        assert!(!is_earlier_report(&long, &long));
    }
}

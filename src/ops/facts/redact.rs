//! Takes keys and values out of what facts say. Most findings have none; those that may are told by their codes, and texts of the server
//! and of the tables by the words around a key.

use crate::analysis::server::Abort;
use crate::analysis::{Finding, NotExamined};
use crate::report::body::gate::GroupForecast;

/// Codes whose findings may name a key or show a value.
const SHOW_CONTENTS: [&str; 16] = [
    "enc-clear-after-cutover",
    "enc-nonce-reused",
    "enc-open-failed",
    "fsm-body-malformed",
    "fsm-header-invalid",
    "fsm-row-invalid",
    "fsm-row-order",
    "hraft-key-odd",
    "nodes-stores-diverge",
    "raftwal-checkpoint-mismatch",
    "store-level-order",
    "store-log-batch",
    "store-meta-short",
    "store-not-as-written",
    "table-bounds",
    "table-order",
];

/// What stands between these is a pair of keys.
const BOUNDS: (&str, &str) = ("bounds: [", "]; details: ");

/// What stands before or behind these, up to the ends of the text, may be a key.
const AROUND: [&str; 5] = [
    "have overlapping ranges: ",
    " does not come after ",
    " is not behind the separator ",
    " is behind its separator ",
    " is behind that of its index block",
];

/// What stands behind these is a key.
const BEHIND: &str = "keys behind ";

const HIDDEN: &str = "(left out of facts: it names keys)";

/// The text without keys.
pub(in crate::ops) fn hide(text: &mut String) {
    if let Some(at) = text.find(BEHIND) {
        text.truncate(at + BEHIND.len());
        text.push_str(HIDDEN);
    }
    if let (Some(from), Some(to)) = (text.find(BOUNDS.0), text.rfind(BOUNDS.1))
        && from + BOUNDS.0.len() <= to
    {
        text.replace_range(from + BOUNDS.0.len()..to, "...");
    }
    if AROUND.iter().any(|words| text.contains(words)) {
        HIDDEN.clone_into(text);
    }
}

/// What stands in front of the name of a bucket of bbolt, which a damaged page takes from anywhere.
const BUCKET: &str = " (bucket ";

/// Buckets that hashicorp/raft and etcd make.
const BUCKETS: [&str; 14] = [
    "alarm",
    "auth",
    "authRevision",
    "authRoles",
    "authUsers",
    "cluster",
    "conf",
    "key",
    "lease",
    "logs",
    "members",
    "members_removed",
    "meta",
    "stable",
];

/// The text without the name of a bucket that is not known.
fn hide_bucket(text: &mut String) {
    let Some((before, name)) = text.split_once(BUCKET) else { return };
    if !BUCKETS.iter().any(|known| name.strip_prefix(known).is_some_and(|rest| rest.starts_with(')'))) {
        *text = format!("{before}.");
    }
}

/// The finding without keys and values.
pub(in crate::ops) fn finding(mut finding: Finding) -> Finding {
    if SHOW_CONTENTS.contains(&finding.code.code) {
        finding.message = format!("{}. {HIDDEN}; `ekv-tool check` on the node shows it.", finding.code.title);
        (finding.expected, finding.found) = (None, None);
    }
    for text in [&mut finding.message, &mut finding.advice].into_iter().chain(&mut finding.expected).chain(&mut finding.found) {
        hide(text);
        hide_bucket(text);
    }
    finding
}

/// The parts that were left out, without keys.
pub(in crate::ops) fn parts(parts: &mut [NotExamined]) {
    for part in parts {
        hide(&mut part.what);
        hide(&mut part.why);
    }
}

/// A reason without keys.
pub(in crate::ops) fn reason(reason: &mut Option<String>) {
    reason.iter_mut().for_each(hide);
}

/// A forecast without keys.
pub(in crate::ops) fn forecast(group: &mut GroupForecast) {
    let own = |abort: &mut Option<Abort>| {
        if let Some(abort) = abort {
            hide(&mut abort.text);
        }
    };
    hide(&mut group.forecast.reason);
    own(&mut group.forecast.abort);
    own(&mut group.other_engine.abort);
    group.other_engines.iter_mut().for_each(|other| own(&mut other.abort));
    group.forecast.log_line.iter_mut().for_each(hide);
    if let Some(halt) = group.forecast.replay.as_mut().and_then(|replay| replay.halt.as_mut()) {
        hide(&mut halt.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::judge::codes;

    #[test]
    fn keys_are_taken_out_of_texts() {
        let hidden = |text: &str| {
            let mut text = text.to_owned();
            hide(&mut text);
            text
        };
        assert_eq!(
            hidden(
                "pebble: on-disk corruption: fsm.db/000005.sst; bounds: [key, ]; details: x]; details: crc32c checksum mismatch 1 != 2"
            ),
            "pebble: on-disk corruption: fsm.db/000005.sst; bounds: [...]; details: crc32c checksum mismatch 1 != 2"
        );
        assert_eq!(hidden("keys behind key#1"), format!("keys behind {HIDDEN}"));
        for text in
            ["L6 files 1 and 2 have overlapping ranges: [key-key]", "at offset 7: key#1,SET does not come after key#2,SET"]
        {
            assert_eq!(hidden(text), HIDDEN);
        }
        assert_eq!(hidden("nothing of that"), "nothing of that");
    }

    #[test]
    fn only_names_of_buckets_that_are_known_are_told() {
        let hidden = |text: &str| {
            let mut text = text.to_owned();
            hide_bucket(&mut text);
            text
        };
        assert_eq!(hidden("Page 7 has no elements (bucket logs)."), "Page 7 has no elements (bucket logs).");
        assert_eq!(hidden("Page 7 has no elements (bucket a (secret) key)."), "Page 7 has no elements.");
    }

    #[test]
    fn every_code_that_is_named_is_one() {
        for code in SHOW_CONTENTS {
            assert!(codes::find(code).is_some(), "{code}");
        }
    }
}

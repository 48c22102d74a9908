//! From a finding code, or a line pasted from a log, to what it means.

mod stack;
mod stamp;

pub use stack::{Known, KnownLine, Stack};
pub use stamp::Stamp;

use super::hraft::texts::{self, is_of_the_library};
use super::judge::codes::{self, CodeInfo};
use super::server::conditions::{self, Condition};
use crate::types::count_work;

/// What was found for a question.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// A finding code of this tool.
    Code(&'static CodeInfo),
    /// Conditions of the server, the one that decides first.
    Server(Vec<&'static Condition>),
    /// Nothing; names that look alike.
    Unknown(Vec<&'static str>),
}

/// Names that are shown when nothing matches.
const SUGGESTIONS: usize = 5;

/// Explains a code, the name of one of the server's errors, or any text that contains one.
///
/// Each layer of the server prefixes the text of the one below, so that a line may contain several known texts; the
/// longest decides, and of equally long ones the innermost, which is the last.
///
/// Text that was wrapped on its way here, by a terminal, a quote or a ticket, is recognised too, wherever it was broken.
pub fn explain(question: &str) -> Answer {
    recognise(question).unwrap_or_else(|| Answer::Unknown(alike(&normalize(question))))
}

/// The same without looking for what looks alike, for who has many questions.
fn recognise(question: &str) -> Option<Answer> {
    let wrapped = question.trim().contains('\n').then(|| squeeze(&unquote(question)));
    let question = normalize(question);
    if let Some(info) = codes::find(&question) {
        return Some(Answer::Code(info));
    }
    let matches = matches(&question, wrapped.as_deref());
    if !matches.is_empty() {
        return Some(Answer::Server(matches));
    }
    // A whole finding line, as this tool prints it.
    let mentioned = question.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).find_map(|word| {
        // A single plain word is too likely to be just a word.
        if word.contains('-') { codes::find(word) } else { None }
    });
    mentioned.map(Answer::Code)
}

/// Lower case, every kind of blank as one, no escapes of quotes. The server's protobuf runtime puts blanks of another kind
/// into its texts on purpose.
fn normalize(text: &str) -> String {
    let text = text.replace("\\\"", "\"").to_lowercase();
    text.split(|c: char| c.is_whitespace() || c == '\u{a0}').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Without what a quote puts before each line.
fn unquote(text: &str) -> String {
    text.lines().map(|line| line.trim_start().trim_start_matches(['>', '|'])).collect::<Vec<_>>().join("\n")
}

/// Lower case, without any blank.
fn squeeze(text: &str) -> String {
    normalize(text).chars().filter(|c| !c.is_whitespace()).collect()
}

/// Shorter texts could arise by chance where two words meet.
const WRAPPED_AT_LEAST: usize = 12;

/// Where `pattern` occurs in text without blanks.
fn find_wrapped(text: &str, pattern: &str) -> Option<(usize, usize)> {
    let parts: Vec<_> = pattern.split('*').map(squeeze).collect();
    let length = parts.iter().map(String::len).sum();
    let mut at = 0;
    for part in &parts {
        at += text.get(at..)?.find(part.as_str())? + part.len();
    }
    (length >= WRAPPED_AT_LEAST).then_some((length, at))
}

fn matches(question: &str, wrapped: Option<&str>) -> Vec<&'static Condition> {
    let mut found: Vec<(usize, usize, &Condition)> = Vec::new();
    for text in conditions::all().chain(texts::all()) {
        let name = text.name.to_lowercase();
        let best = text.says.iter().filter_map(|says| find(question, says)).chain(find_name(question, &name)).max();
        let best = best.or_else(|| {
            let wrapped = wrapped?;
            text.says.iter().filter_map(|says| find_wrapped(wrapped, says)).max()
        });
        if let Some((length, end)) = best {
            found.push((length, end, text));
        }
    }
    found.sort_by_key(|&(length, end, _)| std::cmp::Reverse((length, end)));
    // Server and library have short texts that are alike: whoever has said the longest said the rest.
    let library = found.first().is_some_and(|(.., text)| is_of_the_library(text));
    found.into_iter().map(|(_, _, text)| text).filter(|text| is_of_the_library(text) == library).collect()
}

/// Where `pattern` occurs: the length of its literal parts and where it ends. Only whole words count at either end.
fn find(text: &str, pattern: &str) -> Option<(usize, usize)> {
    let parts: Vec<&str> = pattern.split('*').collect();
    let length = parts.iter().map(|part| part.trim().len()).sum();
    let (first, rest) = parts.split_first()?;
    let starts = text.match_indices(first).map(|(at, _)| at).filter(|&at| is_boundary(text, at));
    // Where each part was found last. A later start never finds it earlier, so that no stretch is searched twice.
    let mut found: Vec<Option<usize>> = vec![None; rest.len()];
    for start in starts {
        let mut at = start + first.len();
        for (part, last) in rest.iter().zip(&mut found) {
            let place = match *last {
                Some(place) if place >= at => place,
                _ => {
                    let skipped = text.get(at..)?.find(part)?;
                    count_work(skipped as u64 + 1);
                    at + skipped
                }
            };
            *last = Some(place);
            at = place + part.len();
        }
        if is_boundary(text, at) {
            return Some((length, at));
        }
    }
    None
}

/// Where the name of an error occurs. Names of one family share their beginning and one explanation.
fn find_name(text: &str, name: &str) -> Option<(usize, usize)> {
    let family = name.starts_with("err") && !name.contains(' ');
    let mut starts = text.match_indices(name).map(|(at, _)| at).filter(|&at| is_boundary(text, at));
    starts.find_map(|start| {
        let end = start + name.len();
        (family || is_boundary(text, end)).then_some((name.len(), end))
    })
}

/// True unless `at` lies inside a word.
fn is_boundary(text: &str, at: usize) -> bool {
    let word = |c: char| c.is_alphanumeric();
    let before = text.get(..at).and_then(|before| before.chars().next_back());
    let after = text.get(at..).and_then(|after| after.chars().next());
    !(before.is_some_and(word) && after.is_some_and(word))
}

/// Known names that share words with the question, best first.
fn alike(question: &str) -> Vec<&'static str> {
    let mut words: Vec<&str> = question.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2).collect();
    words.sort_unstable();
    words.dedup();
    let score = |name: &str| {
        let name = name.to_lowercase();
        words.iter().filter(|word| name.contains(**word)).map(|word| word.len()).sum::<usize>()
    };
    let texts = conditions::all().chain(texts::all()).map(|text| text.name);
    let names = codes::all().into_iter().map(|info| info.code).chain(texts);
    let mut scored: Vec<_> = names.map(|name| (score(name), name)).filter(|(score, _)| *score > 0).collect();
    scored.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(SUGGESTIONS).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(question: &str) -> &'static str {
        match explain(question) {
            Answer::Server(found) => found[0].name,
            other => panic!("{question:?} gives {other:?}"),
        }
    }

    #[test]
    fn codes_and_names() {
        assert!(matches!(explain("fsm-body-crc"), Answer::Code(info) if info.code == "fsm-body-crc"));
        assert!(matches!(explain("  FSM-BODY-CRC\n"), Answer::Code(_)));
        assert!(matches!(explain("error   fsm-body-crc n1/fsm-snap/x.fsm"), Answer::Code(_)));
        assert_eq!(first("ErrFSMSnapshotFileCRC"), "ErrFSMSnapshotFileCRC");
        assert_eq!(first("errLocalPeerMissing"), "errLocalPeerMissing");
        assert_eq!(first("ErrJoinMembersRequireLearner"), "ErrJoinMembers");
        assert_eq!(first("ErrEnvelopeCutoverDivergence"), "ErrEnvelopeCutoverDivergence");
        assert_eq!(first("ErrEnvelopeShort"), "ErrEnvelope");
    }

    /// Lines as real servers print them.
    #[test]
    fn pasted_lines() {
        for (line, name) in [
            (
                "path=fsm-snap/000000000000000a.fsm footer=d39ca2ae computed=25f36c7f: fsm snapshot: file CRC32C mismatch (file corrupt)",
                "ErrFSMSnapshotFileCRC",
            ),
            (
                "wal: slice bounds out of range, snapshot[Index: 10, Term: 2], current entry[Index: 13, Term: 2], len(ents): 1",
                "wal: slice bounds out of range",
            ),
            ("8b37b07b558d4c0 state.commit 40 is out of range [10, 15]", "state.commit out of range"),
            (
                "walpb: crc mismatch: expected: db1adccb computed: 6be0cbdc: in file '0000000000000007-0000000000000041.wal' at position: 328",
                "walpb: crc mismatch",
            ),
            (
                "WAL unrepairable after repair: unexpected EOF: [wal] max entry size limit exceeded when reading \"x.wal\"",
                "WAL unrepairable",
            ),
            ("unsupported etcd raft peers version 3", "unsupported etcd raft peers version"),
            ("expected 1 voters got 3: etcd raft persisted cluster does not match configured peers", "errClusterMismatch"),
            ("proto: Record: illegal tag 0 (wire type 0)", "proto: cannot parse invalid wire-format data"),
            ("proto:\u{a0}cannot parse invalid wire-format data", "proto: cannot parse invalid wire-format data"),
            ("length 1099511627776 > 1048584: mvcc snapshot key too large", "ErrSnapshotKeyTooLarge"),
            (
                "openAtIndex failed: [openAtIndex] selectWALFiles failed: wal: file not found which matches the snapshot index '0'",
                "wal: file not found which matches the snapshot index",
            ),
            (
                "raftengine/etcd: FSM-requested apply halt: kv/fsm: apply registration: applier: writer-registry local_epoch \
                 rollback at dek_id=1 full_node_id=0x8b37b07b558d4c0 (existing last_seen=2, incoming=1)",
                "writer-registry local_epoch rollback",
            ),
            (
                "raftengine/etcd: FSM-requested apply halt: kv/fsm: decode bootstrap: bootstrap: missing version byte: fsmwire: \
                 payload is malformed",
                "ErrFSMWireMalformed",
            ),
            (
                "build peer inventory for config change v2 index=13: conf state node id=4: etcd raft peer address is required",
                "errPeerAddressRequired",
            ),
            ("pebble: on-disk corruption: fsm.db/000007.sst; bounds: [!redis|str|key-1", "pebble: checksum mismatch"),
            ("L6: 000009: object size mismatch (fsm.db/000009.sst): 5 (disk) != 7 (MANIFEST)", "pebble: object size mismatch"),
            ("invalid key kind 0x9e: pebble: invalid batch", "pebble: invalid batch"),
            ("unexpected EOF", "unexpected EOF"),
            ("EOF", "unexpected EOF"),
            ("panic: runtime error: index out of range [3] with length 2", "index out of range in the program"),
            ("panic: runtime error: slice bounds out of range [:9] with capacity 4", "index out of range in the program"),
            ("panic: interface conversion: interface {} is nil, not string", "interface conversion"),
            ("fatal error: all goroutines are asleep - deadlock!", "all goroutines are asleep - deadlock"),
            ("fatal error: concurrent map read and map write", "concurrent map access"),
            ("panic: send on closed channel", "concurrent map access"),
            ("runtime: goroutine stack exceeds 1000000000-byte limit", "goroutine stack exceeds the limit"),
            ("fatal error: out of memory", "cannot allocate memory"),
            ("[signal SIGBUS: bus error code=0x2 addr=0x7f2c pc=0x1]", "SIGBUS: bus error"),
            ("goroutine 1 [running]:", "goroutine trace"),
            ("panic: assertion of the program", "panic"),
            ("8b37b07b558d4c0 is starting a new election at term 3", "raft election"),
            ("raft.node: 8b37 elected leader 8b38 at term 4", "raft election"),
            ("raft: cannot step as peer not found", "raft: cannot step as peer not found"),
            ("entry 7 conflict with committed entry [committed(9)]", "conflict with committed entry"),
            ("level=ERROR msg=propose err=\"raft proposal dropped\"", "raft proposal dropped"),
            ("[JOB 12] flush error: write fsm.db/000012.sst: no space left on device", "no space left on device"),
            ("elastickv.service: Main process exited, code=killed, status=9/KILL", "process ended by a signal"),
            ("open n1/fsm.db/000004.sst: too many open files", "too many open files"),
            ("mmap: cannot allocate memory", "cannot allocate memory"),
            ("pebble: could not open table 000012: file does not exist", "pebble: could not open table"),
            (
                "encryption startup guard: sidecar=\"keys.json\": scan raft entries (439, 765] for encryption-relevant opcodes: \
                 encryption scanner: read raft entries [440, 766) from MemoryStorage: requested index is unavailable due to compaction",
                "scan raft entries for encryption-relevant opcodes",
            ),
            (
                "encryption: sidecar reports raft envelope cutover active at index 765 but this binary does not install the wrap \
                 closure on shard groups",
                "sidecar reports raft envelope cutover active",
            ),
        ] {
            assert_eq!(first(line), name, "{line}");
        }
    }

    /// The same lines after a terminal, a mail or a ticket has broken them.
    #[test]
    fn wrapped_lines() {
        for (text, name) in [
            ("panic: fsm snap\nshot: file CRC32C mis\nmatch (file corrupt)", "ErrFSMSnapshotFileCRC"),
            ("> etcd raft local peer\n> is missing from cluster config", "errLocalPeerMissing"),
            ("error: etcd raft loc\n| al peer is missing fr\n| om cluster config\n", "errLocalPeerMissing"),
            ("open wal: wal: slice bounds out of\n    range, snapshot[Index: 10, Term: 2]", "wal: slice bounds out of range"),
            ("state.commit 40 is out of ra\nnge [10, 15]", "state.commit out of range"),
        ] {
            assert_eq!(first(text), name, "{text}");
        }
        // A short text does not arise where two lines meet.
        assert!(matches!(explain("the ge\nof of things"), Answer::Unknown(_)));
    }

    /// Every text, broken after every column.
    #[test]
    fn every_text_survives_wrapping() {
        for text in conditions::all() {
            for says in text.says.iter().filter(|says| squeeze(says).len() >= WRAPPED_AT_LEAST + 2) {
                let line = format!("E {}", says.replace('*', "17"));
                for at in (1..line.len()).filter(|at| line.is_char_boundary(*at)) {
                    let broken = format!("{}\n{}", &line[..at], &line[at..]);
                    let Answer::Server(found) = explain(&broken) else { panic!("{broken:?} is not recognised") };
                    assert!(found.contains(&text), "{broken:?} does not find {}", text.name);
                }
            }
        }
    }

    #[test]
    fn every_pattern_finds_its_own_condition() {
        for text in conditions::all() {
            for says in text.says {
                let line = format!("prefix: {}: suffix", says.replace('*', "17"));
                let Answer::Server(found) = explain(&line) else { panic!("{line:?} is not recognised") };
                assert!(found.contains(&text), "{line:?} does not find {}", text.name);
            }
        }
    }

    #[test]
    fn what_is_not_known_gets_suggestions() {
        assert_eq!(explain("zzzz"), Answer::Unknown(Vec::new()));
        let Answer::Unknown(names) = explain("body crc") else { panic!() };
        assert!(names.contains(&"fsm-body-crc"), "{names:?}");
        assert!(matches!(explain("the geofence"), Answer::Unknown(_)), "EOF inside a word is no EOF");
    }
}

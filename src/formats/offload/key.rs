//! Keys of objects: `[P/]v1/groups/<gid>/snapshots/<index>-<term>.json` and `[P/]v1/payloads/sha256/<hh>/<hex>.fsm`.

use crate::types::{LogIndex, Sha256Sum, Term};

/// A key as the server uses it: trimmed, without one leading slash, and with `.`, `..` and empty parts resolved. `None` for a
/// key that names nothing below the root of a store.
pub fn normalize_key(key: &str) -> Option<String> {
    Some(cleaned_key(key)).filter(|clean| !(clean == "." || clean == ".." || clean.starts_with("../")))
}

/// The same, whatever it names. Two keys are the same object when these are equal.
pub fn cleaned_key(key: &str) -> String {
    let key = key.trim();
    clean(key.strip_prefix('/').unwrap_or(key))
}

/// A path as the server's texts show it: cleaned, without looking at any directory.
pub fn cleaned_path(path: &str) -> String {
    clean(path)
}

/// The shortest path that means the same, as Go's `path.Clean` gives it.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if rooted => {}
            other => parts.push(other),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

/// What stands before `v1/` in the keys of objects published with that prefix, with a slash at its end; empty for none. The
/// result may leave the root of the store (`../`), which the server then refuses.
pub fn key_prefix(prefix: &str) -> String {
    let trimmed = prefix.trim().trim_matches('/');
    if trimmed.is_empty() {
        return String::new();
    }
    match clean(trimmed).as_str() {
        "." => String::new(),
        clean => format!("{clean}/"),
    }
}

/// The key of the manifest of one snapshot. `prefix` is from [`key_prefix`].
pub fn manifest_key(prefix: &str, group: u64, index: LogIndex, term: Term) -> String {
    format!("{prefix}v1/groups/{group}/snapshots/{:020}-{:020}.json", index.0, term.0)
}

/// The key of a payload. `prefix` is from [`key_prefix`].
pub fn payload_key(prefix: &str, digest: Sha256Sum) -> String {
    let hex = digest.to_string();
    format!("{prefix}v1/payloads/sha256/{}/{hex}.fsm", hex.get(..2).unwrap_or_default())
}

/// What an object's key says that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyKind {
    /// A manifest: any `.json` where manifests lie.
    Manifest {
        /// What stands before `v1/`.
        prefix: String,
        /// Group, index and term, when the rest of the key is what the server writes.
        name: Option<ManifestName>,
    },
    /// A payload: any `.fsm` where payloads lie.
    Payload {
        /// What stands before `v1/`.
        prefix: String,
        /// The digest, when the rest of the key is what the server writes.
        digest: Option<Sha256Sum>,
    },
    /// What a writer leaves that did not come to its end.
    Temporary,
    /// Anything else.
    Foreign,
}

impl KeyKind {
    /// What stands before `v1/` in the key of a payload.
    pub fn payload_prefix(self) -> Option<String> {
        match self {
            Self::Payload { prefix, .. } => Some(prefix),
            Self::Manifest { .. } | Self::Temporary | Self::Foreign => None,
        }
    }
}

/// What the key of a manifest says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ManifestName {
    /// The Raft group.
    pub group: u64,
    /// Index of the snapshot.
    pub index: LogIndex,
    /// Term of the snapshot.
    pub term: Term,
}

impl KeyKind {
    /// Of the normalised key of an object.
    pub fn of(key: &str) -> Self {
        let parts: Vec<&str> = key.split('/').collect();
        let Some((name, folders)) = parts.split_last() else { return Self::Foreign };
        if is_temporary(name) {
            return Self::Temporary;
        }
        let prefix = |before: &[&str]| before.iter().flat_map(|part| [part, "/"]).collect::<String>();
        match folders {
            [before @ .., "v1", "groups", group, "snapshots"] if name.ends_with(".json") => {
                Self::Manifest { prefix: prefix(before), name: manifest_name(group, name) }
            }
            [before @ .., "v1", "payloads", "sha256", folder] if name.ends_with(".fsm") => {
                let digest = payload_digest(name).filter(|_| name.get(..2) == Some(folder));
                Self::Payload { prefix: prefix(before), digest }
            }
            _ => Self::Foreign,
        }
    }
}

/// The digest in the name of a payload: 64 hex digits and `.fsm`.
pub fn payload_digest(name: &str) -> Option<Sha256Sum> {
    Sha256Sum::parse(name.strip_suffix(".fsm")?)
}

/// What a local store calls an object before it is complete: `.put-` and digits.
pub fn is_temporary(name: &str) -> bool {
    digits_behind(name, ".put-")
}

/// A snapshot on its way into a store, in a spool directory.
pub fn is_spool_file(name: &str) -> bool {
    name.strip_suffix(".fsm").is_some_and(|name| digits_behind(name, "elastickv-snapshot-offload-"))
}

fn digits_behind(name: &str, start: &str) -> bool {
    name.strip_prefix(start).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

fn manifest_name(group: &str, name: &str) -> Option<ManifestName> {
    let (index, term) = name.strip_suffix(".json")?.split_once('-')?;
    let padded = |text: &str| {
        let digits = text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse::<u64>().ok() } else { None }
    };
    let number: u64 = group.parse().ok()?;
    (number.to_string() == group).then_some(ManifestName {
        group: number,
        index: LogIndex(padded(index)?),
        term: Term(padded(term)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_normalised_as_the_server_does() {
        for (key, expected) in [
            ("a/b", Some("a/b")),
            (" /a//b/./c/ ", Some("a/b/c")),
            ("//a", Some("/a")),
            ("a/../b", Some("b")),
            ("a/..", None),
            ("", None),
            ("/", None),
            (".", None),
            ("..", None),
            ("../x", None),
            ("x/../../y", None),
            ("//../x", Some("/x")),
            // What is left of a rooted path that goes above its root: a name of nothing, which the server takes all the same.
            ("//..", Some("/")),
            ("//", Some("/")),
            ("..x", Some("..x")),
        ] {
            assert_eq!(normalize_key(key).as_deref(), expected, "{key:?}");
        }
    }

    #[test]
    fn prefixes_are_cleaned() {
        for (prefix, expected) in [
            ("", ""),
            (" / ", ""),
            ("a//b", "a/b/"),
            (" a ", "a/"),
            ("./a/", "a/"),
            ("a/../b", "b/"),
            ("../x", "../x/"),
            ("a/..", ""),
        ] {
            assert_eq!(key_prefix(prefix), expected, "{prefix:?}");
        }
    }

    #[test]
    fn keys_say_what_they_are() {
        let digest = Sha256Sum::of(b"x");
        let key = manifest_key("p/q/", 64, LogIndex(10), Term(u64::MAX));
        assert_eq!(key, "p/q/v1/groups/64/snapshots/00000000000000000010-18446744073709551615.json");
        let name = ManifestName { group: 64, index: LogIndex(10), term: Term(u64::MAX) };
        assert_eq!(KeyKind::of(&key), KeyKind::Manifest { prefix: "p/q/".to_owned(), name: Some(name) });
        let key = payload_key("", digest);
        assert_eq!(KeyKind::of(&key), KeyKind::Payload { prefix: String::new(), digest: Some(digest) });
        for odd in ["v1/groups/064/snapshots/00000000000000000010-00000000000000000002.json", "v1/groups/x/snapshots/1-2.json"] {
            assert_eq!(KeyKind::of(odd), KeyKind::Manifest { prefix: String::new(), name: None }, "{odd}");
        }
        let misplaced = format!("v1/payloads/sha256/zz/{digest}.fsm");
        assert_eq!(KeyKind::of(&misplaced), KeyKind::Payload { prefix: String::new(), digest: None });
        assert_eq!(KeyKind::of("v1/payloads/sha256/aa/.put-17"), KeyKind::Temporary);
        for other in ["", "a", ".put-", ".put-x", "v1/groups/1/snapshots/x", "v1/payloads/x.fsm"] {
            assert_eq!(KeyKind::of(other), KeyKind::Foreign, "{other}");
        }
        assert!(is_spool_file("elastickv-snapshot-offload-370708162.fsm") && !is_spool_file("elastickv-snapshot-offload-.fsm"));
    }
}

//! The last member of the document: a SHA-256 over everything before it.

use crate::types::Sha256Sum;

/// What the `schema` of a document of this version says.
pub const SCHEMA: &str = "ekv-tool/facts/v1";

const BEFORE: &[u8] = b",\n  \"sha256\": \"";
const DIGITS: usize = 64;
const BEHIND: &[u8] = b"\"\n}";

/// Bytes at the front of a document in which its `schema` stands.
pub const FRONT: usize = 128;

/// Why bytes are no whole document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// It is none, and never was.
    NotFacts,
    /// It is a report of another command.
    AnotherReport(String),
    /// It is a document of a version that is not known here.
    Version(String),
    /// It does not end as a document does: something is missing, or another program has written it again.
    Ending,
    /// It is not what was written: the checksum is of other bytes.
    Changed,
}

/// Adds the checksum to a JSON object that is laid out over several lines.
pub fn close(object: &mut Vec<u8>) {
    while object.last().is_some_and(u8::is_ascii_whitespace) {
        object.pop();
    }
    if object.pop_if(|last| *last == b'}').is_none() {
        return;
    }
    while object.last().is_some_and(u8::is_ascii_whitespace) {
        object.pop();
    }
    let sum = Sha256Sum::of(object);
    object.extend_from_slice(BEFORE);
    object.extend_from_slice(sum.to_string().as_bytes());
    object.extend_from_slice(BEHIND);
    object.push(b'\n');
}

/// Looks whether bytes from the front of a file are those of a document of this version. [`FRONT`] of them are enough.
pub fn begins(front: &[u8]) -> Result<(), Broken> {
    match schema(front).as_deref() {
        Some(SCHEMA) => Ok(()),
        Some(other) if other.starts_with("ekv-tool/facts/") => Err(Broken::Version(other.to_owned())),
        Some(other) if other.starts_with("ekv-tool/") => Err(Broken::AnotherReport(other.to_owned())),
        _ => Err(Broken::NotFacts),
    }
}

/// Looks whether `bytes` are a whole document of this version, and gives its checksum.
pub fn open(bytes: &[u8]) -> Result<Sha256Sum, Broken> {
    begins(bytes)?;
    let end = bytes.trim_ascii_end();
    let stated = end.strip_suffix(BEHIND).and_then(|rest| rest.split_at_checked(rest.len().checked_sub(DIGITS)?));
    let (before, digits) = stated.ok_or(Broken::Ending)?;
    let covered = before.strip_suffix(BEFORE).ok_or(Broken::Ending)?;
    let sum = std::str::from_utf8(digits).ok().and_then(Sha256Sum::parse).ok_or(Broken::Ending)?;
    if Sha256Sum::of(covered) == sum { Ok(sum) } else { Err(Broken::Changed) }
}

/// What the first member says, when that is the `schema`.
fn schema(bytes: &[u8]) -> Option<String> {
    let front = bytes.get(..FRONT).unwrap_or(bytes);
    let mut rest = front.trim_ascii_start().strip_prefix(b"{")?;
    for part in ["\"schema\"", ":", "\""] {
        rest = rest.trim_ascii_start().strip_prefix(part.as_bytes())?;
    }
    let end = rest.iter().position(|byte| *byte == b'"')?;
    let name = std::str::from_utf8(rest.get(..end)?).ok()?;
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Vec<u8> {
        let mut document = format!("{{\n  \"schema\": \"{SCHEMA}\",\n  \"groups\": []\n}}\n").into_bytes();
        close(&mut document);
        document
    }

    #[test]
    fn a_document_ends_with_its_checksum() {
        let document = document();
        let value: serde_json::Value = serde_json::from_slice(&document).unwrap();
        assert_eq!(value["sha256"], open(&document).unwrap().to_string());
        assert!(open(document.trim_ascii_end()).is_ok(), "the last line may lack its end");
    }

    #[test]
    fn nothing_that_is_cut_or_changed_passes() {
        let whole = document();
        for len in 0..whole.len() - 1 {
            assert!(open(&whole[..len]).is_err(), "{len}");
        }
        let mut changed = whole.clone();
        for at in 0..whole.len() - 1 {
            for bit in 0..8 {
                changed[at] ^= 1 << bit;
                assert!(open(&changed).is_err(), "bit {bit} of {at}");
                changed[at] ^= 1 << bit;
            }
        }
    }

    #[test]
    fn what_is_something_else_is_told() {
        let front = |name: &str| open(format!("{{ \"schema\": \"{name}\", \"x\": 1 }}").as_bytes()).unwrap_err();
        assert_eq!(front("ekv-tool/facts/v2"), Broken::Version("ekv-tool/facts/v2".to_owned()));
        assert_eq!(front("ekv-tool/compare/v1"), Broken::AnotherReport("ekv-tool/compare/v1".to_owned()));
        assert_eq!(front("ekv-tool/facts/v1"), Broken::Ending);
        assert_eq!((front("x"), open(b""), open(b"EKVPBBL1")), (Broken::NotFacts, Err(Broken::NotFacts), Err(Broken::NotFacts)));
    }
}

//! `meta.json` of a file snapshot.

use super::configuration::{Configuration, Server};
use super::json::{Json, JsonError, bytes_field};

/// Servers held in memory.
const MAX_SERVERS: usize = 1 << 16;

/// The fields of `meta.json`; a missing key is zero.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapshotMeta {
    /// 0 or 1; anything else hides the snapshot.
    pub version: i64,
    /// The snapshot's name: the directory that is opened and deleted.
    pub id: String,
    /// Last log index covered.
    pub index: u64,
    /// Its term.
    pub term: u64,
    /// List of voters in the old encoding; used with version 0 only.
    pub peers: Option<Vec<u8>>,
    /// Membership; used with version 1.
    pub configuration: Configuration,
    /// Index of the entry that brought the membership.
    pub configuration_index: u64,
    /// Bytes of `state.bin`; not compared by the library.
    pub size: i64,
    /// CRC-64/XZ of `state.bin`, big-endian; absent until the snapshot is finished.
    pub crc: Option<Vec<u8>>,
}

/// What the library passes over in a `meta.json` that it accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SnapshotMetaNotes {
    /// Bytes behind the first value that are not white space.
    pub trailing: bool,
    /// Keys that the library does not know.
    pub unknown_keys: u32,
    /// Keys that stand more than once; the last one counts.
    pub repeated_keys: u32,
    /// There is no `Version`, which is then 0.
    pub version_missing: bool,
}

const KEYS: [&str; 9] = ["Version", "ID", "Index", "Term", "Peers", "Configuration", "ConfigurationIndex", "Size", "CRC"];

/// Decodes a `meta.json`.
///
/// # Errors
///
/// What hides the snapshot: malformed JSON, a value of the wrong type.
pub fn decode_snapshot_meta(bytes: &[u8]) -> Result<(SnapshotMeta, SnapshotMetaNotes), JsonError> {
    let mut json = Json::new(bytes);
    let mut meta = SnapshotMeta::default();
    let mut notes = SnapshotMetaNotes { version_missing: true, ..SnapshotMetaNotes::default() };
    let mut seen = [false; KEYS.len()];
    if json.null()? {
        return Ok((meta, notes));
    }
    if json.peek()? == b'{' {
        json.object(|json, name| {
            let number = KEYS.iter().position(|key| key.eq_ignore_ascii_case(name));
            if let Some(seen) = number.and_then(|number| seen.get_mut(number)) {
                notes.repeated_keys += u32::from(*seen);
                *seen = true;
            }
            match number {
                Some(0) => {
                    notes.version_missing = false;
                    json.integer("Version", &mut meta.version)
                }
                Some(1) => json.string("ID", &mut meta.id),
                Some(2) => json.integer("Index", &mut meta.index),
                Some(3) => json.integer("Term", &mut meta.term),
                Some(4) => bytes_field(json, "Peers", &mut meta.peers),
                Some(5) => configuration(json, &mut meta.configuration),
                Some(6) => json.integer("ConfigurationIndex", &mut meta.configuration_index),
                Some(7) => json.integer("Size", &mut meta.size),
                Some(8) => bytes_field(json, "CRC", &mut meta.crc),
                _ => {
                    notes.unknown_keys += 1;
                    json.skip()
                }
            }
        })?;
    } else {
        json.wrong("fileSnapshotMeta")?;
    }
    if let Some(mismatch) = json.mismatch {
        return Err(mismatch);
    }
    let rest = bytes.get(usize::try_from(json.offset()).unwrap_or(usize::MAX)..).unwrap_or_default();
    notes.trailing = !rest.iter().all(u8::is_ascii_whitespace);
    Ok((meta, notes))
}

fn configuration(json: &mut Json<'_>, into: &mut Configuration) -> Result<(), JsonError> {
    if json.null()? {
        return Ok(());
    }
    if json.peek()? != b'{' {
        return json.wrong("Configuration");
    }
    json.object(|json, name| {
        if !name.eq_ignore_ascii_case("Servers") {
            return json.skip();
        }
        if json.null()? {
            into.servers.clear();
            return Ok(());
        }
        if json.peek()? != b'[' {
            return json.wrong("Servers");
        }
        let count = json.array(|json, number| {
            if number >= MAX_SERVERS {
                return json.skip();
            }
            if into.servers.len() <= number {
                into.servers.push(Server::default());
            }
            match into.servers.get_mut(number) {
                Some(slot) => server(json, slot),
                None => json.skip(),
            }
        })?;
        into.servers.truncate(count);
        Ok(())
    })
}

fn server(json: &mut Json<'_>, into: &mut Server) -> Result<(), JsonError> {
    if json.null()? {
        return Ok(());
    }
    if json.peek()? != b'{' {
        return json.wrong("Server");
    }
    json.object(|json, name| {
        if name.eq_ignore_ascii_case("Suffrage") {
            json.integer("Suffrage", &mut into.suffrage.0)
        } else if name.eq_ignore_ascii_case("ID") {
            json.string("ID", &mut into.id)
        } else if name.eq_ignore_ascii_case("Address") {
            json.string("Address", &mut into.address)
        } else {
            json.skip()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = concat!(
        r#"{"Version":1,"ID":"3-7-1795216369483","Index":7,"Term":3,"Peers":"kasxMjcuMC4wLjE6MQ==","Configuration":{"Servers":"#,
        r#"[{"Suffrage":0,"ID":"n1","Address":"127.0.0.1:1"},{"Suffrage":1,"ID":"n2","Address":"127.0.0.1:2"}]},"#,
        r#""ConfigurationIndex":5,"Size":9,"CRC":"mV3Ju98ZOfo="}"#
    );

    #[test]
    fn a_finished_snapshot() {
        let (meta, notes) = decode_snapshot_meta(WHOLE.as_bytes()).unwrap();
        assert_eq!((meta.version, meta.id.as_str(), meta.index, meta.term), (1, "3-7-1795216369483", 7, 3));
        assert_eq!((meta.configuration_index, meta.size), (5, 9));
        assert_eq!(meta.configuration.servers.len(), 2);
        assert_eq!(meta.configuration.servers[1].suffrage.0, 1);
        assert_eq!(meta.crc.unwrap(), crate::formats::hraft::crc64(b"123456789").to_be_bytes());
        assert_eq!(notes, SnapshotMetaNotes::default());
    }

    #[test]
    fn names_match_in_any_case_and_the_last_of_two_counts() {
        let text = r#"{"version":0,"VERSION":1,"id":"a","new":{"deep":[[1,{"x":null}]]},"Index":null,"CRC":null} trailing"#;
        let (meta, notes) = decode_snapshot_meta(text.as_bytes()).unwrap();
        assert_eq!((meta.version, meta.id.as_str(), meta.index, meta.crc), (1, "a", 0, None));
        assert_eq!((notes.trailing, notes.unknown_keys, notes.repeated_keys, notes.version_missing), (true, 1, 1, false));
    }

    #[test]
    fn values_of_a_wrong_type_hide_the_snapshot() {
        for text in [
            r#"{"Version":"1"}"#,
            r#"{"Size":1.5}"#,
            r#"{"Index":-1}"#,
            r#"{"Index":18446744073709551616}"#,
            r#"{"Term":1e3}"#,
            r#"{"CRC":"a"}"#,
            r#"{"Configuration":[]}"#,
            r#"{"Configuration":{"Servers":[{"Suffrage":"Voter"}]}}"#,
            "[]",
            "7",
            "",
            "{",
            "{}}",
        ]
        .iter()
        .take(12)
        {
            assert!(decode_snapshot_meta(text.as_bytes()).is_err(), "{text}");
        }
        assert!(decode_snapshot_meta(b"{}}").is_ok(), "what follows the value is not read");
    }

    #[test]
    fn no_prefix_is_accepted_and_no_flip_ends_the_program() {
        for end in 0..WHOLE.len() {
            assert!(decode_snapshot_meta(&WHOLE.as_bytes()[..end]).is_err(), "cut at {end}");
        }
        for bit in 0..WHOLE.len() * 8 {
            let mut flipped = WHOLE.as_bytes().to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = decode_snapshot_meta(&flipped);
        }
        let deep = "{\"a\":".to_owned() + &"[".repeat(20_000);
        assert!(decode_snapshot_meta(deep.as_bytes()).is_err());
    }
}

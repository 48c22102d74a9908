#![doc = include_str!("../../docs/formats/sidecar.md")]

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::go_json::{self, Decoder, Unfit};
use crate::types::LogIndex;

/// Versions that the servers read.
const VERSIONS: std::ops::RangeInclusive<i64> = 1..=2;
/// The package of the server's types, as its complaints name it.
const PACKAGE: &str = "encryption";
/// Length of a data key under the key encryption key: nonce, key, tag.
pub const WRAPPED_LEN: usize = 60;

/// The key sidecar, `keys.json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct Sidecar {
    /// 1 or 2.
    pub version: i64,
    /// Index of the last encryption entry that is reflected here; 0 = not known.
    pub raft_applied_index: LogIndex,
    /// Values are being encrypted.
    pub storage_envelope_active: bool,
    /// The entry that switched that on.
    pub storage_envelope_cutover_index: LogIndex,
    /// Entries above this index are sealed; 0 = none are.
    pub raft_envelope_cutover_index: LogIndex,
    /// Key that seals values; 0 = none.
    pub active_storage: u32,
    /// Key that seals proposals; 0 = none.
    pub active_raft: u32,
    /// Data keys by id, as text.
    pub keys: BTreeMap<String, SidecarKey>,
}

/// One data key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct SidecarKey {
    /// `storage` or `raft`.
    pub purpose: String,
    /// Number of bytes of the wrapped key.
    pub wrapped_len: usize,
    /// The data key under the key encryption key. Never shown.
    #[serde(skip)]
    pub wrapped: Vec<u8>,
    /// RFC 3339 time.
    pub created: String,
    /// Start counter of this node for this key.
    pub local_epoch: u16,
}

/// Why the server refuses a sidecar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SidecarError {
    /// Not the JSON that is expected.
    Json(String),
    /// Version outside 1 and 2.
    Version(i64),
    /// A key's name is not a decimal number of 32 bits.
    KeyIdFormat(String),
    /// A key's name is 0.
    ReservedKeyId(String),
    /// A key's purpose is not known.
    Purpose {
        /// The key's name.
        id: String,
        /// What it says.
        purpose: String,
    },
    /// The active key is not among the keys.
    ActiveKeyMissing {
        /// `storage` or `raft`.
        purpose: &'static str,
        /// The active id.
        id: u32,
    },
    /// The active key is for something else.
    ActivePurposeMismatch {
        /// `storage` or `raft`.
        purpose: &'static str,
        /// The active id.
        id: u32,
        /// What the key says.
        found: String,
    },
}

impl SidecarError {
    /// The server's own name for the condition, if it has one.
    pub const fn name(&self) -> Option<&'static str> {
        Some(match self {
            Self::Json(_) => return None,
            Self::Version(_) => "ErrSidecarVersion",
            Self::KeyIdFormat(_) => "ErrSidecarKeyIDFormat",
            Self::ReservedKeyId(_) => "ErrSidecarReservedKeyID",
            Self::Purpose { .. } => "ErrSidecarPurpose",
            Self::ActiveKeyMissing { .. } => "ErrSidecarActiveKeyMissing",
            Self::ActivePurposeMismatch { .. } => "ErrSidecarActivePurposeMismatch",
        })
    }
}

impl SidecarError {
    /// The server's text for a file at `path`.
    pub fn at(&self, path: &str) -> String {
        match self {
            Self::Json(error) => format!("encryption: parse sidecar {path:?}: {error}"),
            Self::Version(version) => {
                format!("got version {version}, want 1..2 (path={path:?}): encryption: unsupported sidecar version")
            }
            other => format!("encryption: validate sidecar {path:?}: {other}"),
        }
    }
}

/// The server's text, without the path in front.
impl fmt::Display for SidecarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "encryption: parse sidecar: {error}"),
            Self::Version(version) => {
                write!(f, "got version {version}, want 1..2: encryption: unsupported sidecar version")
            }
            Self::KeyIdFormat(id) => write!(f, "{id:?}: encryption: sidecar key_id is not a decimal uint32"),
            Self::ReservedKeyId(id) => {
                write!(f, "found key_id {id} in keys map: encryption: sidecar key_id 0 is reserved")
            }
            Self::Purpose { id, purpose } => {
                write!(f, "key_id={id} purpose={purpose:?}: encryption: unsupported sidecar key purpose")
            }
            Self::ActiveKeyMissing { purpose, id } => write!(
                f,
                "active.{purpose}={id} not present in keys map: encryption: sidecar active key_id has no entry in keys map"
            ),
            Self::ActivePurposeMismatch { purpose, id, found } => write!(
                f,
                "active.{purpose}={id} but keys[\"{id}\"].purpose={found:?}: encryption: sidecar active key_id references a \
                 key with mismatched purpose"
            ),
        }
    }
}

impl Sidecar {
    /// Parses and validates a sidecar in the server's order of checks. Names of unknown fields are ignored.
    pub fn parse(json: &[u8]) -> Result<Self, SidecarError> {
        let mut sidecar = Self::default();
        go_json::decode(json, |json| sidecar.fill(json)).map_err(|error| SidecarError::Json(error.to_string()))?;
        if !VERSIONS.contains(&sidecar.version) {
            return Err(SidecarError::Version(sidecar.version));
        }
        for (id, key) in &sidecar.keys {
            key.validate(id)?;
        }
        sidecar.check_active("storage", sidecar.active_storage)?;
        sidecar.check_active("raft", sidecar.active_raft)?;
        Ok(sidecar)
    }

    fn fill(&mut self, json: &mut Decoder<'_>) -> Result<(), Unfit> {
        const FIELDS: &[&str] = &[
            "version",
            "raft_applied_index",
            "storage_envelope_active",
            "storage_envelope_cutover_index",
            "raft_envelope_cutover_index",
            "active",
            "keys",
        ];
        json.object(PACKAGE, "Sidecar", FIELDS, |json, field| {
            match field {
                "version" => json.signed(&mut self.version, "int"),
                "raft_applied_index" => json.unsigned(&mut self.raft_applied_index.0, u64::MAX, "uint64"),
                "storage_envelope_active" => json.truth(&mut self.storage_envelope_active),
                "storage_envelope_cutover_index" => {
                    json.unsigned(&mut self.storage_envelope_cutover_index.0, u64::MAX, "uint64");
                }
                "raft_envelope_cutover_index" => json.unsigned(&mut self.raft_envelope_cutover_index.0, u64::MAX, "uint64"),
                "active" => json.object(PACKAGE, "ActiveKeys", &["storage", "raft"], |json, field| {
                    let id = if field == "storage" { &mut self.active_storage } else { &mut self.active_raft };
                    let mut wide = u64::from(*id);
                    json.unsigned(&mut wide, u32::MAX.into(), "uint32");
                    *id = u32::try_from(wide).unwrap_or(*id);
                    Ok(())
                })?,
                _ => {
                    let emptied = json.entries("map[string]encryption.SidecarKey", |json, id| {
                        let mut key = SidecarKey::default();
                        key.fill(json)?;
                        self.keys.insert(id, key);
                        Ok(())
                    })?;
                    if emptied {
                        self.keys.clear();
                    }
                }
            }
            Ok(())
        })
    }

    fn check_active(&self, purpose: &'static str, id: u32) -> Result<(), SidecarError> {
        if id == 0 {
            return Ok(());
        }
        match self.keys.get(&id.to_string()) {
            None => Err(SidecarError::ActiveKeyMissing { purpose, id }),
            Some(key) if key.purpose != purpose => {
                Err(SidecarError::ActivePurposeMismatch { purpose, id, found: key.purpose.clone() })
            }
            Some(_) => Ok(()),
        }
    }

    /// The keys with their ids as numbers, ascending. Names were checked when the file was read.
    pub fn keys_by_id(&self) -> BTreeMap<u32, &SidecarKey> {
        self.keys.iter().filter_map(|(id, key)| Some((id.parse().ok()?, key))).collect()
    }

    /// The active key for values.
    pub fn storage_key(&self) -> Option<&SidecarKey> {
        self.keys.get(&self.active_storage.to_string())
    }
}

impl SidecarKey {
    fn fill(&mut self, json: &mut Decoder<'_>) -> Result<(), Unfit> {
        json.object(PACKAGE, "SidecarKey", &["purpose", "wrapped", "created", "local_epoch"], |json, field| {
            match field {
                "purpose" => json.text(&mut self.purpose),
                "wrapped" => json.bytes(&mut self.wrapped),
                "created" => json.text(&mut self.created),
                _ => {
                    let mut epoch = u64::from(self.local_epoch);
                    json.unsigned(&mut epoch, u16::MAX.into(), "uint16");
                    self.local_epoch = u16::try_from(epoch).unwrap_or(self.local_epoch);
                }
            }
            self.wrapped_len = self.wrapped.len();
            Ok(())
        })
    }

    fn validate(&self, id: &str) -> Result<(), SidecarError> {
        let digits_only = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        match id.parse::<u32>() {
            Ok(0) if digits_only => Err(SidecarError::ReservedKeyId(id.to_owned())),
            Ok(_) if digits_only => match self.purpose.as_str() {
                "storage" | "raft" => Ok(()),
                purpose => Err(SidecarError::Purpose { id: id.to_owned(), purpose: purpose.to_owned() }),
            },
            _ => Err(SidecarError::KeyIdFormat(id.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a real node wrote it.
    const REAL: &str = r#"{
  "version": 2,
  "raft_applied_index": 439,
  "storage_envelope_active": true,
  "storage_envelope_cutover_index": 439,
  "raft_envelope_cutover_index": 765,
  "active": {
    "storage": 1,
    "raft": 2
  },
  "keys": {
    "1": {
      "purpose": "storage",
      "wrapped": "VEZlP73POkw4JEQ/4aW9OUG/I3Vym9igrFfFZerfaO31U16B4WhTiU0f1BVc/F0lQEapwjC7hztb+RRq",
      "created": "2026-11-21T01:47:51Z",
      "local_epoch": 3
    },
    "2": {
      "purpose": "raft",
      "wrapped": "kGx8xYQ5znIZWPwBiEi9zcitS/TEXDyxXdDkSyTV3eD6OGgNsGqtEVabNcJgsFfOM+BnC07yWqeaSVDa",
      "created": "2026-11-21T01:47:51Z",
      "local_epoch": 0
    }
  }
}"#;

    fn refusal(json: &str) -> (Option<&'static str>, String) {
        let error = Sidecar::parse(json.as_bytes()).unwrap_err();
        (error.name(), error.to_string())
    }

    #[test]
    fn a_real_sidecar() {
        let sidecar = Sidecar::parse(REAL.as_bytes()).unwrap();
        assert_eq!((sidecar.version, sidecar.raft_applied_index), (2, LogIndex(439)));
        assert_eq!((sidecar.active_storage, sidecar.active_raft), (1, 2));
        assert_eq!(sidecar.raft_envelope_cutover_index, LogIndex(765));
        let key = sidecar.storage_key().unwrap();
        assert_eq!((key.purpose.as_str(), key.wrapped_len, key.local_epoch), ("storage", WRAPPED_LEN, 3));
    }

    #[test]
    fn null_any_case_and_unknown_fields_are_as_the_server_takes_them() {
        let sidecar = Sidecar::parse(br#"{"VERSION": 1, "keys": null, "active": {"raft": null}, "more": [1]}"#).unwrap();
        assert_eq!(sidecar, Sidecar { version: 1, ..Sidecar::default() });
    }

    #[test]
    fn refusals() {
        assert_eq!(refusal("null").0, Some("ErrSidecarVersion"));
        assert_eq!(refusal(r#"{"version": 3}"#).1, "got version 3, want 1..2: encryption: unsupported sidecar version");
        let keys = |keys: &str| refusal(&format!(r#"{{"version": 2, "keys": {keys}}}"#)).0;
        assert_eq!(keys(r#"{"x": {"purpose": "raft"}}"#), Some("ErrSidecarKeyIDFormat"));
        assert_eq!(keys(r#"{"+1": {"purpose": "raft"}}"#), Some("ErrSidecarKeyIDFormat"));
        assert_eq!(keys(r#"{"4294967296": {"purpose": "raft"}}"#), Some("ErrSidecarKeyIDFormat"));
        assert_eq!(keys(r#"{"0": {"purpose": "raft"}}"#), Some("ErrSidecarReservedKeyID"));
        assert_eq!(keys(r#"{"1": {"purpose": "both"}}"#), Some("ErrSidecarPurpose"));
        assert_eq!(keys(r#"{"1": null}"#), Some("ErrSidecarPurpose"));
        assert_eq!(refusal(r#"{"version": 2, "active": {"raft": 7}}"#).0, Some("ErrSidecarActiveKeyMissing"));
        let wrong = REAL.replace("\"raft\": 2", "\"raft\": 1");
        assert_eq!(refusal(&wrong).0, Some("ErrSidecarActivePurposeMismatch"));
        for json in ["", "[]", r#"{"version": 2} x"#, r#"{"version": 2, "keys": {"1": {"local_epoch": 65536}}}"#] {
            assert_eq!(refusal(json).0, None, "{json}");
        }
    }

    #[test]
    fn the_servers_words_for_json_that_it_cannot_take() {
        let error = |json: &str| Sidecar::parse(json.as_bytes()).unwrap_err().at("enc/keys.json");
        assert_eq!(error("{\"version\": 2"), "encryption: parse sidecar \"enc/keys.json\": unexpected end of JSON input");
        assert_eq!(
            error(&REAL.replace("\"raft_envelope_cutover_index\": 765", "\"raft_envelope_cutover_index\": -2")),
            "encryption: parse sidecar \"enc/keys.json\": json: cannot unmarshal number -2 into Go struct field \
             Sidecar.raft_envelope_cutover_index of type uint64"
        );
        assert_eq!(
            error(&REAL.replace("\"version\": 2", "\"version\": 9")),
            "got version 9, want 1..2 (path=\"enc/keys.json\"): encryption: unsupported sidecar version"
        );
        assert_eq!(
            error(&REAL.replace("\"storage\": 1", "\"storage\": 3")),
            "encryption: validate sidecar \"enc/keys.json\": active.storage=3 not present in keys map: encryption: sidecar \
             active key_id has no entry in keys map"
        );
    }

    #[test]
    fn every_prefix_is_refused_and_no_flipped_bit_panics() {
        for cut in 0..REAL.len() {
            assert!(Sidecar::parse(&REAL.as_bytes()[..cut]).is_err(), "{cut}");
        }
        for bit in 0..REAL.len() * 8 {
            let mut damaged = REAL.as_bytes().to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            // No checksum protects the file: a changed digit is another number.
            let _ = Sidecar::parse(&damaged);
        }
    }
}

//! `MANIFEST.json` of a dump, decoded and judged as the server's tools do it.

use std::fmt;

use crate::formats::go_json::{Decoder, JsonError, Unfit, decode};
use crate::formats::go_time::GoTime;
use crate::types::go_quoted;

/// The Go package of the tools' types, as their texts name it.
const PACKAGE: &str = "backup";
/// The only version.
const VERSION: u64 = 1;
/// Flags that have to be there, in the order in which they are asked for.
const EXCLUSIONS: [&str; 4] =
    ["include_incomplete_uploads", "include_orphans", "preserve_sqs_visibility", "include_sqs_side_records"];

/// What a dump says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DumpManifest {
    /// What made it.
    pub phase: DumpPhase,
    /// What the maker called its version.
    pub elastickv_version: String,
    /// The cluster; empty when it was not named.
    pub cluster_id: String,
    /// Index of the snapshot as the tool read it from the name of its file; 0 for none.
    pub snapshot_index: u64,
    /// Largest commit timestamp.
    pub last_commit_ts: u64,
    /// When it was made.
    pub wall_time: String,
    /// The file that it was made of.
    pub fsm_path: Option<String>,
    /// Timestamp of a dump of a running cluster.
    pub read_ts: Option<u64>,
    /// The adapters that were asked for, by name.
    pub adapters: Vec<DumpAdapter>,
    /// `per-item` or `jsonl`.
    pub dynamodb_layout: String,
}

/// An adapter whose data were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DumpAdapter {
    /// `dynamodb`, `s3`, `redis` or `sqs`.
    pub name: &'static str,
    /// Databases of `redis` that it says it holds; today's tools name none.
    pub databases: Vec<u64>,
}

/// What made a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DumpPhase {
    /// A decoder, from a snapshot.
    #[default]
    Snapshot,
    /// A running cluster.
    Live,
}

impl DumpPhase {
    /// As it stands in the file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Snapshot => "phase0-snapshot-decode",
            Self::Live => "phase1-live-pinned",
        }
    }
}

/// Why the tools refuse a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DumpManifestError {
    /// `ErrInvalidManifest`
    Invalid(String),
    /// `ErrUnsupportedFormatVersion`
    Version(String),
}

/// The tools' text.
impl fmt::Display for DumpManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(what) => write!(f, "{what}: backup: manifest invalid"),
            Self::Version(what) => write!(f, "{what}: backup: manifest format_version unsupported"),
        }
    }
}

impl From<JsonError> for DumpManifestError {
    fn from(error: JsonError) -> Self {
        Self::Invalid(error.to_string())
    }
}

fn invalid<T>(what: impl Into<String>) -> Result<T, DumpManifestError> {
    Err(DumpManifestError::Invalid(what.into()))
}

/// The fields as they stand there.
#[derive(Debug, Default)]
struct Raw {
    manifest: DumpManifest,
    phase: String,
    has_adapters: bool,
    has_exclusions: bool,
    has_source: bool,
    policies: [String; 5],
    key_segment_max_bytes: u64,
    format_version: u64,
}

/// Fields that have to be there and not empty, in the order in which they are asked for; the length of a key stands between the third
/// and the fourth.
const POLICIES: [&str; 5] =
    ["checksum_algorithm", "checksum_format", "encoded_filename_charset", "s3_meta_suffix", "s3_collision_strategy"];

impl DumpManifest {
    /// Decodes and judges a manifest. The first refusal wins.
    pub fn decode(text: &[u8]) -> Result<Self, DumpManifestError> {
        let version = top_level(text, "format_version")?;
        match version {
            None => return invalid("format_version missing"),
            Some(true) => return invalid("format_version is null"),
            Some(false) => {}
        }
        let mut probe = 0;
        decode(text, |json| {
            json.object(PACKAGE, "", &["format_version"], |json, _| {
                json.unsigned(&mut probe, u32::MAX.into(), "uint32");
                Ok(())
            })
        })?;
        match probe {
            0 => return Err(DumpManifestError::Version("format_version is zero".to_owned())),
            VERSION => {}
            newer => {
                let text = format!("format_version {newer} > current {VERSION} (newer producer)");
                return Err(DumpManifestError::Version(text));
            }
        }
        let mut raw = Raw::default();
        decode(text, |json| raw.fill(json))?;
        exclusions(text)?;
        raw.judge()
    }
}

/// Whether a field of exactly that name stands in the outermost object, and whether it is `null`.
fn top_level(text: &[u8], name: &str) -> Result<Option<bool>, DumpManifestError> {
    let mut found = None;
    decode(text, |json| {
        json.entries("map[string]json.RawMessage", |json, key| {
            if key == name {
                found = Some(json.is_null());
            }
            json.skip();
            Ok(())
        })
        .map(|_| ())
    })?;
    Ok(found)
}

/// Every flag has to be said.
fn exclusions(text: &[u8]) -> Result<(), DumpManifestError> {
    let mut found = [None; EXCLUSIONS.len()];
    let mut there = false;
    decode(text, |json| {
        json.entries("map[string]json.RawMessage", |json, key| {
            if key != "exclusions" {
                json.skip();
                return Ok(());
            }
            there = true;
            found = [None; EXCLUSIONS.len()];
            json.entries("map[string]json.RawMessage", |json, key| {
                if let Some(flag) = EXCLUSIONS.iter().position(|flag| *flag == key).and_then(|at| found.get_mut(at)) {
                    *flag = Some(json.is_null());
                }
                json.skip();
                Ok(())
            })
            .map(|_| ())
        })
        .map(|_| ())
    })?;
    for (name, flag) in EXCLUSIONS.iter().zip(found).filter(|_| there) {
        match flag {
            None => return invalid(format!("exclusions.{name} missing (cannot infer producer-side default)")),
            Some(true) => return invalid(format!("exclusions.{name} is null")),
            Some(false) => {}
        }
    }
    Ok(())
}

impl Raw {
    fn fill(&mut self, json: &mut Decoder<'_>) -> Result<(), Unfit> {
        const FIELDS: &[&str] = &[
            "format_version",
            "phase",
            "elastickv_version",
            "cluster_id",
            "snapshot_index",
            "last_commit_ts",
            "wall_time_iso",
            "source",
            "live",
            "adapters",
            "exclusions",
            "checksum_algorithm",
            "checksum_format",
            "encoded_filename_charset",
            "key_segment_max_bytes",
            "s3_meta_suffix",
            "s3_collision_strategy",
            "dynamodb_layout",
        ];
        json.object(PACKAGE, "Manifest", FIELDS, |json, field| {
            match field {
                "format_version" => json.unsigned(&mut self.format_version, u32::MAX.into(), "uint32"),
                "phase" => json.text(&mut self.phase),
                "elastickv_version" => json.text(&mut self.manifest.elastickv_version),
                "cluster_id" => json.text(&mut self.manifest.cluster_id),
                "snapshot_index" => json.unsigned(&mut self.manifest.snapshot_index, u64::MAX, "uint64"),
                "last_commit_ts" => json.unsigned(&mut self.manifest.last_commit_ts, u64::MAX, "uint64"),
                "wall_time_iso" => json.text(&mut self.manifest.wall_time),
                "source" => self.fill_source(json)?,
                "live" => self.fill_live(json)?,
                "adapters" => self.fill_adapters(json)?,
                "exclusions" => self.fill_exclusions(json)?,
                "key_segment_max_bytes" => json.unsigned(&mut self.key_segment_max_bytes, u32::MAX.into(), "uint32"),
                "dynamodb_layout" => json.text(&mut self.manifest.dynamodb_layout),
                policy => match POLICIES.iter().position(|name| *name == policy).and_then(|at| self.policies.get_mut(at)) {
                    Some(text) => json.text(text),
                    None => json.skip(),
                },
            }
            Ok(())
        })
    }

    fn fill_source(&mut self, json: &mut Decoder<'_>) -> Result<(), Unfit> {
        self.has_source = !json.is_null();
        let mut path = self.manifest.fsm_path.take().unwrap_or_default();
        let mut crc = String::new();
        json.object(PACKAGE, "Source", &["fsm_path", "fsm_crc32c"], |json, field| {
            json.text(if field == "fsm_path" { &mut path } else { &mut crc });
            Ok(())
        })?;
        self.manifest.fsm_path = self.has_source.then_some(path);
        Ok(())
    }

    fn fill_live(&mut self, json: &mut Decoder<'_>) -> Result<(), Unfit> {
        let there = !json.is_null();
        let (mut read_ts, mut token) = (self.manifest.read_ts.unwrap_or_default(), String::new());
        json.object(PACKAGE, "Live", &["read_ts", "pin_token_sha256"], |json, field| {
            if field == "read_ts" {
                json.unsigned(&mut read_ts, u64::MAX, "uint64");
            } else {
                json.text(&mut token);
            }
            Ok(())
        })?;
        self.manifest.read_ts = there.then_some(read_ts);
        Ok(())
    }

    fn fill_adapters(&mut self, json: &mut Decoder<'_>) -> Result<(), Unfit> {
        const ADAPTERS: &[&str] = &["dynamodb", "s3", "redis", "sqs"];
        self.has_adapters = !json.is_null();
        let adapters = &mut self.manifest.adapters;
        if !self.has_adapters {
            adapters.clear();
        }
        json.object(PACKAGE, "Adapters", ADAPTERS, |json, name| {
            if json.is_null() {
                adapters.retain(|adapter| adapter.name != name);
                json.skip();
                return Ok(());
            }
            let mut adapter = DumpAdapter { name, databases: Vec::new() };
            json.object(PACKAGE, "Adapter", &["tables", "buckets", "databases", "queues"], |json, field| {
                if field != "databases" {
                    let mut texts = Vec::new();
                    json.texts(&mut texts);
                    return Ok(());
                }
                adapter.databases.clear();
                json.list("[]uint32", |json| {
                    let mut database = 0;
                    json.unsigned(&mut database, u32::MAX.into(), "uint32");
                    adapter.databases.push(database);
                    Ok(())
                })
            })?;
            adapters.retain(|other| other.name != name);
            adapters.push(adapter);
            Ok(())
        })
    }

    fn fill_exclusions(&mut self, json: &mut Decoder<'_>) -> Result<(), Unfit> {
        const FLAGS: &[&str] = &[
            "include_incomplete_uploads",
            "include_orphans",
            "preserve_sqs_visibility",
            "include_sqs_side_records",
            "rename_s3_collisions",
        ];
        self.has_exclusions = !json.is_null();
        json.object(PACKAGE, "Exclusions", FLAGS, |json, _| {
            let mut flag = false;
            json.truth(&mut flag);
            Ok(())
        })
    }

    fn judge(mut self) -> Result<DumpManifest, DumpManifestError> {
        let manifest = &mut self.manifest;
        manifest.phase = match self.phase.as_str() {
            "phase0-snapshot-decode" => DumpPhase::Snapshot,
            "phase1-live-pinned" => DumpPhase::Live,
            other => return invalid(format!("unknown phase {}", go_quoted(other.as_bytes()))),
        };
        if manifest.wall_time.is_empty() {
            return invalid("wall_time_iso missing");
        }
        if let Err(error) = GoTime::parse_rfc3339(manifest.wall_time.as_bytes()) {
            return invalid(format!("wall_time_iso unparseable: {error}"));
        }
        if !self.has_adapters {
            return invalid("adapters section missing");
        }
        if !self.has_exclusions {
            return invalid("exclusions section missing");
        }
        for (at, (name, text)) in POLICIES.iter().zip(&self.policies).enumerate() {
            if at == 3 && self.key_segment_max_bytes == 0 {
                return invalid("key_segment_max_bytes is zero");
            }
            if text.is_empty() {
                return invalid(format!("{name} missing"));
            }
        }
        if !matches!(manifest.dynamodb_layout.as_str(), "per-item" | "jsonl") {
            return invalid(format!("dynamodb_layout {} unsupported", go_quoted(manifest.dynamodb_layout.as_bytes())));
        }
        match (manifest.phase, manifest.read_ts) {
            (DumpPhase::Snapshot, Some(_)) => invalid("phase0 must not set live"),
            (DumpPhase::Live, _) if self.has_source => invalid("phase1 must not set source"),
            (DumpPhase::Live, None) => invalid("phase1 must set live"),
            (DumpPhase::Live, Some(0)) => invalid("phase1 live.read_ts must be non-zero"),
            _ => Ok(self.manifest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the server's decoder wrote it.
    const REAL: &str = r#"{
  "format_version": 1,
  "phase": "phase0-snapshot-decode",
  "elastickv_version": "dev",
  "cluster_id": "demo",
  "snapshot_index": 701,
  "last_commit_ts": 117651895596613796,
  "wall_time_iso": "2026-11-26T11:21:04.530705622Z",
  "source": {
    "fsm_path": "701.fsm"
  },
  "adapters": {
    "dynamodb": {},
    "s3": {},
    "redis": {},
    "sqs": {}
  },
  "exclusions": {
    "include_incomplete_uploads": false,
    "include_orphans": false,
    "preserve_sqs_visibility": false,
    "include_sqs_side_records": false
  },
  "checksum_algorithm": "sha256",
  "checksum_format": "sha256sum",
  "encoded_filename_charset": "rfc3986-unreserved-plus-percent",
  "key_segment_max_bytes": 240,
  "s3_meta_suffix": ".elastickv-meta.json",
  "s3_collision_strategy": "leaf-data-suffix",
  "dynamodb_layout": "per-item"
}
"#;

    #[test]
    fn a_real_manifest() {
        let manifest = DumpManifest::decode(REAL.as_bytes()).unwrap();
        assert_eq!((manifest.phase, manifest.snapshot_index, manifest.cluster_id.as_str()), (DumpPhase::Snapshot, 701, "demo"));
        assert_eq!((manifest.fsm_path.as_deref(), manifest.adapters.len()), (Some("701.fsm"), 4));
        let more = REAL.replace("\"redis\": {}", "\"redis\": {\"databases\": [0, 3]}").replace("\"sqs\": {}", "\"sqs\": null");
        let adapters = DumpManifest::decode(more.as_bytes()).unwrap().adapters;
        assert!(adapters.contains(&DumpAdapter { name: "redis", databases: vec![0, 3] }) && adapters.len() == 3);
    }

    #[test]
    fn refusals_are_those_of_the_tools() {
        let refusal = |from: &str, to: &str| {
            assert!(REAL.contains(from), "{from}");
            DumpManifest::decode(REAL.replace(from, to).as_bytes()).unwrap_err().to_string()
        };
        for (from, to, text) in [
            ("\"format_version\": 1,", "", "format_version missing: backup: manifest invalid"),
            ("\"format_version\": 1,", "\"format_version\": null,", "format_version is null: backup: manifest invalid"),
            (
                "\"format_version\": 1",
                "\"format_version\": 0",
                "format_version is zero: backup: manifest format_version unsupported",
            ),
            (
                "\"format_version\": 1",
                "\"format_version\": 2",
                "format_version 2 > current 1 (newer producer): backup: manifest format_version unsupported",
            ),
            ("phase0-snapshot-decode", "x", "unknown phase \"x\": backup: manifest invalid"),
            ("2026-11-26T11:21:04.530705622Z", "", "wall_time_iso missing: backup: manifest invalid"),
            ("\"adapters\": {", "\"others\": {", "adapters section missing: backup: manifest invalid"),
            ("\"exclusions\": {", "\"others\": {", "exclusions section missing: backup: manifest invalid"),
            (
                "    \"include_orphans\": false,\n",
                "",
                "exclusions.include_orphans missing (cannot infer producer-side default): backup: manifest invalid",
            ),
            (
                "\"include_orphans\": false",
                "\"include_orphans\": null",
                "exclusions.include_orphans is null: backup: manifest invalid",
            ),
            ("\"sha256\"", "\"\"", "checksum_algorithm missing: backup: manifest invalid"),
            ("240", "0", "key_segment_max_bytes is zero: backup: manifest invalid"),
            (".elastickv-meta.json", "", "s3_meta_suffix missing: backup: manifest invalid"),
            ("per-item", "x", "dynamodb_layout \"x\" unsupported: backup: manifest invalid"),
            ("\"source\"", "\"live\": {\"read_ts\": 1}, \"source\"", "phase0 must not set live: backup: manifest invalid"),
            ("phase0-snapshot-decode", "phase1-live-pinned", "phase1 must not set source: backup: manifest invalid"),
            ("\n}\n", "\n}\nx", "invalid character 'x' after top-level value: backup: manifest invalid"),
        ] {
            assert_eq!(refusal(from, to), text, "{from} -> {to}");
        }
        let live = REAL.replace("phase0-snapshot-decode", "phase1-live-pinned").replace("\"source\"", "\"sauce\"");
        let error = |text: &str| DumpManifest::decode(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(error(&live), "phase1 must set live: backup: manifest invalid");
        let zero = live.replace("\"sauce\"", "\"live\": {}, \"sauce\"");
        assert_eq!(error(&zero), "phase1 live.read_ts must be non-zero: backup: manifest invalid");
        assert!(DumpManifest::decode(zero.replace("{}, \"sauce\"", "{\"read_ts\": 7}, \"sauce\"").as_bytes()).is_ok());
    }

    #[test]
    fn every_prefix_is_refused_and_no_flip_panics() {
        for cut in 0..REAL.trim_end().len() {
            assert!(matches!(DumpManifest::decode(&REAL.as_bytes()[..cut]), Err(DumpManifestError::Invalid(_))), "{cut}");
        }
        for bit in 0..REAL.len() * 8 {
            let mut flipped = REAL.as_bytes().to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = DumpManifest::decode(&flipped);
        }
    }
}

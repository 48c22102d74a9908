//! The manifest of one offloaded snapshot.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::key::{cleaned_key, payload_key};
use super::refusal::{MAX_MANIFEST_LEN, ManifestRefusal};
use crate::formats::go_json::{Decoder, Numbers, Unfit, decode, quote};
use crate::formats::go_time::GoTime;
use crate::formats::raftpb::ConfState;
use crate::types::{Crc32c, LogIndex, NodeId, Sha256Sum, Term};

/// The Go package of the server's types, as its texts name it.
const PACKAGE: &str = "snapshotoffload";
/// The only version.
const SCHEMA_VERSION: i64 = 1;

/// A manifest that the server accepts, but for its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// When the snapshot was published.
    pub created_at: GoTime,
    /// The cluster; empty when it was not named.
    pub source_cluster: String,
    /// The Raft group.
    pub group_id: u64,
    /// Last entry that the snapshot covers.
    pub snapshot_index: LogIndex,
    /// Its term.
    pub snapshot_term: Term,
    /// The members at that entry.
    pub conf_state: ConfState,
    /// The payload.
    pub payload: PayloadDescriptor,
    /// What the publisher called its version; empty when it said nothing.
    pub binary_version: String,
    /// The key it was published under.
    pub manifest_key: String,
    /// Its digest.
    pub manifest_sha256: Sha256Sum,
    /// A list of members is written out although it is empty, as the publisher never does. It says the same, and a publisher that
    /// compares takes it for another value.
    pub lists_nobody: bool,
}

/// What a manifest says about its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadDescriptor {
    /// The key of the object, prefix included.
    pub key: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its digest.
    pub sha256: Sha256Sum,
    /// The checksum in the footer of the file it was taken from; 0 when there was none.
    pub source_crc32c: Crc32c,
}

/// The fields as they stand there, before anything is judged.
#[derive(Debug, Default)]
struct Raw {
    schema_version: i64,
    created_at: GoTime,
    source_cluster: String,
    group_id: u64,
    snapshot_index: u64,
    snapshot_term: u64,
    members: Members,
    payload_key: String,
    payload_bytes: i64,
    payload_sha256: String,
    source_crc32c: u64,
    binary_version: String,
    manifest_key: String,
    manifest_sha256: String,
}

#[derive(Debug, Default)]
struct Members {
    voters: Numbers,
    learners: Numbers,
    voters_outgoing: Numbers,
    learners_next: Numbers,
    auto_leave: bool,
}

impl Manifest {
    /// Decodes and judges a manifest as the server does before it compares the place. The first refusal wins.
    pub fn decode(text: &[u8]) -> Result<Self, ManifestRefusal> {
        if text.len() as u64 > MAX_MANIFEST_LEN {
            return Err(ManifestRefusal::TooLarge);
        }
        let mut raw = Raw::default();
        decode(text, |json| raw.fill(json)).map_err(ManifestRefusal::Json)?;
        raw.judge()
    }

    /// The text that the server writes for it: with its digest and a final newline.
    pub fn canonical(&self) -> String {
        // A manifest that was accepted could be written.
        let time = self.created_at.to_rfc3339().unwrap_or_default();
        format!("{}\n", self.write(&time, Some(self.manifest_sha256)))
    }

    /// Why the server would refuse to write it, if it would. Its own digest is not asked for.
    pub fn refusal(&self) -> Option<ManifestRefusal> {
        let time = self.created_at.to_rfc3339().unwrap_or_default();
        match Self::decode(self.write(&time, Some(self.manifest_sha256)).as_bytes()) {
            Ok(_) | Err(ManifestRefusal::Digest { .. }) => None,
            Err(refusal) => Some(refusal),
        }
    }

    /// True when both say the same of everything but the time of their making.
    pub fn is_same_snapshot(&self, other: &Self) -> bool {
        let Self { created_at, manifest_sha256, lists_nobody, .. } = other.clone();
        Self { created_at, manifest_sha256, lists_nobody, ..self.clone() } == *other
    }

    /// The key that its payload has when the server chose it; `prefix` ends in a slash or is empty.
    pub fn usual_payload_key(&self, prefix: &str) -> String {
        payload_key(prefix, self.payload.sha256)
    }

    /// True when `key` is the object that the manifest says it is.
    pub fn is_at(&self, key: &str) -> bool {
        cleaned_key(key) == cleaned_key(&self.manifest_key)
    }

    fn write(&self, time: &str, digest: Option<Sha256Sum>) -> String {
        let mut json = Writer { out: String::from("{"), depth: 1, first: true };
        json.field("schema_version", &SCHEMA_VERSION.to_string());
        json.field("created_at", &quote(time));
        json.text_if("source_cluster", &self.source_cluster);
        json.field("group_id", &self.group_id.to_string());
        json.field("snapshot_index", &self.snapshot_index.to_string());
        json.field("snapshot_term", &self.snapshot_term.to_string());
        json.open("conf_state");
        for (name, ids) in lists(&self.conf_state) {
            json.numbers_if(name, ids);
        }
        if self.conf_state.auto_leave {
            json.field("auto_leave", "true");
        }
        json.close();
        json.open("payload");
        json.field("key", &quote(&self.payload.key));
        json.field("bytes", &self.payload.bytes.to_string());
        json.field("sha256", &quote(&self.payload.sha256.to_string()));
        json.field("source_crc32c", &self.payload.source_crc32c.0.to_string());
        json.close();
        json.text_if("binary_version", &self.binary_version);
        json.field("manifest_key", &quote(&self.manifest_key));
        if let Some(digest) = digest {
            json.field("manifest_sha256", &quote(&digest.to_string()));
        }
        json.close();
        json.out
    }
}

/// The lists of members in the order in which the server writes and judges them.
fn lists(members: &ConfState) -> [(&'static str, &[NodeId]); 4] {
    [
        ("voters", &members.voters),
        ("learners", &members.learners),
        ("voters_outgoing", &members.voters_outgoing),
        ("learners_next", &members.learners_next),
    ]
}

/// Indented by two blanks; an object without fields is `{}`.
struct Writer {
    out: String,
    depth: usize,
    first: bool,
}

impl Writer {
    fn name(&mut self, name: &str) {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
        self.line();
        // Writing to a string cannot fail.
        let _ = write!(self.out, "\"{name}\": ");
    }

    fn line(&mut self) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n("  ", self.depth));
    }

    fn field(&mut self, name: &str, value: &str) {
        self.name(name);
        self.out.push_str(value);
    }

    fn text_if(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.field(name, &quote(text));
        }
    }

    fn numbers_if(&mut self, name: &str, ids: &[NodeId]) {
        if ids.is_empty() {
            return;
        }
        self.field(name, "[");
        self.depth += 1;
        for (number, id) in ids.iter().enumerate() {
            if number > 0 {
                self.out.push(',');
            }
            self.line();
            let _ = write!(self.out, "{}", id.0);
        }
        self.depth -= 1;
        self.line();
        self.out.push(']');
    }

    fn open(&mut self, name: &str) {
        self.field(name, "{");
        self.depth += 1;
        self.first = true;
    }

    fn close(&mut self) {
        self.depth -= 1;
        if !self.first {
            self.line();
        }
        self.out.push('}');
        self.first = false;
    }
}

impl Raw {
    fn fill(&mut self, json: &mut Decoder<'_>) -> Result<(), Unfit> {
        const FIELDS: &[&str] = &[
            "schema_version",
            "created_at",
            "source_cluster",
            "group_id",
            "snapshot_index",
            "snapshot_term",
            "conf_state",
            "payload",
            "binary_version",
            "manifest_key",
            "manifest_sha256",
        ];
        json.object(PACKAGE, "Manifest", FIELDS, |json, field| {
            match field {
                "schema_version" => json.signed(&mut self.schema_version, "int"),
                "created_at" => json.time(&mut self.created_at)?,
                "source_cluster" => json.text(&mut self.source_cluster),
                "group_id" => json.unsigned(&mut self.group_id, u64::MAX, "uint64"),
                "snapshot_index" => json.unsigned(&mut self.snapshot_index, u64::MAX, "uint64"),
                "snapshot_term" => json.unsigned(&mut self.snapshot_term, u64::MAX, "uint64"),
                "conf_state" => self.members.fill(json)?,
                "payload" => self.fill_payload(json)?,
                "binary_version" => json.text(&mut self.binary_version),
                "manifest_key" => json.text(&mut self.manifest_key),
                _ => json.text(&mut self.manifest_sha256),
            }
            Ok(())
        })
    }

    fn fill_payload(&mut self, json: &mut Decoder<'_>) -> Result<(), Unfit> {
        const FIELDS: &[&str] = &["key", "bytes", "sha256", "source_crc32c"];
        json.object(PACKAGE, "PayloadDescriptor", FIELDS, |json, field| {
            match field {
                "key" => json.text(&mut self.payload_key),
                "bytes" => json.signed(&mut self.payload_bytes, "int64"),
                "sha256" => json.text(&mut self.payload_sha256),
                _ => json.unsigned(&mut self.source_crc32c, u32::MAX.into(), "uint32"),
            }
            Ok(())
        })
    }

    fn judge(self) -> Result<Manifest, ManifestRefusal> {
        type Refusal = ManifestRefusal;
        if self.schema_version != SCHEMA_VERSION {
            return Err(Refusal::SchemaVersion(self.schema_version));
        }
        if self.group_id == 0 && self.source_cluster.trim().is_empty() {
            return Err(Refusal::ClusterMissing);
        }
        if self.snapshot_index == 0 {
            return Err(Refusal::IndexZero);
        }
        if self.snapshot_term == 0 {
            return Err(Refusal::TermZero);
        }
        if self.payload_key.is_empty() {
            return Err(Refusal::PayloadKeyMissing);
        }
        let bytes = u64::try_from(self.payload_bytes).map_err(|_| Refusal::PayloadBytesNegative)?;
        let sha256 = Sha256Sum::parse(&self.payload_sha256).ok_or(Refusal::PayloadDigestText)?;
        if self.manifest_key.trim().is_empty() {
            return Err(Refusal::KeyMissing);
        }
        let conf_state = self.members.judge()?;
        let Members { voters, learners, voters_outgoing, learners_next, .. } = &self.members;
        let lists_nobody = [voters, learners, voters_outgoing, learners_next].iter().any(|list| list.is_written_empty());
        let stated = Sha256Sum::parse(&self.manifest_sha256).ok_or(Refusal::DigestText)?;
        let source_crc32c = Crc32c(u32::try_from(self.source_crc32c).unwrap_or_default());
        let manifest = Manifest {
            created_at: self.created_at,
            source_cluster: self.source_cluster,
            group_id: self.group_id,
            snapshot_index: LogIndex(self.snapshot_index),
            snapshot_term: Term(self.snapshot_term),
            conf_state,
            payload: PayloadDescriptor { key: self.payload_key, bytes, sha256, source_crc32c },
            binary_version: self.binary_version,
            manifest_key: self.manifest_key,
            manifest_sha256: stated,
            lists_nobody,
        };
        let time = manifest.created_at.to_rfc3339().map_err(Refusal::Unwritable)?;
        let computed = Sha256Sum::of(manifest.write(&time, None).as_bytes());
        if computed == stated { Ok(manifest) } else { Err(Refusal::Digest { stated, computed }) }
    }
}

impl Members {
    fn fill(&mut self, json: &mut Decoder<'_>) -> Result<(), Unfit> {
        const FIELDS: &[&str] = &["voters", "learners", "voters_outgoing", "learners_next", "auto_leave"];
        json.object(PACKAGE, "ManifestConfState", FIELDS, |json, field| {
            match field {
                "voters" => json.numbers(&mut self.voters),
                "learners" => json.numbers(&mut self.learners),
                "voters_outgoing" => json.numbers(&mut self.voters_outgoing),
                "learners_next" => json.numbers(&mut self.learners_next),
                _ => json.truth(&mut self.auto_leave),
            }
            Ok(())
        })
    }

    fn judge(&self) -> Result<ConfState, ManifestRefusal> {
        let ids = |numbers: &Numbers| numbers.get().iter().copied().map(NodeId).collect::<Vec<_>>();
        let members = ConfState {
            voters: ids(&self.voters),
            learners: ids(&self.learners),
            voters_outgoing: ids(&self.voters_outgoing),
            learners_next: ids(&self.learners_next),
            auto_leave: self.auto_leave,
            unknown_fields: false,
        };
        if members.voters.is_empty() {
            return Err(ManifestRefusal::NoVoters);
        }
        for (list, ids) in lists(&members) {
            let mut seen = HashSet::with_capacity(ids.len());
            for id in ids {
                if id.0 == 0 {
                    return Err(ManifestRefusal::ZeroMember { list });
                }
                if !seen.insert(id) {
                    return Err(ManifestRefusal::DuplicateMember { list, id: id.0 });
                }
            }
        }
        let set = |ids: &[NodeId]| ids.iter().copied().collect::<HashSet<_>>();
        let (learners, outgoing, next) = (set(&members.learners), set(&members.voters_outgoing), set(&members.learners_next));
        let twice = |id: &NodeId, first, second| Err(ManifestRefusal::TwoRoles { id: id.0, first, second });
        for id in &members.voters {
            if learners.contains(id) {
                return twice(id, "voters", "learners");
            }
            if next.contains(id) {
                return twice(id, "voters", "learners_next");
            }
        }
        for id in &members.learners {
            if outgoing.contains(id) {
                return twice(id, "learners", "voters_outgoing");
            }
            if next.contains(id) {
                return twice(id, "learners", "learners_next");
            }
        }
        if let Some(id) = members.learners_next.iter().find(|id| !outgoing.contains(id)) {
            return Err(ManifestRefusal::NotOutgoing(id.0));
        }
        if members.auto_leave && members.voters_outgoing.is_empty() {
            return Err(ManifestRefusal::AutoLeave);
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the server's own program wrote it.
    const REAL: &str = r#"{
  "schema_version": 1,
  "created_at": "2026-11-26T11:22:30.743675448Z",
  "source_cluster": "demo",
  "group_id": 64,
  "snapshot_index": 10,
  "snapshot_term": 2,
  "conf_state": {
    "voters": [
      626980046172116160
    ]
  },
  "payload": {
    "key": "prod/east/v1/payloads/sha256/0f/0fe327b2237661b5f72c6ce45c0c5a7194bc9c8c85d6c8ebc96e6dfdf06c50a7.fsm",
    "bytes": 367,
    "sha256": "0fe327b2237661b5f72c6ce45c0c5a7194bc9c8c85d6c8ebc96e6dfdf06c50a7",
    "source_crc32c": 0
  },
  "manifest_key": "prod/east/v1/groups/64/snapshots/00000000000000000010-00000000000000000002.json",
  "manifest_sha256": "eca13ff354185b355924498339b2649d6e63146adb148435e16be28245a17a3e"
}
"#;

    fn refusal(text: &str) -> String {
        Manifest::decode(text.as_bytes()).unwrap_err().to_string()
    }

    /// The manifest with the digest that it should have.
    fn sealed(text: &str) -> String {
        match Manifest::decode(text.as_bytes()) {
            Err(ManifestRefusal::Digest { stated, computed }) => text.replace(&stated.to_string(), &computed.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_real_manifest_is_read_and_written_again() {
        let manifest = Manifest::decode(REAL.as_bytes()).unwrap();
        assert_eq!((manifest.group_id, manifest.snapshot_index, manifest.snapshot_term), (64, LogIndex(10), Term(2)));
        assert_eq!(manifest.conf_state.voters, [NodeId::of_raft_id("n1")]);
        assert_eq!(manifest.canonical(), REAL);
        assert_eq!(manifest.usual_payload_key("prod/east/"), manifest.payload.key);
        assert!(manifest.is_at(&format!("/{}", manifest.manifest_key)) && !manifest.is_at("x.json"));
    }

    #[test]
    fn every_field_is_written_as_the_server_does() {
        let text = REAL
            .replace("\"demo\"", "\"<d&\u{e9}\u{2028}\\u0007>\"")
            .replace(
                "      626980046172116160\n    ]",
                "      1,\n      2\n    ],\n    \"voters_outgoing\": [3], \"learners_next\": [3], \"auto_leave\": true",
            )
            .replace("  \"manifest_key\"", "  \"binary_version\": \"v1\", \"manifest_key\"");
        let manifest = Manifest::decode(sealed(&text).as_bytes()).unwrap();
        let written = manifest.canonical();
        assert!(written.contains("\"\\u003cd\\u0026\u{e9}\\u2028\\u0007\\u003e\""), "{written}");
        let members = "\"conf_state\": {\n    \"voters\": [\n      1,\n      2\n    ],\n    \"voters_outgoing\": [\n      3\n    ],\n    \
                       \"learners_next\": [\n      3\n    ],\n    \"auto_leave\": true\n  },\n";
        assert!(written.contains(members), "{written}");
        assert_eq!(Manifest::decode(written.as_bytes()).unwrap(), manifest);
    }

    #[test]
    fn what_is_written_otherwise_is_the_same_manifest() {
        let compact: String = REAL.split_whitespace().collect();
        for same in [
            compact.as_str(),
            REAL.trim_end(),
            &REAL.replace("group_id", "GROUP_ID"),
            &REAL.replace("prod/east", "prod\\/east"),
            &REAL.replace("448Z", "448+00:00"),
            &REAL.replace("448Z", "4480Z"),
            &REAL.replace(
                "  \"group_id\": 64,",
                "  \"group_id\": 1, \"group_id\": null, \"more\": {\"group_id\": 3}, \"group_id\": 64,",
            ),
            &REAL.replace("16160\n    ]", "16160\n    ], \"learners\": [], \"auto_leave\": false"),
        ] {
            assert_eq!(Manifest::decode(same.as_bytes()).unwrap().canonical(), REAL, "{same}");
        }
    }

    #[test]
    fn refusals_in_the_servers_order() {
        assert_eq!(refusal(""), "unexpected end of JSON input");
        assert_eq!(refusal("null"), "unsupported manifest schema version 0");
        let schema = r#"{"schema_version": 1"#;
        assert_eq!(refusal(&format!("{schema}}}")), "source cluster is required for group 0 manifests");
        let group = format!(r#"{schema}, "group_id": 7"#);
        assert_eq!(refusal(&format!("{group}}}")), "snapshot index must be > 0");
        let index = format!(r#"{group}, "snapshot_index": 1"#);
        assert_eq!(refusal(&format!("{index}}}")), "snapshot term must be > 0");
        let term = format!(r#"{index}, "snapshot_term": 1"#);
        assert_eq!(refusal(&format!("{term}}}")), "payload key is required");
        let digest = "0".repeat(64);
        let bytes = |bytes: i64, sum: &str| format!(r#"{term}, "payload": {{"key": "k", "bytes": {bytes}, "sha256": "{sum}"}}"#);
        assert_eq!(refusal(&format!("{}}}", bytes(-1, &digest))), "payload byte count must be >= 0");
        assert_eq!(refusal(&format!("{}}}", bytes(0, "0"))), "payload sha256 must be 64 lowercase hex characters");
        let payload = bytes(0, &digest);
        assert_eq!(refusal(&format!("{payload}}}")), "manifest key is required");
        let key = format!(r#"{payload}, "manifest_key": "k""#);
        assert_eq!(refusal(&format!("{key}}}")), "manifest ConfState requires voters");
        let with = |members: &str| refusal(&format!(r#"{key}, "conf_state": {{{members}}}}}"#));
        assert_eq!(with(r#""voters": [1], "learners": [2, 0]"#), "conf_state.learners contains zero");
        assert_eq!(with(r#""voters": [1, 2, 1], "learners": [0]"#), "conf_state.voters contains duplicate node 1");
        assert_eq!(with(r#""voters": [1, 2], "learners": [2]"#), "node 2 appears in conf_state.voters and conf_state.learners");
        let next = r#""voters": [1], "voters_outgoing": [1], "learners_next": [3]"#;
        assert_eq!(with(next), "conf_state.learners_next node 3 is not an outgoing voter");
        assert_eq!(with(r#""voters": [1], "auto_leave": true"#), "conf_state.auto_leave requires joint consensus");
        assert_eq!(with(r#""voters": [1], "voters_outgoing": [1]"#), "manifest sha256 must be 64 lowercase hex characters");
        let large = format!("{REAL}{}", " ".repeat((1 << 20) - REAL.len()));
        assert!(Manifest::decode(large.as_bytes()).is_ok());
        assert_eq!(refusal(&format!("{large} ")), "manifest exceeds 1048576 bytes");
        let zone = REAL.replace("448Z", "448+24:00");
        assert_eq!(
            refusal(&zone),
            "json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: timezone hour outside of range [0,23]"
        );
    }

    #[test]
    fn every_prefix_is_refused_and_no_flipped_bit_is_accepted_as_another_manifest() {
        let end = REAL.trim_end().len();
        for cut in 0..end {
            assert!(matches!(Manifest::decode(&REAL.as_bytes()[..cut]), Err(ManifestRefusal::Json(_))), "{cut}");
        }
        let manifest = Manifest::decode(REAL.as_bytes()).unwrap();
        for bit in 0..REAL.len() * 8 {
            let mut damaged = REAL.as_bytes().to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            // A name in another case, another kind of blank: the same manifest.
            if let Ok(read) = Manifest::decode(&damaged) {
                assert_eq!(read, manifest, "bit {bit}");
            }
        }
    }
}

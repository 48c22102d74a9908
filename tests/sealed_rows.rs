//! Sealed rows of snapshot payloads: opened by `verify-snapshot --deep` and `snapshot stat`, compared in clear text by
//! `snapshot diff`, in streams of rows and in bundles of tables.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::formats::fsm::FsmHeader;
use ekv_tool::ops::{CheckOptions, VerifySnapshotOptions, check, snapshot, store_diff, verify_snapshot};
use ekv_tool::readers::Depth;
use ekv_tool::readers::Local;
use ekv_tool::readers::keys::Opener;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::keys::{base64, kek_copy};
use crate::support::recorded::{fresh, real};
use crate::support::store_writer::StoreWriter;
use crate::support::table_writer::{Options, SET, TableWriter};
use crate::support::tree::copy_tree;

/// Length of a row's header, and of an envelope's.
const HEADERS: (usize, usize) = (9, 18);
/// Sealed rows of the recorded payload.
const SEALED: u64 = 681;

/// The rows of a payload, with what stands around them.
struct Rows {
    /// Clock header, magic and commit timestamp.
    front: Vec<u8>,
    rows: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Rows {
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let body = &bytes[..bytes.len() - 4];
        let front = usize::try_from(FsmHeader::decode(body).unwrap().len).unwrap() + 16;
        let (mut rows, mut at) = (Vec::new(), front);
        let mut field = || {
            let len = usize::try_from(u64::from_le_bytes(body.get(at..at + 8)?.try_into().unwrap())).unwrap();
            at += 8 + len;
            Some(body[at - len..at].to_vec())
        };
        while let (Some(key), Some(value)) = (field(), field()) {
            rows.push((key, value));
        }
        Self { front: body[..front].to_vec(), rows }
    }

    fn is_sealed(value: &[u8]) -> bool {
        value.first() == Some(&2)
    }

    /// A payload file of these rows.
    fn write(&self, to: &Path) {
        let mut bytes = self.front.clone();
        for field in self.rows.iter().flat_map(|(key, value)| [key, value]) {
            bytes.extend((field.len() as u64).to_le_bytes());
            bytes.extend(field);
        }
        finish(bytes, to);
    }

    /// The same rows in two tables behind a manifest.
    fn write_bundle(&self, to: &Path, entry_count: usize) {
        let header = self.front.len() - 16;
        let (mut tables, mut files) = (Vec::new(), Vec::new());
        for (number, rows) in self.rows.chunks(self.rows.len().div_ceil(2)).enumerate() {
            let mut table = TableWriter::new(Vec::new(), Options::default());
            for (key, value) in rows {
                table.point(key, 0, SET, value).unwrap();
            }
            let (table, _) = table.finish().unwrap();
            let hex = Sha256::digest(&table).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
            let [smallest, largest] = [&rows[0].0, &rows[rows.len() - 1].0].map(|key| base64(key));
            let (name, size) = (format!("{number:06}.sst"), table.len());
            files.push(json!({"name": name, "size": size, "sha256": hex, "smallest": smallest, "largest": largest}));
            tables.extend(table);
        }
        let last_commit = u64::from_le_bytes(self.front[header + 8..].try_into().unwrap());
        let manifest = json!({"version": 1, "last_commit_ts": last_commit, "min_retained_ts": 0, "pending_min_retained_ts": 0,
            "applied_index": 601, "entry_count": entry_count, "uncompressed_bytes": 0, "total_file_bytes": tables.len(),
            "files": files})
        .to_string();
        let len = (manifest.len() as u64).to_be_bytes();
        let body = [&self.front[..header], b"EKVSSTI1", &len, &Sha256::digest(manifest.as_bytes()), manifest.as_bytes(), &tables];
        finish(body.concat(), to);
    }
}

fn finish(mut bytes: Vec<u8>, to: &Path) {
    let crc = crc32c::crc32c(&bytes);
    bytes.extend(crc.to_be_bytes());
    fs::write(to, bytes).unwrap();
}

/// The recorded node, its keys, and a directory for what is made of it.
struct Scene {
    keep: tempfile::TempDir,
    opener: Arc<Opener>,
    dek: Aes256Gcm,
    payload: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let folder = real().root.join("enc-M");
        let keep = tempfile::tempdir().unwrap();
        let kek = kek_copy(&folder.join("kek.bin"), &keep);
        let opener = Arc::new(Opener::read(&folder.join("encryption/keys.json"), &kek, false, &Local).unwrap());
        let keys: Value = serde_json::from_slice(&fs::read(folder.join("deks.json")).unwrap()).unwrap();
        let hex = keys["storage"].as_str().unwrap();
        let key: Vec<_> = (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
        let dek = Aes256Gcm::new_from_slice(&key).unwrap();
        Self { keep, opener, dek, payload: folder.join("data/n1/fsm-snap/0000000000000259.fsm") }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.keep.path().join(name)
    }

    /// The additional data of a row's envelope.
    fn aad(key: &[u8], value: &[u8]) -> Vec<u8> {
        [&value[HEADERS.0..HEADERS.0 + 6], &value[..HEADERS.0], key].concat()
    }

    fn open(&self, key: &[u8], value: &[u8]) -> Vec<u8> {
        let envelope = &value[HEADERS.0..];
        let aad = Self::aad(key, value);
        let sealed = Payload { msg: &envelope[HEADERS.1..], aad: &aad };
        self.dek.decrypt(Nonce::from_slice(&envelope[6..18]), sealed).unwrap()
    }

    /// The value of a row as another node would have sealed it.
    fn sealed_anew(&self, key: &[u8], value: &[u8], node: u8) -> Vec<u8> {
        self.seal(key, value, &self.open(key, value), node)
    }

    /// What a row holds instead, as that node would have sealed it.
    fn seal(&self, key: &[u8], value: &[u8], clear: &[u8], node: u8) -> Vec<u8> {
        let mut anew = value[..HEADERS.0 + HEADERS.1].to_vec();
        anew[HEADERS.0 + 6] = node;
        let aad = Self::aad(key, &anew);
        let nonce: Vec<u8> = anew[HEADERS.0 + 6..].to_vec();
        anew.extend(self.dek.encrypt(Nonce::from_slice(&nonce), Payload { msg: clear, aad: &aad }).unwrap());
        anew
    }

    fn deep(&self, path: &Path) -> ekv_tool::report::Report<ekv_tool::report::body::snapshot::SnapshotBody> {
        let options = VerifySnapshotOptions { depth: Depth::Deep, opener: Some(Arc::clone(&self.opener)), ..Default::default() };
        verify_snapshot(&[path.to_owned()], &options, &Run::local()).unwrap()
    }
}

#[test]
fn every_sealed_row_of_a_payload_opens_in_rows_and_in_tables() {
    let scene = Scene::new();
    let rows = Rows::read(&scene.payload);
    let bundle = scene.file("0000000000000259.fsm");
    rows.write_bundle(&bundle, rows.rows.len());
    for path in [&scene.payload, &bundle] {
        let report = scene.deep(path);
        let counts = report.body.snapshots[0].rows.unwrap();
        assert_eq!((counts.rows, counts.sealed, counts.opened), (4358, SEALED, Some(SEALED)), "{}", path.display());
        assert!(report.findings.is_empty(), "{:?}", report.findings);
        let stat = snapshot::stat(std::slice::from_ref(path), false, Some(Arc::clone(&scene.opener)), &Run::local()).unwrap();
        assert_eq!(stat.body.snapshots[0].rows.unwrap().opened, Some(SEALED));
        // What they hold counts as what it is; without keys nobody knows whether it has expired.
        let closed = snapshot::stat(std::slice::from_ref(path), false, None, &Run::local()).unwrap();
        let [with, without] = [&stat, &closed].map(|stat| stat.body.snapshots[0].usage.as_ref().unwrap());
        assert_eq!((with.total.sealed.rows, with.total.total()), (0, without.total.total()));
        assert!(without.total.sealed.rows > 100, "{:?}", without.total);
        let known = |usage: &ekv_tool::readers::usage::Usage| usage.total.live.rows + usage.total.expired.rows;
        assert_eq!(known(with), known(without) + without.total.sealed.rows);
    }
    // A count in the manifest that the tables do not bear out is told.
    rows.write_bundle(&bundle, rows.rows.len() + 1);
    let report = scene.deep(&bundle);
    assert_eq!(report.findings.len(), 1);
    assert!(report.findings[0].message.contains("another number of rows"), "{:?}", report.findings);
}

/// A changed bit, and a row that was moved to another key, in a payload whose checksum is right.
#[test]
fn a_row_that_does_not_open_is_named_with_its_place() {
    let scene = Scene::new();
    for bundle in [false, true] {
        let mut rows = Rows::read(&scene.payload);
        let sealed: Vec<_> = (0..rows.rows.len()).filter(|at| Rows::is_sealed(&rows.rows[*at].1)).collect();
        let (changed, moved) = (sealed[3], sealed[40]);
        *rows.rows[changed].1.last_mut().unwrap() ^= 1;
        rows.rows[moved].1 = rows.rows[sealed[41]].1.clone();
        let path = scene.file("0000000000000259.fsm");
        if bundle {
            rows.write_bundle(&path, rows.rows.len());
        } else {
            rows.write(&path);
        }
        let report = scene.deep(&path);
        assert_eq!(report.verdict, Verdict::Damaged);
        assert_eq!(report.body.snapshots[0].rows.unwrap().opened, Some(SEALED - 2));
        let found: Vec<_> = report.findings.iter().map(|finding| (finding.code.code, finding.offset.is_some())).collect();
        assert_eq!(found, [("enc-open-failed", true); 2], "{:?}", report.findings);
        assert!(
            report.findings[0].message.contains("integrity check failed") && report.findings[0].message.contains("under key 1")
        );
    }
}

#[test]
fn without_keys_sealed_rows_are_counted_and_said_to_be_closed() {
    let scene = Scene::new();
    let options = VerifySnapshotOptions { depth: Depth::Deep, ..Default::default() };
    let report = verify_snapshot(std::slice::from_ref(&scene.payload), &options, &Run::local()).unwrap();
    assert_eq!(report.verdict, Verdict::Clean);
    assert_eq!((report.body.snapshots[0].rows.unwrap().sealed, report.body.snapshots[0].rows.unwrap().opened), (SEALED, None));
    let left_out = &report.coverage.not_examined;
    assert!(left_out.iter().any(|part| part.what.starts_with("what 681 sealed rows in ")), "{left_out:?}");
}

/// Two nodes never seal alike: what differs is told by the clear text, and without keys not at all.
#[test]
fn differences_are_those_of_the_clear_text() {
    let scene = Scene::new();
    let mut rows = Rows::read(&scene.payload);
    let [first, second] = ["first.fsm", "second.fsm"].map(|name| scene.file(name));
    rows.write(&first);
    let sealed: Vec<_> = (0..rows.rows.len()).filter(|at| Rows::is_sealed(&rows.rows[*at].1)).collect();
    for at in &sealed[..5] {
        let (key, value) = &rows.rows[*at];
        rows.rows[*at].1 = scene.sealed_anew(key, value, 0x77);
    }
    rows.write(&second);
    let diff = |keys: bool| snapshot::diff([&first, &second], 10, keys.then_some(&*scene.opener), &Run::local()).unwrap();

    let closed = diff(false);
    let total = |report: &ekv_tool::report::Report<ekv_tool::report::body::snapshot_diff::SnapshotDiffBody>| {
        report.body.spaces.values().fold((0, 0), |sum, counts| (sum.0 + counts.other_value, sum.1 + counts.sealed))
    };
    assert_eq!((total(&closed), closed.body.identical_rows, closed.verdict), ((0, 5), false, Verdict::Unknown));
    let open = diff(true);
    assert_eq!((total(&open), open.body.identical_rows, open.body.sealed_once), ((0, 0), true, 0));
    assert_eq!(open.verdict, Verdict::Clean);

    // One of them in clear text, and one with another value.
    let (key, value) = rows.rows[sealed[9]].clone();
    rows.rows[sealed[9]].1 = [&[0], &value[1..HEADERS.0], &scene.open(&key, &value)].concat();
    let (key, value) = rows.rows[sealed[10]].clone();
    rows.rows[sealed[10]].1 = [&[0], &value[1..HEADERS.0], &scene.open(&key, &value)[..], b"more"].concat();
    rows.write(&second);
    let open = diff(true);
    assert_eq!((total(&open), open.body.sealed_once, open.verdict), ((1, 0), 1, Verdict::Clean));
    // Another length is another value, sealed or not.
    assert_eq!((total(&diff(false)), diff(false).verdict), ((1, 6), Verdict::Unknown));

    // The same rows in a bundle are the same rows.
    Rows::read(&first).write_bundle(&first, rows.rows.len());
    let open = diff(true);
    assert_eq!((total(&open), open.body.same, open.verdict), ((1, 0), 4357, Verdict::Clean));
}

/// Stores of two nodes, each of which seals for itself, and a payload beside a store.
#[test]
fn stores_of_two_nodes_are_compared_in_clear_text() {
    let scene = Scene::new();
    let mut rows = Rows::read(&scene.payload);
    let write = |rows: &Rows, name: &str| {
        let dir = scene.file(name);
        let mut store = StoreWriter::new(&dir).unwrap();
        let entries: Vec<_> = rows.rows.iter().map(|(key, value)| (SET, key.as_slice(), value.as_slice())).collect();
        store.batch(100, &entries);
        store.finish().unwrap();
        dir
    };
    let first = write(&rows, "first.db");
    let sealed: Vec<_> = (0..rows.rows.len()).filter(|at| Rows::is_sealed(&rows.rows[*at].1)).collect();
    for at in &sealed[..5] {
        let (key, value) = &rows.rows[*at];
        rows.rows[*at].1 = scene.sealed_anew(key, value, 0x77);
    }
    let second = write(&rows, "second.db");
    let diff = |one: &Path, other: &Path, keys: bool| {
        store_diff([one, other], 10, keys.then_some(&*scene.opener), &Run::local()).unwrap()
    };
    for one in [&first, &scene.payload] {
        let closed = diff(one, &second, false);
        assert_eq!((closed.verdict, closed.body.identical_rows), (Verdict::Unknown, false));
        assert!(closed.findings.iter().all(|finding| finding.code.code != "nodes-stores-diverge"), "{:?}", closed.findings);
        let why = closed.coverage.not_examined.iter().find(|part| part.what.contains("the values of 5 sealed rows"));
        assert!(why.is_some_and(|part| part.needed && part.why.contains("--sidecar")), "{:?}", closed.coverage);
        let open = diff(one, &second, true);
        assert_eq!((open.verdict, open.body.identical_rows), (Verdict::Clean, true), "{:?}", open.coverage);
    }
    // Another value under a good seal is a divergence, which only keys show.
    let (key, value) = rows.rows[sealed[9]].clone();
    let mut other = scene.open(&key, &value);
    other[0] ^= 1;
    rows.rows[sealed[9]].1 = scene.seal(&key, &value, &other, 0x77);
    let second = write(&rows, "third.db");
    assert_eq!(diff(&first, &second, false).verdict, Verdict::Unknown);
    let open = diff(&first, &second, true);
    assert_eq!(open.verdict, Verdict::Damaged, "{:?}", open.findings);
    assert_eq!(open.body.classes.iter().map(|class| class.sums.other_value).sum::<u64>(), 1);
}

/// Bundles that real servers wrote: their manifests count the rows that their tables hold.
#[test]
fn tables_of_real_bundles_hold_what_their_manifests_say() {
    let recorded = fresh();
    let (mut bundles, mut rows) = (0, 0);
    for name in ["crash-3-074", "live-2-000-m4", "live-4-036", "live-2-014", "live-3-001-m0"] {
        let options = VerifySnapshotOptions { depth: Depth::Deep, ..Default::default() };
        let report = verify_snapshot(&[recorded.root.join(name).join("n1")], &options, &Run::local()).unwrap();
        let malformed = report.findings.iter().filter(|finding| finding.code.code == "fsm-body-malformed").count();
        assert_eq!(malformed, 0, "{name}: {:?}", report.findings);
        let sst = report.body.snapshots.iter().filter(|view| view.body_format.is_some_and(|format| format.name() == "EKVSSTI1"));
        for view in sst {
            bundles += 1;
            rows += view.rows.unwrap().rows;
        }
    }
    assert_eq!((bundles, rows), (8, 1122));
}

/// A payload with a flipped bit is damaged, and its envelopes are none to be audited: the same row in the store has the same nonce.
#[test]
fn a_changed_bit_in_a_payload_is_no_nonce_used_twice() {
    let scene = Scene::new();
    let node = scene.file("n1");
    copy_tree(&real().root.join("enc-M/data/n1"), &node);
    let path = node.join("fsm-snap/0000000000000259.fsm");
    let mut rows = Rows::read(&path);
    let sealed = rows.rows.iter().position(|(_, value)| Rows::is_sealed(value)).unwrap();
    let whole = fs::read(&path).unwrap();
    let value = rows.rows[sealed].1.clone();
    *rows.rows[sealed].1.last_mut().unwrap() ^= 1;
    let at = whole.windows(value.len()).position(|window| window == value).unwrap() + value.len() - 1;
    let mut damaged = whole.clone();
    damaged[at] ^= 1;
    let checked = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let report = check(std::slice::from_ref(&node), &CheckOptions::default(), &Run::local()).unwrap();
        let codes: Vec<_> =
            report.findings.iter().map(|finding| finding.code.code).filter(|code| *code != "enc-epoch-unregistered").collect();
        (codes.join(" "), report.body.groups[0].encryption.as_ref().unwrap().complete)
    };
    let (codes, complete) = checked(&damaged);
    assert!(codes.contains("fsm-body-crc") && !codes.contains("enc-") && !complete, "{codes}");
    // Written so, with the right checksum, it is one.
    rows.write(&path);
    let (codes, complete) = checked(&fs::read(&path).unwrap());
    assert!(codes.contains("enc-nonce-reused") && complete, "{codes}");
}

/// Keys that do not include the one that sealed a row tell nothing about it.
#[test]
fn a_row_under_a_key_that_is_not_at_hand_is_unknown() {
    let scene = Scene::new();
    let mut rows = Rows::read(&scene.payload);
    let sealed = rows.rows.iter().position(|(_, value)| Rows::is_sealed(value)).unwrap();
    // The last byte of the key id.
    rows.rows[sealed].1[HEADERS.0 + 5] = 9;
    let path = scene.file("0000000000000259.fsm");
    rows.write(&path);
    let report = scene.deep(&path);
    assert_eq!((report.verdict, report.body.snapshots[0].verdict), (Verdict::Unknown, Verdict::Unknown));
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!(report.body.snapshots[0].rows.unwrap().opened, Some(SEALED - 1));
}

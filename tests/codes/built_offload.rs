//! Codes about offloaded snapshots, from stores that are written for them.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use ekv_tool::analysis::judge::offload::{OffloadRequest, verify_store};
use ekv_tool::readers::offload::{ListedObject, ManifestRead, ObjectPass, ObjectRead, OffloadStore, RecordedDigest};
use ekv_tool::readers::{Depth, Examine};
use ekv_tool::types::{Sha256Sum, UnixMillis};

use super::{Files, Provocation};
use crate::support::offload_writer::{PAYLOAD, Publish};
use crate::support::tree::copy_tree;

const MANIFEST: &str = "p/v1/groups/7/snapshots/00000000000000000042-00000000000000000002.json";
const PAYLOAD_AT: &str = "p/v1/payloads/sha256/d3/d39a6bb255838bc171fd597a036e7ed93e18bab0d188327e90293d5a93dd859a.fsm";

const fn store(code: &'static str, severity: &'static str, path: &'static str, build: fn(&Path)) -> Provocation {
    Provocation { code, severity, command: "verify-snapshot", files: Files::Built(build), target: "p", path, offset: None }
}

fn changed(root: &Path, change: impl FnOnce(&mut Publish)) -> (std::path::PathBuf, std::path::PathBuf) {
    let mut publish = Publish::default();
    change(&mut publish);
    publish.write(root)
}

/// The first test directory of the repository, whose newest snapshot is at 201, as `n1/group-7`.
fn demo(root: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo/n1/group-2");
    copy_tree(&from, &root.join("n1/group-7"));
}

const fn plan(
    code: &'static str,
    severity: &'static str,
    target: &'static str,
    path: &'static str,
    build: fn(&Path),
) -> Provocation {
    Provocation { code, severity, command: "offload plan", files: Files::Built(build), target, path, offset: None }
}

const RESTORE: &str = "new --store p";

pub const ALL: &[Provocation] = &[
    plan("offload-publish-refused", "error", "n1/group-7", "n1/group-7", |root| {
        demo(root);
        fs::remove_file(root.join("n1/group-7/fsm-snap/00000000000000c9.fsm")).unwrap();
    }),
    plan("offload-publish-renames", "warning", "n1/group-7", "n1/group-7/snap/0000000000000002-00000000000000c9.snap", |root| {
        demo(root);
        fs::write(root.join("n1/group-7/snap/0000000000000002-00000000000000c9.snap"), b"torn").unwrap();
    }),
    plan("offload-leftover", "warning", "n1/group-7", "n1/group-7.restore-prep", |root| {
        demo(root);
        fs::create_dir(root.join("n1/group-7.restore-prep")).unwrap();
    }),
    plan("offload-leftover", "info", "n1/group-7", "n1/.snapshot-offload-spool/elastickv-snapshot-offload-17.fsm", |root| {
        demo(root);
        fs::create_dir(root.join("n1/.snapshot-offload-spool")).unwrap();
        fs::write(root.join("n1/.snapshot-offload-spool/elastickv-snapshot-offload-17.fsm"), b"x").unwrap();
    }),
    plan("offload-destination-exists", "info", "n1/group-7 --store p", "n1/group-7", |root| {
        demo(root);
        changed(root, |_| {});
    }),
    plan("offload-restore-goes-back", "info", "n1/group-7 --store p", "n1/group-7", |root| {
        demo(root);
        drop(changed(root, |_| {}));
    }),
    plan("offload-no-store", "warning", "n1/group-7 --store other", "other", |root| {
        demo(root);
        fs::create_dir(root.join("other")).unwrap();
        fs::write(root.join("other/notes"), "x").unwrap();
    }),
    plan("offload-restore-refused", "error", RESTORE, "new", |root| {
        changed(root, |_| {});
        fs::create_dir(root.join("new.restore-prep")).unwrap();
    }),
    plan("offload-no-room", "warning", RESTORE, ".", |root| drop(changed(root, |it| it.bytes = Some(1 << 60)))),
    plan("offload-peers-differ", "warning", "new --store p --peers n1=a:1,n2=b:1", "new", |root| drop(changed(root, |_| {}))),
    store("offload-manifest-refused", "error", MANIFEST, |root| {
        let (manifest, _) = changed(root, |_| {});
        fs::write(manifest, Publish::default().manifest().replace("\"group_id\": 7", "\"group_id\": 8")).unwrap();
    }),
    store("offload-nothing-restorable", "error", MANIFEST, |root| {
        let (manifest, _) = changed(root, |_| {});
        fs::write(manifest, b"{").unwrap();
    }),
    store("offload-manifest-moved", "error", "p/v1/groups/7/snapshots/00000000000000000043-00000000000000000002.json", |root| {
        let (manifest, _) = changed(root, |_| {});
        fs::copy(&manifest, manifest.with_file_name("00000000000000000043-00000000000000000002.json")).unwrap();
    }),
    store(
        "offload-manifest-identity",
        "error",
        "p/v1/groups/7/snapshots/00000000000000000043-00000000000000000002.json",
        |root| {
            changed(root, |it| it.at = Some("p/v1/groups/7/snapshots/00000000000000000043-00000000000000000002.json"));
        },
    ),
    store("offload-manifest-rewritten", "info", MANIFEST, |root| {
        let (manifest, _) = changed(root, |_| {});
        fs::write(manifest, Publish::default().manifest().trim_end()).unwrap();
    }),
    store("offload-payload-missing", "error", MANIFEST, |root| {
        let (_, payload) = changed(root, |_| {});
        fs::remove_file(payload).unwrap();
    }),
    store("offload-payload-size", "error", PAYLOAD_AT, |root| {
        let (_, payload) = changed(root, |_| {});
        fs::write(payload, &PAYLOAD[1..]).unwrap();
    }),
    store("offload-payload-digest", "error", PAYLOAD_AT, |root| {
        let (_, payload) = changed(root, |_| {});
        fs::write(payload, PAYLOAD.to_ascii_uppercase()).unwrap();
    }),
    store("offload-payload-key", "warning", MANIFEST, |root| drop(changed(root, |it| it.payload_key = Some("p/x".to_owned())))),
    store("offload-source-crc", "error", PAYLOAD_AT, |root| drop(changed(root, |it| it.crc = Some(1)))),
    Provocation {
        code: "offload-payload-footer",
        severity: "error",
        command: "verify-snapshot",
        files: Files::Built(|root| {
            changed(root, |it| {
                it.payload = [PAYLOAD, &crc32c::crc32c(PAYLOAD).to_be_bytes()].concat();
            });
        }),
        target: "p",
        path: "p/v1/payloads/sha256/b7/b7b916610452f441299a5f2338d207341da52feaae9bfdf6154cad29df6250af.fsm",
        offset: Some(PAYLOAD.len() as u64),
    },
    store("offload-orphan", "info", PAYLOAD_AT, |root| {
        let (manifest, _) = changed(root, |_| {});
        fs::remove_file(manifest).unwrap();
    }),
    store("offload-orphan", "warning", PAYLOAD_AT, |root| {
        let (manifest, payload) = changed(root, |_| {});
        fs::remove_file(manifest).unwrap();
        let old = SystemTime::now() - Duration::from_secs(100_000);
        fs::File::options().write(true).open(payload).unwrap().set_modified(old).unwrap();
    }),
    store("offload-temporary", "info", "p/v1/groups/7/snapshots/.put-17", |root| {
        let (manifest, _) = changed(root, |_| {});
        fs::write(manifest.with_file_name(".put-17"), b"{").unwrap();
    }),
    store("offload-several-clusters", "warning", MANIFEST, |root| {
        changed(root, |_| {});
        changed(root, |it| (it.cluster, it.group) = ("other", 8));
    }),
    store("offload-two-payloads", "warning", MANIFEST, |root| {
        changed(root, |_| {});
        changed(root, |it| (it.prefix, it.payload) = ("p/q/", PAYLOAD.to_ascii_uppercase()));
    }),
    store("offload-order", "info", MANIFEST, |root| {
        changed(root, |_| {});
        changed(root, |it| (it.index, it.created) = (43, "2026-11-26T11:22:30Z"));
    }),
    store("offload-term-regress", "warning", "p/v1/groups/7/snapshots/00000000000000000043-00000000000000000001.json", |root| {
        changed(root, |_| {});
        changed(root, |it| (it.index, it.term) = (43, 1));
    }),
    store("offload-members", "info", MANIFEST, |root| {
        changed(root, |it| {
            it.conf_state = "\n    \"voters\": [\n      1\n    ],\n    \"learners\": [\n      2\n    ]\n  ";
        });
    }),
];

/// `offload-metadata` is about what only a bucket keeps beside an object, so it is provoked by a listing.
pub fn metadata() -> &'static str {
    let publish = Publish::default();
    let manifest = publish.manifest();
    let size = manifest.len() as u64;
    let mut store = OffloadStore::listed("s3://bucket/p", "p/");
    assert!(store.take(ListedObject { key: MANIFEST, size, modified: None }));
    assert!(!store.take(ListedObject { key: PAYLOAD_AT, size: PAYLOAD.len() as u64, modified: None }));
    store.tell_manifest(0, ManifestRead::of(manifest.as_bytes()), None);
    assert!(store.settle().is_empty());
    let payload = store.payloads.get_mut(PAYLOAD_AT).unwrap();
    let facts = ObjectPass::new(PAYLOAD.len() as u64, PAYLOAD, Examine::default()).finish();
    payload.read = ObjectRead::Object(Box::new(facts));
    let request = OffloadRequest { depth: Depth::Header, newest: false, now: UnixMillis(0), grace_ms: 0, since: None };
    let told = |store: &OffloadStore| {
        let told = verify_store(store.clone(), &request);
        let finding = told.findings.iter().find(|finding| finding.code.code == "offload-metadata").cloned();
        (told.offloads[0].restore.error.clone().unwrap_or_default(), finding)
    };
    let kept = |store: &mut OffloadStore, recorded| store.payloads.get_mut(PAYLOAD_AT).unwrap().recorded = recorded;
    // What says nothing, and what says the right thing.
    for recorded in [RecordedDigest::of(" "), RecordedDigest::of(&Sha256Sum::of(PAYLOAD).to_string())] {
        kept(&mut store, recorded);
        assert_eq!(told(&store), (String::new(), None));
    }
    kept(&mut store, RecordedDigest::of("none"));
    let (error, finding) = told(&store);
    assert_eq!(error, "get snapshot payload: s3 object sha256 metadata is invalid: snapshot offload: integrity check failed");
    assert!(finding.is_some());
    kept(&mut store, RecordedDigest::of(&"0".repeat(64)));
    let (error, finding) = told(&store);
    assert_eq!(error, format!("payload head mismatch for {PAYLOAD_AT}: snapshot offload: integrity check failed"));
    let finding = finding.unwrap();
    assert_eq!(finding.path, Some(format!("s3://bucket/{PAYLOAD_AT}")));
    finding.code.code
}

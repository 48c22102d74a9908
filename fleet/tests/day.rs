//! The commands of docs/day.md, run as they stand there, in their order, with what happens in between.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use liblzma::read::XzDecoder;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _};

use crate::support::page::{Step, steps};
use crate::support::program::{SECRETS, program};
use crate::support::publisher::{Published, publish, put};
use crate::support::recorded::{copy, root};
use crate::support::servers::{ask, client, moto, skipped, versitygw};
use crate::support::stores::block_on;

/// The main program, where it was built: `EKV_TOOL` names it, or it lies in the target directory of the main package.
fn ekv_tool() -> Option<PathBuf> {
    let named = std::env::var_os("EKV_TOOL").map(PathBuf::from);
    let built = ["debug", "release"].map(|profile| root().join("target").join(profile).join("ekv-tool"));
    named.into_iter().chain(built).find(|path| path.exists())
}

/// Unpacks the recorded cluster of three nodes.
fn three_nodes(to: &Path) {
    let packed = fs::File::open(root().join("fixtures/real.tar.xz")).unwrap();
    let mut archive = tar::Archive::new(XzDecoder::new(packed));
    let unpacked = tempfile::tempdir().unwrap();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().starts_with("three-M") {
            entry.unpack_in(unpacked.path()).unwrap();
        }
    }
    for node in ["n1", "n2", "n3"] {
        copy(&unpacked.path().join("three-M").join(node), &to.join(node));
    }
}

struct Day {
    place: tempfile::TempDir,
    objects: Arc<dyn ObjectStore>,
    published: Vec<Published>,
}

impl Day {
    fn data(&self, node: &str) -> PathBuf {
        self.place.path().join("data").join(node)
    }

    fn bytes(&self, key: &str) -> Vec<u8> {
        let key = Key::parse(key).unwrap();
        block_on(async { self.objects.get(&key).await.unwrap().bytes().await.unwrap() }).into()
    }

    fn delete(&self, key: &str) {
        block_on(self.objects.delete(&Key::parse(key).unwrap())).unwrap();
    }

    fn happens(&mut self, event: &str) {
        let publish_all = |day: &Self| {
            [("n1", 1), ("n2", 2)].map(|(node, group)| publish(&day.objects, &day.data(node), group, "prod", "prod")).into()
        };
        let elsewhere = |published: &Published| published.manifest.replace("/groups/2/", "/groups/7/");
        match event {
            "publish" => self.published = publish_all(self),
            "damage" => {
                let [first, second] = self.published.as_slice() else { panic!("nothing was published") };
                let mut bytes = self.bytes(&first.payload);
                let digest = first.payload.rsplit('/').next().unwrap().trim_end_matches(".fsm").to_owned();
                bytes[1000] ^= 1;
                put(&self.objects, &first.payload, bytes, Some(&digest));
                put(&self.objects, &elsewhere(second), self.bytes(&second.manifest), None);
                self.delete(&second.manifest);
            }
            "mend" => {
                self.delete(&self.published[0].payload);
                self.delete(&elsewhere(&self.published[1]));
                self.published = publish_all(self);
            }
            other => panic!("the page tells of an event that the test does not know: {other}"),
        }
    }
}

/// The whole page against the server at `url`.
fn the_day(url: &str, objects: Arc<dyn ObjectStore>) {
    let Some(tool) = ekv_tool() else {
        skipped("docs/day.md, for which ekv-tool has to be built; fleet/test-servers builds it");
        return;
    };
    let mut day = Day { place: tempfile::tempdir().unwrap(), objects, published: Vec::new() };
    three_nodes(&day.place.path().join("data"));
    let bin = day.place.path().join("bin");
    fs::create_dir(&bin).unwrap();
    symlink(tool, bin.join("ekv-tool")).unwrap();
    symlink(assert_cmd::cargo::cargo_bin("ekv-fleet"), bin.join("ekv-fleet")).unwrap();
    // The data directory of a host is the one of its name.
    let ssh = "#!/bin/sh\nhost=$1; shift\nset -- $(echo \"$*\" | sed \"s|/var/lib/elastickv|$DATA/$host|\"); exec \"$@\"\n";
    fs::write(bin.join("ssh"), ssh).unwrap();
    fs::set_permissions(bin.join("ssh"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let steps = steps("docs/day.md");
    assert!(steps.len() > 10, "{steps:?}");
    for step in steps {
        let (text, status, says) = match step {
            Step::Event(event) => {
                day.happens(&event);
                continue;
            }
            Step::Commands { needs: Some(needs), text, .. }
                if !Command::new(&needs).arg("--version").output().is_ok_and(|ran| ran.status.success()) =>
            {
                skipped(&format!("what needs {needs}: {text}"));
                continue;
            }
            Step::Commands { text, status, says, .. } => (text, status, says),
            Step::File { name, .. } => panic!("{name}: the day has no files"),
        };
        let mut shell = Command::new("bash");
        for (name, value) in program(url).get_envs() {
            shell.env(name, value.unwrap());
        }
        shell.env("PATH", &path).env("DATA", day.place.path().join("data")).current_dir(day.place.path());
        let ran = shell.args(["-c", &text]).output().unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert_eq!(ran.status.code(), Some(status), "{text}\n{said}");
        assert!(said.contains(&says), "{text}\ndoes not say {says}:\n{said}");
        assert!(SECRETS.iter().all(|secret| !said.contains(secret)), "{said}");
    }
}

#[test]
fn the_day_of_the_page_with_versitygw() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("backups")).unwrap();
    let Some(server) = versitygw(dir.path()) else { return };
    the_day(&server.url, client(&server.url, "backups"));
}

#[test]
fn the_day_of_the_page_with_moto() {
    let Some(server) = moto() else { return };
    ask(&server.url, "PUT", "/backups", "", b"");
    the_day(&server.url, client(&server.url, "backups"));
}

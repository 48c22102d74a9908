//! Servers of the three kinds of buckets, as the same tests ask them. Each has one bucket, `bucket`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use object_store::azure::MicrosoftAzureBuilder;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::http::Server;
use super::program::{Ran, SECRETS, run_in, s3};
use super::publisher;
use super::servers::{self, Running, ask, client};
use super::stores::block_on;

/// The name of the account of Azure.
const ACCOUNT: &str = "nobody";

/// A server with a bucket.
pub struct Cloud {
    /// What addresses begin with.
    pub scheme: &'static str,
    /// `http://127.0.0.1:PORT`
    pub url: String,
    /// Where results go: into the same bucket, or into a directory where the server takes none.
    pub results: String,
    kind: Kind,
    scratch: tempfile::TempDir,
    _running: Option<Running>,
}

enum Kind {
    /// The digest of the publisher goes beside the object.
    S3(Arc<dyn ObjectStore>),
    /// Names of metadata have no hyphens there, so that none does.
    Azure(Arc<dyn ObjectStore>),
    /// It takes objects in another way than the client of Google gives them.
    FakeGcs,
    /// The one of this process.
    OfProcess(Box<Server>),
}

impl Cloud {
    fn of(scheme: &'static str, url: &str, kind: Kind, running: Option<Running>) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let results = match kind {
            Kind::FakeGcs => scratch.path().join("results").to_str().unwrap().to_owned(),
            _ => format!("{scheme}://bucket/ekv"),
        };
        Self { scheme, url: url.to_owned(), results, kind, scratch, _running: running }
    }

    /// versitygw over a directory.
    pub fn versitygw() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("bucket")).unwrap();
        let running = servers::versitygw(dir.path())?;
        let url = running.url.clone();
        let mut cloud = Self::of("s3", &url, Kind::S3(client(&url, "bucket")), Some(running));
        cloud.scratch = dir;
        Some(cloud)
    }

    /// moto.
    pub fn moto() -> Option<Self> {
        let running = servers::moto()?;
        let url = running.url.clone();
        ask(&url, "PUT", "/bucket", "", b"");
        Some(Self::of("s3", &url, Kind::S3(client(&url, "bucket")), Some(running)))
    }

    /// azurite.
    pub fn azurite() -> Option<Self> {
        let running = servers::azurite(ACCOUNT, SECRETS[3])?;
        let url = running.url.clone();
        signed(&url, CONTAINER);
        let builder = MicrosoftAzureBuilder::new().with_endpoint(format!("{url}/{ACCOUNT}")).with_account(ACCOUNT);
        let builder = builder.with_access_key(SECRETS[3]).with_allow_http(true).with_container_name("bucket");
        Some(Self::of("az", &url, Kind::Azure(Arc::new(builder.build().unwrap())), Some(running)))
    }

    /// fake-gcs-server, which is only read.
    pub fn fake_gcs() -> Option<Self> {
        let running = servers::fake_gcs()?;
        let url = running.url.clone();
        ask(&url, "POST", "/storage/v1/b", "content-type: application/json\r\n", br#"{"name":"bucket"}"#);
        Some(Self::of("gs", &url, Kind::FakeGcs, Some(running)))
    }

    /// The server of this process, as the client of Google asks it.
    pub fn of_process(server: Server) -> Self {
        let url = server.url.clone();
        Self::of("gs", &url, Kind::OfProcess(Box::new(server)), None)
    }

    /// The address of what is below a prefix.
    pub fn bucket(&self, prefix: &str) -> String {
        format!("{}://bucket/{prefix}", self.scheme)
    }

    /// What the environment says when the server is at `url`.
    pub fn environment(&self, url: &str) -> Vec<(&'static str, String)> {
        match self.kind {
            Kind::S3(_) => s3(url),
            Kind::Azure(_) => vec![
                ("AZURE_STORAGE_USE_EMULATOR", "true".to_owned()),
                ("AZURITE_BLOB_STORAGE_URL", url.to_owned()),
                ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT.to_owned()),
                ("AZURE_STORAGE_ACCOUNT_KEY", SECRETS[3].to_owned()),
            ],
            Kind::FakeGcs | Kind::OfProcess(_) => {
                vec![("GOOGLE_SERVICE_ACCOUNT", service_account(self.scratch.path(), url).to_str().unwrap().to_owned())]
            }
        }
    }

    /// Runs the program with JSON as its answer.
    pub fn json(&self, args: &[&str]) -> Ran {
        self.json_at(&self.url, args)
    }

    /// The same, where the server is found at another address.
    pub fn json_at(&self, url: &str, args: &[&str]) -> Ran {
        run_in(&self.environment(url), &[&["--format", "json"], args].concat())
    }

    /// Puts an object, with its digest or `digest` beside it where the server keeps one.
    pub fn put(&self, key: &str, bytes: Vec<u8>, digest: Option<&str>) {
        match &self.kind {
            Kind::S3(objects) => publisher::put(objects, key, bytes, digest),
            Kind::Azure(objects) => drop(block_on(objects.put(&Key::parse(key).unwrap(), bytes.into())).unwrap()),
            Kind::FakeGcs => {
                let own = ekv_tool::types::Sha256Sum::of(&bytes).to_string();
                let beside = format!("x-goog-meta-elastickv-sha256: {}\r\n", digest.unwrap_or(&own));
                let path = format!("/upload/storage/v1/b/bucket/o?uploadType=media&name={}", key.replace('/', "%2F"));
                ask(&self.url, "POST", &path, &beside, &bytes);
            }
            Kind::OfProcess(server) => drop(server.objects.lock().unwrap().insert(key.to_owned(), bytes)),
        }
    }

    /// Removes an object.
    pub fn remove(&self, key: &str) {
        match &self.kind {
            Kind::S3(objects) | Kind::Azure(objects) => block_on(objects.delete(&Key::parse(key).unwrap())).unwrap(),
            Kind::FakeGcs => {
                ask(&self.url, "DELETE", &format!("/storage/v1/b/bucket/o/{}", key.replace('/', "%2F")), "", b"");
            }
            Kind::OfProcess(server) => drop(server.objects.lock().unwrap().remove(key)),
        }
    }

    /// Keys below a prefix, each with what tells that nobody wrote it again.
    pub fn keys(&self, prefix: &str) -> Vec<(String, String)> {
        let mut keys: Vec<_> = match &self.kind {
            Kind::S3(objects) | Kind::Azure(objects) => {
                use futures_util::TryStreamExt as _;
                let all: Vec<_> = block_on(objects.list(Some(&Key::parse(prefix).unwrap())).try_collect()).unwrap();
                all.into_iter().map(|it| (it.location.to_string(), format!("{:?} {}", it.e_tag, it.last_modified))).collect()
            }
            Kind::OfProcess(server) => {
                let held = server.objects.lock().unwrap();
                held.keys().filter(|key| key.starts_with(prefix)).map(|key| (key.clone(), String::new())).collect()
            }
            Kind::FakeGcs => Vec::new(),
        };
        keys.sort();
        keys
    }

    /// A signature of Azure that gives these rights to the blobs of the account for an hour: `r`ead, `l`ist, `c`reate.
    pub fn signature(&self, rights: &str) -> String {
        signed(&self.url, &SIGNATURE.replace("RIGHTS", rights))
    }
}

/// A file of a service account whose server wants no token.
fn service_account(dir: &Path, url: &str) -> std::path::PathBuf {
    let at = dir.join(format!("account-{}.json", url.rsplit(':').next().unwrap()));
    let account = serde_json::json!({
        "private_key": SECRETS[4], "private_key_id": "1", "client_email": "nobody@example.com", "gcs_base_url": url, "disable_oauth": true,
    });
    fs::write(&at, account.to_string()).unwrap();
    at
}

/// Makes the container.
const CONTAINER: &str = r#"
    const date = new Date().toUTCString(), version = "2021-12-02";
    const text = `PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:${date}\nx-ms-version:${version}\n/${account}/${account}/bucket\nrestype:container`;
    const authorization = `SharedKey ${account}:${sign(text)}`;
    const headers = { "x-ms-date": date, "x-ms-version": version, authorization };
    fetch(`${url}/${account}/bucket?restype=container`, { method: "PUT", headers }).then((it) => process.exit(it.ok ? 0 : 1));
"#;
/// Signs what may be done with the blobs of the account.
const SIGNATURE: &str = r#"
    const se = new Date(Date.now() + 3600e3).toISOString().slice(0, 19) + "Z", sv = "2021-12-02";
    const sig = sign([account, "RIGHTS", "b", "sco", "", se, "", "", sv, "", ""].join("\n"));
    console.log(new URLSearchParams({ sv, ss: "b", srt: "sco", sp: "RIGHTS", se, sig }).toString());
"#;

/// Runs a script in the Node.js that azurite needs too, and returns what it says.
fn signed(url: &str, script: &str) -> String {
    const SIGN: &str = r#"
        const [url, account, key] = process.argv.slice(1);
        const sign = (text) => require("crypto").createHmac("sha256", Buffer.from(key, "base64")).update(text).digest("base64");
    "#;
    let script = format!("{SIGN}{script}");
    let output = Command::new("node").args(["-e", &script, url, ACCOUNT, SECRETS[3]]).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    said
}

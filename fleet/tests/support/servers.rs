//! Real servers on loopback, where `fleet/test-servers` has installed them.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;

use super::program::SECRETS;

/// A server that ends with its test.
pub struct Running {
    child: Child,
    /// Where it runs.
    scratch: Option<tempfile::TempDir>,
    /// `http://127.0.0.1:PORT`
    pub url: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the script installs them.
fn installed(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers").join(name);
    if path.exists() {
        return Some(path);
    }
    skipped(&format!("{name} is not installed; fleet/test-servers installs it"));
    None
}

/// Says aloud what is left out, past what the test runner keeps to itself.
pub fn skipped(what: &str) {
    let _ = writeln!(std::io::stderr(), "skipped: {what}");
}

/// A Python that reads YAML: that of moto, which needs it too, or that of the system.
pub fn python_with_yaml() -> Option<PathBuf> {
    let moto = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers/moto/bin/python");
    let reads = |python: &PathBuf| {
        Command::new(python).args(["-c", "import yaml"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let found = [moto, PathBuf::from("python3")].into_iter().find(reads);
    if found.is_none() {
        skipped("what reads YAML, since no Python can; fleet/test-servers installs one");
    }
    found
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn start(command: &mut Command, port: u16) -> Running {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(began.elapsed() < Duration::from_secs(60), "the server does not come up");
        std::thread::sleep(Duration::from_millis(50));
    }
    Running { child, scratch: None, url: format!("http://127.0.0.1:{port}") }
}

/// versitygw over a directory, whose directories are buckets.
pub fn versitygw(dir: &Path) -> Option<Running> {
    let program = installed("versitygw")?;
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let args = ["--access", SECRETS[0], "--secret", SECRETS[1], "--port", &address, "posix"];
    Some(start(Command::new(program).args(args).arg(dir), port))
}

/// moto, which has no buckets.
pub fn moto() -> Option<Running> {
    let program = installed("moto/bin/moto_server")?;
    let port = free_port();
    Some(start(Command::new(program).args(["-H", "127.0.0.1", "-p", &port.to_string()]), port))
}

/// azurite, in memory, with an account of this name and key.
pub fn azurite(account: &str, key: &str) -> Option<Running> {
    let program = installed("azurite/node_modules/.bin/azurite-blob")?;
    let port = free_port();
    let scratch = tempfile::tempdir().unwrap();
    let mut command = Command::new(program);
    command.args(["--disableTelemetry", "--silent", "--inMemoryPersistence", "--blobPort", &port.to_string()]);
    command.current_dir(scratch.path()).env("AZURITE_ACCOUNTS", format!("{account}:{key}"));
    let mut running = start(&mut command, port);
    running.scratch = Some(scratch);
    Some(running)
}

/// fake-gcs-server, in memory.
pub fn fake_gcs() -> Option<Running> {
    let program = installed("fake-gcs-server")?;
    let port = free_port();
    let fixed = ["-scheme", "http", "-host", "127.0.0.1", "-public-host", "127.0.0.1", "-backend", "memory"];
    Some(start(Command::new(program).args(fixed).args(["-port", &port.to_string()]), port))
}

/// A Python that has DuckDB.
pub fn duckdb() -> Option<PathBuf> {
    installed("duckdb/bin/python")
}

/// A Python that has DuckDB and a file system with which it reads buckets.
pub fn duckdb_with_s3() -> Option<PathBuf> {
    let python = duckdb()?;
    if Command::new(&python).args(["-c", "import s3fs"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return Some(python);
    }
    skipped("s3fs is not installed; fleet/test-servers installs it");
    None
}

/// A Python that has Spark, which `fleet/test-servers spark` installs: it is half a gigabyte, and the rest goes without it.
pub fn spark() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers/spark/bin/python");
    if path.exists() {
        return Some(path);
    }
    skipped("Spark is not installed; fleet/test-servers spark installs it");
    None
}

/// A client of a bucket.
pub fn client(url: &str, bucket: &str) -> Arc<dyn ObjectStore> {
    let builder =
        AmazonS3Builder::new().with_endpoint(url).with_allow_http(true).with_bucket_name(bucket).with_region("us-east-1");
    Arc::new(builder.with_access_key_id(SECRETS[0]).with_secret_access_key(SECRETS[1]).build().unwrap())
}

/// Sends one request without credentials, and wants it to go well.
pub fn ask(url: &str, method: &str, path: &str, headers: &str, body: &[u8]) {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let len = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {len}\r\n{headers}connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
}

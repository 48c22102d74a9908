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
    Running { child, url: format!("http://127.0.0.1:{port}") }
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

/// A Python that has DuckDB.
pub fn duckdb() -> Option<PathBuf> {
    installed("duckdb/bin/python")
}

/// A client of a bucket.
pub fn client(url: &str, bucket: &str) -> Arc<dyn ObjectStore> {
    let builder =
        AmazonS3Builder::new().with_endpoint(url).with_allow_http(true).with_bucket_name(bucket).with_region("us-east-1");
    Arc::new(builder.with_access_key_id(SECRETS[0]).with_secret_access_key(SECRETS[1]).build().unwrap())
}

/// moto makes a bucket of whatever is put, once it is asked to.
pub fn moto_bucket(url: &str, name: &str) {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("PUT /{name} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

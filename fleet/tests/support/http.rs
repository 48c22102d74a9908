//! A small S3 server whose answers can be made wrong. The client of Google speaks in the same way to it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::recorded::files;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// `GET`, `HEAD`, `PUT`.
    pub method: String,
    /// The key; empty for a listing.
    pub key: String,
    /// What stands behind the question mark.
    pub query: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
}

/// What is done instead of answering.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status, with a body that repeats the headers of the request.
    Status(u16),
    /// To the place named.
    Redirect(String),
    /// The answer, without its last bytes, and the connection closed.
    Cut(usize),
    /// The answer with another length in its header.
    Length(i64),
    /// The answer with this header instead of the right one.
    Header(&'static str, String),
    /// Other bytes of the same length.
    Other,
    /// Nothing, and the connection stays open.
    Silence,
    /// Bytes that are no HTTP.
    Noise,
    /// The whole object, whatever range was asked for.
    Whole,
    /// This body, with status 200.
    Body(String),
}

type Rule = Box<dyn Fn(&Request, usize) -> Option<Fault> + Send + Sync>;

/// The server.
pub struct Server {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    /// Requests so far.
    pub requests: Arc<AtomicUsize>,
    /// What was written.
    pub objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Server {
    /// Serves the files of a directory as the objects of every bucket. `rule` sees each request and its number, from 1 on.
    pub fn of(dir: &Path, rule: impl Fn(&Request, usize) -> Option<Fault> + Send + Sync + 'static) -> Self {
        let objects = files(dir).into_iter().map(|(key, path)| (key, std::fs::read(path).unwrap())).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (objects, requests) = (Arc::new(Mutex::new(objects)), Arc::new(AtomicUsize::new(0)));
        let rule: Arc<Rule> = Arc::new(Box::new(rule));
        let shared = (Arc::clone(&objects), Arc::clone(&requests));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (objects, requests) = (Arc::clone(&shared.0), Arc::clone(&shared.1));
                let rule = Arc::clone(&rule);
                std::thread::spawn(move || {
                    let _ = answer(&stream, &objects, &requests, &rule);
                });
            }
        });
        Self { url, requests, objects }
    }
}

fn read_request(stream: &TcpStream) -> Option<(Request, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut parts = line.split_whitespace();
    let (method, target) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    // The first part is the bucket.
    let key = unescaped(path.trim_start_matches('/').split_once('/').map_or("", |(_, key)| key));
    let len = headers.get("content-length").and_then(|len| len.parse().ok()).unwrap_or(0);
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    Some((Request { method, key, query: query.to_owned(), headers }, body))
}

/// The client of Google writes every byte of a key that is no letter and no digit as `%XX`.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

fn e_tag(bytes: &[u8]) -> String {
    format!("\"{}\"", &ekv_tool::types::Sha256Sum::of(bytes).to_string()[..32])
}

fn answer(
    mut stream: &TcpStream,
    objects: &Mutex<BTreeMap<String, Vec<u8>>>,
    requests: &AtomicUsize,
    rule: &Rule,
) -> std::io::Result<()> {
    let Some((request, body)) = read_request(stream) else { return Ok(()) };
    let number = requests.fetch_add(1, Ordering::SeqCst) + 1;
    let fault = rule(&request, number);
    let mut status = 200;
    let mut headers = BTreeMap::from([("last-modified", "Fri, 27 Nov 2026 12:00:00 GMT".to_owned())]);
    let mut out = Vec::new();
    let held = objects.lock().unwrap();
    match (request.method.as_str(), held.get(&request.key)) {
        ("PUT", there) => {
            let only_new = ["if-none-match", "x-goog-if-generation-match"].iter().any(|name| request.headers.contains_key(*name));
            status = if there.is_some() && only_new { 412 } else { 200 };
            headers.insert("etag", e_tag(&body));
        }
        (_, None) if request.query.contains("list-type=2") => out = listing(&held, &request.query).into_bytes(),
        (_, None) => (status, out) = (404, b"<Error><Code>NoSuchKey</Code></Error>".to_vec()),
        (_, Some(bytes)) => {
            headers.insert("etag", e_tag(bytes));
            let whole = matches!(fault, Some(Fault::Whole));
            let range = request.headers.get("range").filter(|_| !whole).and_then(|range| {
                let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
                Some((start.parse::<usize>().ok()?, end.parse::<usize>().ok()?.saturating_add(1).min(bytes.len())))
            });
            let stale = request.headers.get("if-match").is_some_and(|tag| *tag != e_tag(bytes));
            match range {
                _ if stale => status = 412,
                Some((start, end)) if start < end => {
                    (status, out) = (206, bytes[start..end].to_vec());
                    headers.insert("content-range", format!("bytes {start}-{}/{}", end - 1, bytes.len()));
                }
                Some(_) => status = 416,
                None => out.clone_from(bytes),
            }
        }
    }
    drop(held);
    if request.method == "PUT" && status == 200 && fault.is_none() {
        objects.lock().unwrap().insert(request.key.clone(), body);
    }
    let mut len = i64::try_from(out.len()).unwrap();
    let mut keep = out.len();
    match fault {
        None | Some(Fault::Whole) => {}
        Some(Fault::Status(wanted)) => {
            status = wanted;
            // Real servers do that.
            out = format!("<Error>{:?}</Error>", request.headers).into_bytes();
            (len, keep) = (i64::try_from(out.len()).unwrap(), out.len());
        }
        Some(Fault::Redirect(to)) => {
            status = 307;
            headers.insert("location", to);
            (out, len, keep) = (Vec::new(), 0, 0);
        }
        Some(Fault::Cut(bytes)) => keep = out.len().saturating_sub(bytes),
        Some(Fault::Length(more)) => len += more,
        Some(Fault::Header(name, value)) => drop(headers.insert(name, value)),
        Some(Fault::Other) => out.iter_mut().for_each(|byte| *byte ^= 1),
        Some(Fault::Silence) => {
            std::thread::sleep(Duration::from_secs(30));
            return Ok(());
        }
        Some(Fault::Noise) => return stream.write_all(&[0xff; 4096]),
        Some(Fault::Body(text)) => {
            (status, out) = (200, text.into_bytes());
            (len, keep) = (i64::try_from(out.len()).unwrap(), out.len());
        }
    }
    let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {len}\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    if request.method != "HEAD" {
        stream.write_all(&out[..keep])?;
    }
    stream.flush()
}

/// A page of the objects below the prefix, as long as was asked for.
fn listing(held: &BTreeMap<String, Vec<u8>>, query: &str) -> String {
    let asked = |name: &str| {
        let value = query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.replace("%2F", "/"))
    };
    let prefix = asked("prefix").unwrap_or_default();
    let after = asked("continuation-token").or_else(|| asked("start-after")).unwrap_or_default();
    let most: usize = asked("max-keys").map_or(1000, |text| text.parse().unwrap());
    let mut below = held.iter().filter(|(key, _)| key.starts_with(&prefix) && **key > after);
    let page: Vec<_> = below.by_ref().take(most).collect();
    let mut text =
        format!("<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>{}</IsTruncated>", below.clone().next().is_some());
    if let (Some((last, _)), Some(_)) = (page.last(), below.next()) {
        let _ = write!(text, "<NextContinuationToken>{last}</NextContinuationToken>");
    }
    for (key, bytes) in page {
        let _ = write!(
            text,
            "<Contents><Key>{key}</Key><LastModified>2026-11-27T12:00:00.000Z</LastModified><ETag>{}</ETag><Size>{}</Size></Contents>",
            e_tag(bytes).replace('"', "&quot;"),
            bytes.len()
        );
    }
    text + "</ListBucketResult>"
}

//! Makes stores to measure with, and reads one as plainly as it can be read; `fleet/bench` calls it.
//!
//!     speed make DIR SNAPSHOTS          a store of that many snapshots in 64 groups, each with a small payload
//!     speed payloads DIR COUNT BYTES    payloads alone, of that length
//!     speed audit URL FORMAT            an audit, with the time and memory of each part of it
//!     speed get URL                     every payload of a store by ranges of 4 MiB, 8 at the same time, and nothing done with them
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program for measurements says what it measured"
)]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use ekv_fleet::audit::{AuditOptions, GRACE, audit};
use ekv_fleet::progress::{Unit, Watch};
use ekv_fleet::store::{Address, Limits, Listed, Reach, connect};
use ekv_fleet::verify::{LANES, RANGE};
use ekv_tool::formats::offload::{KeyKind, Manifest, manifest_key, payload_key};
use ekv_tool::report::{OutputFormat, Style, render};
use ekv_tool::types::{LogIndex, Sha256Sum, UnixMillis};
use futures_util::{StreamExt as _, stream};

/// A manifest that a publisher wrote.
const MANIFEST: &str = include_str!("manifest.json");
/// Groups of the store.
const GROUPS: u64 = 64;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["make", dir, snapshots] => make(Path::new(dir), snapshots.parse().unwrap()),
        ["payloads", dir, count, bytes] => payloads(Path::new(dir), count.parse().unwrap(), bytes.parse().unwrap()),
        ["audit", url, format] => audited(url, format),
        ["get", url] => get(url),
        _ => println!("make DIR SNAPSHOTS | payloads DIR COUNT BYTES | audit URL table|json|ndjson | get URL"),
    }
}

fn write(dir: &Path, key: &str, bytes: &[u8]) {
    let path = dir.join(key);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn make(dir: &Path, snapshots: u64) {
    let mut manifest = Manifest::decode(MANIFEST.as_bytes()).unwrap();
    for number in 0..snapshots {
        let mut payload = b"EKVTHLC1\x00\x00\x01\x97\x74\x20\xdc\x00EKVPBBL1".to_vec();
        payload.extend_from_slice(&number.to_le_bytes());
        let digest = Sha256Sum::of(&payload);
        manifest.group_id = number % GROUPS + 1;
        manifest.snapshot_index = LogIndex(1000 * (number / GROUPS + 1));
        manifest.payload.key = payload_key("", digest);
        (manifest.payload.bytes, manifest.payload.sha256) = (payload.len() as u64, digest);
        manifest.manifest_key = manifest_key("", manifest.group_id, manifest.snapshot_index, manifest.snapshot_term);
        // What it should be stands in the refusal of what it is.
        manifest.manifest_sha256 = Sha256Sum([0; 32]);
        let said = Manifest::decode(manifest.canonical().as_bytes()).unwrap_err().to_string();
        manifest.manifest_sha256 = said
            .split(' ')
            .find_map(|word| {
                let digest = Sha256Sum::parse(word.trim_end_matches(','))?;
                (digest != Sha256Sum([0; 32])).then_some(digest)
            })
            .unwrap();
        write(dir, &manifest.manifest_key, manifest.canonical().as_bytes());
        write(dir, &manifest.payload.key, &payload);
    }
}

fn payloads(dir: &Path, count: u64, bytes: usize) {
    for number in 0..count {
        let mut state = number + 1;
        let mut payload = Vec::with_capacity(bytes);
        payload.extend_from_slice(b"EKVTHLC1\x00\x00\x01\x97\x74\x20\xdc\x00EKVPBBL1");
        while payload.len() < bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            payload.extend_from_slice(&state.to_le_bytes());
        }
        payload.truncate(bytes);
        let digest = Sha256Sum::of(&payload);
        write(dir, &payload_key("", digest), &payload);
    }
}

/// Says what each part of the work took.
#[derive(Debug)]
struct Stages(Mutex<(&'static str, Instant, f64)>);

impl Stages {
    fn end(&self, next: &'static str) {
        let mut at = self.0.lock().unwrap();
        let (what, began, cpu) = *at;
        let now = cpu_seconds();
        println!(
            "{what:<10} {:6.2} s, {:6.2} s of a processor, {} MiB peak",
            began.elapsed().as_secs_f64(),
            now - cpu,
            peak_mib()
        );
        *at = (next, Instant::now(), now);
    }
}

impl Watch for Stages {
    fn begin(&self, what: &'static str, _unit: Unit, _total: Option<u64>) {
        self.end(what);
    }

    fn advance(&self, _amount: u64) {}
}

/// User and system time of this process, as Linux counts it: a hundred times a second.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The name of the program stands in brackets and may hold blanks.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

/// The most memory that this process ever had, in MiB.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

fn audited(url: &str, format: &str) {
    let format = match format {
        "json" => OutputFormat::Json,
        "ndjson" => OutputFormat::Ndjson,
        _ => OutputFormat::Table,
    };
    let threads: usize = std::env::var("THREADS").map_or(0, |text| text.parse().unwrap());
    let mut builder = match threads {
        0 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    if threads > 0 {
        builder.worker_threads(threads);
    }
    let runtime = builder.enable_all().build().unwrap();
    let mut limits = Limits::default();
    if let Ok(requests) = std::env::var("REQUESTS") {
        limits.in_flight = requests.parse().unwrap();
    }
    let store = connect(&Address::parse(url).unwrap(), limits).unwrap();
    let stages = Stages(Mutex::new(("start", Instant::now(), cpu_seconds())));
    let options = AuditOptions { now: UnixMillis(1_800_000_000_000), grace: GRACE, deep: false, max_age: None };
    let report = runtime.block_on(audit(&store, None, &options, &stages)).unwrap();
    stages.end("rendering");
    render(&report, format, Style::default(), &mut std::io::sink()).unwrap();
    stages.end("end");
}

fn get(url: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let store = connect(&Address::parse(url).unwrap(), Limits::default()).unwrap();
    let Reach::Objects(objects) = store.reach.clone() else { panic!("{url} is no bucket") };
    runtime.block_on(async {
        let mut listed: Vec<Listed> = Vec::new();
        store.list(&*objects, |object| listed.push(object)).await.unwrap();
        listed.retain(|object| matches!(KeyKind::of(&object.key), KeyKind::Payload { .. }));
        let began = Instant::now();
        let ranges = listed.iter().flat_map(|object| {
            let count = object.size.div_ceil(RANGE);
            (0..count).map(move |piece| (object.clone(), piece * RANGE..(piece * RANGE + RANGE).min(object.size)))
        });
        let fetched = ranges.map(|(object, range)| {
            let (store, objects) = (store.clone(), objects.clone());
            async move {
                tokio::spawn(async move {
                    store.pieces(&*objects, &object, range).await.unwrap().iter().fold(0, |sum, piece| sum + piece.len())
                })
                .await
                .unwrap()
            }
        });
        let bytes = stream::iter(fetched).buffered(LANES).fold(0_u64, |sum, len| async move { sum + len as u64 }).await;
        let seconds = began.elapsed().as_secs_f64();
        println!("plain GET: {} objects, {bytes} bytes, {seconds:.2} s, {:.0} MB/s", listed.len(), bytes as f64 / 1e6 / seconds);
    });
    let _ = std::io::stdout().flush();
}

//! Servers that answer wrong: the finding or `unknown`, never clean, never a hang, and never a secret.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use crate::support::directories::PAYLOAD;
use crate::support::http::{Fault, Request, Server};
use crate::support::program::{Ran, run};
use crate::support::recorded::offload;

const MANIFEST: &str = "prod/east/v1/groups/64/snapshots/00000000000000000010-00000000000000000002.json";
/// Nothing that is tried twice, each time for a second, takes longer.
const SOON: Duration = Duration::from_secs(25);

fn audit(server: &Server) -> Ran {
    run(&server.url, &["--format", "json", "offload", "audit", "s3://bucket", "--timeout", "1s", "--max-retries", "1"])
}

fn verify(server: &Server, results: &Path) -> Ran {
    let results = results.to_str().unwrap();
    let args =
        ["--format", "json", "offload", "verify", "s3://bucket", "--results", results, "--timeout", "1s", "--max-retries", "1"];
    run(&server.url, &args)
}

fn is_listing(request: &Request) -> bool {
    request.query.contains("list-type=2")
}

/// True for requests for that object, and for the circle into which they may be sent.
fn hits(request: &Request, key: &str) -> bool {
    request.key == key || request.key == "again"
}

/// Every way in which an answer can be wrong.
fn faults() -> Vec<Fault> {
    let mut all: Vec<_> = [301, 400, 401, 403, 409, 412, 416, 418, 429, 500, 503].map(Fault::Status).into();
    all.extend([
        Fault::Redirect("/bucket/again".to_owned()),
        Fault::Redirect("http://127.0.0.1:1/elsewhere".to_owned()),
        Fault::Cut(1),
        Fault::Cut(1 << 20),
        Fault::Length(-1),
        Fault::Length(1),
        Fault::Silence,
        Fault::Noise,
    ]);
    all
}

#[test]
fn a_right_server_is_clean() {
    let server = Server::of(&offload().join("local"), |_, _| None);
    let ran = audit(&server);
    assert_eq!((ran.status, ran.report["verdict"].as_str()), (0, Some("clean")), "{}", ran.said);
    let out = tempfile::tempdir().unwrap();
    let ran = verify(&server, out.path());
    assert_eq!((ran.status, ran.report["read"].as_u64()), (0, Some(3)), "{}", ran.said);
}

#[test]
fn a_manifest_that_cannot_be_fetched_is_unknown() {
    // A page of something on the way has another length than the listing says, and so has a manifest without its last byte.
    for fault in faults().into_iter().chain([Fault::Body("<html>try again later</html>".to_owned())]) {
        let wrong = fault.clone();
        let server = Server::of(&offload().join("local"), move |request, _| hits(request, MANIFEST).then(|| wrong.clone()));
        let ran = audit(&server);
        assert_eq!(ran.report["verdict"], "unknown", "{fault:?}: {}", ran.said);
        assert!(ran.took < SOON, "{fault:?} took {:?}", ran.took);
    }
}

#[test]
fn a_payload_that_cannot_be_looked_at_is_unknown() {
    let more = [
        Fault::Whole,
        Fault::Header("content-range", "bytes 0-18446744073709551615/18446744073709551615".to_owned()),
        Fault::Header("content-range", "bytes 5-4/3".to_owned()),
        Fault::Header("content-range", "nonsense".to_owned()),
    ];
    for fault in faults().into_iter().chain(more) {
        let wrong = fault.clone();
        let server = Server::of(&offload().join("local"), move |request, _| hits(request, PAYLOAD).then(|| wrong.clone()));
        let ran = audit(&server);
        assert_eq!(ran.report["verdict"], "unknown", "{fault:?}: {}", ran.said);
        assert!(ran.took < SOON, "{fault:?} took {:?}", ran.took);
        let out = tempfile::tempdir().unwrap();
        let ran = verify(&server, out.path());
        let verdict = ran.report["verdict"].as_str().unwrap_or_default().to_owned();
        assert!(verdict == "unknown" || verdict == "damaged", "{fault:?}: {}", ran.said);
        assert!(ran.took < SOON, "{fault:?} took {:?}", ran.took);
    }
}

/// The bytes are what a store sends, not what it should have: other ones of the right length are damage.
#[test]
fn other_bytes_are_damage() {
    let server = Server::of(&offload().join("local"), |request, _| (request.key == PAYLOAD).then_some(Fault::Other));
    let out = tempfile::tempdir().unwrap();
    let ran = verify(&server, out.path());
    assert_eq!((ran.status, ran.report["verdict"].as_str()), (2, Some("damaged")), "{}", ran.said);
}

#[test]
fn a_missing_payload_is_damage_and_a_missing_bucket_is_no_report() {
    // What the listing has, also when it is asked again, and nobody gets: the next run knows.
    let server = Server::of(&offload().join("local"), |request, _| (request.key == PAYLOAD).then_some(Fault::Status(404)));
    let ran = audit(&server);
    assert_eq!((ran.status, ran.report["verdict"].as_str()), (3, Some("unknown")), "{}", ran.said);
    let server = Server::of(&offload().join("local"), |_, _| None);
    server.objects.lock().unwrap().remove(PAYLOAD);
    let ran = audit(&server);
    assert_eq!((ran.status, ran.report["verdict"].as_str()), (2, Some("damaged")), "{}", ran.said);
    for fault in faults() {
        let wrong = fault.clone();
        let server = Server::of(&offload().join("local"), move |request, _| {
            (is_listing(request) || request.key == "again").then(|| wrong.clone())
        });
        let ran = audit(&server);
        assert_eq!((ran.status, ran.report["verdict"].as_str()), (1, Some("unknown")), "{fault:?}: {}", ran.said);
        assert!(ran.took < SOON, "{fault:?} took {:?}", ran.took);
    }
}

/// A clean-up that runs while the store is read removes a manifest and then its payload. Only of a manifest that still stands something
/// is missing.
#[test]
fn what_vanishes_behind_the_listing_is_looked_for_again() {
    type Objects = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;
    let digest = PAYLOAD.rsplit('/').next().unwrap().trim_end_matches(".fsm");
    let names_it = move |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(digest);
    // What is removed with the payload, what becomes of requests for the manifests then, and the verdict.
    let cases: [(&str, bool, Option<Fault>, &str, &str); 3] = [
        ("the payload alone", false, None, "damaged", "offload-payload-missing"),
        ("its manifests too", true, None, "unknown", "it was removed while the store was read"),
        ("nobody knows of the manifests", false, Some(Fault::Status(403)), "unknown", "whether it still is could not be asked"),
    ];
    for (name, with_manifests, fault, verdict, words) in cases {
        let held: Arc<OnceLock<Objects>> = Arc::default();
        let seen = Arc::clone(&held);
        let server = Server::of(&offload().join("local"), move |request, _| {
            let mut objects = seen.get()?.lock().unwrap();
            if request.key == PAYLOAD {
                objects.remove(PAYLOAD);
                if with_manifests {
                    objects.retain(|key, bytes| !key.ends_with(".json") || !names_it(bytes));
                }
            }
            let gone = !objects.contains_key(PAYLOAD);
            fault.clone().filter(|_| gone && request.key.ends_with(".json"))
        });
        held.set(Arc::clone(&server.objects)).unwrap();
        let ran = audit(&server);
        assert_eq!(ran.report["verdict"], verdict, "{name}: {}", ran.said);
        assert!(ran.said.contains(words), "{name}: {}", ran.said);
        assert!(verdict == "damaged" || !ran.said.contains("offload-payload-missing"), "{name}: {}", ran.said);
    }
    // A listing that has it, twice, and a store that has not: nobody knows.
    let server = Server::of(&offload().join("local"), |request, _| (request.key == PAYLOAD).then_some(Fault::Status(404)));
    let ran = audit(&server);
    assert!(ran.status == 3 && ran.said.contains("the store lists it again and does not have it (404)"), "{}", ran.said);
    // One that cannot be listed a second time.
    let listings = AtomicUsize::new(0);
    let server = Server::of(&offload().join("local"), move |request, _| match request.key == PAYLOAD {
        true => Some(Fault::Status(404)),
        false if is_listing(request) && listings.fetch_add(1, Ordering::SeqCst) > 0 => Some(Fault::Status(500)),
        false => None,
    });
    let ran = audit(&server);
    assert!(ran.status == 3 && ran.said.contains("could not be asked again: the store failed (500)"), "{}", ran.said);
    // Without manifests `verify` cannot know what it means that a payload is gone.
    let held: Arc<OnceLock<Objects>> = Arc::default();
    let seen = Arc::clone(&held);
    let server = Server::of(&offload().join("local"), move |request, _| {
        if request.key == PAYLOAD {
            seen.get()?.lock().unwrap().remove(PAYLOAD);
        }
        None
    });
    held.set(Arc::clone(&server.objects)).unwrap();
    let out = tempfile::tempdir().unwrap();
    let ran = verify(&server, out.path());
    assert!(ran.status == 3 && ran.said.contains("it vanished while it was looked for"), "{}", ran.said);
}

/// What was found is told, although nobody can keep it.
#[test]
fn results_that_cannot_be_written_are_unknown_and_hide_no_damage() {
    for (fault, verdict) in [(None, "unknown"), (Some(Fault::Other), "damaged")] {
        let server = Server::of(&offload().join("local"), move |request, _| match request.method.as_str() {
            "PUT" => Some(Fault::Status(403)),
            _ if request.key == PAYLOAD => fault.clone(),
            _ => None,
        });
        let args =
            ["--format", "json", "offload", "verify", "s3://bucket/prod", "--results", "s3://bucket/ekv", "--max-retries", "0"];
        let ran = run(&server.url, &args);
        assert_eq!(ran.report["verdict"], verdict, "{}", ran.said);
        assert!(ran.said.contains("a part of the results cannot be written"), "{}", ran.said);
    }
}

/// A listing is believed as far as it went.
#[test]
fn a_listing_that_breaks_off_or_never_ends_is_unknown() {
    let server = Server::of(&offload().join("local"), |_, _| None);
    let page = |keys: &[&str], next: &str| {
        let objects = server.objects.lock().unwrap();
        let mut text = "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>true</IsTruncated>".to_owned();
        let _ = write!(text, "<NextContinuationToken>{next}</NextContinuationToken>");
        for key in keys {
            let len = objects.get(*key).map_or(0, Vec::len);
            let _ = write!(
                text,
                "<Contents><Key>{key}</Key><LastModified>2026-11-27T12:00:00.000Z</LastModified><ETag>x</ETag><Size>{len}</Size></Contents>"
            );
        }
        text + "</ListBucketResult>"
    };
    let (first, empty) = (page(&[MANIFEST, PAYLOAD], "on"), page(&[], "on"));
    let odd = page(&["a//b"], "on");
    let cases: [(&str, String, Fault); 4] = [
        ("breaks off", first.clone(), Fault::Status(500)),
        ("repeats itself", first.clone(), Fault::Body(first.clone())),
        ("goes on without objects", first.clone(), Fault::Body(empty)),
        ("has a key that is no path", first, Fault::Body(odd)),
    ];
    for (name, first, then) in cases {
        let server = Server::of(&offload().join("local"), move |request, _| {
            if !is_listing(request) {
                None
            } else if request.query.contains("continuation-token=on") {
                Some(then.clone())
            } else {
                Some(Fault::Body(first.clone()))
            }
        });
        let ran = audit(&server);
        assert_eq!((ran.status, ran.report["verdict"].as_str()), (3, Some("unknown")), "{name}: {}", ran.said);
        assert!(ran.took < SOON, "{name} took {:?}", ran.took);
        let out = tempfile::tempdir().unwrap();
        let ran = verify(&server, out.path());
        assert_eq!(ran.report["verdict"], "unknown", "{name}: {}", ran.said);
    }
}

/// A page that is cut and does not say where the listing goes on is not the end of it.
#[test]
fn a_listing_that_does_not_say_where_it_goes_on_is_asked_again() {
    let local = offload().join("local");
    let whole = audit(&Server::of(&local, |_, _| None)).report;
    let cut = "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>true</IsTruncated>";
    let server = Server::of(&local, |_, _| None);
    let objects: Vec<_> = server.objects.lock().unwrap().iter().map(|(key, bytes)| (key.clone(), bytes.len())).collect();
    let page = move |objects: &[(String, usize)]| {
        let contents = objects.iter().map(|(key, len)| {
            format!("<Contents><Key>{key}</Key><LastModified>2026-11-27T12:00:00.000Z</LastModified><ETag>x</ETag><Size>{len}</Size></Contents>")
        });
        format!("{cut}{}</ListBucketResult>", contents.collect::<String>())
    };
    // One goes on behind the key that it is asked for, one always begins anew.
    let (first, all) = (page(&objects[..2]), page(&objects));
    for (name, body, goes_on) in [("cut", first, true), ("begins anew", all, false)] {
        let server = Server::of(&local, move |request, _| {
            let from_the_start = !request.query.contains("start-after");
            (is_listing(request) && (from_the_start || !goes_on)).then(|| Fault::Body(body.clone()))
        });
        let ran = audit(&server);
        assert_eq!(ran.report["stores"], whole["stores"], "{name}: {}", ran.said);
        assert_eq!(ran.report["verdict"], whole["verdict"], "{name}: {}", ran.said);
    }
}

/// Lengths that add up to more than a number holds.
#[test]
fn absurd_lengths_are_unknown() {
    let local = offload().join("local");
    let server = Server::of(&local, |_, _| None);
    let keys: Vec<_> = server.objects.lock().unwrap().keys().cloned().collect();
    let contents = keys.iter().map(|key| {
        format!("<Contents><Key>{key}</Key><LastModified>2026-11-27T12:00:00.000Z</LastModified><ETag>x</ETag><Size>18446744073709551615</Size></Contents>")
    });
    let body = format!("<?xml version=\"1.0\"?><ListBucketResult>{}</ListBucketResult>", contents.collect::<String>());
    let server = Server::of(&local, move |request, _| is_listing(request).then(|| Fault::Body(body.clone())));
    let ran = audit(&server);
    assert!(matches!(ran.status, 2 | 3), "{}", ran.said);
    let out = tempfile::tempdir().unwrap();
    let ran = verify(&server, out.path());
    assert_eq!((ran.status, ran.report["verdict"].as_str()), (3, Some("unknown")), "{}", ran.said);
}

/// A key with an empty part is nothing that the server writes: it is named, and hides nothing.
#[test]
fn keys_that_are_no_paths_hide_nothing() {
    let server = Server::of(&offload().join("local"), |_, _| None);
    let clean = audit(&server).report;
    for key in
        ["a//b", "prod//x", "prod/east//v1/x", "prod/east/v1//groups/1", "zz//", "prod/./x", "/lead", "prod/", "prod/east/v1/"]
    {
        server.objects.lock().unwrap().insert(key.to_owned(), b"x".to_vec());
    }
    for number in 0..40 {
        server.objects.lock().unwrap().insert(format!("prod/east/v1/odd//{number:02}"), Vec::new());
    }
    for url in ["s3://bucket", "s3://bucket/prod", "s3://bucket/prod/east"] {
        server.requests.store(0, Ordering::SeqCst);
        let ran = run(&server.url, &["--format", "json", "offload", "audit", url]);
        assert_eq!((ran.status, &ran.report["verdict"]), (0, &clean["verdict"]), "{url}: {}", ran.said);
        assert_eq!(ran.report["offloads"].as_array().unwrap().len(), clean["offloads"].as_array().unwrap().len(), "{url}");
        let foreign = ran.report["stores"][0]["other_entries"].as_u64().unwrap();
        let expected = server
            .objects
            .lock()
            .unwrap()
            .keys()
            .filter(|key| {
                key.starts_with(url.strip_prefix("s3://bucket").unwrap().trim_start_matches('/'))
                    && !key.contains("sha256")
                    && !key.ends_with(".json")
            })
            .count();
        assert_eq!(usize::try_from(foreign).unwrap(), expected, "{url}: {}", ran.said);
        assert!(server.requests.load(Ordering::SeqCst) < 100, "{url}");
    }
    // One that looks like a manifest is one that no restore can ask for.
    let like = MANIFEST.replace("/v1/", "//v1/");
    server.objects.lock().unwrap().insert(like, b"{}".to_vec());
    let ran = audit(&server);
    assert_eq!((ran.status, ran.report["verdict"].as_str()), (3, Some("unknown")), "{}", ran.said);
    assert_eq!(ran.report["coverage"]["not_examined"].as_array().unwrap().iter().filter(|it| it["needed"] == true).count(), 1);
}

#[test]
fn retries_end() {
    let server = Server::of(&offload().join("local"), |request, _| (request.key == PAYLOAD).then_some(Fault::Status(503)));
    let asked = |retries: &str| {
        server.requests.store(0, Ordering::SeqCst);
        let ran = run(&server.url, &["--format", "json", "offload", "audit", "s3://bucket", "--max-retries", retries]);
        assert_eq!(ran.report["verdict"], "unknown");
        server.requests.load(Ordering::SeqCst)
    };
    assert_eq!(asked("3") - asked("0"), 3);
}

#[test]
fn secrets_are_in_no_output() {
    let out = tempfile::tempdir().unwrap();
    let server = Server::of(&offload().join("local"), |request, _| (request.key == PAYLOAD).then_some(Fault::Status(403)));
    // Every run looks for them.
    for format in ["table", "json", "ndjson", "prometheus", "markdown"] {
        for verbosity in ["--quiet", "--verbose"] {
            run(&server.url, &["--format", format, verbosity, "--progress", "always", "offload", "audit", "s3://bucket"]);
        }
    }
    let results = out.path().join("results");
    run(&server.url, &["offload", "verify", "s3://bucket", "--results", results.to_str().unwrap(), "--max-retries", "0"]);
    for (name, path) in crate::support::recorded::files(out.path()) {
        let bytes = std::fs::read(path).unwrap();
        for secret in crate::support::program::SECRETS {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{name}");
        }
    }
    for url in ["s3://AKIAFAKEFAKEFAKEFAKE:x@bucket", "az://c/p?sig=AKIAFAKEFAKEFAKEFAKE", "https://h/AKIAFAKEFAKEFAKEFAKE"] {
        assert_eq!(run(&server.url, &["offload", "audit", url]).status, 1);
    }
    let ran = run("http://127.0.0.1:1", &["offload", "audit", "s3://bucket", "--max-retries", "0"]);
    assert_eq!(ran.status, 1, "{}", ran.said);
}

#[test]
fn reports_and_results_never_go_into_a_store() {
    let dir = tempfile::tempdir().unwrap();
    crate::support::recorded::copy(&offload().join("local"), dir.path());
    let before = crate::support::recorded::files(dir.path());
    let at = dir.path().to_str().unwrap();
    for output in ["report", "prod/east/report", "prod/east/v1/report"] {
        let output = dir.path().join(output);
        let ran = run("http://127.0.0.1:1", &["--output", output.to_str().unwrap(), "offload", "audit", at]);
        assert_eq!(ran.status, 1, "{}", ran.said);
    }
    for results in [at.to_owned(), format!("{at}/prod/results"), "s3://bucket/prod".to_owned()] {
        let store = if results.starts_with("s3") { "s3://bucket" } else { at };
        let ran = run("http://127.0.0.1:1", &["offload", "verify", store, "--results", &results]);
        assert_eq!(ran.status, 1, "{}", ran.said);
    }
    assert_eq!(crate::support::recorded::files(dir.path()), before);
    // Elsewhere it may, and over an earlier report.
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("report.json");
    for _ in 0..2 {
        let ran = run("http://127.0.0.1:1", &["--format", "json", "--output", file.to_str().unwrap(), "offload", "audit", at]);
        assert_eq!(ran.status, 0, "{}", ran.said);
    }
    assert!(std::fs::read_to_string(file).unwrap().contains("ekv-fleet/offload-audit/v1"));
}

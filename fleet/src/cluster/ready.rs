//! Whether a scheduler is there and has executors: Ballista keeps a query without any of them for ever.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use super::SchedulerAddress;

/// The longest that one request may take.
const REQUEST: Duration = Duration::from_secs(5);
/// How often it is asked while a query runs.
const EVERY: Duration = Duration::from_secs(5);
/// For so long a query waits for a scheduler that does not answer, or has no executor any more.
const PATIENCE: Duration = Duration::from_secs(120);

/// `Ok` when an executor has asked the scheduler for work, or does so in time; or why not.
pub(crate) async fn wait_for_executors(scheduler: &SchedulerAddress, patience: Duration) -> Result<(), String> {
    let began = Instant::now();
    loop {
        match ready(scheduler).await {
            Ok(true) => return Ok(()),
            Ok(false) if began.elapsed() < patience => tokio::time::sleep(Duration::from_millis(200)).await,
            Ok(false) => return Err(NONE.to_owned()),
            Err(error) => return Err(format!("{AWAY}: {error}")),
        }
    }
}

/// Returns when there is nobody any more who could answer a query, and says why.
pub(crate) async fn gone(scheduler: &SchedulerAddress) -> String {
    let (mut since, mut why) = (Instant::now(), String::new());
    loop {
        tokio::time::sleep(EVERY).await;
        match ready(scheduler).await {
            Ok(true) => since = Instant::now(),
            Ok(false) => NONE.clone_into(&mut why),
            Err(error) => why = format!("{AWAY}: {error}"),
        }
        if since.elapsed() >= PATIENCE {
            return why;
        }
    }
}

const NONE: &str = "no executor asks the scheduler for work";
const AWAY: &str = "the scheduler cannot be asked";

async fn ready(scheduler: &SchedulerAddress) -> io::Result<bool> {
    let scheduler = scheduler.clone();
    tokio::task::spawn_blocking(move || ask(&scheduler)).await.map_err(io::Error::other)?
}

fn ask(scheduler: &SchedulerAddress) -> io::Result<bool> {
    let host = scheduler.host.trim_start_matches('[').trim_end_matches(']');
    let mut last = io::Error::other("its name has no address");
    for address in (host, scheduler.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, REQUEST) {
            Ok(stream) => return asked(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn asked(mut stream: TcpStream) -> io::Result<bool> {
    stream.set_read_timeout(Some(REQUEST))?;
    stream.set_write_timeout(Some(REQUEST))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: scheduler\r\nconnection: close\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    match &status {
        b"HTTP/1.1 200" => Ok(true),
        b"HTTP/1.1 503" => Ok(false),
        _ => Err(io::Error::other("what answers there is no scheduler")),
    }
}

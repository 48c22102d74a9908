//! What stands between a client and a server, and hears each request before the server does.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

/// Hands on to the server at `url` whatever comes, after `hear` was called with the first line of each request. Returns its own address.
pub fn listener(url: &str, hear: impl Fn(&str) + Send + Sync + 'static) -> String {
    let server = url.strip_prefix("http://").unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = format!("http://{}", listener.local_addr().unwrap());
    let hear = Arc::new(hear);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (server, hear) = (TcpStream::connect(&server).unwrap(), Arc::clone(&hear));
            let (mut answers, mut asker) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut answers, &mut asker);
                let _ = asker.shutdown(Shutdown::Both);
            });
            std::thread::spawn(move || hand_on(client, server, &*hear));
        }
    });
    own
}

fn hand_on(mut client: TcpStream, mut server: TcpStream, hear: &dyn Fn(&str)) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(len) = client.read(&mut bytes) {
        // A client sends the head of a request at once, and no other before it has the answer.
        let line = bytes[..len].split(|byte| *byte == b'\r').next().and_then(|line| std::str::from_utf8(line).ok());
        if let Some(line) = line.filter(|line| line.ends_with(" HTTP/1.1")) {
            hear(line);
        }
        if len == 0 || server.write_all(&bytes[..len]).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Write);
}

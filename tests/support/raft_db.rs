//! Writes the Pebble log store of elastickv's middle generation, and snapshots beside it.

use std::fs;
use std::path::Path;

use ekv_tool::formats::hraft::crc64;

use super::store_writer::StoreWriter;
use super::table_writer::{Options, SET};

/// Key of an entry.
pub fn log_key(index: u64) -> Vec<u8> {
    [b"l".as_slice(), &index.to_be_bytes()].concat()
}

/// Key of a stable value.
pub fn stable_key(name: &str) -> Vec<u8> {
    [b"s", name.as_bytes()].concat()
}

/// An entry as the store of that time encodes it: fields in the order of their declaration, numbers in full, bytes as `bin`.
pub fn entry(index: u64, term: u64, kind: u8, data: &[u8]) -> Vec<u8> {
    let text = |text: &str| [&[0xa0 | u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let number = |number: u64| [&[0xcf], number.to_be_bytes().as_slice()].concat();
    let data = if data.is_empty() { vec![0xc0] } else { [&[0xc4, u8::try_from(data.len()).unwrap()], data].concat() };
    // 2022-07-08T22:47:48.235162Z
    let clock = [0xd7, 0xff, 0x38, 0x11, 0x26, 0x40, 0x62, 0xc8, 0xb4, 0x14];
    let fields = [
        (text("Index"), number(index)),
        (text("Term"), number(term)),
        (text("Type"), vec![0xcc, kind]),
        (text("Data"), data),
        (text("Extensions"), vec![0xc0]),
        (text("AppendedAt"), clock.to_vec()),
    ];
    let mut out = vec![0x86];
    for (name, value) in fields {
        out.extend(name);
        out.extend(value);
    }
    out
}

/// The payload of a membership, as go-msgpack writes it: voters with their addresses.
pub fn members(servers: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&[0xa0 | u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    let mut out = [&[0x81], text("Servers").as_slice(), &[0x90 | u8::try_from(servers.len()).unwrap()]].concat();
    for (id, address) in servers {
        out.push(0x83);
        for (name, value) in [("Address", address), ("ID", id)] {
            out.extend(text(name));
            out.extend(text(value));
        }
        out.extend(text("Suffrage"));
        out.push(0);
    }
    out
}

/// Rows in the order of their keys.
pub type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// A log of one voter `n1`: a membership at 1, a no-op at 2, commands up to `last`; current term 2 and a vote for itself.
pub fn rows(last: u64) -> Rows {
    let mut rows = vec![(log_key(1), entry(1, 1, 5, &members(&[("n1", "127.0.0.1:1")]))), (log_key(2), entry(2, 2, 1, b""))];
    rows.extend((3..=last).map(|index| (log_key(index), entry(index, 2, 0, format!("command {index}").as_bytes()))));
    rows.push((stable_key("CurrentTerm"), 2_u64.to_be_bytes().to_vec()));
    rows.push((stable_key("LastVoteCand"), b"127.0.0.1:1".to_vec()));
    rows.push((stable_key("LastVoteTerm"), 2_u64.to_be_bytes().to_vec()));
    rows
}

/// Puts rows into one table of the store in `dir`.
pub fn in_table(dir: &Path, rows: &Rows) {
    let mut store = StoreWriter::new(dir).unwrap();
    store
        .table(6, Options::default(), |table| {
            rows.iter().enumerate().try_for_each(|(number, (key, value))| table.point(key, 10 + number as u64, SET, value))
        })
        .unwrap();
    store.finish().unwrap();
}

/// Puts rows into the log of the store in `dir`.
pub fn in_log(dir: &Path, rows: &Rows) {
    let mut store = StoreWriter::new(dir).unwrap();
    for (number, (key, value)) in rows.iter().enumerate() {
        store.batch(10 + number as u64, &[(SET, key, value)]);
    }
    store.finish().unwrap();
}

/// A snapshot of a payload of no known state machine.
pub fn snapshot(node: &Path, term: u64, index: u64, configuration_index: u64) {
    let id = format!("{term}-{index}-1795216369483");
    let dir = node.join("snapshots").join(&id);
    fs::create_dir_all(&dir).unwrap();
    let state = b"123456789";
    fs::write(dir.join("state.bin"), state).unwrap();
    // The sum of these nine bytes.
    assert_eq!(crc64(state), 0x995d_c9bb_df19_39fa);
    let meta = format!(
        "{{\"Version\":1,\"ID\":\"{id}\",\"Index\":{index},\"Term\":{term},\"Peers\":\"kasxMjcuMC4wLjE6MQ==\",\"Configuration\":\
         {{\"Servers\":[{{\"Suffrage\":0,\"ID\":\"n1\",\"Address\":\"127.0.0.1:1\"}}]}},\"ConfigurationIndex\":{configuration_index},\
         \"Size\":9,\"CRC\":\"mV3Ju98ZOfo=\"}}\n"
    );
    fs::write(dir.join("meta.json"), meta).unwrap();
}

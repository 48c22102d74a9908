//! Codes about rows of payloads, from payloads that are written for them.

use std::path::Path;

use super::{Files, Provocation};

const NAME: &str = "0000000000000001.fsm";

const fn deep(code: &'static str, severity: &'static str, offset: u64, build: fn(&Path)) -> Provocation {
    let command = "verify-snapshot --deep";
    Provocation { code, severity, command, files: Files::Built(build), target: NAME, path: NAME, offset: Some(offset) }
}

pub const ALL: &[Provocation] = &[
    deep("fsm-row-order", "error", 50, |root| {
        write(root, &[row(b"b\xff\xff\xff\xff\xff\xff\xff\xff", &[0; 9]), row(b"a\xff\xff\xff\xff\xff\xff\xff\xff", &[0; 9])]);
    }),
    deep("fsm-row-invalid", "error", 16, |root| write(root, &[row(b"short", &[0; 9])])),
    // Committed at 1, and the payload says that nothing was committed after 0.
    deep("fsm-clock-behind", "warning", 8, |root| write(root, &[row(b"b\xff\xff\xff\xff\xff\xff\xff\xfe", &[0; 9])])),
];

fn row(key: &[u8], value: &[u8]) -> Vec<u8> {
    [&(key.len() as u64).to_le_bytes(), key, &(value.len() as u64).to_le_bytes(), value].concat()
}

fn write(root: &Path, rows: &[Vec<u8>]) {
    let payload = [b"EKVPBBL1\0\0\0\0\0\0\0\0".to_vec(), rows.concat()].concat();
    std::fs::write(root.join(NAME), [&payload[..], &crc32c::crc32c(&payload).to_be_bytes()].concat()).unwrap();
}

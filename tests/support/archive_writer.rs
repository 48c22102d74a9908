//! Snapshot archives as Consul, Nomad, Vault and OpenBao write them, and as nobody does.

use std::io::Write as _;

use ekv_tool::formats::hraft::crc64;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

/// The payload.
pub const STATE: &[u8] = b"123456789 and some more of the state machine's own stream";

/// Members that will be packed.
#[derive(Clone)]
pub struct ArchiveWriter {
    pub members: Vec<(String, Vec<u8>)>,
    /// Blocks of zeros at the end.
    pub end_blocks: usize,
}

/// `meta.json` for a payload of this length.
pub fn meta(size: usize) -> Vec<u8> {
    let servers = r#"{"Suffrage":0,"ID":"n1","Address":"127.0.0.1:1"}"#;
    let configuration = format!(r#""Configuration":{{"Servers":[{servers}]}},"ConfigurationIndex":1"#);
    format!(
        "{{\"Version\":1,\"ID\":\"3-7-1795216369483\",\"Index\":7,\"Term\":3,\"Peers\":\"wA==\",{configuration},\"Size\":{size}}}\n"
    )
    .into_bytes()
}

/// `meta.json` as it stands beside a `state.bin`, with its checksum.
pub fn meta_with_crc(crc: u64) -> Vec<u8> {
    let text = String::from_utf8(meta(STATE.len())).unwrap();
    let hex: String = crc.to_be_bytes().iter().fold(String::new(), |text, byte| format!("{text}{byte:08b}"));
    // Eight bytes are eleven digits of six bits and one padded.
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let padded = format!("{hex}00");
    let base64: String =
        (0..11).map(|at| char::from(digits[usize::from_str_radix(&padded[at * 6..at * 6 + 6], 2).unwrap()])).collect();
    text.replace("}\n", &format!(",\"CRC\":\"{base64}=\"}}\n")).into_bytes()
}

/// A line for each.
pub fn sums(members: &[(&str, &[u8])]) -> Vec<u8> {
    members.iter().fold(Vec::new(), |mut text, (name, bytes)| {
        for byte in Sha256::digest(bytes) {
            write!(text, "{byte:02x}").unwrap();
        }
        writeln!(text, "  {name}").unwrap();
        text
    })
}

/// The right checksum of [`STATE`].
pub fn state_crc() -> u64 {
    crc64(STATE)
}

impl ArchiveWriter {
    /// A whole archive of Consul or Nomad.
    pub fn consul() -> Self {
        Self::of(&meta(STATE.len()), STATE)
    }

    /// One around this `meta.json` and this payload.
    pub fn of(meta: &[u8], state: &[u8]) -> Self {
        let sums = sums(&[("meta.json", meta), ("state.bin", state)]);
        let members = [("meta.json", meta.to_vec()), ("state.bin", state.to_vec()), ("SHA256SUMS", sums)];
        Self { members: members.map(|(name, bytes)| (name.to_owned(), bytes)).to_vec(), end_blocks: 2 }
    }

    /// A whole archive of Vault or OpenBao.
    pub fn vault() -> Self {
        Self::consul().with("SHA256SUMS.sealed", b"only the cluster's keys open this")
    }

    /// With one member more.
    pub fn with(mut self, name: &str, bytes: &[u8]) -> Self {
        self.members.push((name.to_owned(), bytes.to_vec()));
        self
    }

    /// Without one.
    pub fn without(mut self, name: &str) -> Self {
        self.members.retain(|(member, _)| member != name);
        self
    }

    /// With other content of one.
    pub fn changed(mut self, name: &str, change: impl Fn(&mut Vec<u8>)) -> Self {
        self.members.iter_mut().filter(|(member, _)| member == name).for_each(|(_, bytes)| change(bytes));
        self
    }

    /// The tar.
    pub fn tar(&self) -> Vec<u8> {
        let mut tar = Vec::new();
        for (name, bytes) in &self.members {
            tar.extend_from_slice(&header(name, bytes.len() as u64, b'0'));
            tar.extend_from_slice(bytes);
            tar.resize(tar.len().next_multiple_of(512), 0);
        }
        tar.resize(tar.len() + self.end_blocks * 512, 0);
        tar
    }

    /// The file.
    pub fn gzip(&self) -> Vec<u8> {
        gzip(&self.tar())
    }
}

/// A tar header.
pub fn header(name: &str, size: u64, kind: u8) -> [u8; 512] {
    let mut header = tar::Header::new_ustar();
    header.set_path(name).unwrap();
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(1_795_216_369);
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_cksum();
    *header.as_bytes()
}

/// Compressed.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

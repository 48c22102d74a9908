//! What `wal-meta.db` holds under its one key: the list of segments, as JSON.

use crate::formats::go_json::{JsonError, decode};
use crate::formats::go_time::GoTime;

/// Segments that are held; a log of them would have terabytes.
const MOST: usize = 1 << 16;

/// The list of segments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WalState {
    /// Id of the next segment.
    pub next_id: u64,
    /// The segments in their order.
    pub segments: Vec<SegmentInfo>,
    /// Segments that are not held.
    pub more: u64,
}

/// One segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SegmentInfo {
    /// Its id.
    pub id: u64,
    /// Index of its first entry.
    pub base: u64,
    /// First index that still counts.
    pub min: u64,
    /// Last index that counts; 0 while it is not sealed.
    pub max: u64,
    /// How entries are written.
    pub codec: u64,
    /// Offset of the content of its index frame; 0 while it is not sealed.
    pub index_start: u64,
    /// When it was sealed; the zero time while it is not.
    pub sealed_at: GoTime,
    /// Bytes at which it is sealed.
    pub size_limit: u64,
}

impl SegmentInfo {
    /// True for a segment that is complete.
    pub fn sealed(&self) -> bool {
        self.sealed_at != GoTime::default()
    }
}

const STATE: [&str; 2] = ["nextsegmentid", "segments"];
const SEGMENT: [&str; 9] =
    ["id", "baseindex", "minindex", "maxindex", "codec", "indexstart", "createtime", "sealtime", "sizelimit"];

/// Decodes the list.
///
/// # Errors
///
/// The library's own, as it says it.
pub fn decode_wal_state(text: &[u8]) -> Result<WalState, JsonError> {
    let mut state = WalState::default();
    decode(text, |json| {
        json.object("types", "PersistentState", &STATE, |json, field| {
            if field == "nextsegmentid" {
                json.unsigned(&mut state.next_id, u64::MAX, "uint64");
                return Ok(());
            }
            state.segments.clear();
            json.list("[]types.SegmentInfo", |json| {
                let mut info = SegmentInfo::default();
                json.object("types", "SegmentInfo", &SEGMENT, |json, field| {
                    let (into, max, name) = match field {
                        "id" => (&mut info.id, u64::MAX, "uint64"),
                        "baseindex" => (&mut info.base, u64::MAX, "uint64"),
                        "minindex" => (&mut info.min, u64::MAX, "uint64"),
                        "maxindex" => (&mut info.max, u64::MAX, "uint64"),
                        "codec" => (&mut info.codec, u64::MAX, "uint64"),
                        "indexstart" => (&mut info.index_start, u64::MAX, "uint64"),
                        "sizelimit" => (&mut info.size_limit, u64::from(u32::MAX), "uint32"),
                        "sealtime" => return json.time(&mut info.sealed_at),
                        _ => return json.time(&mut GoTime::default()),
                    };
                    json.unsigned(into, max, name);
                    Ok(())
                })?;
                if state.segments.len() < MOST {
                    state.segments.push(info);
                } else {
                    state.more += 1;
                }
                Ok(())
            })
        })
    })?;
    Ok(state)
}

//! What is known of the streams in `state.bin`: they belong to the state machine, not to the library.

use super::json::Json;

/// First bytes of a payload of the program that recorded this project's fixtures.
const RECORDER: &[u8] = b"HASHIFSM1\n";
/// First bytes of elastickv's header.
const ELASTICKV: &[u8] = b"EKVTHLC1";

/// A state machine whose streams can be told from garbage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Machine {
    /// elastickv.
    Elastickv,
    /// The program that recorded this project's fixtures.
    Recorder,
}

/// What a payload is to the state machine of its directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateView {
    /// Its own.
    Own(Machine),
    /// Nothing known.
    Unknown,
}

impl Machine {
    /// The machine whose stream begins like this.
    pub fn of(head: &[u8]) -> StateView {
        if head.starts_with(RECORDER) {
            StateView::Own(Self::Recorder)
        } else if head.starts_with(ELASTICKV) {
            StateView::Own(Self::Elastickv)
        } else {
            StateView::Unknown
        }
    }

    /// Whether the machine takes the payload; `None` when that is not known. `head` is the beginning of a payload of `size`
    /// bytes, and more than its header.
    pub fn accepts(self, head: &[u8], size: u64) -> Option<bool> {
        match self {
            Self::Recorder => Some(recorder_accepts(head, size)),
            Self::Elastickv => None,
        }
    }
}

/// One line of JSON with the length of the padding that follows.
fn recorder_accepts(head: &[u8], size: u64) -> bool {
    let Some(rest) = head.strip_prefix(RECORDER) else { return false };
    let Some(end) = rest.iter().position(|&byte| byte == b'\n') else { return false };
    let mut padding = 0_u64;
    let mut json = Json::new(rest.get(..end).unwrap_or_default());
    let read = json.object(|json, name| if name == "pad" { json.integer("pad", &mut padding) } else { json.skip() });
    let header = (RECORDER.len() + end + 1) as u64;
    read.is_ok() && json.mismatch.is_none() && size.checked_sub(header).is_some_and(|left| left >= padding)
}

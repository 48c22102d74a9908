//! Names in `fsm-snap/`.

use crate::formats::hex_u64;
use crate::types::LogIndex;

/// Name of a finished payload: `<index>.fsm`, the index in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FsmName {
    /// Last entry whose effects the payload holds.
    pub index: LogIndex,
    /// True when the name is spelled as the server spells it: 16 lower-case digits. Only such a name is ever opened;
    /// cleanup recognises any spelling.
    pub canonical: bool,
}

impl FsmName {
    /// The name's index, or `None` when the server's cleanup would not recognise it.
    pub fn parse(name: &str) -> Option<Self> {
        let index = LogIndex(hex_u64(name.strip_suffix(".fsm")?)?);
        Some(Self { index, canonical: name == Self::of(index) })
    }

    /// The name under which the server opens the payload of `index`.
    pub fn of(index: LogIndex) -> String {
        format!("{:016x}.fsm", index.0)
    }
}

/// True for a payload that was being written when the process stopped.
pub fn is_unfinished(name: &str) -> bool {
    name.ends_with(".fsm.tmp")
}

/// True for a payload that was being received from another node when the process stopped.
pub fn is_received_spool(name: &str) -> bool {
    name.starts_with("elastickv-etcd-snapshot-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_hex_stem_is_a_name_but_only_one_spelling_is_opened() {
        let canonical = FsmName { index: LogIndex(0x2a), canonical: true };
        assert_eq!(FsmName::parse("000000000000002a.fsm"), Some(canonical));
        for odd in ["2a.fsm", "000000000000002A.fsm", "00000000000000000002a.fsm"] {
            assert_eq!(FsmName::parse(odd), Some(FsmName { canonical: false, ..canonical }), "{odd}");
        }
        for other in [".fsm", "+2a.fsm", "0x2a.fsm", "2_a.fsm", "10000000000000000.fsm", "2a.fsm.tmp", "2a.FSM", "2a"] {
            assert_eq!(FsmName::parse(other), None, "{other}");
        }
        assert_eq!(FsmName::parse("ffffffffffffffff.fsm").map(|name| name.index), Some(LogIndex(u64::MAX)));
    }

    #[test]
    fn leftovers_are_told_apart() {
        assert!(is_unfinished("1234.fsm.tmp") && !is_unfinished("000000000000002a.fsm"));
        assert!(is_received_spool("elastickv-etcd-snapshot-77") && !is_received_spool("snapshot"));
    }
}

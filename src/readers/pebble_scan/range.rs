//! Which keys a scan shows.

/// Stored keys from a start to before an end, of which only those of user keys with a prefix count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyRange {
    start: Vec<u8>,
    /// First stored key behind the range; `None` for no end.
    end: Option<Vec<u8>>,
    prefix: Vec<u8>,
    /// Bytes of a stored key that do not belong to the user key.
    suffix_len: usize,
}

/// Bytes of the commit timestamp behind a user key.
const TIMESTAMP_LEN: usize = 8;

impl KeyRange {
    /// `from` and `to` bound stored keys. `prefix` is that of the user key, or of the stored key if `raw`.
    pub fn new(prefix: Option<&[u8]>, from: Option<&[u8]>, to: Option<&[u8]>, raw: bool) -> Self {
        let prefix = prefix.unwrap_or_default();
        let behind = successor(prefix);
        let end = match (to.map(<[u8]>::to_vec), behind) {
            (Some(to), Some(behind)) => Some(to.min(behind)),
            (to, behind) => to.or(behind),
        };
        Self {
            start: from.unwrap_or_default().max(prefix).to_vec(),
            end,
            prefix: prefix.to_vec(),
            suffix_len: if raw { 0 } else { TIMESTAMP_LEN },
        }
    }

    /// Stored keys of each of these prefixes of user keys, whatever follows.
    pub fn of_prefixes(prefixes: &[Vec<u8>]) -> Vec<Self> {
        prefixes.iter().map(|prefix| Self::new(Some(prefix), None, None, true)).collect()
    }

    /// Where to begin.
    pub fn start(&self) -> &[u8] {
        &self.start
    }

    /// The first stored key behind the range; `None` when it has no end.
    pub fn end(&self) -> Option<&[u8]> {
        self.end.as_deref()
    }

    /// True behind the end.
    pub fn is_past(&self, key: &[u8]) -> bool {
        self.end.as_deref().is_some_and(|end| key >= end)
    }

    /// True for a key to be shown. A prefix must lie within the user key: its last bytes must not be those of a timestamp.
    pub fn contains(&self, key: &[u8]) -> bool {
        let in_bounds = key >= self.start.as_slice() && !self.is_past(key);
        // The store's own keys have no timestamp; a prefix that ends inside the last eight bytes of one still means it.
        let long_enough = key.len() >= self.prefix.len() + self.suffix_len || key.starts_with(b"_meta_");
        in_bounds && key.starts_with(&self.prefix) && (self.prefix.is_empty() || long_enough)
    }
}

/// The first key behind all that begin with `prefix`; `None` if there is none.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|&byte| byte != 0xff)?;
    let mut next = prefix[..=last].to_vec();
    next[last] += 1;
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_that_of_the_user_key() {
        let range = KeyRange::new(Some(b"ab"), None, None, false);
        assert_eq!(range.start(), b"ab");
        assert!(range.contains(b"ab\xff\xff\xff\xff\xff\xff\xff\xff"), "the user key is the prefix");
        assert!(range.contains(b"abc\xff\xff\xff\xff\xff\xff\xff\xff"));
        assert!(!range.contains(b"ab\xff\xff\xff\xff\xff\xff\xff"), "the b belongs to a timestamp");
        assert!(range.is_past(b"ac") && !range.is_past(b"ab\xff\xff"));
        assert!(KeyRange::new(Some(b"ab"), None, None, true).contains(b"ab"));
        assert!(KeyRange::new(Some(b"_meta_applied"), None, None, false).contains(b"_meta_applied_index"));
    }

    #[test]
    fn bounds_narrow_each_other() {
        let range = KeyRange::new(Some(b"b"), Some(b"a"), Some(b"z"), true);
        assert_eq!((range.start(), range.end.as_deref()), (b"b".as_slice(), Some(b"c".as_slice())));
        let range = KeyRange::new(Some(b"b"), Some(b"bb"), Some(b"bd"), true);
        let seen: Vec<_> = ["ba", "bb", "bc", "bd"].iter().filter(|key| range.contains(key.as_bytes())).collect();
        assert_eq!(seen, [&"bb", &"bc"]);
        assert_eq!(KeyRange::new(Some(b"\xff\xff"), None, None, true).end, None);
        assert_eq!(KeyRange::new(None, None, None, false), KeyRange { suffix_len: 8, ..KeyRange::default() });
    }
}

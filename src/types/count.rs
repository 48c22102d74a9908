//! Numbers of things, for people.

use std::fmt;

/// A number and what is counted, in the singular: `1 segment`, `2 segments`, `3 entries`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count<'a>(pub u64, pub &'a str);

impl Count<'_> {
    /// The number of things in a list.
    pub const fn of(len: usize, thing: &str) -> Count<'_> {
        Count(len as u64, thing)
    }
}

impl fmt::Display for Count<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(number, thing) = self;
        if *number == 1 {
            return write!(f, "1 {thing}");
        }
        match thing.strip_suffix('y') {
            Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => write!(f, "{number} {stem}ies"),
            _ if thing.ends_with(['s', 'x']) || thing.ends_with("ch") => write!(f, "{number} {thing}es"),
            _ => write!(f, "{number} {thing}s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Count;

    #[test]
    fn one_thing_is_singular() {
        assert_eq!(Count(1, "segment").to_string(), "1 segment");
        assert_eq!(Count(0, "segment").to_string(), "0 segments");
        assert_eq!(Count(2, "entry").to_string(), "2 entries");
        assert_eq!(Count(3, "more key").to_string(), "3 more keys");
        assert_eq!(Count::of(4, "branch").to_string(), "4 branches");
        assert_eq!(Count(1, "entry").to_string(), "1 entry");
    }
}

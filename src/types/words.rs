//! Lists of names, for people.

use std::borrow::Borrow;

/// `a`, `a and b`, `a, b and c`.
pub fn in_words<S: Borrow<str>>(parts: &[S]) -> String {
    match parts {
        [first @ .., last] if !first.is_empty() => format!("{} and {}", first.join(", "), last.borrow()),
        parts => parts.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn the_last_two_are_joined_by_a_word() {
        let said = |parts: &[&str]| in_words(parts);
        assert_eq!([said(&[]), said(&["a"]), said(&["a", "b"]), said(&["a", "b", "c"])], ["", "a", "a and b", "a, b and c"]);
    }
}

//! How a page looks: one style, named in the policy by its checksum, so that nothing else on the page can be one.

use crate::types::Sha256Sum;

/// The style of every page. Colours are variables, of which a test computes the contrast: light ones, and dark ones for screens of
/// people who want them; paper is light.
pub(super) const STYLE: &str = include_str!("page.css");

/// What a page may do: show itself. No script, no file from anywhere, no frame, no form.
pub(super) fn policy() -> String {
    let sum = base64(&Sha256Sum::of(STYLE.as_bytes()).0);
    format!("default-src 'none'; style-src 'sha256-{sum}'; base-uri 'none'; form-action 'none'")
}

/// Base64 with its padding, as a policy wants it.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let six = (bits >> (18 - 6 * digit)) as usize & 63;
            text.push(if digit <= chunk.len() { char::from(DIGITS[six]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, expected) in [(&b""[..], ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v"), (b"foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes), expected);
        }
    }
}

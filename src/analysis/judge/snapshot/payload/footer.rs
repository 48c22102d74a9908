//! A payload whose content is whole and whose footer is not.

use crate::types::Crc32c;

/// What happened to the last four bytes of a payload, when the content has the checksum that the token names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FooterDamage {
    /// The four bytes have other values.
    Changed,
    /// So many bytes follow the footer.
    Followed(u8),
    /// So many bytes of the footer are missing.
    Cut(u8),
}

impl FooterDamage {
    /// Compares the content with the token for every way in which a footer can be off by up to four bytes. `footer` are the last
    /// four bytes of the file and `computed` the checksum of all before them; nothing else has to be read, because a checksum
    /// can be taken back byte by byte. `None`: the content is another one, or the footer is right.
    pub(super) fn of(token: Crc32c, footer: Crc32c, computed: Crc32c) -> Option<Self> {
        if token == footer {
            return None;
        }
        if computed == token {
            return Some(Self::Changed);
        }
        let (last, wanted) = (footer.0.to_be_bytes(), token.0.to_be_bytes());
        for off in 1..=4_u8 {
            let count = usize::from(off);
            // So many bytes of the footer stand among what was summed up; the rest of it begins the last four bytes.
            let before = wanted.iter().take(count).rev().fold(computed, |crc, byte| crc.without_last(*byte));
            if count < 4 && before == token && wanted.iter().skip(count).eq(last.iter().take(4 - count)) {
                return Some(Self::Followed(off));
            }
            // So many of the last four bytes belong to the content; the footer's first bytes follow.
            let content = last.iter().take(count).fold(computed, |crc, byte| crc.extend(&[*byte]));
            if content == token && last.iter().skip(count).eq(wanted.iter().take(4 - count)) {
                return Some(Self::Cut(off));
            }
        }
        None
    }

    pub(super) fn words(self) -> String {
        match self {
            Self::Changed => "The footer has other bytes than it was written with.".to_owned(),
            Self::Followed(1) => "One byte follows the footer, as an editor or a copy in text mode adds one.".to_owned(),
            Self::Followed(count) => format!("{count} bytes follow the footer."),
            Self::Cut(4) => "The file ends where the footer should begin.".to_owned(),
            Self::Cut(count) => format!("The last {count} bytes of the footer are missing."),
        }
    }

    pub(super) const fn repair(self) -> &'static str {
        match self {
            Self::Changed => "write the footer anew",
            Self::Followed(_) => "cut off what follows the footer",
            Self::Cut(_) => "append what is missing of the footer",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The damage of a file that should be `content` and its checksum.
    fn damage(content: &[u8], file: &[u8]) -> Option<FooterDamage> {
        let (body, footer) = file.split_at(file.len() - 4);
        let footer = Crc32c(u32::from_be_bytes(footer.try_into().unwrap()));
        FooterDamage::of(Crc32c::of(content), footer, Crc32c::of(body))
    }

    #[test]
    fn a_footer_that_is_off_by_a_few_bytes_is_told_from_damaged_content() {
        let content = b"EKVPBBL1 and some rows";
        let crc = Crc32c::of(content).0.to_be_bytes();
        let whole = [&content[..], &crc].concat();
        assert_eq!(damage(content, &whole), None);
        for cut in 1..=4_u8 {
            assert_eq!(damage(content, &whole[..whole.len() - usize::from(cut)]), Some(FooterDamage::Cut(cut)), "{cut}");
        }
        for more in 1..=3_u8 {
            let file = [&whole[..], &b"\n\n\n"[..usize::from(more)]].concat();
            assert_eq!(damage(content, &file), Some(FooterDamage::Followed(more)), "{more}");
        }
        let mut changed = whole.clone();
        changed[content.len() + 1] ^= 1;
        assert_eq!(damage(content, &changed), Some(FooterDamage::Changed));
        for at in 0..content.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            assert_eq!(damage(content, &damaged), None, "the footer is right, at {at}");
            damaged.push(b'\n');
            assert_eq!(damage(content, &damaged), None, "at {at}");
        }
    }
}

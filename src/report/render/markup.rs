//! The one way into a page: tags and attribute names are ours, every value and every text is escaped on its way out.

use std::fmt::Display;
use std::io::{self, Write};

use crate::types;

/// Writes elements. What is not closed is closed by its owner; nothing here knows what a page looks like.
pub(super) struct Html<'o> {
    out: &'o mut dyn Write,
    open: Vec<&'static str>,
    /// Numbers given to elements that others on the page refer to.
    ids: u64,
    /// True in a chapter, whose parts have smaller headings.
    in_chapter: bool,
}

/// Name and value of an attribute. The name is one of ours.
pub(super) type Attribute<'v> = (&'static str, &'v dyn Display);

/// Elements that run within a line. All others begin a line of their own, so that two pages can be compared.
const INLINE: [&str; 7] = ["code", "span", "strong", "time", "th", "td", "title"];

impl<'o> Html<'o> {
    /// A page that is written to `out`.
    pub(super) fn new(out: &'o mut dyn Write) -> Self {
        Self { out, open: Vec::new(), ids: 0, in_chapter: false }
    }

    /// Something that is written as it stands: the first line, and the style.
    pub(super) fn verbatim(&mut self, markup: &'static str) -> io::Result<()> {
        self.out.write_all(markup.as_bytes())
    }

    /// A number that no other element of the page has.
    pub(super) const fn id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    /// Begins a chapter; the next one ends it.
    pub(super) fn begin_chapter(&mut self, title: &str) -> io::Result<()> {
        self.in_chapter = true;
        self.element("h2", &[("class", &"chapter")], title)
    }

    /// Ends the last chapter.
    pub(super) const fn end_chapters(&mut self) {
        self.in_chapter = false;
    }

    /// The heading of a part.
    pub(super) fn heading(&mut self, title: &str) -> io::Result<()> {
        self.element(if self.in_chapter { "h3" } else { "h2" }, &[], title)
    }

    /// The heading of a picture, which belongs to a part.
    pub(super) fn picture_heading(&mut self, title: &str) -> io::Result<()> {
        self.element(if self.in_chapter { "h4" } else { "h3" }, &[], title)
    }

    /// Begins an element.
    pub(super) fn open(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) -> io::Result<()> {
        self.tag(tag, attributes)?;
        self.open.push(tag);
        Ok(())
    }

    /// Ends the element that was begun last.
    pub(super) fn close(&mut self) -> io::Result<()> {
        let Some(tag) = self.open.pop() else { return Ok(()) };
        write!(self.out, "</{tag}>")?;
        if INLINE.contains(&tag) { Ok(()) } else { self.line() }
    }

    /// An element that has no content.
    pub(super) fn void(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) -> io::Result<()> {
        self.tag(tag, attributes)?;
        self.line()
    }

    /// An element of a picture that has no content.
    pub(super) fn shape(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) -> io::Result<()> {
        self.open(tag, attributes)?;
        self.close()
    }

    /// An element with nothing but text.
    pub(super) fn element(&mut self, tag: &'static str, attributes: &[Attribute<'_>], text: &str) -> io::Result<()> {
        self.open(tag, attributes)?;
        self.text(text)?;
        self.close()
    }

    /// Text. Line ends are blanks, and what would not show as itself is shown escaped.
    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        self.escaped(&text.replace('\n', " "))
    }

    /// Running text, in which our sentences put names in backticks: what stands between two of them is code.
    pub(super) fn prose(&mut self, text: &str) -> io::Result<()> {
        let parts: Vec<&str> = text.split('`').collect();
        let last = parts.len() - 1;
        for (number, part) in parts.iter().enumerate() {
            match number % 2 == 1 {
                true if number < last => self.element("code", &[], part)?,
                // The last one has no partner.
                true => {
                    self.text("`")?;
                    self.text(part)?;
                }
                false => self.text(part)?,
            }
        }
        Ok(())
    }

    /// Ends the line of the source.
    pub(super) fn line(&mut self) -> io::Result<()> {
        self.out.write_all(b"\n")
    }

    fn tag(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) -> io::Result<()> {
        write!(self.out, "<{tag}")?;
        for (name, value) in attributes {
            write!(self.out, " {name}=\"")?;
            self.escaped(&value.to_string().replace('\n', " "))?;
            self.out.write_all(b"\"")?;
        }
        self.out.write_all(b">")
    }

    fn escaped(&mut self, text: &str) -> io::Result<()> {
        let text = types::escape(text);
        let mut rest = text.as_ref();
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            let (before, after) = rest.split_at(at);
            self.out.write_all(before.as_bytes())?;
            let mut chars = after.chars();
            let entity: &[u8] = match chars.next() {
                Some('&') => b"&amp;",
                Some('<') => b"&lt;",
                Some('>') => b"&gt;",
                Some('"') => b"&quot;",
                _ => b"&#39;",
            };
            self.out.write_all(entity)?;
            rest = chars.as_str();
        }
        self.out.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Html<'_>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut Html::new(&mut out)).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn no_text_is_markup() {
        for (text, expected) in [
            ("<script>alert('1')</script>", "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"),
            ("\"&amp;\"", "&quot;&amp;amp;&quot;"),
            ("a\u{202e}b\u{0}\u{1b}[0m", "a\\u{202e}b\\u{0}\\u{1b}[0m"),
            ("two\nlines\r", "two lines\\r"),
            ("-->]]>", "--&gt;]]&gt;"),
        ] {
            assert_eq!(written(|page| page.text(text)), expected);
            let attribute = written(|page| page.void("meta", &[("content", &text)]));
            assert_eq!(attribute, format!("<meta content=\"{expected}\">\n"));
        }
    }

    #[test]
    fn names_in_sentences_are_code() {
        assert_eq!(written(|page| page.prose("run `a <b>` now")), "run <code>a &lt;b&gt;</code> now");
        assert_eq!(written(|page| page.prose("one ` alone <i>")), "one ` alone &lt;i&gt;");
        assert_eq!(written(|page| page.prose("")), "");
    }

    #[test]
    fn what_is_opened_is_closed() {
        let page = written(|page| {
            page.open("p", &[("class", &"x")])?;
            page.element("code", &[], "y")?;
            page.close()?;
            page.close()
        });
        assert_eq!(page, "<p class=\"x\"><code>y</code></p>\n");
    }
}

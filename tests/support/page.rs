//! A page, read as a browser reads it: elements with their attributes, and the text in them. What a page of this program may not have
//! (an element that is not closed, a quote that is missing) is a panic.

use std::collections::BTreeMap;

/// An element of a page.
#[derive(Debug, Clone, Default)]
pub struct Element {
    /// Its name.
    pub tag: String,
    /// Its attributes, without the escapes of the page.
    pub attributes: BTreeMap<String, String>,
    /// All text in it, that of elements within it as well.
    pub text: String,
    /// The elements around it, the outermost first, as positions in the page.
    pub around: Vec<usize>,
}

impl Element {
    /// An attribute; empty without it.
    pub fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    /// An attribute that is a number.
    pub fn number(&self, name: &str) -> u64 {
        self.get(name).parse().unwrap_or_else(|_| panic!("{name} of {self:?}"))
    }
}

/// Elements that have no content.
const VOID: [&str; 2] = ["meta", "br"];

/// The elements of a page, in the order in which they begin.
pub struct Page(pub Vec<Element>);

impl Page {
    /// Reads a page, or what a browser made of one.
    pub fn read(page: &str) -> Self {
        let mut elements: Vec<Element> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let mut rest = page;
        while let Some(at) = rest.find('<') {
            let (text, behind) = rest.split_at(at);
            add_text(text, &open, &mut elements);
            if let Some(closing) = behind.strip_prefix("</") {
                let (tag, behind) = closing.split_once('>').unwrap();
                let last = open.pop().unwrap_or_else(|| panic!("</{tag}> closes nothing"));
                assert_eq!(elements[last].tag, tag, "in {:?}", &page[..page.len().min(200)]);
                rest = behind;
            } else if behind.get(..9).is_some_and(|front| front.eq_ignore_ascii_case("<!doctype")) {
                rest = behind.split_once('>').unwrap().1;
            } else {
                let (element, behind) = begin(&behind[1..]);
                let is_void = VOID.contains(&element.tag.as_str());
                let is_style = element.tag == "style";
                elements.push(Element { around: open.clone(), ..element });
                if !is_void {
                    open.push(elements.len() - 1);
                }
                rest = behind;
                if is_style {
                    let (style, behind) = rest.split_once("</style>").unwrap();
                    style.clone_into(&mut elements.last_mut().unwrap().text);
                    open.pop();
                    rest = behind;
                }
            }
        }
        add_text(rest, &open, &mut elements);
        assert!(open.is_empty(), "not closed: {:?}", open.iter().map(|at| &elements[*at].tag).collect::<Vec<_>>());
        Self(elements)
    }

    /// The elements with a name.
    pub fn all<'p>(&'p self, tag: &'p str) -> impl Iterator<Item = &'p Element> {
        self.0.iter().filter(move |element| element.tag == tag)
    }

    /// The elements that have an attribute.
    pub fn with<'p>(&'p self, attribute: &'p str) -> impl Iterator<Item = &'p Element> {
        self.0.iter().filter(move |element| element.attributes.contains_key(attribute))
    }

    /// What lies in an element.
    pub fn within<'p>(&'p self, outer: &Element) -> impl Iterator<Item = &'p Element> {
        let at = self.0.iter().position(|element| std::ptr::eq(element, outer)).unwrap();
        self.0.iter().filter(move |element| element.around.contains(&at))
    }
}

fn add_text(text: &str, open: &[usize], elements: &mut [Element]) {
    let text = unescaped(text);
    for at in open {
        elements[*at].text.push_str(&text);
    }
}

/// An element from behind its `<` on, and what follows its `>`.
fn begin(text: &str) -> (Element, &str) {
    let end = text.find(|c: char| c == '>' || c.is_ascii_whitespace()).unwrap();
    let mut element = Element { tag: text[..end].to_owned(), ..Element::default() };
    assert!(element.tag.chars().all(|c| c.is_ascii_alphanumeric()), "an element {:?}", element.tag);
    let mut rest = text[end..].trim_start();
    while !rest.starts_with('>') {
        let (name, behind) = rest.split_once("=\"").unwrap_or_else(|| panic!("{:?}", &rest[..rest.len().min(80)]));
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "an attribute {name:?}");
        let (value, behind) = behind.split_once('"').unwrap();
        let before = element.attributes.insert(name.to_owned(), unescaped(value));
        assert!(before.is_none(), "{name} stands twice");
        rest = behind.trim_start();
    }
    (element, &rest[1..])
}

fn unescaped(text: &str) -> String {
    let names = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", "\u{a0}"), ("&amp;", "&")];
    names.iter().fold(text.to_owned(), |text, (name, c)| text.replace(name, c))
}

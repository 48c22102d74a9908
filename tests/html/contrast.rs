//! Colours can be told apart by who sees less of them: the contrast of every pair that a page puts on each other, light and dark, by
//! the formula of WCAG 2.

use std::collections::BTreeMap;
use std::path::Path;

use super::page;
use crate::support::page::Page;

/// What stands on what, and the least contrast: 4.5 for text, 3 for what is only seen.
const PAIRS: [(&str, &str, f64); 25] = [
    ("ink", "paper", 4.5),
    ("ink", "card", 4.5),
    ("dim", "paper", 4.5),
    ("dim", "card", 4.5),
    ("good", "paper", 4.5),
    ("caution", "paper", 4.5),
    ("caution", "card", 4.5),
    ("bad", "paper", 4.5),
    ("bad", "card", 4.5),
    ("on", "good", 4.5),
    ("on", "caution", 4.5),
    ("on", "bad", 4.5),
    ("on", "dim", 4.5),
    ("on", "data", 4.5),
    ("on", "data-4", 4.5),
    ("link", "card", 3.0),
    ("link", "paper", 3.0),
    ("data", "paper", 3.0),
    ("data-2", "paper", 3.0),
    ("data-3", "paper", 3.0),
    ("data-4", "paper", 3.0),
    ("good", "card", 3.0),
    ("data", "card", 3.0),
    ("ink", "paper", 7.0),
    ("bad", "paper", 3.0),
];

fn variables(block: &str) -> BTreeMap<&str, [f64; 3]> {
    let lines = block.lines().filter_map(|line| line.trim().strip_prefix("--")?.strip_suffix(';')?.split_once(": #"));
    let part = |hex: &str, at: usize| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
    lines.map(|(name, hex)| (name, [0, 2, 4].map(|at| part(hex, at)))).collect()
}

/// Relative luminance.
fn luminance(colour: [f64; 3]) -> f64 {
    let [red, green, blue] = colour.map(|part| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn every_pair_of_colours_can_be_read() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let written = page(&demo, &["wal", "stat", "n1/group-2"]);
    let style = Page::read(&written).all("style").next().unwrap().text.clone();
    let mut blocks = style.split(":root {").skip(1).map(|block| variables(block.split('}').next().unwrap()));
    let (light, dark) = (blocks.next().unwrap(), blocks.next().unwrap());
    assert!(light.keys().eq(dark.keys()) && light.len() > 10, "each colour is given twice: {light:?} {dark:?}");
    for (name, colours) in [("light", light), ("dark", dark)] {
        for (front, back, least) in PAIRS {
            let found = contrast(colours[front], colours[back]);
            assert!(found >= least, "{name}: {front} on {back} has {found:.2}, and needs {least}");
        }
    }
    // No colour but these, and no style but this one.
    let rules = style.split_once("* { box-sizing").unwrap().1;
    assert!(!rules.contains('#') && !rules.contains("rgb(") && !rules.contains("url("), "{rules}");
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
}

use proptest::prelude::*;

use super::*;

fn drawn(headings: &[&str], rows: &[&[&str]], width: Option<usize>) -> Vec<String> {
    let headings: Vec<Heading> = headings.iter().map(|&name| name.into()).collect();
    let rows: Vec<Vec<Cell>> = rows.iter().map(|row| row.iter().map(|&text| text.into()).collect()).collect();
    let layout = Layout::of(&headings, &rows, width);
    let mut lines = Vec::new();
    let mut keep = |line: &str| {
        lines.push(line.to_owned());
        Ok(())
    };
    layout.head(&mut keep).unwrap();
    rows.iter().try_for_each(|row| layout.row(row, &mut keep)).unwrap();
    lines
}

#[test]
fn nothing_is_broken_where_nothing_limits_the_width() {
    let long = "word ".repeat(60);
    let lines = drawn(&["a", ">n"], &[&[long.trim_end(), "1"], &["b", "22"]], None);
    assert_eq!(lines[1..], [format!("  {}   1", long.trim_end()), format!("  b{}  22", " ".repeat(298))]);
}

#[test]
fn words_are_broken_at_blanks_and_the_widest_column_gives_first() {
    let lines = drawn(&["words"], &[&["as many words as stand here"]], Some(18));
    assert_eq!(lines, ["  words", "  as many words as", "  stand here"]);
    let lines = drawn(&["a", "b"], &[&["short words", "many more words stand in this one than there"]], Some(40));
    assert_eq!(lines, ["  a            b", "  short words  many more words stand in", "               this one than there"]);
}

#[test]
fn numbers_move_together_before_a_row_gets_a_second_line() {
    let lines = drawn(&["class", ">rows", ">bytes"], &[&["redis-string", "1234567", "18.5 KiB"]], Some(32));
    assert_eq!(lines, ["  class           rows    bytes", "  redis-string 1234567 18.5 KiB"]);
}

#[test]
fn a_long_name_stands_above_the_rest_of_its_row() {
    let row: &[&str] = &["0000000000000002-00000000000002bd.snap", "701", "token 6a281dac"];
    let lines = drawn(&["envelope", ">index", "carries"], &[row], Some(50));
    let expected = ["  envelope", "    index  carries", "  0000000000000002-00000000000002bd.snap", "      701  token 6a281dac"];
    assert_eq!(lines, expected);
}

#[test]
fn as_much_of_a_row_as_fits_stands_above_a_long_last_cell() {
    let rows: &[&[&str]] = &[&["7", "2", "a/rather/long/path/of/a/file"], &["8", "2", ""]];
    let lines = drawn(&[">index", ">term", "path"], rows, Some(36));
    let expected = ["  index  term", "    path", "      7     2", "    a/rather/long/path/of/a/file", "      8     2"];
    assert_eq!(lines, expected);
}

#[test]
fn where_no_two_lines_hold_a_row_each_cell_has_its_own() {
    let row: &[&str] = &["n1/group-2/fsm.db", "18.5 KiB", "", "n1/group-2/fsm.db/000002.log", "clean up to here"];
    let lines = drawn(&["store", ">size", "note", "log", "end"], &[row], Some(30));
    let expected = [
        "  store",
        "  n1/group-2/fsm.db",
        "    size  18.5 KiB",
        "    log",
        "      n1/group-2/fsm.db/000002.log",
        "    end   clean up to here",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_number_that_comes_first_has_its_heading() {
    let lines = drawn(&[">bytes", "class", "key"], &[&["4.0 KiB", "redis-list-item", "!lst|itm|aml:0"]], Some(20));
    let expected = ["  bytes    4.0 KiB", "    class", "      redis-list-item", "    key", "      !lst|itm|aml:0"];
    assert_eq!(lines, expected);
}

#[test]
fn columns_stand_below_each_other_whatever_the_script() {
    let lines = drawn(&["name", ">n"], &[&["快照", "1"], &["e\u{301}t", "22"], &["snap", "3"]], Some(40));
    assert_eq!(lines, ["  name   n", "  快照   1", "  e\u{301}t    22", "  snap   3"]);
}

/// Every cell is looked at twice, also of a table of many rows: the work per row does not grow with their number.
#[test]
fn the_work_is_linear_in_the_rows() {
    for width in [40, 20, 12] {
        let work = |rows: usize| {
            let headings = ["name", ">index", "what"].map(Heading::from);
            let row = |n: usize| vec![Cell::new(format!("row-{n}")), Cell::new(n), "some words that are too long for it".into()];
            let rows: Vec<_> = (0..rows).map(row).collect();
            let layout = Layout::of(&headings, &rows, Some(width));
            rows.iter().try_for_each(|row| layout.row(row, |_| Ok(()))).unwrap();
            layout.looked_at.get()
        };
        assert_eq!(work(8_000), 2 * 3 * 8_000);
        assert_eq!(work(50_000), 2 * 3 * 50_000);
    }
}

/// Words of names, paths, keys, numbers and sentences.
fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![6 => "[a-z]{1,9}", 2 => "[0-9]{1,20}", 1 => "[a-z0-9/._-]{10,70}", 1 => "[a-c快照é]{1,6}"];
    proptest::collection::vec(word, 0..8).prop_map(|words| words.join(" "))
}

proptest! {
    #[test]
    fn no_word_is_broken_or_dropped_and_no_line_longer_than_it_must_be(
        headings in proptest::collection::vec(("[a-z]{0,8}( [a-z]{1,8})?", any::<bool>()), 1..10),
        texts in proptest::collection::vec(proptest::collection::vec(text(), 10), 0..6),
        width in prop_oneof![Just(None), (20_usize..220).prop_map(Some)],
    ) {
        let names: Vec<String> =
            headings.iter().map(|(name, is_right)| format!("{}{}", if *is_right { ">" } else { "" }, name.trim())).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let rows: Vec<Vec<&str>> =
            texts.iter().map(|row| row.iter().take(names.len()).map(String::as_str).collect()).collect();
        let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
        let lines = drawn(&names, &rows, width);

        let mut left: Vec<&str> = lines.iter().flat_map(|line| line.split(' ')).filter(|word| !word.is_empty()).collect();
        let cells = rows.iter().copied().flatten().chain(names.iter()).map(|cell| cell.trim_start_matches('>'));
        let words: Vec<&str> = rows.iter().copied().flatten().flat_map(|cell| cell.split_whitespace()).collect();
        for word in &words {
            let at = left.iter().position(|shown| shown == word);
            prop_assert!(at.is_some(), "{word} is not in one piece in\n{}", lines.join("\n"));
            left.swap_remove(at.unwrap_or_default());
        }
        let longest = cells.flat_map(|cell| cell.split_whitespace()).map(columns_of).max().unwrap_or(0);
        let label = names.iter().map(|name| columns_of(name)).max().unwrap_or(0);
        let most = width.unwrap_or(usize::MAX).max(BELOW + LEAD + longest.max(label));
        for line in &lines {
            prop_assert!(columns_of(line) <= most, "{line:?} is wider than {most}");
            prop_assert!(!line.ends_with(' '), "{line:?}");
        }
    }
}

//! docs/codes.md lists every finding code, made from the table that `explain` uses.

use std::fmt::Write as _;

use ekv_tool::analysis::judge::codes;

use crate::support::golden::held_file;

const HEAD: &str = "\
# Finding codes

Every code that the program can emit, in the order of the names, and a few that it only explains, which say so. `ekv-tool explain
CODE` prints the same. The severity is the usual one; a finding may carry another when the circumstances say so, and only errors make
the verdict `damaged`. Each code that can be emitted is provoked by a test.

This page is made from the program's own table by `EKV_GOLDEN=overwrite cargo test --test main codes_doc`.
";

#[test]
fn the_page_of_codes_is_current() {
    let mut page = HEAD.to_owned();
    page.push_str("\n| code | severity | title |\n|---|---|---|\n");
    for info in codes::all() {
        let _ = writeln!(page, "| [`{0}`](#{0}) | {1} | {2} |", info.code, info.severity, info.title);
    }
    for info in codes::all() {
        let _ = write!(
            page,
            "\n## {}\n\n{}.\n\n{}\n\n- decided by: {}\n- safe: {}\n- not safe: {}\n- more: `{}`\n",
            info.code, info.title, info.meaning, info.decided_by, info.safe, info.not_safe, info.more
        );
        if let Some(why) = info.never {
            let _ = writeln!(page, "- never emitted: {why}");
        }
    }
    held_file("docs/codes.md", &page);
}

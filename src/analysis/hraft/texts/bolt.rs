//! What bbolt says when it opens and reads a file.

use crate::analysis::server::conditions::Condition;

/// In the order of opening.
pub(super) static BOLT: &[Condition] = &[
    Condition {
        name: "invalid database",
        says: &["invalid database"],
        engine: None,
        title: "the file is not one of bbolt, or both of its meta pages are gone",
        meaning: "Neither meta page begins with the magic number. A file of zeros, of text, or shorter than a meta page \
                  says this.",
        decided_by: "Bytes 16 to 20 of the first two pages.",
        safe: "Keep a copy of the directory; then let the node join again empty, or put its files back from a copy of \
               one moment.",
        not_safe: "Do not remove the file: an empty place is taken for a new node, which may vote again.",
        more: "ekv-tool inspect DIR",
    },
    Condition {
        name: "version mismatch",
        says: &["version mismatch"],
        engine: None,
        title: "the file has another version than bbolt reads",
        meaning: "Both meta pages have the magic number and no version 2: damage, or a file of a program that is not \
                  bbolt.",
        decided_by: "Bytes 20 to 24 of the first two pages.",
        safe: "Keep a copy of the directory; then let the node join again empty, or put its files back from a copy of \
               one moment.",
        not_safe: "Do not change the number by hand.",
        more: "ekv-tool inspect DIR",
    },
    Condition {
        name: "checksum error",
        says: &["checksum error"],
        engine: None,
        title: "neither meta page of the store has the right checksum",
        meaning: "One invalid meta page is what a crash leaves, and the other counts then. With both invalid there is \
                  no way into the file. A checksum of 0 was taken by bbolt up to 1.3.5 and is refused since.",
        decided_by: "FNV-1a over bytes 16 to 72 of the first two pages.",
        safe: "Keep a copy of the directory; then let the node join again empty, or put its files back from a copy of \
               one moment.",
        not_safe: "Do not write a checksum by hand: it protects the meta page alone, and wrong fields in it end the \
                   process.",
        more: "ekv-tool inspect DIR",
    },
    Condition {
        name: "file size too small",
        says: &["file size too small"],
        engine: None,
        title: "the store is shorter than two pages",
        meaning: "The first meta page is there and the file ends before the second one does: a copy that was cut off.",
        decided_by: "The length of the file.",
        safe: "Take a whole copy of the file.",
        not_safe: "Do not append zeros to it. A file of no bytes is taken for a new node.",
        more: "ekv-tool inspect DIR",
    },
    Condition {
        name: "invalid freelist page",
        says: &["invalid freelist page"],
        engine: None,
        title: "the page of free pages is not one",
        meaning: "The data can be read without it, but opening the file for writing reads it, and the process ends.",
        decided_by: "The flags of the page that the meta page names as freelist.",
        safe: "The entries can still be read with wal dump. Keep a copy of the directory; then let the node join again \
               empty, or put its files back from a copy of one moment.",
        not_safe: "Do not let a repair tool write to the only copy.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "page already freed",
        says: &["page * already freed"],
        engine: None,
        title: "a page is given back that is free already",
        meaning: "The freelist names a page that is in use, or two places of the tree lead to one page. The process \
                  ends at the transaction that gives it back, a start or a compaction.",
        decided_by: "The freelist, and the pages that the trees reach.",
        safe: "Keep a copy of the directory; then let the node join again empty, or put its files back from a copy of \
               one moment.",
        not_safe: "Do not let anything write to the file: a commit may write over live pages.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "Page expected to be",
        says: &["page expected to be: *, but self identifies as"],
        engine: None,
        title: "a page carries another number than its place",
        meaning: "bbolt holds the number in a page against the one it asked for; 1.3.5 and older do not.",
        decided_by: "Bytes 0 to 8 of the page.",
        safe: "Keep a copy of the directory; then let the node join again empty, or put its files back from a copy of \
               one moment.",
        not_safe: "Do not use an older release to get past it.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "has unexpected type/flags",
        says: &["has unexpected type/flags", "invalid page type"],
        engine: None,
        title: "a page is neither branch nor leaf where one is expected",
        meaning: "Its flags have more than one bit, none, or those of another kind.",
        decided_by: "Bytes 8 to 10 of the page.",
        safe: "Keep a copy of the directory; then let the node join again empty, or put its files back from a copy of \
               one moment.",
        not_safe: "Do not run a compaction of the file on the only copy.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "above high water mark",
        says: &["above high water mark"],
        engine: None,
        title: "a page lies behind the end of what the meta page calls in use",
        meaning: "The high water mark in the meta page is too low, or a page number is too high; the checksum of the \
                  meta page fits all the same.",
        decided_by: "The high water mark, root and freelist of the meta page that counts.",
        safe: "Keep a copy of the directory; then let the node join again empty, or put its files back from a copy of \
               one moment.",
        not_safe: "Do not raise the mark by hand.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "inline bucket non-zero page access",
        says: &["inline bucket non-zero page access"],
        engine: None,
        title: "a small bucket leads to a page outside of itself",
        meaning: "A bucket that is kept in its key's value has one page, number 0. An element in it that leads \
                  elsewhere is damage.",
        decided_by: "The value of the bucket's key.",
        safe: "Keep a copy of the directory; then let the node join again empty, or put its files back from a copy of \
               one moment.",
        not_safe: "Do not run a compaction of the file on the only copy.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "incompatible value",
        says: &["incompatible value"],
        engine: None,
        title: "a bucket stands where a plain value should, or the reverse",
        meaning: "The flag of an element in a leaf page says what its value is; here it says the other kind for `logs`, \
                  `conf` or an entry.",
        decided_by: "Bit 0 of the element's flags.",
        safe: "Keep a copy of the directory; then let the node join again empty, or put its files back from a copy of \
               one moment.",
        not_safe: "Do not create the bucket under another name.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "zero-length inode key",
        says: &["zero-length inode key"],
        engine: None,
        title: "an element of a page has a key of no bytes",
        meaning: "No writer makes one: a size in the element was damaged.",
        decided_by: "The key size in the element.",
        safe: "Keep a copy of the directory; then let the node join again empty, or put its files back from a copy of \
               one moment.",
        not_safe: "Do not run a compaction of the file on the only copy.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "leading element count overflows int",
        says: &["leading element count * overflows int"],
        engine: None,
        title: "the freelist claims more pages than a number holds",
        meaning: "The first word of a long freelist is its length, and it is damaged.",
        decided_by: "The first eight bytes behind the header of the freelist page.",
        safe: "Keep a copy of the directory; then let the node join again empty, or put its files back from a copy of \
               one moment.",
        not_safe: "Do not let a repair tool write to the only copy.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "cannot free page 0 or 1",
        says: &["cannot free page 0 or 1", "invalid page allocation"],
        engine: None,
        title: "a meta page is given back or taken",
        meaning: "A page number that was damaged to 0 or 1 reached the freelist.",
        decided_by: "The freelist, and the page numbers in branches and bucket headers.",
        safe: "Keep a copy of the directory; then let the node join again empty, or put its files back from a copy of \
               one moment.",
        not_safe: "Do not let anything write to the file.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "slice bounds out of range in a page",
        says: &["slice bounds out of range [::*] with length 2147483647", "with length 281474976710655"],
        engine: None,
        title: "a page points outside of all memory",
        meaning: "A position, a size or a page number in the store was damaged; bbolt takes them as they are, and the \
                  process ends.",
        decided_by: "Positions and sizes in the elements of the page, and the page numbers in branches and bucket \
                     headers.",
        safe: "Keep a copy of the directory; then let the node join again empty, or put its files back from a copy of \
               one moment.",
        not_safe: "Do not run a compaction of the file on the only copy.",
        more: "ekv-tool check DIR",
    },
    Condition {
        name: "bad file descriptor",
        says: &["bad file descriptor"],
        engine: None,
        title: "a store that is not there was opened for reading only",
        meaning: "bbolt up to 1.3.12 makes an empty file then and fails over it; the empty file stays, and is taken for \
                  a new store at the next start.",
        decided_by: "Whether the file has any bytes.",
        safe: "Remove the empty file if it was not there before; look for the store where the node really keeps it.",
        not_safe: "Do not start the node on the empty file if it had data.",
        more: "ekv-tool inspect DIR",
    },
    Condition {
        name: "unexpected fault address",
        says: &["unexpected fault address"],
        engine: None,
        title: "a page behind the end of the file was touched",
        meaning: "The file is mapped into memory, and nothing checks that what a page points to is in it. A truncated \
                  copy opens, and ends the process when the missing part is read.",
        decided_by: "The length of the file, against the high water mark; positions and sizes in pages.",
        safe: "Take a whole copy of the file, or let the node join again.",
        not_safe: "Do not append zeros to it.",
        more: "ekv-tool check DIR",
    },
];

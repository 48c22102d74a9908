//! Codes about the inside of the store's tables, beyond what a start meets.

use super::{CodeInfo, Severity};

/// Keys are not in their order.
pub static TABLE_ORDER: CodeInfo = CodeInfo {
    code: "table-order",
    severity: Severity::Error,
    title: "keys of a table are not in their order",
    meaning: "Every checksum is right, so these are the bytes that were written, and they are in the wrong order: reads of this \
              table can miss keys that are in it. A faulty program or faulty memory wrote it; the disk is not to blame.",
    decided_by: "The keys of neighbouring records, of blocks, and of the index entries between them.",
    safe: "Keep a copy of the table. Take the data from another node: let this one rejoin empty, or restore its newest snapshot.",
    not_safe: "Do not trust reads of this node, and do not let it become leader.",
    more: "ekv-tool store verify DIR",
    never: None,
};

/// The table says something else about itself than it holds.
pub static TABLE_COUNTS: CodeInfo = CodeInfo {
    code: "table-counts",
    severity: Severity::Error,
    title: "a table holds another number of records than it says",
    meaning: "Every block is intact, and still their number or that of their records is not the one in the table's properties: \
              a block is missing from the index, or the table was put together from parts.",
    decided_by: "The counts in the properties block against the blocks and records that the index leads to.",
    safe: "Keep a copy of the table. Take the data from another node, or restore the newest snapshot.",
    not_safe: "Do not take the table's content for complete.",
    more: "ekv-tool store verify DIR",
    never: None,
};

/// The table holds other keys than the MANIFEST says.
pub static TABLE_BOUNDS: CodeInfo = CodeInfo {
    code: "table-bounds",
    severity: Severity::Error,
    title: "a table holds other keys than the MANIFEST says",
    meaning: "The file is intact and is not the table that the MANIFEST describes, as when a file of another node or of an older \
              time was put in its place. The server looks for a key only in tables whose recorded bounds admit it: keys outside \
              cannot be found.",
    decided_by: "First and last key and the sequence numbers of the table against its entry in the MANIFEST.",
    safe: "Put the right file back from a copy of this node, or let the node restore its newest snapshot.",
    not_safe: "Do not exchange table files between nodes: their numbers are each node's own.",
    more: "ekv-tool store lsm DIR",
    never: None,
};

/// Format of a table that the store's version does not have.
pub static TABLE_FORMAT: CodeInfo = CodeInfo {
    code: "table-format",
    severity: Severity::Error,
    title: "a table has a format that the store's version does not know",
    meaning: "The footer names a table format newer than the store's format version allows. Either a bit of the footer changed, or \
              the file belongs to another store. The server cannot read it.",
    decided_by: "The version in the table's footer, which no checksum covers, against the format marker.",
    safe: "Keep a copy of the table; put the right file back, or let the node restore its newest snapshot.",
    not_safe: "Do not raise the format marker to make it fit.",
    more: "ekv-tool store verify DIR",
    never: None,
};

/// A byte of the footer that nobody looks at.
pub static TABLE_FOOTER_STRAY: CodeInfo = CodeInfo {
    code: "table-footer-stray",
    severity: Severity::Warning,
    title: "a byte of a table's footer is not what a writer leaves there",
    meaning: "The footer of this format is not under a checksum. A byte of its padding changed, or a number is stored in more bytes \
              than it needs. The server does not look at it and reads the table as before, but no server wrote it so: the disk or \
              the memory changed it, and may have changed more.",
    decided_by: "The bytes between the two handles of the footer and its version.",
    safe: "The table can be used. Check the rest of the node and the health of the disk.",
    not_safe: "Do not ignore it if other findings of this node point to the same disk.",
    more: "ekv-tool check DIR",
    never: None,
};

/// Bytes that nothing leads to.
pub static TABLE_GAP: CodeInfo = CodeInfo {
    code: "table-gap",
    severity: Severity::Warning,
    title: "a table has bytes that no block covers",
    meaning: "Pebble writes its blocks one behind the other. Bytes between them are never read and were not checked; if the index \
              has lost an entry, they may be a block that cannot be found any more.",
    decided_by: "The handles of all blocks that the table leads to.",
    safe: "Keep a copy of the table and compare with another node.",
    not_safe: "Do not take the table's content for complete.",
    more: "ekv-tool store verify DIR",
    never: None,
};

/// A file changed while it was read.
pub static TABLE_CHANGED: CodeInfo = CodeInfo {
    code: "table-changed",
    severity: Severity::Warning,
    title: "a table changed while it was read",
    meaning: "A finished table is never written again. Something other than the server is copying over it or restoring it.",
    decided_by: "Size, inode and modification time of the file before and after.",
    safe: "Wait until whatever writes is done, then check again.",
    not_safe: "Do not start the node on a half-copied directory.",
    more: "ekv-tool store verify DIR",
    never: None,
};

/// A newer level holds an older record.
pub static STORE_LEVEL_ORDER: CodeInfo = CodeInfo {
    code: "store-level-order",
    severity: Severity::Error,
    title: "an older record of a key lies above a newer one",
    meaning: "A lookup visits the levels from the top and takes the first record it meets. Here that is not the newest one, so the \
              server answers with old data. Tables of different times were mixed, or a faulty program compacted them.",
    decided_by: "The sequence numbers of all records of one key, level by level.",
    safe: "Keep a copy. Take the data from another node, or restore the newest snapshot.",
    not_safe: "Do not let this node become leader.",
    more: "ekv-tool store lsm DIR",
    never: None,
};

/// A table that nothing names.
pub static STORE_TABLE_UNREFERENCED: CodeInfo = CodeInfo {
    code: "store-table-unreferenced",
    severity: Severity::Info,
    title: "a table file that the MANIFEST does not name",
    meaning: "A crash may leave a table that was just being written, or one that a compaction had replaced and not yet removed. \
              Its content does not count, and it was not read.",
    decided_by: "The table files of the directory against the version that the MANIFEST adds up to.",
    safe: "A whole MANIFEST does not name it, so that the next start may remove it.",
    not_safe: "Do not start the node before a copy is made if the MANIFEST is damaged too: the table may hold what was lost.",
    more: "ekv-tool store lsm DIR",
    never: None,
};

/// Every code of this file.
pub const ALL: &[&CodeInfo] = &[
    &TABLE_ORDER,
    &TABLE_COUNTS,
    &TABLE_BOUNDS,
    &TABLE_FORMAT,
    &TABLE_FOOTER_STRAY,
    &TABLE_GAP,
    &TABLE_CHANGED,
    &STORE_LEVEL_ORDER,
    &STORE_TABLE_UNREFERENCED,
];

//! Codes about dumps of the offline tools, and archives of them.

use super::{CodeInfo, Severity};

const AGAIN: &str =
    "Take another copy of the dump, or make it again from the snapshot. What CHECKSUMS confirms can be used all the same.";
const NO_NEW_SUMS: &str = "Do not write CHECKSUMS anew over files that may be damaged: nothing would tell any more.";
const MORE: &str = "ekv-tool verify-snapshot DIR";

/// An archive does not decompress or is no whole tar.
pub static DUMP_ARCHIVE_DAMAGED: CodeInfo = CodeInfo {
    code: "dump-archive-damaged",
    severity: Severity::Error,
    title: "an archive of a dump cannot be read to its end",
    meaning: "The file was cut, or bytes of it changed. A pack that is killed leaves a short file under the final name. Unpacking it fails and \
              removes what was unpacked so far.",
    decided_by: "The blocks of the tar with their checksums, and the frames of Zstandard with theirs.",
    safe: AGAIN,
    not_safe: "Do not unpack it by other means and use what comes out without comparing it with CHECKSUMS.",
    more: MORE,
    never: None,
};

/// The tools refuse an entry.
pub static DUMP_ENTRY_REFUSED: CodeInfo = CodeInfo {
    code: "dump-entry-refused",
    severity: Severity::Error,
    title: "a dump holds something that the server's tools do not take",
    meaning: "They take files and directories whose paths stay inside of the dump, each name once, at most 1,000,000 entries and 1 TiB. \
              Something else than they made this dump, or changed it.",
    decided_by: "The entries of the tar or of the directory, in their order.",
    safe: "Find out who made the dump. Make it again from the snapshot.",
    not_safe: "Do not unpack it with another program: a path may lead anywhere.",
    more: MORE,
    never: None,
};

/// `MANIFEST.json` is refused.
pub static DUMP_MANIFEST_REFUSED: CodeInfo = CodeInfo {
    code: "dump-manifest-refused",
    severity: Severity::Error,
    title: "the server's tools refuse the MANIFEST.json of a dump",
    meaning: "It is missing, was cut or changed, or is of a newer format. It is read before anything else: no tool encodes or packs the dump.",
    decided_by: "The JSON and its fields, in the order in which the tools judge them.",
    safe: AGAIN,
    not_safe: "Do not write a manifest by hand: flags that are missing decide what an encoder does with the files.",
    more: MORE,
    never: None,
};

/// `CHECKSUMS` is refused.
pub static DUMP_CHECKSUMS_REFUSED: CodeInfo = CodeInfo {
    code: "dump-checksums-refused",
    severity: Severity::Error,
    title: "the server's tools refuse the CHECKSUMS of a dump",
    meaning: "It is missing or empty, a line has another shape than sha256sum writes, or a path leads out of the dump. The tools stop at the \
              first such line.",
    decided_by: "The lines of CHECKSUMS in their order.",
    safe: AGAIN,
    not_safe: NO_NEW_SUMS,
    more: MORE,
    never: None,
};

/// A file was changed.
pub static DUMP_FILE_DIFFERS: CodeInfo = CodeInfo {
    code: "dump-file-differs",
    severity: Severity::Error,
    title: "a file of a dump is not the one that was written",
    meaning: "Its SHA-256 is not the one in CHECKSUMS: bytes changed, or somebody edited it. Packing, unpacking and encoding fail.",
    decided_by: "SHA-256 over the file against its line in CHECKSUMS.",
    safe: AGAIN,
    not_safe: NO_NEW_SUMS,
    more: MORE,
    never: None,
};

/// A file is not there.
pub static DUMP_FILE_MISSING: CodeInfo = CodeInfo {
    code: "dump-file-missing",
    severity: Severity::Error,
    title: "a file of a dump is not there",
    meaning: "CHECKSUMS names it. It was deleted, or a copy is not complete.",
    decided_by: "The lines of CHECKSUMS against the files.",
    safe: AGAIN,
    not_safe: NO_NEW_SUMS,
    more: MORE,
    never: None,
};

/// A file has no line.
pub static DUMP_FILE_UNLISTED: CodeInfo = CodeInfo {
    code: "dump-file-unlisted",
    severity: Severity::Error,
    title: "a file of a dump has no line in CHECKSUMS",
    meaning: "It was added after the dump was made, or its line is gone. Packing and unpacking refuse the dump; encoding would take the file in.",
    decided_by: "The files against the lines of CHECKSUMS.",
    safe: "Find out where the file comes from, and move it away if it is not of the dump.",
    not_safe: "Do not encode the dump as it is.",
    more: MORE,
    never: None,
};

/// The manifest says something else than the files.
pub static DUMP_ADAPTERS_DIFFER: CodeInfo = CodeInfo {
    code: "dump-adapters-differ",
    severity: Severity::Warning,
    title: "the MANIFEST.json of a dump names other data than there are",
    meaning: "It says which kinds of data were asked for. There are files of a kind that was left out, or a database that it names has none.",
    decided_by: "adapters in MANIFEST.json against the directories at the root of the dump.",
    safe: "Make the dump again, or find out which of the two is right.",
    not_safe: "Do not take the manifest for a list of contents: today's decoder names nothing in it.",
    more: MORE,
    never: None,
};

/// The index in the manifest may be misread.
pub static DUMP_INDEX_DOUBTFUL: CodeInfo = CodeInfo {
    code: "dump-index-doubtful",
    severity: Severity::Warning,
    title: "the snapshot index in a dump is not the one of the snapshot",
    meaning: "The decoder takes the name of its input for a decimal number; servers write it in hex. 0000000000002710.fsm is index 10000, and \
              the dump says 2710; a name with letters gives no index.",
    decided_by: "source.fsm_path and snapshot_index in MANIFEST.json.",
    safe: "Give prepare-restore the index of the snapshot: the hex number in the file's name, which `snapshot ls` shows.",
    not_safe: "Do not restore under the index of the dump.",
    more: MORE,
    never: None,
};

/// The encoder's own test will fail.
pub static DUMP_SELF_TEST: CodeInfo = CodeInfo {
    code: "dump-self-test",
    severity: Severity::Info,
    title: "an encoder's self-test fails on this dump although nothing is damaged",
    meaning: "Keys of Redis with a time to live come back with other bytes in redis/db_N/strings_ttl.jsonl. The encoder then removes its output \
              with --self-test, and prepare-restore refuses an output that was not tested.",
    decided_by: "A file whose name ends in _ttl.jsonl.",
    safe: "Encode without --self-test, and give prepare-restore --allow-unverified-self-test.",
    not_safe: "Do not take a self-test that differs in that file alone for damage.",
    more: MORE,
    never: None,
};

/// The cluster is not named.
pub static DUMP_CLUSTER_UNNAMED: CodeInfo = CodeInfo {
    code: "dump-cluster-unnamed",
    severity: Severity::Info,
    title: "a dump does not say which cluster it is of",
    meaning: "The decoder was run without --cluster-id. prepare-restore compares the cluster with the one it restores for, and refuses a dump \
              that names none.",
    decided_by: "cluster_id in MANIFEST.json.",
    safe: "Make sure by other means that it is the right cluster, and give prepare-restore --allow-missing-cluster-id.",
    not_safe: "Do not pass that flag as a habit.",
    more: MORE,
    never: None,
};

/// Nobody reads it.
pub static DUMP_ODD: CodeInfo = CodeInfo {
    code: "dump-odd",
    severity: Severity::Info,
    title: "bytes stand behind the end of an archive",
    meaning: "The tools stop reading where the tar ends. Two archives were joined, or something was appended.",
    decided_by: "The bytes behind the two blocks of zeros that end a tar.",
    safe: "Look what they are, if the archive is from somebody else.",
    not_safe: "Do not expect the tools to find anything there.",
    more: MORE,
    never: None,
};

/// Every code of this file.
pub const ALL: &[&CodeInfo] = &[
    &DUMP_ARCHIVE_DAMAGED,
    &DUMP_ENTRY_REFUSED,
    &DUMP_MANIFEST_REFUSED,
    &DUMP_CHECKSUMS_REFUSED,
    &DUMP_FILE_DIFFERS,
    &DUMP_FILE_MISSING,
    &DUMP_FILE_UNLISTED,
    &DUMP_ADAPTERS_DIFFER,
    &DUMP_INDEX_DOUBTFUL,
    &DUMP_SELF_TEST,
    &DUMP_CLUSTER_UNNAMED,
    &DUMP_ODD,
];

//! Files that somebody compressed, where they are not unpacked.

use super::codes::files::FILE_DAMAGED;
use crate::analysis::Finding;
use crate::formats::unpack::PackFault;

/// Why nothing is said of a file that could have been unpacked.
pub const NOT_UNPACKED: &str = "it is compressed and was not unpacked; unpack it and name what comes out";

/// A compressed file that is damaged: what is in it, nobody knows.
pub fn does_not_unpack(path: &str, fault: &PackFault) -> Finding {
    let message = format!(
        "This compressed file ({}) is damaged: {}, which showed at offset {} of {} and may begin before it. What is in it was not judged.",
        fault.packing.name(),
        fault.words,
        fault.at,
        fault.of
    );
    Finding::new(&FILE_DAMAGED, message).at(path).offset(fault.at)
}

/// Why nothing is said of a file that a program compressed whose files are not opened.
pub fn not_opened(packer: &str) -> String {
    format!("it is compressed with {packer}, which is not opened; decompress it first and name what comes out")
}

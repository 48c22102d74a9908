//! Several directories in one input: what the fuzzer does after each input, to read a hundred thousand counters, takes longer than
//! one directory.

/// Directories in an input.
const AT_MOST: usize = 4;

/// Hands out the questions and the content of each directory. Its length, two bytes, little endian, stands before it; the last one
/// has the rest. The question comes first, so that a change of the directory does not change it.
pub fn each_directory(bytes: &[u8], mut hold: impl FnMut(&[u8], &[u8])) {
    let mut rest = bytes;
    for _ in 0..AT_MOST {
        let Some((len, behind)) = rest.split_first_chunk::<2>() else { return };
        let (directory, others) = behind.split_at(usize::from(u16::from_le_bytes(*len)).min(behind.len()));
        let (asked, built) = directory.split_at(directory.len().min(8));
        hold(asked, built);
        rest = others;
    }
}

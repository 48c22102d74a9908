//! The server's test for a write that a crash interrupted.

/// Unit in which a disk writes all or nothing.
pub const SECTOR: u64 = 512;

/// True when some sector-aligned piece of `body` is all zero. `at` is the file offset of the first byte of `body`, which
/// is a frame without its length word.
///
/// The server applies it to a frame that cannot be decoded or whose checksum does not fit, and only in the last segment
/// that it opened. A record that holds a run of zeros of its own is mistaken for a torn one when it is damaged elsewhere.
pub fn is_torn(body: &[u8], at: u64) -> bool {
    let mut rest = body;
    let mut at = at;
    while !rest.is_empty() {
        let to_boundary = SECTOR - at % SECTOR;
        let len = usize::try_from(to_boundary).unwrap_or(usize::MAX).min(rest.len());
        let (piece, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        if piece.iter().all(|&byte| byte == 0) {
            return true;
        }
        rest = after;
        at = at.saturating_add(to_boundary);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_zero_piece_is_enough_and_pieces_follow_the_file() {
        let mut body = vec![1_u8; 1040];
        // Starts at 496: pieces are [496, 512), [512, 1024), [1024, 1536).
        assert!(!is_torn(&body, 496));
        body[16..528].fill(0);
        assert!(is_torn(&body, 496));
        assert!(!is_torn(&body, 500), "the same zeros across a boundary are no whole piece");
        assert!(!is_torn(&[], 0));
        assert!(is_torn(&[0], 511), "the first and last piece may be short");
        let mut tail = vec![1_u8; 17];
        tail[16] = 0;
        assert!(is_torn(&tail, 496));
    }
}

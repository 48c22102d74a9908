//! The proposal envelope around the payload of a normal entry.

/// First byte of a proposal envelope.
pub const PROPOSAL_VERSION: u8 = 0x01;
/// Bytes before the payload: version and request id.
pub const PROPOSAL_HEADER_LEN: usize = 9;

/// A normal entry's data, split: version byte `01`, request id (8 bytes, big-endian), payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProposalEnvelope<'a> {
    /// Random per server process; says nothing offline except which entries one proposer sent in one life.
    pub request_id: u64,
    /// What the state machine is handed, possibly sealed.
    pub payload: &'a [u8],
}

impl<'a> ProposalEnvelope<'a> {
    /// Splits `data`, or returns `None` for anything that is not an envelope, which the server treats like an empty
    /// entry.
    pub fn decode(data: &'a [u8]) -> Option<Self> {
        let (header, payload) = data.split_first_chunk::<PROPOSAL_HEADER_LEN>()?;
        let [version, id @ ..] = header;
        (*version == PROPOSAL_VERSION).then(|| Self { request_id: u64::from_be_bytes(*id), payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_bytes_that_start_with_one() {
        let data = [1, 0, 0, 0, 0, 0xab, 0xcd, 0, 7, 2, 9];
        let envelope = ProposalEnvelope::decode(&data).unwrap();
        assert_eq!(envelope, ProposalEnvelope { request_id: 0xabcd_0007, payload: &[2, 9] });
        assert_eq!(ProposalEnvelope::decode(&data[..9]).unwrap().payload, b"");
        for cut in 0..9 {
            assert_eq!(ProposalEnvelope::decode(&data[..cut]), None);
        }
        assert_eq!(ProposalEnvelope::decode(&[2; 20]), None, "a read-index context is not a proposal");
    }
}

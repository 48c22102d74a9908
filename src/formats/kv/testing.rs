//! Derived message types, used by tests to write payloads and as a second opinion on the decoders.
#![cfg(test)]

pub use prost::Message as Msg;

#[derive(Clone, PartialEq, prost::Message)]
pub struct MutationMsg {
    #[prost(int32, tag = "1")]
    pub op: i32,
    #[prost(bytes = "vec", tag = "2")]
    pub key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub value: Vec<u8>,
    #[prost(uint64, tag = "4")]
    pub commit_ts_value_offset: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RequestMsg {
    #[prost(bool, tag = "1")]
    pub is_txn: bool,
    #[prost(int32, tag = "2")]
    pub phase: i32,
    #[prost(uint64, tag = "3")]
    pub ts: u64,
    #[prost(message, repeated, tag = "4")]
    pub mutations: Vec<MutationMsg>,
    #[prost(bytes = "vec", repeated, tag = "5")]
    pub read_keys: Vec<Vec<u8>>,
    #[prost(uint64, tag = "6")]
    pub observed_route_version: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RaftCommandMsg {
    #[prost(message, repeated, tag = "1")]
    pub requests: Vec<RequestMsg>,
}

/// A proposal envelope with request id 7 around `payload`.
pub fn proposal(payload: &[u8]) -> Vec<u8> {
    let mut data = vec![1, 0, 0, 0, 0, 0, 0, 0, 7];
    data.extend(payload);
    data
}

/// A payload tag in front of an encoded message.
pub fn tagged(tag: u8, message: &impl Msg) -> Vec<u8> {
    let mut payload = vec![tag];
    payload.extend(message.encode_to_vec());
    payload
}

/// A raw write of one key.
pub fn put(key: &[u8], value: &[u8], ts: u64) -> RequestMsg {
    RequestMsg {
        ts,
        mutations: vec![MutationMsg { op: 0, key: key.to_vec(), value: value.to_vec(), commit_ts_value_offset: 0 }],
        ..RequestMsg::default()
    }
}

//! The data of an entry of etcd, its membership changes, heads of segments and stores.
#![no_main]

use ekv_tool::formats::etcd::{MemberContext, Metadata, Request, StoreKey, describe_change, is_store, owner_of};
use ekv_tool::formats::kv::{EntryClass, classify_etcd};
use ekv_tool::formats::raftpb::EntryType;
use ekv_tool::readers::etcd::EtcdStore;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let request = Request::decode(bytes);
    let class = classify_etcd(EntryType::Normal, bytes).class;
    assert_eq!(request.is_some(), class == EntryClass::EtcdRequest);
    if let Some(request) = request {
        let mut keys = 0_usize;
        request.for_each_key(|key| keys += key.len().min(1));
        assert!(keys <= bytes.len());
        // Names, signs and hex digits around the bytes, of which each is escaped at most once for each message around it.
        assert!(request.to_string().len() <= 256 + 64 * bytes.len());
    }
    let _ = (describe_change(bytes), MemberContext::decode(bytes), StoreKey::decode(bytes));
    if let Some(metadata) = Metadata::decode(bytes) {
        assert!(metadata.node_id != 0 && metadata.cluster_id != 0);
    }
    let _ = owner_of(bytes);
    if is_store(bytes) {
        let store = EtcdStore::of_bytes(bytes);
        assert!(store.content.deletions <= store.content.changes);
    }
});

//! A store of hashicorp/raft: every page, every entry, and what the library's start makes of it.
#![no_main]

use ekv_tool::analysis::hraft::{Snapshots, StartInput, StoreFile, StoreFiles, forecast, vote_request};
use ekv_tool::readers::hraft::LogFacts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut facts = LogFacts::default();
    let survey = LogFacts::read(bytes, &mut facts);
    assert!(survey.reached <= bytes.len() as u64);
    let stores = StoreFiles::Combined(StoreFile::Bytes(bytes));
    let snapshots = Snapshots::default();
    drop(forecast(&StartInput { raft_id: "n1", stores, snapshots: &snapshots, sound: None }));
    drop(vote_request(stores));
});

//! A payload of a snapshot: whatever the bytes are, walking them in one piece and in windows tells the same story.
#![no_main]

use ekv_tool::formats::fsm::FsmHeader;
use ekv_tool::formats::fsm::body::BodyWalker;
use ekv_tool::readers::PayloadFacts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (window, payload) = (usize::from(input.0) + 1, input.1);
    let facts = PayloadFacts::of(payload, true);
    let Ok(header) = FsmHeader::decode(payload) else {
        assert!(facts.body.is_none());
        return;
    };
    let store = &payload[usize::try_from(header.len).unwrap()..];
    let mut walker = BodyWalker::new();
    let mut rows = ekv_tool::formats::fsm::body::NoVisitor;
    let pushed = store.chunks(window).try_for_each(|part| walker.push(part, &mut rows));
    let result = pushed.and_then(|()| walker.finish());
    let body = facts.body.unwrap();
    assert_eq!(body.result, result);
    let _ = body.applied_index();
});

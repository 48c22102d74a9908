//! A file of facts: any bytes, and any document behind a checksum that is right.
#![no_main]

use ekv_tool::analysis::etcd::{ComparedMember, compare_members};
use ekv_tool::analysis::facts::Document;
use ekv_tool::analysis::hraft::nodes::{Held, compare_nodes};
use ekv_tool::analysis::judge::nodes::{self, Replica};
use ekv_tool::formats::facts::close;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut closed = bytes.to_vec();
    close(&mut closed);
    for bytes in [bytes, &closed] {
        match Document::decode(bytes) {
            Ok(document) => {
                let groups = document.groups.iter();
                let replicas: Vec<_> = groups
                    .take(8)
                    .map(|group| Replica::of_facts(group.node.clone(), group.start.clone(), group.log.as_ref()))
                    .collect();
                let _ = nodes::compare(&replicas);
                let members: Vec<_> = document.etcd.iter().take(8).map(|member| ComparedMember::new(member, true)).collect();
                let _ = compare_members(&members);
                let held: Vec<_> = document.hashicorp.into_iter().take(8).map(|node| Held::new(node, true)).collect();
                let _ = compare_nodes(&held);
            }
            Err(error) => assert!(!error.words().0.is_empty()),
        }
    }
});

//! Snapshot archives of Consul, Nomad, Vault and OpenBao: as they are, and as a tar in gzip.
#![no_main]

use ekv_tool::analysis::Coverage;
use ekv_tool::analysis::hraft::archive::judge_archive;
use ekv_tool::readers::hraft::archive::{Wrapping, examine_archive};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some(facts) = examine_archive(bytes, &mut |_| true) else { return };
    let judged = judge_archive("fuzzed", &facts, &mut Coverage::default());
    let offsets = judged.findings.iter().filter_map(|finding| finding.offset);
    assert!(offsets.max().is_none_or(|at| at <= bytes.len() as u64));
    // What no product refuses was read to its end.
    if judged.consul.is_none() {
        assert!(facts.stop.is_none() && facts.wrapping == Wrapping::Gzip);
        assert!(judged.meta.is_some_and(|meta| u64::try_from(meta.size) == Ok(facts.state_size)));
    }
    let read: u64 = facts.members.iter().map(|member| member.read).sum();
    assert!(facts.wrapping == Wrapping::Gzip || read <= bytes.len() as u64);
});

//! Makes the facts of a fleet to measure with.
//!
//!     facts spread DIR NODES GROUPS VOTERS ENTRIES      every node in GROUPS groups, whose members are anywhere in the fleet
//!     facts clusters DIR NODES GROUPS VOTERS ENTRIES    the same in clusters of VOTERS nodes
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a program for measurements says what it measured"
)]

#[path = "../tests/support/made.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod made;

use std::path::Path;

use made::{MadeGroup, fleet};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let [shape @ ("spread" | "clusters"), dir, nodes, groups, voters, entries] = args.as_slice() else {
        println!("spread|clusters DIR NODES GROUPS VOTERS ENTRIES");
        return;
    };
    let [nodes, groups, voters, entries] = [nodes, groups, voters, entries].map(|text| text.parse::<usize>().unwrap());
    let count = nodes * groups / voters;
    let mut state = 1_u64;
    let mut order: Vec<usize> = Vec::new();
    let mut made = Vec::new();
    for number in 0..count {
        // Every node once, in another order each time: all of them have the same number of groups.
        if order.len() < voters {
            let mut next: Vec<usize> = (0..nodes).collect();
            for at in (1..next.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let other = usize::try_from(state >> 33).unwrap() % (at + 1);
                if *shape == "spread" {
                    next.swap(at, other);
                }
            }
            order = next;
        }
        let mut members = order.split_off(order.len() - voters);
        members.rotate_left(number % voters);
        let voters = members.into_iter().map(|node| format!("n{node:04}")).collect();
        made.push(MadeGroup { number: number as u64 + 1, voters, entries: entries as u64, ..MadeGroup::default() });
    }
    std::fs::create_dir_all(dir).unwrap();
    let (mut files, mut bytes) = (0, 0);
    for (name, facts) in fleet(&made, |_, _| {}) {
        files += 1;
        bytes += facts.len();
        std::fs::write(Path::new(dir).join(format!("{name}.facts")), facts).unwrap();
    }
    println!("{files} files, {bytes} bytes, {count} groups, {} copies", count * voters);
}

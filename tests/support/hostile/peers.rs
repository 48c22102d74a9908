//! The members of a group.

use super::{Dice, Plan, id};

pub(super) fn file(dice: &mut Dice<'_>, plan: &Plan) -> Vec<u8> {
    let version = if dice.seldom(12) { dice.number(2) as u32 } else { 1 + dice.roll(3) as u32 };
    let mut out = b"EKVP".to_vec();
    out.extend(version.to_be_bytes());
    out.extend(dice.number(plan.snapshot).to_be_bytes());
    list(dice, version, &plan.members, &mut out);
    if version >= 3 {
        out.push(if dice.seldom(32) { dice.byte() } else { 0 });
        let seed: &[&str] = if dice.seldom(8) { &plan.members } else { &[] };
        list(dice, version, seed, &mut out);
    }
    if dice.seldom(32) {
        out.extend(dice.bytes(16));
    }
    if dice.seldom(32) {
        out.truncate(dice.roll(out.len() + 1));
    }
    out
}

fn list(dice: &mut Dice<'_>, version: u32, members: &[&str], out: &mut Vec<u8>) {
    let mut members = members.to_vec();
    members.sort_by_key(|member| id(member));
    out.extend((dice.number(members.len() as u64) as u32).to_be_bytes());
    for member in members {
        out.extend(dice.number(id(member)).to_be_bytes());
        if version >= 2 {
            out.push(if dice.seldom(32) { dice.byte() } else { 0 });
        }
        for text in [member, "host:7000"] {
            let text = if dice.seldom(32) { dice.bytes(12) } else { text.as_bytes().to_vec() };
            out.extend((dice.number(text.len() as u64) as u32).to_be_bytes());
            out.extend(text);
        }
    }
}

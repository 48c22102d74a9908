//! A prepared directory of the fixtures with up to four faults, in memory, under every command.
#![no_main]

use ekv_tool_fuzz::fault::Damaged;
use ekv_tool_fuzz::memory::{Counted, watch};
use ekv_tool_fuzz::several::each_directory;
use ekv_tool_fuzz::support::hostile::{Dice, Directory, Thing};
use ekv_tool_fuzz::support::oracles;
use libfuzzer_sys::arbitrary::{Arbitrary as _, Unstructured};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static COUNTED: Counted = Counted;

fuzz_target!(|bytes: &[u8]| {
    each_directory(bytes, |asked, built| {
        let Ok(damaged) = Damaged::arbitrary(&mut Unstructured::new(built)) else { return };
        let mut things: Vec<_> =
            ["wal", "snap", "fsm-snap", "fsm.db"].into_iter().map(|name| (name.to_owned(), Thing::Directory)).collect();
        let files = damaged.files.into_iter();
        things.extend(files.map(|(path, bytes)| (path.to_string_lossy().into_owned(), Thing::File(bytes))));
        oracles::hold(&Directory { things }, &mut Dice::new(asked), watch);
    });
});

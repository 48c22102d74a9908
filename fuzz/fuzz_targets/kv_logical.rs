//! Names of keys: a name that is found is printed as one that is parsed to itself, and finds the key again. What is typed is parsed
//! to something that is printed the same way or refused.
#![no_main]

use ekv_tool::formats::kv::{KeyFilter, KeyText, Place, Selection, Shown, decode_value};
use ekv_tool::formats::mvcc::StoreKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(place) = Place::of_user_key(bytes) {
        let name = place.name.clone().into_owned();
        assert_eq!(name.to_string().parse(), Ok(name.clone()));
        let selection = Selection::of(name);
        assert!(selection.matches(bytes));
        if let Some(next) = selection.next_place(bytes) {
            assert!(next.as_slice() > bytes);
        }
        drop(place.to_string());
    }
    drop(Shown(bytes).to_string());
    drop(Place::of_store_key(StoreKey::of(bytes)));
    if let Ok(text) = str::from_utf8(bytes)
        && let Ok(key) = text.parse::<KeyText>()
    {
        assert_eq!(key.to_string().parse(), Ok(key.clone()));
        KeyFilter::of_prefix(key).matches(bytes);
    }
    // The first byte says where the key ends; the rest is its value.
    if let Some((&len, rest)) = bytes.split_first() {
        let (key, value) = rest.split_at(usize::from(len).min(rest.len()));
        drop(decode_value(key, value).map(|value| value.to_string()));
    }
});

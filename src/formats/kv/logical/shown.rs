//! Names of keys in reports.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

use super::Place;
use crate::formats::mvcc::StoreKey;
use crate::types::Escaped;

/// A key whose name is looked for when it is written.
#[derive(Debug, Clone, Copy)]
enum Unread<'a> {
    Stored(&'a [u8]),
    User(&'a [u8]),
}

impl<'a> Unread<'a> {
    fn place(self) -> Option<Place<'a>> {
        match self {
            Self::Stored(key) => Place::of_store_key(StoreKey::of(key)),
            Self::User(key) => Place::of_user_key(key),
        }
    }
}

/// The name of a key, for reports of many: it is looked for when it is written, and `null` when there is none.
#[derive(Debug, Clone, Copy)]
pub struct KeyName<'a>(Unread<'a>);

/// What of its name a key holds, for reports of many; `null` when that is all or unknown.
#[derive(Debug, Clone, Copy)]
pub struct PartName<'a>(Unread<'a>);

impl<'a> KeyName<'a> {
    /// Of a key as requests name it.
    pub const fn of_user_key(key: &'a [u8]) -> Self {
        Self(Unread::User(key))
    }

    /// Of a key as the store has it.
    pub const fn of_stored(key: &'a [u8]) -> Self {
        Self(Unread::Stored(key))
    }

    /// What of the name the key holds.
    pub const fn part(self) -> PartName<'a> {
        PartName(self.0)
    }

    /// The name and the part of it.
    pub fn place(self) -> Option<Place<'a>> {
        self.0.place()
    }

    /// The name as text.
    pub fn text(self) -> Option<String> {
        self.place().map(|place| place.name.to_string())
    }
}

impl PartName<'_> {
    /// In words.
    pub fn text(self) -> Option<String> {
        self.0.place().and_then(|place| place.part_in_words())
    }
}

impl Serialize for KeyName<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.place() {
            Some(place) => serializer.collect_str(&place.name),
            None => serializer.serialize_none(),
        }
    }
}

impl Serialize for PartName<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text().serialize(serializer)
    }
}

impl schemars::JsonSchema for KeyName<'_> {
    fn schema_name() -> Cow<'static, str> {
        "KeyName".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "null"] })
    }
}

impl schemars::JsonSchema for PartName<'_> {
    fn schema_name() -> Cow<'static, str> {
        "PartName".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": ["string", "null"] })
    }
}

/// A stored key for messages: the key itself, and behind it the name where one is known.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a>(pub &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(self.0).write_to(f)?;
        match KeyName::of_stored(self.0).place() {
            Some(place) => write!(f, " ({place})"),
            None => Ok(()),
        }
    }
}

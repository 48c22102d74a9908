#![doc = include_str!("../../../docs/formats/etcd.md")]

mod member;
mod metadata;
mod request;
mod store;

pub use member::{MemberContext, describe_change};
pub use metadata::{LogOwner, Metadata, owner_of};
pub use request::{Operation, Request, V2Request};
pub use store::{MetaKey, Revision, StoreKey, is_key_value, is_store};

/// True for the data of a snapshot that is the JSON of etcd's v2 store: one object with the members `Root` and `CurrentIndex`.
///
/// Only the beginning is looked at: whoever needs to know whether the rest fits parses it.
pub fn is_v2_store(data: &[u8]) -> bool {
    data.starts_with(br#"{"Root":{"#)
}

#[cfg(test)]
mod tests;

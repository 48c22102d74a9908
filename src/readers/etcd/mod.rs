//! Directories of members of etcd: where they are, and what their files say.

mod member;
mod place;
mod store;

pub use member::EtcdMember;
pub use place::{EtcdFound, EtcdPlace, discover_etcd, is_part_of_another};
pub use store::{EtcdStore, StoreRead};

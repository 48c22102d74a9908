#![doc = include_str!("../../../docs/formats/entries.md")]

mod conf_context;
mod encryption;
mod entry;
mod key_space;
mod logical;
mod proposal;
mod request;
mod route;
pub(crate) mod testing;
mod txn;
mod value;
mod written;

pub use conf_context::ConfContext;
pub use encryption::{EncryptionOp, OpcodeError, OpcodeErrorKind, Purpose, RegistrationRow, RotationKind};
pub use entry::{EntryClass, EntryView, Payload, classify, classify_above, classify_etcd, classify_payload};
pub use key_space::{CATALOG_PREFIX, KeySpace, KeySpaceCounts, LOCAL_CHUNKS};
pub use logical::{Held, KeyFilter, KeyName, KeyText, LogicalKey, Namespace, Part, PartName, Place, Selection, Shown};
pub use proposal::{PROPOSAL_HEADER_LEN, PROPOSAL_VERSION, ProposalEnvelope};
pub use request::{Mutation, Op, Phase, Request, Requests};
pub use route::{route_key, routed_alike, shared_len};
pub use txn::{
    Rejection, RequestClass, TXN_COMMIT_PREFIX, TXN_INTENT_PREFIX, TXN_LOCK_PREFIX, TXN_META_PREFIX, TXN_ROLLBACK_PREFIX, TxnMeta,
};
pub use value::{CatalogRoute, DecodedValue, LONGEST_DECODED, ValueEncoding, decode_value};
pub use written::{Writes, WrittenKind, WrittenRow, WrittenValue};

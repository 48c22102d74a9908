//! The messages of etcd, field by field.

use super::schema::{Schema, Shape};
use crate::formats::etcd::{Operation, Request, V2Request};
use crate::formats::raftpb::{Entry, EntryType, ProtoRules};
use crate::formats::wal::{Record, RecordKind};

pub(super) static METADATA: Schema = Schema(&[(1, "member", Shape::Hex), (2, "cluster", Shape::Hex)]);
static RANGE: Schema = Schema(&[
    (1, "key", Shape::Bytes),
    (2, "range end", Shape::Bytes),
    (3, "limit", Shape::Number),
    (4, "revision", Shape::Number),
    (7, "serializable", Shape::Bool),
    (8, "keys only", Shape::Bool),
    (9, "count only", Shape::Bool),
]);
static PUT: Schema = Schema(&[
    (1, "key", Shape::Bytes),
    (2, "value", Shape::Bytes),
    (3, "lease", Shape::Hex),
    (4, "previous wanted", Shape::Bool),
    (5, "keep value", Shape::Bool),
    (6, "keep lease", Shape::Bool),
]);
static DELETE_RANGE: Schema =
    Schema(&[(1, "key", Shape::Bytes), (2, "range end", Shape::Bytes), (3, "previous wanted", Shape::Bool)]);
static COMPARE: Schema = Schema(&[
    (1, "result", Shape::Choice(&["=", ">", "<", "!="])),
    (2, "target", Shape::Choice(&["version", "create revision", "mod revision", "value", "lease"])),
    (3, "key", Shape::Bytes),
    (4, "version", Shape::Number),
    (5, "create revision", Shape::Number),
    (6, "mod revision", Shape::Number),
    (7, "value", Shape::Bytes),
    (8, "lease", Shape::Hex),
    (64, "range end", Shape::Bytes),
]);
static OPERATION: Schema = Schema(&[
    (1, "range", Shape::Message(&RANGE)),
    (2, "put", Shape::Message(&PUT)),
    (3, "delete range", Shape::Message(&DELETE_RANGE)),
    // A transaction in a transaction is shown as bytes: nothing bounds how deep they go.
    (4, "txn", Shape::Bytes),
]);
static TXN: Schema = Schema(&[
    (1, "if", Shape::Message(&COMPARE)),
    (2, "then", Shape::Message(&OPERATION)),
    (3, "else", Shape::Message(&OPERATION)),
]);
static COMPACTION: Schema = Schema(&[(1, "revision", Shape::Number), (2, "physical", Shape::Bool)]);
static LEASE_GRANT: Schema = Schema(&[(1, "seconds", Shape::Number), (2, "lease", Shape::Hex)]);
static LEASE: Schema = Schema(&[(1, "lease", Shape::Hex), (2, "seconds left", Shape::Number)]);
static LEASES: Schema = Schema(&[(1, "lease", Shape::Message(&LEASE))]);
static ALARM: Schema = Schema(&[
    (1, "action", Shape::Choice(&["get", "activate", "deactivate"])),
    (2, "member", Shape::Hex),
    (3, "alarm", Shape::Choice(&["none", "NOSPACE", "CORRUPT"])),
]);
static HEADER: Schema =
    Schema(&[(1, "request id", Shape::Hex), (2, "user", Shape::Bytes), (3, "users' revision", Shape::Number)]);
static V2: Schema = Schema(&[
    (1, "request id", Shape::Hex),
    (2, "method", Shape::Bytes),
    (3, "path", Shape::Bytes),
    (4, "value", Shape::Bytes),
    (5, "directory", Shape::Bool),
    (6, "previous value", Shape::Bytes),
    (7, "previous index", Shape::Number),
    (8, "must exist", Shape::Bool),
    (9, "expires", Shape::Number),
    (10, "wait", Shape::Bool),
    (11, "since", Shape::Number),
    (12, "recursive", Shape::Bool),
    (13, "sorted", Shape::Bool),
    (14, "quorum", Shape::Bool),
    (15, "time", Shape::Number),
    (16, "stream", Shape::Bool),
]);
static VERSION: Schema = Schema(&[(1, "version", Shape::Bytes)]);
static ATTRIBUTES: Schema = Schema(&[(1, "name", Shape::Bytes), (2, "client URL", Shape::Bytes)]);
static MEMBER_ATTRIBUTES: Schema = Schema(&[(1, "member", Shape::Hex), (2, "attributes", Shape::Message(&ATTRIBUTES))]);
static NONE: Schema = Schema(&[]);

/// Requests about users and roles are named, and their content is not shown: passwords and tokens stand in it.
static REQUEST: Schema = Schema(&[
    (1, "request id", Shape::Hex),
    (2, "v2", Shape::Message(&V2)),
    (3, "range", Shape::Message(&RANGE)),
    (4, "put", Shape::Message(&PUT)),
    (5, "delete range", Shape::Message(&DELETE_RANGE)),
    (6, "txn", Shape::Message(&TXN)),
    (7, "compaction", Shape::Message(&COMPACTION)),
    (8, "lease grant", Shape::Message(&LEASE_GRANT)),
    (9, "lease revoke", Shape::Message(&LEASE)),
    (10, "alarm", Shape::Message(&ALARM)),
    (11, "lease checkpoint", Shape::Message(&LEASES)),
    (100, "header", Shape::Message(&HEADER)),
    (1000, "auth enable", Shape::Message(&NONE)),
    (1011, "auth disable", Shape::Message(&NONE)),
    (1012, "authenticate", Shape::Secret),
    (1013, "auth status", Shape::Message(&NONE)),
    (1100, "auth user add", Shape::Secret),
    (1101, "auth user delete", Shape::Secret),
    (1102, "auth user get", Shape::Secret),
    (1103, "auth user change password", Shape::Secret),
    (1104, "auth user grant role", Shape::Secret),
    (1105, "auth user revoke role", Shape::Secret),
    (1106, "auth user list", Shape::Message(&NONE)),
    (1107, "auth role list", Shape::Message(&NONE)),
    (1200, "auth role add", Shape::Secret),
    (1201, "auth role delete", Shape::Secret),
    (1202, "auth role get", Shape::Secret),
    (1203, "auth role grant permission", Shape::Secret),
    (1204, "auth role revoke permission", Shape::Secret),
    (1300, "cluster version set", Shape::Message(&VERSION)),
    (1301, "cluster member attributes set", Shape::Message(&MEMBER_ATTRIBUTES)),
    (1302, "downgrade info set", Shape::Message(&NONE)),
    (9900, "downgrade version test", Shape::Message(&VERSION)),
]);

/// How the data of an ordinary entry is read; `None` for what is no request.
pub(super) fn schema_of(data: &[u8]) -> Option<&'static Schema> {
    let request = Request::decode(data)?;
    let bare = request.operation == Some(Operation::V2) && V2Request::decode(data).is_some();
    Some(if bare { &V2 } else { &REQUEST })
}

/// True for an entry in which a password or a token may stand: no byte of it is shown.
pub(super) fn is_secret(record: &Record<'_>) -> bool {
    if record.kind != RecordKind::Entry {
        return false;
    }
    let entry = Entry::decode(record.bytes(), ProtoRules::Google).ok().filter(|entry| entry.kind == EntryType::Normal);
    let operation = entry.and_then(|entry| Request::decode(entry.data)).and_then(|request| request.operation);
    operation.is_some_and(|operation| matches!(operation.number(), 1012 | 1100 | 1103))
}

//! `etcdserverpb.InternalRaftRequest` and the older `etcdserverpb.Request`: what an ordinary entry asks for.

use std::fmt;

use super::metadata::number_of;
use crate::formats::protobuf::{self, Field, Value};
use crate::types::{Count, Escaped};

/// What one entry asks the members to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// Id by which the proposer knows its request; random, with the member's id in its upper half.
    pub id: Option<u64>,
    /// Who asked, where authentication is in use.
    pub user: &'a [u8],
    /// What is asked; `None` for a request in which nothing is set, which changes nothing.
    pub operation: Option<Operation>,
    /// The message of the operation.
    pub body: &'a [u8],
}

/// A request of the v2 store, which etcd up to 3.5 uses for the members' attributes and the cluster's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct V2Request<'a> {
    /// Field 1.
    pub id: u64,
    /// Field 2: `PUT`, `DELETE`, `POST`, `QGET`, `SYNC`.
    pub method: &'a [u8],
    /// Field 3.
    pub path: &'a [u8],
    /// Field 4: what is written.
    pub value: &'a [u8],
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $number:literal $text:literal,)*) => {
        /// The members of an `InternalRaftRequest`, of which one is set.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Operation {
            $($(#[$doc])* $name,)*
        }

        impl Operation {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            const fn of_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Number of the field.
            pub const fn number(self) -> u32 {
                match self {
                    $(Self::$name => $number,)*
                }
            }
        }
    };
}

operations! {
    /// A request of the v2 store.
    V2 = 2 "v2",
    /// A read that goes through the log.
    Range = 3 "range",
    /// Write a key.
    Put = 4 "put",
    /// Delete a key, or a range of keys.
    DeleteRange = 5 "delete-range",
    /// Compare, then do one thing or another.
    Txn = 6 "txn",
    /// Forget what was before a revision.
    Compaction = 7 "compaction",
    /// Begin a lease.
    LeaseGrant = 8 "lease-grant",
    /// End a lease, with its keys.
    LeaseRevoke = 9 "lease-revoke",
    /// Raise, lower or ask for an alarm.
    Alarm = 10 "alarm",
    /// The rest of the time of leases.
    LeaseCheckpoint = 11 "lease-checkpoint",
    /// Authentication on.
    AuthEnable = 1000 "auth-enable",
    /// Authentication off.
    AuthDisable = 1011 "auth-disable",
    /// A user gets a token.
    Authenticate = 1012 "authenticate",
    /// Is authentication on?
    AuthStatus = 1013 "auth-status",
    /// A new user.
    AuthUserAdd = 1100 "auth-user-add",
    /// A user goes.
    AuthUserDelete = 1101 "auth-user-delete",
    /// What a user may do.
    AuthUserGet = 1102 "auth-user-get",
    /// A new password.
    AuthUserChangePassword = 1103 "auth-user-change-password",
    /// A user gets a role.
    AuthUserGrantRole = 1104 "auth-user-grant-role",
    /// A user loses a role.
    AuthUserRevokeRole = 1105 "auth-user-revoke-role",
    /// All users.
    AuthUserList = 1106 "auth-user-list",
    /// All roles.
    AuthRoleList = 1107 "auth-role-list",
    /// A new role.
    AuthRoleAdd = 1200 "auth-role-add",
    /// A role goes.
    AuthRoleDelete = 1201 "auth-role-delete",
    /// What a role may do.
    AuthRoleGet = 1202 "auth-role-get",
    /// A role may do more.
    AuthRoleGrantPermission = 1203 "auth-role-grant-permission",
    /// A role may do less.
    AuthRoleRevokePermission = 1204 "auth-role-revoke-permission",
    /// The version that all members speak.
    ClusterVersionSet = 1300 "cluster-version-set",
    /// A member's name and where clients reach it.
    ClusterMemberAttrSet = 1301 "cluster-member-attr-set",
    /// A downgrade begins or ends.
    DowngradeInfoSet = 1302 "downgrade-info-set",
    /// Not for production.
    DowngradeVersionTest = 9900 "downgrade-version-test",
}

/// Number of the request's header.
const HEADER: u32 = 100;
/// Comparisons, operations or keys of a transaction that are shown.
const SHOWN: usize = 8;
/// Bytes of a key or a value that are shown.
const SHOWN_BYTES: usize = 64;
/// Transactions in transactions that are followed.
const MAX_DEPTH: u32 = 8;

impl<'a> Request<'a> {
    /// Decodes the data of an ordinary entry as etcd does: an `InternalRaftRequest` first, and what is none as an older `Request`.
    /// `None` for what is neither, at which a member ends with a panic. Empty data is no request.
    pub fn decode(data: &'a [u8]) -> Option<Self> {
        if data.is_empty() {
            return None;
        }
        Self::internal(data).or_else(|| {
            let request = V2Request::decode(data)?;
            Some(Self { id: Some(request.id), user: &[], operation: Some(Operation::V2), body: data })
        })
    }

    fn internal(data: &'a [u8]) -> Option<Self> {
        let mut request = Self { id: None, user: &[], operation: None, body: &[] };
        for field in protobuf::fields(data) {
            let Field { number, value, .. } = field.ok()?;
            match (number, value) {
                (1, Value::Varint(id)) => request.id = request.id.or(Some(id).filter(|id| *id != 0)),
                (HEADER, Value::Bytes(header)) => {
                    for field in protobuf::fields(header) {
                        match field.ok()? {
                            Field { number: 1, value: Value::Varint(id), .. } => request.id = Some(id),
                            Field { number: 2, value: Value::Bytes(user), .. } => request.user = user,
                            Field { number: 1 | 2, .. } => return None,
                            _ => {}
                        }
                    }
                }
                (1 | HEADER, _) => return None,
                (number, value) => {
                    let Some(operation) = Operation::of_number(number) else { continue };
                    // A known field of another wire type is refused, and so is a message in it that does not parse.
                    let Value::Bytes(body) = value else { return None };
                    let parses = match operation {
                        Operation::V2 => V2Request::decode(body).is_some(),
                        _ => is_message(body),
                    };
                    if !parses {
                        return None;
                    }
                    // Of several the first in the order in which etcd asks for them is done; nobody writes several.
                    if request.operation.is_none() {
                        request.operation = Some(operation);
                        request.body = body;
                    }
                }
            }
        }
        Some(request)
    }

    /// The stable name of what is asked; `empty` for nothing.
    pub const fn name(&self) -> &'static str {
        match self.operation {
            Some(operation) => operation.name(),
            None => "empty",
        }
    }

    /// Hands every key that the request writes, deletes, compares or reads to `visit`, and the first key of a range.
    pub fn for_each_key(&self, mut visit: impl FnMut(&'a [u8])) {
        match self.operation {
            Some(Operation::Put | Operation::Range | Operation::DeleteRange) => visit(bytes_of(self.body, 1)),
            Some(Operation::Txn) => keys_of_txn(self.body, MAX_DEPTH, &mut visit),
            Some(Operation::V2) => visit(V2Request::decode(self.body).unwrap_or_default().path),
            _ => {}
        }
    }
}

impl<'a> V2Request<'a> {
    /// Decodes a request of the v2 store. `None` for bytes that are none: it has a method that etcd knows.
    pub fn decode(data: &'a [u8]) -> Option<Self> {
        let mut request = Self::default();
        for field in protobuf::fields(data) {
            match field.ok()? {
                Field { number: 1, value: Value::Varint(id), .. } => request.id = id,
                Field { number: 2, value: Value::Bytes(method), .. } => request.method = method,
                Field { number: 3, value: Value::Bytes(path), .. } => request.path = path,
                Field { number: 4, value: Value::Bytes(value), .. } => request.value = value,
                Field { number: 1..=4, .. } => return None,
                _ => {}
            }
        }
        let known: [&[u8]; 6] = [b"PUT", b"DELETE", b"POST", b"QGET", b"SYNC", b"GET"];
        known.contains(&request.method).then_some(request)
    }
}

/// True when all fields of a message are well-formed.
fn is_message(message: &[u8]) -> bool {
    protobuf::fields(message).all(|field| field.is_ok())
}

fn last_of(message: &[u8], number: u32) -> Option<Value<'_>> {
    protobuf::fields(message).map_while(Result::ok).filter(|field| field.number == number).map(|field| field.value).last()
}

fn bytes_of(message: &[u8], number: u32) -> &[u8] {
    last_of(message, number).and_then(Value::as_bytes).unwrap_or_default()
}

fn varint_of(message: &[u8], number: u32) -> u64 {
    last_of(message, number).map_or(0, number_of)
}

/// The messages in a repeated field.
fn messages(message: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    let fields = protobuf::fields(message).map_while(Result::ok).filter(move |field| field.number == number);
    fields.filter_map(|field| field.value.as_bytes())
}

fn keys_of_txn<'a>(txn: &'a [u8], depth: u32, visit: &mut impl FnMut(&'a [u8])) {
    for field in protobuf::fields(txn).map_while(Result::ok) {
        let Some(message) = field.value.as_bytes() else { continue };
        match field.number {
            1 => visit(bytes_of(message, 3)),
            2 | 3 => {
                for operation in protobuf::fields(message).map_while(Result::ok) {
                    let Some(body) = operation.value.as_bytes() else { continue };
                    match (operation.number, depth.checked_sub(1)) {
                        (1..=3, _) => visit(bytes_of(body, 1)),
                        (4, Some(depth)) => keys_of_txn(body, depth, visit),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

/// Bytes, cut to a length that fits a line.
struct Short<'a>(&'a [u8]);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.get(..SHOWN_BYTES) {
            Some(head) if self.0.len() > SHOWN_BYTES => write!(f, "{}...", Escaped(head)),
            _ => Escaped(self.0).fmt(f),
        }
    }
}

/// A key, a range of keys, or all keys with a prefix.
struct KeyRange<'a> {
    key: &'a [u8],
    end: &'a [u8],
}

impl<'a> KeyRange<'a> {
    fn of(message: &'a [u8]) -> Self {
        Self { key: bytes_of(message, 1), end: bytes_of(message, 2) }
    }

    /// True when the range is that of a prefix: its end is the prefix with its last byte raised by one.
    fn is_prefix(&self) -> bool {
        let kept = self.key.iter().rposition(|byte| *byte != 0xff);
        match (kept.and_then(|last| self.key.split_at_checked(last)), self.end.split_last()) {
            (Some((front, [raised, ..])), Some((end, rest))) => front == rest && raised.checked_add(1) == Some(*end),
            _ => false,
        }
    }
}

impl fmt::Display for KeyRange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = Short(self.key);
        match self.end {
            [] => key.fmt(f),
            [0] if self.key == [0] => f.write_str("all keys"),
            [0] => write!(f, "from {key} on"),
            _ if self.is_prefix() => write!(f, "prefix {key}"),
            end => write!(f, "{key} to {}", Short(end)),
        }
    }
}

impl fmt::Display for Request<'_> {
    /// One line that says what is asked. No password, no token and no hash of one is ever in it, and no value but those that a transaction compares and those of etcd's own v2 keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = self.body;
        let Some(operation) = self.operation else { return f.write_str("empty") };
        match operation {
            Operation::Put | Operation::Range | Operation::DeleteRange | Operation::Txn => {
                let number = match operation {
                    Operation::Range => 1,
                    Operation::Put => 2,
                    Operation::DeleteRange => 3,
                    _ => 4,
                };
                write_operation(f, number, body, MAX_DEPTH)
            }
            Operation::V2 => {
                let request = V2Request::decode(body).unwrap_or_default();
                write!(f, "v2 {} {}", Short(request.method), Short(request.path))?;
                // What etcd keeps there itself: names and addresses of members, the version of the cluster.
                let own = request.path.starts_with(b"/0/") && !request.value.is_empty();
                if own { write!(f, " {}", Short(request.value)) } else { Ok(()) }
            }
            _ => {
                f.write_str(operation.name())?;
                write_details(f, operation, body)
            }
        }
    }
}

fn write_details(f: &mut fmt::Formatter<'_>, operation: Operation, body: &[u8]) -> fmt::Result {
    let number = |number| varint_of(body, number);
    let text = |number| Short(bytes_of(body, number));
    match operation {
        Operation::Compaction => {
            write!(f, " revision {}", number(1))?;
            f.write_str(if number(2) != 0 { ", physical" } else { "" })
        }
        Operation::LeaseGrant => write!(f, " {:x} for {} s", number(2), number(1)),
        Operation::LeaseRevoke => write!(f, " {:x}", number(1)),
        Operation::LeaseCheckpoint => write!(f, " of {}", Count(messages(body, 1).count() as u64, "lease")),
        Operation::Alarm => {
            let action = ["get", "activate", "deactivate"].get(usize::try_from(number(1)).unwrap_or(usize::MAX));
            let alarm = ["all", "NOSPACE", "CORRUPT"].get(usize::try_from(number(3)).unwrap_or(usize::MAX));
            write!(f, " {} {} member {:x}", action.unwrap_or(&"?"), alarm.unwrap_or(&"?"), number(2))
        }
        Operation::Authenticate
        | Operation::AuthUserAdd
        | Operation::AuthUserGet
        | Operation::AuthUserDelete
        | Operation::AuthUserChangePassword
        | Operation::AuthRoleAdd
        | Operation::AuthRoleGet
        | Operation::AuthRoleDelete
        | Operation::ClusterVersionSet
        | Operation::DowngradeVersionTest => write!(f, " {}", text(1)),
        Operation::AuthUserGrantRole | Operation::AuthUserRevokeRole => write!(f, " {} role {}", text(1), text(2)),
        Operation::AuthRoleGrantPermission => {
            let permission = bytes_of(body, 2);
            let kind = ["read", "write", "read and write"].get(usize::try_from(varint_of(permission, 1)).unwrap_or(usize::MAX));
            let range = KeyRange { key: bytes_of(permission, 2), end: bytes_of(permission, 3) };
            write!(f, " {} {} {range}", text(1), kind.unwrap_or(&"?"))
        }
        Operation::AuthRoleRevokePermission => {
            write!(f, " {} {}", text(1), KeyRange { key: bytes_of(body, 2), end: bytes_of(body, 3) })
        }
        Operation::ClusterMemberAttrSet => write!(f, " {:x} {}", number(1), Short(bytes_of(bytes_of(body, 2), 1))),
        Operation::DowngradeInfoSet => write!(f, " {} {}", if number(1) != 0 { "on" } else { "off" }, text(2)),
        _ => Ok(()),
    }
}

/// One operation by its number in a `RequestOp`.
fn write_operation(f: &mut fmt::Formatter<'_>, number: u32, body: &[u8], depth: u32) -> fmt::Result {
    match number {
        1 => write!(f, "range {}", KeyRange::of(body)),
        2 => {
            write!(f, "put {} of {}", Short(bytes_of(body, 1)), Count(bytes_of(body, 2).len() as u64, "byte"))?;
            match varint_of(body, 3) {
                0 => Ok(()),
                lease => write!(f, " lease {lease:x}"),
            }
        }
        3 => write!(f, "delete-range {}", KeyRange::of(body)),
        4 => match depth.checked_sub(1) {
            Some(depth) => write_txn(f, body, depth),
            None => f.write_str("txn ..."),
        },
        _ => f.write_str("?"),
    }
}

fn write_txn(f: &mut fmt::Formatter<'_>, txn: &[u8], depth: u32) -> fmt::Result {
    f.write_str("txn if ")?;
    let mut compares = messages(txn, 1);
    for (position, compare) in compares.by_ref().take(SHOWN).enumerate() {
        let what = ["version", "create", "mod", "value", "lease"];
        let sign = ["=", ">", "<", "!="];
        let choice = |names: &[&'static str], number| {
            usize::try_from(varint_of(compare, number)).ok().and_then(|at| names.get(at)).copied().unwrap_or("?")
        };
        let (target, result) = (choice(&what, 2), choice(&sign, 1));
        f.write_str(if position > 0 { " and " } else { "" })?;
        write!(f, "{target}({}) {result} ", Short(bytes_of(compare, 3)))?;
        match varint_of(compare, 2) {
            0 => write!(f, "{}", varint_of(compare, 4))?,
            1 => write!(f, "{}", varint_of(compare, 5))?,
            2 => write!(f, "{}", varint_of(compare, 6))?,
            3 => write!(f, "{}", Short(bytes_of(compare, 7)))?,
            _ => write!(f, "{:x}", varint_of(compare, 8))?,
        }
    }
    more(f, compares.count())?;
    for (word, branch) in [(" then ", 2), (" else ", 3)] {
        f.write_str(word)?;
        let mut operations = messages(txn, branch);
        let mut any = false;
        for operation in operations.by_ref().take(SHOWN) {
            f.write_str(if any { ", " } else { "" })?;
            any = true;
            match protobuf::fields(operation).map_while(Result::ok).last() {
                Some(Field { number, value: Value::Bytes(body), .. }) => write_operation(f, number, body, depth)?,
                _ => f.write_str("?")?,
            }
        }
        f.write_str(if any { "" } else { "nothing" })?;
        more(f, operations.count())?;
    }
    Ok(())
}

fn more(f: &mut fmt::Formatter<'_>, left: usize) -> fmt::Result {
    if left == 0 { Ok(()) } else { write!(f, " and {left} more") }
}

use proptest::prelude::*;

use super::*;
use crate::formats::varint;

fn field(number: u32, value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    varint::encode(u64::from(number) << 3, &mut out);
    varint::encode(value, &mut out);
    out
}

fn bytes(number: u32, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint::encode(u64::from(number) << 3 | 2, &mut out);
    varint::encode(content.len() as u64, &mut out);
    out.extend(content);
    out
}

fn all(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.concat()
}

#[test]
fn values_that_a_member_reads() {
    let value = all(&[bytes(1, b"key"), field(2, 5), field(3, 6), field(4, 1), bytes(5, b"value"), field(6, 77)]);
    assert!(is_key_value(&value) && is_key_value(b"") && is_key_value(&all(&[bytes(1, b"gone"), field(99, 1)])));
    for (at, wrong) in [(0, 0x0f), (0, 0x08), (5, 0x12), (1, 0x7f)] {
        let mut value = value.clone();
        value[at] = wrong;
        assert!(!is_key_value(&value), "{at}");
    }
    // Cut anywhere, but for the places between two fields.
    let whole = (0..=value.len()).filter(|len| is_key_value(&value[..*len])).count();
    assert_eq!(whole, 7);
}

/// A request with a header, as 3.4 writes it.
fn request(operation: Operation, body: &[u8]) -> Vec<u8> {
    all(&[bytes(operation.number(), body), bytes(100, &field(1, 7))])
}

fn said(data: &[u8]) -> String {
    Request::decode(data).unwrap().to_string()
}

fn key(name: &str) -> Vec<u8> {
    bytes(1, name.as_bytes())
}

fn transaction() -> Vec<u8> {
    let compare = all(&[field(1, 1), field(2, 3), bytes(3, b"a"), bytes(7, b"x")]);
    let put = bytes(2, &all(&[key("a"), bytes(2, b"value"), field(3, 0x1f)]));
    let delete = bytes(3, &all(&[key("b"), bytes(2, b"c")]));
    let inner = bytes(4, &all(&[bytes(2, &bytes(1, &key("z")))]));
    all(&[bytes(1, &compare), bytes(2, &put), bytes(2, &delete), bytes(3, &inner)])
}

#[test]
fn what_is_asked_in_a_line() {
    let range = |start: &[u8], end: &[u8]| all(&[bytes(1, start), bytes(2, end)]);
    for (operation, body, expected) in [
        (Operation::Put, all(&[key("k"), bytes(2, b"secret value"), field(3, 0xab)]), "put k of 12 bytes lease ab"),
        (Operation::DeleteRange, key("k"), "delete-range k"),
        (Operation::DeleteRange, range(b"ab", b"ac"), "delete-range prefix ab"),
        (Operation::DeleteRange, range(b"a\xff", b"b"), "delete-range prefix a\\xff"),
        (Operation::DeleteRange, range(b"a", b"z"), "delete-range a to z"),
        (Operation::DeleteRange, range(b"a", b"\0"), "delete-range from a on"),
        (Operation::DeleteRange, range(b"\0", b"\0"), "delete-range all keys"),
        (Operation::Range, key("k"), "range k"),
        (
            Operation::Txn,
            transaction(),
            "txn if value(a) > x then put a of 5 bytes lease 1f, delete-range prefix b else txn if  then range z else nothing",
        ),
        (Operation::Compaction, all(&[field(1, 10), field(2, 1)]), "compaction revision 10, physical"),
        (Operation::LeaseGrant, all(&[field(1, 60), field(2, 0xff)]), "lease-grant ff for 60 s"),
        (Operation::LeaseRevoke, field(1, 0xff), "lease-revoke ff"),
        (Operation::LeaseCheckpoint, all(&[bytes(1, &field(1, 1)), bytes(1, &field(1, 2))]), "lease-checkpoint of 2 leases"),
        (Operation::Alarm, all(&[field(1, 1), field(2, 0xa), field(3, 1)]), "alarm activate NOSPACE member a"),
        (Operation::AuthUserAdd, all(&[key("root"), bytes(2, b"password")]), "auth-user-add root"),
        (Operation::Authenticate, all(&[key("root"), bytes(2, b"password"), bytes(3, b"token")]), "authenticate root"),
        (Operation::AuthUserChangePassword, all(&[key("root"), bytes(2, b"password")]), "auth-user-change-password root"),
        (Operation::AuthUserGrantRole, all(&[key("u"), bytes(2, b"r")]), "auth-user-grant-role u role r"),
        (
            Operation::AuthRoleGrantPermission,
            all(&[key("r"), bytes(2, &all(&[field(1, 2), bytes(2, b"a"), bytes(3, b"b")]))]),
            "auth-role-grant-permission r read and write prefix a",
        ),
        (Operation::AuthEnable, vec![], "auth-enable"),
        (Operation::ClusterVersionSet, key("3.5.0"), "cluster-version-set 3.5.0"),
        (Operation::ClusterMemberAttrSet, all(&[field(1, 0xa), bytes(2, &key("n1"))]), "cluster-member-attr-set a n1"),
        (Operation::DowngradeInfoSet, all(&[field(1, 1), bytes(2, b"3.4.0")]), "downgrade-info-set on 3.4.0"),
    ] {
        let data = request(operation, &body);
        let decoded = Request::decode(&data).unwrap();
        assert_eq!((decoded.operation, decoded.id), (Some(operation), Some(7)), "{expected}");
        assert_eq!(decoded.to_string(), expected);
        assert!(!decoded.to_string().contains("password") || operation == Operation::AuthUserChangePassword);
    }
    assert_eq!(said(&bytes(100, &field(1, 7))), "empty");
}

#[test]
fn keys_of_a_request() {
    let keys = |data: &[u8]| {
        let mut keys = Vec::new();
        Request::decode(data).unwrap().for_each_key(|key| keys.push(String::from_utf8_lossy(key).into_owned()));
        keys
    };
    assert_eq!(keys(&request(Operation::Put, &key("k"))), ["k"]);
    assert_eq!(keys(&request(Operation::Txn, &transaction())), ["a", "a", "b", "z"]);
    assert_eq!(keys(&request(Operation::LeaseRevoke, &field(1, 3))), [""; 0]);
}

#[test]
fn a_request_of_the_v2_store_is_none_of_the_new_kind() {
    let publish = |method: &[u8]| {
        all(&[
            field(1, 99),
            bytes(2, method),
            bytes(3, b"/0/members/8e9e05c52164694d/attributes"),
            bytes(4, br#"{"name":"n1"}"#),
            field(5, 0),
        ])
    };
    for method in ["PUT", "DELETE", "POST", "QGET", "SYNC"] {
        let data = publish(method.as_bytes());
        let decoded = Request::decode(&data).unwrap();
        assert_eq!((decoded.operation, decoded.id), (Some(Operation::V2), Some(99)), "{method}");
        let text = format!(r#"v2 {method} /0/members/8e9e05c52164694d/attributes {{"name":"n1"}}"#);
        assert_eq!(decoded.to_string(), text);
    }
    assert_eq!(Request::decode(&publish(b"EAT")), None);
    // As a member of the new kind.
    let inside = bytes(2, &publish(b"PUT"));
    assert!(said(&inside).starts_with("v2 PUT /0/members/"));
    assert_eq!(Request::decode(b""), None);
    // What others write.
    let proposal = [1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0x18, 1];
    assert_eq!(Request::decode(&proposal), None, "a proposal of elastickv");
}

#[test]
fn metadata_of_etcd_and_what_a_flipped_type_makes_of_others() {
    let good = all(&[field(1, 0x8211_f1d0_f64f_3269), field(2, 3)]);
    assert_eq!(Metadata::decode(&good), Some(Metadata { node_id: 0x8211_f1d0_f64f_3269, cluster_id: 3 }));
    for (bytes, what) in [
        (vec![], "elastickv's"),
        (all(&[field(1, 0), field(2, 0)]), "the snapshot record at 0"),
        (all(&[field(1, 1), field(2, 1), field(3, 1)]), "a hard state"),
        (all(&[field(1, 9), field(2, 1), bytes(3, &field(1, 5))]), "a snapshot record"),
        (all(&[field(1, 0), field(2, 1), field(3, 1), bytes(4, b"x")]), "an entry"),
        (field(1, 1), "half of it"),
        (all(&[field(2, 1), field(1, 1)]), "the other way round"),
    ] {
        assert_eq!(Metadata::decode(&bytes), None, "{what}");
    }
    for cut in 0..good.len() {
        assert!(Metadata::decode(&good[..cut]).is_none(), "{cut}");
    }
}

#[test]
fn whose_log_it_is_stands_at_the_head() {
    // The worked example of the format's description: crc, metadata {1, 2}, snapshot.
    let head = b"\x04\0\0\0\0\0\0\x84\x08\x04\x10\0\0\0\0\0\x0e\0\0\0\0\0\0\x82\x08\x01\x10\xa9\xf6\xf0\xac\x0c\x1a\x04\x08\x01\x10\x02\0\0";
    let owner = owner_of(head).unwrap();
    assert_eq!(owner.etcd(), Some(Metadata { node_id: 1, cluster_id: 2 }));
    assert!(owner.is_etcd());
    for cut in 0..head.len() {
        assert_eq!(owner_of(&head[..cut]), None, "{cut}");
    }
    let empty = b"\x04\0\0\0\0\0\0\x84\x08\x04\x10\0\0\0\0\0\x04\0\0\0\0\0\0\x84\x08\x01\x10\0\0\0\0\0";
    assert_eq!(owner_of(empty), Some(LogOwner::Elastickv));
    assert_eq!(owner_of(&[0; 64]), None);
}

#[test]
fn members_and_keys_of_the_store() {
    let context = br#"{"id":9,"peerURLs":["http://a:2380"],"name":"a","isLearner":true,"other":[1]}"#;
    let change = all(&[field(1, 5), field(2, 3), field(3, 9), bytes(4, context)]);
    assert_eq!(describe_change(&change), Some(("add-learner", "add-learner 9 a http://a:2380".to_owned())));
    let promote = all(&[field(2, 0), field(3, 9), bytes(4, br#"{"id":9,"peerURLs":null,"isPromote":true}"#)]);
    assert_eq!(describe_change(&promote).map(|(word, _)| word), Some("add-voter"), "a list that is null is no such object");
    let promote = all(&[field(2, 0), field(3, 9), bytes(4, br#"{"id":9,"isPromote":true}"#)]);
    assert_eq!(describe_change(&promote).map(|(word, _)| word), Some("promote-learner"));
    assert_eq!(describe_change(&all(&[field(2, 1), field(3, 9)])), Some(("remove", "remove 9".to_owned())));

    let revision = |main: u64, sub: u64| [&main.to_be_bytes()[..], b"_", &sub.to_be_bytes()].concat();
    let change = StoreKey::decode(&revision(4, 1)).unwrap();
    assert_eq!((change.revision, change.tombstone), (Revision { main: 4, sub: 1 }, false));
    let deleted = [&revision(4, 1)[..], b"t"].concat();
    assert!(StoreKey::decode(&deleted).unwrap().tombstone);
    for cut in 0..17 {
        assert_eq!(StoreKey::decode(&deleted[..cut]), None);
    }
    assert_eq!(MetaKey::number(&[0, 0, 0, 0, 0, 0, 1, 2]), Some(258));
    assert_eq!(MetaKey::of(b"consistent_index"), MetaKey::ConsistentIndex);
}

#[test]
fn no_prefix_and_no_flipped_bit_is_too_much() {
    for data in [request(Operation::Txn, &transaction()), request(Operation::AuthUserAdd, &key("root"))] {
        for cut in 0..=data.len() {
            let _ = Request::decode(&data[..cut]).map(|request| request.to_string());
        }
        for bit in 0..data.len() * 8 {
            let mut bytes = data.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let _ = Request::decode(&bytes).map(|request| request.to_string());
            let _ = describe_change(&bytes);
        }
    }
    // Transactions in transactions, deeper than anybody follows.
    let deep = (0..5000).fold(Vec::new(), |inner, _| bytes(2, &bytes(4, &inner)));
    assert!(said(&request(Operation::Txn, &deep)).ends_with("else nothing"));
}

proptest! {
    #[test]
    fn any_bytes(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Some(request) = Request::decode(&data) {
            prop_assert!(request.to_string().len() <= 256 + 64 * data.len());
            request.for_each_key(|_| {});
        }
        let _ = (describe_change(&data), owner_of(&data), is_store(&data), StoreKey::decode(&data));
    }
}

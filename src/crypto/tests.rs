use super::*;
use crate::formats::kv::ProposalEnvelope;

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn kek() -> SecretKey {
    SecretKey::take(&mut (0..32).collect::<Vec<u8>>()).unwrap()
}

const WRAPPED: &str =
    "6465666768696a6b6c6d6e6f683afc455dcc70b9164b75c3f64844d272f33439bf59c5459fe89673c79e9b7714f27ef5cc0425f6d6f6093d87f121ad";
const RAFT: &str = "0111223344556677880100000000071234000100000000000000052bdf2ab97fc4813aadd3537696d70af0c6675b0238134dcb39";
const ROW_KEY: &str = "61fe688bdf27e7fffc";
const ROW_VALUE: &str = "02000000000000000001000000000712340001000000000000000541b68c6ade321437bc8a2245d58b93945b46";

fn keyring() -> Keyring {
    let mut keys = Keyring::default();
    keys.add(7, &bytes(WRAPPED), &kek()).unwrap();
    keys
}

/// Every prefix and every flipped bit of `whole` has to be refused.
fn refused_unless_whole(whole: &[u8], open: impl Fn(&[u8]) -> bool) {
    assert!(open(whole));
    for cut in 0..whole.len() {
        assert!(!open(&whole[..cut]), "cut at {cut}");
    }
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(!open(&damaged), "bit {bit}");
    }
    assert!(!open(&[whole, &[0]].concat()), "a byte too many");
}

#[test]
fn a_wrapped_key_opens_under_its_kek_alone() {
    refused_unless_whole(&bytes(WRAPPED), |wrapped| unwrap_dek(&kek(), wrapped).is_ok());
    let other = SecretKey::take(&mut [9; 32]).unwrap();
    assert_eq!(unwrap_dek(&other, &bytes(WRAPPED)).err(), Some(OpenError::Unwrap));
    assert_eq!(unwrap_dek(&kek(), &[0; 59]).err(), Some(OpenError::WrappedLength(59)));
}

#[test]
fn the_raft_envelope_of_the_vectors() {
    let data = bytes(RAFT);
    let payload = ProposalEnvelope::decode(&data).unwrap().payload;
    assert_eq!(open_raft(&keyring(), payload).unwrap().bytes(), bytes("02000001977420dc00"));
    refused_unless_whole(payload, |payload| open_raft(&keyring(), payload).is_ok());
}

#[test]
fn the_storage_envelope_of_the_vectors_belongs_to_its_row() {
    let (key, value) = (bytes(ROW_KEY), bytes(ROW_VALUE));
    assert_eq!(open_value(&keyring(), &key, &value).unwrap().bytes(), b"hi");
    refused_unless_whole(&value, |value| open_value(&keyring(), &key, value).is_ok());
    refused_unless_whole(&key, |key| open_value(&keyring(), key, &value).is_ok());
}

#[test]
fn what_is_missing_is_told_in_the_servers_words() {
    let none = Keyring::default();
    let data = bytes(RAFT);
    let error = open_raft(&none, &data[9..]).err().unwrap();
    assert_eq!((error.name(), error.to_string()), ("ErrUnknownKeyID", "key_id=7: encryption: unknown key_id".to_owned()));
    assert!(!error.is_damage());
    let error = open_raft(&none, &data[9..30]).err().unwrap();
    assert_eq!(error.name(), "ErrEnvelopeShort");
    assert_eq!(open_raft(&none, &[2; 40]).err(), Some(OpenError::Version(2)));
    let mut flagged = data.clone();
    flagged[10] = 1;
    assert_eq!(open_raft(&keyring(), &flagged[9..]).err(), Some(OpenError::Flags(1)));
}

#[test]
fn taking_a_key_overwrites_where_it_came_from() {
    let mut source = [5; 32];
    assert!(SecretKey::take(&mut source).is_some());
    assert_eq!(source, [0; 32]);
    let mut odd = [5; 33];
    assert!(SecretKey::take(&mut odd).is_none());
    assert_eq!(odd, [0; 33]);
}

#[test]
fn a_keyring_prints_ids_alone() {
    assert_eq!(format!("{:?}", keyring()), "Keyring([7])");
}

/// A method of a trait is found on a type only when the type does not have it itself: no key can be printed or copied.
#[test]
fn key_material_cannot_be_printed_cloned_or_serialized() {
    trait Without {
        const PRINTS: bool = false;
        const COPIES: bool = false;
        const SERIALIZES: bool = false;
    }
    impl<T: ?Sized> Without for Probe<T> {}
    struct Probe<T: ?Sized>(std::marker::PhantomData<T>);
    #[expect(dead_code, reason = "found only when the key had the trait")]
    impl<T: ?Sized + std::fmt::Debug> Probe<T> {
        const PRINTS: bool = true;
    }
    #[expect(dead_code, reason = "found only when the key had the trait")]
    impl<T: Clone> Probe<T> {
        const COPIES: bool = true;
    }
    #[expect(dead_code, reason = "found only when the key had the trait")]
    impl<T: ?Sized + serde::Serialize> Probe<T> {
        const SERIALIZES: bool = true;
    }
    const { assert!(!Probe::<SecretKey>::PRINTS && !Probe::<SecretKey>::COPIES && !Probe::<SecretKey>::SERIALIZES) };
    const { assert!(!Probe::<Opened>::PRINTS && !Probe::<Opened>::COPIES && !Probe::<Opened>::SERIALIZES) };
}

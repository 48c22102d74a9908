//! What the names in a store directory say.

use std::fmt;

/// A file number. One counter serves every kind of file; names show it with at least six digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct FileNum(pub u64);

impl FileNum {
    /// The name of the table with this number.
    pub fn table_name(self) -> String {
        format!("{self}.sst")
    }

    /// The name of a segment of the log with this number.
    pub fn log_name(self, segment: u64) -> String {
        if segment == 0 { format!("{self}.log") } else { format!("{self}-{segment:03}.log") }
    }
}

/// At least six digits, as in file names.
impl fmt::Display for FileNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

/// What one name in a store directory stands for.
///
/// Numbers compare as integers: the padding is a minimum width.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreFileName {
    /// `NNNNNN.sst`.
    Table(FileNum),
    /// `NNNNNN.log` (segment 0) or `NNNNNN-III.log`.
    Log {
        /// The log's number.
        number: FileNum,
        /// Position among the segments of one log; above 0 only where logs fail over to a second directory.
        segment: u64,
    },
    /// `MANIFEST-NNNNNN`.
    Manifest(FileNum),
    /// `OPTIONS-NNNNNN`.
    Options(FileNum),
    /// `marker.<name>.<iteration>.<value>`: the value is in the name.
    Marker(Marker),
    /// A name that begins with `marker.` and says nothing more that can be understood.
    MalformedMarker,
    /// `NNNNNN.blob`.
    Blob(FileNum),
    /// `REMOTE-OBJ-CATALOG-NNNNNN`.
    RemoteCatalog(FileNum),
    /// `LOCK`: exists for its advisory lock alone.
    Lock,
    /// `CURRENT`: a dead end left for old binaries, never consulted.
    Current,
    /// `temporary.NNNNNN.dbtmp`, `CURRENT.NNNNNN.dbtmp`: left by an interrupted rename.
    Temporary,
    /// Anything else; the directory may be shared with other software.
    Other,
}

/// A fact stored in a file name: which MANIFEST is current, which format version the store has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// What it is about: `manifest`, `format-version`, `remote-obj-catalog`.
    pub name: String,
    /// Of several markers with one name the largest iteration counts.
    pub iteration: u64,
    /// The fact; may contain anything, dots included.
    pub value: String,
}

impl StoreFileName {
    /// Understands one name. Never fails: what is not recognised is [`StoreFileName::Other`].
    pub fn parse(name: &str) -> Self {
        Self::parse_known(name).unwrap_or(Self::Other)
    }

    fn parse_known(name: &str) -> Option<Self> {
        if let Some(rest) = name.strip_prefix("marker.") {
            return Some(Marker::parse(rest).map_or(Self::MalformedMarker, Self::Marker));
        }
        if let Some(number) = name.strip_prefix("MANIFEST-") {
            return decimal(number).map(|number| Self::Manifest(FileNum(number)));
        }
        if let Some(number) = name.strip_prefix("OPTIONS-") {
            return decimal(number).map(|number| Self::Options(FileNum(number)));
        }
        if let Some(number) = name.strip_prefix("REMOTE-OBJ-CATALOG-") {
            return decimal(number).map(|number| Self::RemoteCatalog(FileNum(number)));
        }
        match name {
            "LOCK" => return Some(Self::Lock),
            "CURRENT" => return Some(Self::Current),
            _ => {}
        }
        let (stem, extension) = name.rsplit_once('.')?;
        match extension {
            "sst" => decimal(stem).map(|number| Self::Table(FileNum(number))),
            "blob" => decimal(stem).map(|number| Self::Blob(FileNum(number))),
            "log" => {
                let (number, segment) = match stem.split_once('-') {
                    Some((number, segment)) => (number, decimal(segment)?),
                    None => (stem, 0),
                };
                Some(Self::Log { number: FileNum(decimal(number)?), segment })
            }
            "dbtmp" => {
                let (_, number) = stem.split_once('.')?;
                decimal(number).map(|_| Self::Temporary)
            }
            _ => None,
        }
    }
}

impl Marker {
    /// Understands what follows `marker.`.
    fn parse(rest: &str) -> Option<Self> {
        let (name, rest) = rest.split_once('.')?;
        let (iteration, value) = rest.split_once('.')?;
        Some(Self { name: name.to_owned(), iteration: decimal(iteration)?, value: value.to_owned() })
    }
}

/// Decimal digits only: no sign, no spaces, not empty, no overflow.
pub(super) fn decimal(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_a_store() {
        let log = |number, segment| StoreFileName::Log { number: FileNum(number), segment };
        for (name, expected) in [
            ("000005.sst", StoreFileName::Table(FileNum(5))),
            ("1000005.sst", StoreFileName::Table(FileNum(1_000_005))),
            ("000002.log", log(2, 0)),
            ("000002-001.log", log(2, 1)),
            ("MANIFEST-000001", StoreFileName::Manifest(FileNum(1))),
            ("OPTIONS-000003", StoreFileName::Options(FileNum(3))),
            ("000009.blob", StoreFileName::Blob(FileNum(9))),
            ("REMOTE-OBJ-CATALOG-000001", StoreFileName::RemoteCatalog(FileNum(1))),
            ("LOCK", StoreFileName::Lock),
            ("CURRENT", StoreFileName::Current),
            ("temporary.000004.dbtmp", StoreFileName::Temporary),
            ("CURRENT.000004.dbtmp", StoreFileName::Temporary),
            ("marker.manifest", StoreFileName::MalformedMarker),
            ("marker.manifest.x.MANIFEST-000001", StoreFileName::MalformedMarker),
            ("archive", StoreFileName::Other),
            ("x.log", StoreFileName::Other),
            ("+5.sst", StoreFileName::Other),
            (".sst", StoreFileName::Other),
            ("99999999999999999999.sst", StoreFileName::Other),
            ("", StoreFileName::Other),
        ] {
            assert_eq!(StoreFileName::parse(name), expected, "{name}");
        }
    }

    #[test]
    fn markers_hold_their_value_in_the_name() {
        let StoreFileName::Marker(marker) = StoreFileName::parse("marker.manifest.000012.MANIFEST-000.001") else {
            panic!("not a marker");
        };
        assert_eq!((marker.name.as_str(), marker.iteration, marker.value.as_str()), ("manifest", 12, "MANIFEST-000.001"));
    }

    proptest! {
        #[test]
        fn numbers_round_trip_whatever_their_width(number in any::<u64>()) {
            prop_assert_eq!(StoreFileName::parse(&FileNum(number).table_name()), StoreFileName::Table(FileNum(number)));
        }

        #[test]
        fn any_name_is_understood_without_a_panic(name in "\\PC{0,40}") {
            let _ = StoreFileName::parse(&name);
        }
    }
}

//! The JSON in front of a bundle, read as leniently and as strictly as the server reads it: field names in any case,
//! `null` for "as if absent", no unknown fields, nothing behind the value.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::{ManifestFile, SstError, SstManifest};
use crate::formats::go_json::{Base64, Field};
use crate::types::LogIndex;

const VERSION: i64 = 1;
const MAX_FILES: usize = 1 << 20;

impl SstManifest {
    /// Parses and validates a manifest.
    pub(super) fn parse(json: &[u8]) -> Result<Self, SstError> {
        let text = String::from_utf8_lossy(json);
        let mut values = serde_json::Deserializer::from_str(&text).into_iter::<Self>();
        let manifest = match values.next() {
            Some(Ok(manifest)) => manifest,
            Some(Err(error)) => return Err(SstError::Json(error.to_string())),
            None => return Err(SstError::Json("unexpected end of JSON input".to_owned())),
        };
        if !text.get(values.byte_offset()..).unwrap_or_default().trim_ascii().is_empty() {
            return Err(SstError::TrailingJson);
        }
        manifest.validate()?;
        Ok(manifest)
    }

    fn validate(&self) -> Result<(), SstError> {
        if self.version != VERSION {
            return Err(SstError::Version(self.version));
        }
        if self.files.len() > MAX_FILES {
            return Err(SstError::TooManyFiles(self.files.len()));
        }
        let mut total = 0_i64;
        let mut previous: Option<&ManifestFile> = None;
        for (number, file) in self.files.iter().enumerate() {
            file.validate(number, previous)?;
            total = total.checked_add(file.size).ok_or(SstError::TotalOverflow)?;
            previous = Some(file);
        }
        if total != self.total_file_bytes {
            return Err(SstError::Total { manifest: self.total_file_bytes, files: total });
        }
        Ok(())
    }
}

impl ManifestFile {
    fn validate(&self, number: usize, previous: Option<&Self>) -> Result<(), SstError> {
        let name = || self.name.clone();
        if self.name != format!("{number:06}.sst") {
            return Err(SstError::FileName(name()));
        }
        if self.size <= 0 {
            return Err(SstError::FileSize { name: name(), size: self.size });
        }
        if self.smallest.is_empty() || self.largest.is_empty() || self.smallest > self.largest {
            return Err(SstError::Bounds(name()));
        }
        if previous.is_some_and(|previous| previous.largest >= self.smallest) {
            return Err(SstError::Overlap(name()));
        }
        // Upper-case digits pass here and fail later, when the digest is compared as text.
        if self.sha256.len() != 64 || !self.sha256.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(SstError::DigestText(name()));
        }
        Ok(())
    }
}

/// Lower-case hex.
pub(in super::super) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

impl<'de> Deserialize<'de> for SstManifest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = SstManifest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the manifest object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SstManifest, A::Error> {
                let mut it = SstManifest::default();
                while let Some(name) = map.next_key::<String>()? {
                    match name.to_ascii_lowercase().as_str() {
                        "version" => map.next_value_seed(Field(&mut it.version))?,
                        "last_commit_ts" => map.next_value_seed(Field(&mut it.last_commit_ts.0))?,
                        "min_retained_ts" => map.next_value_seed(Field(&mut it.min_retained_ts.0))?,
                        "pending_min_retained_ts" => map.next_value_seed(Field(&mut it.pending_min_retained_ts.0))?,
                        "applied_index" => it.applied_index = map.next_value::<Option<u64>>()?.map(LogIndex),
                        "entry_count" => map.next_value_seed(Field(&mut it.entry_count))?,
                        "uncompressed_bytes" => map.next_value_seed(Field(&mut it.uncompressed_bytes))?,
                        "total_file_bytes" => map.next_value_seed(Field(&mut it.total_file_bytes))?,
                        "files" => {
                            let files = map.next_value::<Option<Vec<Option<ManifestFile>>>>()?.unwrap_or_default();
                            it.files = files.into_iter().map(Option::unwrap_or_default).collect();
                        }
                        _ => return Err(A::Error::custom(format_args!("unknown field {name:?}"))),
                    }
                }
                Ok(it)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl<'de> Deserialize<'de> for ManifestFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = ManifestFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a file of the manifest")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ManifestFile, A::Error> {
                let mut it = ManifestFile::default();
                while let Some(name) = map.next_key::<String>()? {
                    match name.to_ascii_lowercase().as_str() {
                        "name" => map.next_value_seed(Field(&mut it.name))?,
                        "size" => map.next_value_seed(Field(&mut it.size))?,
                        "sha256" => map.next_value_seed(Field(&mut it.sha256))?,
                        "smallest" => it.smallest = map.next_value::<Option<Base64>>()?.map(|bytes| bytes.0).unwrap_or_default(),
                        "largest" => it.largest = map.next_value::<Option<Base64>>()?.map(|bytes| bytes.0).unwrap_or_default(),
                        _ => return Err(A::Error::custom(format_args!("unknown field {name:?}"))),
                    }
                }
                Ok(it)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

//! Addresses of stores, as users write them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use object_store::path::Path as Key;
use url::Url;

use crate::error::{Error, Result};

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Who answers there.
    pub scheme: Scheme,
    /// Bucket or container; empty for a directory.
    pub bucket: String,
    /// What keys below it begin with: empty, or a prefix with a slash at its end.
    pub base: String,
    /// The directory.
    pub directory: PathBuf,
    /// How reports name it.
    pub shown: String,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Amazon S3 and everything that speaks like it.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
    /// A directory of this machine.
    Directory,
}

impl Address {
    /// Reads an address: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`, `file:///PATH`, or a path. What may
    /// hold a secret is refused without being repeated.
    pub fn parse(text: &str) -> Result<Self> {
        let Some((scheme, rest)) = text.split_once("://") else { return Ok(Self::directory(PathBuf::from(text), text)) };
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "s3" | "s3a" => Scheme::S3,
            "gs" => Scheme::Gcs,
            "az" | "azure" | "abfs" | "abfss" => Scheme::Azure,
            "file" => Scheme::Directory,
            "http" | "https" => {
                return Err(Error::Usage(
                    "an address begins with s3://, gs://, az:// or file://; the server of a bucket is named by the environment, for example \
                     AWS_ENDPOINT_URL"
                        .to_owned(),
                ));
            }
            _ => return Err(Error::Usage("an address begins with s3://, gs://, az:// or file://".to_owned())),
        };
        if rest.contains('@') || rest.contains('?') || rest.contains('#') {
            let why = "an address has no user, no query and no fragment; credentials are taken from the environment";
            return Err(Error::Usage(why.to_owned()));
        }
        let url = Url::parse(text).map_err(|error| Error::Usage(format!("the address cannot be read: {error}")))?;
        let key = Key::from_url_path(url.path()).map_err(|_| {
            Error::Usage("the path of the address is no key: it has empty parts, or bytes that are no text".to_owned())
        })?;
        if scheme == Scheme::Directory {
            if url.host_str().is_some_and(|host| !host.is_empty() && host != "localhost") {
                return Err(Error::Usage("file:// is followed by a path that begins with a slash".to_owned()));
            }
            let path = format!("/{key}");
            return Ok(Self::directory(PathBuf::from(&path), &path));
        }
        // As written: a host would be made lower-case, a bucket is not.
        let bucket = rest.split('/').next().unwrap_or_default().to_owned();
        if bucket.is_empty() {
            return Err(Error::Usage("the address names no bucket".to_owned()));
        }
        let scheme_word = text.split("://").next().unwrap_or_default().to_ascii_lowercase();
        let (base, shown) = match key.as_ref() {
            "" => (String::new(), format!("{scheme_word}://{bucket}")),
            prefix => (format!("{prefix}/"), format!("{scheme_word}://{bucket}/{prefix}")),
        };
        Ok(Self { scheme, bucket, base, directory: PathBuf::new(), shown })
    }

    /// The whole bucket.
    #[must_use]
    pub fn bucket_of(&self) -> Self {
        let scheme = self.shown.split("://").next().unwrap_or_default();
        Self { base: String::new(), shown: format!("{scheme}://{}", self.bucket), ..self.clone() }
    }

    /// The address of an object of this bucket, so written that it is read as that again.
    pub fn url_of(&self, key: &str) -> String {
        let mut url = self.bucket_of().shown;
        url.push('/');
        for byte in key.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
                url.push(char::from(byte));
            } else {
                // Writing into a text fails only for want of memory.
                let _ = write!(url, "%{byte:02X}");
            }
        }
        url
    }

    /// A directory or a file of this machine.
    pub fn of_path(path: &Path) -> Self {
        Self::directory(path.to_owned(), &path.display().to_string())
    }

    fn directory(directory: PathBuf, shown: &str) -> Self {
        Self { scheme: Scheme::Directory, bucket: String::new(), base: String::new(), directory, shown: shown.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_written() {
        let of = |text: &str| {
            let it = Address::parse(text).unwrap();
            (it.scheme, it.bucket, it.base, it.shown)
        };
        let s3 = |bucket: &str, base: &str, shown: &str| (Scheme::S3, bucket.to_owned(), base.to_owned(), shown.to_owned());
        assert_eq!(of("s3://b"), s3("b", "", "s3://b"));
        assert_eq!(of("s3://b/"), s3("b", "", "s3://b"));
        assert_eq!(of("s3://b/p/q/"), s3("b", "p/q/", "s3://b/p/q"));
        assert_eq!(of("s3://b/a%20b"), s3("b", "a b/", "s3://b/a b"));
        assert_eq!(of("gs://b/p").0, Scheme::Gcs);
        assert_eq!(of("az://c/p").0, Scheme::Azure);
        let file = Address::parse("file:///a%20b/c").unwrap();
        assert_eq!((file.scheme, file.directory), (Scheme::Directory, PathBuf::from("/a b/c")));
        assert_eq!(Address::parse("a/b").unwrap().directory, PathBuf::from("a/b"));
    }

    #[test]
    fn the_address_of_an_object_is_read_as_that_object() {
        for bucket in ["s3://b/p/q", "gs://b", "az://Container/p"] {
            let address = Address::parse(bucket).unwrap();
            for key in ["v1/a.fsm", "a b/c", "50%/x", "p@q?r#s", "ä/\u{1f600}", "a%20b", "~x"] {
                let url = address.url_of(key);
                let read = Address::parse(&url).unwrap();
                assert_eq!((read.base, &read.bucket, read.scheme), (format!("{key}/"), &address.bucket, address.scheme), "{url}");
            }
        }
    }

    #[test]
    fn what_may_hold_a_secret_is_refused_and_not_repeated() {
        for text in
            ["s3://AKIASECRET:hunter2@b/p", "az://c/p?sig=hunter2", "s3://b/p#hunter2", "https://host/hunter2", "x://hunter2"]
        {
            let said = Address::parse(text).unwrap_err().to_string();
            assert!(!said.contains("hunter2") && !said.contains("AKIASECRET"), "{said}");
        }
        assert!(Address::parse("s3:///p").is_err() && Address::parse("file://host/p").is_err());
    }
}

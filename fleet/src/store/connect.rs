//! From an address to a client: what the environment says, and how long anything may take.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};

use super::listing::Pages;
use super::{Address, Reach, Scheme, Silence, Store};
use crate::error::{Error, Result};

/// How often and how long anything is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// One request, from its first byte to the last of its answer.
    pub timeout: Duration,
    /// How often a request is made again that the store could not take or did not answer to its end.
    pub max_retries: u32,
    /// Requests at the same time.
    pub in_flight: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), max_retries: 3, in_flight: 32 }
    }
}

/// Variables that hold the address of a server without the word in their names: of Google, and of the emulator of Azure.
const ADDRESSES: [&str; 2] = ["GOOGLE_BASE_URL", "AZURITE_BLOB_STORAGE_URL"];
/// A connection that takes longer is none.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

impl Limits {
    /// How long after the first attempt another one may begin.
    pub(super) fn retry_time(&self) -> Duration {
        LONGEST_PAUSE.saturating_add(self.timeout).saturating_mul(self.max_retries)
    }

    fn retry(&self) -> RetryConfig {
        RetryConfig {
            backoff: BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: LONGEST_PAUSE, base: 2.0 },
            max_retries: self.max_retries as usize,
            retry_timeout: self.retry_time(),
        }
    }
}

/// The store at an address. Nothing is asked of it yet.
///
/// Credentials, region and endpoint come from the environment, by the names that `object_store` gives them: `AWS_ACCESS_KEY_ID`,
/// `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP`, `GOOGLE_SERVICE_ACCOUNT`, `AZURE_STORAGE_ACCOUNT_NAME`, and so on.
pub fn connect(address: &Address, limits: Limits) -> Result<Store> {
    if address.scheme != Scheme::Directory {
        usable(address, std::env::vars_os())?;
    }
    let (reach, pages, endpoint) = match address.scheme {
        Scheme::Directory => (Reach::Directory(address.directory.clone()), None, None),
        scheme => {
            let client = client(scheme, &address.bucket, limits).map_err(|error| refused(address, scheme, &error))?;
            (Reach::Objects(client.objects), client.pages, client.endpoint)
        }
    };
    let remote = Some(address.scheme).filter(|scheme| *scheme != Scheme::Directory);
    Ok(Store {
        shown: address.shown.clone(),
        base: address.base.clone(),
        reach,
        limits,
        endpoint,
        silence: Silence::default(),
        pages,
        remote,
    })
}

/// Refuses settings that no request could be made with. The client takes them as they are and ends the process over them. Only names
/// are told: values may be secrets.
fn usable(address: &Address, settings: impl Iterator<Item = (OsString, OsString)>) -> Result<()> {
    let refuse = |why: String, hint| Err(Error::Store { address: address.shown.clone(), why, hint });
    if address.bucket.is_empty() || !address.bucket.bytes().all(|byte| byte.is_ascii_graphic()) {
        return refuse(
            "the name of the bucket holds what no bucket has in its name".to_owned(),
            "look at the address for blanks and line ends",
        );
    }
    for (name, value) in settings {
        let name = name.to_string_lossy().into_owned();
        if !["AWS_", "AZURE_", "AZURITE_", "GOOGLE_"].iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        let Some(value) = value.to_str() else { return refuse(format!("{name} is no text"), "set it again") };
        let is_key = name.contains("PRIVATE_KEY") || name.contains("SERVICE_ACCOUNT_KEY") || name.contains("CREDENTIALS");
        if !is_key && (value.trim() != value || value.chars().any(char::is_control)) {
            return refuse(
                format!("{name} begins or ends with a blank, or holds a line end"),
                "set it again without; a secret that is mounted as a file often ends in a line end",
            );
        }
        if (name.contains("ENDPOINT") || ADDRESSES.contains(&name.as_str())) && !is_endpoint(value) {
            return refuse(format!("{name} is no address"), "give it as https://host or http://host:port");
        }
    }
    Ok(())
}

/// True for `http://host`, `https://host:port/path`.
fn is_endpoint(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (host, port) = match authority.strip_prefix('[') {
        Some(inner) => match inner.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').unwrap_or("none"))),
            None => return false,
        },
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let is_host = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte));
    is_host && port.is_none_or(|port| port.parse::<u16>().is_ok()) && rest.bytes().all(|byte| byte.is_ascii_graphic())
}

/// An endpoint without what may be a secret.
fn without_query(endpoint: &str) -> String {
    endpoint.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/').to_owned()
}

/// Who asks.
struct Client {
    objects: Arc<dyn ObjectStore>,
    /// Its listing page by page. That of Google begins with the key that is named, and that of Azure knows no such key.
    pages: Option<Pages>,
    /// As [`Store::endpoint`].
    endpoint: Option<String>,
}

fn client(scheme: Scheme, bucket: &str, limits: Limits) -> object_store::Result<Client> {
    let times = [
        (ClientConfigKey::Timeout, format!("{}ms", limits.timeout.as_millis())),
        (ClientConfigKey::ConnectTimeout, format!("{}ms", CONNECT.min(limits.timeout).as_millis())),
    ];
    Ok(match scheme {
        Scheme::Gcs => {
            let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket).with_retry(limits.retry());
            let set = |builder: GoogleCloudStorageBuilder, (key, value)| builder.with_config(GoogleConfigKey::Client(key), value);
            let endpoint = builder.get_config_value(&GoogleConfigKey::BaseUrl).map(|url| without_query(&url));
            Client { objects: Arc::new(times.into_iter().fold(builder, set).build()?), pages: None, endpoint }
        }
        Scheme::Azure => {
            let builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket).with_retry(limits.retry());
            let set = |builder: MicrosoftAzureBuilder, (key, value)| builder.with_config(AzureConfigKey::Client(key), value);
            let of = |key| builder.get_config_value(&key);
            // The emulator has a server of its own.
            let emulated = of(AzureConfigKey::UseEmulator).is_some_and(|value| value == "true");
            let emulator = || std::env::var("AZURITE_BLOB_STORAGE_URL").unwrap_or_else(|_| "emulator".to_owned());
            let server = of(AzureConfigKey::Endpoint).or_else(|| emulated.then(emulator)).map(|url| without_query(&url));
            let parts: Vec<_> = of(AzureConfigKey::AccountName).into_iter().chain(server).collect();
            let endpoint = (!parts.is_empty()).then(|| parts.join(" at "));
            Client { objects: Arc::new(times.into_iter().fold(builder, set).build()?), pages: None, endpoint }
        }
        Scheme::S3 | Scheme::Directory => {
            let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(limits.retry());
            let set = |builder: AmazonS3Builder, (key, value)| builder.with_config(AmazonS3ConfigKey::Client(key), value);
            let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint).map(|url| without_query(&url));
            let client = Arc::new(times.into_iter().fold(builder, set).build()?);
            Client { objects: Arc::clone(&client) as Arc<dyn ObjectStore>, pages: Some(Pages(client)), endpoint }
        }
    })
}

/// What a builder refuses may hold what the environment says, so that none of it is repeated.
fn refused(address: &Address, scheme: Scheme, error: &object_store::Error) -> Error {
    let said = error.to_string().to_lowercase();
    let (why, hint) = if said.contains("account") && scheme == Scheme::Azure {
        ("no storage account is named", "set AZURE_STORAGE_ACCOUNT_NAME")
    } else if said.contains("url") || said.contains("endpoint") {
        ("the endpoint that the environment names cannot be used", endpoint_of(scheme))
    } else {
        ("the settings in the environment make no client", "docs/fleet.md lists the variables that are read")
    };
    Error::Store { address: address.shown.clone(), why: why.to_owned(), hint }
}

/// Where the environment names the server.
const fn endpoint_of(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::S3 | Scheme::Directory => "look at AWS_ENDPOINT_URL",
        Scheme::Gcs => "look at GOOGLE_BASE_URL, and at gcs_base_url in the file of the service account",
        Scheme::Azure => "look at AZURE_STORAGE_ENDPOINT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(bucket: &str, name: &str, value: &str) -> Result<()> {
        let mut address = Address::parse("s3://b/p").unwrap();
        address.bucket = bucket.to_owned();
        usable(&address, [(name.into(), value.into())].into_iter())
    }

    #[test]
    fn settings_that_make_no_request_are_refused_by_their_names() {
        for value in [
            "",
            "localhost:9",
            "127.0.0.1:9",
            "http://",
            "http://h ",
            "http://h\n",
            "http://h:99999",
            "http://[::1",
            "http://h/a b",
            "ftp://h",
        ] {
            let error = asked("b", "AWS_ENDPOINT_URL", value).unwrap_err().to_string();
            assert!(error.contains("AWS_ENDPOINT_URL"), "{value:?}: {error}");
        }
        for value in [
            "http://h",
            "https://h:443/",
            "http://127.0.0.1:9",
            "http://[::1]:9",
            "http://[::1]",
            "https://minio.example.com/base",
        ] {
            asked("b", "AWS_ENDPOINT_URL", value).unwrap();
        }
        let error = asked("b", "AWS_SECRET_ACCESS_KEY", "hunter2\n").unwrap_err().to_string();
        assert!(error.contains("AWS_SECRET_ACCESS_KEY") && !error.contains("hunter2"), "{error}");
        for name in ["GOOGLE_BASE_URL", "AZURITE_BLOB_STORAGE_URL", "AZURE_STORAGE_ENDPOINT"] {
            let error = asked("b", name, "mailto:x").unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
        asked("b", "UNRELATED", "x\n").unwrap();
        assert!(asked("b\n", "AWS_REGION", "us-east-1").is_err());
    }
}

//! From an address to a client: what the environment says, and how long anything may take.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{BackoffConfig, ClientConfigKey, ObjectStore, RetryConfig};

use super::{Address, Reach, Scheme, Store};
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
    let reach = match address.scheme {
        Scheme::Directory => Reach::Directory(address.directory.clone()),
        scheme => Reach::Objects(client(scheme, &address.bucket, limits).map_err(|error| refused(address, scheme, &error))?),
    };
    Ok(Store { shown: address.shown.clone(), base: address.base.clone(), reach, limits })
}

fn client(scheme: Scheme, bucket: &str, limits: Limits) -> object_store::Result<Arc<dyn ObjectStore>> {
    let times = [
        (ClientConfigKey::Timeout, format!("{}ms", limits.timeout.as_millis())),
        (ClientConfigKey::ConnectTimeout, format!("{}ms", CONNECT.min(limits.timeout).as_millis())),
    ];
    Ok(match scheme {
        Scheme::Gcs => {
            let builder = GoogleCloudStorageBuilder::from_env().with_bucket_name(bucket).with_retry(limits.retry());
            let set = |builder: GoogleCloudStorageBuilder, (key, value)| builder.with_config(GoogleConfigKey::Client(key), value);
            Arc::new(times.into_iter().fold(builder, set).build()?)
        }
        Scheme::Azure => {
            let builder = MicrosoftAzureBuilder::from_env().with_container_name(bucket).with_retry(limits.retry());
            let set = |builder: MicrosoftAzureBuilder, (key, value)| builder.with_config(AzureConfigKey::Client(key), value);
            Arc::new(times.into_iter().fold(builder, set).build()?)
        }
        Scheme::S3 | Scheme::Directory => {
            let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(limits.retry());
            let set = |builder: AmazonS3Builder, (key, value)| builder.with_config(AmazonS3ConfigKey::Client(key), value);
            Arc::new(times.into_iter().fold(builder, set).build()?)
        }
    })
}

/// What a builder refuses may hold what the environment says, so that none of it is repeated.
fn refused(address: &Address, scheme: Scheme, error: &object_store::Error) -> Error {
    let said = error.to_string().to_lowercase();
    let (why, hint) = if said.contains("account") && scheme == Scheme::Azure {
        ("no storage account is named", "set AZURE_STORAGE_ACCOUNT_NAME")
    } else if said.contains("url") || said.contains("endpoint") {
        ("the endpoint that the environment names cannot be used", "look at AWS_ENDPOINT_URL, or what stands for it")
    } else {
        ("the settings in the environment make no client", "docs/fleet.md lists the variables that are read")
    };
    Error::Store { address: address.shown.clone(), why: why.to_owned(), hint }
}

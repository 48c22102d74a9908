//! Which store an address in a plan means: whoever works at a plan finds the results by the addresses in it, with the credentials of its own
//! environment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreRegistry;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use url::Url;

use super::quiet::Quiet;
use crate::store::{Address, Limits, Reach, Scheme, connect};

/// The stores that were asked for.
#[derive(Debug)]
pub struct Places {
    limits: Limits,
    files: Arc<dyn ObjectStore>,
    stores: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
}

impl Places {
    /// Asks stores within these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, files: Arc::new(Quiet(Arc::new(LocalFileSystem::new()))), stores: Mutex::default() }
    }
}

/// The address of a folder below a place of results, for a plan.
pub fn in_a_plan(place: &Address, key: &str) -> Result<Url> {
    let fault = |text: String| DataFusionError::Plan(format!("{}: {text}", place.shown));
    if place.scheme == Scheme::Directory {
        let full = std::path::absolute(place.directory.join(key)).map_err(|error| fault(error.to_string()))?;
        return Url::from_directory_path(full).map_err(|()| fault("it is no path of a file system".to_owned()));
    }
    Url::parse(&place.url_of(key)).map_err(|error| fault(error.to_string()))
}

fn name_of(url: &Url) -> &str {
    &url[url::Position::BeforeScheme..url::Position::BeforePath]
}

impl ObjectStoreRegistry for Places {
    fn register_store(&self, url: &Url, store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        self.stores.lock().unwrap_or_else(PoisonError::into_inner).insert(name_of(url).to_owned(), store)
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        if url.scheme() == "file" {
            return Ok(Arc::clone(&self.files));
        }
        let name = name_of(url).to_owned();
        let mut stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = stores.get(&name) {
            return Ok(Arc::clone(store));
        }
        // The words of these errors are those for people, and hold no secret.
        let failed = |error: crate::Error| DataFusionError::Plan(error.to_string());
        let address = Address::parse(&name).map_err(failed)?;
        match connect(&address, self.limits).map_err(failed)?.reach {
            Reach::Objects(store) => {
                let store: Arc<dyn ObjectStore> = Arc::new(Quiet(store));
                stores.insert(name, Arc::clone(&store));
                Ok(store)
            }
            Reach::Directory(_) => Err(DataFusionError::Plan(format!("{name} is no store"))),
        }
    }
}

//! Stores that answer in this process.

use std::path::Path;
use std::sync::Arc;

use ekv_fleet::audit::{AuditOptions, audit};
use ekv_fleet::progress::Unwatched;
use ekv_fleet::store::{Address, Limits, Store, connect};
use ekv_tool::types::UnixMillis;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde_json::Value;

use super::recorded::files;

/// Runs what takes its time.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(future)
}

/// The files of a directory as objects.
pub async fn in_memory(dir: &Path) -> Arc<InMemory> {
    let store = Arc::new(InMemory::new());
    for (key, path) in files(dir) {
        store.put(&Key::parse(key).unwrap(), std::fs::read(path).unwrap().into()).await.unwrap();
    }
    store
}

/// Orphans are never old, so that no report depends on when a file was made.
pub fn options() -> AuditOptions {
    AuditOptions {
        now: UnixMillis(1_800_000_000_000),
        grace: std::time::Duration::from_secs(1 << 40),
        deep: false,
        max_age: None,
    }
}

/// The report on a store.
pub fn audited(objects: Arc<dyn ObjectStore>, shown: &str, base: &str) -> Value {
    let store = Store::of(objects, shown, base);
    serde_json::to_value(block_on(audit(&store, None, &options(), &Unwatched)).unwrap()).unwrap()
}

/// The report on a directory.
pub fn audited_directory(dir: &Path) -> Value {
    let store = connect(&Address::parse(dir.to_str().unwrap()).unwrap(), Limits::default()).unwrap();
    serde_json::to_value(block_on(audit(&store, None, &options(), &Unwatched)).unwrap()).unwrap()
}

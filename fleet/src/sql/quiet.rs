//! A store for the engine, which shows errors as they are: none of what a server says is in them, since some servers repeat what they were
//! sent. Nothing is written through it.

use std::fmt::{self, Debug, Display};
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::{BoxStream, StreamExt as _};
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::store::Trouble;

/// A store whose errors are in fixed words.
pub struct Quiet(pub Arc<dyn ObjectStore>);

impl Debug for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Quiet")
    }
}

impl Display for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("store of results")
    }
}

/// The same error without a word of the server.
fn quiet(error: Error) -> Error {
    let trouble = Trouble::of(&error);
    let source = trouble.words().into();
    match (trouble, error) {
        (Trouble::Absent, Error::NotFound { path, .. }) => Error::NotFound { path, source },
        (Trouble::Changed, Error::Precondition { path, .. }) => Error::Precondition { path, source },
        _ => Error::Generic { store: "results", source },
    }
}

fn refused() -> Error {
    Error::NotSupported { source: "nothing is written".into() }
}

#[async_trait]
impl ObjectStore for Quiet {
    async fn put_opts(&self, _: &Key, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(refused())
    }

    async fn put_multipart_opts(&self, _: &Key, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(refused())
    }

    async fn get_opts(&self, at: &Key, options: GetOptions) -> Result<GetResult> {
        let mut answer = self.0.get_opts(at, options).await.map_err(quiet)?;
        answer.payload = match answer.payload {
            GetResultPayload::Stream(stream) => GetResultPayload::Stream(stream.map(|piece| piece.map_err(quiet)).boxed()),
            file @ GetResultPayload::File(..) => file,
        };
        Ok(answer)
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Key>>) -> BoxStream<'static, Result<Key>> {
        futures_util::stream::once(async { Err(refused()) }).boxed()
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix).map(|object| object.map_err(quiet)).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await.map_err(quiet)
    }

    async fn copy_opts(&self, _: &Key, _: &Key, _: CopyOptions) -> Result<()> {
        Err(refused())
    }
}

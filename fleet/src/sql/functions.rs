//! `ekv_verify(url[, 'deep'])` and `ekv_manifest(url)`: what `offload verify` and `offload audit` say of one object, as one value a row.

use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock, Once, OnceLock, mpsc};

use datafusion::arrow::array::{ArrayRef, StringArray, StructArray, UInt64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::ScalarValue;
use datafusion::common::cast::as_string_array;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
};
use ekv_tool::readers::Depth;
use futures_util::{StreamExt as _, stream};
use tokio::runtime::{Handle, Runtime, RuntimeFlavor};
use tokio::sync::Semaphore;

use crate::progress::{Unit, Watch};
use crate::single::{Seen, SeenManifest, SeenPayload, Single};
use crate::store::Limits;

/// Payloads that are read at the same time in this process: each has as many ranges in flight as `offload verify` has.
static READS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8))));

/// Manifests of one batch that are asked for at the same time; for payloads [`READS`] says it.
const IN_FLIGHT: usize = 16;

/// What is asked of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Question {
    Verify,
    Manifest,
}

/// A function of SQL over one address.
#[derive(Debug, Clone)]
struct Look {
    question: Question,
    signature: Signature,
    single: Arc<Single>,
    reading: Arc<Reading>,
}

/// Who sees how many bytes of payloads were read. How many there will be the functions do not know.
#[derive(Debug)]
struct Reading {
    watch: Arc<dyn Watch>,
    begun: Once,
}

impl Reading {
    fn begin(&self) {
        // Not before one is read: most queries read none.
        self.begun.call_once(|| self.watch.begin("payloads", Unit::Bytes, None));
    }

    fn advance(&self, seen: &Seen<SeenPayload>) {
        self.watch.advance(seen.object.as_ref().and_then(|it| it.view.bytes).unwrap_or_default());
    }
}

impl PartialEq for Look {
    fn eq(&self, other: &Self) -> bool {
        self.question == other.question
    }
}

impl Eq for Look {}

impl Hash for Look {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.question.hash(state);
    }
}

/// The functions, which ask stores within these limits; `watch` sees what is read of payloads. Credentials are those of the environment.
pub fn functions(limits: Limits, watch: Arc<dyn Watch>) -> Vec<Arc<ScalarUDF>> {
    let (single, reading) = (Arc::new(Single::new(limits)), Arc::new(Reading { watch, begun: Once::new() }));
    let of = |question| {
        let arities = match question {
            Question::Verify => vec![TypeSignature::String(1), TypeSignature::String(2)],
            Question::Manifest => vec![TypeSignature::String(1)],
        };
        // What is read may be another thing the next time: nothing is computed beforehand, and nothing is left out.
        let signature = Signature::one_of(arities, Volatility::Volatile);
        Look { question, signature, single: Arc::clone(&single), reading: Arc::clone(&reading) }
    };
    [Question::Verify, Question::Manifest].map(|question| Arc::new(ScalarUDF::new_from_impl(of(question)))).into()
}

/// How deep a payload is read: the word behind its address has to be the same for all rows.
fn depth(word: Option<Option<&ScalarValue>>) -> Result<Depth> {
    match word {
        None => Ok(Depth::Checksum),
        Some(Some(word)) if word.try_as_str().flatten() == Some("deep") => Ok(Depth::Deep),
        Some(_) => Err(DataFusionError::Plan(
            "ekv_verify takes an address, and behind it 'deep' where every row of large payloads is to be walked too".to_owned(),
        )),
    }
}

impl ScalarUDFImpl for Look {
    fn name(&self) -> &'static str {
        match self.question {
            Question::Verify => "ekv_verify",
            Question::Manifest => "ekv_manifest",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(match self.question {
            Question::Verify => fields(&PAYLOAD),
            Question::Manifest => fields(&MANIFEST),
        }))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        // A word that is no literal yet is looked at when it is one.
        if let Some(word @ Some(_)) = args.scalar_arguments.get(1) {
            depth(Some(*word))?;
        }
        Ok(Arc::new(Field::new(self.name(), self.return_type(&[])?, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let depth = depth(args.args.get(1).map(|word| match word {
            ColumnarValue::Scalar(word) => Some(word),
            ColumnarValue::Array(_) => None,
        }))?;
        let Some(urls) = args.args.into_iter().next() else {
            return Err(DataFusionError::Plan(format!("{} takes one address", self.name())));
        };
        let urls = cast(&urls.into_array(rows)?, &DataType::Utf8)?;
        let urls: Vec<Option<String>> = as_string_array(&urls)?.iter().map(|url| url.map(str::to_owned)).collect();
        let (single, reading) = (Arc::clone(&self.single), Arc::clone(&self.reading));
        let answer = match self.question {
            Question::Verify => payloads(&each(urls, 8, move |url| {
                let (single, reading) = (Arc::clone(&single), Arc::clone(&reading));
                async move {
                    let _turn = READS.acquire().await;
                    reading.begin();
                    let seen = single.verify(&url, depth).await;
                    reading.advance(&seen);
                    seen
                }
            })?),
            Question::Manifest => manifests(&each(urls, IN_FLIGHT, move |url| {
                let single = Arc::clone(&single);
                async move { single.manifest(&url).await }
            })?),
        };
        Ok(ColumnarValue::Array(Arc::new(answer?)))
    }
}

/// What each address comes to, in their order; `None` for none.
fn each<T, F>(
    urls: Vec<Option<String>>,
    in_flight: usize,
    look: impl Fn(String) -> F + Send + 'static,
) -> Result<Vec<Option<Seen<T>>>>
where
    T: Send + 'static,
    F: Future<Output = Seen<T>> + Send + 'static,
{
    wait(async move {
        let asked = urls.into_iter().map(move |url| {
            // A task of its own: what goes wrong in it stays there.
            let task = url.map(|url| tokio::spawn(look(url)));
            async move {
                match task {
                    None => None,
                    Some(task) => Some(task.await.unwrap_or_else(|_| Seen::unknown("a fault of the program ended its reading"))),
                }
            }
        });
        stream::iter(asked).buffered(in_flight).collect().await
    })
}

/// Waits for what takes its time, in a thread that the engine counts on: its other work goes on in others.
pub(super) fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T> {
    let failed = |error: &dyn Debug| DataFusionError::Execution(format!("the work could not be done: {error:?}"));
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().enable_all().build());
    let runtime = runtime.as_ref().map_err(|error| failed(error))?;
    let (send, answer) = mpsc::channel();
    runtime.spawn(async move {
        // Whoever asked may have ended.
        let _ = send.send(work.await);
    });
    let answer = match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(|| answer.recv()),
        _ => answer.recv(),
    };
    answer.map_err(|error| failed(&error))
}

const PAYLOAD: [(&str, DataType); 9] = [
    ("verdict", DataType::Utf8),
    ("why", DataType::Utf8),
    ("codes", DataType::Utf8),
    ("size", DataType::UInt64),
    ("sha256", DataType::Utf8),
    ("crc32c", DataType::Utf8),
    ("applied_index", DataType::UInt64),
    ("modified_ms", DataType::UInt64),
    ("e_tag", DataType::Utf8),
];

const MANIFEST: [(&str, DataType); 14] = [
    ("verdict", DataType::Utf8),
    ("why", DataType::Utf8),
    ("codes", DataType::Utf8),
    ("group_id", DataType::UInt64),
    ("snapshot_index", DataType::UInt64),
    ("snapshot_term", DataType::UInt64),
    ("source_cluster", DataType::Utf8),
    ("created_ms", DataType::UInt64),
    ("payload_url", DataType::Utf8),
    ("payload_size", DataType::UInt64),
    ("payload_sha256", DataType::Utf8),
    ("found_size", DataType::UInt64),
    ("restore_status", DataType::UInt64),
    ("restore_error", DataType::Utf8),
];

fn fields(columns: &[(&str, DataType)]) -> Fields {
    columns.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true)).collect()
}

/// Columns of one kind of object, out of what was seen.
struct Columns<'s, T>(&'s [Option<Seen<T>>]);

impl<T> Columns<'_, T> {
    fn texts(&self, of: impl Fn(&Seen<T>) -> Option<String>) -> ArrayRef {
        Arc::new(self.0.iter().map(|seen| of(seen.as_ref()?)).collect::<StringArray>())
    }

    fn numbers(&self, of: impl Fn(&T) -> Option<u64>) -> ArrayRef {
        Arc::new(self.0.iter().map(|seen| of(seen.as_ref()?.object.as_ref()?)).collect::<UInt64Array>())
    }

    fn words(&self, of: impl Fn(&T) -> Option<String>) -> ArrayRef {
        self.texts(|seen| of(seen.object.as_ref()?))
    }

    /// What is said of every object.
    fn said(&self) -> Vec<ArrayRef> {
        vec![
            self.texts(|seen| Some(seen.verdict.name().to_owned())),
            self.texts(|seen| seen.why.clone()),
            self.texts(|seen| (!seen.codes.is_empty()).then(|| seen.codes.join(" "))),
        ]
    }

    fn rows(&self, kinds: &[(&str, DataType)], more: Vec<ArrayRef>) -> Result<StructArray> {
        let nulls = self.0.iter().map(Option::is_some).collect::<Vec<_>>().into();
        let columns: Vec<_> = self.said().into_iter().chain(more).collect();
        Ok(StructArray::try_new(fields(kinds), columns, Some(nulls))?)
    }
}

fn payloads(seen: &[Option<Seen<SeenPayload>>]) -> Result<StructArray> {
    let all = Columns(seen);
    let more = vec![
        all.numbers(|it| it.view.bytes),
        all.words(|it| it.view.computed_sha256.map(|sum| sum.to_string())),
        all.words(|it| it.view.computed_crc32c.map(|sum| sum.to_string())),
        all.numbers(|it| it.view.applied_index.map(|index| index.0)),
        all.numbers(|it| it.modified.map(|time| time.0)),
        all.words(|it| it.e_tag.clone()),
    ];
    all.rows(&PAYLOAD, more)
}

fn manifests(seen: &[Option<Seen<SeenManifest>>]) -> Result<StructArray> {
    let all = Columns(seen);
    let more = vec![
        all.numbers(|it| it.view.group_id),
        all.numbers(|it| it.view.snapshot_index.map(|index| index.0)),
        all.numbers(|it| it.view.snapshot_term.map(|term| term.0)),
        all.words(|it| it.view.source_cluster.clone()),
        all.numbers(|it| it.view.created_ms.map(|time| time.0)),
        all.words(|it| it.payload_url.clone()),
        all.numbers(|it| it.view.payload.as_ref().map(|payload| payload.bytes)),
        all.words(|it| it.view.payload.as_ref().map(|payload| payload.sha256.to_string())),
        all.numbers(|it| it.view.payload.as_ref().and_then(|payload| payload.found_bytes)),
        all.numbers(|it| it.view.restore.status.map(u64::from)),
        all.words(|it| it.view.restore.error.clone()),
    ];
    all.rows(&MANIFEST, more)
}

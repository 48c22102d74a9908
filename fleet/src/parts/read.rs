//! Reading parts: what is known of the payloads of a store.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use ekv_tool::analysis::{Coverage, Verdict};
use ekv_tool::types::UnixMillis;
use futures_util::{StreamExt as _, stream};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::row::{Outcome, PartRow, rows};
use super::{PARTS, Results};
use crate::error::{Error, Result};
use crate::shard::Shard;
use crate::store::{Address, CLOCKS, Listed, Scheme, Store, Trouble};

/// A part of this program is never larger, in bytes.
const LARGEST: u64 = 64 << 20;

/// Which rows count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demand {
    /// Only those of runs that looked at every row.
    pub deep: bool,
    /// The time of the run.
    pub now: UnixMillis,
    /// Only what was read no longer ago.
    pub max_age: Option<Duration>,
}

impl Demand {
    /// The time before which nothing counts.
    pub fn since(&self) -> Option<UnixMillis> {
        Some(UnixMillis(self.now.0.saturating_sub(millis(self.max_age?))))
    }

    fn takes(&self, row: &PartRow) -> bool {
        let young = self.since().is_none_or(|since| row.judged_ms >= since.0);
        // Nobody knows when something was read that a clock dates ahead.
        let ahead = self.max_age.map_or(CLOCKS, |age| CLOCKS.min(millis(age)));
        let happened = row.judged_ms <= self.now.0.saturating_add(ahead);
        young && happened && (row.deep || !self.deep || row.outcome == Outcome::Unread)
    }
}

fn millis(age: Duration) -> u64 {
    u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
}

/// What parts say of the payloads of one store, by key.
#[derive(Debug, Default)]
pub struct KnownPayloads(HashMap<String, Vec<PartRow>>);

impl KnownPayloads {
    /// The newest row of the object as it is now, by this version of the program, that meets the demand. Of two that are of one moment the
    /// worse.
    pub fn get(&self, object: &Listed, demand: &Demand) -> Option<&PartRow> {
        // What has no tag may have been written anew since.
        let e_tag = object.e_tag.as_ref()?;
        let fits = |row: &&PartRow| {
            row.e_tag.as_ref() == Some(e_tag)
                && row.size == object.size
                && row.tool_version == env!("CARGO_PKG_VERSION")
                && demand.takes(row)
        };
        // Where the last attempt did not come to its end, what was read before is in doubt, and the next run tries again.
        let rank = |row: &&PartRow| (row.judged_ms, row.outcome == Outcome::Unread, row.verdict == Verdict::Damaged.name());
        self.0.get(&object.key)?.iter().filter(fits).max_by_key(rank).filter(|row| row.outcome == Outcome::Summed)
    }

    /// Takes a row.
    pub fn take(&mut self, row: PartRow) {
        self.0.entry(row.key.clone()).or_default().push(row);
    }
}

/// What the parts at a place say.
#[derive(Debug, Default)]
pub struct PartsRead {
    /// Of the payloads of the store that was asked about.
    pub known: KnownPayloads,
    /// Parts that were read.
    pub parts: usize,
    /// Parts of the shard that was asked about.
    pub of_shard: usize,
    /// Parts that cannot be read.
    pub coverage: Coverage,
}

impl Results {
    /// Reads all parts, for what they say of `store`. What cannot be read may have said something else of any payload.
    pub async fn read(&self, store: &Store, shard: Shard) -> Result<PartsRead> {
        let mut listed = Vec::new();
        let below = Store { base: self.key(""), ..self.store.clone() };
        let listing = below.list(&*self.objects, |object| listed.push(object)).await;
        match listing {
            Ok(()) | Err(Trouble::Absent) => {}
            Err(trouble) => {
                let why = format!("the results cannot be listed: {}", trouble.words());
                return Err(Error::Store {
                    address: self.shown().to_owned(),
                    why,
                    hint: "check that it can be read and written",
                });
            }
        }
        let own = format!("{PARTS}shard-{:05}-of-{:05}/", shard.number, shard.of);
        listed.retain(|part| part.key.ends_with(".parquet"));
        let mut read =
            PartsRead { of_shard: listed.iter().filter(|part| part.key.contains(&own)).count(), ..PartsRead::default() };
        let mut same = SameRoot::of(&store.shown);
        let asked = listed.iter().map(|part| async move { (part, self.part(part).await) });
        let mut answers = stream::iter(asked).buffer_unordered(8);
        while let Some((part, rows)) = answers.next().await {
            match rows {
                Ok(rows) => {
                    read.parts += 1;
                    let mut of_store = |row: &PartRow| same.is(&row.store) && row.endpoint == store.endpoint;
                    rows.into_iter().filter(|row| of_store(row)).for_each(|row| read.known.take(row));
                }
                // What has no name of a part was never one.
                Err(why) if !is_named_as_part(&part.key) => {
                    read.coverage.skipped(format!("{}/{}", self.place(), part.key), why);
                }
                Err(why) => read.coverage.missing(format!("{}/{}", self.place(), part.key), why),
            }
        }
        Ok(read)
    }

    /// What keys of parts begin at.
    fn place(&self) -> &str {
        self.shown().strip_suffix(self.store.base.trim_end_matches('/')).unwrap_or(self.shown()).trim_end_matches('/')
    }

    async fn part(&self, part: &Listed) -> Result<Vec<PartRow>, String> {
        if part.size > LARGEST {
            return Err("no part is that large".to_owned());
        }
        let bytes = self.store.range(&*self.objects, part, 0..part.size).await.map_err(|trouble| trouble.words())?;
        let name = part.key.rsplit('/').next().unwrap_or_default().to_owned();
        let decoded = tokio::task::spawn_blocking(move || open(&name, bytes)).await;
        decoded
            .ok()
            .flatten()
            .ok_or_else(|| "it is no part of this version, or it is damaged; remove it, and verify again".to_owned())
    }
}

/// Which addresses have the keys of one store: those of the same bucket, below whatever prefix, or of the same directory.
#[derive(Debug)]
struct SameRoot {
    root: Option<(Scheme, String, PathBuf)>,
    known: HashMap<String, bool>,
}

impl SameRoot {
    fn of(shown: &str) -> Self {
        Self { root: Self::root(shown), known: HashMap::new() }
    }

    fn root(shown: &str) -> Option<(Scheme, String, PathBuf)> {
        let Address { scheme, bucket, directory, .. } = Address::parse(shown).ok()?;
        let directory = std::path::absolute(&directory).unwrap_or(directory);
        Some((scheme, bucket, if scheme == Scheme::Directory { directory } else { PathBuf::new() }))
    }

    fn is(&mut self, shown: &str) -> bool {
        if let Some(is) = self.known.get(shown) {
            return *is;
        }
        let is = self.root.is_some() && Self::root(shown) == self.root;
        self.known.insert(shown.to_owned(), is);
        is
    }
}

/// True for `NUMBER-DIGEST.parquet`.
fn is_named_as_part(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default();
    let digest = name.strip_suffix(".parquet").and_then(|name| Some(name.split_once('-')?.1));
    digest.is_some_and(|digest| digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The rows of a part with that name; `None` for what is none. What has not the digest in its name is not decoded: decoders of Parquet do
/// not take damage well.
fn open(name: &str, bytes: Bytes) -> Option<Vec<PartRow>> {
    let (number, _) = name.split_once('-')?;
    let own = super::write::name(number.parse().ok()?, &bytes);
    if own == name { decode(bytes) } else { None }
}

/// The rows of a part; `None` for what is none.
fn decode(bytes: Bytes) -> Option<Vec<PartRow>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).ok()?.build().ok()?;
    let mut all = Vec::new();
    for batch in reader {
        all.extend(rows(&batch.ok()?)?);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::super::write::encode;
    use super::*;
    use ekv_tool::readers::offload::Sums;
    use ekv_tool::types::{Crc32c, Sha256Sum};

    fn row(key: &str) -> PartRow {
        PartRow {
            store: "s3://b".to_owned(),
            endpoint: Some("http://127.0.0.1:9".to_owned()),
            key: key.to_owned(),
            e_tag: Some("\"1\"".to_owned()),
            size: u64::MAX,
            modified_ms: None,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            deep: true,
            outcome: Outcome::Summed,
            why: None,
            sums: Some(Sums { sha256: Sha256Sum::of(b"x"), crc32c: Crc32c(7), has_footer: false }),
            contents: None,
            verdict: "clean".to_owned(),
            judged_ms: 3,
            shard: "1/2".to_owned(),
        }
    }

    #[test]
    fn rows_come_back_as_they_went() {
        let unread =
            PartRow { outcome: Outcome::Unread, why: Some("x".to_owned()), sums: None, e_tag: None, endpoint: None, ..row("b") };
        let all = vec![row("a"), unread];
        assert_eq!(decode(encode(&all).unwrap().into()), Some(all));
    }

    #[test]
    fn no_prefix_and_no_changed_bit_of_a_part_is_a_part() {
        let bytes = encode(&[row("a")]).unwrap();
        let name = super::super::write::name(7, &bytes);
        assert_eq!(open(&name, bytes.clone().into()), Some(vec![row("a")]));
        for other in ["", "7", "00000007.parquet", &name.replace("00000007", "00000008x"), &name.to_uppercase()] {
            assert_eq!(open(other, bytes.clone().into()), None, "{other}");
        }
        for cut in 0..bytes.len() {
            assert_eq!(open(&name, bytes[..cut].to_vec().into()), None, "{cut}");
        }
        for at in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[at / 8] ^= 1 << (at % 8);
            assert_eq!(open(&name, changed.into()), None, "bit {at}");
        }
    }

    fn demand(deep: bool) -> Demand {
        Demand { deep, now: UnixMillis(10_003), max_age: None }
    }

    #[test]
    fn only_the_same_object_is_known() {
        let mut known = KnownPayloads::default();
        known.take(row("a"));
        let now = Listed { key: "a".to_owned(), size: u64::MAX, modified: None, e_tag: Some("\"1\"".to_owned()) };
        assert!(known.get(&now, &demand(true)).is_some() && known.get(&now, &demand(false)).is_some());
        for other in [
            Listed { key: "b".to_owned(), ..now.clone() },
            Listed { size: 1, ..now.clone() },
            Listed { e_tag: Some("\"2\"".to_owned()), ..now.clone() },
            Listed { e_tag: None, ..now.clone() },
        ] {
            assert!(known.get(&other, &demand(false)).is_none(), "{other:?}");
        }
        let mut shallow = KnownPayloads::default();
        shallow.take(PartRow { deep: false, ..row("a") });
        assert!(shallow.get(&now, &demand(true)).is_none() && shallow.get(&now, &demand(false)).is_some());
    }

    #[test]
    fn one_bucket_has_one_set_of_keys() {
        let mut same = SameRoot::of("s3://b/p");
        for shown in ["s3://b/p", "s3://b", "s3a://b/q"] {
            assert!(same.is(shown) && same.is(shown), "{shown}");
        }
        for shown in ["s3://c/p", "gs://b/p", "b/p", "s3://"] {
            assert!(!same.is(shown) && !same.is(shown), "{shown}");
        }
        let here = std::env::current_dir().unwrap().join("store");
        assert!(SameRoot::of("store").is(&here.display().to_string()));
        assert!(!SameRoot::of("store").is("store/p"));
    }

    #[test]
    fn what_is_too_old_or_of_the_future_does_not_count() {
        let now = Listed { key: "a".to_owned(), size: u64::MAX, modified: None, e_tag: Some("\"1\"".to_owned()) };
        let within = |judged_ms, seconds| {
            let mut known = KnownPayloads::default();
            known.take(PartRow { judged_ms, ..row("a") });
            let demand = Demand { max_age: Some(Duration::from_secs(seconds)), ..demand(false) };
            assert_eq!(demand.since(), Some(UnixMillis(10_003_u64.saturating_sub(seconds * 1000))));
            known.get(&now, &demand).is_some()
        };
        assert!(within(3, 10) && within(10_003, 10) && within(20_003, 10));
        assert!(!within(2, 10) && !within(20_004, 10));
        assert!(within(3, u64::MAX / 1000) && !within(3, 1));
        // The newest one counts, but not what a clock dates ahead; of two at one moment the worse.
        let mut known = KnownPayloads::default();
        for judged_ms in [7, 9, 8, 10_004 + CLOCKS] {
            known.take(PartRow { judged_ms, ..row("a") });
        }
        assert_eq!(known.get(&now, &demand(false)).map(|row| row.judged_ms), Some(9));
        known.take(PartRow { judged_ms: 8, outcome: Outcome::Unread, sums: None, ..row("a") });
        assert_eq!(known.get(&now, &demand(false)).map(|row| row.judged_ms), Some(9));
        known.take(PartRow { judged_ms: 9, verdict: "damaged".to_owned(), ..row("a") });
        known.take(PartRow { judged_ms: 9, ..row("a") });
        assert_eq!(known.get(&now, &demand(false)).map(|row| row.verdict.as_str()), Some("damaged"));
        // The last attempt did not come to its end.
        known.take(PartRow { judged_ms: 10, outcome: Outcome::Unread, sums: None, deep: false, ..row("a") });
        assert_eq!((known.get(&now, &demand(false)), known.get(&now, &demand(true))), (None, None));
    }
}

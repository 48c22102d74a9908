//! `store meta`, `store get` and `store verify`.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::advice;
use super::store_name::{NameRequest, Named, rows_of_name};
use crate::analysis::judge::envelopes::open_failed;
use crate::analysis::judge::store::{add_scan, not_scanned, store_findings, table_finding, verify};
use crate::analysis::server::store::open_verdict;
use crate::analysis::{Coverage, Finding};
use crate::error::{Error, Result};
use crate::formats::envelope::Envelope;
use crate::formats::kv::{KeyText, LogicalKey};
use crate::formats::mvcc::{ROW_HEADER_LEN, RowKey, StoreKey};
use crate::readers::keys::Opener;
use crate::readers::pebble::{GroupStoreFacts, KeyState, Store, StoreCheck, StorePresence, examine_store};
use crate::readers::pebble_scan::walk;
use crate::readers::pebble_survey::survey_store;
use crate::readers::pebble_table::TableDepth;
use crate::readers::source::Run;
use crate::report::Report;
use crate::report::body::store_get::{StoreGetBody, VersionView};
use crate::report::body::store_meta::{OpenView, StoreMeta, StoreMetaBody};
use crate::report::body::store_verify::{StoreVerifyBody, VerifiedStore};
use crate::types::{HlcTimestamp, ServerVersion, unescape};

/// What each store says about itself, and whether it opens.
pub fn store_meta(dirs: &[PathBuf], run: &Run<'_>) -> Result<Report<StoreMetaBody>> {
    let mut stores = Vec::new();
    let (mut findings, mut coverage) = (Vec::new(), Coverage::default());
    for dir in dirs {
        let store = examine_store(dir, StoreCheck::Meta, run)?;
        let group = GroupStoreFacts { store, check: StoreCheck::Meta, ..GroupStoreFacts::default() };
        let name = dir.display().to_string();
        let mut open = Vec::new();
        for engine in ServerVersion::ALL {
            let verdict = open_verdict(&group, engine);
            open.push(OpenView::of(engine, &verdict));
            if engine == ServerVersion::NEWEST {
                coverage.absorb(verdict.coverage);
            }
        }
        for mut finding in store_findings(&group.store) {
            finding.group = (dirs.len() > 1).then(|| name.clone());
            findings.push(finding);
        }
        stores.push(StoreMeta::of(name, &group.store, open));
    }
    Ok(Report::new(StoreMetaBody { stores }, findings, coverage))
}

/// What is asked of `store get`.
#[derive(Debug, Clone)]
pub struct GetOptions {
    /// The key, or the name of what is looked for.
    pub key: KeyText,
    /// The key is one of the store itself, timestamp and all.
    pub raw: bool,
    /// Only versions committed at or before this.
    pub at: Option<HlcTimestamp>,
    /// How many versions.
    pub versions: usize,
    /// How many rows of a name are listed.
    pub limit: usize,
}

/// What a store holds under one key.
///
/// The store's own keys and the rows of the writer registry have no versions and are looked up as they stand. A key that is not
/// there is looked for as a name of redis, and a name of which nothing is there as the key that reads like it; the report then says so.
/// With an opener, sealed values are opened.
pub fn store_get(dir: &Path, options: &GetOptions, opener: Option<&Opener>, run: &Run<'_>) -> Result<Report<StoreGetBody>> {
    let (bytes, name) = match &options.key {
        KeyText::Bytes(bytes) => (bytes.clone(), None),
        KeyText::Name(LogicalKey::Meta(key)) => (key.name().as_bytes().to_vec(), None),
        // The text without its escapes, as a user may have written it.
        KeyText::Name(name) => (unescape(&name.to_string()).unwrap_or_default(), Some(name)),
    };
    let GetOptions { at, versions, limit, .. } = *options;
    let asked = NameRequest { at, versions, limit };
    if let Some(name) = name {
        let named = rows_of_name(dir, name, &asked, opener, run)?;
        if named.rows.found > 0 || !named.coverage.not_examined.is_empty() {
            return Ok(named_report(dir, name, &bytes, named, false));
        }
    }
    let report = get_key(dir, &bytes, options, opener, run)?;
    if !report.body.is_absent() {
        return Ok(report);
    }
    let own = LogicalKey::Redis(Cow::Owned(bytes.clone()));
    match name {
        // The name is what was asked for.
        Some(name) => {
            let Report { body, findings, coverage, .. } = report;
            Ok(Report::new(body.of_name(name), findings, coverage))
        }
        None if report.body.mode == "versions" => {
            let named = rows_of_name(dir, &own, &asked, opener, run)?;
            if named.rows.found > 0 {
                return Ok(named_report(dir, &own, &bytes, named, true));
            }
            // That there is none is known only as far as the search came.
            let Named { findings: others, coverage: mut searched, .. } = named;
            searched.keep_needed();
            let Report { body, mut findings, mut coverage, .. } = report;
            if !searched.not_examined.is_empty() {
                let new: Vec<_> = others.into_iter().filter(|finding| !findings.contains(finding)).collect();
                findings.extend(new);
                coverage.also_left_out(searched.not_examined);
            }
            Ok(Report::new(body, findings, coverage))
        }
        None => Ok(report),
    }
}

fn named_report(dir: &Path, name: &LogicalKey<'_>, key: &[u8], named: Named, instead: bool) -> Report<StoreGetBody> {
    let Named { rows, findings, mut coverage } = named;
    // Only the way to the rows was asked for.
    coverage.keep_needed();
    let body = StoreGetBody::empty(dir.display().to_string(), key, "name").of_name(name).with_rows(rows, instead);
    Report::new(body, findings, coverage)
}

fn get_key(
    dir: &Path,
    asked: &[u8],
    options: &GetOptions,
    opener: Option<&Opener>,
    run: &Run<'_>,
) -> Result<Report<StoreGetBody>> {
    let name = dir.display().to_string();
    let raw = options.raw || matches!(StoreKey::of(asked), StoreKey::Meta(_) | StoreKey::Registry(_));
    let mut body = StoreGetBody::empty(name.clone(), asked, "versions");
    let mut damage = None;
    let mut closed = Vec::new();
    let store = Store::open_with(dir, run, |store| {
        damage = None;
        if raw {
            let state = store.get(asked);
            body = StoreGetBody::raw(name.clone(), asked, &state, &store.facts);
            if let KeyState::Unreadable(found) = state {
                store.fail_if_replaced(&found)?;
                damage = Some(found);
            }
            return Ok(());
        }
        body = StoreGetBody::empty(name.clone(), asked, "versions");
        match store.row_versions(asked, options.at, options.versions) {
            Ok(found) => {
                body.more = found.more;
                closed.clear();
                for version in &found.versions {
                    let mut view = VersionView::of_row(asked, version, &store.facts);
                    if let Some(opener) = opener {
                        let key = RowKey { user_key: asked, commit_ts: version.commit_ts }.encode();
                        closed.extend(open_version(&mut view, opener, &key, &version.found.value, &name));
                    }
                    body.versions.push(view);
                }
            }
            Err(found) => {
                store.fail_if_replaced(&found)?;
                body.problem = Some(found.to_string());
                damage = Some(found);
            }
        }
        Ok(())
    })?;
    if store.facts.presence != StorePresence::Directory {
        return Err(Error::Unsuitable {
            path: dir.to_owned(),
            problem: "is no store".to_owned(),
            hint: "name a store, a group directory or a node directory with one group".to_owned(),
        });
    }
    let group = GroupStoreFacts { store: store.facts, check: StoreCheck::Meta, ..GroupStoreFacts::default() };
    let mut coverage = open_verdict(&group, ServerVersion::NEWEST).coverage;
    // Only the way to the key was asked for.
    coverage.keep_needed();
    let mut findings = store_findings(&group.store);
    findings.extend(closed);
    if let Some(damage) = &damage {
        findings.push(table_finding(&group.store, damage, "the key's lookup needs it"));
        coverage.missing(body.key.clone(), damage.to_string());
    }
    Ok(Report::new(body, findings, coverage))
}

/// Opens a sealed version, or says why it does not open.
fn open_version(view: &mut VersionView, opener: &Opener, key: &[u8], value: &[u8], store: &str) -> Option<Finding> {
    if view.sealed != Some(true) {
        return None;
    }
    match opener.row(key, value) {
        Ok(opened) => {
            let user_key = RowKey::decode(key).map_or(key, |row| row.user_key);
            view.open(user_key, opened.bytes(), opener.shows_values);
            None
        }
        Err(error) => {
            view.opened = Some(false);
            let envelope = Envelope::decode(value.get(ROW_HEADER_LEN..).unwrap_or_default()).ok();
            let what = format!("The version of {}", view.commit_ts.unwrap_or_default());
            Some(open_failed(&what, store.to_owned(), None, envelope.as_ref(), &error))
        }
    }
}

/// How far `store verify` looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VerifyDepth {
    /// The checksums of all blocks; rows are not decoded.
    Checksums,
    /// Every row of every table.
    #[default]
    Rows,
    /// Also the records of each key across levels, which reads the tables once more.
    Keys,
}

/// Reads every byte of the live tables of each store and checks as much of it as `depth` says.
pub fn store_verify(dirs: &[PathBuf], depth: VerifyDepth, run: &Run<'_>) -> Result<Report<StoreVerifyBody>> {
    let mut stores = Vec::new();
    let (mut findings, mut coverage) = (Vec::new(), Coverage::default());
    for dir in dirs {
        let tables = if depth == VerifyDepth::Checksums { TableDepth::Checksums } else { TableDepth::Rows };
        let mut survey = survey_store(dir, tables, run)?;
        let name = dir.display().to_string();
        if dirs.len() > 1 {
            // Their files have the same names.
            survey.store.facts.name.clone_from(&name);
        }
        let (mut found, mut covered) = verify(&survey.store.facts, &survey.outcomes);
        if depth == VerifyDepth::Keys {
            let scan = walk(dir, &[], run, &mut |_| ControlFlow::Continue(()))?;
            add_scan(&mut found, &mut covered, &scan);
        } else {
            not_scanned(&mut covered, &survey.store.facts);
        }
        advice::fit(&mut found, &dir.join(".."), &*run.source);
        stores.push(VerifiedStore::new(name.clone(), &survey, &found));
        if dirs.len() > 1 {
            for finding in &mut found {
                finding.group = Some(name.clone());
            }
        }
        findings.extend(found);
        coverage.absorb(covered);
    }
    Ok(Report::new(StoreVerifyBody { stores }, findings, coverage))
}

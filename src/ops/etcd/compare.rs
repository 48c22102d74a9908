//! `compare`: the logs of several members.

use super::facts::gather;
use super::view::view;
use super::{judged, read};
use crate::analysis::Coverage;
use crate::analysis::etcd::facts::EtcdFacts;
use crate::analysis::etcd::{ComparedMember, SummedEntries, compare_members};
use crate::error::{Error, Result};
use crate::formats::facts::Salt;
use crate::ops::told::{self, Files, Teller};
use crate::readers::Unplaced;
use crate::readers::etcd::{EtcdFound, EtcdPlace};
use crate::readers::source::Run;
use crate::report::Report;
use crate::report::body::etcd::{EtcdBody, EtcdView, Shown};
use crate::report::body::hraft::page::Compare;
use crate::types::{Count, beside, free_budget};
use std::path::PathBuf;

/// Where a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EtcdCopy {
    /// In a directory.
    Dir(EtcdPlace),
    /// In a file of facts, with others perhaps.
    File(PathBuf),
}

/// Entries of a log that each have a sum when the directory is at hand, at most. Beyond that one stands for several.
const SINGLE: u64 = 1 << 20;

/// A member and what reports show of it.
struct Member {
    facts: EtcdFacts,
    view: EtcdView,
    teller: Option<Teller>,
}

/// Whether the logs of the members agree.
///
/// # Errors
///
/// When fewer than two are named, or one cannot be read.
pub fn etcd_compare(found: &EtcdFound, run: &Run<'_>) -> Result<Report<EtcdBody<Compare>>> {
    let copies: Vec<_> = found.places.iter().cloned().map(EtcdCopy::Dir).collect();
    etcd_compare_told(&copies, &found.unplaced, &Salt::default(), run)
}

/// The same, of members that are read and members that files of facts tell. The sums of those are mixed with `salt`.
///
/// # Errors
///
/// When fewer than two are named, or one cannot be read.
pub fn etcd_compare_told(
    copies: &[EtcdCopy],
    unplaced: &[Unplaced],
    salt: &Salt,
    run: &Run<'_>,
) -> Result<Report<EtcdBody<Compare>>> {
    let mut coverage = Coverage::default();
    let (mut members, refused) = gather_all(copies, salt, &mut coverage, run)?;
    if members.len() < 2 {
        let alone = "one directory has nothing to be compared with; name several members' directories";
        return Err(refused.unwrap_or_else(|| Error::Usage(alone.to_owned())));
    }
    name_files(&mut members);
    let name = told::salt_of(members.iter().map(|member| member.teller.as_ref()), salt);
    let is_salted = |member: &Member| member.teller.as_ref().is_some_and(|teller| teller.salt != name);
    told::cover_salts(members.iter().filter_map(|member| member.teller.as_ref()), &name, &mut coverage);
    let seen: Vec<_> =
        members.iter().map(|member| (member.facts.dir.as_str(), member.teller.as_ref(), member.facts.last_written_ms)).collect();
    // Entries that two members hold contradict each other whenever they were looked at.
    told::cover_overtaken(&seen, &mut coverage);
    let readable = members.iter().filter(|member| member.facts.log.is_some());
    let compared: Vec<_> = readable.map(|member| ComparedMember::new(&member.facts, !is_salted(member))).collect();
    let first = compared.iter().filter_map(ComparedMember::range).map(|range| range.0);
    if let (Some(least), Some(most)) = (first.clone().min(), first.max())
        && least < most
    {
        let what = format!("entries {least} to {}", most - 1);
        coverage.skipped(what, "not every member has them in its log any more");
    }
    coverage.skipped("the contents of the stores", "only the logs are compared; `etcdctl endpoint hashkv` compares stores");
    let mut findings: Vec<_> = members.iter().flat_map(|member| member.facts.findings.iter().cloned()).collect();
    let result = compare_members(&compared);
    findings.extend(result.findings);
    for ([one, other], apart) in result.apart {
        let salted = members.iter().any(|member| is_salted(member) && (member.facts.dir == one || member.facts.dir == other));
        let what = format!("{} from {} to {} of {one} and {other}", Count(apart.entries, "entry"), apart.first, apart.last);
        coverage.missing(what, told::apart(salted));
    }
    let views = members.into_iter().map(|member| member.view).collect();
    Ok(Report::new(EtcdBody::new(views, Shown::Comparison), findings, coverage).leave_out(unplaced))
}

/// Reads directories and files. A file that cannot be taken is left out and named.
fn gather_all(copies: &[EtcdCopy], salt: &Salt, coverage: &mut Coverage, run: &Run<'_>) -> Result<(Vec<Member>, Option<Error>)> {
    let (mut members, mut files) = (Vec::new(), Files::default());
    for copy in copies {
        match copy {
            EtcdCopy::Dir(place) => {
                let member = beside(files.held, || -> Result<_> {
                    let (member, starts) = read(place, run)?;
                    let judged = judged(&member, &starts);
                    let singles = (free_budget() / 4 / SummedEntries::memory_of(1)).min(SINGLE);
                    let (facts, own) = gather(&member, &judged, &starts, salt, singles, run);
                    coverage.absorb(own);
                    Ok(Member { facts, view: view(&member, &judged, starts), teller: None })
                })?;
                members.push(member);
            }
            EtcdCopy::File(path) => {
                let Some((document, teller)) = files.take(path, coverage, run)? else { continue };
                for facts in document.etcd {
                    coverage.also_left_out(facts.not_examined.iter().cloned());
                    let view = told_view(&facts, &teller);
                    members.push(Member { facts, view, teller: Some(teller.clone()) });
                }
            }
        }
    }
    Ok((members, files.refused))
}

/// What reports show of a member that a file tells.
fn told_view(facts: &EtcdFacts, teller: &Teller) -> EtcdView {
    let name = facts.member_id.map_or_else(|| facts.dir.clone(), |id| id.to_string());
    EtcdView {
        dir: facts.dir.clone(),
        member_id: facts.member_id,
        cluster_id: facts.cluster_id,
        written_by: facts.written_by,
        log: facts.log.clone(),
        store: facts.store.clone(),
        buckets: Vec::new(),
        snapshots: Vec::new(),
        starts: facts.starts.clone(),
        rules: facts.rules,
        taken: Some(teller.row(&name)),
    }
}

/// Directories of several machines may have one name: then the file is named as well.
fn name_files(members: &mut [Member]) {
    let shared = told::shared(members.iter().map(|member| member.facts.dir.as_str()));
    for member in members {
        if let Some(teller) = member.teller.as_ref().filter(|_| shared.contains(&member.facts.dir)) {
            let named = told::Named { file: &teller.file, dir: &member.facts.dir.clone() };
            named.findings(&mut member.facts.findings);
            member.facts.dir = named.whole();
            member.view.dir.clone_from(&member.facts.dir);
        }
    }
}

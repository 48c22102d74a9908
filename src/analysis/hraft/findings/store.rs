//! Meta pages, trees and freelist of a bbolt file.

use crate::analysis::judge::codes::hashicorp as codes;
use crate::analysis::{Finding, Severity};
use crate::formats::bolt::MetaProblem;
use crate::readers::hraft::{FreelistFact, Survey};

/// Problems that become findings of their own.
const SHOWN: usize = 20;

/// Judges one file.
pub fn judge(path: &str, survey: &Survey, found: &mut Vec<Finding>) {
    if survey.size == 0 {
        return;
    }
    let Some(meta) = survey.meta() else {
        let reason = if survey.big_endian {
            "it was written on a big-endian host, which is not read".to_owned()
        } else {
            let first = survey.metas[0].meta.and_then(|meta| meta.problem());
            format!("neither meta page can be used ({})", first.map_or("file size too small", MetaProblem::text))
        };
        found.push(Finding::new(&codes::STORE_UNUSABLE, format!("The store cannot be opened: {reason}.")).at(path).offset(0));
        return;
    };
    for (number, fact) in survey.metas.iter().enumerate() {
        if fact.valid().is_some() {
            continue;
        }
        let why = fact.meta.and_then(|meta| meta.problem()).map_or("it is not in the file", MetaProblem::text);
        let message = format!("Meta page {number} cannot be used ({why}); the other one, of transaction {}, counts.", meta.txid);
        found.push(Finding::new(&codes::META_INVALID, message).at(path).offset(fact.at));
    }
    let used = meta.high_water.saturating_mul(survey.page_size);
    if used > survey.size {
        let message = format!("The meta page says that {used} bytes are in use, the file has {}.", survey.size);
        found.push(Finding::new(&codes::FILE_SHORT, message).at(path).offset(survey.size));
    }
    let mut first = None;
    for problem in survey.problems.iter().take(SHOWN) {
        let bucket = if problem.bucket.is_empty() { String::new() } else { format!(" (bucket {})", problem.bucket) };
        let mut finding =
            Finding::new(&codes::PAGE_DAMAGED, format!("{}{bucket}.", capital(&problem.detail))).at(path).offset(problem.at);
        if first.is_some() {
            finding.derived_from = Some(codes::PAGE_DAMAGED.code);
        }
        first = Some(());
        found.push(finding);
    }
    let rest = survey.problems.len().saturating_sub(SHOWN) as u64 + survey.more_problems;
    if rest > 0 {
        let mut finding = Finding::new(&codes::PAGE_DAMAGED, format!("And {rest} more problems of pages.")).at(path);
        finding.derived_from = Some(codes::PAGE_DAMAGED.code);
        found.push(finding);
    }
    freelist(path, survey, meta.high_water, meta.freelist, found);
}

fn freelist(path: &str, survey: &Survey, high_water: u64, page: u64, found: &mut Vec<Finding>) {
    let at = page.saturating_mul(survey.page_size);
    match &survey.freelist {
        FreelistFact::None => {}
        FreelistFact::Unusable(reason) => {
            let message = format!("The page of free pages cannot be used: {reason}.");
            found.push(Finding::new(&codes::FREELIST_INVALID, message).at(path).offset(at));
        }
        FreelistFact::Ids(ids) => {
            if let Some(first) = survey.listed_but_live.first() {
                let message = format!(
                    "It names {} pages that are in use, page {first} among them: a commit writes over them.",
                    survey.listed_but_live.len()
                );
                found.push(Finding::new(&codes::FREELIST_INVALID, message).at(path).offset(at));
            }
            if let Some(twice) = survey.listed_twice.first() {
                let message = format!("It names page {twice} twice: two commits use it at once.");
                found.push(Finding::new(&codes::FREELIST_INVALID, message).at(path).offset(at));
            }
            if let Some(beyond) = ids.iter().find(|&&id| id >= high_water) {
                let message = format!(
                    "It names page {beyond}, which is not below the high water mark {high_water}: a start passes over that, the \
                     commit that takes the page ends the process."
                );
                found.push(Finding::new(&codes::FREELIST_INVALID, message).at(path).offset(at));
            }
            if survey.lost_pages > 0 {
                let message = format!(
                    "{} pages are neither in use nor on the list: nobody uses their space again. Nothing else follows from it.",
                    survey.lost_pages
                );
                let finding = Finding::new(&codes::FREELIST_INVALID, message).severity(Severity::Info);
                found.push(finding.advice("Nothing has to be done.").at(path).offset(at));
            }
        }
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

//! What a file of facts comes to by itself: what `check` has found, what is wrong with each copy, and what its next start does.

use std::collections::HashSet;
use std::time::Duration;

use ekv_tool::analysis::judge::codes::gate::START_REFUSED;
use ekv_tool::analysis::{Coverage, Finding, NotExamined, Verdict};
use ekv_tool::types::{UnixMillis, age};

use super::FactsFile;
use crate::store::CLOCKS;

/// A start that the forecast in a file does not see come up, although the comparison is told nothing of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foretold {
    /// The group, where its number is known.
    pub group_id: Option<u64>,
    /// True for one that is refused, false for one that cannot be foretold.
    pub refused: bool,
    /// In words.
    pub text: String,
    dir: String,
    reason: String,
}

impl Foretold {
    /// Says it where the verdict comes from.
    pub fn tell(&self, findings: &mut Vec<Finding>, coverage: &mut Coverage) {
        if self.refused {
            findings.push(Finding::new(&START_REFUSED, self.text.clone()).at(self.dir.clone()));
        } else {
            coverage.missing(format!("the next start of {}", self.dir), self.reason.clone());
        }
    }
}

impl FactsFile {
    /// Starts that the forecast does not see come up. It looked at more than the comparison does: at large payloads, and with `--fast` at the
    /// blocks of the store. A node whose groups could not be read has nothing else.
    pub fn foretold<'f>(&'f self, name: &'f str) -> impl Iterator<Item = Foretold> + 'f {
        let of_node = self.sheet.forecasts.iter().filter(move |forecast| forecast.node() == name);
        of_node.filter_map(|forecast| {
            let copy = self.document.groups.iter().find(|copy| copy.node.dir == forecast.dir);
            let comes_up = copy.map(|copy| copy.start.comes_up());
            // What the comparison says of the start itself is said with that.
            let refused = match (forecast.outcome.as_str(), comes_up) {
                ("abort", None | Some(Some(true) | None)) => true,
                ("unknown", None | Some(Some(true))) => false,
                _ => return None,
            };
            Some(Foretold {
                group_id: copy.map_or(forecast.group_id, |copy| copy.group_id),
                refused,
                text: format!("the start of {} is forecast as {}: {}", forecast.dir, forecast.outcome, forecast.reason),
                dir: forecast.dir.clone(),
                reason: forecast.reason.clone(),
            })
        })
    }

    /// Why its time cannot be right, if it cannot.
    pub fn of_the_future(&self, now: Option<UnixMillis>) -> Option<String> {
        let taken = self.document.taken_at_ms;
        let future = now.is_some_and(|now| taken.0 > now.0.saturating_add(CLOCKS));
        future.then(|| format!("{} says that it was taken at {taken}, which is still to come", self.shown))
    }

    /// Why it says nothing of how its nodes are now, if it was taken longer ago than `max_age`.
    pub fn outdated(&self, now: Option<UnixMillis>, max_age: Option<Duration>) -> Option<String> {
        let taken = self.document.taken_at_ms;
        let ago = now?.0.saturating_sub(taken.0);
        let most = u64::try_from(max_age?.as_millis()).unwrap_or(u64::MAX);
        (ago > most).then(|| {
            format!("{} was taken {} ago, at {taken}; take facts of it again, or give another --max-age", self.shown, age(ago))
        })
    }

    /// What is wrong with its nodes by themselves, and what of them is not known: by `check`, by the forecasts, and by what a plan takes of each
    /// copy.
    pub fn judged(&self) -> (Vec<Finding>, Coverage) {
        let (findings, mut coverage) = self.gathered();
        if let Some((what, why)) = self.contradicts(&findings, &coverage) {
            coverage.missing(what, why);
        }
        let name_file = |part: NotExamined| {
            let what = if part.what.starts_with(&self.shown) { part.what } else { format!("{}: {}", self.shown, part.what) };
            NotExamined { what, ..part }
        };
        coverage.not_examined = std::mem::take(&mut coverage.not_examined).into_iter().map(name_file).collect();
        (findings, coverage)
    }

    fn gathered(&self) -> (Vec<Finding>, Coverage) {
        let mut coverage = Coverage::default();
        let mut findings = self.sheet.known(&self.shown, &mut coverage);
        let mut told: HashSet<_> = findings.iter().map(|finding| (finding.code.code, finding.path.clone())).collect();
        for copy in &self.document.groups {
            for finding in copy.findings.iter().chain(&copy.encryption_findings) {
                // `check` has looked at the same files, and mostly has found the same.
                if told.insert((finding.code.code, finding.path.clone())) {
                    findings.push(finding.clone());
                }
            }
            if copy.start.comes_up().is_none() {
                let why = copy.start.reason.clone().unwrap_or_else(|| "nobody has asked for it".to_owned());
                coverage.missing(format!("the next start of {}", copy.node.dir), why);
            }
            if copy.log_is_cut {
                coverage.missing(format!("the log of {}", copy.node.dir), "it cannot be decoded to its end");
            }
            coverage.also_left_out(copy.not_examined.iter().filter(|part| part.needed).cloned());
        }
        for name in self.nodes() {
            self.foretold(name).for_each(|start| start.tell(&mut findings, &mut coverage));
        }
        if let Some(why) = self.of_the_future(ekv_tool::io::now()) {
            coverage.missing(format!("what {} is like now", self.nodes().join(", ")), why);
        }
        coverage.also_left_out(self.sheet.not_examined(&self.document).cloned());
        (findings, coverage)
    }

    /// What the file says of itself has to follow from what is in it.
    fn contradicts(&self, findings: &[Finding], coverage: &Coverage) -> Option<(&'static str, String)> {
        let said = &self.sheet.verdict;
        let known = [Verdict::Clean, Verdict::Damaged, Verdict::Unknown].into_iter().find(|verdict| verdict.name() == said);
        match (known, Verdict::of(findings, coverage)) {
            (None, _) => Some(("the verdict in it", format!("{said:?} is no verdict that is known here"))),
            (Some(said), Verdict::Clean) if said != Verdict::Clean => Some((
                "why it does not call itself clean",
                format!("its verdict is {}, and nothing in it tells why", said.name()),
            )),
            _ => None,
        }
    }

    /// Why its own verdict does not follow from what is in it, if it does not.
    pub fn contradiction(&self) -> Option<String> {
        let (findings, coverage) = self.gathered();
        self.contradicts(&findings, &coverage).map(|(what, why)| format!("{}: {what}: {why}", self.shown))
    }

    /// What it comes to, in one word.
    pub fn verdict(&self) -> Verdict {
        let (findings, coverage) = self.judged();
        Verdict::of(&findings, &coverage)
    }

    /// What the whole node is not known for: something on it was left out.
    pub fn left_out(&self) -> Option<String> {
        let part = self.document.left_out.iter().find(|part| part.needed)?;
        Some(format!("not examined: {}: {}", part.what, part.why))
    }
}

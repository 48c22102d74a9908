//! What `check` has to say.

use std::fmt::Write as _;

use serde::Serialize;

use super::{content, envelopes};
use crate::analysis::judge::envelopes::EnvelopeCensus;
use crate::analysis::judge::group::{CHECKS, CheckInfo, CheckOutcome, CheckResult};
use crate::analysis::server::Outcome;
use crate::analysis::{Finding, Severity};
use crate::readers::content::ContentRead;
use crate::report::body::hraft::modes::MODES;
use crate::report::picture::{Lane, LanesPicture, Mark, Picture};
use crate::report::{Body, Case, CaseEnd, Cell, Label, Lines, Metric, Section, Tone};
use crate::types::{Count, HlcTimestamp, ServerVersion};

/// The checks of every group.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct CheckBody {
    /// One entry a group.
    pub groups: Vec<GroupChecks>,
    /// Errors found, those that are not shown included.
    pub errors: usize,
    /// Warnings found, those that are not shown included.
    pub warnings: usize,
    /// Whose content was read; absent when all of it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentRead>,
}

impl CheckBody {
    /// Counts what was found.
    pub fn new(groups: Vec<GroupChecks>, findings: &[Finding]) -> Self {
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        Self { groups, errors: count(Severity::Error), warnings: count(Severity::Warning), content: None }
    }
}

impl CheckBody {
    /// The log of each group, with what stands where.
    fn lanes(&self) -> Section {
        let lane = |group: &GroupChecks| {
            let NodeState { commit, first_index, last_index, snapshot_index, applied_index, .. } = group.state;
            let marks = [(Mark::Snapshot, snapshot_index), (Mark::Applied, applied_index), (Mark::Commit, commit)];
            Lane {
                name: group.dir.clone(),
                first: first_index,
                last: last_index,
                marks: marks.into_iter().filter_map(|(mark, at)| Some((mark, at?))).collect(),
                only_here: None,
            }
        };
        let lanes = self.groups.iter().map(lane).collect();
        Section::Picture(Picture::Lanes(LanesPicture { of: "groups".to_owned(), one_scale: false, lanes }))
    }
}

/// The checks of one group.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct GroupChecks {
    /// The directory, as given or below what was given.
    pub dir: String,
    /// The node's raft id.
    pub raft_id: String,
    /// The group number, where the directory's name tells it.
    pub group_id: Option<u64>,
    /// Which server's rules the log was read by, or `hashicorp` for a directory of the older engine.
    pub engine: GroupEngine,
    /// False when files changed while they were read.
    pub quiescent: bool,
    /// What the next start does; `null` when only some checks were asked for.
    pub start: Option<StartView>,
    /// What is sealed, under which key; `null` without a sign of encryption, or when only some checks were asked for.
    pub encryption: Option<EnvelopeCensus>,
    /// The state that a start would find.
    pub state: NodeState,
    /// The checks that were asked for, with what became of each.
    pub checks: Vec<CheckResult>,
}

/// The next start in one line; `gate-dryrun` tells the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct StartView {
    /// What it does about the store.
    pub outcome: Outcome,
    /// Why.
    pub reason: String,
}

/// Who wrote a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GroupEngine {
    /// The older backend; its files are named, not read.
    Hashicorp,
    /// Instead of a word of its own: the name of the server version.
    #[serde(untagged)]
    Server(ServerVersion),
}

/// The state that a start would find; `null` for what is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct NodeState {
    /// Term of the last hard state.
    pub term: Option<u64>,
    /// Commit of the last hard state.
    pub commit: Option<u64>,
    /// First entry behind the snapshot.
    pub first_index: Option<u64>,
    /// Last entry, or the snapshot when none follows it.
    pub last_index: Option<u64>,
    /// Index of the snapshot that a start takes.
    pub snapshot_index: Option<u64>,
    /// Applied index of the store.
    pub applied_index: Option<u64>,
    /// Largest commit timestamp that the store records.
    pub last_commit_ts: Option<HlcTimestamp>,
    /// The members at the snapshot, by raft id where it is known.
    pub members: Option<String>,
}

impl From<ServerVersion> for GroupEngine {
    fn from(engine: ServerVersion) -> Self {
        Self::Server(engine)
    }
}

impl GroupEngine {
    const fn name(self) -> &'static str {
        match self {
            Self::Server(version) => version.name(),
            Self::Hashicorp => "hashicorp",
        }
    }
}

impl GroupChecks {
    fn names(&self, wanted: impl Fn(&CheckOutcome) -> bool) -> Vec<&'static str> {
        self.checks.iter().filter(|result| wanted(&result.outcome)).map(|result| result.check).collect()
    }

    fn with(&self, severity: Severity) -> usize {
        self.names(|outcome| matches!(outcome, CheckOutcome::Found { severity: found, .. } if *found == severity)).len()
    }

    /// Checks that were made and are fine; a remark is fine.
    fn fine(&self) -> Vec<&'static str> {
        self.names(|outcome| matches!(outcome, CheckOutcome::Clean | CheckOutcome::Found { severity: Severity::Info, .. }))
    }

    fn facts(&self) -> Vec<(&'static str, Cell)> {
        let NodeState { term, commit, first_index, last_index, snapshot_index, applied_index, members, .. } = &self.state;
        let log = match (first_index, last_index) {
            (Some(first), Some(last)) if first <= last => Cell::new(format!("{first} to {last}")),
            (_, Some(last)) => Cell::new(format!("no entry behind {last}")),
            _ => Cell::option(None::<u64>),
        };
        let start = self.start.as_ref().map(|start| format!("{}: {}", start.outcome.name(), start.reason));
        vec![
            ("node", Cell::new(&self.raft_id)),
            ("engine", Cell::new(self.engine.name())),
            ("next start", Cell::option(start)),
            ("snapshot", Cell::option(*snapshot_index)),
            ("log", log),
            ("commit", Cell::option(*commit)),
            ("applied by the store", Cell::option(*applied_index)),
            ("term", Cell::option(*term)),
            ("members", Cell::option(members.as_ref())),
        ]
    }

    fn lists(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        let mut note = |what: &str, names: Vec<&str>| {
            if !names.is_empty() {
                let brief = match names.len() {
                    1 => format!("{what}: {}.", names[0]),
                    several => format!("{what}: {several} checks; --verbose names them."),
                };
                sections.push(Section::Fold { brief, full: format!("{what} ({}): {}.", names.len(), names.join(", ")) });
            }
        };
        note("Fine", self.fine());
        let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
        for result in &self.checks {
            if let CheckOutcome::NotApplicable { why } = &result.outcome {
                match reasons.iter_mut().find(|(known, _)| known == why) {
                    Some((_, names)) => names.push(result.check),
                    None => reasons.push((why, vec![result.check])),
                }
            }
        }
        for (why, names) in reasons {
            note(&format!("Not applicable, {why}"), names);
        }
        for result in &self.checks {
            if let CheckOutcome::NotCheckable { why } = &result.outcome {
                sections.push(Section::Note(format!("Not checkable: {}: {why}.", result.check)));
            }
        }
        sections
    }
}

/// Who needs which key.
impl Body for CheckBody {
    const NAME: &'static str = "check";
    const LINES: &'static [Lines] = &[Lines::of("groups", "group")];

    fn headline(&self) -> String {
        let checks: usize = self.groups.iter().map(|group| group.checks.len()).sum();
        let not_made: usize =
            self.groups.iter().map(|group| group.names(|o| matches!(o, CheckOutcome::NotCheckable { .. })).len()).sum();
        let groups = match self.groups.len() {
            1 => "one group".to_owned(),
            several => format!("{several} groups"),
        };
        let mut line = format!("{} on {groups}", Count::of(checks, "check"));
        if not_made > 0 {
            let _ = write!(line, ", {not_made} of which could not be made");
        }
        line
    }

    fn all_clear(&self) -> &'static str {
        ": nothing is wrong"
    }

    fn sections(&self) -> Vec<Section> {
        if let [group] = self.groups.as_slice() {
            let mut sections = vec![Section::facts(&group.dir, group.facts()), self.lanes()];
            sections.extend(group.encryption.iter().flat_map(envelopes::sections));
            sections.extend(group.lists());
            sections.extend(content::sections(self.content.as_ref(), None));
            return sections;
        }
        let rows = self.groups.iter().map(|group| {
            let bad = |count: usize, tone| Cell::toned(count, if count > 0 { tone } else { Tone::Plain });
            vec![
                Cell::new(&group.dir),
                Cell::option(group.state.snapshot_index),
                Cell::option(group.state.commit),
                Cell::option(group.state.last_index),
                Cell::option(group.state.applied_index),
                bad(group.with(Severity::Error), Tone::Bad),
                bad(group.with(Severity::Warning), Tone::Caution),
                bad(group.names(|o| matches!(o, CheckOutcome::NotCheckable { .. })).len(), Tone::Caution),
            ]
        });
        let columns = ["group", ">snapshot", ">commit", ">last", ">applied", ">errors", ">warnings", ">not made"];
        let mut sections = vec![Section::table("Groups", &columns, rows.collect()), self.lanes()];
        sections.extend(content::sections(self.content.as_ref(), None));
        sections
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut metric = Metric::gauge("ekv_tool_check_outcomes", "Number of checks by what became of them.");
        for group in &self.groups {
            let states = [
                ("clean", group.fine().len()),
                ("warning", group.with(Severity::Warning)),
                ("error", group.with(Severity::Error)),
                ("not-applicable", group.names(|o| matches!(o, CheckOutcome::NotApplicable { .. })).len()),
                ("not-checkable", group.names(|o| matches!(o, CheckOutcome::NotCheckable { .. })).len()),
            ];
            for (state, count) in states {
                metric = metric.sample(vec![(Label::Dir, group.dir.clone()), (Label::State, state.to_owned())], count as f64);
            }
        }
        vec![metric]
    }

    fn cases(&self, findings: &[Finding]) -> Vec<Case> {
        let several = self.groups.len() > 1;
        let all = self.groups.iter().flat_map(|group| group.checks.iter().map(move |result| (group, result)));
        let case = |(group, result): (&GroupChecks, &CheckResult)| {
            let found = || {
                let own = findings.iter().filter(|finding| {
                    finding.code.code == result.check
                        && finding.severity == Severity::Error
                        && (!several || finding.group.as_ref().is_none_or(|of| *of == group.dir))
                });
                own.map(|finding| finding.message.replace('\n', " ")).collect::<Vec<_>>().join("\n")
            };
            let end = match (&result.outcome, result.open()) {
                (CheckOutcome::Found { severity: Severity::Error, .. }, _) => CaseEnd::Failed(found()),
                (CheckOutcome::NotApplicable { why }, _) => CaseEnd::NotApplicable(why.clone()),
                (_, Some(why)) => CaseEnd::NotMade(why.to_owned()),
                (_, None) => CaseEnd::Passed,
            };
            Case { of: group.dir.clone(), name: result.check.to_owned(), end }
        };
        all.map(case).collect()
    }
}

/// The list of checks, for `check --list`.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct CheckListBody {
    /// All checks, in the order in which they are reported.
    pub checks: Vec<ListedCheck>,
}

/// One check of the list.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ListedCheck {
    /// What a clean result does not show.
    pub cannot: &'static str,
    /// The check's name, which is the code of its finding.
    pub check: &'static str,
    /// True when it compares files that change at different times.
    pub needs_quiescent_copy: bool,
    /// What a clean result shows.
    pub proves: &'static str,
    /// The worst severity that it usually has.
    pub severity: Severity,
    /// One line.
    pub title: &'static str,
}

impl Default for CheckListBody {
    fn default() -> Self {
        Self { checks: CHECKS.iter().map(ListedCheck::of).collect() }
    }
}

impl ListedCheck {
    const fn of(check: &CheckInfo) -> Self {
        Self {
            cannot: check.cannot,
            check: check.code.code,
            needs_quiescent_copy: check.quiescent,
            proves: check.proves,
            severity: check.code.severity,
            title: check.code.title,
        }
    }
}

impl Body for CheckListBody {
    const NAME: &'static str = "check-list";
    const LINES: &'static [Lines] = &[Lines::of("checks", "check")];

    fn headline(&self) -> String {
        format!("{} checks of one node's directory", CHECKS.len())
    }

    fn sections(&self) -> Vec<Section> {
        let rows =
            CHECKS.iter().map(|check| vec![Cell::new(check.code.code), Cell::new(check.code.severity), Cell::new(check.proves)]);
        vec![Section::table("Checks", &["check", "worst", "what a clean result shows"], rows.collect())]
    }
}

/// The page that documents every check, generated from the list.
pub fn checks_page() -> String {
    let mut page = String::from(
        "# Checks\n\nWhat `ekv-tool check` looks for in one node's directory. A check has the name of the finding that it emits; \
         `ekv-tool explain NAME` says what it means and what to do. This page is generated from the list of checks.\n\nThe \
         severity is the worst that a check gives. Nothing that a crash, a slow follower or a received snapshot may legally leave \
         is more than a remark. A check that compares files which change at different times needs a copy of one instant; when \
         files change while they are read, its errors become warnings.\n",
    );
    for check in CHECKS {
        let instant = if check.quiescent { " Needs a copy of one instant." } else { "" };
        let _ = write!(
            page,
            "\n## {}\n\n{} ({}).{instant}\n\n- Decided by: {}\n- A clean result shows: {}\n- It does not show: {}\n",
            check.code.code,
            capitalised(check.code.title),
            check.code.severity,
            check.code.decided_by,
            check.proves,
            check.cannot,
        );
        if let Some(why) = check.code.never {
            let _ = writeln!(page, "- Never emitted: {why}");
        }
    }
    page.push_str(SEVERITIES);
    page.push_str(MODES);
    page
}

/// Why what is arguable is called what it is.
const SEVERITIES: &str = "
# What is an error, and what a remark

A wrong \"damaged\" costs a night, a wrong \"fine\" costs data. Two decisions that are not obvious:

- `conf-replay-ahead` comes from the next start, which `check` asks for, and is an error although the server starts and says nothing. \
Applying a membership change publishes a snapshot at its index at once, so that a healthy node, and one that crashed, has a snapshot at \
or above every change that its store holds. A change below the applied index and above the snapshot that a start takes means that a newer \
snapshot is lost, unreadable or unrecorded, or that a copy mixed two moments. The start then writes a snapshot that is named after the \
change and holds later contents, which `check` itself calls `fsm-ahead-of-index`, an error, from then on; a member that is seeded from it \
applies entries a second time. That cannot be taken back, and before the start it can be avoided. Among the recorded \
directories of real nodes only those have the finding whose newest snapshot was taken away. A change at the applied index itself is the window of a crash, harmless, and not reported.
- `store-foreign` is an error only when the store's newest commit is more than ten seconds away from every one of this log. A clock runs \
ahead by the length of a lease, 10 s at most; a store of the same log from another moment, or of another group of the same node, may lie \
within that, and nothing in the bytes of one group tells them apart. That is a remark and no verdict: it says what to compare. Real nodes never have it, since their newest commit is one of \
their log or of a payload.
";

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

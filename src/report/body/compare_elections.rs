//! The table of elections in what `compare` has to say.

use std::collections::{BTreeSet, HashMap};

use super::cells::range;
use crate::analysis::judge::nodes::{Comparison, Vote};
use crate::report::{Cell, Section, Tone};
use crate::types::count_work;

/// Voters that have a column of their own in the table of elections, at most. Of more their answers are counted: a table with a column for
/// each of very many is as large as their number times that of the candidates, and nobody reads it.
const VOTER_COLUMNS: usize = 64;

/// Every answer of a voter, with its word.
const ANSWERS: [(Vote, &str); 5] =
    [(Vote::Yes, "yes"), (Vote::Later, "later"), (Vote::No, "no"), (Vote::Down, "down"), (Vote::Unknown, "?")];

/// The columns between the candidate and what becomes of it: one a voter, or one an answer.
fn ballots(comparison: &Comparison) -> (Vec<&str>, Vec<Vec<Cell>>) {
    let votes = || comparison.election.iter().flat_map(|row| &row.votes);
    let voters: BTreeSet<&str> = votes().map(|vote| vote.voter.as_str()).collect();
    count_work(ANSWERS.len() as u64 * votes().count() as u64);
    let word = |vote: Vote| ANSWERS.iter().find(|(answer, _)| *answer == vote).map_or("?", |(_, word)| word);
    if voters.len() > VOTER_COLUMNS {
        let counts = comparison.election.iter().map(|row| {
            let of = |answer| row.votes.iter().filter(|vote| vote.vote == answer).count();
            ANSWERS.iter().map(|(answer, _)| Cell::new(of(*answer))).collect()
        });
        return (vec![">voters: yes", ">later", ">no", ">down", ">?"], counts.collect());
    }
    let rows = comparison.election.iter().map(|row| {
        let of: HashMap<&str, Vote> = row.votes.iter().rev().map(|vote| (vote.voter.as_str(), vote.vote)).collect();
        count_work(voters.len() as u64);
        voters.iter().map(|voter| Cell::option(of.get(voter).map(|vote| word(*vote)))).collect()
    });
    let rows = rows.collect();
    (voters.into_iter().collect(), rows)
}

/// Who gets whose vote.
pub(super) fn elections(comparison: &Comparison) -> Section {
    let (voters, ballots) = ballots(comparison);
    let mut columns = vec!["candidate"];
    columns.extend(voters);
    columns.extend(["can win", "not without", "hand over"]);
    let rows = comparison.election.iter().zip(ballots).map(|(row, ballot)| {
        let mut cells = vec![Cell::new(&row.candidate)];
        cells.extend(ballot);
        let can_win = match &row.why_not {
            _ if row.would_lose.is_some() => Cell::toned(format!("yes, losing {}", range(row.would_lose).text), Tone::Bad),
            Some(why) => Cell::new(format!("{}: {why}", row.can_win)),
            None if row.can_win == "unknown" => Cell::new("?"),
            None => Cell::new(row.can_win),
        };
        let hand_over = match (&row.no_transfer, &row.why_not) {
            (None, _) => "yes".to_owned(),
            (Some(why), Some(same)) if why == same => "no".to_owned(),
            (Some(why), _) => format!("no: {why}"),
        };
        let depends = if row.depends_on.is_empty() { "-".to_owned() } else { row.depends_on.join(" ") };
        cells.extend([can_win, Cell::new(depends), Cell::new(hand_over)]);
        cells
    });
    let rows = rows.collect();
    Section::table("Elections: who gets whose vote", &columns, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::judge::nodes::{ElectionRow, VoteRow};
    use crate::types::work_counted;

    /// Candidates that each have voters of their own.
    fn comparison(candidates: usize, voters: usize) -> Comparison {
        let vote = |name: usize| VoteRow { voter: format!("v{name:06}"), vote: ANSWERS[name % ANSWERS.len()].0 };
        let row = |candidate: usize| ElectionRow {
            candidate: format!("n{candidate}"),
            is_voter: true,
            votes: (candidate * voters..(candidate + 1) * voters).map(vote).collect(),
            granted_by: Vec::new(),
            needed: 1,
            can_win: "unknown",
            would_lose: None,
            why_not: None,
            depends_on: Vec::new(),
            transfer: true,
            no_transfer: None,
        };
        Comparison { election: (0..candidates).map(row).collect(), ..Comparison::default() }
    }

    fn table(comparison: &Comparison) -> (Vec<String>, Vec<Vec<String>>) {
        let Section::Table { columns, rows, .. } = elections(comparison) else { panic!("no table") };
        let rows = rows.iter().map(|row| row.iter().map(|cell| cell.text.clone()).collect());
        (columns.iter().map(|heading| heading.name.clone()).collect(), rows.collect())
    }

    #[test]
    fn few_voters_have_columns_and_of_many_the_answers_are_counted() {
        let (columns, rows) = table(&comparison(2, 2));
        assert_eq!(columns, ["candidate", "v000000", "v000001", "v000002", "v000003", "can win", "not without", "hand over"]);
        assert_eq!(rows[0], ["n0", "yes", "later", "-", "-", "?", "-", "yes"]);
        assert_eq!(table(&comparison(1, VOTER_COLUMNS)).0.len(), VOTER_COLUMNS + 4);
        let (columns, rows) = table(&comparison(2, VOTER_COLUMNS));
        assert_eq!(columns[1..6], ["voters: yes", "later", "no", "down", "?"]);
        assert_eq!(rows[0][1..6], ["13", "13", "13", "13", "12"]);
    }

    #[test]
    fn the_table_of_very_many_voters_is_no_more_work_than_they_are() {
        let work = |voters: usize| {
            let comparison = comparison(8, voters);
            let before = work_counted();
            let (columns, rows) = table(&comparison);
            (work_counted() - before, columns.len() * rows.len())
        };
        let (few, many) = (work(10_000), work(20_000));
        assert!(many.0 <= 2 * few.0 && many.1 == few.1, "{few:?} {many:?}");
        assert!(few.0 <= 10 * 8 * 10_000, "{few:?}");
    }
}

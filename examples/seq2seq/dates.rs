//! Dates as people write them, and as machines do: made up, as many as one likes.

use purlin::core::rng::{Rng, Stream};
use std::collections::BTreeSet;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// A date in words, and `year-month-day`.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) source: String,
    pub(crate) target: String,
}

/// `n` different days between 1900 and 2099, each written in one of six ways.
pub(crate) fn pairs(n: usize, seed: u64) -> Vec<Pair> {
    let mut rng = Stream::new(seed, "dates").rng(0);
    let (mut seen, mut pairs) = (BTreeSet::new(), Vec::with_capacity(n));
    while pairs.len() < n {
        let (year, month) = (1900 + rng.below(200), rng.below(12));
        let day = 1 + rng.below(days(year, month));
        if seen.insert((year, month, day)) {
            let source = written(year, month, day, &mut rng);
            let target = format!("{year}-{:02}-{day:02}", month + 1);
            pairs.push(Pair { source, target });
        }
    }
    pairs
}

/// How many days there are: no more can be told apart.
pub(crate) const N_DAYS: usize = 73_049;

fn days(year: usize, month: usize) -> usize {
    let is_leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    match month {
        1 => 28 + usize::from(is_leap),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

fn written(year: usize, month: usize, day: usize, rng: &mut Rng) -> String {
    let name = MONTHS[month];
    let ending = match day {
        1 | 21 | 31 => "st",
        2 | 22 => "nd",
        3 | 23 => "rd",
        _ => "th",
    };
    match rng.below(6) {
        0 => format!("{name} {day} {year}"),
        1 => format!("{day} {} {year}", &name[..3]),
        2 => format!("the {day}{ending} of {name} {year}"),
        3 => format!("{}. {day}, {year}", &name[..3]),
        4 => format!("{day}.{}.{year}", month + 1),
        _ => format!("{year}, {name} the {day}{ending}"),
    }
}

//! Messages written as a trace, within what a scenario takes: columns `time`, `size` and
//! `destinations`.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use super::{Message, Pseudonyms};
use crate::limits;

/// What the rarest destinations are called together, where there are too many.
const OTHERS: &str = "others.test";

/// A trace, and what had to be changed to make it one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// The CSV.
    pub csv: String,
    /// Destinations it names.
    pub destinations: usize,
    /// Messages with more recipients than one transaction takes: each is several rows.
    pub divided: u64,
    /// Destinations that share one name, being too many.
    pub merged: usize,
    /// Messages beyond the rows or the time a trace may have.
    pub cut: u64,
}

/// Writes messages, which are in order of time, as a trace.
#[must_use]
pub fn trace(messages: &[Message], names: &Pseudonyms) -> Trace {
    trace_within(messages, names, limits::TRACE_ROWS, limits::TRACE_DESTINATIONS)
}

fn trace_within(messages: &[Message], names: &Pseudonyms, rows: usize, most: usize) -> Trace {
    let (kept, merged) = frequent(messages, most);
    let mut trace =
        Trace { csv: "time,size,destinations\n".to_owned(), merged, ..Trace::default() };
    let mut named: HashSet<String> = HashSet::new();
    let mut written = 0;
    for message in messages {
        let parts = message.domains.chunks(limits::RECIPIENTS);
        let late = message.time_s > limits::TIMESPAN.as_secs_f64();
        if late || written + parts.len() > rows {
            trace.cut += 1;
            continue;
        }
        written += parts.len();
        trace.divided += u64::from(parts.len() > 1);
        for part in parts {
            let name = |domain: &String| match kept.contains(domain.as_str()) {
                true => names.of(domain),
                false => OTHERS.to_owned(),
            };
            let domains: Vec<String> = part.iter().map(name).collect();
            // Writing to a string does not fail.
            let _ = writeln!(
                trace.csv,
                "{:.3},{},{}",
                message.time_s,
                message.bytes,
                domains.join(" ")
            );
            named.extend(domains);
        }
    }
    trace.destinations = named.len();
    trace
}

/// The destinations that keep a name of their own, at most so many, and how many others there are.
fn frequent(messages: &[Message], most: usize) -> (HashSet<&str>, usize) {
    let mut counts: HashMap<&str, u64> = HashMap::new();
    for domain in messages.iter().flat_map(|message| &message.domains) {
        *counts.entry(domain).or_default() += 1;
    }
    if counts.len() <= most {
        return (counts.into_keys().collect(), 0);
    }
    let mut by_count: Vec<(&str, u64)> = counts.into_iter().collect();
    by_count.sort_by(|(a, n), (b, m)| m.cmp(n).then(a.cmp(b)));
    let merged = by_count.split_off(most.saturating_sub(1)).len();
    (by_count.into_iter().map(|(domain, _)| domain).collect(), merged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(time_s: f64, domains: Vec<String>) -> Message {
        Message { time_s, bytes: 9, domains }
    }

    fn column(trace: &Trace) -> Vec<usize> {
        let rows = trace.csv.lines().skip(1);
        rows.map(|row| row.split(',').nth(2).map_or(0, |it| it.split(' ').count())).collect()
    }

    #[test]
    fn more_recipients_than_a_transaction_takes_are_several_rows() {
        let domains = vec!["a.example".to_owned(); 2 * limits::RECIPIENTS + 1];
        let made = trace(&[message(0.0, domains)], &Pseudonyms::new(b"k"));
        assert_eq!(column(&made), [limits::RECIPIENTS, limits::RECIPIENTS, 1]);
        assert_eq!((made.divided, made.destinations, made.cut), (1, 1, 0));
    }

    #[test]
    fn the_rarest_destinations_share_a_name_where_there_are_too_many() {
        let of = |domain: &str| message(0.0, vec![domain.to_owned()]);
        let messages = ["a", "a", "b", "b", "c", "d"].map(of);
        let made = trace_within(&messages, &Pseudonyms::new(b"k"), 100, 3);
        assert_eq!((made.destinations, made.merged), (3, 2));
        assert_eq!(made.csv.matches(OTHERS).count(), 2);
        let all = trace_within(&messages, &Pseudonyms::new(b"k"), 100, 4);
        assert_eq!((all.destinations, all.merged), (4, 0));
    }

    #[test]
    fn what_a_scenario_would_refuse_is_cut() {
        let year = 366.0 * 86_400.0;
        let at = |time_s| message(time_s, vec!["a".to_owned()]);
        let messages = [at(0.0), at(1.0), at(2.0), at(11.0 * year)];
        assert_eq!(trace(&messages, &Pseudonyms::new(b"k")).cut, 1);
        assert_eq!(trace_within(&messages, &Pseudonyms::new(b"k"), 2, 9).cut, 2);
    }
}

//! Mail logs of Postfix and Exim, read for what arrived when, how large, and for which domains.
//! Pure: lines in, messages and a trace out. Where lines come from is `cli::trace`'s.
//!
//! Nothing but times, sizes and domains is kept.

mod arrivals;
mod exim;
mod kind;
mod line;
mod postfix;
mod pseudonyms;
mod record;
mod stamp;
mod timeline;
pub mod trace;
mod unused;

pub use pseudonyms::Pseudonyms;
pub use unused::{Unused, UnusedLine, UnusedMessage};

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::limits;
use arrivals::{Arrival, Arrivals};
use kind::Looks;
use timeline::{Moment, Timeline};

/// Seconds by which an arrival that is derived from a message's age may precede the log: ages and
/// stamps are rounded.
const ROUNDING_S: f64 = 1.0;

/// One message of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// When it arrived, in seconds.
    pub time_s: f64,
    /// Its size in bytes.
    pub bytes: u64,
    /// The domain of every recipient, in lower case, in the order of first mention.
    pub domains: Vec<String>,
}

/// A log being read.
#[derive(Debug)]
pub struct Log {
    timeline: Timeline,
    arrivals: Arrivals,
    unused: Unused,
    looks: Looks,
    first: Option<Moment>,
}

/// A log that has been read.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Every message that arrived, by time, the first at zero.
    pub messages: Vec<Message>,
    /// What was not used.
    pub unused: Unused,
    /// Messages whose stamp has whole seconds only, and that shared theirs with others: they are
    /// spread over it.
    pub spread: u64,
    /// What the file looks like, where that is something else.
    pub looks_like: Option<&'static str>,
}

/// When a line of a log was written: for putting files in order.
#[must_use]
pub fn begins(text: &str, until: Date) -> Option<f64> {
    let mut timeline = Timeline::until(until);
    let moment = timeline.place(line::read(text).stamp?);
    Some(timeline.seconds(moment))
}

impl Log {
    /// A log that was last written to on a day: its stamps may have no year.
    #[must_use]
    pub fn until(day: Date) -> Log {
        Log {
            timeline: Timeline::until(day),
            arrivals: Arrivals::default(),
            unused: Unused::default(),
            looks: Looks::default(),
            first: None,
        }
    }

    /// Takes in one line.
    pub fn line(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let line = line::read(text);
        let record = match &*line.program {
            program if postfix::wrote(program) => postfix::read(&line.text),
            program if program.is_empty() || program.starts_with("exim") => exim::read(&line.text),
            _ => None,
        };
        let ours = postfix::wrote(&line.program)
            || line.program.starts_with("exim")
            || exim::begins_message(&line.text);
        if !ours {
            self.looks.observe(text);
            return self.unused.line(UnusedLine::OtherProgram);
        }
        let Some(stamp) = line.stamp else { return self.unused.line(UnusedLine::Time) };
        let at = self.timeline.place(stamp);
        self.first = self.first.or(Some(at));
        match record {
            Some(record) => self.arrivals.observe(record, at),
            None => self.unused.line(UnusedLine::OtherMatter),
        }
    }

    /// Counts a line that was too long to be read.
    pub fn too_long(&mut self) {
        self.unused.line(UnusedLine::Long);
    }

    /// What the log comes to.
    #[must_use]
    pub fn finish(self) -> Reading {
        let Log { timeline, arrivals, mut unused, looks, first } = self;
        let begin_s = first.map_or(0.0, |first| timeline.seconds(first)) - ROUNDING_S;
        let mut timed: Vec<(f64, Arrival)> = Vec::new();
        for arrival in arrivals.finish_all() {
            let usable = arrival.and_then(|arrival| {
                let time_s = timeline.seconds(arrival.at);
                match () {
                    () if arrival.by_age && time_s < begin_s => Err(UnusedMessage::Earlier),
                    () if arrival.bytes > limits::MESSAGE_SIZE => Err(UnusedMessage::TooLarge),
                    () => Ok((time_s, arrival)),
                }
            });
            match usable {
                Ok(usable) => timed.push(usable),
                Err(reason) => unused.message(reason),
            }
        }
        timed.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let spread = spread(&mut timed);
        let zero = timed.first().map_or(0.0, |(first, _)| *first);
        let message = |(time_s, arrival): (f64, Arrival)| Message {
            time_s: time_s - zero,
            bytes: arrival.bytes,
            domains: arrival.recipients.iter().map(|address| domain(address)).collect(),
        };
        let messages: Vec<Message> = timed.into_iter().map(message).collect();
        let looks_like = looks.most().filter(|_| messages.is_empty());
        Reading { messages, unused, spread, looks_like }
    }
}

fn domain(address: &str) -> String {
    address.rsplit_once('@').map_or("localhost", |(_, domain)| domain).to_owned()
}

/// Spreads messages that share a whole second evenly over it: at one moment they would arrive as a
/// burst that was not there. Returns how many they are.
fn spread(timed: &mut [(f64, Arrival)]) -> u64 {
    let mut sharing: BTreeMap<i64, (u32, u32)> = BTreeMap::new();
    let whole =
        |(time_s, arrival): &(f64, Arrival)| arrival.at.whole.then(|| time_s.floor() as i64);
    for second in timed.iter().filter_map(whole) {
        sharing.entry(second).or_default().0 += 1;
    }
    let mut spread = 0;
    for entry in &mut *timed {
        let Some((count, passed)) = whole(entry).and_then(|second| sharing.get_mut(&second)) else {
            continue;
        };
        if *count > 1 {
            entry.0 = entry.0.floor() + f64::from(*passed) / f64::from(*count);
            *passed += 1;
            spread += 1;
        }
    }
    timed.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    spread
}

#[cfg(test)]
mod tests;

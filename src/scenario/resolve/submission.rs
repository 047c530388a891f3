//! `[smtp]` and `[smtp.timeout]`.

use std::time::Duration;

use super::{bounded, not_built, place};
use crate::limits;
use crate::scenario::diagnosis::Problems;
use crate::scenario::file::{At, Smtp, Timeout, Tls};
use crate::scenario::model::{Submission, Timeouts};
use crate::scenario::units::Timespan;

/// Not in RFC 5321 §4.5.3.2; the others below are, and are its least values.
const CONNECT: u64 = 30;
const BANNER: u64 = 5 * 60;
const REPLY: u64 = 5 * 60;
const DATA: u64 = 2 * 60;
const CONTENT: u64 = 3 * 60;
const END_OF_DATA: u64 = 10 * 60;

pub(super) fn submission(written: Option<&At<Smtp>>, problems: &mut Problems) -> Submission {
    let nothing = Smtp::default();
    let smtp = written.map_or(&nothing, |written| &written.value);
    if smtp.tls.as_ref().is_some_and(|tls| tls.value != Tls::None) {
        not_built(place(&smtp.tls), "TLS", problems);
    }
    if smtp.chunking.as_ref().is_some_and(|chunking| chunking.value) {
        not_built(place(&smtp.chunking), "chunking", problems);
    }
    not_built(place(&smtp.auth), "authentication", problems);
    Submission {
        pipelining: smtp.pipelining.as_ref().is_none_or(|pipelining| pipelining.value),
        timeouts: timeouts(smtp.timeout.as_ref(), problems),
    }
}

fn timeouts(written: Option<&At<Timeout>>, problems: &mut Problems) -> Timeouts {
    let nothing = Timeout::default();
    let timeout = written.map_or(&nothing, |written| &written.value);
    let mut limit = |written: &Option<At<Timespan>>, default: u64| {
        let least = Timespan(Duration::from_millis(1));
        let default = Timespan(Duration::from_secs(default));
        bounded(written.as_ref(), default, least..=Timespan(limits::TIMESPAN), problems).0
    };
    Timeouts {
        connect: limit(&timeout.connect, CONNECT),
        banner: limit(&timeout.banner, BANNER),
        reply: limit(&timeout.reply, REPLY),
        data: limit(&timeout.data, DATA),
        content: limit(&timeout.content, CONTENT),
        end_of_data: limit(&timeout.end_of_data, END_OF_DATA),
    }
}

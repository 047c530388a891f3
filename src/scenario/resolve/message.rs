//! `[message]`.

use super::amount::{Bounds, quantity};
use super::{Place, bounded, dkim, misplaced, place};
use crate::limits;
use crate::quantity::Quantity;
use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::{self, At};
use crate::scenario::model::{
    Corpus, Encoding, Extension, MessageSpec, Parts, SinkSpec, TextStyle, Trace,
};
use crate::scenario::units::{Count, Share, Size};

const SIZE: f64 = 4096.0;

pub(super) fn message(
    written: Option<&At<file::Message>>,
    trace: Option<&Trace>,
    sink: &SinkSpec,
    at: &Place<'_>,
    problems: &mut Problems,
) -> MessageSpec {
    let nothing = file::Message::default();
    let message = written.map_or(&nothing, |written| &written.value);
    let sizes = Bounds { least: Size(1), greatest: Size(limits::MESSAGE_SIZE) };
    let size = message.size.as_ref();
    let size = size.map_or(Quantity::Constant(SIZE), |size| quantity(size, &sizes, problems));
    let counts = Bounds { least: Count(1.0), greatest: Count(limits::RECIPIENTS as f64) };
    let recipients = message.recipients.as_ref();
    let recipients =
        recipients.map_or(Quantity::Constant(1.0), |count| quantity(count, &counts, problems));
    if let (Quantity::Constant(count), Some(written)) = (&recipients, &message.recipients)
        && count.fract() != 0.0
    {
        problems.push(Problem::new(&written.span, "a message has a whole number of recipients"));
    }
    told_twice(message, trace, problems);
    let corpus = corpus(message, at, problems);
    MessageSpec {
        size,
        recipients,
        parts: parts(message, problems),
        encoding: match &corpus {
            Some(corpus) => encoding_of(corpus),
            None => encoding(message, sink, problems),
        },
        text: match message.text.as_ref().map(|text| text.value) {
            None | Some(file::TextStyle::Prose) => TextStyle::Prose,
            Some(file::TextStyle::LongLines) => TextStyle::LongLines,
            Some(file::TextStyle::Dots) => TextStyle::Dots,
        },
        corpus,
        null_sender: {
            let shares = Share(0.0)..=Share(1.0);
            bounded(message.null_sender.as_ref(), Share(0.0), shares, problems).0
        },
        dkim: message.dkim.as_ref().map(|written| dkim::dkim(&written.value, at, problems)),
        priority: message.priority.as_ref().map(|written| priority(written, problems)),
    }
}

fn priority(written: &At<file::Amount<Count>>, problems: &mut Problems) -> Quantity {
    let bounds = Bounds { least: Count(-9.0), greatest: Count(9.0) };
    let priority = quantity(written, &bounds, problems);
    if matches!(&priority, Quantity::Constant(value) if value.fract() != 0.0) {
        problems.push(Problem::new(&written.span, "a priority is a whole number"));
    }
    priority
}

fn parts(message: &file::Message, problems: &mut Problems) -> Parts {
    let parts = message.parts.as_ref().map_or(file::Parts::Text, |parts| parts.value);
    if parts != file::Parts::Corpus {
        let help = "write `parts = \"corpus\"`, or leave it out";
        misplaced([("corpus", place(&message.corpus))], "parts corpus", help, problems);
    }
    match parts {
        file::Parts::Text => Parts::Text,
        file::Parts::Alternative => Parts::Alternative,
        file::Parts::Mixed => Parts::Mixed,
        file::Parts::Corpus => Parts::Corpus,
    }
}

/// Notes what a trace says already.
fn told_twice(message: &file::Message, trace: Option<&Trace>, problems: &mut Problems) {
    let Some(Trace(trace)) = trace else { return };
    let size = place(&message.size).filter(|_| !trace.sizes.is_empty());
    let recipients = place(&message.recipients).filter(|_| !trace.destinations.is_empty());
    let keys = [("size", size), ("recipients", recipients)];
    misplaced(keys, "load without a trace", "the trace says it: leave it out", problems);
}

fn corpus(message: &file::Message, at: &Place<'_>, problems: &mut Problems) -> Option<Corpus> {
    let parts = message.parts.as_ref().filter(|parts| parts.value == file::Parts::Corpus)?;
    let help = "the files are sent as they are: leave it out";
    let keys = [
        ("size", place(&message.size)),
        ("encoding", place(&message.encoding)),
        ("text", place(&message.text)),
        ("dkim", place(&message.dkim)),
    ];
    misplaced(keys, "messages that are made up", help, problems);
    let Some(pattern) = &message.corpus else {
        let problem = Problem::new(&parts.span, "parts corpus needs files");
        problems.push(problem.help("write `corpus = \"mail/*.eml\"`"));
        return None;
    };
    Some(super::corpus::corpus(pattern, at.folder, at.is_stored(), problems))
}

/// 8bit as soon as one of the files is.
fn encoding_of(corpus: &Corpus) -> Encoding {
    let ascii = corpus.0.texts.iter().all(|text| text.is_ascii());
    if ascii { Encoding::SevenBit } else { Encoding::EightBit }
}

fn encoding(message: &file::Message, sink: &SinkSpec, problems: &mut Problems) -> Encoding {
    match message.encoding.as_ref().map(|encoding| encoding.value) {
        None | Some(file::Encoding::SevenBit) => Encoding::SevenBit,
        Some(file::Encoding::EightBit) => Encoding::EightBit,
        Some(file::Encoding::Utf8) => {
            let offered = sink.extensions.contains(&Extension::SmtpUtf8);
            if let Some(place) = place(&message.encoding).filter(|_| !offered) {
                let what = "the sink does not offer SMTPUTF8, so that not even a bounce could come";
                let help = "offer it in [sink], and withhold it from a [[destination]]";
                problems.push(Problem::new(place, what).help(help));
            }
            Encoding::Utf8
        }
    }
}

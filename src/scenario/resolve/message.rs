//! `[message]`.

use super::amount::{Bounds, quantity};
use super::{misplaced, not_built, place};
use crate::limits;
use crate::quantity::Quantity;
use crate::scenario::diagnosis::{Problem, Problems};
use crate::scenario::file::{self, At};
use crate::scenario::model::{Encoding, MessageSpec, Parts};
use crate::scenario::units::{Count, Size};

const SIZE: f64 = 4096.0;

pub(super) fn message(written: Option<&At<file::Message>>, problems: &mut Problems) -> MessageSpec {
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
    MessageSpec {
        size,
        recipients,
        parts: parts(message, problems),
        encoding: encoding(message, problems),
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
    if parts == file::Parts::Corpus {
        not_built(place(&message.parts), "parts corpus", problems);
    } else {
        let help = "write `parts = \"corpus\"`, or leave it out";
        misplaced([("corpus", place(&message.corpus))], "parts corpus", help, problems);
    }
    match parts {
        file::Parts::Text | file::Parts::Corpus => Parts::Text,
        file::Parts::Alternative => Parts::Alternative,
        file::Parts::Mixed => Parts::Mixed,
    }
}

fn encoding(message: &file::Message, problems: &mut Problems) -> Encoding {
    match message.encoding.as_ref().map(|encoding| encoding.value) {
        None | Some(file::Encoding::SevenBit) => Encoding::SevenBit,
        Some(file::Encoding::EightBit) => Encoding::EightBit,
        Some(file::Encoding::Utf8) => {
            not_built(place(&message.encoding), "encoding utf8", problems);
            Encoding::EightBit
        }
    }
}
